//! Judges each action of a plan again, right before it is carried out. Section 8.
//!
//! Pure, like the plan itself: the same functions judge in production, in the simulator and in the model of the race
//! between a run, the scheduler and a second run.
//!
//! ```text
//!   node as re-read ----> cordon(), uncordon()      go / already so / stale
//!   second pod list ----> SecondLook
//!                           .critical_pod()         a cordon to take back at once
//!                           .delete()               go / stale
//! ```

mod second_look;
mod stale;

use jiff::Timestamp;

use crate::model::{Node, Pod, Volumes, annotation, taint};
use crate::plan::{
    Classifier, Cordon, Marks, NotEvicted, PodClass, UnmarkReason, deletion_delay, fills_last, has_gone_note,
    is_adopted, is_given_back, node_doubt, others_soft_taint, pinned_by, pressure, says_ready, startup,
    tainted_lately, unmanaged, unmovable, written,
};
use crate::policy::{AdoptCordons, Drain, Policy};

pub use second_look::{SecondLook, Vanished, vanished};
pub use stale::{Judgement, Stale};

pub use crate::plan::{LATE_BIND, SCHEDULER_LAG, is_claimed, is_parking};

/// Judges a cordon against the node as it is now.
#[must_use]
pub fn cordon(planned: &Node, now: &Node, policy: &Policy, observed_at: Timestamp) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy) {
        return Judgement::Stale(stale);
    }
    if now.unschedulable {
        return Judgement::AlreadySo;
    }
    if let Some(mark) = pinned_by(now) {
        return Judgement::Stale(Stale::ScaleDownDisabled { mark: mark.to_owned() });
    }
    if is_claimed(now, observed_at) {
        return Judgement::Stale(Stale::Claimed);
    }
    out_of_use(now, policy).map_or(Judgement::Go, Judgement::Stale)
}

/// Judges an uncordon against the node as it is now.
#[must_use]
pub fn uncordon(planned: &Node, now: &Node, policy: &Policy, observed_at: Timestamp) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy) {
        return Judgement::Stale(stale);
    }
    if !now.unschedulable {
        return Judgement::AlreadySo;
    }
    let theirs = Marks::of(now).cordon == Cordon::Others;
    if theirs && (pinned_by(now).is_some() || policy.adopt_cordons != AdoptCordons::Always) {
        return Judgement::Stale(Stale::CordonedByOthers);
    }
    if is_claimed(now, observed_at) || is_parking(now, policy, observed_at) {
        return Judgement::Stale(Stale::Claimed);
    }
    if !says_ready(now) {
        return Judgement::Stale(Stale::NotReady);
    }
    out_of_use(now, policy).map_or(Judgement::Go, Judgement::Stale)
}

/// Judges waking a parked node against the node as it is now.
#[must_use]
pub fn wake(planned: &Node, now: &Node, policy: &Policy, observed_at: Timestamp) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy) {
        return Judgement::Stale(stale);
    }
    let marks = Marks::of(now);
    if marks.woken_at.is_some() {
        return Judgement::AlreadySo;
    }
    if marks.parked_at.is_none() {
        return Judgement::Stale(Stale::NotParked);
    }
    if is_claimed(now, observed_at) {
        return Judgement::Stale(Stale::Claimed);
    }
    // It runs, whichever actor started it; a later run makes it schedulable.
    if says_ready(now) { Judgement::AlreadySo } else { Judgement::Go }
}

/// Judges the claim that precedes a deletion against the node as it is now.
///
/// The claim separates two runs that hold no Lease: the other run's uncordon fails on the resource version that the claim has
/// changed if it was planned before the claim, and sees the claim if it was planned later.
#[must_use]
pub fn claim(planned: &Node, now: &Node, policy: &Policy, observed_at: Timestamp) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy).or_else(|| stays(now, policy, observed_at)) {
        return Judgement::Stale(stale);
    }
    if is_claimed(now, observed_at) || is_parking(now, policy, observed_at) {
        Judgement::Stale(Stale::Claimed)
    } else {
        Judgement::Go
    }
}

