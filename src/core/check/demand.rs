//! Section 4: the demand of each pool's pods, without the daemons of the serving nodes and without foresight.

use std::collections::BTreeMap;

use super::facts::{Class, Facts, NodeFacts, class, deciding, is_omitted, takes_pods_now};
use super::parked;
use super::reach::{Admission, volume_affinities};
use super::steps::Steps;
use super::violation::Direction;
use super::waiting::{is_as_good_as_on, is_waiting, nominated_node};
use crate::model::{Amounts, Constraints, Pod, Resource};

/// The requests of each pool by its name. `grows` names the pools in which the plan creates nodes.
pub(super) fn of_pools<'a>(facts: &Facts<'a>, grows: &impl Fn(&str) -> bool) -> BTreeMap<&'a str, Amounts> {
    let mut demand: BTreeMap<&str, Amounts> =
        facts.pools().into_iter().map(|pool| (pool, deciding(0, 0))).collect();
    let mut add = |pool: &'a str, amounts: &Amounts| {
        demand.entry(pool).or_insert_with(|| deciding(0, 0)).add(amounts);
    };
    for node in facts.managed().filter(|node| node.is_common()) {
        let stays = !node.node.unschedulable && node.health.keeps_its_users();
        if !stays {
            add(node.pool, &node.dynamic.clone().plus(&node.critical));
        }
        add(node.pool, &node.placeholders);
    }
    for (pool, amounts) in of_reserved_nodes(facts) {
        add(pool, &amounts);
    }
    for (pool, pod) in of_unbound(facts, grows) {
        add(pool, &deciding_of(pod));
    }
    demand
}

fn deciding_of(pod: &Pod) -> Amounts {
    deciding(pod.requests.of(Resource::Memory), pod.requests.of(Resource::Cpu))
}

/// Users' pods and placeholders on reserved nodes that would reach a common node of their pool: they may come back there.
fn of_reserved_nodes<'a>(facts: &Facts<'a>) -> Vec<(&'a str, Amounts)> {
    let mut found = Vec::new();
    if !facts.managed().any(|node| node.reserved) {
        return found;
    }
    let mut fits = Fits::default();
    for (index, pod) in facts.on_tainted.iter().copied() {
        let Some(node) = facts.nodes.get(index).filter(|node| node.reserved) else { continue };
        let class = class(pod, facts.policy);
        let stays = class == Class::Dynamic && !node.node.unschedulable && node.health.keeps_its_users();
        if !matches!(class, Class::Dynamic | Class::Placeholder) || stays {
            continue;
        }
        if fits.anywhere(facts, pod, node.pool, NodeFacts::is_common) {
            let has = |resource| {
                let offered = node.node.allocatable.of(resource).max(node.node.capacity.of(resource));
                pod.requests.of(resource).min(offered.unwrap_or(u64::MAX))
            };
            let requests = deciding(has(Resource::Memory), has(Resource::Cpu));
            found.push((node.pool, requests.times(pod.count())));
        }
    }
    found
}

/// The unbound pods that would fit a candidate of their pool without occupants.
///
/// A pod that only a new node would take is left out: no existing node could serve it, so it is no reason against a
/// cordon.
fn of_unbound<'a>(facts: &Facts<'a>, grows: &impl Fn(&str) -> bool) -> Vec<(&'a str, &'a Pod)> {
    let mut fits = Fits::default();
    let at_home = homes(facts, grows).into_iter().filter_map(|(pod, pool)| Some((pool?, pod)));
    // As if it were bound: a critical pod with a nomination for a reserved node does not count.
    let stays_apart = |pod: &Pod| {
        class(pod, facts.policy) == Class::Critical
            && is_as_good_as_on(facts, pod).is_some_and(|node| node.reserved)
    };
    let at_home = at_home.filter(|(_, pod)| !stays_apart(pod));
    at_home.filter(|(pool, pod)| fits.anywhere(facts, pod, pool, |node| is_candidate(facts, node))).collect()
}

/// The unbound pods that are taken into account, each with the pool that it belongs to.
pub(super) fn homes<'a>(facts: &Facts<'a>, grows: &impl Fn(&str) -> bool) -> Vec<(&'a Pod, Option<&'a str>)> {
    let pools: Vec<&str> = facts.pools().into_iter().collect();
    let mut rooms = BTreeMap::new();
    let mut found = Vec::new();
    for pod in facts.unbound.iter().copied() {
        let gated = pod.unbound.as_ref().is_some_and(|unbound| unbound.gated);
        if gated || is_omitted(pod, facts.policy) || class(pod, facts.policy) == Class::Daemon {
            continue;
        }
        let pool = match (pools.as_slice(), is_as_good_as_on(facts, pod)) {
            ([only], _) => Some(*only),
            (_, Some(node)) => Some(node.pool),
            _ => *rooms.entry(likeness(facts, pod)).or_insert_with(|| pool_of(facts, pod, grows)),
        };
        found.push((pod, pool));
    }
    found
}

