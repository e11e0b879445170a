//! Sections 7 and 15: the alternatives to waking a node must obey the rules of planned actions.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::Facts;
use super::growth::{check_bounds, check_creations, check_from};
use super::parked::{is_wakeable, why_not_wake};
use super::steps::{Growth, Steps};
use super::violation::Violation;
use crate::plan::{Action, GroupSize, Plan, WakeInstead, WakeReason};

/// One node to wake.
struct Woken<'p> {
    node: &'p str,
    instead: &'p WakeInstead,
    /// Whether a waiting pod needs it, so that not every parked node can replace it.
    for_pod: bool,
}

pub(super) fn check(facts: &Facts<'_>, plan: &Plan, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let mut by_pool: BTreeMap<&str, Vec<Woken<'_>>> = BTreeMap::new();
    for action in &plan.actions {
        let Action::Wake { node, instead, reason } = action else { continue };
        // An unknown node is a violation that the steps report.
        let Some(of) = facts.find(node).and_then(|index| facts.nodes.get(index)) else { continue };
        let for_pod = matches!(reason, WakeReason::WaitingPod { .. });
        by_pool.entry(of.pool).or_default().push(Woken { node, instead, for_pod });
    }
    let mut all = steps.clone();
    for (pool, woken) in by_pool {
        for one in &woken {
            check_nodes(facts, steps, pool, one, found);
            check_order(facts, steps, pool, one, found);
        }
        let groups: BTreeMap<&str, &GroupSize> = woken
            .iter()
            .flat_map(|one| &one.instead.groups)
            .map(|other| (other.group.as_str(), other))
            .collect();
        for (number, other) in groups.into_values().enumerate() {
            let growth = as_growth(pool, other, woken.len());
            if steps.growths.iter().any(|planned| planned.group == growth.group) {
                found.push(Violation::GrownTwice { group: other.group.clone() });
            }
            check_from(facts, growth, &other.group, found);
            let mut with = steps.clone();
            with.growths.push(growth);
            check_bounds(facts, &with, pool, found);
            // Each of them may be asked, for all woken nodes.
            if number == 0 {
                all.growths.push(growth);
            }
        }
    }
    if all.growths.len() > steps.growths.len() {
        check_creations(facts, &all, found);
    }
}

/// A growth of a group in place of every node that a pool wakes.
fn as_growth<'p>(pool: &'p str, other: &'p GroupSize, woken: usize) -> Growth<'p> {
    let to = other.size.saturating_add(u32::try_from(woken).unwrap_or(u32::MAX));
    Growth { pool, group: Some(&other.group), from: other.size, to, instead: &[] }
}

/// Further nodes are parked nodes of the same pool that can be woken and that the plan leaves alone.
fn check_nodes(
    facts: &Facts<'_>,
    steps: &Steps<'_>,
    pool: &str,
    woken: &Woken<'_>,
    found: &mut Vec<Violation>,
) {
    let mut named = BTreeSet::new();
    for instead in &woken.instead.nodes {
        let why = match facts.find(instead).and_then(|index| Some((index, facts.nodes.get(index)?))) {
            None => Some("which is not in the snapshot".to_owned()),
            Some((index, _)) if steps.on(index).is_some() => Some("which the plan acts on".to_owned()),
            Some((_, node)) if !node.managed || node.pool != pool => {
                Some("which is not managed in its pool".to_owned())
            }
            Some((_, node)) if !node.is_common() => Some("which is reserved for other pods".to_owned()),
            Some(_) if !named.insert(instead) => Some("which is named twice".to_owned()),
            Some((_, node)) => why_not_wake(facts, node),
        };
        if let Some(why) = why {
            let (node, instead) = (woken.node.to_owned(), instead.clone());
            found.push(Violation::InsteadUnfounded { node, instead, why });
        }
    }
}

/// Parked nodes come before new ones.
fn check_order(
    facts: &Facts<'_>,
    steps: &Steps<'_>,
    pool: &str,
    woken: &Woken<'_>,
    found: &mut Vec<Violation>,
) {
    if woken.for_pod || woken.instead.groups.is_empty() {
        return;
    }
    let left = facts.of_pool(pool).find(|(index, node)| {
        node.is_common()
            && is_wakeable(facts, node)
            && steps.on(*index).is_none()
            && !woken.instead.nodes.contains(&node.node.name)
    });
    if let Some((_, node)) = left {
        found.push(Violation::GrowsBeforeWaking { pool: pool.to_owned(), new: 1, node: node.name() });
    }
}
