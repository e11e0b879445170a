//! Sections 3, 5 and 7: which nodes may change their schedulability.

use super::facts::{Cordon, Facts, NodeFacts, pod_name};
use super::steps::Steps;
use super::violation::{Direction, Violation};
use super::waiting::{has_room, is_waiting};
use crate::model::Pod;
use crate::plan::NodeState;

pub(super) fn check(facts: &Facts<'_>, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let mut cordons = 0;
    for (index, node) in facts.nodes.iter().enumerate() {
        match steps.on(index) {
            Some(Direction::Uncordon) => check_uncordon(facts, node, found),
            Some(Direction::Cordon) => {
                cordons += 1;
                check_cordon(node, found);
            }
            Some(Direction::Delete | Direction::Park | Direction::Wake) => {}
            None => check_stays_cordoned(node, found),
        }
    }
    let managed = facts.managed_count();
    let allowed = facts.policy.max_cordons.allows(managed);
    if cordons > allowed {
        found.push(Violation::TooManyCordons { cordons, allowed, managed });
    }
}

fn check_uncordon<'a>(facts: &Facts<'a>, node: &NodeFacts<'a>, found: &mut Vec<Violation>) {
    if !node.node.unschedulable {
        found.push(Violation::NotCordoned { node: node.name() });
    }
    if node.marks.claimed {
        found.push(Violation::Claimed { node: node.name(), direction: Direction::Uncordon });
    } else if !node.health.is_usable() {
        let state = node.state().unwrap_or(NodeState::Broken);
        found.push(Violation::UncordonOfNotReady { node: node.name(), state });
    }
    if node.cordon_must_stay(facts.policy) {
        found.push(Violation::CordonedByOthers {
            node: node.name(),
            direction: Direction::Uncordon,
            adopt: facts.policy.adopt_cordons,
        });
    }
    if node.reserved && !facts.unbound.iter().any(|pod| is_for(facts, node, pod)) {
        let why = "which would take no waiting pod";
        found.push(Violation::UncordonOfReserved { node: node.name(), why });
    }
}

/// Whether a waiting pod has room on the node now.
fn is_for<'a>(facts: &Facts<'a>, node: &NodeFacts<'a>, pod: &'a Pod) -> bool {
    is_waiting(facts, pod) && has_room(node, pod) && facts.admission(pod).admits(node, facts.policy)
}

fn check_cordon(node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    if node.node.unschedulable {
        found.push(Violation::AlreadyCordoned { node: node.name() });
    }
    let states = node.health.states();
    let may_be = |state| states.contains(&state);
    if node.marks.claimed {
        found.push(Violation::Claimed { node: node.name(), direction: Direction::Cordon });
    } else if let Some(state) = states.first().copied()
        && !may_be(NodeState::Serving)
        && !may_be(NodeState::Broken)
        && !node.node.unschedulable
    {
        found.push(Violation::CordonOfIdle { node: node.name(), state });
    }
    if node.reserved {
        found.push(Violation::CordonOfReserved { node: node.name() });
    }
    check_never_unschedulable(node, Direction::Cordon, found);
}

/// Nodes with a critical pod or with scale-down-disabled are neither cordoned nor deleted.
pub(super) fn check_never_unschedulable(
    node: &NodeFacts<'_>,
    direction: Direction,
    found: &mut Vec<Violation>,
) {
    if let Some(pod) = node.critical_pod {
        found.push(Violation::CriticalNode { node: node.name(), direction, pod: pod_name(pod) });
    }
    if node.scale_down_disabled() {
        found.push(Violation::ScaleDownDisabled { node: node.name(), direction });
    }
}

/// A Ready common node under our own cordon that got a critical pod, or scale-down-disabled, is uncordoned at any
/// utilization, unless another run is deleting it: that run has read its pods later than this one.
fn check_stays_cordoned(node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    if !node.is_common() || !node.health.is_usable() || node.marks.cordon != Cordon::Ours {
        return;
    }
    let why = match node.critical_pod {
        Some(pod) => format!("it runs the critical pod {}", pod_name(pod)),
        None if node.scale_down_disabled() => "it is annotated scale-down-disabled".to_owned(),
        None => return,
    };
    found.push(Violation::StaysCordoned { node: node.name(), why });
}
