//! Section 10's last rule: planning again on a plan's own outcome changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::demand::{self, Demand};
use super::facts::{Class, Facts, NodeFacts, age, class, is_omitted};
use super::outcome::outcome;
use super::violation::Violation;
use crate::model::{Pod, Snapshot};
use crate::plan::{Action, GrowReason, Limit, Plan, Refusal, Service, Target};
use crate::policy::Policy;

/// Whether the plan created nodes, deleted instances, or was cut by a limit: then it need not be final.
///
/// A bound that holds for every run does not count as a cut; a bound on a single run and the guard do.
#[must_use]
pub fn cut_short(plan: &Plan) -> bool {
    // An instance that never registered counts against MAX_NODES and keeps its group from growing until it is gone.
    let creates = |action: &Action| matches!(action, Action::Grow { .. } | Action::DeleteInstance { .. });
    let creates = plan.actions.iter().any(creates);
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

/// The pools that each pod without a node may belong to, by its namespace and name: several, where only the shape of new nodes
/// tells which.
fn homes(snapshot: &Snapshot, policy: &Policy) -> BTreeMap<(String, String), Vec<String>> {
    let policy = &*policy.in_force(snapshot);
    let facts = Facts::of(snapshot, policy);
    let names = |pools: &[&str]| pools.iter().map(|pool| (*pool).to_owned()).collect();
    let key = |pod: &Pod| (pod.namespace.to_string(), pod.name.to_string());
    demand::all_homes(&facts).iter().map(|(pod, pools)| (key(pod), names(pools))).collect()
}

/// The pools between which the plan may move pods without a node: the ones that such a pod may belong to before or after it.
fn moved(snapshot: &Snapshot, after: &Snapshot, policy: &Policy) -> BTreeSet<String> {
    let (before, mut then) = (homes(snapshot, policy), homes(after, policy));
    let mut pools = BTreeSet::new();
    for (pod, from) in before {
        let to = then.remove(&pod).unwrap_or_default();
        if from != to {
            pools.extend(from);
            pools.extend(to);
        }
    }
    pools.extend(then.into_values().flatten());
    pools
}

/// The pools that need not be settled.
#[derive(Debug, Default)]
struct Excused {
    /// The pools in which no action counts.
    pools: BTreeSet<String>,
    /// The pools in which no growth counts.
    growth: BTreeSet<String>,
}

impl Excused {
    fn is_empty(&self) -> bool {
        self.pools.is_empty() && self.growth.is_empty()
    }

    /// Whether an action in a pool does not count.
    fn covers(&self, action: &Action, pool: &str) -> bool {
        let grows = matches!(action, Action::Grow { .. });
        self.pools.contains(pool) || grows && self.growth.contains(pool)
    }

    /// Adds the pools in which Node objects are deleted. Until its Node object is gone, a dead node counts among the nodes by
    /// which taints are judged and that pods reach (section 3). And until then its placeholders are not started elsewhere: no
    /// node is created that none of them would reach.
    fn add_deleted_objects(&mut self, snapshot: &Snapshot, after: &Snapshot, policy: &Policy, plan: &Plan) {
        let deleted = plan.actions.iter().filter(|action| matches!(action, Action::DeleteObject { .. }));
        let deleted: BTreeSet<&str> = deleted.filter_map(Action::node).collect();
        if deleted.is_empty() {
            return;
        }
        let policy = &*policy.in_force(snapshot);
        let (before, then) = (Facts::of(snapshot, policy), Facts::of(after, policy));
        let nodes = deleted.iter().filter_map(|name| before.nodes.get(before.find(name)?));
        let pools: BTreeSet<&str> = nodes.map(|node| node.pool).collect();
        let (asked_before, asked_then) = (Demand::of(&before).by_reach(), Demand::of(&then).by_reach());
        let is_reserve = |pod: &Pod| class(pod, policy) == Class::Placeholder && !is_omitted(pod, policy);
        let holds = |node: &str| {
            let here = |pod: &&Pod| pod.node_name.as_deref() == Some(node);
            snapshot.pods().iter().filter(here).any(is_reserve)
        };
        for pool in pools {
            let mut names = before.of_pool(pool).map(|(_, node)| node.node.name.as_str());
            let other_demand = asked_before.get(pool) != asked_then.get(pool);
            if other_demand || is_judged_again(&before, &then, pool) {
                self.pools.insert(pool.to_owned());
            } else if names.any(|name| deleted.contains(name) && holds(name)) {
                self.growth.insert(pool.to_owned());
            }
        }
    }
}

/// Whether other nodes of a pool are common than before, or it has no node any more.
fn is_judged_again(before: &Facts<'_>, then: &Facts<'_>, pool: &str) -> bool {
    let is_other = |node: &NodeFacts<'_>| {
        let known = before.find(&node.node.name).and_then(|at| before.nodes.get(at));
        known.is_none_or(|known| known.reserved != node.reserved)
    };
    let mut left = then.of_pool(pool).map(|(_, node)| node).peekable();
    left.peek().is_none() || left.any(is_other)
}

