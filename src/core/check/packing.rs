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
    let holds = |pool: &str, asked: &Amounts| has_room(facts, steps, steered, pool, asked);
    let demand = Demand::of(facts).decided(|pool| judged.contains(pool), holds);
    for pool in judged {
        let asked = demand.get(pool).cloned().unwrap_or_else(|| deciding(0, 0));
        if !has_room(facts, steps, steered, pool, &asked) {
            found.push(Violation::SteersWithoutRoom { pool: pool.to_owned() });
        }
    }
}

/// Whether the nodes of a pool that fill first have enough room for its requests, by at least one of the resources.
fn has_room(facts: &Facts<'_>, steps: &Steps<'_>, steered: &Steered, pool: &str, asked: &Amounts) -> bool {
    let serving = || facts.of_pool(pool).filter(|(index, node)| steps.serves_after(*index, node));
    let holds = |resource: &Resource| {
        let fills_first = serving().filter(|(index, node)| {
            let last = steered.after.get(index).copied().unwrap_or_else(|| carries(node));
            !last && !avoided_for_others(node)
        });
        let free: u128 = fills_first.map(|(_, node)| u128::from(node.free().of(*resource))).sum();
        let daemons: u128 = serving().map(|(_, node)| u128::from(node.daemons.of(*resource))).sum();
        let asked = u128::from(asked.of(*resource)) + daemons;
        let mut capacities: Vec<u64> = serving().map(|(_, node)| node.capacity.of(*resource)).collect();
        capacities.sort_unstable();
        let middle = capacities.len().saturating_sub(1) / 2;
        let capacity = u128::from(capacities.get(middle).copied().unwrap_or(0));
        // 5 % of the demand, and 0.3 of a node, both times twenty.
        free * 20 >= asked && free * 20 >= capacity * 6
    };
    facts.policy.resources.iter().any(holds)
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
