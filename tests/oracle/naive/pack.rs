//! Section 13: the nodes that fill last.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::{Node, Taint, TaintEffect, taint};

use super::Decision;
use super::choose::Chosen;
use super::list;
use super::used::Count;
use super::words::Cordon;
use super::world::{Machine, World};

/// Soft taints written or removed in one run.
const MOST: usize = 50;

pub(crate) fn carries(node: &Node) -> bool {
    node.taints.iter().any(|one| one.key == taint::FILL_LAST && one.effect == TaintEffect::PreferNoSchedule)
}

/// Writes the taint.
pub(crate) fn add(node: &mut Node) {
    remove(node);
    node.taints.push(Taint {
        key: taint::FILL_LAST.to_owned(),
        value: String::new(),
        effect: TaintEffect::PreferNoSchedule,
        added_at: None,
    });
}

/// Removes it.
pub(crate) fn remove(node: &mut Node) {
    node.taints.retain(|one| one.key != taint::FILL_LAST);
}

fn of_others(node: &Node) -> bool {
    node.taints.iter().any(|one| one.key != taint::FILL_LAST && one.effect == TaintEffect::PreferNoSchedule)
}

/// Adds the steered and unsteered nodes after all other decisions.
pub(crate) fn steer(world: &World<'_>, chosen: &BTreeMap<String, Chosen>, decision: &mut Decision) {
    let acted_on = |name: &str| {
        [&decision.cordon, &decision.delete, &decision.objects].iter().any(|nodes| nodes.contains(name))
    };
    let may_lose =
        |machine: &&Machine<'_>| carries(machine.node) && !machine.claimed && !acted_on(machine.name());
    let mut steer: Vec<String> = Vec::new();
    let mut unsteer: Vec<String> = Vec::new();
    if !world.policy.pack {
        unsteer.extend(world.machines.iter().filter(may_lose).map(|machine| machine.name().to_owned()));
        unsteer.sort();
        decision.unsteer = unsteer.into_iter().take(MOST).collect();
        return;
    }
    for pool in world.pools.keys() {
        let order = &chosen[pool].order;
        let part_one = |machine: &Machine<'_>| {
            order.lines[..order.part_one].iter().any(|line| line.node() == Some(machine.name()))
        };
        let serves = |machine: &&Machine<'_>| {
            let name = machine.name();
            let open = machine.cordon == Cordon::None || decision.uncordon.contains(name);
            machine.common && machine.usable(world.policy) && open && !decision.cordon.contains(name)
        };
        let decides = list::deciding(world, pool);
        let mut serving: Vec<&Machine<'_>> = world.in_pool(pool).filter(serves).collect();
        serving.sort_by_key(|machine| {
            (
                !part_one(machine),
                Reverse(machine.occupants(world.policy).filter(|pod| !machine.moves(pod)).count()),
                Reverse(machine.occupied(world.policy, decides)),
                Reverse(machine.node.created_at),
                machine.name(),
            )
        });
        let amount = |machine: &Machine<'_>| u128::from(machine.capacity.of(decides));
        let mut capacities: Vec<u128> = serving.iter().map(|machine| amount(machine)).collect();
        capacities.sort_unstable();
        let Some(capacity) = capacities.get(capacities.len().saturating_sub(1) / 2) else { continue };
        let daemons: u128 = serving
            .iter()
            .map(|machine| u128::from(world.daemons(Count::Requests, machine).of(decides)))
            .sum();
        let asked = u128::from(world.asked(Count::Requests, pool).of(decides)) + daemons;
        // In hundredths, for the half of a room.
        let room = (capacity * 30).max(asked * 5);
        let mut before: u128 = 0;
        for machine in serving {
            if of_others(machine.node) {
                if carries(machine.node) {
                    unsteer.push(machine.name().to_owned());
                }
                continue;
            }
            let last = if carries(machine.node) { before >= room } else { 2 * before >= 3 * room };
            before += u128::from(machine.free().of(decides)) * 100;
            match (carries(machine.node), last) {
                (true, false) => unsteer.push(machine.name().to_owned()),
                (false, true) => steer.push(machine.name().to_owned()),
                (true, true) | (false, false) => {}
            }
        }
    }
    // Reserved, or cordoned by this program and left cordoned.
    let idle = |machine: &&Machine<'_>| {
        let stays = machine.cordon == Cordon::Ours && !decision.uncordon.contains(machine.name());
        stays || !machine.common
    };
    let mut swept: Vec<String> = world
        .machines
        .iter()
        .filter(may_lose)
        .filter(idle)
        .map(|machine| machine.name().to_owned())
        .collect();
    swept.sort();
    unsteer.extend(swept);
    let left = MOST.saturating_sub(unsteer.len());
    decision.unsteer = unsteer.into_iter().take(MOST).collect::<BTreeSet<_>>();
    decision.steer = steer.into_iter().rev().take(left).collect();
}
