//! Section 10's last rule: planning again on a plan's own outcome changes nothing.

use super::demand;
use super::facts::Facts;
use super::outcome::outcome;
use super::violation::Violation;
use crate::model::Snapshot;
use crate::plan::{Action, Limit, Plan, Refusal, Service, Target};
use crate::policy::Policy;

/// Whether the plan created nodes, deleted instances or Node objects, or was cut by a limit: then it need not be final.
///
/// A bound that holds for every run does not count as a cut; a bound on a single run and the guard do.
#[must_use]
pub fn cut_short(plan: &Plan) -> bool {
    // An instance that never registered counts against MAX_NODES and keeps its group from growing until it is gone. So does a
    // Node object without a machine.
    let creates = plan.actions.iter().any(|action| {
        matches!(action, Action::Grow { .. } | Action::DeleteInstance { .. } | Action::DeleteObject { .. })
    });
    let cut = plan.all_limits().any(|limit| match limit {
        Limit::MaxNodes { .. }
        | Limit::WaitingPods { .. }
        | Limit::MaxCordons { .. }
        | Limit::MaxCreations { .. } => true,
        Limit::MinNodes { .. }
        | Limit::MustKeep { .. }
        | Limit::MaxDeletions { .. }
        | Limit::MaxEvictions { .. } => false,
    });
    plan.guard.is_some() || creates || cut
}

/// The pool of each pod without a node.
fn homes(snapshot: &Snapshot, policy: &Policy) -> Vec<Option<String>> {
    let policy = &*policy.in_force(snapshot);
    let facts = Facts::of(snapshot, policy);
    demand::homes(&facts).into_iter().map(|(_, pool)| pool.map(str::to_owned)).collect()
}

/// Returns what a run right after this one would still cordon, uncordon or grow, according to the given planner.
///
/// `None` if there is nothing, or if the plan was cut short. Deletions and marks do not count: they depend on time. Nothing
/// counts if a pod without a node belongs to another pool once the plan is carried out: an action in one pool must not depend
/// on an action in another, which may fail.
pub fn check_settled(
    snapshot: &Snapshot,
    policy: &Policy,
    plan: &Plan,
    planner: impl Fn(&Snapshot, &Policy) -> Result<Plan, Refusal>,
) -> Option<Violation> {
    if cut_short(plan) {
        return None;
    }
    let Ok(after) = outcome(snapshot, policy, plan) else { return Some(Violation::RefusedOnOutcome) };
    if homes(snapshot, policy) != homes(&after, policy) {
        return None;
    }
    let Ok(again) = planner(&after, policy) else { return Some(Violation::RefusedOnOutcome) };
    again.actions.iter().find_map(|action| {
        let what = match (action.target(), action.service()) {
            (Target::Node { node, .. }, Some(Service::Enters | Service::Leaves | Service::Wakes)) => {
                node.to_owned()
            }
            (Target::Group { group, from, to, .. }, _) => {
                format!("group {} from {from} to {to}", group.unwrap_or("(none)"))
            }
            (Target::Node { .. } | Target::Instance { .. } | Target::Pod { .. }, _) => return None,
        };
        Some(Violation::NotSettled { verb: action.verb(), what })
    })
}
