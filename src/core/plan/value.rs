//! The plan: what a run would do, in order, and a verdict with a reason for every node.

use jiff::Timestamp;

use super::notes::{Limit, Warning};
use super::reason::{
    CordonReason, DeleteReason, GrowReason, KeepReason, MarkReason, Reason, UncordonReason, UnmarkReason,
};
use super::utilization::Utilization;
use crate::model::{Bytes, TotalBytes};

/// What a run decides. Immutable; the actions stand in the order in which they are carried out.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The observation that it was made from.
    pub observed_at: Timestamp,
    /// The cluster as it is.
    pub before: Before,
    /// Where the utilization lies.
    pub band: Band,
    /// The cluster once every action has taken effect and what boots has booted.
    pub after: After,
    /// What to do: uncordon, grow, cordon, delete, then book-keeping.
    pub actions: Vec<Action>,
    /// A verdict for every node of the snapshot, sorted by name.
    pub nodes: Vec<NodeVerdict>,
    /// The settings that changed a number.
    pub limits: Vec<Limit>,
    /// What the operator should know.
    pub warnings: Vec<Warning>,
    /// Set when too many nodes are broken to trust the picture: the plan then only uncordons.
    pub guard: Option<TooManyBroken>,
}

/// Counts of the cluster as it is. Managed nodes are exactly `serving + cordoned + booting + broken`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// Nodes that this program may act on.
    pub managed: usize,
    /// Ready, schedulable, with capacity.
    pub serving: usize,
    /// Ready, with capacity, and cordoned.
    pub cordoned: usize,
    /// Managed nodes with a critical pod.
    pub critical: usize,
    /// Managed nodes that would lose nothing if they were deleted.
    pub empty: usize,
    /// NotReady for less than `BOOT_GRACE`.
    pub booting: usize,
    /// NotReady for longer.
    pub broken: usize,
    /// Instances of node groups that have no node yet.
    pub instances_without_node: usize,
    /// Pods that the scheduler could not place.
    pub waiting_pods: usize,
    /// Memory asked for whatever serves: by the occupants of all managed nodes and by pods that wait.
    pub demand: u128,
    /// Requested and offered memory of the serving nodes; `demand` and their daemons are requested.
    pub utilization: Utilization,
}

/// The cluster after the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// Nodes in service, those still booting or to be created included.
    pub serving: usize,
    /// How many of them are booting.
    pub booting: usize,
    /// How many of them are to be created.
    pub created: usize,
    /// Requested and offered memory of those nodes.
    pub utilization: Utilization,
}

/// Where the utilization lies, bounds included in `Within`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// Below `MIN_UTILIZATION`.
    Below,
    /// In the band.
    Within,
    /// Above `MAX_UTILIZATION`.
    Above,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a cordoned node schedulable.
    Uncordon {
        /// The node.
        node: String,
        /// Why.
        reason: UncordonReason,
    },
    /// Ask a node group for more instances; only ever more.
    Grow {
        /// The group; `None` where none is known: the numbers then count managed nodes.
        group: Option<String>,
        /// Its size now.
        from: u32,
        /// The size to ask for.
        to: u32,
        /// Why.
        reason: GrowReason,
    },
    /// Make a node unschedulable.
    Cordon {
        /// The node.
        node: String,
        /// Why.
        reason: CordonReason,
    },
    /// Delete an empty cordoned node.
    Delete {
        /// The node.
        node: String,
        /// Why.
        reason: DeleteReason,
    },
    /// Note on a cordoned node that it is empty.
    Mark {
        /// The node.
        node: String,
        /// Why.
        reason: MarkReason,
    },
    /// Remove notes that are no longer true.
    Unmark {
        /// The node.
        node: String,
        /// Why.
        reason: UnmarkReason,
    },
}

