//! Section 5, room for users: as long as a node had room for one more pod like the ones of its pool, one has it after
//! the plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::{Class, Facts, NodeFacts, class, is_omitted, is_own, takes_pods_now};
use super::growth;
use super::steps::Steps;
use super::violation::{Direction, Violation};
use super::waiting::has_room;
use crate::model::{Amounts, Binding, Constraints, NodeIndex, Pod};

/// Pods alike are judged if they are at least one in this many users' pods of their pool.
const SHARE: usize = 100;

/// Users' pods of a pool that find room on the same nodes.
struct Alike<'a> {
    pod: &'a Pod,
    zone: Option<&'a str>,
    number: usize,
}

pub(super) fn check(facts: &Facts<'_>, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let loses_some = |pool: &&str| {
        let leaves = |(index, node): (NodeIndex, &NodeFacts<'_>)| {
            node.serves() && steps.on(index) == Some(Direction::Cordon)
        };
        facts.of_pool(pool).any(leaves)
    };
    let pools: Vec<&str> = facts.pools().into_iter().filter(loses_some).collect();
    if pools.is_empty() {
        return;
    }
    let alike = alike(facts);
    for pool in pools {
        if !is_bounded(facts, steps, pool) {
            let of_pool = alike.iter().filter(|((of, ..), _)| *of == pool).map(|(_, alike)| alike);
            check_pool(facts, steps, pool, of_pool, found);
        }
    }
}

/// Whether a `MAX_NODES` that was set leaves no place for a further node.
fn is_bounded(facts: &Facts<'_>, steps: &Steps<'_>, pool: &str) -> bool {
    let bounds = facts.policy.bounds_of(pool);
    let nodes = facts.of_pool(pool);
    let in_use = nodes.filter(|(index, node)| steps.serves_after(*index, node) || node.boots()).count();
    let to_come =
        growth::booting_instances(facts, pool) + steps.new_nodes_in(pool) + steps.woken_in(facts, pool);
    bounds.max_nodes_set && in_use + to_come >= bounds.max_nodes
}

type Key<'a> = (&'a str, &'a Constraints, &'a Amounts, Option<&'a str>);

/// The users' pods on managed nodes, by pool. Most pods are like the one before or share its constraints: these are compared by
/// their addresses first.
fn alike<'a>(facts: &Facts<'a>) -> BTreeMap<Key<'a>, Alike<'a>> {
    let mut found: Vec<(&'a str, Alike<'a>)> = Vec::new();
    let mut known = BTreeMap::new();
    for (pod, binding) in facts.snapshot.placed_pods() {
        let Binding::Node(index) = binding else { continue };
        let Some(node) = facts.nodes.get(index).filter(|node| node.managed) else { continue };
        let counts = !is_own(pod, facts.policy) && !is_omitted(pod, facts.policy);
        if !counts || class(pod, facts.policy) != Class::Dynamic {
            continue;
        }
        // Disks are zonal.
        let keeps = !pod.claims.is_empty() && facts.policy.bounds_of(node.pool).keep_zones;
        let zone = node.node.zone().filter(|_| keeps);
        let key = (node.pool, Arc::as_ptr(&pod.constraints), &pod.requests, zone);
        let at = *known.entry(key).or_insert(found.len());
        match found.get_mut(at) {
            Some((_, alike)) => alike.number += pod.count(),
            None => found.push((node.pool, Alike { pod, zone, number: pod.count() })),
        }
    }
    let mut all: BTreeMap<Key<'a>, Alike<'a>> = BTreeMap::new();
    for (pool, alike) in found {
        let key = (pool, &*alike.pod.constraints, &alike.pod.requests, alike.zone);
        match all.get_mut(&key) {
            Some(known) => known.number += alike.number,
            None => {
                all.insert(key, alike);
            }
        }
    }
    all
}

fn check_pool<'f, 'a: 'f>(
    facts: &Facts<'a>,
    steps: &Steps<'_>,
    pool: &str,
    of_pool: impl Iterator<Item = &'f Alike<'a>>,
    found: &mut Vec<Violation>,
) {
    let of_pool: Vec<&Alike<'_>> = of_pool.collect();
    let all: usize = of_pool.iter().map(|alike| alike.number).sum();
    for Alike { pod, zone, .. } in of_pool.into_iter().filter(|alike| alike.number * SHARE >= all) {
        let admission = facts.admission_aside_of_volumes(pod);
        let admits = |node: &NodeFacts<'_>| {
            zone.is_none_or(|zone| node.node.zone() == Some(zone)) && admission.admits(node, facts.policy)
        };
        let takes = |node: &NodeFacts<'_>| takes_pods_now(node.node) && has_room(node, pod) && admits(node);
        let others = pod.requests.clone().without(&facts.policy.resources);
        let takes_others =
            |node: &NodeFacts<'_>| takes_pods_now(node.node) && others.fits(&node.free()) && admits(node);
        let mut common = facts.of_pool(pool).filter(|(_, node)| node.is_common());
        let goes_anywhere = common.all(|(_, node)| admits(node));
        let then = facts.of_pool(pool).any(|(index, node)| {
            steps.serves_after(index, node) && (takes(node) || (goes_anywhere && takes_others(node)))
        });
        if then {
            continue;
        }
        if let Some((_, node)) = facts.of_pool(pool).find(|(_, node)| node.serves() && takes(node)) {
            found.push(Violation::NoRoomLeft {
                pool: pool.to_owned(),
                pod: pod.full_name(),
                node: node.name(),
            });
        }
    }
}
