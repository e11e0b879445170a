//! Looking again before touching: what of a plan still holds when its turn comes. POLICY section 8.
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

use jiff::Timestamp;

use crate::model::{Node, NodeIndex, Pod, Snapshot, annotation, taint};
use crate::plan::{
    Cordon, Late, Loss, Marks, NodeFacts, Replicas, Survey, UnmarkReason, deletion_delay, is_adopted, late,
    pressure, says_ready, scale_down_disabled, startup, unmanaged,
};
use crate::policy::{AdoptCordons, Policy};

pub use crate::plan::{LATE_BIND, SCHEDULER_LAG, is_claimed};

/// What to do with an action whose turn has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Do it.
    Go,
    /// Somebody has done it already; that counts as done.
    AlreadySo,
    /// What the plan was made from is no longer so: skip it, tell it, leave it to the next run.
    Stale(Stale),
}

/// What is no longer as the plan saw it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// The checker's own rules speak against it.
    #[error("the checker refuses it: {why}")]
    Refused {
        /// Why.
        why: String,
    },
    /// It is gone.
    #[error("the node is gone")]
    Gone,
    /// Another node has its name now.
    #[error("another node has this name now")]
    Replaced,
    /// It is out of our hands.
    #[error("{why}")]
    Unmanaged {
        /// Why.
        why: String,
    },
    /// It was annotated to stay.
    #[error("it is annotated scale-down-disabled now")]
    ScaleDownDisabled,
    /// It is NotReady now.
    #[error("it is NotReady now")]
    NotReady,
    /// Its kubelet reports that something runs short.
    #[error("it is under pressure now ({taint})")]
    UnderPressure {
        /// The taint.
        taint: String,
    },
    /// It is not ready for use.
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
    /// This run's own claim is gone, has run out, or is another run's now.
    #[error("the claim of this run is over")]
    ClaimOver,
    /// Its cordon is no longer ours to undo.
    #[error("somebody else cordoned it meanwhile")]
    CordonedByOthers,
    /// Somebody uncordoned it.
    #[error("it is schedulable now")]
    Schedulable,
    /// Somebody cordoned it.
    #[error("it is cordoned now")]
    Cordoned,
    /// A pod came.
    #[error("pod {pod} is on it now")]
    Occupied {
        /// `namespace/name`.
        pod: String,
    },
    /// An omitted pod on it would not come back.
    #[error("{pod} would be lost: {why}")]
    LosesPod {
        /// `namespace/name`.
        pod: String,
        /// Why it would not.
        why: Loss,
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

/// Judges a cordon against the node as it is now.
#[must_use]
pub fn cordon(planned: &Node, now: &Node, policy: &Policy, observed_at: Timestamp) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy) {
        return Judgement::Stale(stale);
    }
    if now.unschedulable {
        return Judgement::AlreadySo;
    }
    if scale_down_disabled(now) {
        return Judgement::Stale(Stale::ScaleDownDisabled);
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
    if theirs && (scale_down_disabled(now) || policy.adopt_cordons != AdoptCordons::Always) {
        return Judgement::Stale(Stale::CordonedByOthers);
    }
    if is_claimed(now, observed_at) {
        return Judgement::Stale(Stale::Claimed);
    }
    if !says_ready(now) {
        return Judgement::Stale(Stale::NotReady);
    }
    out_of_use(now, policy).map_or(Judgement::Go, Judgement::Stale)
}

/// Judges the claim that precedes a deletion against the node as it is now.
///
/// The claim is what keeps two runs apart that hold no Lease: the other one's uncordon, made from an earlier
/// observation, fails on the resource version that the claim has changed, and made from a later one sees the claim.
#[must_use]
pub fn claim(planned: &Node, now: &Node, policy: &Policy, observed_at: Timestamp) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy).or_else(|| stays(now, policy, observed_at)) {
        return Judgement::Stale(stale);
    }
    if is_claimed(now, observed_at) { Judgement::Stale(Stale::Claimed) } else { Judgement::Go }
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
    // If somebody uncordons the node and cordons it once more, our mark is gone or much older than the taint.
    let ours = Marks::of(now).cordon == Cordon::Ours;
    if ours { Judgement::Go } else { Judgement::Stale(Stale::CordonedByOthers) }
}

/// Judges a note that a cordoned node is empty.
#[must_use]
pub fn mark(planned: &Node, now: &Node, policy: &Policy) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy) {
        return Judgement::Stale(stale);
    }
    if !now.unschedulable {
        return Judgement::Stale(Stale::Schedulable);
    }
    // A mark that is there counts from an earlier moment.
    if Marks::of(now).empty_since.is_some() { Judgement::AlreadySo } else { Judgement::Go }
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
    let noted = |key: &str| now.annotations.contains_key(key);
    let claim_noted = noted(annotation::DELETING_UNTIL) || has_claim_taint(now);
    let claimed = is_claimed(now, observed_at);
    let go = match reason {
        UnmarkReason::Occupied => noted(annotation::EMPTY_SINCE),
        UnmarkReason::Uncordoned if now.unschedulable => return Judgement::Stale(Stale::Cordoned),
        // A running claim stays, also on a node that somebody uncordoned: the deletion may be under way.
        UnmarkReason::Uncordoned => {
            noted(annotation::CORDONED_AT) || noted(annotation::EMPTY_SINCE) || (claim_noted && !claimed)
        }
        UnmarkReason::ClaimOver if claimed => return Judgement::Stale(Stale::Claimed),
        UnmarkReason::ClaimOver => claim_noted,
    };
    if go { Judgement::Go } else { Judgement::AlreadySo }
}

