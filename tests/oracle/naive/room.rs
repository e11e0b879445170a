//! Section 5: room for one more pod of each kind.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use kube_rebalancer_core::model::{Amounts, Constraints, Pod};

use super::choose::Chosen;
use super::list;
use super::reach;
use super::words::Class;
use super::world::{Machine, World};

/// A kind of users' pods: requests, constraints and the zone of disks.
pub(crate) type Kind = (Amounts, Constraints, Option<String>);

/// The kinds of a pool that are one in a hundred, with their first pods by name.
fn kinds<'a>(world: &World<'a>, pool: &str) -> Vec<(Kind, &'a Pod)> {
    let zonal = world.bounds(pool).keep_zones;
    let mut pods: BTreeMap<Kind, Vec<&Pod>> = BTreeMap::new();
    for machine in world.in_pool(pool) {
        for pod in machine.occupants(world.policy).filter(|pod| world.class(pod) == Class::Dynamic) {
            let zone = machine.node.zone().filter(|_| zonal && !pod.claims.is_empty());
            let kind = (pod.requests.clone(), (*pod.constraints).clone(), zone.map(str::to_owned));
            pods.entry(kind).or_default().push(pod);
        }
    }
    let all: usize = pods.values().map(Vec::len).sum();
    pods.retain(|_, some| some.len() * 100 >= all);
    let name = |pod: &&Pod| (pod.namespace.clone(), pod.name.clone());
    let mut kinds: Vec<(Kind, &Pod)> =
        pods.into_iter().map(|(kind, some)| (kind, some.into_iter().min_by_key(name).unwrap())).collect();
    kinds.sort_by_key(|(kind, first)| (Reverse(kind.0.memory), Reverse(kind.0.cpu), name(first)));
    kinds
}

/// Whether a pod of a kind may go to a node.
fn may_go(world: &World<'_>, kind: &Kind, pod: &Pod, machine: &Machine<'_>) -> bool {
    let zone = kind.2.as_deref();
    zone.is_none_or(|zone| machine.node.zone() == Some(zone)) && reach::may_be_bound(world, pod, machine)
}

/// Whether a node has this much room for one more pod of a kind.
fn takes(world: &World<'_>, kind: &Kind, pod: &Pod, asked: &Amounts, machine: &Machine<'_>) -> bool {
    !machine.turns_away() && may_go(world, kind, pod, machine) && asked.fits(&machine.free())
}

/// The first node that would go with the last room for a kind; each kind is named once.
pub(crate) fn lost(world: &World<'_>, pool: &str, chosen: &Chosen, named: &mut Vec<Kind>) -> Option<String> {
    let is_chosen = |name: &str| chosen.lines.iter().any(|line| line.ready && line.node() == Some(name));
    let ready = list::ready_in_order(world, pool);
    for (kind, pod) in kinds(world, pool) {
        let open: Vec<_> =
            ready.iter().filter(|machine| takes(world, &kind, pod, &kind.0, machine)).collect();
        let mut common = world.in_pool(pool).filter(|machine| machine.common);
        let asked = if common.all(|machine| may_go(world, &kind, pod, machine)) {
            kind.0.clone().without(&world.policy.resources)
        } else {
            kind.0.clone()
        };
        let has_some = ready.iter().any(|one| is_chosen(one.name()) && takes(world, &kind, pod, &asked, one));
        if named.contains(&kind) || has_some {
            continue;
        }
        if let Some(machine) = open.iter().find(|machine| machine.serves(world.policy)) {
            let name = machine.name().to_owned();
            named.push(kind);
            return Some(name);
        }
    }
    None
}
