//! POLICY 9: when no plan may be made, and when a plan may only uncordon.

use super::facts::Facts;
use super::violation::Violation;
use crate::plan::{Action, NodeState, Plan};

pub(super) fn check(facts: &Facts<'_>, plan: &Plan, found: &mut Vec<Violation>) {
    let (snapshot, policy) = (facts.snapshot, facts.policy);
    if plan.observed_at != snapshot.observed_at() {
        found.push(Violation::OtherObservation { plan: plan.observed_at, snapshot: snapshot.observed_at() });
    }
    let nodes = facts.nodes.len();
    let managed = facts.managed_count();
    if managed == 0 && !policy.node_groups_named {
        found.push(Violation::NoManagedNode { nodes });
    }
    if nodes > 0 && snapshot.pods_seen() == 0 {
        found.push(Violation::NoPodVisible { nodes });
    }
    let broken = facts.managed().filter(|node| node.state == NodeState::Broken).count();
    if too_many_broken(facts, broken, managed) != plan.guard.is_some() {
        found.push(Violation::GuardDiffers { broken, managed, guarded: plan.guard.is_some() });
    }
    if plan.guard.is_some() {
        for action in &plan.actions {
            if !matches!(action, Action::Uncordon { .. }) {
                found.push(Violation::ActsUnderGuard { verb: action.verb() });
            }
        }
    }
}

/// More than the percentage, and at least so many. Compared without dividing.
fn too_many_broken(facts: &Facts<'_>, broken: usize, managed: usize) -> bool {
    let percent = usize::try_from(facts.policy.max_unready_percent).unwrap_or(usize::MAX);
    broken >= facts.policy.ok_unready_nodes && broken.saturating_mul(100) > managed.saturating_mul(percent)
}
