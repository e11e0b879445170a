//! Section 7: marks must be true. A later run deletes by them, so a wrong mark is as bad as a wrong deletion.

use super::facts::{Facts, NodeFacts};
use super::replicas::Replicas;
use super::steps::Steps;
use super::violation::Violation;
use crate::model::annotation::{
    CORDONED_AT, DELETING_UNTIL, DELETION_ASKED, EMPTY_SINCE, EVICTED, EVICTED_AT, GONE_MACHINE, GONE_SINCE,
    PARKED_AT, WOKEN_AT,
};
use crate::model::{NodeIndex, taint};
use crate::plan::{Action, MarkReason, Plan, UnmarkReason};

pub(super) fn check(facts: &Facts<'_>, plan: &Plan, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let mut unmarked = vec![false; facts.nodes.len()];
    for action in &plan.actions {
        if let Action::Mark { node, reason: MarkReason::Empty } = action
            && let Some(why) = why_not_mark(facts, steps, node)
        {
            found.push(Violation::MarkUnfounded { node: node.clone(), why });
        }
        if let Action::Unmark { node, reason } = action {
            if let Some(slot) = facts.find(node).and_then(|index| unmarked.get_mut(index)) {
                *slot = true;
            }
            if let Some(why) = why_not_unmark(facts, steps, node, reason) {
                found.push(Violation::UnmarkUnfounded { node: node.clone(), why });
            }
        }
    }
    if plan.guard.is_some() {
        return; // nothing is written then
    }
    for (index, node) in facts.nodes.iter().enumerate() {
        let written = steps.on(index).is_some() || unmarked.get(index) == Some(&true);
        if node.managed && !written && !node.marks.claimed {
            if !node.hands_off(facts.policy) {
                check_stale(node, found);
            }
            // Our taint keeps pods away, no matter who works on the node.
            if claim_is_over(node) {
                found.push(Violation::StaleClaim { node: node.name() });
            }
        }
    }
}

fn check_stale(node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    // A critical or pinned node is not deleted by any mark, and may have to be left exactly as it is.
    let protected = node.critical_pod.is_some() || node.scale_down_disabled();
    if node.node.unschedulable && !node.is_empty() && node.carries(EMPTY_SINCE) && !protected {
        found.push(Violation::StaleMark { node: node.name() });
    }
}

/// Whether an expired claim has left its taint or its annotation.
fn claim_is_over(node: &NodeFacts<'_>) -> bool {
    let tainted = node.node.taints.iter().any(|taint| taint.key == taint::DELETING);
    !node.marks.claimed && (tainted || node.carries(DELETING_UNTIL))
}

fn find<'f, 'a>(facts: &'f Facts<'a>, name: &str) -> Option<(NodeIndex, &'f NodeFacts<'a>)> {
    let index = facts.find(name)?;
    facts.nodes.get(index).map(|node| (index, node))
}

fn why_not_mark(facts: &Facts<'_>, steps: &Steps<'_>, name: &str) -> Option<&'static str> {
    let (index, node) = find(facts, name)?;
    if !node.node.unschedulable {
        Some("it is schedulable")
    } else if !node.is_empty() {
        Some("it is not empty")
    } else if node.hands_off(facts.policy) {
        Some("an operator is at work there")
    } else if node.marks.claimed {
        Some("another run is about to delete it")
    } else if steps.on(index).is_some() {
        Some("it is uncordoned or deleted")
    } else {
        None
    }
}

fn why_not_unmark(
    facts: &Facts<'_>,
    steps: &Steps<'_>,
    name: &str,
    reason: &UnmarkReason,
) -> Option<&'static str> {
    let (index, node) = find(facts, name)?;
    if steps.on(index).is_some() {
        // The cordon's or uncordon's own patch writes or removes the marks; a second patch would undo it.
        Some("another action of the plan writes them")
    } else if node.marks.claimed {
        Some("another run is about to delete it")
    } else if node.hands_off(facts.policy) && !matches!(reason, UnmarkReason::ClaimOver) {
        Some("an operator is at work there")
    } else {
        let untrue = match reason {
            UnmarkReason::Occupied => {
                node.node.unschedulable
                    && node.carries(EMPTY_SINCE)
                    && (!node.is_empty() || holds_last_replica(facts, steps, index))
            }
            UnmarkReason::Uncordoned => {
                let marks = [
                    CORDONED_AT,
                    EMPTY_SINCE,
                    DELETING_UNTIL,
                    PARKED_AT,
                    WOKEN_AT,
                    EVICTED,
                    EVICTED_AT,
                    DELETION_ASKED,
                    GONE_SINCE,
                    GONE_MACHINE,
                ];
                !node.node.unschedulable && (marks.iter().any(|key| node.carries(key)) || claim_is_over(node))
            }
            UnmarkReason::ClaimOver => claim_is_over(node),
            // The rules on Node objects judge these.
            UnmarkReason::NotGivenBack { .. } | UnmarkReason::NotProvenGone { .. } => true,
        };
        if untrue { None } else { Some("it carries none that is untrue") }
    }
}

/// Whether the node stays only because of the last live pod of a controller.
fn holds_last_replica(facts: &Facts<'_>, steps: &Steps<'_>, index: NodeIndex) -> bool {
    let mut going = steps.deleted();
    going.insert(index);
    Replicas::of(facts, &going).last_on(index).is_some()
}
