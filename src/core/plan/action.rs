//! The actions of a run, and the one table of the properties of each kind.

mod facts;
mod predicates;
mod target;

pub use facts::{Effect, EventWords, KindFacts, Service};
pub use target::{GroupSize, Target, WakeInstead};

use super::reason::{
    CordonReason, DeleteReason, EvictReason, GrowReason, InstanceReason, MarkReason, ObjectReason,
    ParkReason, Reason, SteerReason, UncordonReason, UnmarkReason, UnsteerReason, WakeReason,
};
use crate::policy::PoolName;

/// One action of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a cordoned node schedulable.
    Uncordon {
        /// The node.
        node: String,
        /// The reason.
        reason: UncordonReason,
    },
    /// Wake the machine of a parked node.
    Wake {
        /// The node.
        node: String,
        /// The requests to make if the cloud does not wake it.
        instead: WakeInstead,
        /// The reason.
        reason: WakeReason,
    },
    /// Ask a node group for more instances, never for fewer.
    Grow {
        /// The pool that the group belongs to.
        pool: PoolName,
        /// The group; `None` if none is known: the numbers then count managed nodes of the pool.
        group: Option<String>,
        /// Its size now.
        from: u32,
        /// The size to ask for.
        to: u32,
        /// The groups that can create the same nodes, to be asked in this order if this one refuses.
        instead: Vec<GroupSize>,
        /// The reason.
        reason: GrowReason,
    },
    /// Make a node unschedulable.
    Cordon {
        /// The node.
        node: String,
        /// The reason.
        reason: CordonReason,
    },
    /// Delete an empty cordoned node.
    Delete {
        /// The node.
        node: String,
        /// The reason.
        reason: DeleteReason,
        /// The pods of this node that their controllers recreate elsewhere, each with its controller.
        restarts: Vec<String>,
    },
    /// Park the machine of an empty cordoned node, so that it can be woken.
    Park {
        /// The node.
        node: String,
        /// The reason.
        reason: ParkReason,
        /// The pods of this node that their controllers recreate elsewhere, each with its controller.
        restarts: Vec<String>,
    },
    /// Delete an instance that never became a node.
    DeleteInstance {
        /// The pool that its group belongs to.
        pool: PoolName,
        /// Its group.
        group: String,
        /// Its name.
        instance: String,
        /// The reason.
        reason: InstanceReason,
    },
    /// Evict a pod from a cordoned node that would be given back without it.
    Evict {
        /// The node.
        node: String,
        /// The pod's namespace.
        namespace: String,
        /// The pod's name.
        pod: String,
        /// The pod's UID.
        uid: String,
        /// The UID of its controller.
        controller: String,
        /// The reason.
        reason: EvictReason,
    },
    /// Delete the Node object of a machine that this program gave back and that is gone.
    DeleteObject {
        /// The node.
        node: String,
        /// The reason.
        reason: ObjectReason,
    },
    /// Note on a cordoned node that it is empty, or that its machine is gone.
    Mark {
        /// The node.
        node: String,
        /// The reason.
        reason: MarkReason,
    },
    /// Remove notes that are no longer true.
    Unmark {
        /// The node.
        node: String,
        /// The reason.
        reason: UnmarkReason,
    },
    /// Make the scheduler fill a node last, by a soft taint.
    Steer {
        /// The node.
        node: String,
        /// The reason.
        reason: SteerReason,
    },
    /// Remove that taint.
    Unsteer {
        /// The node.
        node: String,
        /// The reason.
        reason: UnsteerReason,
    },
}

/// A kind of action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActionKind {
    /// [`Action::Uncordon`].
    Uncordon,
    /// [`Action::Wake`].
    Wake,
    /// [`Action::Grow`].
    Grow,
    /// [`Action::Cordon`].
    Cordon,
    /// [`Action::Delete`].
    Delete,
    /// [`Action::Park`].
    Park,
    /// [`Action::DeleteInstance`].
    DeleteInstance,
    /// [`Action::Evict`].
    Evict,
    /// [`Action::DeleteObject`].
    DeleteObject,
    /// [`Action::Mark`].
    Mark,
    /// [`Action::Unmark`].
    Unmark,
    /// [`Action::Steer`].
    Steer,
    /// [`Action::Unsteer`].
    Unsteer,
}