/// The requests of pods of other pools that a pool takes: the plan uncordons the node that the scheduler has nominated for
/// them. Their own pools count them too, because that uncordon may fail (section 6).
pub(super) fn arriving(facts: &Facts<'_>, steps: &Steps<'_>, pool: &str) -> Amounts {
    let mut sum = deciding(0, 0);
    let here: Vec<&NodeFacts<'_>> = facts
        .of_pool(pool)
        .filter(|(index, node)| {
            steps.on(*index) == Some(Direction::Uncordon) && steps.serves_after(*index, node)
        })
        .map(|(_, node)| node)
        .collect();
    if here.is_empty() {
        return sum;
    }
    for (pod, home) in homes(facts, &|_| false).into_iter().filter(|(pod, _)| is_waiting(facts, pod)) {
        let comes_here =
            || nominated_node(facts, pod).is_some_and(|node| here.iter().any(|one| std::ptr::eq(*one, node)));
        if home != Some(pool) && comes_here() {
            sum.add(&deciding_of(pod));
        }
    }
    sum
}

/// Whether the node may serve after this run.
pub(super) fn is_candidate(facts: &Facts<'_>, node: &NodeFacts<'_>) -> bool {
    let usable = node.health.is_usable() && !node.cordon_must_stay(facts.policy);
    node.is_common() && (usable || node.boots() || parked::is_wakeable(facts, node))
}

/// The pool with the first place for an unbound pod: room on a serving node, on a cordoned candidate, on a reserved one, a
/// booting one, a parked one, a new one; else a pool that it reaches. Among equals, a pool without devices that it does not ask
/// for, then by name.
fn pool_of<'a>(facts: &Facts<'a>, pod: &Pod, grows: &impl Fn(&str) -> bool) -> Option<&'a str> {
    let admission = Admission::of(pod, facts.snapshot);
    let place = |node: &NodeFacts<'a>| {
        let room = pod.requests.fits(&node.free().minus(&node.to_come));
        let room_now = room && takes_pods_now(node.node);
        let comes = node.boots() || node.is_parked();
        if node.serves() && room_now {
            0
        } else if is_candidate(facts, node) && !comes && room_now {
            1
        } else if node.reserved && node.health.is_usable() && room_now {
            2
        } else if node.boots() && room {
            3
        } else if is_candidate(facts, node) && node.is_parked() && room {
            4
        } else if grows(node.pool) {
            5
        } else {
            6
        }
    };
    let foreign_device = |node: &NodeFacts<'_>| {
        let offer = node.node.allocatable.offer(&node.node.capacity);
        offer.further().any(|(name, amount)| {
            amount > 0 && crate::model::is_extended_resource(name) && pod.requests.further_of(name) == 0
        })
    };
    facts
        .managed()
        .filter(|node| admission.admits(node.node, facts.policy))
        .filter(|node| pod.requests.fits(&node.free_of_occupants().minus(&node.to_come)))
        .map(|node| (place(node), foreign_device(node), node.pool))
        .min()
        .map(|(_, _, pool)| pool)
}

type Likeness<'a> = (*const Constraints, &'a Amounts, Option<(&'a str, &'a str)>);

/// A key that is equal for pods that fit the same nodes.
fn likeness<'a>(facts: &Facts<'a>, pod: &'a Pod) -> Likeness<'a> {
    let placed = volume_affinities(pod, facts.snapshot).next().is_some();
    let alone = placed.then_some((&*pod.namespace, &*pod.name));
    (std::sync::Arc::as_ptr(&pod.constraints), &pod.requests, alone)
}

/// Computes which pods fit a node of a pool without occupants, once for equal pods.
#[derive(Default)]
struct Fits<'a> {
    known: BTreeMap<(&'a str, Likeness<'a>), bool>,
}

impl<'a> Fits<'a> {
    fn anywhere(
        &mut self,
        facts: &Facts<'a>,
        pod: &'a Pod,
        pool: &'a str,
        node_counts: impl Fn(&NodeFacts<'a>) -> bool,
    ) -> bool {
        *self.known.entry((pool, likeness(facts, pod))).or_insert_with(|| {
            let admission = Admission::of(pod, facts.snapshot);
            facts.of_pool(pool).any(|(_, node)| {
                node_counts(node)
                    && admission.admits(node.node, facts.policy)
                    && pod.requests.fits(&node.free_of_occupants().minus(&node.to_come))
            })
        })
    }
}
