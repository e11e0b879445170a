//! Why: one type for each kind of decision, the compared numbers inside. Text is made here, in `Display`, and only here.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::utilization::Utilization;
use crate::policy::{AdoptCordons, Budget, PartsPerMillion};

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

/// The most that a free text from elsewhere adds to a sentence. The scheduler's own messages are shorter.
const LONGEST_EXCERPT: usize = 512;

/// The beginning of a text from elsewhere that may have any length: a message, an annotation's value.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(LONGEST_EXCERPT) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
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

pub(super) use reasons;

reasons! {
    /// Why a cordoned node becomes schedulable.
    UncordonReason {
        /// A node under our own cordon got a critical pod; such a node is never unschedulable.
        CriticalPod {
            /// `namespace/name` of one of them.
            pod: String,
        } => ("it runs the critical pod {pod}"),
        /// A node under our own cordon was annotated to stay.
        ScaleDownDisabled => ("its annotation scale-down-disabled keeps it in service"),
        /// A pod that waits has room there.
        WaitingPod {
            /// `namespace/name` of one of them.
            pod: String,
            /// How many.
            pods: usize,
        } => ("it has room for {}", among(*.pods, "waiting pod", .pod)),
        /// The scheduler has nominated the node for a pod.
        NominatedPod {
            /// `namespace/name`.
            pod: String,
        } => ("the scheduler has nominated it for pod {pod}"),
        /// A pod that the scheduler refuses for a reason that this program does not know may fit there.
        RefusedElsewhere {
            /// `namespace/name`.
            pod: String,
        } => ("pod {pod} fits nodes that take pods, but the scheduler refuses it there for another reason; this node may suit it"),
        /// No other node of its zone would serve.
        KeepZone {
            /// The zone.
            zone: String,
        } => ("KEEP_ZONES: no other node of zone {zone} would serve"),
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
        /// Somebody else cordoned it, and `ADOPT_CORDONS` lets this run undo that.
        AdoptedCordon {
            /// Why it is needed.
            why: Box<UncordonReason>,
            /// Since when it is cordoned, where known.
            cordoned: Since,
            /// How old the cordon is.
            age: CordonAge,
        } => ("{why}; the cordon is not ours and {age}, and ADOPT_CORDONS=true undoes it"),
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
        } => ("utilization {utilization} is above {max}, and the existing nodes are not enough"),
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
        /// It is under our own cordon, nobody is on it, and it has waited long enough.
        EmptyAndCordoned {
            /// When it was cordoned, where known.
            cordoned: Since,
            /// Since when it is known to be empty.
            empty: Since,
        } => ("it is empty{empty} and cordoned{cordoned}"),
        /// The same under a cordon of somebody else that is old enough.
        EmptyUnderAdoptedCordon {
            /// When it was cordoned, where known.
            cordoned: Since,
            /// Since when it is known to be empty.
            empty: Since,
            /// `ADOPT_CORDONS`.
            adopt: AdoptCordons,
            /// How old the cordon is.
            age: CordonAge,
        } => ("it is empty{empty}; the cordon is not ours and {age}, and ADOPT_CORDONS={adopt} lets the node go"),
    }
}

