//! The plan: what a run would do, in order, and a verdict with a reason for every node.

use jiff::Timestamp;

use super::action::Action;
use super::demand::Demand;
use super::notes::{Limit, Warning};
use super::reason::{CordonReason, DeleteReason, KeepReason, ParkReason, Reason, UncordonReason, WakeReason};
use super::usage::Used;
use super::utilization::{Band, Utilization};
use crate::foresight::Expectation;
use crate::model::{Amounts, Ledger};
use crate::policy::PoolName;

/// The decisions of a run. Immutable; the actions are in the order in which they are carried out.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The time of the observation that it was made from.
    pub observed_at: Timestamp,
    /// The pools, sorted by name. A cluster without pools has one with the empty name.
    pub pools: Vec<PoolPlan>,
    /// The actions, in the order of [`ActionKind::ALL`](super::ActionKind::ALL).
    pub actions: Vec<Action>,
    /// A verdict for every node of the snapshot, sorted by name.
    pub nodes: Vec<NodeVerdict>,
    /// The settings for the whole run that changed a number.
    pub limits: Vec<Limit>,
    /// Facts that the operator should know.
    pub warnings: Vec<Warning>,
    /// Present when too many nodes are broken to trust the observation: the plan then only uncordons.
    pub guard: Option<TooManyBroken>,
    /// The messages to waiting pods, sorted by pod.
    pub notices: Vec<PodNotice>,
    /// The records for later runs, if they differ from the earlier ones.
    pub ledger: Option<Ledger>,
}

impl Plan {
    /// The plan of a pool.
    #[must_use]
    pub fn pool(&self, name: &str) -> Option<&PoolPlan> {
        self.pools.iter().find(|pool| pool.name == name)
    }

    /// All limits, the limits of pools first.
    pub fn all_limits(&self) -> impl Iterator<Item = &Limit> {
        self.pools.iter().flat_map(|pool| &pool.limits).chain(&self.limits)
    }

    /// Whether a node is given back, or drained in order to be given back.
    #[must_use]
    pub fn gives_back_or_drains(&self) -> bool {
        self.actions.iter().any(|action| action.gives_back() || action.is_eviction())
    }

    /// Whether nothing of the cluster or the ledger changes, so that planning again gives the same plan.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.actions.is_empty() && self.ledger.is_none()
    }

    /// The verdict on a node.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&NodeVerdict> {
        let index = self.nodes.binary_search_by(|verdict| verdict.name.as_str().cmp(name)).ok()?;
        self.nodes.get(index)
    }
}

/// The decisions of a run for one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolPlan {
    /// The value of `POOL_LABEL`; empty where there are no pools.
    pub name: PoolName,
    /// The pool as it is.
    pub before: Before,
    /// The demand of its pods.
    pub demand: Demand,
    /// The usage of its bound pods beside their requests; `None` if no source of metrics was asked, or none answered.
    pub used: Option<Used>,
    /// The sources of [`Demand::expected`].
    pub expectation: Expectation,
    /// The position of its utilization relative to the band.
    pub band: Band,
    /// The pool once every action has taken effect and every booting node serves.
    pub after: After,
    /// The settings that changed a number in this pool.
    pub limits: Vec<Limit>,
}

/// Counts of a pool as it is. Its managed nodes are exactly the sum of the counts of states and `reserved`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// Nodes that this program may act on.
    pub managed: usize,
    /// Common nodes that take pods now.
    pub serving: usize,
    /// Ready common nodes that are cordoned.
    pub cordoned: usize,
    /// Common nodes that boot.
    pub booting: usize,
    /// Common nodes that have been NotReady for longer than `BOOT_GRACE`.
    pub broken: usize,
    /// Ready common nodes with a startup taint that came back, or without a device that their group has.
    pub not_in_use: usize,
    /// Ready common nodes under a pressure taint.
    pub under_pressure: usize,
    /// Ready common nodes that a run is deleting.
    pub claimed: usize,
    /// Common nodes that are parked.
    pub parked: usize,
    /// Managed nodes whose lasting taints keep the pool's pods away.
    pub reserved: usize,
    /// Managed nodes with a critical pod.
    pub critical: usize,
    /// Managed nodes that would lose nothing if they were deleted.
    pub empty: usize,
    /// Instances of node groups that have no node yet.
    pub instances_without_node: usize,
    /// Pods that the scheduler could not place.
    pub waiting_pods: usize,
    /// The utilization of the serving nodes: the demand and their daemons, divided by their capacity.
    pub utilization: Utilization,
}

/// A pool after the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// Nodes in service, booting and new ones included.
    pub serving: usize,
    /// The number of booting ones among them.
    pub booting: usize,
    /// The number of ones to be created among them.
    pub created: usize,
    /// The utilization of those nodes.
    pub utilization: Utilization,
}

