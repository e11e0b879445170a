//! Properties of every plan.

use std::collections::BTreeMap;

use kube_rebalancer_core::check::{Violation, check, check_settled, cut_short, outcome};
use kube_rebalancer_core::model::{Pod, Snapshot, annotation};
use kube_rebalancer_core::plan::{Action, Limit, MarkReason, Plan, Refusal, UnmarkReason, Warning, plan};
use proptest::strategy::{Strategy, ValueTree};

use crate::drained::{self, with_drained};
use crate::generate::{World, plain_worlds, smallest, worlds};
use crate::naive::{self, Decision};
use crate::parked::with_parked;
use crate::{number, runner};

/// A plan in the form of the naive planner's decision.
pub(crate) fn decision(plan: &Plan) -> Decision {
    let mut decision = Decision::default();
    for action in &plan.actions {
        match action {
            Action::Uncordon { node, .. } => drop(decision.uncordon.insert(node.clone())),
            Action::Cordon { node, .. } => drop(decision.cordon.insert(node.clone())),
            Action::Delete { node, .. } => drop(decision.delete.insert(node.clone())),
            Action::Grow { pool, group, from, to, .. } => {
                *decision.grow.entry((pool.clone(), group.clone())).or_default() += to - from;
            }
            Action::DeleteInstance { group, instance, .. } => {
                decision.delete_instances.insert((group.clone(), instance.clone()));
            }
            Action::Steer { node, .. } => drop(decision.steer.insert(node.clone())),
            Action::Unsteer { node, .. } => drop(decision.unsteer.insert(node.clone())),
            Action::Evict { node, namespace, pod, .. } => {
                decision.evict.insert((node.clone(), namespace.clone(), pod.clone()));
            }
            Action::DeleteObject { node, .. } => drop(decision.objects.insert(node.clone())),
            Action::Mark { node, reason: MarkReason::MachineGone } => {
                decision.gone.insert(node.clone());
            }
            Action::Unmark {
                node,
                reason: UnmarkReason::NotProvenGone { .. } | UnmarkReason::NotGivenBack { .. },
            } => {
                decision.not_gone.insert(node.clone());
            }
            // The compared clusters do not park.
            Action::Park { .. } | Action::Wake { .. } | Action::Mark { .. } | Action::Unmark { .. } => {}
        }
    }
    decision
}

fn planned(world: &World) -> (Snapshot, Result<Plan, Refusal>) {
    let snapshot = world.snapshot();
    let plan = plan(&snapshot, &world.policy);
    (snapshot, plan)
}

/// The number of the one cluster that is tried.
pub(crate) fn only() -> Option<u32> {
    Some(number("ORACLE_ONLY", u32::MAX)).filter(|only| *only != u32::MAX)
}

/// Tries a property on random worlds; shows the plainest ones that break it. `ORACLE_ONLY` names one of them.
pub(crate) fn hold<S: Strategy>(
    worlds: &S,
    world_of: fn(S::Value) -> World,
    broken: &dyn Fn(&World) -> Option<String>,
) {
    let mut runner = runner(number("ORACLE_SEED", 1));
    let only = only();
    let count = only.map_or_else(|| number("ORACLE_CLUSTERS", 10_000), |only| only + 1);
    let mut found: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for at in 0..count {
        let tree = worlds.new_tree(&mut runner).unwrap();
        if only.is_some_and(|only| at != only) {
            continue;
        }
        let world = world_of(tree.current());
        let Some(what) = broken(&world) else { continue };
        let kind = kind(&what);
        let clusters = found.entry(kind.clone()).or_default();
        clusters.push(at);
        if clusters.len() <= usize::try_from(number("ORACLE_SHOW", 1)).unwrap() {
            let world = smallest(world, &|world| broken(world).is_some_and(|next| self::kind(&next) == kind));
            eprintln!("cluster {at}: {}\n{world:?}\n{}", broken(&world).unwrap(), world.dump());
        }
    }
    assert!(found.is_empty(), "{found:#?} in {count} clusters");
}

/// The first word is the kind of the violation.
fn kind(what: &str) -> String {
    what.split_whitespace().next().unwrap_or_default().to_owned()
}

