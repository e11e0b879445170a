//! AWS as a provider of kube-rebalancer: EC2 Auto Scaling groups, of EKS managed node groups, of kops and self-managed.
//!
//! ```text
//!   PROVIDER --> provider (list, grow, delete)      which decides with the crate join
//!                   |
//!                 client: the official client, its transport bounded, its retries off --> Auto Scaling
//! ```
//!
//! Only Auto Scaling is used. Its answers name instances, zones and states; they have no addresses and no launch
//! templates, which only EC2 shows, whose client is larger than this whole program.

mod client;
mod error;
mod id;
mod provider;
mod types;

pub use id::{InstanceId, region_of};
pub use provider::PROVIDER;
