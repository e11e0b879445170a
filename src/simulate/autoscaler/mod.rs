//! What decides how many nodes there are: this program, and what it is compared with.

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

/// Something that looks at the cluster from time to time and changes its nodes.
pub(super) trait Autoscaler {
    /// Seconds between two runs.
    fn interval(&self) -> u64;

    /// Looks and acts.
    fn run(&mut self, world: &mut World<'_>) -> Result<(), Defect>;
}

/// What must never happen in a simulation: a defect of this program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// What it did is against its promise.
    #[error(transparent)]
    Promise(#[from] BrokenPromise),
    /// No plan was made.
    #[error("no plan was made")]
    Refused(#[from] Refusal),
    /// The checker found something.
    #[error("the plan breaks a rule: {}", .0.join("; "))]
    Violations(Vec<String>),
    /// The simulated cluster was not one.
    #[error("the simulated cluster is none")]
    Snapshot(#[from] SnapshotError),
    /// Carrying out a plan failed though nothing can fail.
    #[error("carrying out the plan failed: {0}")]
    Failed(String),
}
