//! A second planner, deliberately naive: sections 2 to 8, 12, 14, 16 and 19 of
//! `docs/decisions.md`, slow and obvious.
//!
//! It is written from the text alone, independently of the planner, returns plain sets, and gives no reasons. If the
//! two differ, the text decides which one is wrong.

mod choose;
mod common;
mod delete;
mod demand;
mod elsewhere;
mod evict;
mod expected;
mod list;
mod newcomer;
mod objects;
mod pack;
mod place;
mod reach;
mod room;
mod shape;
mod used;
mod words;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::{Node, Snapshot, Taint, TaintEffect, annotation, taint};
use kube_rebalancer_core::policy::Policy;

use choose::Chosen;
pub(crate) use common::note as note_common;
use list::Entry;
pub(crate) use newcomer::note as note_newcomers;
pub(crate) use pack::{add as fill_last, remove as fill_as_others};
use shape::Coming;
use words::Cordon;
use world::{State, World};

/// The decisions of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) uncordon: BTreeSet<String>,
    pub(crate) cordon: BTreeSet<String>,
    pub(crate) delete: BTreeSet<String>,
    /// New nodes by pool and group; the group is `None` if no group is known.
    pub(crate) grow: BTreeMap<(String, Option<String>), u32>,
    /// Nodes that get the soft taint, and that lose it.
    pub(crate) steer: BTreeSet<String>,
    pub(crate) unsteer: BTreeSet<String>,
    /// Instances that never became nodes, by group and name.
    pub(crate) delete_instances: BTreeSet<(String, String)>,
    /// Pods that are evicted, by node, namespace and name.
    pub(crate) evict: BTreeSet<(String, String, String)>,
    /// Node objects that are deleted.
    pub(crate) objects: BTreeSet<String>,
    /// Nodes whose machines are noted as gone, and nodes that lose such a note or the one before it.
    pub(crate) gone: BTreeSet<String>,
    pub(crate) not_gone: BTreeSet<String>,
}

/// Nodes that are created for waiting pods, by pod UID and group, as in the ledger.
pub(crate) type Tries = BTreeSet<(String, String)>;

/// Maximum number of passes of the choice.
const PASSES: usize = 8;

/// Decides; `None` if section 9 refuses.
pub(crate) fn decide(snapshot: &Snapshot, policy: &Policy) -> Option<Decision> {
    decide_and_note(snapshot, policy).map(|(decision, _)| decision)
}

/// The same, with the notes that it makes.
pub(crate) fn decide_and_note(snapshot: &Snapshot, policy: &Policy) -> Option<(Decision, Tries)> {
    let now = World::observed(snapshot, policy);
    let blind = !snapshot.nodes().is_empty() && snapshot.pods_seen() == 0;
    if blind || (now.machines.is_empty() && !policy.node_groups_named) {
        return None;
    }
    let mut decision = Decision::default();
    let mut tries = Tries::new();
    let mut left = policy.max_cordons.allows(now.machines.len());
    let mut creations = policy.max_creations.allows(now.machines.len());
    let pools: Vec<String> = now.pools.keys().cloned().collect();
    let mut chosen = settle(snapshot, policy, &pools, &BTreeSet::new());
    // Inside the band, cordons only move: if not all of them may be made, the serving nodes are kept.
    let mut held = BTreeSet::new();
    let mut spare = left;
    for pool in &pools {
        spare = spare.saturating_sub(broken(&now, pool).len());
        let (cordons, forced) = choose::cordons(&now, pool, &chosen[pool]);
        if choose::inside(&now, pool) && cordons.len() > spare {
            held.insert(pool.clone());
            spare -= forced.min(spare);
        } else {
            spare -= cordons.len().min(spare);
        }
    }
    if !held.is_empty() {
        let mut other = settle(snapshot, policy, &pools, &held);
        for pool in held {
            if let Some(staying) = other.remove(&pool) {
                chosen.insert(pool, staying);
            }
        }
    }
    for pool in &pools {
        let chosen = &chosen[pool];
        decision.uncordon.extend(choose::uncordons(&now, pool, chosen));
        decision.uncordon.extend(chosen.order.opened.iter().cloned());
        for line in &chosen.lines {
            if let Entry::New(group, _) = &line.entry
                && creations > 0
            {
                creations -= 1;
                tries.extend(chosen.order.tries.get(&line.entry).cloned());
                *decision.grow.entry((pool.clone(), group.clone())).or_default() += 1;
            }
        }
        for name in broken(&now, pool).into_iter().take(left) {
            left -= 1;
            decision.cordon.insert(name);
        }
        let (cordons, _) = choose::cordons(&now, pool, chosen);
        let taken = cordons.len().min(left);
        left -= taken;
        decision.cordon.extend(cordons.into_iter().take(taken));
    }
    if too_many_broken(&now) {
        return Some((Decision { uncordon: decision.uncordon, ..Decision::default() }, Tries::new()));
    }
    let drained;
    (decision.delete, drained) = delete::deletions(&now, &decision);
    decision.evict = evict::evictions(&now, &decision, &drained);
    objects::decide(&now, &mut decision);
    let spared = policy.max_deletions.allows(now.machines.len()) - decision.delete.len();
    decision.delete_instances = lost_instances(&now).into_iter().take(spared).collect();
    pack::steer(&now, &chosen, &mut decision);
    Some((decision, tries))
}

