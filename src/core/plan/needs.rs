//! The nodes that must be kept, uncordoned or created, with the reason.

use std::collections::BTreeMap;

use super::group::GroupIndex;
use crate::model::NodeIndex;

/// The reason why a candidate must be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Must {
    /// It runs a critical pod.
    Critical,
    /// It is annotated scale-down-disabled.
    ScaleDownDisabled,
    /// The scheduler has nominated it for this pod.
    Nominated(String),
    /// It is the place of a waiting pod.
    Waiting(Placed),
    /// The scheduler refuses this pod on the nodes that it fits by its requests; this one may take it.
    RefusedElsewhere(String),
    /// Without it, no node that takes pods has room for one more pod like this one.
    Room(String),
    /// Its zone has no other.
    Zone(String),
}

/// The pods of a place: one of them, and their number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// `namespace/name`.
    pub(super) pod: String,
    pub(super) pods: usize,
}

/// The nodes that the waiting pods of one pool need.
#[derive(Clone, Debug, Default)]
pub(super) struct Needs {
    /// Candidates that must be kept, in the order in which that was found.
    pub(super) nodes: Vec<(NodeIndex, Must)>,
    /// Booting instances that must be kept.
    pub(super) instances: Vec<usize>,
    /// Reserved nodes under our own cordon that are to be uncordoned.
    pub(super) reserved: BTreeMap<NodeIndex, Placed>,
    /// New nodes, by the group that creates each.
    pub(super) new: Vec<GroupIndex>,
}