/// The pool in which an action changes the capacity.
fn pool_of<'f>(action: &'f Action, facts: &'f Facts<'_>) -> Option<&'f str> {
    if let Target::Group { pool, .. } = action.target() {
        return Some(pool);
    }
    let at = facts.find(action.node()?)?;
    facts.nodes.get(at).map(|node| node.pool)
}

/// After this time no node is created for a pod without a `ConfigMap`.
const FIRST_HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Whether a growth is for one pod that the outcome alone shows as refused again. By the refusal that the next run really
/// sees, that pod is no reason to create a node (section 5): a machine that came since still boots or does not take it, or no
/// `ConfigMap` keeps what was created in its first hour.
fn tries_again(snapshot: &Snapshot, after: &Snapshot, policy: &Policy, action: &Action) -> bool {
    let Action::Grow { pool, group, reason: GrowReason::WaitingPods { pod: name, pods: 1 }, .. } = action
    else {
        return false;
    };
    let Some((namespace, name)) = name.split_once('/') else { return false };
    let is_it = |pod: &&Pod| *pod.name == *name && *pod.namespace == *namespace;
    let (pod, then) = (snapshot.pods().iter().find(is_it), after.pods().iter().find(is_it));
    let since = |pod: &Pod| pod.unbound.as_ref().and_then(|unbound| unbound.refused_since());
    let (Some(pod), Some(refused), Some(again)) = (pod, pod.and_then(since), then.and_then(since)) else {
        return false;
    };
    let now = snapshot.observed_at();
    if again <= refused {
        return false;
    }
    if snapshot.ledger().is_none() && age(now, refused) >= FIRST_HOUR {
        return true;
    }
    let policy = &*policy.in_force(snapshot);
    let facts = Facts::of(snapshot, policy);
    let came_since =
        |at: Option<Timestamp>| at.is_some_and(|at| at > refused && age(now, at) < policy.boot_grace);
    let is_of_group = |node: &NodeFacts<'_>| match group {
        Some(group) => node.node.group.as_ref() == Some(group),
        None => node.pool == *pool && node.is_common(),
    };
    let admission = facts.admission(pod);
    let is_no_help = |node: &NodeFacts<'_>| {
        node.boots() || !admission.admits(node, policy) || !pod.requests.fits(&node.free_of_occupants())
    };
    let mut nodes = facts.managed().filter(|node| is_of_group(node) && !node.is_parked());
    let groups = snapshot.groups().iter().filter(|one| Some(&one.name) == group.as_ref());
    let mut instances = groups.flat_map(|group| &group.instances).filter(|one| !one.has_node);
    nodes.any(|node| came_since(node.node.created_at.max(node.marks.woken_at)) && is_no_help(node))
        || instances.any(|one| one.created_at.is_none() || came_since(one.created_at))
}

/// Returns what a run right after this one would still cordon, uncordon or grow, according to the given planner.
///
/// `None` if there is nothing, or if the plan was cut short. Deletions and marks do not count: they depend on time. No action counts
/// in a pool that a pod without a node may have left or entered once the plan is carried out: an action in one pool must not
/// depend on an action in another, which may fail. Nor does an action count in a pool that the deletion of a Node object excuses,
/// or a growth for a pod that only the outcome shows as refused again (section 10).
pub fn check_settled(
    snapshot: &Snapshot,
    policy: &Policy,
    plan: &Plan,
    planner: impl Fn(&Snapshot, &Policy) -> Result<Plan, Refusal>,
) -> Option<Violation> {
    // Once some pods are bound, other kinds of pods are considered.
    let set_aside = |pod: &Pod| pod.unbound.as_ref().is_some_and(|unbound| unbound.set_aside);
    if cut_short(plan) || snapshot.pods().iter().any(set_aside) {
        return None;
    }
    let Ok(after) = outcome(snapshot, policy, plan) else { return Some(Violation::RefusedOnOutcome) };
    let Ok(again) = planner(&after, policy) else { return Some(Violation::RefusedOnOutcome) };
    let mut excused = Excused { pools: moved(snapshot, &after, policy), ..Excused::default() };
    excused.add_deleted_objects(snapshot, &after, policy, plan);
    let facts = (!excused.is_empty()).then(|| Facts::of(&after, policy));
    let settled = |action: &&Action| {
        let pool = facts.as_ref().and_then(|facts| pool_of(action, facts));
        !pool.is_some_and(|pool| excused.covers(action, pool))
    };
    let counts = |action: &&Action| settled(action) && !tries_again(snapshot, &after, policy, action);
    again.actions.iter().filter(counts).find_map(|action| {
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