/// The number of nodes that a run may create.
pub(crate) fn creations_allowed(snapshot: &Snapshot, policy: &Policy) -> usize {
    World::observed(snapshot, policy).creations
}

/// Broken nodes that are to be cordoned.
fn broken(world: &World<'_>, pool: &str) -> Vec<String> {
    let broken = world.in_pool(pool).filter(|machine| {
        let protected = machine.is_critical(world.policy) || machine.is_pinned(world.policy);
        let open = machine.cordon == Cordon::None && machine.common && !machine.claimed;
        machine.state == State::Broken && open && !protected
    });
    broken.map(|machine| machine.name().to_owned()).collect()
}

/// Repeats the choice of every pool on the outcome of all, until nothing changes. A pool that creates nodes does not
/// choose again.
fn settle(
    snapshot: &Snapshot,
    policy: &Policy,
    pools: &[String],
    held: &BTreeSet<String>,
) -> BTreeMap<String, Chosen> {
    let mut current = snapshot.clone();
    let mut pool_of: Option<Vec<Option<String>>> = None;
    let observed = World::observed(snapshot, policy);
    let served = observed.served.clone();
    let mut settled: BTreeMap<String, Chosen> = BTreeMap::new();
    let mut latest: BTreeMap<String, Chosen> = BTreeMap::new();
    for _ in 0..PASSES {
        let mut world = World::observed(&current, policy);
        world.served.clone_from(&served);
        match &pool_of {
            None => pool_of = Some(world.loose.iter().map(|loose| loose.pool.clone()).collect()),
            // A pod belongs to the pool that it belonged to when the run began.
            Some(known) => {
                world.loose.iter_mut().zip(known).for_each(|(loose, pool)| loose.pool.clone_from(pool));
            }
        }
        world.wait_beside_other_pools(&observed);
        let news = |chosen: &Chosen| chosen.lines.iter().filter(|line| line.is_new()).count();
        let made: usize = settled.values().map(news).sum();
        world.creations = world.creations.saturating_sub(made);
        let mut changes: BTreeMap<String, bool> = BTreeMap::new();
        let choosing: Vec<&String> = pools.iter().filter(|pool| !settled.contains_key(*pool)).collect();
        for pool in choosing {
            let chosen = choose::choose(&world, pool, held.contains(pool));
            // A reserved node is opened, or not, for the pods that wait in the last pass: it stays as it is in each.
            for name in choose::uncordons(&world, pool, &chosen) {
                changes.insert(name, false);
            }
            let (cordons, _) = choose::cordons(&observed, pool, &chosen);
            let serves = |world: &World<'_>, name: &str| {
                list::serving(world, pool).iter().any(|line| line.node() == Some(name))
            };
            let unchosen = world.in_pool(pool).map(world::Machine::name);
            let unchosen =
                unchosen.filter(|name| !chosen.lines.iter().any(|line| line.node() == Some(*name)));
            for name in unchosen {
                // A node that awaits its replacement continues to serve.
                let stays = serves(&observed, name) && !cordons.iter().any(|one| one == name);
                if serves(&world, name) == stays {
                    continue;
                }
                changes.insert(name.to_owned(), !stays);
            }
            world.creations = world.creations.saturating_sub(news(&chosen));
            if chosen.lines.iter().any(list::Line::is_new) {
                settled.insert(pool.clone(), chosen);
            } else {
                latest.insert(pool.clone(), chosen);
            }
        }
        if changes.is_empty() || settled.len() == pools.len() {
            break;
        }
        current = outcome(&current, &changes);
    }
    latest.extend(settled);
    latest
}

