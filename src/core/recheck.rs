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

use jiff::{SignedDuration, Timestamp};

use crate::model::{Node, Pod, Snapshot, annotation};
use crate::plan::{Cordon, NodeFacts, Survey, UnmarkReason, unmanaged};
use crate::policy::Policy;

/// How long the scheduler may hold on to a node for a pod before it binds it there: `bindTimeoutSeconds` of the
/// volume-binding plugin, 600 s by default, and a minute for a server that is late.
///
/// Until then the pod shows no node. It is exactly a new user whose first disk is being made. If this were shorter, a
/// node could be deleted under a pod that was promised to it before the cordon.
pub const LATE_BIND: SignedDuration = SignedDuration::from_secs(660);

/// How long after a cordon the scheduler may still not know of it.
///
/// A run that follows another at once would else delete a node that the scheduler, a moment behind, is just giving to a
/// new user. Runs are minutes apart as a rule, so this postpones nothing then. No published bound exists; the scheduler
/// learns of a change within milliseconds, and half a minute is what a busy API server may take to tell it.
pub const SCHEDULER_LAG: SignedDuration = SignedDuration::from_secs(30);

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
    /// Another run is deleting it.
    #[error("another run is deleting it")]
    Claimed,
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
}

/// Judges a cordon against the node as it is now.
#[must_use]
pub fn cordon(planned: &Node, now: &Node, policy: &Policy) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy) {
        return Judgement::Stale(stale);
    }
    if now.unschedulable {
        return Judgement::AlreadySo;
    }
    if is_disabled(now) { Judgement::Stale(Stale::ScaleDownDisabled) } else { Judgement::Go }
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
    let ours = now.annotations.contains_key(annotation::CORDONED_AT);
    if !ours && (is_disabled(now) || !policy.adopt_cordons) {
        return Judgement::Stale(Stale::CordonedByOthers);
    }
    if is_claimed(now, observed_at) {
        return Judgement::Stale(Stale::Claimed);
    }
    if now.ready.is_some_and(|condition| condition.ready) {
        Judgement::Go
    } else {
        Judgement::Stale(Stale::NotReady)
    }
}

/// Judges the claim that precedes a deletion against the node as it is now.
///
/// The claim is what keeps two runs apart that hold no Lease: the other one's uncordon, made from an earlier
/// observation, fails on the resource version that the claim has changed, and made from a later one sees the claim.
#[must_use]
pub fn claim(planned: &Node, now: &Node, policy: &Policy, observed_at: Timestamp) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy) {
        return Judgement::Stale(stale);
    }
    if !now.unschedulable {
        return Judgement::Stale(Stale::Schedulable);
    }
    if is_disabled(now) {
        return Judgement::Stale(Stale::ScaleDownDisabled);
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
    // Somebody who cordoned it once more removed our mark first; then it is theirs.
    let ours = now.annotations.contains_key(annotation::CORDONED_AT);
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
    let marked =
        now.annotations.get(annotation::EMPTY_SINCE).is_some_and(|at| at.parse::<Timestamp>().is_ok());
    if marked { Judgement::AlreadySo } else { Judgement::Go }
}

/// Judges the removal of notes that are no longer true.
#[must_use]
pub fn unmark(planned: &Node, now: &Node, policy: &Policy, reason: &UnmarkReason) -> Judgement {
    if let Some(stale) = out_of_hands(planned, now, policy) {
        return Judgement::Stale(stale);
    }
    let noted = |key: &&str| now.annotations.contains_key(*key);
    match reason {
        UnmarkReason::Occupied if noted(&annotation::EMPTY_SINCE) => Judgement::Go,
        UnmarkReason::Occupied => Judgement::AlreadySo,
        UnmarkReason::Uncordoned if now.unschedulable => Judgement::Stale(Stale::Cordoned),
        UnmarkReason::Uncordoned => {
            let marks = [annotation::CORDONED_AT, annotation::EMPTY_SINCE, annotation::DELETING_UNTIL];
            if marks.iter().any(noted) { Judgement::Go } else { Judgement::AlreadySo }
        }
    }
}

