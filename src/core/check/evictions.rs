//! Section 16: no user's pod is ever evicted, and no other that would be lost, that a budget protects, or that has no room
//! elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::demand::likeness;
use super::disks::check_disk;
use super::facts::{
    Class, Cordon, Facts, NodeFacts, age, class, is_evictable, is_omitted, is_own, not_ahead,
};
use super::steps::Steps;
use super::violation::Violation;
use crate::model::{Amounts, ControllerKey, MOST_CONTROLLERS, Node, NodeIndex, Pod, Snapshot, annotation};
use crate::plan::{Action, Plan};
use crate::policy::{AdoptCordons, Drain, Policy};

/// The time for which a drained node waits for its evicted pods, and for which a waiting pod has precedence.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// The time that a controller may take to replace an evicted pod.
const MOMENT: SignedDuration = SignedDuration::from_secs(30);

pub(super) fn check<'a>(facts: &Facts<'a>, plan: &Plan, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let mut evicted: Vec<(NodeIndex, &'a Pod)> = Vec::new();
    for action in &plan.actions {
        let Action::Evict { node, namespace, pod, uid, .. } = action else { continue };
        let name = format!("{namespace}/{pod}");
        let pod = facts.snapshot.pods().iter().find(|one| one.full_name() == name);
        let index = facts.find(node);
        let place = index.and_then(|index| Some((index, facts.nodes.get(index)?)));
        let (Some(pod), Some((index, place))) = (pod, place) else {
            found.push(Violation::EvictionOfUnknown { pod: name });
            continue;
        };
        if steps.on(index).is_some() {
            found.push(Violation::EvictionFrom {
                node: node.clone(),
                why: "which something else is done to".into(),
            });
        }
        check_node(facts, place, found);
        if let Some(why) = refusal(facts.snapshot, facts.policy, place.node, pod, uid) {
            found.push(Violation::EvictionOf { pod: name.clone(), why });
        }
        if evicted.iter().any(|(_, other)| std::ptr::eq(*other, pod)) {
            found.push(Violation::EvictionOf { pod: name, why: "it is evicted twice".into() });
        }
        evicted.push((index, pod));
    }
    if evicted.is_empty() {
        return;
    }
    if plan.guard.is_some() {
        found.push(Violation::ActsUnderGuard { verb: "evict" });
    }
    let allowed = facts.policy.max_evictions.allows(facts.managed_count());
    if evicted.len() > allowed {
        found.push(Violation::TooManyEvictions { evictions: evicted.len(), allowed });
    }
    check_budgets(facts, &evicted, found);
    check_controllers(facts, &evicted, found);
    check_room(facts, steps, &evicted, found);
    // Of pods alike, one is compared with the nodes.
    let mut seen = BTreeSet::new();
    let waiting = facts.unbound.iter().copied().filter(|pod| waits(facts, pod));
    let mut waiting = waiting.filter(|pod| seen.insert(likeness(facts, pod)));
    if let Some(pod) = waiting.find(|pod| has_a_node(facts, pod)) {
        found.push(Violation::EvictionBeforeWaiting { pod: pod.full_name() });
    }
}

/// The reason why a pod must not be evicted from its node, regardless of other actions. These rules judge a planned
/// eviction, and again the pod and the node right before it.
pub(super) fn refusal(
    snapshot: &Snapshot,
    policy: &Policy,
    node: &Node,
    pod: &Pod,
    uid: &str,
) -> Option<String> {
    let why = if policy.drain == Drain::None {
        "DRAIN is none"
    } else if class(pod, policy) == Class::Dynamic {
        "it is a user's"
    } else if is_own(pod, policy) {
        "it is this run's own"
    } else if matches!(class(pod, policy), Class::Daemon | Class::Placeholder) {
        "it comes and goes with its node"
    } else if !is_omitted(pod, policy) && policy.drain != Drain::Movable {
        "it is taken into account, and DRAIN is omitted"
    } else if pod.node_name.as_deref() != Some(node.name.as_str()) {
        "it is not on that node"
    } else if uid.is_empty() || pod.eviction.as_ref().is_none_or(|facts| *facts.uid != *uid) {
        "another pod has its name"
    } else if pod.deleting {
        "it is on its way out"
    } else if !is_evictable(pod, node, policy, snapshot.volumes()) {
        "it would be lost, or must not be moved"
    } else {
        return None;
    };
    Some(why.to_owned())
}

