//! What must be true of every plan, on random clusters. Failing seeds are kept in `properties.regressions`.

use std::collections::BTreeMap;

use kube_rebalancer_core::check::{check, check_settled, outcome};
use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_core::plan::{Action, Plan, Refusal, Verdict, plan};
use kube_rebalancer_core::policy::Policy;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use crate::generate::{World, plain_worlds, worlds};
use crate::naive::{self, Decision};

/// How many random clusters each property is tried on.
const CLUSTERS: u32 = 10_000;

/// How many runs that create nodes may follow each other while nothing else happens.
const RUNS_UNTIL_SETTLED: usize = 4;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: CLUSTERS,
        max_shrink_iters: 20_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/it/properties.regressions",
        ))),
        ..ProptestConfig::default()
    }
}

/// A plan as the naive planner would give it.
fn decision(plan: &Plan) -> Decision {
    let mut decision = Decision::default();
    for action in &plan.actions {
        match action {
            Action::Uncordon { node, .. } => {
                decision.uncordon.insert(node.clone());
            }
            Action::Cordon { node, .. } => {
                decision.cordon.insert(node.clone());
            }
            Action::Delete { node, .. } => {
                decision.delete.insert(node.clone());
            }
            Action::Grow { group, from, to, .. } => {
                decision.grow.insert(group.clone(), to - from);
            }
            Action::Mark { .. } | Action::Unmark { .. } => {}
        }
    }
    decision
}

fn planned(world: &World) -> (Snapshot, Result<Plan, Refusal>) {
    let snapshot = world.snapshot();
    let plan = plan(&snapshot, &world.policy);
    (snapshot, plan)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_checker_finds_nothing(world in worlds()) {
        let (snapshot, plan) = planned(&world);
        if let Ok(plan) = plan {
            let found = check(&snapshot, &world.policy, &plan);
            prop_assert!(found.is_empty(), "{found:?}\nin {:?}", plan.actions);
        }
    }

    #[test]
    fn the_planner_decides_as_the_naive_one_does(world in worlds()) {
        let (snapshot, plan) = planned(&world);
        let expected = naive::decide(&snapshot, &world.policy);
        prop_assert_eq!(plan.ok().as_ref().map(decision), expected);
    }

    /// A plan that creates no nodes is final. One that does is not taken again on its own outcome (POLICY 5), and on
    /// that outcome a waiting pod may find another place: on a node that was uncordoned for a pod with fewer choices,
    /// which then has to go elsewhere. So a plan that grows may be followed by another, but not for ever.
    #[test]
    fn planning_again_on_the_outcome_changes_nothing(world in worlds()) {
        let mut snapshot = world.snapshot();
        for _ in 0..RUNS_UNTIL_SETTLED {
            let Ok(made) = plan(&snapshot, &world.policy) else { return Ok(()) };
            let Some(violation) = check_settled(&snapshot, &world.policy, &made, plan) else { return Ok(()) };
            let grows = made.actions.iter().any(|action| matches!(action, Action::Grow { .. }));
            prop_assert!(grows, "{violation:?} after {:?}", made.actions);
            snapshot = outcome(&snapshot, &world.policy, &made).unwrap();
        }
        prop_assert!(false, "not settled after {RUNS_UNTIL_SETTLED} runs");
    }

    #[test]
    fn the_order_of_the_input_is_irrelevant(
        world in worlds(),
        turn in 0_usize..40,
        mirrored in any::<bool>(),
    ) {
        let mut shuffled = world.clone();
        turn_over(&mut shuffled.cluster.nodes, turn, mirrored);
        turn_over(&mut shuffled.cluster.pods, turn, mirrored);
        turn_over(&mut shuffled.cluster.groups, turn, mirrored);
        prop_assert_eq!(planned(&world).1, planned(&shuffled).1);
    }

    #[test]
    fn every_node_has_exactly_one_verdict_and_critical_ones_stay_in_service(world in worlds()) {
        let (snapshot, plan) = planned(&world);
        let Ok(plan) = plan else { return Ok(()) };
        let names: Vec<_> = plan.nodes.iter().map(|verdict| verdict.name.as_str()).collect();
        let expected: Vec<_> = snapshot.nodes().iter().map(|node| node.name.as_str()).collect();
        prop_assert_eq!(names, expected);
        for verdict in plan.nodes.iter().filter(|verdict| verdict.critical || !verdict.managed) {
            let stays = matches!(verdict.verdict, Verdict::Keep(_) | Verdict::Uncordon(_));
            prop_assert!(stays, "{verdict:?}");
        }
    }

    #[test]
    fn a_plan_is_refused_exactly_when_the_policy_says_so(world in worlds()) {
        let (snapshot, plan) = planned(&world);
        let nodes = snapshot.nodes().len();
        let managed = manageable(&snapshot, &world.policy);
        let lost = managed == 0 && !world.policy.node_groups_named;
        let blind = nodes > 0 && snapshot.pods_seen() == 0;
        match plan {
            Ok(_) => prop_assert!(!lost && !blind),
            Err(Refusal::NoManagedNode { .. }) => prop_assert!(lost),
            Err(Refusal::NoPodVisible { .. }) => prop_assert!(blind),
        }
    }

    /// More load never asks for fewer nodes: of alike nodes without daemons, with nothing waiting, when one dynamic
    /// pod asks for more, the plan leaves at least as many nodes in service.
    ///
    /// POLICY does not promise more than that. With nodes of different sizes the choice is the *capacity* nearest to
    /// the goal, so more load may well be served by fewer, larger nodes; and where the load crosses the lower bound of
    /// the band, the goal jumps from `W / OPTIMAL` to the capacity in service, which no prefix of unequal nodes need
    /// have. With daemons, `W` itself depends on the choice; a waiting pod moves nodes into part 1 by its place.
    #[test]
    fn more_load_never_asks_for_fewer_nodes((less, more) in plain_worlds()) {
        let (Ok(less), Ok(more)) = (planned(&less).1, planned(&more).1) else { return Ok(()) };
        prop_assert!(more.after.serving >= less.after.serving, "{:?}\nthen\n{:?}", less.actions, more.actions);
    }
}