/// Judges the note on a node from which pods are about to be evicted, against the node as it is now. An eviction is judged by
/// this and by [`evict`].
#[must_use]
pub fn drain(planned: &Node, now: &Node, policy: &Policy, observed_at: Timestamp) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy) {
        return Judgement::Stale(stale);
    }
    if let Some(mark) = pinned_by(now) {
        return Judgement::Stale(Stale::ScaleDownDisabled { mark: mark.to_owned() });
    }
    match Marks::of(now).cordon {
        Cordon::None => return Judgement::Stale(Stale::Schedulable),
        Cordon::Others if policy.adopt_cordons != AdoptCordons::Always => {
            return Judgement::Stale(Stale::CordonedByOthers);
        }
        Cordon::Ours | Cordon::Others => {}
    }
    if is_claimed(now, observed_at) || is_parking(now, policy, observed_at) {
        return Judgement::Stale(Stale::Claimed);
    }
    if says_ready(now) { Judgement::Go } else { Judgement::Stale(Stale::NotReady) }
}

/// Judges an eviction against the pod as it is right before that; `node` is its node as it is then. `None` is a pod that is
/// gone.
#[must_use]
pub fn evict(uid: &str, node: &Node, now: Option<&Pod>, policy: &Policy, volumes: &Volumes) -> Judgement {
    let Some(pod) = now else { return Judgement::AlreadySo };
    let name = pod.full_name();
    let stays = |why: NotEvicted| Judgement::Stale(Stale::PodStays { pod: name.clone(), why });
    let class = Classifier::new(policy).class(pod);
    match class {
        PodClass::Omitted => {}
        PodClass::Critical if policy.drain == Drain::Movable => {}
        PodClass::Dynamic => return stays(NotEvicted::Users),
        PodClass::Critical
        | PodClass::Movable
        | PodClass::Daemon { .. }
        | PodClass::Placeholder { .. }
        | PodClass::Own => return Judgement::Stale(Stale::PodReplaced { pod: name }),
    }
    if let Some(why) = unmovable(pod, node, policy, volumes) {
        return stays(why);
    }
    if uid.is_empty()
        || pod.eviction.as_ref().is_none_or(|facts| *facts.uid != *uid)
        || pod.node_name.as_deref() != Some(node.name.as_str())
    {
        return Judgement::Stale(Stale::PodReplaced { pod: name });
    }
    if pod.deleting { Judgement::AlreadySo } else { Judgement::Go }
}

/// Judges taking back a cordon that this run has just made.
#[must_use]
pub fn take_back(cordoned: &Node, now: &Node) -> Judgement {
    if !same_instance(cordoned, now) {
        return Judgement::Stale(Stale::Replaced);
    }
    if !now.unschedulable {
        return Judgement::AlreadySo;
    }
    // If a person uncordons the node and cordons it once more, our mark is gone or much older than the taint.
    let ours = Marks::of(now).cordon == Cordon::Ours;
    if ours { Judgement::Go } else { Judgement::Stale(Stale::CordonedByOthers) }
}

/// Judges a note that a cordoned node is empty.
#[must_use]
pub fn mark(planned: &Node, now: &Node, policy: &Policy, observed_at: Timestamp) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy) {
        return Judgement::Stale(stale);
    }
    if !now.unschedulable {
        return Judgement::Stale(Stale::Schedulable);
    }
    // An existing mark has an earlier time.
    if Marks::of(now).credible(observed_at).empty_since.is_some() {
        Judgement::AlreadySo
    } else {
        Judgement::Go
    }
}

/// Judges a note that the machine of a node that was given back is gone.
#[must_use]
pub fn mark_gone(planned: &Node, now: &Node, policy: &Policy, observed_at: Timestamp) -> Judgement {
    let stale = out_of_hands(planned, now, policy);
    let doubt = || node_doubt(now, observed_at).map(|why| Stale::ObjectStays { why });
    if let Some(stale) = stale.or_else(doubt) {
        return Judgement::Stale(stale);
    }
    if has_gone_note(now) { Judgement::AlreadySo } else { Judgement::Go }
}

