//! The reasons why a node stays as it is.

use super::evict::NotEvicted;
use super::loss::Loss;
use super::object::ObjectDoubt;
use super::text::{among, excerpt, leaving, plural, serve};
use super::time::{CordonAge, Elapsed, Since};
use super::words::{Reason, reasons};
use crate::model::taint;
use crate::plan::utilization::Utilization;
use crate::policy::{AdoptCordons, Budget, DemandSource};

reasons! {
    /// The reason why a node stays as it is.
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
            /// The label or taint that shows it.
            label: String,
        } => ("not managed: it is a control-plane node ({label})"),
        /// It has no machine.
        VirtualNode {
            /// The label or taint that shows it.
            mark: String,
        } => ("not managed: it is a virtual node ({mark})"),
        /// It is being deleted.
        BeingDeleted => ("not managed: it is being deleted"),
        /// Another program acts on it.
        OtherActor {
            /// The program.
            actor: String,
            /// The taint or annotation that shows it.
            mark: String,
        } => ("not managed: {actor} is at work on it ({})", excerpt(.mark)),
        /// Its lasting taints keep the pool's pods away.
        Reserved {
            /// One of the taints.
            taint: String,
        } => ("reserved: fewer than half of the users' pods tolerate the taint {taint}"),
        /// Its taint dedicates it to other pods.
        ReservedFor {
            /// The taint.
            taint: String,
        } => ("reserved: the taint {taint} dedicates it to other pods"),
        /// It is a Windows node in a pool of Linux pods.
        ReservedWindows => ("reserved: it is a Windows node, and fewer than half of the users' pods ask for one"),
        /// It has a startup taint again, or lacks a device of its group.
        NotInUse {
            /// The startup taint, or the missing device.
            what: String,
        } => ("not in use: {}", excerpt(.what)),
        /// Its kubelet reports pressure, or it carries the taint of a cordon that it does not have.
        UnderPressure {
            /// The taint.
            taint: String,
        } => ("{}", closed(.taint)),
        /// It runs a critical pod.
        CriticalPod {
            /// `namespace/name` of one of them.
            pod: String,
        } => ("it runs the critical pod {pod}"),
        /// Somebody decided that it stays: `scale-down-disabled`, or the mark of another autoscaler.
        ScaleDownDisabled {
            /// The key of the annotation or the label.
            mark: String,
        } => ("{mark} keeps it in service"),
        /// Another actor cordoned it, and this run must not judge that cordon.
        CordonedByOthers {
            /// When it was cordoned, if known.
            cordoned: Since,
            /// `ADOPT_CORDONS`.
            adopt: AdoptCordons,
            /// The age of the cordon.
            age: CordonAge,
        } => ("the cordon is not ours and {age}; with ADOPT_CORDONS={adopt} the node stays as it is"),
        /// Somebody put a taint on it after our cordon, and may work on it.
        TaintedByOthers {
            /// The key of the taint.
            taint: String,
            /// `ADOPT_CORDONS`.
            adopt: AdoptCordons,
            /// The age of the taint.
            age: CordonAge,
        } => ("the taint {taint} is younger than our cordon and {age}; with ADOPT_CORDONS={adopt} the node stays as it is"),
        /// Another run is about to delete it.
        Claimed => ("another run is deleting it"),
        /// A waiting pod has room there.
        WaitingPod {
            /// `namespace/name` of one of them.
            pod: String,
            /// The number of pods.
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
        /// It has the last room for pods of a kind that runs in its pool.
        RoomForUsers {
            /// `namespace/name` of one of them.
            pod: String,
        } => ("without it no node that takes pods has room for one more pod like {pod}"),
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
            /// Its occupants: no node out of service that could serve has more.
            occupants: usize,
            /// The number of nodes that must be kept, for their critical pods or another reason.
            must: usize,
            /// The utilization of the nodes that stay.
            utilization: Utilization,
        } => (
            "its capacity is needed: the nodes that stay{} have utilization {utilization}; it has {}",
            must_be_kept(*.must),
            plural(*.occupants, "pod")
        ),
        /// It would be cordoned, but the nodes that take over do not serve yet.
        AwaitsReplacement {
            /// The number of nodes that would serve without it.
            serving: usize,
            /// Their utilization.
            utilization: Utilization,
        } => (
            "it stays until its replacement serves: without it {} now, at utilization {utilization}",
            serve(*.serving)
        ),
        /// By usage fewer nodes would be enough, but not by requests.
        Requested {
            /// `DEMAND`.
            demand: DemandSource,
            /// The number of nodes that would serve without it.
            serving: usize,
            /// Their utilization by requests.
            utilization: Utilization,
        } => (
            "DEMAND={demand} could do without it, but the scheduler counts requests: without it {} now, at utilization \
             {utilization} by requests",
            serve(*.serving)
        ),
        /// It would be cordoned, but this run's budget does not allow it.
        CordonBudget {
            /// `MAX_CORDONS`.
            max: Budget,
        } => ("MAX_CORDONS is {max}: left to the next run"),
        /// Pods are still on it.
        PodsRemaining {
            /// The number of pods.
            pods: usize,
            /// `namespace/name` of one of them.
            pod: String,
            /// Whether that one is being deleted: a pod whose deletion never ends keeps its node, too.
            deleting: bool,
        } => ("not empty: {}{}", among(*.pods, "pod", .pod), leaving(*.deleting)),
        /// An omitted pod would be lost with it.
        LosesPod {
            /// `namespace/name`.
            pod: String,
            /// The reason.
            why: Loss,
        } => ("pod {pod} would be lost with the node: {why}"),
        /// The data of a volume, which no pod needs to mount at the moment, would be lost with it.
        StoresVolume {
            /// The volume and its claim.
            volume: String,
        } => ("the data of volume {} may be on its disk", excerpt(.volume)),
        /// Storage daemons use its disks.
        StoresData {
            /// The label, as `key=value`.
            label: String,
        } => ("by its label {label} storage daemons keep data on its disks; move the data, then remove the label"),
        /// The volumes could not be listed, and one may be on its disk.
        VolumesUnknown {
            /// The reason.
            why: String,
        } => ("a volume may be on its disk, and the persistent volumes could not be listed: {}", excerpt(.why)),
        /// It runs a critical pod that is not moved.
        NotMovable {
            /// `namespace/name` of one of them.
            pod: String,
            /// The reason.
            why: NotEvicted,
        } => ("it runs the critical pod {pod}, which is not moved: {why}"),
        /// A run evicts its last pods.
        Draining {
            /// The number of its pods.
            pods: usize,
            /// `namespace/name` of one of them.
            pod: String,
            /// The number of pods that this run evicts.
            evicted: usize,
        } => (
            "it is being drained of {}, {} in this run",
            among(*.pods, "pod", .pod),
            if *.evicted == 1 { "1 of them".to_owned() } else { format!("{} of them", .evicted) }
        ),
        /// One of its last pods is not evicted.
        NotDrained {
            /// `namespace/name`.
            pod: String,
            /// The reason.
            why: NotEvicted,
        } => ("pod {pod} is not evicted: {why}"),
        /// A pod that was evicted from it is not Ready again.
        AwaitsEvicted {
            /// `namespace/name` of a pod of the same controller that is not Ready.
            pod: String,
        } => ("it was drained, and pod {pod} of a controller with an evicted pod is not Ready yet"),
        /// A pod was evicted from it a moment ago.
        EvictedRecently => ("a pod was evicted from it less than 30 s ago"),
        /// Another program delays its deletion.
        DeletionDelayed {
            /// The annotation of that program.
            annotation: String,
        } => ("its deletion is delayed by the annotation {annotation}"),
        /// This run's own pod is on it.
        OwnNode => ("this run's own pod is on it"),
        /// Another Node object is of the same machine.
        SharedMachine {
            /// The name of the other node.
            node: String,
        } => ("its machine is also that of node {node}, by the provider ID"),
        /// Its instance is in no node group that this run may delete from.
        NoNodeGroup {
            /// The reason.
            why: String,
        } => ("it cannot be deleted: {}", excerpt(.why)),
        /// Its machine was given back and is gone; the Node object waits for the second proof.
        MachineGone {
            /// The time at which the first run found it gone.
            since: Since,
        } => ("its machine is gone{since}; its Node object is deleted once another run confirms that"),
        /// Its machine is gone, and its Node object is deleted in this run.
        ObjectGoes {
            /// The time at which the first run found it gone.
            since: Since,
        } => ("its machine is gone{since}; its Node object is deleted in this run"),
        /// Its machine was given back, but its Node object must stay.
        ObjectStays {
            /// The reason.
            why: ObjectDoubt,
        } => ("its machine was given back, and its Node object stays: {why}"),
        /// Its group must not lose instances.
        GroupNotShrunk {
            /// The group.
            group: String,
            /// The reason.
            why: String,
        } => ("nothing is deleted from node group {group}: {}", excerpt(.why)),
        /// A volume is still in use there, and no pod is left that would own it.
        VolumeInUse {
            /// Its name in `status.volumesInUse`.
            volume: String,
        } => (
            "volume {} is still in use there: if the machine went now, the disk might stay attached for minutes",
            excerpt(.volume)
        ),
        /// It has not been empty for long enough.
        EmptyTooShort {
            /// The time for which it has been seen empty.
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
        /// It is parked and not needed.
        Parked {
            /// When it was parked, if known.
            parked: Since,
        } => ("parked{parked}; nothing needs it now"),
        /// It is parked, and cannot be woken.
        CannotWake {
            /// Its group.
            group: String,
            /// The reason.
            why: String,
        } => ("parked, and node group {group} cannot wake it: {}", excerpt(.why)),
        /// It was woken, and may become Ready any moment.
        Woken {
            /// When it was woken, if known.
            woken: Since,
        } => ("woken{woken}, and not Ready yet"),
        /// Nodes are woken in its pool in this run.
        PoolWakes => ("this run wakes parked nodes, so it gives back no node that could serve"),
        /// Nodes are created in its pool in this run.
        PoolGrows => ("this run creates nodes, so it deletes no node that could serve"),
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
        /// It is the last managed node of its pool, and `NODE_GROUPS` names no group that could replace
        /// it.
        LastOfPool => ("it is the last node, and NODE_GROUPS names no group that could replace it"),
        /// It may become Ready any moment.
        Booting {
            /// When that began, if known.
            since: Since,
        } => ("booting{since}"),
        /// It may become Ready any moment, and has room for a waiting pod.
        BootingForPod {
            /// When that began, if known.
            since: Since,
            /// `namespace/name` of one of them.
            pod: String,
            /// The number of pods.
            pods: usize,
        } => ("booting{since}; it has room for {}", among(*.pods, "waiting pod", .pod)),
        /// It is NotReady and cordoned, or must not be cordoned.
        Broken {
            /// When that began, if known.
            since: Since,
        } => ("NotReady{since}"),
        /// Too many nodes are broken for anything but uncordoning.
        TooManyBroken => ("too many nodes are broken: this run only uncordons"),
        /// It is reserved and cordoned, and no waiting pod needs it.
        ReservedCordoned => ("reserved and cordoned; no waiting pod needs it"),
    }
}

/// Why a node under this taint stays as it is.
fn closed(taint: &str) -> String {
    if taint == taint::UNSCHEDULABLE {
        format!(
            "the taint {taint} is on it without a cordon, so no pod is bound to it: it stays as it is until somebody removes that taint"
        )
    } else {
        format!("under pressure ({taint}): it stays as it is until that ends")
    }
}

/// The number of nodes that must be kept, in words; empty if there are none.
fn must_be_kept(nodes: usize) -> String {
    match nodes {
        0 => String::new(),
        1 => " (1 of them must)".to_owned(),
        _ => format!(" ({nodes} of them must)"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;

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
