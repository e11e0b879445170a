//! Section 9: when no plan may be made, and when a plan may only uncordon.

use super::facts::{Facts, NodeFacts};
use super::objects::is_only_object;
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
    let counts = |node: &&NodeFacts<'_>| !node.is_parked() && !is_only_object(facts, node);
    check_guard(facts, plan, facts.managed().filter(counts).count(), found);
    if plan.guard.is_some() {
        for action in &plan.actions {
            if !matches!(action, Action::Uncordon { .. }) {
                found.push(Violation::ActsUnderGuard { verb: action.verb() });
            }
        }
    }
}

/// The guard is set exactly when too many nodes are broken or not in use. For a node with two states, one of them
/// harmless, both answers are accepted.
fn check_guard(facts: &Facts<'_>, plan: &Plan, managed: usize, found: &mut Vec<Violation>) {
    // A kubelet that reports the end of its machine is no sign of a partition.
    let unready = |node: &NodeFacts<'_>, state: NodeState| {
        state == NodeState::Broken || (state == NodeState::NotInUse && node.health.says_ready)
    };
    let counts = |node: &&NodeFacts<'_>| !node.health.is_filled() && !is_only_object(facts, node);
    let nodes = || facts.managed().filter(counts);
    let most =
        nodes().filter(|node| node.health.states().into_iter().any(|state| unready(node, state))).count();
    let least =
        nodes().filter(|node| node.health.states().into_iter().all(|state| unready(node, state))).count();
    let guarded = plan.guard.is_some();
    let allowed = [least, most].iter().any(|broken| too_many(facts, *broken, managed) == guarded);
    if !allowed {
        found.push(Violation::GuardDiffers { broken: most, managed, guarded });
    }
}

/// Whether more than the percentage and at least `OK_UNREADY_NODES` are broken. Compared without a division.
fn too_many(facts: &Facts<'_>, broken: usize, managed: usize) -> bool {
    let percent = usize::try_from(facts.policy.max_unready_percent).unwrap_or(usize::MAX);
    broken >= facts.policy.ok_unready_nodes && broken.saturating_mul(100) > managed.saturating_mul(percent)
}
