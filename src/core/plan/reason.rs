//! Why: one type for each kind of decision, the compared numbers inside. Text is made here, in `Display`, and only here.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::utilization::Utilization;
use crate::policy::{Budget, PartsPerMillion};

/// A reason: one word for programs, one sentence for people.
pub trait Reason: fmt::Display {
    /// The word, in the style of a Kubernetes event's reason.
    fn word(&self) -> &'static str;
}

/// A count and its noun: `no pods`, `1 pod`, `3 pods`.
pub(super) fn plural(count: usize, noun: &str) -> String {
    match count {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// One of several by name: `pod hub/a`, `3 pods, hub/a among them`.
pub(super) fn among(count: usize, noun: &str, name: &str) -> String {
    if count == 1 { format!("{noun} {name}") } else { format!("{}, {name} among them", plural(count, noun)) }
}

/// Declares a reason type: its variants with their documentation, word and sentence at one place.
macro_rules! reasons {
    (
        $(#[$meta:meta])* $name:ident {
            $(
                $(#[$doc:meta])*
                $variant:ident $({ $( $(#[$field_doc:meta])* $field:ident : $kind:ty ),* $(,)? })? => $text:tt,
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        pub enum $name {
            $(
                $(#[$doc])*
                #[error $text]
                $variant $({ $( $(#[$field_doc])* $field : $kind ),* })?,
            )*
        }

        impl $name {
            /// Every word of this type, for the published schema.
            pub const WORDS: &'static [&'static str] = &[$(stringify!($variant)),*];
        }

        impl Reason for $name {
            fn word(&self) -> &'static str {
                match self { $( Self::$variant { .. } => stringify!($variant), )* }
            }
        }
    };
}

reasons! {
    /// Why a cordoned node becomes schedulable.
    UncordonReason {
        /// A node under our own cordon got a critical pod; such a node is never unschedulable.
        CriticalPod {
            /// `namespace/name` of one of them.
            pod: String,
        } => ("it runs the critical pod {pod}"),
        /// A node under our own cordon was annotated to stay.
        ScaleDownDisabled => ("it is annotated scale-down-disabled"),
        /// A pod that waits has room there.
        WaitingPod {
            /// `namespace/name` of one of them.
            pod: String,
            /// How many.
            pods: usize,
        } => ("it has room for {}", among(*.pods, "waiting pod", .pod)),
        /// No other node of its zone would serve.
        KeepZone {
            /// The zone.
            zone: String,
        } => ("it is kept for zone {zone}"),
        /// More capacity is needed.
        AboveBand {
            /// Utilization now.
            utilization: Utilization,
            /// `MAX_UTILIZATION`.
            max: PartsPerMillion,
        } => ("utilization {utilization} is above {max}"),
        /// Too few nodes serve.
        MinNodes {
            /// Serving now.
            serving: usize,
            /// `MIN_NODES`.
            min: usize,
        } => ("{} in service, MIN_NODES is {min}", plural(*.serving, "node")),
        /// Its capacity is needed: it was chosen to serve, in the place of others or beside them.
        Needed {
            /// Its occupants.
            occupants: usize,
        } => ("its capacity is needed; it has {}", plural(*.occupants, "pod")),
    }
}

reasons! {
    /// Why a node group grows.
    GrowReason {
        /// Pods wait, and no node there is has room.
        WaitingPods {
            /// `namespace/name` of one of them.
            pod: String,
            /// How many need the new nodes.
            pods: usize,
        } => ("no node has room for {}", among(*.pods, "waiting pod", .pod)),
        /// More capacity is needed than there is.
        AboveBand {
            /// Utilization now.
            utilization: Utilization,
            /// `MAX_UTILIZATION`.
            max: PartsPerMillion,
        } => ("utilization {utilization} is above {max}, and the nodes there are do not suffice"),
        /// There are too few nodes.
        MinNodes {
            /// Nodes that serve or boot after the plan without the new ones.
            nodes: usize,
            /// `MIN_NODES`.
            min: usize,
        } => ("only {} can serve, MIN_NODES is {min}", plural(*.nodes, "node")),
    }
}

reasons! {
    /// Why a node becomes unschedulable.
    CordonReason {
        /// Less capacity is needed.
        BelowBand {
            /// Utilization now.
            utilization: Utilization,
            /// `MIN_UTILIZATION`.
            min: PartsPerMillion,
            /// Its occupants. A node that stays with fewer must be kept for another reason.
            occupants: usize,
        } => ("utilization {utilization} is below {min}; it has {}", plural(*.occupants, "pod")),
        /// Its capacity is not needed: nodes that must be kept, or that have more pods, are enough.
        NotNeeded {
            /// Its occupants.
            occupants: usize,
        } => ("its capacity is not needed; it has {}", plural(*.occupants, "pod")),
        /// More nodes serve than may.
        MaxNodes {
            /// Serving now.
            serving: usize,
            /// `MAX_NODES`.
            max: usize,
        } => ("{serving} nodes serve, MAX_NODES is {max}"),
        /// It has been NotReady for longer than `BOOT_GRACE`.
        Broken {
            /// Since when, where known.
            since: Since,
        } => ("it is NotReady{since}"),
    }
}

reasons! {
    /// Why a node is deleted.
    DeleteReason {
        /// It is cordoned, nobody is on it, and it has waited long enough.
        EmptyAndCordoned {
            /// When it was cordoned, where known.
            cordoned: Since,
            /// Since when it is known to be empty.
            empty: Since,
        } => ("it is empty{empty} and cordoned{cordoned}"),
    }
}

reasons! {
    /// Why a note is written.
    MarkReason {
        /// It is empty, and stays for now.
        Empty => ("it is empty and not deleted yet"),
    }
}

reasons! {
    /// Why notes are removed.
    UnmarkReason {
        /// It is no longer empty.
        Occupied => ("it is no longer empty"),
        /// Somebody uncordoned it by hand: their word wins.
        Uncordoned => ("it is schedulable, but still carries marks of an earlier cordon"),
    }
}

reasons! {
    /// Why a node stays as it is.
    KeepReason {
        /// It has an omitted label.
        OmittedLabel {
            /// The label's key.
            label: String,
        } => ("not managed: it has the label {label} of OMIT_LABELS"),
        /// `NODE_SELECTOR` does not match it.
        NotSelected => ("not managed: NODE_SELECTOR does not match it"),
        /// It is part of the control plane.
        ControlPlane => ("not managed: it is a control-plane node"),
        /// It is being deleted.
        BeingDeleted => ("not managed: it is being deleted"),
        /// Another program acts on it.
        OtherActor {
            /// The taint or annotation that says so.
            mark: String,
        } => ("not managed: it is in the hands of another actor ({mark})"),
        /// It runs a critical pod.
        CriticalPod {
            /// `namespace/name` of one of them.
            pod: String,
        } => ("it runs the critical pod {pod}"),
        /// It is annotated to stay.
        ScaleDownDisabled => ("it is annotated scale-down-disabled"),
        /// Somebody else cordoned it and `ADOPT_CORDONS` is off, or it is critical: an operator is at work there.
        CordonedByOthers => ("somebody else cordoned it; left as it is"),
        /// Another run is about to delete it.
        Claimed => ("another run is deleting it"),
        /// A waiting pod has room there.
        WaitingPod {
            /// `namespace/name` of one of them.
            pod: String,
            /// How many.
            pods: usize,
        } => ("it has room for {}", among(*.pods, "waiting pod", .pod)),
        /// No other node of its zone would serve.
        KeepZone {
            /// The zone.
            zone: String,
        } => ("it is kept for zone {zone}"),
        /// Fewer nodes would be enough, but not fewer than this.
        MinNodes {
            /// `MIN_NODES`.
            min: usize,
        } => ("MIN_NODES is {min}"),
        /// Its capacity is needed.
        Needed {
            /// Its occupants: no node that is out of service and could serve has more.
            occupants: usize,
        } => ("its capacity is needed; it has {}", plural(*.occupants, "pod")),
        /// It would be cordoned, but this run's budget does not allow it.
        CordonBudget {
            /// `MAX_CORDONS`.
            max: Budget,
        } => ("MAX_CORDONS is {max}: left to the next run"),
        /// Pods are still on it.
        PodsRemaining {
            /// How many.
            pods: usize,
            /// `namespace/name` of one of them.
            pod: String,
        } => ("not empty: {}", among(*.pods, "pod", .pod)),
        /// An omitted pod on it would not come back.
        LosesPod {
            /// `namespace/name`.
            pod: String,
            /// Why it would not.
            why: Loss,
        } => ("{pod} would be lost: {why}"),
        /// This run's own pod is on it.
        OwnNode => ("this run's own pod is on it"),
        /// Its instance is in no node group that this run may delete from.
        NoNodeGroup {
            /// What its instance is instead.
            why: String,
        } => ("it cannot be deleted: {why}"),
        /// Nothing must be deleted from its group.
        GroupNotShrunk {
            /// The group.
            group: String,
            /// Why.
            why: String,
        } => ("nothing is deleted from node group {group}: {why}"),
        /// It has not been empty for long enough.
        EmptyTooShort {
            /// For how long it has been seen empty.
            empty_for: Elapsed,
            /// `EMPTY_GRACE`.
            grace: Elapsed,
        } => ("empty for {empty_for}, EMPTY_GRACE is {grace}"),
        /// It would be deleted, but this run's budget does not allow it.
        DeletionBudget {
            /// `MAX_DELETIONS`.
            max: Budget,
        } => ("MAX_DELETIONS is {max}: left to the next run"),
        /// Too few nodes serve to delete one that could.
        TooFewServing {
            /// Serving after the plan.
            serving: usize,
            /// `MIN_NODES`.
            min: usize,
        } => ("{} in service after this run, MIN_NODES is {min}", plural(*.serving, "node")),
        /// It is the last managed node of its zone.
        LastOfZone {
            /// The zone.
            zone: String,
        } => ("it is the last node of zone {zone}"),
        /// It is the last managed node, and nothing says where to grow again.
        LastOfCluster => ("it is the last node, and NODE_GROUPS does not say where to grow again"),
        /// A pod on it and one on a node deleted in this run have the same controller.
        SharedController {
            /// `kind/name`.
            controller: String,
        } => ("a pod of {controller} moves from another node deleted in this run"),
        /// It may become Ready any moment.
        Booting {
            /// Since when, where known.
            since: Since,
        } => ("booting{since}"),
        /// It is NotReady and cordoned, or must not be cordoned.
        Broken {
            /// Since when, where known.
            since: Since,
        } => ("NotReady{since}"),
        /// Too many nodes are broken for anything but uncordoning.
        TooManyBroken => ("too many nodes are broken to act"),
    }
}

/// Why an omitted pod would be lost with its node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// Nothing recreates it.
    #[error("it has no controller")]
    NoController,
    /// A Job's work would start again.
    #[error("it belongs to a Job")]
    Job,
    /// It says so.
    #[error("it is annotated safe-to-evict=false")]
    NotSafeToEvict,
    /// Its data is on the node's own disk.
    #[error("its volume {volume} is on the node's own disk")]
    LocalVolume {
        /// The volume's name.
        volume: String,
    },
}

/// A moment that may be unknown; written as ` since …`, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since(pub Option<Timestamp>);

impl fmt::Display for Since {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(moment) => write!(formatter, " since {moment:.0}"),
            None => Ok(()),
        }
    }
}

/// A span of time, written as `45s`, `12m` or `1h 5m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed(pub SignedDuration);

impl fmt::Display for Elapsed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs().max(0);
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, 0, seconds) => write!(formatter, "{seconds}s"),
            (0, minutes, 0) => write!(formatter, "{minutes}m"),
            (0, minutes, seconds) => write!(formatter, "{minutes}m {seconds}s"),
            (hours, 0, _) => write!(formatter, "{hours}h"),
            (hours, minutes, _) => write!(formatter, "{hours}h {minutes}m"),
        }
    }
}