/// Only a Ready node under a cordon of our own is drained, and only of its last pods.
fn check_node(facts: &Facts<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    let ours = match node.marks.cordon {
        Cordon::None => false,
        Cordon::Ours => true,
        Cordon::Others => facts.policy.adopt_cordons == AdoptCordons::Always,
    };
    let mut on_its_disk = Vec::new();
    check_disk(facts, node, &mut on_its_disk);
    let why = if !ours {
        "which is not under our own cordon"
    } else if node.marks.claimed {
        "which another run is about to delete"
    } else if !node.health.says_ready {
        "which is not Ready"
    } else if node.scale_down_disabled() {
        "which is annotated scale-down-disabled"
    } else if node.own {
        "on which this run's own pod is"
    } else if evicted_ago(facts, node.node).is_some_and(|ago| ago < MOMENT) {
        "from which pods were evicted a moment ago"
    } else if node.critical_pod.is_some() || node.occupants > node.movable || node.lost_pod.is_some() {
        "which other pods keep"
    } else if !on_its_disk.is_empty() {
        "on whose disk the data of a volume may be"
    } else {
        return;
    };
    found.push(Violation::EvictionFrom { node: node.name(), why: why.to_owned() });
}

fn check_budgets(facts: &Facts<'_>, evicted: &[(NodeIndex, &Pod)], found: &mut Vec<Violation>) {
    let mut spent: BTreeMap<usize, u32> = BTreeMap::new();
    for (_, pod) in evicted {
        let labels = pod.eviction.as_ref().map(|one| one.labels.clone()).unwrap_or_default();
        let protecting: Vec<usize> = (0..)
            .zip(facts.snapshot.budgets())
            .filter(|(_, budget)| budget.protects(&pod.namespace, &labels))
            .map(|(index, _)| index)
            .collect();
        if protecting.len() > 1 {
            let why = "two PodDisruptionBudgets protect it".to_owned();
            found.push(Violation::EvictionOf { pod: pod.full_name(), why });
        }
        for index in protecting {
            let free = facts.snapshot.budgets().get(index).is_some_and(|one| one.unready_at_any_time);
            if pod.ready || !free {
                *spent.entry(index).or_default() += 1;
            }
        }
    }
    for (index, evictions) in spent {
        let Some(budget) = facts.snapshot.budgets().get(index) else { continue };
        if evictions > budget.allowed {
            let (budget, allowed) = (budget.full_name(), budget.allowed);
            found.push(Violation::EvictionAgainstBudget { budget, evictions, allowed });
        }
    }
}

/// Only one pod of a controller is evicted at a time, and only while all others are Ready.
fn check_controllers(facts: &Facts<'_>, evicted: &[(NodeIndex, &Pod)], found: &mut Vec<Violation>) {
    let mut one: BTreeMap<ControllerKey<'_>, &Pod> = BTreeMap::new();
    for (_, pod) in evicted {
        let (Some(controller), Some(key)) = (&pod.controller, pod.controller_key()) else { continue };
        if one.insert(key, pod).is_some() {
            let why = format!("another pod of {} is evicted too", controller.name);
            found.push(Violation::EvictionOf { pod: pod.full_name(), why });
        }
    }
    for node in facts.snapshot.nodes() {
        if evicted_ago(facts, node).is_none_or(|ago| ago >= MOMENT) {
            continue;
        }
        let noted: BTreeSet<&str> = controllers_of(node).collect();
        for (_, going) in one.iter().filter(|((_, uid), _)| noted.contains(uid)) {
            let why = format!("another pod of its controller was evicted from {} a moment ago", node.name);
            found.push(Violation::EvictionOf { pod: going.full_name(), why });
        }
    }
    for pod in facts.snapshot.pods() {
        let of = pod.controller_key().and_then(|key| one.get(&key));
        if let Some(going) = of
            && !std::ptr::eq(*going, pod)
            && !is_up(pod)
        {
            let why = format!("{}, another pod of its controller, is not Ready", pod.full_name());
            found.push(Violation::EvictionOf { pod: going.full_name(), why });
        }
    }
}

