//! A cluster as it was observed, before anything is decided.

use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_core::plan::Warning;

use super::error::ReadWarning;

/// A cluster as it was observed.
#[derive(Debug)]
pub struct Observation {
    /// The cluster.
    pub snapshot: Snapshot,
    /// Its oddities, sorted; of many of a kind, some and their number.
    pub warnings: Vec<ReadWarning>,
    /// The warnings that are also in the plan's report, because an operator should act on them.
    pub plan_warnings: Vec<Warning>,
    /// The notes of earlier runs about their reports.
    pub told: Option<String>,
}
