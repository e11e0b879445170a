//! The simulated autoscalers: this program, and the rules that it is compared with.

mod rebalancer;
mod scale_py;
#[cfg(test)]
mod tests;
mod when_empty;

use kube_rebalancer_core::model::SnapshotError;
use kube_rebalancer_core::plan::Refusal;

pub(super) use rebalancer::Rebalancer;
pub(super) use scale_py::ScalePy;
pub(super) use when_empty::WhenEmpty;

use super::world::{BrokenPromise, World};

/// An autoscaler that reads the cluster at regular times and changes its nodes.
pub(super) trait Autoscaler {
    /// Seconds between two runs.
    fn interval(&self) -> u64;

    /// Reads the cluster and changes its nodes.
    fn run(&mut self, world: &mut World<'_>) -> Result<(), Defect>;
}

/// An error that must never happen in a simulation: a defect of this program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// A change broke a promise of this program.
    #[error(transparent)]
    Promise(#[from] BrokenPromise),
    /// No plan was made.
    #[error("no plan was made")]
    Refused(#[from] Refusal),
    /// The checker rejected the plan, with these violations.
    #[error("the plan breaks a rule: {}", .0.join("; "))]
    Violations(Vec<String>),
    /// The simulated cluster was not a valid snapshot.
    #[error("the simulated cluster is none")]
    Snapshot(#[from] SnapshotError),
    /// A plan was not carried out, although no simulated call fails.
    #[error("carrying out the plan failed: {0}")]
    Failed(String),
}