/// The part in which two decisions differ.
fn difference(planner: Option<&Decision>, naive: Option<&Decision>) -> Option<String> {
    let (planner, naive) = match (planner, naive) {
        (None, None) => return None,
        (Some(planner), Some(naive)) => (planner, naive),
        (planner, naive) => return Some(format!("refusal: {planner:?}, naive {naive:?}")),
    };
    let part = if planner.uncordon != naive.uncordon {
        "uncordon"
    } else if planner.grow.values().sum::<u32>() != naive.grow.values().sum::<u32>() {
        "grow"
    } else if planner.grow != naive.grow {
        "grow-where"
    } else if planner.cordon != naive.cordon {
        "cordon"
    } else if planner.delete != naive.delete {
        "delete"
    } else if (&planner.steer, &planner.unsteer) != (&naive.steer, &naive.unsteer) {
        "steer"
    } else if planner.delete_instances != naive.delete_instances {
        "delete-instances"
    } else if planner.evict != naive.evict {
        "evict"
    } else if planner.objects != naive.objects {
        "objects"
    } else if (&planner.gone, &planner.not_gone) != (&naive.gone, &naive.not_gone) {
        "gone"
    } else {
        return None;
    };
    Some(format!("{part} differs:\nplanner {planner:?}\nnaive   {naive:?}"))
}

/// The state of each node and what becomes of it.
pub(crate) fn verdicts(plan: &Plan) -> String {
    let verdicts =
        plan.nodes.iter().map(|node| format!("{} {:?} {}", node.name, node.state, node.verdict.reason()));
    verdicts.collect::<Vec<_>>().join("\n")
}

/// The difference between the planner and the naive one for a cluster.
pub(crate) fn differs(world: &World, snapshot: &Snapshot) -> Option<String> {
    let plan = plan(snapshot, &world.policy).ok();
    let mut naive = naive::decide(snapshot, &world.policy);
    // The text does not define everything about new nodes of unknown size, such as whether a pod that only they may take counts
    // in `W`.
    let unknown = |plan: &Plan| plan.warnings.iter().any(|one| matches!(one, Warning::UnknownNewNode { .. }));
    if plan.as_ref().is_some_and(unknown) {
        return None;
    }
    // It also does not define the kept nodes if MAX_CORDONS limits the cordons, and so neither the nodes that fill first.
    let cut = |plan: &Plan| plan.all_limits().any(|one| matches!(one, Limit::MaxCordons { .. }));
    if let (Some(plan), Some(naive)) = (plan.as_ref().filter(|plan| cut(plan)), &mut naive) {
        let planned = decision(plan);
        (naive.steer, naive.unsteer) = (planned.steer, planned.unsteer);
    }
    let found = difference(plan.as_ref().map(decision).as_ref(), naive.as_ref())?;
    let notes = plan.map(|plan| {
        let verdicts = verdicts(&plan);
        format!(
            "{:?} {:?}\n{verdicts}\n{:?}",
            plan.warnings,
            plan.all_limits().collect::<Vec<_>>(),
            plan.actions
        )
    });
    Some(format!("{found}\n{}", notes.unwrap_or_default()))
}

#[test]
fn the_planner_decides_as_the_naive_one_does() {
    hold(&worlds(), |world| world, &|world| differs(world, &world.snapshot()));
}

#[test]
fn where_pods_are_evicted_the_planner_decides_as_the_naive_one_does() {
    hold(&worlds(), with_drained, &|world| differs(world, &drained::snapshot(world)));
}

#[test]
fn the_checker_accepts_the_plan_of_every_random_cluster() {
    hold(&worlds(), |world| world, &|world| {
        let (snapshot, plan) = planned(world);
        let plan = plan.ok()?;
        let found = check(&snapshot, &world.policy, &plan);
        let first = found.first()?;
        let word = format!("{first:?}");
        let word = word.split(['{', ' ']).next().unwrap_or_default();
        Some(format!("{word}: {found:?}\nin {:?}", decision(&plan)))
    });
}

/// Says what a plan leaves to do on its own outcome.
fn unsettled(snapshot: &Snapshot, world: &World, first: &Plan, found: &Violation) -> String {
    let after = outcome(snapshot, &world.policy, first).unwrap();
    let again = plan(&after, &world.policy).map(|again| format!("{:?}\n{}", again.actions, verdicts(&again)));
    let first = (&first.actions, verdicts(first));
    format!("settled: {found:?} after {:?}\n{}\nthen {}", first.0, first.1, again.unwrap_or_default())
}