/// The same cluster with these nodes cordoned (`true`) or uncordoned (`false`) by this program.
pub(crate) fn outcome(snapshot: &Snapshot, changes: &BTreeMap<String, bool>) -> Snapshot {
    let mut nodes = snapshot.nodes().to_vec();
    for node in &mut nodes {
        match changes.get(&node.name) {
            Some(true) => set_cordon(node, snapshot.observed_at()),
            Some(false) => lift_cordon(node),
            None => {}
        }
    }
    let (pods, groups) = (snapshot.pods().to_vec(), snapshot.groups().to_vec());
    Snapshot::new(snapshot.observed_at(), nodes, pods, groups, snapshot.pods_seen())
        .unwrap()
        .with_volumes(snapshot.volumes().clone())
        .with_stored_volumes(snapshot.stored_volumes().clone())
        .with_ledger(snapshot.ledger().cloned())
        .with_history(snapshot.history().cloned())
        .with_usage_of(snapshot)
        .with_fates(snapshot.fates().clone())
}

/// Cordons a node as a run does.
pub(crate) fn set_cordon(node: &mut Node, at: jiff::Timestamp) {
    node.unschedulable = true;
    pack::remove(node);
    node.annotations.insert(annotation::CORDONED_AT.to_owned(), at.to_string());
    node.taints.push(Taint {
        key: taint::UNSCHEDULABLE.to_owned(),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
        added_at: Some(at),
    });
}

/// Uncordons a node as a run does.
pub(crate) fn lift_cordon(node: &mut Node) {
    node.unschedulable = false;
    node.annotations.remove(annotation::CORDONED_AT);
    node.annotations.remove(annotation::EMPTY_SINCE);
    node.taints.retain(|one| one.key != taint::UNSCHEDULABLE);
}

/// Section 9: this is the sign of a network partition.
fn too_many_broken(world: &World<'_>) -> bool {
    let all: Vec<_> = world.machines.iter().filter(|one| !objects::is_only_object(world, one)).collect();
    let is_off = |one: &&&world::Machine<'_>| match one.state {
        State::Broken => true,
        State::NotInUse => one.is_ready,
        _ => false,
    };
    let off = all.iter().filter(is_off).count();
    let percent = usize::try_from(world.policy.max_unready_percent).unwrap();
    off * 100 > all.len() * percent && off >= world.policy.ok_unready_nodes
}

/// Section 3: instances that certainly have no node, long after their creation.
fn lost_instances(world: &World<'_>) -> BTreeSet<(String, String)> {
    let mut lost = BTreeSet::new();
    for group in world.snapshot.groups().iter().filter(|group| group.not_shrinkable.is_none()) {
        // Section 17: of a group that was not discovered, nothing is known.
        let known = world.policy.node_groups_named
            || world.machines.iter().any(|one| one.node.group.as_ref() == Some(&group.name));
        if shape::pool_of(world, group).is_none() || !known {
            continue;
        }
        for instance in &group.instances {
            if !instance.has_node && instance.surely_no_node && shape::coming(world, instance) == Coming::Lost
            {
                lost.insert((group.name.clone(), instance.name.clone()));
            }
        }
    }
    lost
}