reasons! {
    /// Why an instance without a node is deleted.
    InstanceReason {
        /// It was created long ago, and no node of the cluster runs on it.
        NeverRegistered {
            /// When it was created.
            created: Since,
            /// Twice `BOOT_GRACE`.
            limit: Elapsed,
        } => ("it was created{created} and has not become a node within {limit}"),
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
        /// The claim of an earlier run is over.
        ClaimOver => ("the claim of an earlier run is over"),
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
        /// It does not carry the label that names its pool.
        NoPool {
            /// `POOL_LABEL`.
            label: String,
        } => ("not managed: it has no label {label} (POOL_LABEL)"),
        /// A part of it cannot be read.
        Unreadable {
            /// The field, its value and what was expected.
            what: String,
        } => ("not managed: {}", excerpt(.what)),
        /// It is part of the control plane.
        ControlPlane {
            /// The label that says so.
            label: String,
        } => ("not managed: it is a control-plane node ({label})"),
        /// No machine is behind it.
        VirtualNode {
            /// The label or taint that says so.
            mark: String,
        } => ("not managed: it is a virtual node ({mark})"),
        /// It is being deleted.
        BeingDeleted => ("not managed: it is being deleted"),
        /// Another program acts on it.
        OtherActor {
            /// The program.
            actor: String,
            /// The taint or annotation that says so.
            mark: String,
        } => ("not managed: it is in the hands of {actor} ({mark})"),
        /// Its lasting taints keep the pool's pods away.
        Reserved {
            /// One of the taints.
            taint: String,
        } => ("reserved: fewer than half of the users' pods tolerate the taint {taint}"),
        /// Its taint keeps it for pods that need what only such a node has.
        ReservedFor {
            /// The taint.
            taint: String,
        } => ("reserved: the taint {taint} keeps it for pods that need what only such nodes have"),
        /// It is a Windows node in a pool of Linux pods.
        ReservedWindows => ("reserved: it is a Windows node, and fewer than half of the users' pods ask for one"),
        /// A startup taint came back.
        NotInUse {
            /// What is missing: a taint that has not gone, or a device that has not come.
            what: String,
        } => ("not in use: {}", excerpt(.what)),
        /// Its kubelet reports that something runs short.
        UnderPressure {
            /// The taint.
            taint: String,
        } => ("under pressure ({taint}): it stays as it is until that ends"),
        /// It runs a critical pod.
        CriticalPod {
            /// `namespace/name` of one of them.
            pod: String,
        } => ("it runs the critical pod {pod}"),
        /// It is annotated to stay.
        ScaleDownDisabled => ("its annotation scale-down-disabled keeps it in service"),
        /// Somebody else cordoned it, and the cordon is not this run's to judge.
        CordonedByOthers {
            /// Since when it is cordoned, where known.
            cordoned: Since,
            /// `ADOPT_CORDONS`.
            adopt: AdoptCordons,
            /// How old the cordon is.
            age: CordonAge,
        } => ("the cordon is not ours and {age}; with ADOPT_CORDONS={adopt} the node stays as it is"),
        /// Another run is about to delete it.
        Claimed => ("another run is deleting it"),
        /// A waiting pod has room there.
        WaitingPod {
            /// `namespace/name` of one of them.
            pod: String,
            /// How many.
            pods: usize,
        } => ("it has room for {}", among(*.pods, "waiting pod", .pod)),
        /// The scheduler has nominated the node for a pod.
        NominatedPod {
            /// `namespace/name`.
            pod: String,
        } => ("the scheduler has nominated it for pod {pod}"),
        /// A pod that the scheduler refuses for a reason that this program does not know may fit there.
        RefusedElsewhere {
            /// `namespace/name`.
            pod: String,
        } => ("pod {pod} fits nodes that take pods, but the scheduler refuses it there for another reason; this node may suit it"),
        /// No other node of its zone would serve.
        KeepZone {
            /// The zone.
            zone: String,
        } => ("KEEP_ZONES: no other node of zone {zone} would serve"),
        /// Fewer nodes would be enough, but not fewer than this.
        MinNodes {
            /// `MIN_NODES`.
            min: usize,
        } => ("fewer nodes would be enough, but MIN_NODES is {min}"),
        /// Its capacity is needed.
        Needed {
            /// Its occupants: no node that is out of service and could serve has more.
            occupants: usize,
            /// How many of the nodes that stay must be kept, for their critical pods or another reason.
            must: usize,
            /// The utilization of the nodes that stay.
            utilization: Utilization,
        } => (
            "its capacity is needed: the nodes that stay{} come to utilization {utilization}; it has {}",
            must_be_kept(*.must),
            plural(*.occupants, "pod")
        ),
        /// It would be cordoned, but the nodes that take over do not serve yet.
        AwaitsReplacement {
            /// How many nodes would serve without it.
            serving: usize,
            /// Their utilization.
            utilization: Utilization,
        } => (
            "it stays until its replacement serves: without it {} now, at utilization {utilization}",
            serve(*.serving)
        ),
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
        } => ("pod {pod} would be lost with the node: {why}"),
        /// Another program delays its deletion.
        DeletionDelayed {
            /// The annotation that says so.
            annotation: String,
        } => ("its deletion is delayed by the annotation {annotation}"),
        /// This run's own pod is on it.
        OwnNode => ("this run's own pod is on it"),
        /// Its instance is in no node group that this run may delete from.
        NoNodeGroup {
            /// What its instance is instead.
            why: String,
        } => ("it cannot be deleted: {}", excerpt(.why)),
        /// Nothing must be deleted from its group.
        GroupNotShrunk {
            /// The group.
            group: String,
            /// Why.
            why: String,
        } => ("nothing is deleted from node group {group}: {}", excerpt(.why)),
        /// It has not been empty for long enough.
        EmptyTooShort {
            /// For how long it has been seen empty.
            empty_for: Elapsed,
            /// `EMPTY_GRACE`.
            grace: Elapsed,
        } => ("empty for {empty_for}, EMPTY_GRACE is {grace}"),
        /// It was cordoned a moment ago.
        CordonedRecently => ("it was cordoned less than 30 s ago, and the scheduler may not know yet"),
        /// A pod that waits may have been promised the node before it was cordoned.
        LateBind {
            /// `namespace/name`.
            pod: String,
        } => (
            "pod {pod} has no node yet; the scheduler may have chosen this one before the cordon, which is less than \
             660 s old"
        ),
        /// A pod that waits tolerates cordons, so the scheduler may still bind it there.
        ToleratesCordon {
            /// `namespace/name`.
            pod: String,
        } => ("pod {pod} has no node yet and tolerates cordons, so the scheduler may still choose this one"),
        /// A pod in its first hour of waiting would fit there.
        FitsWaitingPod {
            /// `namespace/name`.
            pod: String,
        } => ("pod {pod} waits for a node and fits this one"),
        /// Nodes are created in its pool in this run.
        PoolGrows => ("nodes are created in this run, so none that could serve is deleted"),
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
        } => ("{} after this run, MIN_NODES is {min}", serve(*.serving)),
        /// It is the last managed node of its zone.
        LastOfZone {
            /// The zone.
            zone: String,
        } => ("KEEP_ZONES: it is the last node of zone {zone}"),
        /// It is the last managed node of its pool, and nothing says where to grow again.
        LastOfPool => ("it is the last node, and NODE_GROUPS names no group that could replace it"),
        /// It may become Ready any moment.
        Booting {
            /// Since when, where known.
            since: Since,
        } => ("booting{since}"),
        /// It may become Ready any moment, and has room for a waiting pod.
        BootingForPod {
            /// Since when, where known.
            since: Since,
            /// `namespace/name` of one of them.
            pod: String,
            /// How many.
            pods: usize,
        } => ("booting{since}; it has room for {}", among(*.pods, "waiting pod", .pod)),
        /// It is NotReady and cordoned, or must not be cordoned.
        Broken {
            /// Since when, where known.
            since: Since,
        } => ("NotReady{since}"),
        /// Too many nodes are broken for anything but uncordoning.
        TooManyBroken => ("too many nodes are broken: this run only uncordons"),
        /// It is reserved or not a candidate, schedulable, and nothing is done to it.
        ReservedCordoned => ("reserved and cordoned; no waiting pod needs it"),
    }
}