/// Section 10: a plan is final if it neither creates nodes nor is cut by a limit.
#[test]
fn planning_again_on_the_outcome_changes_nothing() {
    hold(&worlds(), |world| world, &|world| {
        let (snapshot, plan) = planned(world);
        let plan = plan.ok()?;
        let found = check_settled(&snapshot, &world.policy, &plan, kube_rebalancer_core::plan::plan)?;
        Some(unsettled(&snapshot, world, &plan, &found))
    });
}

/// Section 13: the taint of a node does not change again on the plan's own outcome, if that has the same keep order.
#[test]
fn what_is_steered_stays_so_on_the_outcome() {
    hold(&worlds(), |world| world, &|world| {
        let (snapshot, plan) = planned(world);
        let plan = plan.ok()?;
        let first = decision(&plan);
        let moves = !(first.uncordon.is_empty() && first.cordon.is_empty() && first.grow.is_empty());
        if moves || cut_short(&plan) {
            return None;
        }
        let after = outcome(&snapshot, &world.policy, &plan).unwrap();
        let again = decision(&kube_rebalancer_core::plan::plan(&after, &world.policy).ok()?);
        let settled = again.steer.is_empty() && again.unsteer.is_empty();
        (!settled).then(|| format!("steer: {again:?} after {first:?}"))
    });
}

#[test]
fn where_machines_are_parked_the_checker_finds_nothing_and_a_plan_is_final() {
    hold(&worlds(), with_parked, &|world| {
        let (snapshot, plan) = planned(world);
        let plan = plan.ok()?;
        if let Some(first) = check(&snapshot, &world.policy, &plan).first() {
            let word = format!("{first:?}");
            let word = word.split(['{', ' ']).next().unwrap_or_default();
            return Some(format!("{word}: {first:?}"));
        }
        let found = check_settled(&snapshot, &world.policy, &plan, kube_rebalancer_core::plan::plan)?;
        Some(unsettled(&snapshot, world, &plan, &found))
    });
}

#[test]
fn where_pods_are_evicted_the_checker_finds_nothing_and_a_plan_is_final() {
    hold(&worlds(), with_drained, &|world| {
        let snapshot = drained::snapshot(world);
        let plan = plan(&snapshot, &world.policy).ok()?;
        if let Some(first) = check(&snapshot, &world.policy, &plan).first() {
            let word = format!("{first:?}");
            let word = word.split(['{', ' ']).next().unwrap_or_default();
            return Some(format!("{word}: {first:?}"));
        }
        let found = check_settled(&snapshot, &world.policy, &plan, kube_rebalancer_core::plan::plan)?;
        Some(unsettled(&snapshot, world, &plan, &found))
    });
}

/// Section 16, from the pods alone: no user's pod is evicted, and no pod without a controller; all evictions are on nodes that
/// this program cordoned and does not change otherwise; and some plans evict.
#[test]
fn no_user_s_pod_is_ever_evicted() {
    let evictions = std::cell::Cell::new(0_u32);
    hold(&worlds(), with_drained, &|world| {
        let snapshot = drained::snapshot(world);
        let plan = plan(&snapshot, &world.policy).ok()?;
        plan.actions.iter().find_map(|action| {
            let Action::Evict { node, namespace, pod: name, .. } = action else { return None };
            evictions.set(evictions.get() + 1);
            let is_it = |pod: &&Pod| *pod.namespace == **namespace && *pod.name == **name;
            let Some(pod) = snapshot.pods().iter().find(is_it) else {
                return Some(format!("unknown {name}"));
            };
            let users = pod.label_keys.iter().any(|key| world.policy.preemptible_labels.contains(&**key));
            let kept = pod.safe_to_evict == Some(false) || pod.do_not_disrupt.is_some() || pod.mirror;
            let from = snapshot.nodes().iter().find(|one| one.name == *node).unwrap();
            let others = plan
                .actions
                .iter()
                .any(|other| other.node() == Some(node) && (other.service().is_some() || other.is_delete()));
            let odd =
                users || kept || pod.controller.is_none() || pod.deleting || !from.unschedulable || others;
            odd.then(|| format!("evicts {action:?}"))
        })
    });
    assert!(
        only().is_some() || evictions.get() > number("ORACLE_CLUSTERS", 10_000) / 50,
        "only {} evictions",
        evictions.get()
    );
}

