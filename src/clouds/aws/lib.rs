//! AWS as a provider of kube-rebalancer: EC2 Auto Scaling groups, of EKS managed node groups, of kops and self-managed.
//!
//! ```text
//!   PROVIDER --> provider (list, grow, delete)      which decides with the crate join
//!                   |
//!                 client: the official client, its transport bounded, its retries off --> Auto Scaling
//!                         requests of its own, to park, to wake, and for the shape of a new node --> EC2
//! ```
//!
//! Auto Scaling's answers name instances, zones and states. They have no addresses, and of launch templates only the names: EC2
//! shows the rest, and its client is larger than this whole program.

mod client;
mod error;
mod id;
mod machine;
mod provider;
mod shape;
mod types;

pub use id::{InstanceId, region_of};
pub use provider::PROVIDER;