impl ActionKind {
    /// Every kind, in the order in which a plan carries them out.
    pub const ALL: [Self; 13] = [
        Self::Uncordon,
        Self::Wake,
        Self::Grow,
        Self::Cordon,
        Self::Delete,
        Self::Park,
        Self::DeleteInstance,
        Self::Evict,
        Self::DeleteObject,
        Self::Mark,
        Self::Unmark,
        Self::Unsteer,
        Self::Steer,
    ];

    /// The table: all properties of a kind of action, apart from its reason, its planning and its execution.
    ///
    /// Capacity is added first, so an interrupted run leaves too much room, never too little.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "the table: a row for each kind")]
    pub const fn facts(self) -> KindFacts {
        const fn event(done: &'static str, failed: &'static str, action: &'static str) -> EventWords {
            EventWords { done, failed, action }
        }
        const NOTES: (&str, &str) = ("node gets its notes updated", "nodes get their notes updated");
        const STEERED: (&str, &str) = ("node is steered", "nodes are steered");
        match self {
            Self::Uncordon => KindFacts {
                verb: "uncordon",
                order: 0,
                effect: Effect::Adds,
                service: Some(Service::Enters),
                sum: ("node is uncordoned", "nodes are uncordoned"),
                reasons: UncordonReason::WORDS,
                event: Some(event("NodeUncordoned", "UncordonFailed", "Uncordon")),
                needs_cloud: false,
            },
            Self::Wake => KindFacts {
                verb: "wake",
                order: 1,
                effect: Effect::Adds,
                service: Some(Service::Wakes),
                sum: ("parked node is woken", "parked nodes are woken"),
                reasons: WakeReason::WORDS,
                event: Some(event("NodeWoken", "WakeFailed", "Wake")),
                needs_cloud: true,
            },
            Self::Grow => KindFacts {
                verb: "grow",
                order: 2,
                effect: Effect::Adds,
                service: None,
                sum: ("node is created", "nodes are created"),
                reasons: GrowReason::WORDS,
                event: None,
                needs_cloud: true,
            },
            Self::Cordon => KindFacts {
                verb: "cordon",
                order: 3,
                effect: Effect::Withdraws,
                service: Some(Service::Leaves),
                sum: ("node is cordoned", "nodes are cordoned"),
                reasons: CordonReason::WORDS,
                event: Some(event("NodeCordoned", "CordonFailed", "Cordon")),
                needs_cloud: false,
            },
            Self::Delete => KindFacts {
                verb: "delete",
                order: 4,
                effect: Effect::Deletes,
                service: Some(Service::Ends),
                sum: ("empty node is deleted", "empty nodes are deleted"),
                reasons: DeleteReason::WORDS,
                event: Some(event("ScaleDown", "ScaleDownFailed", "Delete")),
                needs_cloud: true,
            },
            Self::Park => KindFacts {
                verb: "park",
                order: 4,
                effect: Effect::Withdraws,
                service: Some(Service::Parks),
                sum: ("empty node is parked", "empty nodes are parked"),
                reasons: ParkReason::WORDS,
                event: Some(event("NodeParked", "ParkFailed", "Park")),
                needs_cloud: true,
            },
            Self::DeleteInstance => KindFacts {
                verb: "delete-instance",
                order: 5,
                effect: Effect::Deletes,
                service: None,
                sum: (
                    "instance that never became a node is deleted",
                    "instances that never became nodes are deleted",
                ),
                reasons: InstanceReason::WORDS,
                event: None,
                needs_cloud: true,
            },
            Self::Evict => KindFacts {
                verb: "evict",
                order: 6,
                effect: Effect::Evicts,
                service: None,
                sum: ("pod is evicted", "pods are evicted"),
                reasons: EvictReason::WORDS,
                event: Some(event("PodEvicted", "EvictionFailed", "Evict")),
                needs_cloud: false,
            },
            Self::DeleteObject => KindFacts {
                verb: "delete-object",
                order: 7,
                effect: Effect::Deletes,
                service: None,
                sum: (
                    "Node object of a machine that is gone is deleted",
                    "Node objects of machines that are gone are deleted",
                ),
                reasons: ObjectReason::WORDS,
                event: Some(event("NodeObjectDeleted", "NodeObjectNotDeleted", "DeleteNodeObject")),
                needs_cloud: true,
            },
            Self::Mark => KindFacts {
                verb: "mark",
                order: 8,
                effect: Effect::Notes,
                service: None,
                sum: NOTES,
                reasons: MarkReason::WORDS,
                event: None,
                needs_cloud: false,
            },
            Self::Unmark => KindFacts {
                verb: "unmark",
                order: 8,
                effect: Effect::Notes,
                service: None,
                sum: NOTES,
                reasons: UnmarkReason::WORDS,
                event: None,
                needs_cloud: false,
            },
            Self::Steer => KindFacts {
                verb: "steer",
                order: 8,
                effect: Effect::Notes,
                service: None,
                sum: STEERED,
                reasons: SteerReason::WORDS,
                event: None,
                needs_cloud: false,
            },
            Self::Unsteer => KindFacts {
                verb: "unsteer",
                order: 8,
                effect: Effect::Notes,
                service: None,
                sum: STEERED,
                reasons: UnsteerReason::WORDS,
                event: None,
                needs_cloud: false,
            },
        }
    }
}

