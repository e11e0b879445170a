//! Section 13: soft taints. They keep no pod away, so the rules are: the rest of the pool has room first, the taints of others
//! stay, and ours are removed where they have no use.

use std::collections::{BTreeMap, BTreeSet};

use super::demand::Demand;
use super::facts::{Facts, NodeFacts, deciding};
use super::steps::Steps;
use super::violation::{Direction, Violation};
use crate::model::{Amounts, NodeIndex, Resource, TaintEffect, taint};
use crate::plan::{Action, Plan};

/// Maximum number of soft taints that one run writes or removes.
const MOST: usize = 50;

/// The changes of soft taints in a plan, by node.
#[derive(Default)]
struct Steered {
    /// Whether the node carries the taint afterwards, for the nodes on which that changes.
    after: BTreeMap<NodeIndex, bool>,
    /// The number of actions.
    actions: usize,
}

pub(super) fn check(facts: &Facts<'_>, plan: &Plan, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let mut steered = Steered::default();
    for action in &plan.actions {
        let adds = matches!(action, Action::Steer { .. });
        let (Action::Steer { node: name, .. } | Action::Unsteer { node: name, .. }) = action else {
            continue;
        };
        steered.actions += 1;
        let Some((index, node)) = facts.find(name).and_then(|index| Some((index, facts.nodes.get(index)?)))
        else {
            continue;
        };
        let why = if steered.after.insert(index, adds).is_some() {
            Some("its soft taint is changed twice")
        } else if adds {
            why_not_steer(facts, steps, index, node)
        } else {
            why_not_unsteer(steps, index, node)
        };
        if let Some(why) = why {
            found.push(Violation::SteerUnfounded { node: name.clone(), verb: action.verb(), why });
        }
    }
    if steered.actions > MOST {
        found.push(Violation::SteersTooMany { actions: steered.actions, most: MOST });
    }
    check_room(facts, steps, &steered, found);
    if plan.guard.is_none() && steered.actions < MOST {
        check_sweep(facts, plan, steps, &steered, found);
    }
}

fn carries(node: &NodeFacts<'_>) -> bool {
    let mut taints = node.node.taints.iter();
    taints.any(|one| one.key == taint::FILL_LAST && one.effect == TaintEffect::PreferNoSchedule)
}

fn avoided_for_others(node: &NodeFacts<'_>) -> bool {
    let mut taints = node.node.taints.iter();
    taints.any(|one| one.key != taint::FILL_LAST && one.effect == TaintEffect::PreferNoSchedule)
}

fn why_not_steer(
    facts: &Facts<'_>,
    steps: &Steps<'_>,
    index: NodeIndex,
    node: &NodeFacts<'_>,
) -> Option<&'static str> {
    if !facts.policy.pack {
        Some("PACK is off")
    } else if !steps.serves_after(index, node) {
        Some("it does not serve after the plan")
    } else if avoided_for_others(node) {
        Some("it carries a soft taint of others")
    } else if carries(node) {
        Some("it carries the taint")
    } else {
        None
    }
}

fn why_not_unsteer(steps: &Steps<'_>, index: NodeIndex, node: &NodeFacts<'_>) -> Option<&'static str> {
    if !carries(node) {
        Some("it does not carry the taint")
    } else if node.marks.claimed {
        Some("another run is about to delete it")
    } else if matches!(steps.on(index), Some(Direction::Cordon | Direction::Delete)) {
        // The cordon's own patch removes it; a second patch would conflict with it.
        Some("another action of the plan takes it out of service")
    } else {
        None
    }
}

/// If a node of a pool is made to fill last, the nodes that fill first have enough room, by at least one of the resources.
/// Foresight is left out: it would only require more room.
fn check_room(facts: &Facts<'_>, steps: &Steps<'_>, steered: &Steered, found: &mut Vec<Violation>) {
    let is_judged = |pool: &str| {
        let added = |(index, _): (NodeIndex, &NodeFacts<'_>)| steered.after.get(&index) == Some(&true);
        facts.of_pool(pool).any(added)
    };
    let judged: BTreeSet<&str> = facts.pools().into_iter().filter(|pool| is_judged(pool)).collect();
    if judged.is_empty() {
        return;
    }
    let rooms: BTreeMap<&str, Vec<Room>> =
        judged.iter().map(|pool| (*pool, rooms(facts, steps, steered, pool))).collect();
    let holds = |pool: &str, asked: &Amounts| {
        rooms.get(pool).is_some_and(|rooms| rooms.iter().any(|room| room.is_enough_for(asked)))
    };
    let demand = Demand::of(facts).decided(|pool| judged.contains(pool), holds);
    for pool in judged {
        let asked = demand.get(pool).cloned().unwrap_or_else(|| deciding(0, 0));
        if !holds(pool, &asked) {
            found.push(Violation::SteersWithoutRoom { pool: pool.to_owned() });
        }
    }
}

/// The room of the nodes of a pool that fill first, by one resource.
struct Room {
    resource: Resource,
    free: u128,
    daemons: u128,
    /// The capacity of the node in the middle.
    capacity: u128,
}

impl Room {
    fn is_enough_for(&self, asked: &Amounts) -> bool {
        let asked = u128::from(asked.of(self.resource)) + self.daemons;
        // 5 % of the demand, and 0.3 of a node, both times twenty.
        self.free * 20 >= asked && self.free * 20 >= self.capacity * 6
    }
}

/// The room of a pool by each of the resources: one is enough.
fn rooms(facts: &Facts<'_>, steps: &Steps<'_>, steered: &Steered, pool: &str) -> Vec<Room> {
    let serving = || facts.of_pool(pool).filter(|(index, node)| steps.serves_after(*index, node));
    let room = |resource: &Resource| {
        let fills_first = serving().filter(|(index, node)| {
            let last = steered.after.get(index).copied().unwrap_or_else(|| carries(node));
            !last && !avoided_for_others(node)
        });
        let free: u128 = fills_first.map(|(_, node)| u128::from(node.free().of(*resource))).sum();
        let daemons: u128 = serving().map(|(_, node)| u128::from(node.daemons.of(*resource))).sum();
        let mut capacities: Vec<u64> = serving().map(|(_, node)| node.capacity.of(*resource)).collect();
        capacities.sort_unstable();
        let middle = capacities.len().saturating_sub(1) / 2;
        let capacity = u128::from(capacities.get(middle).copied().unwrap_or(0));
        Room { resource: *resource, free, daemons, capacity }
    };
    facts.policy.resources.iter().map(room).collect()
}

/// With `PACK=false` no managed node keeps the taint.
fn check_sweep(
    facts: &Facts<'_>,
    plan: &Plan,
    steps: &Steps<'_>,
    steered: &Steered,
    found: &mut Vec<Violation>,
) {
    if facts.policy.pack {
        return;
    }
    let nodes = facts.nodes.iter().enumerate();
    for (index, node) in nodes.filter(|(_, node)| node.managed && carries(node) && !node.marks.claimed) {
        let goes = |action: &Action| {
            matches!(action, Action::DeleteObject { .. }) && action.node() == Some(node.node.name.as_str())
        };
        let loses_it = steered.after.get(&index) == Some(&false)
            || plan.actions.iter().any(goes)
            || matches!(
                steps.on(index),
                Some(Direction::Cordon | Direction::Delete | Direction::Park | Direction::Wake)
            );
        if !loses_it {
            found.push(Violation::StaysSteered { node: node.name() });
        }
    }
}
