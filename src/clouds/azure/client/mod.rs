//! Azure Resource Manager by plain REST.
//!
//! ```text
//!   Credentials --> token
//!                     |
//!   scale_set, agent_pool, size (what is asked) --> arm: one request with its token, pages, what a failure means
//!   chosen: the instances of a change, never none
//! ```

mod agent_pool;
mod arm;
mod chosen;
mod failure;
mod machine;
mod scale_set;
mod size;
mod token;

pub(crate) use agent_pool::{AgentPool, Cluster};
pub(crate) use arm::{Arm, Sent};
pub(crate) use chosen::Chosen;
pub(crate) use machine::Machine;
#[cfg(test)]
pub(crate) use machine::Status;
pub(crate) use scale_set::{Change, ScaleSet};
pub(crate) use size::MachineSize;
