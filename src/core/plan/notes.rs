//! What a plan says beside its actions: settings that changed a number, and warnings.

use super::reason::{among, plural};
use super::utilization::Utilization;
use crate::policy::PartsPerMillion;

/// Beyond this many, the exact number of nodes tells an operator nothing and is not computed.
pub(super) const ENOUGH_NODES: usize = 10_000;

/// So many nodes, or more than are counted.
fn needed(nodes: usize) -> String {
    if nodes > ENOUGH_NODES { format!("more than {ENOUGH_NODES} nodes") } else { plural(nodes, "node") }
}

/// A setting that changed a number of the plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// Fewer nodes would have been enough.
    #[error("MIN_NODES: {} would be enough, {allowed} kept in service", plural(*.asked, "node"))]
    MinNodes {
        /// Nodes that the utilization asks for.
        asked: usize,
        /// Nodes left in service.
        allowed: usize,
    },
    /// More nodes would have been needed.
    #[error(
        "MAX_NODES: {} needed, {allowed} may serve; utilization is then {utilization}, above {max}",
        needed(*.asked)
    )]
    MaxNodes {
        /// Nodes that the utilization asks for.
        asked: usize,
        /// Nodes left in service.
        allowed: usize,
        /// Utilization with those.
        utilization: Utilization,
        /// `MAX_UTILIZATION`.
        max: PartsPerMillion,
    },
    /// More nodes must be kept than `MAX_NODES`; they are kept all the same.
    #[error(
        "MAX_NODES: {asked} nodes must be kept, which is more than {allowed}; they are kept all the same"
    )]
    MustKeep {
        /// Nodes that must be kept.
        asked: usize,
        /// `MAX_NODES`.
        allowed: usize,
    },
    /// Waiting pods need more new nodes than may be created.
    #[error("MAX_NODES: waiting pods need {}, {allowed} may be created", plural(*.asked, "new node"))]
    WaitingPods {
        /// New nodes that would take them.
        asked: usize,
        /// New nodes that may be created.
        allowed: usize,
    },
    /// More cordons than one run may make.
    #[error("MAX_CORDONS: {} asked for, {allowed} made", plural(*.asked, "cordon"))]
    MaxCordons {
        /// Cordons that the choice asks for.
        asked: usize,
        /// Cordons in the plan.
        allowed: usize,
    },
    /// More deletions than one run may make.
    #[error("MAX_DELETIONS: {} could be deleted, {allowed} deleted in this run", plural(*.asked, "node"))]
    MaxDeletions {
        /// Nodes that could be deleted.
        asked: usize,
        /// Deletions in the plan.
        allowed: usize,
    },
}

impl Limit {
    /// The setting that is the limit.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        match self {
            Self::MinNodes { .. } => "MIN_NODES",
            Self::MaxNodes { .. } | Self::MustKeep { .. } | Self::WaitingPods { .. } => "MAX_NODES",
            Self::MaxCordons { .. } => "MAX_CORDONS",
            Self::MaxDeletions { .. } => "MAX_DELETIONS",
        }
    }

    /// What would have been, and what is.
    #[must_use]
    pub fn numbers(&self) -> (usize, usize) {
        match *self {
            Self::MinNodes { asked, allowed }
            | Self::MaxNodes { asked, allowed, .. }
            | Self::MustKeep { asked, allowed }
            | Self::WaitingPods { asked, allowed }
            | Self::MaxCordons { asked, allowed }
            | Self::MaxDeletions { asked, allowed } => (asked, allowed),
        }
    }
}

/// Something that the operator should know; nothing was decided by it alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Warning {
    /// No node could hold the pod, not even an empty or a new one.
    #[error("pod {pod} fits on no node, not even an empty one; it asks for nothing")]
    FitsNowhere {
        /// `namespace/name`.
        pod: String,
    },
    /// A scheduling gate holds the pod back.
    #[error("pod {pod} is held back by a scheduling gate; it asks for nothing")]
    Gated {
        /// `namespace/name`.
        pod: String,
    },
    /// The pod would fit on a node there is, but that one is full, and no new node would take it.
    #[error("pod {pod} waits: the nodes that could take it are full, and a new node would not take it")]
    NoRoom {
        /// `namespace/name`.
        pod: String,
    },
    /// The pod fits a serving node by its requests, but the scheduler says otherwise.
    #[error("pod {pod} fits on {node} by its requests, but the scheduler says: {message}")]
    RefusedByScheduler {
        /// `namespace/name`.
        pod: String,
        /// The node.
        node: String,
        /// The scheduler's own words.
        message: String,
    },
    /// Nothing tells what a new node would be like, so few are created.
    #[error("nothing tells the size of a new node: at most {} created in this run", plural(*.allowed, "node"))]
    UnknownNewNode {
        /// How many at most.
        allowed: usize,
    },
    /// A new node would be full of its own daemons.
    #[error("a new node{} would be filled by its own daemon pods: {daemons} of {capacity} bytes", group.as_ref().map(|name| format!(" of {name}")).unwrap_or_default())]
    DaemonsFillNewNode {
        /// The group, where known.
        group: Option<String>,
        /// Bytes requested by its daemons.
        daemons: u128,
        /// Bytes that it offers.
        capacity: u128,
    },
    /// Pods without a memory request are invisible to the utilization.
    #[error("no memory is requested, so none is counted, by {}", among(*.pods, "pod", .pod))]
    NoMemoryRequest {
        /// `namespace/name` of one of them.
        pod: String,
        /// How many.
        pods: usize,
    },
    /// A Ready node that offers no memory counts as NotReady.
    #[error("node {node} is Ready but reports no memory; it counts as NotReady")]
    NoCapacity {
        /// The node.
        node: String,
    },
    /// A mark of ours that is not a time counts as absent.
    #[error("node {node}: annotation {annotation} is not an RFC 3339 time: {value:?}")]
    BadMark {
        /// The node.
        node: String,
        /// The annotation's key.
        annotation: String,
        /// Its value.
        value: String,
    },
    /// A group is not grown.
    #[error("node group {group} is not grown in this run: {why}")]
    GroupNotGrown {
        /// The group.
        group: String,
        /// Why.
        why: String,
    },
    /// Nothing is deleted from a group.
    #[error("nothing is deleted from node group {group}: {why}")]
    GroupNotShrunk {
        /// The group.
        group: String,
        /// Why.
        why: String,
    },
}