impl Action {
    /// The kind of the action.
    #[must_use]
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::Uncordon { .. } => ActionKind::Uncordon,
            Self::Wake { .. } => ActionKind::Wake,
            Self::Grow { .. } => ActionKind::Grow,
            Self::Cordon { .. } => ActionKind::Cordon,
            Self::Delete { .. } => ActionKind::Delete,
            Self::Park { .. } => ActionKind::Park,
            Self::DeleteInstance { .. } => ActionKind::DeleteInstance,
            Self::Evict { .. } => ActionKind::Evict,
            Self::DeleteObject { .. } => ActionKind::DeleteObject,
            Self::Mark { .. } => ActionKind::Mark,
            Self::Unmark { .. } => ActionKind::Unmark,
            Self::Steer { .. } => ActionKind::Steer,
            Self::Unsteer { .. } => ActionKind::Unsteer,
        }
    }

    /// The verb, as the report writes it.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        self.kind().facts().verb
    }

    /// The object of the action.
    #[must_use]
    pub fn target(&self) -> Target<'_> {
        match self {
            Self::Delete { node, restarts, .. } | Self::Park { node, restarts, .. } => {
                Target::Node { node, restarts, instead: None }
            }
            Self::Wake { node, instead, .. } => Target::Node { node, restarts: &[], instead: Some(instead) },
            Self::Uncordon { node, .. }
            | Self::Cordon { node, .. }
            | Self::DeleteObject { node, .. }
            | Self::Mark { node, .. }
            | Self::Unmark { node, .. }
            | Self::Steer { node, .. }
            | Self::Unsteer { node, .. } => Target::Node { node, restarts: &[], instead: None },
            Self::Grow { pool, group, from, to, instead, .. } => {
                Target::Group { pool, group: group.as_deref(), from: *from, to: *to, instead }
            }
            Self::DeleteInstance { pool, group, instance, .. } => Target::Instance { pool, group, instance },
            Self::Evict { node, namespace, pod, .. } => Target::Pod { node, namespace, pod },
        }
    }

    /// The node of the action, or of its pod; `None` for an action on a node group.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        match self.target() {
            Target::Node { node, .. } | Target::Pod { node, .. } => Some(node),
            Target::Group { .. } | Target::Instance { .. } => None,
        }
    }

    /// Its effect on whether its node takes pods.
    #[must_use]
    pub fn service(&self) -> Option<Service> {
        self.kind().facts().service
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> &dyn Reason {
        match self {
            Self::Uncordon { reason, .. } => reason,
            Self::Wake { reason, .. } => reason,
            Self::Grow { reason, .. } => reason,
            Self::Cordon { reason, .. } => reason,
            Self::Delete { reason, .. } => reason,
            Self::Park { reason, .. } => reason,
            Self::DeleteInstance { reason, .. } => reason,
            Self::Evict { reason, .. } => reason,
            Self::DeleteObject { reason, .. } => reason,
            Self::Mark { reason, .. } => reason,
            Self::Unmark { reason, .. } => reason,
            Self::Steer { reason, .. } => reason,
            Self::Unsteer { reason, .. } => reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_are_listed_in_their_order() {
        let orders: Vec<u8> = ActionKind::ALL.iter().map(|kind| kind.facts().order).collect();
        assert!(orders.is_sorted(), "{orders:?}");
    }
}