impl Action {
    /// The node acted on; `None` for growing a group.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::Uncordon { node, .. }
            | Self::Cordon { node, .. }
            | Self::Delete { node, .. }
            | Self::Mark { node, .. }
            | Self::Unmark { node, .. } => Some(node),
            Self::Grow { .. } => None,
        }
    }

    /// Whether it makes a node schedulable.
    #[must_use]
    pub fn is_uncordon(&self) -> bool {
        matches!(self, Self::Uncordon { .. })
    }

    /// Whether it makes a node unschedulable.
    #[must_use]
    pub fn is_cordon(&self) -> bool {
        matches!(self, Self::Cordon { .. })
    }

    /// Whether it deletes a node.
    #[must_use]
    pub fn is_delete(&self) -> bool {
        matches!(self, Self::Delete { .. })
    }

    /// Whether it only writes or removes notes on a node.
    #[must_use]
    pub fn is_note(&self) -> bool {
        matches!(self, Self::Mark { .. } | Self::Unmark { .. })
    }

    /// The verb, as the report writes it.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Uncordon { .. } => "uncordon",
            Self::Grow { .. } => "grow",
            Self::Cordon { .. } => "cordon",
            Self::Delete { .. } => "delete",
            Self::Mark { .. } => "mark",
            Self::Unmark { .. } => "unmark",
        }
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &dyn Reason {
        match self {
            Self::Uncordon { reason, .. } => reason,
            Self::Grow { reason, .. } => reason,
            Self::Cordon { reason, .. } => reason,
            Self::Delete { reason, .. } => reason,
            Self::Mark { reason, .. } => reason,
            Self::Unmark { reason, .. } => reason,
        }
    }
}

/// One node's line of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeVerdict {
    /// The node.
    pub name: String,
    /// Its state now.
    pub state: NodeState,
    /// Whether this program may act on it at all.
    pub managed: bool,
    /// Its critical and dynamic pods; zero on an unmanaged node, whose pods are not looked at.
    pub occupants: usize,
    /// Whether one of them is critical.
    pub critical: bool,
    /// Memory requested by its occupants and daemons.
    pub requested: TotalBytes,
    /// Memory that the utilization divides by.
    pub capacity: Bytes,
    /// What happens to it, and why.
    pub verdict: Verdict,
}

/// The state of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeState {
    /// Ready, schedulable, with capacity.
    Serving,
    /// Ready, with capacity, and cordoned.
    Cordoned,
    /// NotReady for less than `BOOT_GRACE`.
    Booting,
    /// NotReady for longer.
    Broken,
}

/// What happens to a node, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It stays as it is.
    Keep(KeepReason),
    /// It becomes schedulable.
    Uncordon(UncordonReason),
    /// It becomes unschedulable.
    Cordon(CordonReason),
    /// It is deleted.
    Delete(DeleteReason),
}

impl Verdict {
    /// The verb, as the report writes it.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Keep(_) => "keep",
            Self::Uncordon(_) => "uncordon",
            Self::Cordon(_) => "cordon",
            Self::Delete(_) => "delete",
        }
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &dyn Reason {
        match self {
            Self::Keep(reason) => reason,
            Self::Uncordon(reason) => reason,
            Self::Cordon(reason) => reason,
            Self::Delete(reason) => reason,
        }
    }
}

/// More nodes are broken than a healthy cluster ever shows: a partition looks like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{broken} of {managed} managed nodes are broken: more than MAX_UNREADY_PERCENT={max_percent}% and at least \
     OK_UNREADY_NODES={ok_nodes}; only uncordons are left in the plan"
)]
pub struct TooManyBroken {
    /// Broken nodes.
    pub broken: usize,
    /// Managed nodes.
    pub managed: usize,
    /// `MAX_UNREADY_PERCENT`.
    pub max_percent: u32,
    /// `OK_UNREADY_NODES`.
    pub ok_nodes: usize,
}

/// Why no plan is made at all: nothing may be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no node to manage, and no node group that could make one.
    #[error("no node is managed ({nodes} seen), and NODE_GROUPS names no group to grow")]
    NoManagedNode {
        /// The nodes seen.
        nodes: usize,
    },
    /// Not one pod is visible, which looks the same as not being allowed to see pods.
    #[error("{nodes} nodes but not one pod in any namespace: a missing permission looks just like this")]
    NoPodVisible {
        /// The nodes seen.
        nodes: usize,
    },
}