/// Section 15, from the annotations alone: a parked node is only woken or deleted, and only parked nodes are woken. Notes may
/// be written on it, and this program's soft taint may be removed.
#[test]
fn what_is_parked_is_woken_or_deleted_and_only_that_is_woken() {
    hold(&worlds(), with_parked, &|world| {
        let (snapshot, plan) = planned(world);
        let plan = plan.ok()?;
        let is_parked = |name: &str| {
            let node = snapshot.nodes().iter().find(|node| node.name == name).unwrap();
            node.unschedulable
                && node.annotations.contains_key(annotation::PARKED_AT)
                && !node.ready.is_some_and(|condition| condition.ready)
        };
        let odd = plan.actions.iter().find(|action| match (action, action.node()) {
            (Action::Wake { node, .. }, _) => !is_parked(node),
            (
                Action::Delete { .. } | Action::Mark { .. } | Action::Unmark { .. } | Action::Unsteer { .. },
                _,
            )
            | (_, None) => false,
            (_, Some(node)) => is_parked(node),
        });
        odd.map(|action| format!("{} {action:?}", action.verb()))
    });
}

#[test]
fn the_order_of_the_input_is_irrelevant() {
    hold(&worlds(), |world| world, &|world| {
        let mut shuffled = world.clone();
        shuffled.cluster.nodes.reverse();
        shuffled.cluster.groups.reverse();
        shuffled.cluster.pods.reverse();
        let turn = world.cluster.pods.len() / 3;
        shuffled.cluster.pods.rotate_left(turn);
        (planned(world).1 != planned(&shuffled).1).then(|| "order".to_owned())
    });
}

/// Section 10: every node has exactly one verdict, and protected nodes are not changed.
#[test]
fn every_node_has_exactly_one_verdict() {
    hold(&worlds(), |world| world, &|world| {
        let (snapshot, plan) = planned(world);
        let plan = plan.ok()?;
        let names: Vec<_> = plan.nodes.iter().map(|verdict| verdict.name.as_str()).collect();
        let expected: Vec<_> = snapshot.nodes().iter().map(|node| node.name.as_str()).collect();
        if names != expected {
            return Some(format!("names {names:?}, expected {expected:?}"));
        }
        let acts = |name: &str| {
            plan.actions.iter().filter(|action| !action.is_note() && action.node() == Some(name)).count()
        };
        let odd = plan.nodes.iter().find(|verdict| {
            let verb = verdict.verdict.verb();
            acts(&verdict.name) != usize::from(verb != "keep")
                || (verdict.critical && ["cordon", "delete"].contains(&verb))
                || (!verdict.managed && verb != "keep")
        });
        odd.map(|verdict| format!("verdict {verdict:?}"))
    });
}

/// More load never needs fewer nodes: with equal nodes, no daemons and no waiting pods, if one dynamic pod requests more, the
/// plan leaves at least as many nodes in service.
///
/// The text promises no more than that. With nodes of different sizes the choice is the *capacity* nearest to the goal, so
/// more load may well be served by fewer, larger nodes. With daemons, `W` itself depends on the choice; a waiting pod moves
/// nodes into part 1 by its place.
#[test]
fn more_load_never_asks_for_fewer_nodes() {
    let mut runner = runner(number("ORACLE_SEED", 1));
    let worlds = plain_worlds();
    for at in 0..number("ORACLE_CLUSTERS", 10_000) {
        let (less, more) = worlds.new_tree(&mut runner).unwrap().current();
        let (Ok(first), Ok(second)) = (planned(&less).1, planned(&more).1) else { continue };
        let serving = |plan: &Plan| plan.pools.iter().map(|pool| pool.after.serving).sum::<usize>();
        assert!(
            serving(&second) >= serving(&first),
            "cluster {at}: {:?}\nthen\n{:?}\nin {more:?}",
            decision(&first),
            decision(&second)
        );
    }
}
