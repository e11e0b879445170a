//! POLICY 7: marks say what is true. A later run deletes by them, so a wrong one is as bad as a wrong deletion.

use super::facts::Facts;
use super::steps::Steps;
use super::violation::Violation;
use crate::model::annotation::{CORDONED_AT, DELETING_UNTIL, EMPTY_SINCE};
use crate::plan::{Action, Plan};

pub(super) fn check(facts: &Facts<'_>, plan: &Plan, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let mut unmarked = vec![false; facts.nodes.len()];
    for action in &plan.actions {
        match action {
            Action::Mark { node, .. } => {
                if let Some(why) = why_not_mark(facts, steps, node) {
                    found.push(Violation::MarkUnfounded { node: node.clone(), why });
                }
            }
            Action::Unmark { node, .. } => {
                if let Some(slot) = facts.find(node).and_then(|index| unmarked.get_mut(index)) {
                    *slot = true;
                }
                if let Some(why) = why_not_unmark(facts, steps, node) {
                    found.push(Violation::UnmarkUnfounded { node: node.clone(), why });
                }
            }
            Action::Uncordon { .. } | Action::Grow { .. } | Action::Cordon { .. } | Action::Delete { .. } => {
            }
        }
    }
    if plan.guard.is_some() {
        return; // nothing is written then
    }
    for (index, node) in facts.nodes.iter().enumerate() {
        // A critical, pinned or claimed node is not deleted by any mark, and may have to be left exactly as it is.
        let protected = node.critical_pod.is_some() || facts.pinned(node) || facts.claimed(node);
        let stale = node.managed && node.node.unschedulable && !node.empty() && node.carries(EMPTY_SINCE);
        if stale && !protected && steps.on(index).is_none() && unmarked.get(index) != Some(&true) {
            found.push(Violation::StaleMark { node: node.node.name.clone() });
        }
    }
}

fn why_not_mark(facts: &Facts<'_>, steps: &Steps<'_>, name: &str) -> Option<&'static str> {
    let index = facts.find(name)?;
    let node = facts.nodes.get(index)?;
    if !node.node.unschedulable {
        Some("it is schedulable")
    } else if !node.empty() {
        Some("it is not empty")
    } else if facts.hands_off(node) {
        Some("an operator is at work there")
    } else if facts.claimed(node) {
        Some("another run is about to delete it")
    } else if steps.on(index).is_some() {
        Some("it is uncordoned or deleted")
    } else {
        None
    }
}

fn why_not_unmark(facts: &Facts<'_>, steps: &Steps<'_>, name: &str) -> Option<&'static str> {
    let index = facts.find(name)?;
    let node = facts.nodes.get(index)?;
    if steps.on(index).is_some() {
        // The cordon's or uncordon's own patch writes or removes the marks; a second patch would undo it.
        Some("another action of the plan writes them")
    } else if facts.hands_off(node) {
        Some("an operator is at work there")
    } else if facts.claimed(node) {
        Some("another run is about to delete it")
    } else {
        let untrue = if node.node.unschedulable {
            node.carries(EMPTY_SINCE) && !node.empty()
        } else {
            [CORDONED_AT, EMPTY_SINCE, DELETING_UNTIL].iter().any(|key| node.carries(key))
        };
        if untrue { None } else { Some("it carries none that is untrue") }
    }
}