/// Another order of the same things.
fn turn_over<T>(things: &mut [T], turn: usize, mirrored: bool) {
    if mirrored {
        things.reverse();
    }
    if !things.is_empty() {
        things.rotate_left(turn % things.len());
    }
}

/// How many nodes are managed, by POLICY 2.
fn manageable(snapshot: &Snapshot, policy: &Policy) -> usize {
    naive::managed_nodes(snapshot, policy)
}

/// The generator is only worth something if what it makes is varied: every kind of action and every refusal happens.
#[test]
fn random_clusters_lead_to_every_kind_of_action() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..2000 {
        let world = worlds().new_tree(&mut runner).unwrap().current();
        match planned(&world).1 {
            Ok(plan) => {
                for action in &plan.actions {
                    *seen.entry(action.verb()).or_default() += 1;
                }
                for limit in &plan.limits {
                    *seen.entry(limit.setting()).or_default() += 1;
                }
                *seen.entry("guard").or_default() += u32::from(plan.guard.is_some());
            }
            Err(Refusal::NoManagedNode { .. }) => *seen.entry("no managed node").or_default() += 1,
            Err(Refusal::NoPodVisible { .. }) => *seen.entry("no pod visible").or_default() += 1,
        }
    }
    let expected = [
        "uncordon",
        "grow",
        "cordon",
        "delete",
        "mark",
        "unmark",
        "MIN_NODES",
        "MAX_NODES",
        "MAX_CORDONS",
        "MAX_DELETIONS",
        "guard",
        "no managed node",
        "no pod visible",
    ];
    for what in expected {
        assert!(seen.get(what).is_some_and(|count| *count >= 10), "{what} is too rare in {seen:?}");
    }
}
