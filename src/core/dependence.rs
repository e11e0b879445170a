//! Decides which actions of a plan a run may still try after the uncordons. Section 7.
//!
//! A plan cordons nodes because others take over. If one of them could not be uncordoned, the rule that a cordon never runs
//! ahead of its replacement is applied again, pool by pool, to the nodes that serve then: adding capacity first is not
//! enough, the capacity must exist.
//!
//! ```text
//!   uncordons of the plan --- all done ------> every cordon and deletion is tried
//!                         \-- one missing ---> cordons that what serves now allows; no Ready node of that pool is deleted
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Snapshot;
use crate::plan::ahead::{Share, Standing};
use crate::plan::{NodeState, Plan, Service, Survey};
use crate::policy::Policy;

/// The actions that must not be tried, by their index in the plan, each with the node whose uncordon is missing.
pub type Blocked = BTreeMap<usize, String>;

/// Judges the cordons and deletions of a plan once its uncordons were tried.
///
/// `now` is the snapshot with every node as it was returned by the last patch; `missing` are the nodes whose uncordon
/// failed or was stale.
#[must_use]
pub fn blocked(plan: &Plan, now: &Snapshot, policy: &Policy, missing: &BTreeSet<String>) -> Blocked {
    let mut blocked = Blocked::new();
    if missing.is_empty() {
        return blocked;
    }
    let mut by_pool: BTreeMap<&str, &str> = BTreeMap::new();
    for node in missing {
        if let Some(verdict) = plan.node(node) {
            by_pool.entry(&verdict.pool).or_insert(node);
        }
    }
    let policy = &*policy.in_force(now);
    let survey = Survey::new(now, policy);
    for (pool, uncordon) in by_pool {
        block_pool(plan, &survey, pool, uncordon, &mut blocked);
    }
    blocked
}

fn block_pool(plan: &Plan, survey: &Survey<'_>, pool: &str, uncordon: &str, blocked: &mut Blocked) {
    let policy = survey.policy;
    let bounds = policy.bounds_of(pool);
    let Some(pool_plan) = plan.pool(pool) else { return };
    let mut standing = Standing::new(bounds, &policy.resources, pool_plan.demand.total());
    let index_of =
        |node: &str| survey.snapshot.nodes().binary_search_by(|one| one.name.as_str().cmp(node)).ok();
    let serving = survey.nodes.iter().filter(|facts| facts.serves());
    for facts in
        serving.filter(|facts| plan.node(&facts.node.name).is_some_and(|verdict| verdict.pool == pool))
    {
        standing.add(Share { capacity: &facts.capacity, daemons: &facts.daemons });
    }
    let most = if bounds.max_nodes_set { bounds.max_nodes } else { usize::MAX };
    let mut excess = standing.serving.saturating_sub(most);
    let mut ended = false;
    for (number, action) in plan.actions.iter().enumerate() {
        let Some(verdict) =
            action.node().and_then(|node| plan.node(node)).filter(|verdict| verdict.pool == pool)
        else {
            continue;
        };
        // Evicted pods need the nodes that were to take over.
        if action.is_eviction() {
            blocked.insert(number, uncordon.to_owned());
            continue;
        }
        match action.service() {
            // A broken node offers no capacity, so its cordon removes none.
            Some(Service::Leaves) if verdict.state == NodeState::Broken => {}
            Some(Service::Leaves) => {
                let facts = index_of(&verdict.name).and_then(|index| survey.nodes.get(index));
                let Some(facts) = facts else { continue };
                let share = Share { capacity: &facts.capacity, daemons: &facts.daemons };
                ended = ended || standing.try_without(share).is_err();
                if !ended {
                    excess = excess.saturating_sub(1);
                } else if excess > 0 {
                    excess -= 1;
                    standing.without(share);
                } else {
                    blocked.insert(number, uncordon.to_owned());
                }
            }
            Some(Service::Ends | Service::Parks)
                if !matches!(verdict.state, NodeState::Broken | NodeState::Booting | NodeState::Parked) =>
            {
                blocked.insert(number, uncordon.to_owned());
            }
            Some(Service::Ends | Service::Parks | Service::Wakes | Service::Enters) | None => {}
        }
    }
}