/// One node's line of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeVerdict {
    /// The node.
    pub name: String,
    /// The pool it belongs to; empty where there are no pools, and for a node that is not managed.
    pub pool: PoolName,
    /// Its state now.
    pub state: NodeState,
    /// Whether this program may act on it at all.
    pub managed: bool,
    /// Whether its lasting taints keep the pool's pods away.
    pub reserved: bool,
    /// The number of its critical and dynamic pods; zero on a node that is not managed, whose pods are ignored.
    pub occupants: usize,
    /// Whether one of them is critical.
    pub critical: bool,
    /// Requests of its occupants, placeholders and counted daemons.
    pub requested: Amounts,
    /// Its capacity, for the resources of `RESOURCES`.
    pub capacity: Amounts,
    /// The verdict on it, with the reason.
    pub verdict: Verdict,
}

/// The state of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeState {
    /// It takes pods: Ready, schedulable, with capacity.
    Serving,
    /// Ready, with capacity, and cordoned.
    Cordoned,
    /// Expected to serve soon: NotReady, or under a startup taint, for less than `BOOT_GRACE`.
    Booting,
    /// NotReady for longer.
    Broken,
    /// Ready, but under a startup taint, or without a device that its group has, for longer than `BOOT_GRACE`.
    NotInUse,
    /// Ready, under a pressure taint.
    UnderPressure,
    /// Ready, and claimed by a run that deletes it.
    Claimed,
    /// NotReady because a run has parked its machine, under our own cordon.
    Parked,
}

/// The verdict on a node, with the reason.
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
    /// Its machine is parked.
    Park(ParkReason),
    /// Its parked machine is woken.
    Wake(WakeReason),
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
            Self::Park(_) => "park",
            Self::Wake(_) => "wake",
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
            Self::Park(reason) => reason,
            Self::Wake(reason) => reason,
        }
    }
}

/// The message to a waiting user, as an event on the pod; JupyterHub shows it on its progress page.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodNotice {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// The pod's UID.
    pub uid: String,
    /// Whether an action was started for it.
    pub kind: NoticeKind,
    /// The action that was started, or the setting or fact that keeps the pod waiting.
    pub message: String,
    /// What this run starts for it; `None` if the message promises nothing that this run does.
    pub started: Option<Started>,
}

/// The action of a run that a waiting pod relies on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Started {
    /// The uncordon or the wake of this node.
    Node(String),
    /// The growth of this group for this pool.
    Growth {
        /// The pool.
        pool: PoolName,
        /// The group; `None` if none is known.
        group: Option<String>,
    },
}

impl Started {
    /// Whether this action is the one.
    #[must_use]
    pub fn is(&self, action: &Action) -> bool {
        match (self, action) {
            (Self::Node(one), Action::Uncordon { node, .. } | Action::Wake { node, .. }) => one == node,
            (Self::Growth { pool, group }, Action::Grow { pool: its, group: grown, .. }) => {
                (pool, group) == (its, grown)
            }
            _ => false,
        }
    }
}

/// The reasons of events on waiting pods, as Cluster Autoscaler's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeKind {
    /// A node is uncordoned, created or booting for the pod.
    TriggeredScaleUp,
    /// No action was started.
    NotTriggerScaleUp,
}

impl NoticeKind {
    /// The reason of the event.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TriggeredScaleUp => "TriggeredScaleUp",
            Self::NotTriggerScaleUp => "NotTriggerScaleUp",
        }
    }
}

/// More nodes are broken or not in use than a healthy cluster ever shows: a partition looks like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{broken} of {managed} managed nodes are broken or not in use: more than MAX_UNREADY_PERCENT={max_percent}% and at \
     least OK_UNREADY_NODES={ok_nodes}; only uncordons are left in the plan"
)]
pub struct TooManyBroken {
    /// Nodes that are broken or not in use.
    pub broken: usize,
    /// Managed nodes.
    pub managed: usize,
    /// `MAX_UNREADY_PERCENT`.
    pub max_percent: u32,
    /// `OK_UNREADY_NODES`.
    pub ok_nodes: usize,
}

/// The reason why no plan is made, so that nothing may be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no node to manage, and no node group that could create one.
    #[error("no node is managed ({nodes} listed{}), and NODE_GROUPS names no group to grow", such_as(.example.as_deref()))]
    NoManagedNode {
        /// The nodes listed.
        nodes: usize,
        /// A node with the most frequent reason, and that reason.
        example: Option<Box<(String, KeepReason)>>,
    },
    /// Not one pod is visible, which a missing permission would also cause.
    #[error("{nodes} nodes but not one pod in any namespace: a missing permission looks just like this")]
    NoPodVisible {
        /// The nodes listed.
        nodes: usize,
    },
}

fn such_as(example: Option<&(String, KeepReason)>) -> String {
    example.map_or_else(String::new, |(node, why)| format!("; node {node} is {why}"))
}

impl Refusal {
    /// The word of the refusal, for programs.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NoManagedNode { .. } => "NoManagedNode",
            Self::NoPodVisible { .. } => "NoPodVisible",
        }
    }
}
