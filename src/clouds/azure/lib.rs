//! Azure as a provider of kube-rebalancer: virtual machine scale sets with uniform orchestration, which grow, and delete
//! and park named instances; and agent pools of AKS, which grow, and delete named machines.
//!
//! ```text
//!   PROVIDER --> provider (list, grow, delete, park, wake)     which decides with the crate join
//!                   |
//!   credentials --> client: a token, scale sets, agent pools --> rest (one bounded request)
//! ```

mod client;
mod credentials;
mod id;
mod provider;

pub use id::{InstanceId, ScaleSetId};
pub use provider::PROVIDER;