/// Each evicted pod fits a node of its pool that stays in service, and all together fit the free room there.
fn check_room<'a>(
    facts: &Facts<'a>,
    steps: &Steps<'_>,
    evicted: &[(NodeIndex, &'a Pod)],
    found: &mut Vec<Violation>,
) {
    let mut asked: BTreeMap<&str, Amounts> = BTreeMap::new();
    for (index, pod) in evicted {
        let Some(pool) = facts.nodes.get(*index).map(|node| node.pool) else { continue };
        let admission = facts.admission(pod);
        let takes = |(other, node): &(NodeIndex, &NodeFacts<'_>)| {
            stays(steps, *other, node)
                && pod.requests.fits(&node.free())
                && admission.admits(node, facts.policy)
        };
        if !facts.of_pool(pool).any(|one| takes(&one)) {
            let why = "no node that stays in service has room for it".to_owned();
            found.push(Violation::EvictionOf { pod: pod.full_name(), why });
        }
        asked.entry(pool).or_default().add(&pod.requests);
    }
    for (pool, asked) in asked {
        let mut free = Amounts::default();
        for (_, node) in facts.of_pool(pool).filter(|(index, node)| stays(steps, *index, node)) {
            free.add(&node.free());
        }
        if !asked.fits(&free) {
            found.push(Violation::EvictionsWithoutRoom { pool: pool.to_owned() });
        }
    }
}

/// Whether a node takes pods after the cordons; a reserved one takes pods that reach it.
fn stays(steps: &Steps<'_>, index: NodeIndex, node: &NodeFacts<'_>) -> bool {
    let reserved = node.reserved && node.health.is_usable() && !node.node.unschedulable;
    (steps.serves_after(index, node) || reserved) && super::facts::takes_pods_now(node.node)
}

/// Whether an unbound pod, omitted or not, waits, and has not for an hour.
fn waits(facts: &Facts<'_>, pod: &Pod) -> bool {
    let Some(unbound) = pod.unbound.as_ref().filter(|unbound| !unbound.gated) else { return false };
    let since = unbound.refused_since().or(unbound.created_at);
    matches!(class(pod, facts.policy), Class::Dynamic | Class::Critical)
        && since.is_none_or(|since| age(facts.snapshot.observed_at(), since) < HOUR)
}

/// Whether a managed node would take a pod without occupants. The room of the others is none that an evicted pod could take.
fn has_a_node<'a>(facts: &Facts<'a>, pod: &'a Pod) -> bool {
    let admission = facts.admission_soon(pod);
    facts
        .managed()
        .any(|node| pod.requests.fits(&node.free_of_occupants()) && admission.admits(node, facts.policy))
}

fn is_up(pod: &Pod) -> bool {
    pod.ready && !pod.deleting && pod.node_name.is_some()
}

/// The reason why a drain keeps a node from being given back: pods must be evicted first, or are not Ready again.
pub(super) fn check_drained(facts: &Facts<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    if facts.policy.drain == Drain::None {
        return;
    }
    if let Some(pod) = node.to_evict.filter(|_| node.health.says_ready) {
        found.push(Violation::DeleteBeforeDrain { node: node.name(), pod: pod.full_name() });
    }
    let Some(since) = evicted_ago(facts, node.node) else { return };
    if since < MOMENT {
        found.push(Violation::DeleteAfterEviction { node: node.name(), seconds: since.as_secs() });
    }
    let controllers: BTreeSet<&str> = controllers_of(node.node).collect();
    let of_drained = |pod: &&Pod| {
        pod.controller.as_ref().is_some_and(|controller| controllers.contains(controller.uid.as_str()))
    };
    let down = facts.snapshot.pods().iter().filter(of_drained).find(|pod| !is_up(pod));
    if let Some(pod) = down.filter(|_| since < HOUR) {
        found.push(Violation::DeleteBeforeUp { node: node.name(), pod: pod.full_name() });
    }
}

/// The time since a pod was last evicted from a node.
fn evicted_ago(facts: &Facts<'_>, node: &Node) -> Option<SignedDuration> {
    let at = node.annotations.get(annotation::EVICTED_AT)?.parse().ok()?;
    let now = facts.snapshot.observed_at();
    not_ahead(now, at).map(|at| age(now, at))
}

/// The UIDs of the controllers of the pods that were evicted from a node.
fn controllers_of(node: &Node) -> impl Iterator<Item = &str> {
    let noted = node.annotations.get(annotation::EVICTED).map(String::as_str).unwrap_or_default();
    noted.split(',').filter(|uid| !uid.is_empty()).take(MOST_CONTROLLERS)
}
