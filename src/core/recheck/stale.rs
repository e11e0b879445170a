//! The judgement of an action right before it is carried out.

use crate::plan::{KeepReason, Loss, NotEvicted, ObjectDoubt};

/// Whether to carry out an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Carry it out.
    Go,
    /// The change is already in place; that counts as done.
    AlreadySo,
    /// A precondition no longer holds: report it, and leave the action to the next run.
    Stale(Stale),
}

/// The precondition that no longer holds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// The checker's own rules refuse it.
    #[error("the checker refuses it: {why}")]
    Refused {
        /// The reason.
        why: String,
    },
    /// The object is gone.
    #[error("the node is gone")]
    Gone,
    /// Another node has its name now.
    #[error("another node has this name now")]
    Replaced,
    /// The node is no longer managed.
    #[error("{why}")]
    Unmanaged {
        /// The reason.
        why: String,
    },
    /// Somebody decided that the node stays: `scale-down-disabled`, or the mark of another autoscaler.
    #[error("{mark} keeps it now")]
    ScaleDownDisabled {
        /// The key of the annotation or the label.
        mark: String,
    },
    /// The node is NotReady now.
    #[error("it is NotReady now")]
    NotReady,
    /// Its kubelet reports pressure, or it carries the taint of a cordon that it does not have.
    #[error("it takes no pods now, because of the taint {taint}")]
    UnderPressure {
        /// The taint.
        taint: String,
    },
    /// The node is not ready for use.
    #[error("it is not in use now: the taint {taint} has not gone")]
    NotInUse {
        /// The taint.
        taint: String,
    },
    /// Another program delays its deletion.
    #[error("its deletion is delayed now by the annotation {annotation}")]
    DeletionDelayed {
        /// The annotation.
        annotation: String,
    },
    /// Another run is deleting it.
    #[error("another run is deleting it")]
    Claimed,
    /// This run's own claim is gone, has expired, or is another run's now.
    #[error("the claim of this run has expired")]
    ClaimOver,
    /// It is no longer marked as parked.
    #[error("it is not parked now")]
    NotParked,
    /// Its cordon is no longer ours to undo.
    #[error("somebody else cordoned it meanwhile")]
    CordonedByOthers,
    /// Somebody put a taint on it after our cordon, and may work on it.
    #[error("somebody else put the taint {taint} on it")]
    TaintedByOthers {
        /// The key of the taint.
        taint: String,
    },
    /// It was uncordoned.
    #[error("it is schedulable now")]
    Schedulable,
    /// Another actor makes the scheduler avoid it.
    #[error("the taint {taint} of others makes the scheduler avoid it now")]
    OthersTaint {
        /// The taint.
        taint: String,
    },
    /// It was cordoned.
    #[error("it is cordoned now")]
    Cordoned,
    /// The pod must no longer be evicted.
    #[error("pod {pod} is not evicted: {why}")]
    PodStays {
        /// `namespace/name`.
        pod: String,
        /// The reason.
        why: NotEvicted,
    },
    /// Another pod has its name, or it is bound to another node.
    #[error("pod {pod} is not the one that was listed on the node")]
    PodReplaced {
        /// `namespace/name`.
        pod: String,
    },
    /// Its last pods must be evicted first.
    #[error("pod {pod} is still to be evicted from it")]
    ToDrain {
        /// `namespace/name`.
        pod: String,
    },
    /// A pod that was evicted from it is not Ready again.
    #[error("{why}")]
    AwaitsEvicted {
        /// The reason.
        why: String,
    },
    /// Another run holds the Lease now.
    #[error("this run does not hold the Lease any more")]
    LeaseLost,
    /// Its Node object stays.
    #[error("its Node object stays: {why}")]
    ObjectStays {
        /// The reason.
        why: ObjectDoubt,
    },
    /// No earlier run found its machine gone, or only a moment ago.
    #[error("no run found its machine gone two minutes ago or earlier")]
    NotFoundGone,
    /// A pod came.
    #[error("pod {pod} is on it now")]
    Occupied {
        /// `namespace/name`.
        pod: String,
    },
    /// An omitted pod on it would be lost.
    #[error("{pod} would be lost: {why}")]
    LosesPod {
        /// `namespace/name`.
        pod: String,
        /// The reason.
        why: Loss,
    },
    /// The data of a volume would be lost with its disk.
    #[error("{why}")]
    OnItsDisk {
        /// The reason.
        why: KeepReason,
    },
    /// The volume of a pod that left is mounted there.
    #[error("{why}")]
    StillMounted {
        /// The reason.
        why: KeepReason,
    },
    /// This run's own pod is on it.
    #[error("this run's own pod is on it")]
    OwnNode,
    /// It was cordoned a moment ago.
    #[error("it was cordoned less than 30 s ago, and the scheduler may not know yet")]
    CordonedRecently,
    /// A pod that waits may have been promised the node before it was cordoned.
    #[error(
        "pod {pod} is not bound yet and may have been promised this node before its cordon, which is younger than 660 s"
    )]
    LateBind {
        /// `namespace/name`.
        pod: String,
    },
    /// A pod that waits tolerates cordons, so the scheduler may still bind it there.
    #[error(
        "pod {pod} is not bound yet and tolerates a cordon, so the scheduler may still give it this node"
    )]
    ToleratesCordon {
        /// `namespace/name`.
        pod: String,
    },
}
