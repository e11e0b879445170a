//! Matches nodes with instances of node groups, and decides how a group changes safely, for every cloud. Pure: a cloud
//! provides its listing and its requests, this crate judges.
//!
//! ```text
//!   provider IDs --> Identity      the instance that a node claims to be
//!   the cloud -----> Listing       groups, instances, what could not be listed
//!                      |
//!                    join          groups with what is coming, a membership for each node, members
//!                      |
//!                    merge         the same of several clouds, as one cluster
//!
//!   members --> delete, grow, turn --> Calls (the cloud's requests)     each proven right before, and looked up after
//! ```
//!
//! In doubt, the node stays.

mod calls;
mod delete;
mod group;
mod grow;
mod identity;
mod joined;
mod listing;
mod member;
mod merge;
mod named;
mod size;
mod sleep;
#[cfg(test)]
mod tests;

pub use calls::{Asked, Became, Calls, GroupNow};
pub use delete::{Removal, delete};
pub use grow::grow;
pub use identity::{Identity, claims, instance_of, is_no_node};
pub use joined::{Joined, join};
pub use listing::{InstanceState, ListedGroup, ListedInstance, Listing};
pub use member::Member;
pub use merge::{CloudPart, Whole, merge};
pub use named::{GroupName, Named, ScopeError, named};
pub use size::{EVICTION, Eviction, Hardware, NodeSize, Reserved};
pub use sleep::{SleepCalls, Turn, turn};
