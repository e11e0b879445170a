//! A second planner, deliberately naive: POLICY 2 to 7 as far as they concern the choice, slow and obvious.
//!
//! ```text
//!   World (what is there) -> order (the list, waiting pods placed) -> choose (try every prefix)
//!      ^                                                                |
//!      +-- the same again on the outcome, until nothing changes <-------+--> budgets, guard, deletions -> Decision
//! ```
//!
//! It was written from POLICY.md without a look at the planner, returns plain sets, and gives no reasons. Where the
//! two differ, the words of POLICY decide who is wrong.

mod choose;
mod create;
mod delete;
mod list;
mod place;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_core::policy::Policy;

use list::{Entry, Hold, Order, order};
use world::World;

/// What a run does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) uncordon: BTreeSet<String>,
    pub(crate) cordon: BTreeSet<String>,
    pub(crate) delete: BTreeSet<String>,
    /// New nodes by group; the group `None` where no group is known.
    pub(crate) grow: BTreeMap<Option<String>, u32>,
}

/// The first choice is taken, then taken again on its own outcome so many times at most.
const REPEATS: usize = 8;

/// Decides; `None` where POLICY 9 refuses.
pub(crate) fn decide(snapshot: &Snapshot, policy: &Policy) -> Option<Decision> {
    let now = World::observed(snapshot, policy);
    let blind = !snapshot.nodes().is_empty() && snapshot.pods_seen() == 0;
    if blind || (now.machines.is_empty() && !policy.node_groups_named) {
        return None;
    }
    let mut decision = difference(&now, policy);
    if now.too_many_broken(policy) {
        return Some(Decision { uncordon: decision.uncordon, ..Decision::default() });
    }
    decision.delete = delete::deletions(&now, &decision, policy);
    Some(decision)
}

/// Takes the choice again and again on its own outcome, until it changes nothing or creates nodes.
fn settle(now: &World<'_>, hold: Hold, policy: &Policy) -> (Order, Vec<Entry>) {
    let mut world = now.clone();
    let mut repeats = 0;
    loop {
        let order = order(&world, hold, policy);
        let chosen = choose::choose(&world, &order, policy);
        let after = world.after(&chosen);
        if chosen.iter().any(Entry::is_new) || after == world || repeats == REPEATS {
            return (order, chosen);
        }
        world = after;
        repeats += 1;
    }
}

/// The difference between now and the choice, within `MAX_CORDONS`.
///
/// Inside the band half a move would only add nodes: when the budget does not allow all cordons, and other nodes would
/// be uncordoned for them than if everything that serves had to stay, then that stays, and only what is more than
/// `MAX_NODES` goes.
fn difference(now: &World<'_>, policy: &Policy) -> Decision {
    let allowed = policy.max_cordons.allows(now.machines.len());
    let (last, chosen) = settle(now, Hold::No, policy);
    let mut decision = uncordoned_and_grown(now, &chosen);
    let broken =
        now.machines.iter().filter(|machine| !machine.cordoned && machine.broken && !machine.protected());
    let broken: Vec<String> = broken.map(|machine| machine.node.name.clone()).take(allowed).collect();
    let left = allowed - broken.len();

    let mut surplus = surplus(now, &last, &chosen);
    let inside = choose::within_band(now, &order(now, Hold::No, policy), policy);
    if surplus.len() > left && inside {
        let (last, chosen) = settle(now, Hold::Serving, policy);
        let held = uncordoned_and_grown(now, &chosen);
        if held.uncordon != decision.uncordon {
            surplus = self::surplus(now, &last, &chosen);
            decision = held;
        }
    }
    decision.cordon = broken.into_iter().chain(surplus.into_iter().take(left)).collect();
    decision
}

/// What serves and was not chosen; the last ones in keep order go first.
fn surplus(now: &World<'_>, last: &Order, chosen: &[Entry]) -> Vec<String> {
    let names = last.entries.iter().rev().filter_map(Entry::node_name);
    names.filter(|name| now.serves(name) && !contains(chosen, name)).map(str::to_owned).collect()
}

fn contains(chosen: &[Entry], name: &str) -> bool {
    chosen.iter().any(|entry| entry.node_name() == Some(name))
}

fn uncordoned_and_grown(now: &World<'_>, chosen: &[Entry]) -> Decision {
    let mut decision = Decision::default();
    let cordoned = now.machines.iter().filter(|machine| machine.cordoned);
    let names = cordoned.map(|machine| machine.node.name.clone());
    decision.uncordon = names.filter(|name| contains(chosen, name)).collect();
    for group in chosen.iter().filter_map(Entry::new_in) {
        *decision.grow.entry(group.clone()).or_default() += 1;
    }
    decision
}

/// How many nodes are managed.
pub(crate) fn managed_nodes(snapshot: &Snapshot, policy: &Policy) -> usize {
    World::observed(snapshot, policy).machines.len()
}
