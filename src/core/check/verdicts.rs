//! Every node has exactly one verdict, which agrees with the actions and with the checker's facts.

use std::fmt::Debug;

use super::facts::{Facts, NodeFacts};
use super::violation::Violation;
use crate::model::Resource;
use crate::plan::{Action, NodeVerdict, Plan, Verdict};

pub(super) fn check(facts: &Facts<'_>, plan: &Plan, found: &mut Vec<Violation>) {
    let mut actions: Vec<Option<&Action>> = vec![None; facts.nodes.len()];
    for action in &plan.actions {
        if action.service().is_some()
            && let Some(index) = action.node().and_then(|name| facts.find(name))
            && let Some(slot) = actions.get_mut(index)
        {
            slot.get_or_insert(action);
        }
    }
    let mut counts = vec![0_usize; facts.nodes.len()];
    for verdict in &plan.nodes {
        let Some(index) = facts.find(&verdict.name) else {
            found.push(Violation::VerdictOnUnknownNode { node: verdict.name.clone() });
            continue;
        };
        if let Some(count) = counts.get_mut(index) {
            *count += 1;
        }
        check_agreement(verdict, actions.get(index).copied().flatten(), found);
        if let Some(node) = facts.nodes.get(index) {
            check_facts(facts, node, verdict, found);
        }
    }
    for (node, count) in facts.nodes.iter().zip(counts) {
        if count != 1 {
            found.push(Violation::Verdicts { node: node.node.name.clone(), count });
        }
    }
}

/// The verdict and the action on a node express one decision.
fn check_agreement(verdict: &NodeVerdict, action: Option<&Action>, found: &mut Vec<Violation>) {
    let same = match (&verdict.verdict, action) {
        (Verdict::Keep(_), None) => return,
        (Verdict::Uncordon(reason), Some(Action::Uncordon { reason: acted, .. })) => reason == acted,
        (Verdict::Cordon(reason), Some(Action::Cordon { reason: acted, .. })) => reason == acted,
        (Verdict::Delete(reason), Some(Action::Delete { reason: acted, .. })) => reason == acted,
        (Verdict::Park(reason), Some(Action::Park { reason: acted, .. })) => reason == acted,
        (Verdict::Wake(reason), Some(Action::Wake { reason: acted, .. })) => reason == acted,
        (
            Verdict::Keep(_)
            | Verdict::Uncordon(_)
            | Verdict::Cordon(_)
            | Verdict::Delete(_)
            | Verdict::Park(_)
            | Verdict::Wake(_),
            _,
        ) => {
            found.push(Violation::VerdictDiffers {
                node: verdict.name.clone(),
                verdict: verdict.verdict.verb(),
                action: action.map_or("none", Action::verb),
            });
            return;
        }
    };
    if !same {
        found.push(Violation::ReasonDiffers {
            node: verdict.name.clone(),
            verdict: verdict.verdict.reason().to_string(),
            action: action.map(|action| action.reason().to_string()).unwrap_or_default(),
        });
    }
}

/// The facts of the planner and of the checker must be equal, otherwise one of them is wrong about the
/// node's pods.
fn check_facts(facts: &Facts<'_>, node: &NodeFacts<'_>, verdict: &NodeVerdict, found: &mut Vec<Violation>) {
    let mut compare = |fact, plan: &dyn Debug, expected: &dyn Debug, equal: bool| {
        if !equal {
            found.push(Violation::FactDiffers {
                node: verdict.name.clone(),
                fact,
                plan: format!("{plan:?}"),
                expected: format!("{expected:?}"),
            });
        }
    };
    compare("managed", &verdict.managed, &node.managed, verdict.managed == node.managed);
    compare("pool", &verdict.pool, &node.pool, verdict.pool == node.pool);
    compare("reserved", &verdict.reserved, &node.reserved, verdict.reserved == node.reserved);
    if !node.managed {
        return; // its pods are not looked at
    }
    let states = node.health.states();
    compare("state", &verdict.state, &states, states.contains(&verdict.state));
    compare("occupants", &verdict.occupants, &node.occupants, verdict.occupants == node.occupants);
    let critical = node.critical_pod.is_some();
    compare("critical", &verdict.critical, &critical, verdict.critical == critical);
    let requested = node.requested();
    for resource in [Resource::Memory, Resource::Cpu] {
        let (plan, expected) = (verdict.requested.of(resource), requested.of(resource));
        let fact = if resource == Resource::Memory { "requested memory" } else { "requested cpu" };
        compare(fact, &plan, &expected, plan == expected);
    }
    for resource in facts.policy.resources.iter().copied() {
        let (plan, expected) = (verdict.capacity.of(resource), node.capacity.of(resource));
        let fact = if resource == Resource::Memory { "memory capacity" } else { "cpu capacity" };
        compare(fact, &plan, &expected, plan == expected);
    }
}
