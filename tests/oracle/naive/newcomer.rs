//! Sections 3 and 5: groups whose youngest node is of no use.

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{CreatedFor, Ledger, Node, NodeGroup, Snapshot};
use kube_rebalancer_core::policy::Policy;

use super::shape::pool_of;
use super::words;
use super::world::{Machine, State, World};

/// The youngest node of a group, whether or not it is managed; without groups, the youngest managed one of the pool.
fn youngest<'a>(world: &World<'a>, group: Option<&NodeGroup>, pool: &str) -> Option<&'a Node> {
    let nodes: Vec<&Node> = match group {
        Some(group) => {
            world.snapshot.nodes().iter().filter(|node| node.group.as_ref() == Some(&group.name)).collect()
        }
        None => {
            let exist = world.in_pool(pool).filter(|machine| !super::objects::is_only_object(world, machine));
            exist.map(|machine| machine.node).collect()
        }
    };
    // Whether a common node that boots is useful shows later.
    let tells = |node: &&Node| {
        let machine = world.machine(&node.name).map(|at| &world.machines[at]);
        let shuts_down = |one: &Machine<'_>| !one.is_ready && one.state == State::NotInUse;
        machine.is_none_or(|one| !(one.state == State::Booting || shuts_down(one)) || !one.common)
    };
    nodes
        .into_iter()
        .filter(|node| node.created_at.is_some())
        .filter(tells)
        .max_by_key(|node| node.created_at)
}

/// The time since which a node is known to be useless: now, or its age of twice `BOOT_GRACE`. And whether that counts
/// without notes; an older node counts by the notes alone.
fn useless_since(world: &World<'_>, node: &Node) -> Option<(Timestamp, bool)> {
    let end = node.created_at? + world.policy.boot_grace * 2;
    let known = (end.min(world.now), world.now < end);
    let Some(at) = world.machine(&node.name) else {
        // Another program may work on a node that is not managed now.
        return (!words::may_be_managed(&node.labels, world.policy)).then_some(known);
    };
    let machine = &world.machines[at];
    let siblings = world.machines.iter().filter(|one| match &node.group {
        Some(_) => one.node.group == node.group,
        None => one.pool == machine.pool,
    });
    let beside_common = siblings.filter(|one| one.common).count() > 0;
    if !machine.common && beside_common {
        return Some(known);
    }
    let unusable = match machine.state {
        State::Broken => words::not_ready_since(node, world.now).unwrap_or(world.now) < end,
        State::NotInUse => true,
        _ => false,
    };
    unusable.then_some(known)
}

/// Whether its youngest node keeps a group from growing.
pub(crate) fn disappoints(world: &World<'_>, group: Option<&NodeGroup>, pool: &str) -> bool {
    let Some(node) = youngest(world, group, pool) else { return false };
    useless_since(world, node).is_some_and(|(_, recent)| recent)
}

/// Whether useless nodes of the group are noted, in this run or an earlier one, and the pause after them is not over.
pub(crate) fn backs_off(world: &World<'_>, group: &NodeGroup) -> bool {
    let before = world.snapshot.ledger().map(|ledger| ledger.useless.get(&group.name).copied());
    before.and_then(|before| noted(world, group, before)).is_some_and(|noted| {
        let doubled = world.policy.boot_grace * 2_i32.pow(noted.nodes.saturating_sub(1).min(16));
        words::age(world.now, noted.at) < doubled.min(SignedDuration::from_hours(24))
    })
}

/// The note of a group after a check of its newcomers.
fn noted(world: &World<'_>, group: &NodeGroup, before: Option<CreatedFor>) -> Option<CreatedFor> {
    let late = group.instances.iter().filter(|one| !one.has_node).filter_map(|one| one.created_at);
    let late = late.filter(|at| words::age(world.now, *at) >= world.policy.boot_grace).max();
    let of_node: Option<(Timestamp, Option<Timestamp>)> = youngest(world, Some(group), "").and_then(|node| {
        let useless = useless_since(world, node).map(|(at, _)| at);
        // A cordon does not make it useless.
        let machine = world.machine(&node.name).map(|at| &world.machines[at]);
        let of_use = machine.is_some_and(|machine| machine.usable(world.policy) && machine.common);
        (useless.is_some() || of_use).then_some((node.created_at?, useless))
    });
    let newest = of_node.into_iter().chain(late.map(|at| (at, Some(world.now)))).max();
    match newest.filter(|(created, _)| before.is_none_or(|note| *created > note.at)) {
        Some((_, Some(at))) => Some(CreatedFor { nodes: before.map_or(0, |note| note.nodes) + 1, at }),
        Some((_, None)) => None,
        None => before,
    }
}

/// The notes of a run about newcomers.
pub(crate) fn note(snapshot: &Snapshot, policy: &Policy, ledger: &mut Ledger) {
    let world = World::observed(snapshot, policy);
    for group in snapshot.groups() {
        let managed = world.machines.iter().any(|one| one.node.group.as_ref() == Some(&group.name));
        if !(managed || policy.node_groups_named) || pool_of(&world, group).is_none() {
            continue;
        }
        match noted(&world, group, ledger.useless.get(&group.name).copied()) {
            Some(noted) => drop(ledger.useless.insert(group.name.clone(), noted)),
            None => drop(ledger.useless.remove(&group.name)),
        }
    }
}