/// `2 nodes serve`.
fn serve(nodes: usize) -> String {
    let verb = if nodes == 1 { "serves" } else { "serve" };
    format!("{} {verb}", plural(nodes, "node"))
}

/// The nodes that stay and that must be kept, in words; empty if there are none.
fn must_be_kept(nodes: usize) -> String {
    match nodes {
        0 => String::new(),
        1 => " (1 of them must)".to_owned(),
        _ => format!(" ({nodes} of them must)"),
    }
}

/// Why an omitted pod would be lost with its node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// Nothing manages it.
    #[error("it has no controller")]
    NoController,
    /// What manages it does not start it again.
    #[error("its controller, of kind {kind}, does not start it again elsewhere")]
    NotRecreated {
        /// The controller's kind.
        kind: String,
    },
    /// An annotation forbids it.
    #[error("it is annotated {annotation}")]
    NotToBeMoved {
        /// The annotation, as `key=value`.
        annotation: String,
    },
    /// Its data is on the node's own disk.
    #[error("its volume {volume} is on the node's own disk")]
    LocalVolume {
        /// The volume's name.
        volume: String,
    },
    /// The volume of its claim can only be used on this node.
    #[error("the volume of its claim {claim} can only be used on this node")]
    LocalClaim {
        /// The claim's name.
        claim: String,
    },
    /// No other replica of its controller is Ready elsewhere.
    #[error("it is the last Ready replica of {controller} outside of nodes that go")]
    LastReplica {
        /// `Kind namespace/name`.
        controller: String,
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

/// The age of a cordon, which may be unknown; written as `3h old`, or `of unknown age`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CordonAge(pub Option<Elapsed>);

impl CordonAge {
    /// The age at a moment of a cordon that was made at another.
    #[must_use]
    pub fn at(now: Timestamp, cordoned: Option<Timestamp>) -> Self {
        Self(cordoned.map(|cordoned| Elapsed(now.duration_since(cordoned))))
    }
}

impl fmt::Display for CordonAge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(age) => write!(formatter, "{age} old"),
            None => formatter.write_str("of unknown age"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_elsewhere_is_cut() {
        assert_eq!(excerpt("0/3 nodes are available"), "0/3 nodes are available");
        let whole = "\u{e9}".repeat(512);
        assert_eq!(excerpt(&whole), whole);
        assert_eq!(excerpt(&"\u{e9}".repeat(1 << 20)), format!("{whole}..."));
    }

    #[test]
    fn the_message_on_a_cordon_of_others_has_its_age() {
        let now: Timestamp = "2026-01-15T09:00:00Z".parse().unwrap();
        let made = "2026-01-15T07:55:00Z".parse().ok();
        let reason = |cordoned| KeepReason::CordonedByOthers {
            cordoned: Since(cordoned),
            adopt: AdoptCordons::After(SignedDuration::from_hours(2)),
            age: CordonAge::at(now, cordoned),
        };
        assert_eq!(
            reason(made).to_string(),
            "the cordon is not ours and 1h 5m old; with ADOPT_CORDONS=2h the node stays as it is"
        );
        assert_eq!(
            reason(None).to_string(),
            "the cordon is not ours and of unknown age; with ADOPT_CORDONS=2h the node stays as it is"
        );
    }
}