/// Judges the removal of notes that are no longer true.
#[must_use]
pub fn unmark(
    planned: &Node,
    now: &Node,
    policy: &Policy,
    reason: &UnmarkReason,
    observed_at: Timestamp,
) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy) {
        return Judgement::Stale(stale);
    }
    let has = |key: &str| now.annotations.contains_key(key);
    let claim_noted = has(annotation::DELETING_UNTIL) || has_claim_taint(now);
    let claimed = is_claimed(now, observed_at);
    let go = match reason {
        UnmarkReason::Occupied => has(annotation::EMPTY_SINCE),
        UnmarkReason::Uncordoned if now.unschedulable => return Judgement::Stale(Stale::Cordoned),
        // A valid claim is kept, also on a node that a person uncordoned: the deletion may be in progress.
        UnmarkReason::Uncordoned => annotation::NOTES.into_iter().any(has) || (claim_noted && !claimed),
        UnmarkReason::ClaimOver if claimed => return Judgement::Stale(Stale::Claimed),
        UnmarkReason::ClaimOver => claim_noted,
        // A claim that another run has just written makes these notes valid again.
        UnmarkReason::NotGivenBack { .. } | UnmarkReason::NotProvenGone { .. } if claimed => {
            return Judgement::Stale(Stale::Claimed);
        }
        UnmarkReason::NotGivenBack { .. } => is_given_back(now),
        UnmarkReason::NotProvenGone { .. } => has_gone_note(now),
    };
    if go { Judgement::Go } else { Judgement::AlreadySo }
}

/// Judges the taint that makes a node fill last.
#[must_use]
pub fn steer(planned: &Node, now: &Node, policy: &Policy, observed_at: Timestamp) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy) {
        return Judgement::Stale(stale);
    }
    if now.unschedulable {
        return Judgement::Stale(Stale::Cordoned);
    }
    if is_claimed(now, observed_at) {
        return Judgement::Stale(Stale::Claimed);
    }
    if let Some(taint) = others_soft_taint(now) {
        let taint = written(&taint.key, &taint.value, taint.effect);
        return Judgement::Stale(Stale::OthersTaint { taint });
    }
    if fills_last(now) { Judgement::AlreadySo } else { Judgement::Go }
}

/// Judges the removal of that taint.
#[must_use]
pub fn unsteer(planned: &Node, now: &Node, policy: &Policy, observed_at: Timestamp) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy) {
        return Judgement::Stale(stale);
    }
    if is_claimed(now, observed_at) {
        return Judgement::Stale(Stale::Claimed);
    }
    if fills_last(now) { Judgement::Go } else { Judgement::AlreadySo }
}

fn has_claim_taint(node: &Node) -> bool {
    node.taints.iter().any(|taint| taint.key == taint::DELETING)
}

/// The reason why a cordoned node must not be deleted, by its annotations and taints.
fn stays(now: &Node, policy: &Policy, observed_at: Timestamp) -> Option<Stale> {
    if let Some(mark) = pinned_by(now) {
        return Some(Stale::ScaleDownDisabled { mark: mark.to_owned() });
    }
    if let Some(annotation) = deletion_delay(now) {
        return Some(Stale::DeletionDelayed { annotation: annotation.to_owned() });
    }
    if let Some(taint) = tainted_lately(now, policy, observed_at) {
        return Some(Stale::TaintedByOthers { taint: taint.key.clone() });
    }
    let marks = Marks::of(now);
    match marks.cordon {
        Cordon::None => Some(Stale::Schedulable),
        Cordon::Others if !is_adopted(marks.cordoned_at, policy, observed_at) => {
            Some(Stale::CordonedByOthers)
        }
        Cordon::Ours | Cordon::Others => None,
    }
}

/// The reason why a Ready node cannot be used now: such a node is neither cordoned nor uncordoned.
fn out_of_use(now: &Node, policy: &Policy) -> Option<Stale> {
    if !says_ready(now) {
        return None;
    }
    let not_gone = startup(now, policy).map(|taint| Stale::NotInUse { taint: taint.key.clone() });
    not_gone.or_else(|| pressure(now).map(|taint| Stale::UnderPressure { taint: taint.key.clone() }))
}

fn out_of_hands(planned: &Node, now: &Node, policy: &Policy) -> Option<Stale> {
    if !same_instance(planned, now) {
        return Some(Stale::Replaced);
    }
    unmanaged(now, policy).map(|why| Stale::Unmanaged { why: why.to_string() })
}

fn same_instance(planned: &Node, now: &Node) -> bool {
    planned.name == now.name
        && planned.uid == now.uid
        && planned.provider_id == now.provider_id
        && (now.provider_id.is_some() || planned.system_uuid == now.system_uuid)
}

#[cfg(test)]
mod tests;