fn has_claim_taint(node: &Node) -> bool {
    node.taints.iter().any(|taint| taint.key == taint::DELETING)
}

/// Why a cordoned node must not be deleted for what is written on it.
fn stays(now: &Node, policy: &Policy, observed_at: Timestamp) -> Option<Stale> {
    if scale_down_disabled(now) {
        return Some(Stale::ScaleDownDisabled);
    }
    if let Some(annotation) = deletion_delay(now) {
        return Some(Stale::DeletionDelayed { annotation: annotation.to_owned() });
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

/// What keeps a Ready node from being used now: such a node is neither cordoned nor uncordoned.
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
    planned.name == now.name && planned.uid == now.uid && planned.provider_id == now.provider_id
}

/// A second list of pods that proves nothing: more than half of the bound pods of the first are not on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{missing} of the {bound} bound pods seen before are not on the second list of pods: it proves nothing"
)]
pub struct Vanished {
    /// How many are missing.
    pub missing: usize,
    /// How many there were.
    pub bound: usize,
}

/// Compares a second list of pods with the first.
#[must_use]
pub fn vanished(first: &Snapshot, second: &Snapshot) -> Option<Vanished> {
    let is_there = |pod: &&Pod| {
        let key = (&*pod.namespace, &*pod.name);
        second.pods().binary_search_by(|one| (&*one.namespace, &*one.name).cmp(&key)).is_ok()
    };
    let bound = || first.pods().iter().filter(|pod| pod.node_name.is_some());
    let (bound, there) = (bound().count(), bound().filter(is_there).count());
    let missing = bound.saturating_sub(there);
    (missing > bound / 2).then_some(Vanished { missing, bound })
}

/// The cluster as it is after the cordons and claims: nodes as the API server returned them, and every pod listed once
/// more. It is made anew before every try of a deletion.
#[derive(Debug)]
pub struct SecondLook<'a>(Survey<'a>);

impl<'a> SecondLook<'a> {
    /// Looks at a cluster again.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        Self(Survey::new(snapshot, policy))
    }

    /// A critical pod on a node that this run has cordoned: its cordon is taken back at once.
    #[must_use]
    pub fn critical_pod(&self, node: &str) -> Option<String> {
        self.facts(node)?.1.critical.map(Pod::full_name)
    }

    /// Judges a deletion of a node that carries this run's claim.
    #[must_use]
    pub fn delete(&self, claimed: &Node) -> Judgement {
        match self.facts(&claimed.name) {
            None => Judgement::AlreadySo,
            Some((index, facts)) => {
                self.speaks_against(claimed, index, facts).map_or(Judgement::Go, Judgement::Stale)
            }
        }
    }

    fn speaks_against(&self, claimed: &Node, index: NodeIndex, facts: &NodeFacts<'_>) -> Option<Stale> {
        let (policy, observed_at) = (self.0.policy, self.0.snapshot.observed_at());
        let now = facts.node;
        let stale = out_of_hands(claimed, now, policy).or_else(|| stays(now, policy, observed_at));
        if stale.is_some() {
            return stale;
        }
        let claim = |node: &Node| node.annotations.get(annotation::DELETING_UNTIL).cloned();
        if claim(claimed) != claim(now) || !is_claimed(now, observed_at) {
            return Some(Stale::ClaimOver);
        }
        if let Some(pod) = facts.occupant {
            return Some(Stale::Occupied { pod: pod.full_name() });
        }
        // Nodes that go with it carry claims too, so no replica counts that is on one of them.
        let replica = || Replicas::new(&self.0).would_lose(index, &[index].into());
        if let Some((pod, why)) = facts.loses.clone().or_else(replica) {
            return Some(Stale::LosesPod { pod: pod.full_name(), why });
        }
        if facts.own {
            return Some(Stale::OwnNode);
        }
        Some(match late(&self.0, index)? {
            Late::CordonedRecently => Stale::CordonedRecently,
            Late::Promised(pod) => Stale::LateBind { pod: pod.full_name() },
            Late::Tolerates(pod) => Stale::ToleratesCordon { pod: pod.full_name() },
        })
    }

    fn facts(&self, node: &str) -> Option<(NodeIndex, &NodeFacts<'a>)> {
        let index = self.0.snapshot.nodes().binary_search_by(|one| one.name.as_str().cmp(node)).ok()?;
        Some((index, self.0.nodes.get(index)?))
    }
}

#[cfg(test)]
mod tests;