/// Whether a run has claimed the node in order to delete it, and its claim has not run out.
#[must_use]
pub fn is_claimed(node: &Node, observed_at: Timestamp) -> bool {
    let until =
        node.annotations.get(annotation::DELETING_UNTIL).and_then(|value| value.parse::<Timestamp>().ok());
    // No claim lasts a day: one that says so was made by a clock that was wrong, and would keep the node for ever.
    let longest = SignedDuration::from_hours(24);
    until.is_some_and(|until| {
        let left = until.duration_since(observed_at);
        left > SignedDuration::ZERO && left < longest
    })
}

fn is_disabled(node: &Node) -> bool {
    node.annotations.get(annotation::SCALE_DOWN_DISABLED).is_some_and(|value| value == "true")
}

fn out_of_hands(planned: &Node, now: &Node, policy: &Policy) -> Option<Stale> {
    if !same_instance(planned, now) {
        return Some(Stale::Replaced);
    }
    unmanaged(now, policy).map(|why| Stale::Unmanaged { why: why.to_string() })
}

fn same_instance(planned: &Node, now: &Node) -> bool {
    planned.uid == now.uid && planned.provider_id == now.provider_id
}

/// The cluster as it is after the cordons: nodes as the API server returned them with each patch, and every pod listed
/// once more.
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
        self.facts(node)?.critical.map(Pod::full_name)
    }

    /// Judges a deletion.
    #[must_use]
    pub fn delete(&self, planned: &Node) -> Judgement {
        match self.facts(&planned.name) {
            None => Judgement::AlreadySo,
            Some(facts) => self.speaks_against(planned, facts).map_or(Judgement::Go, Judgement::Stale),
        }
    }

    fn speaks_against(&self, planned: &Node, facts: &NodeFacts<'_>) -> Option<Stale> {
        let policy = self.0.policy;
        if let Some(stale) = out_of_hands(planned, facts.node, policy) {
            return Some(stale);
        }
        if facts.scale_down_disabled {
            return Some(Stale::ScaleDownDisabled);
        }
        let on_it = facts.occupant.or(facts.loses.as_ref().map(|(pod, _)| *pod));
        if let Some(pod) = on_it {
            return Some(Stale::Occupied { pod: pod.full_name() });
        }
        if facts.own {
            return Some(Stale::OwnNode);
        }
        let since = match facts.cordon {
            Cordon::None => return Some(Stale::Schedulable),
            Cordon::Ours => facts.marked_cordoned_at,
            // When it was cordoned nobody noted; that it was empty under that cordon we did.
            Cordon::Others if policy.adopt_cordons => facts.empty_since,
            Cordon::Others => return Some(Stale::CordonedByOthers),
        };
        // Whoever uncordons a node by hand leaves our marks on it. If it was cordoned again since, the taint is younger.
        let since = since.map(|since| facts.tainted_at.map_or(since, |tainted| since.max(tainted)));
        let age = |moment| self.0.snapshot.observed_at().duration_since(moment);
        let cordoned = facts.tainted_at.max(facts.marked_cordoned_at);
        if cordoned.is_some_and(|moment| age(moment) < SCHEDULER_LAG) {
            return Some(Stale::CordonedRecently);
        }
        let settled = since.is_some_and(|moment| age(moment) >= LATE_BIND);
        let late = self.0.may_bind_late.filter(|_| !settled);
        late.map(|pod| Stale::LateBind { pod: pod.full_name() })
    }

    fn facts(&self, node: &str) -> Option<&NodeFacts<'a>> {
        let index = self.0.snapshot.nodes().binary_search_by(|one| one.name.as_str().cmp(node)).ok()?;
        self.0.nodes.get(index)
    }
}

#[cfg(test)]
mod tests;
