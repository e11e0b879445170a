//! Warnings about nodes, one for all nodes with the same problem.

use std::collections::BTreeMap;

use super::notes::Warning;
use super::reason::KeepReason;
use super::survey::NodeFacts;
use super::value::NodeState;
use crate::model::{Amounts, Resource};
use crate::policy::Policy;

/// The first deciding resource of which an amount is zero.
pub(super) fn none_of(amounts: &Amounts, policy: &Policy) -> Option<Resource> {
    policy.resources.iter().copied().find(|resource| amounts.of(*resource) == 0)
}

/// Adds the warnings about nodes, one for all nodes with the same problem.
pub(super) fn warn_of_nodes(nodes: &[NodeFacts<'_>], policy: &Policy, warnings: &mut Vec<Warning>) {
    let mut reserved: BTreeMap<Option<&str>, (&str, usize)> = BTreeMap::new();
    let mut not_in_use: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let mut autoscalers: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for facts in nodes.iter().filter(|node| node.managed()) {
        let name = facts.node.name.as_str();
        if let Some(why) = facts.reserved.as_deref() {
            reserved.entry(taint_of(why)).or_insert((name, 0)).1 += 1;
        }
        if let (NodeState::NotInUse, Some(what)) = (facts.state, &facts.impaired_by) {
            let reported = facts.capacity.clone().plus(&facts.omitted_load);
            match none_of(&reported, policy) {
                Some(resource) => warnings.push(Warning::NoCapacity { node: name.to_owned(), resource }),
                None => not_in_use.entry(what).or_insert((name, 0)).1 += 1,
            }
        }
        if let Some((actor, mark)) = facts.autoscaler.as_deref() {
            autoscalers.entry(actor).or_insert((name, mark));
        }
    }
    warnings.extend(reserved.into_iter().map(|(taint, (node, nodes))| {
        let node = node.to_owned();
        match taint {
            Some(taint) => Warning::Reserved { taint: taint.to_owned(), node, nodes },
            None => Warning::ReservedWindows { node, nodes },
        }
    }));
    warnings.extend(not_in_use.into_iter().map(|(what, (node, nodes))| Warning::NotInUse {
        what: what.to_owned(),
        node: node.to_owned(),
        nodes,
    }));
    warnings.extend(autoscalers.into_iter().map(|(actor, (node, mark))| Warning::OtherAutoscaler {
        actor: actor.to_owned(),
        node: node.to_owned(),
        mark: mark.to_owned(),
    }));
}

/// The taint that reserves a node; `None` where it is reserved for being a Windows node.
fn taint_of(why: &KeepReason) -> Option<&str> {
    if let KeepReason::Reserved { taint } | KeepReason::ReservedFor { taint } = why {
        Some(taint)
    } else {
        None
    }
}
