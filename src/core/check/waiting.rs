//! Sections 6 and 8: the unbound pods, and the nodes to which they may still be bound.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::facts::{Class, Facts, NodeFacts, age, class, is_omitted, takes_pods_now, would_keep_a_node};
use super::reach::{Admission, volume_affinities};
use super::violation::Violation;
use crate::model::{Constraints, Pod, Taint, TaintEffect, taint};

/// The time during which a waiting pod keeps the Ready nodes that would take it.
const FIRST_HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The time after a cordon during which the scheduler may not know of it.
const SCHEDULER_LAG: SignedDuration = SignedDuration::from_secs(30);

/// The time that the scheduler may reserve a node for a pod before it binds the pod there: the 600 s of its volume binding,
/// and a minute.
const LATE_BIND: SignedDuration = SignedDuration::from_secs(660);

/// The unbound pods that may prevent a deletion. Equal pods are one.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    /// The pods in their first hour of waiting: refused, or nominated for a node that cannot take them.
    in_first_hour: Vec<Group<'a>>,
    /// The pods that the scheduler may still bind, and that would keep a node.
    may_bind_late: Vec<Group<'a>>,
}

#[derive(Debug)]
struct Group<'a> {
    pod: &'a Pod,
    admission: Admission<'a>,
    /// Whether it tolerates cordons.
    tolerates_cordons: bool,
    refused: bool,
}

/// A key that is equal for pods with the same requests, the same (shared) constraints, and no volume of a known place.
type Likeness<'a> = (*const Constraints, &'a crate::model::Amounts, Option<(&'a str, &'a str)>, bool);

impl<'a> Waiting<'a> {
    pub(super) fn of(facts: &Facts<'a>) -> Self {
        let policy = facts.policy;
        let mut in_first_hour = Collection::default();
        let mut may_bind_late = Collection::default();
        for pod in facts.unbound.iter().copied() {
            let gated = pod.unbound.as_ref().is_some_and(|unbound| unbound.gated);
            if !gated && would_keep_a_node(pod, policy) {
                may_bind_late.add(facts, pod);
            }
            if is_waiting(facts, pod) && waits_for_less_than_an_hour(facts, pod) {
                in_first_hour.add(facts, pod);
            }
        }
        Self { in_first_hour: in_first_hour.groups, may_bind_late: may_bind_late.groups }
    }

    /// The reason why the unbound pods prevent the deletion of a node.
    pub(super) fn speaks_against(&self, facts: &Facts<'a>, node: &NodeFacts<'a>, found: &mut Vec<Violation>) {
        let now = facts.snapshot.observed_at();
        let marks = &node.marks;
        if let Some(since) = marks.since().filter(|since| age(now, *since) < SCHEDULER_LAG) {
            let seconds = age(now, since).as_secs();
            found.push(Violation::CordonedRecently { node: node.name(), seconds });
        }
        let admitted =
            || self.may_bind_late.iter().filter(|group| group.admission.admits(node, facts.policy));
        let settled = marks.since_for_late_binds().is_some_and(|since| age(now, since) >= LATE_BIND);
        if let Some(group) = admitted().find(|_| !settled) {
            found.push(Violation::LateBind { node: node.name(), pod: group.pod.full_name() });
        }
        let heedless =
            admitted().find(|group| group.tolerates_cordons && (!group.refused || has_room(node, group.pod)));
        if let Some(group) = heedless {
            found.push(Violation::ToleratesCordon { node: node.name(), pod: group.pod.full_name() });
        }
        if let Some(pod) = self.taken_by(facts, node) {
            found.push(Violation::WouldTakeWaitingPod { node: node.name(), pod: pod.full_name() });
        }
    }

    /// A pod in its first hour of waiting that the node would take now if it were schedulable.
    pub(super) fn taken_by(&self, facts: &Facts<'a>, node: &NodeFacts<'a>) -> Option<&'a Pod> {
        if !node.health.says_ready || !takes_pods_now(node.node) {
            return None;
        }
        self.in_first_hour
            .iter()
            .find(|group| group.admission.admits(node, facts.policy) && has_room(node, group.pod))
            .map(|group| group.pod)
    }
}

/// Whether a pod waits for a node: refused by the scheduler, or nominated for a node that cannot take it. Placeholders and
/// omitted pods do not wait.
pub(super) fn is_waiting<'a>(facts: &Facts<'a>, pod: &'a Pod) -> bool {
    let Some(unbound) = &pod.unbound else { return false };
    let counts = !is_omitted(pod, facts.policy)
        && matches!(class(pod, facts.policy), Class::Dynamic | Class::Critical)
        && !unbound.gated;
    counts
        && match nominated_node(facts, pod) {
            Some(node) => node.node.unschedulable || !node.health.is_usable(),
            None => unbound.refusal.is_some(),
        }
}

/// The managed node that the scheduler has nominated for a pod, if the pod reaches it.
pub(super) fn nominated_node<'f, 'a>(facts: &'f Facts<'a>, pod: &'a Pod) -> Option<&'f NodeFacts<'a>> {
    let name = pod.unbound.as_ref()?.nominated.as_ref()?;
    let node = facts.nodes.get(facts.find(name)?).filter(|node| node.managed)?;
    let reaches =
        pod.requests.fits(&node.free_of_occupants()) && facts.admission(pod).admits(node, facts.policy);
    reaches.then_some(node)
}

/// The node to which an unbound pod counts as bound: nominated, usable and schedulable.
pub(super) fn is_as_good_as_on<'f, 'a>(facts: &'f Facts<'a>, pod: &'a Pod) -> Option<&'f NodeFacts<'a>> {
    nominated_node(facts, pod).filter(|node| !node.node.unschedulable && node.health.is_usable())
}

/// Whether a pod has waited for less than an hour; with an unknown time it may have come just now, so it has.
fn waits_for_less_than_an_hour(facts: &Facts<'_>, pod: &Pod) -> bool {
    let since = pod.unbound.as_ref().and_then(|unbound| unbound.refused_since().or(unbound.created_at));
    since.is_none_or(|since| age(facts.snapshot.observed_at(), since) < FIRST_HOUR)
}

/// Whether the free room of the node is enough for the pod now.
pub(super) fn has_room(node: &NodeFacts<'_>, pod: &Pod) -> bool {
    pod.requests.fits(&node.free())
}

#[derive(Default)]
struct Collection<'a> {
    seen: BTreeSet<Likeness<'a>>,
    groups: Vec<Group<'a>>,
}

impl<'a> Collection<'a> {
    fn add(&mut self, facts: &Facts<'a>, pod: &'a Pod) {
        let refused = pod.unbound.as_ref().is_some_and(|unbound| unbound.refusal.is_some());
        let placed = volume_affinities(pod, facts.snapshot).next().is_some();
        let alone = placed.then_some((&*pod.namespace, &*pod.name));
        let likeness = (std::sync::Arc::as_ptr(&pod.constraints), &pod.requests, alone, refused);
        if self.seen.insert(likeness) {
            self.groups.push(Group {
                pod,
                admission: facts.admission_soon(pod),
                tolerates_cordons: tolerates_cordons(pod),
                refused,
            });
        }
    }
}

fn tolerates_cordons(pod: &Pod) -> bool {
    let of_cordon = Taint {
        key: taint::UNSCHEDULABLE.to_owned(),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
        added_at: None,
    };
    super::reach::tolerates(&pod.constraints, &of_cordon)
}
