//! A cluster as it was observed, before anything is decided.

use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_core::plan::Warning;

use super::error::ReadWarning;

/// A cluster as it was observed.
#[derive(Debug)]
pub struct Observation {
    /// The cluster.
    pub snapshot: Snapshot,
    /// What was odd about it, sorted.
    pub warnings: Vec<ReadWarning>,
    /// What the plan's report says of it too, as an operator should act on it.
    pub plan_warnings: Vec<Warning>,
    /// What earlier runs have reported already, as they noted it.
    pub told: Option<String>,
}
