//! Runs with a past, a schedule, and a growing history: only a changed expectation changes a resting cluster.
//!
//! The expected amounts change over the hours: a class begins, a reserve ends. Each change is a reason to act. So a cluster
//! is at rest if runs do nothing after the expectation has been constant for the time that a cluster without foresight may
//! need.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use kube_rebalancer_core::check::check;
use kube_rebalancer_core::foresight::Expectation;
use kube_rebalancer_core::model::Resource;
use kube_rebalancer_core::plan::{Plan, plan};
use kube_rebalancer_core::policy::{Budget, Policy};
use proptest::strategy::{Strategy, ValueTree};

use super::cluster::Living;
use super::planner::planner;
use super::{LATE_RUNS, RUNS, Trouble, line, moves};
use crate::generate::{TurnsOut, World, worlds};
use crate::properties::only;
use crate::{number, runner};

/// Maximum number of runs of a world; a world whose expectations never stop changing is not judged.
const MOST_RUNS: usize = 240;

/// The expectation of each pool in a decision.
type Expected = BTreeMap<String, (Vec<(Resource, u64)>, Option<usize>)>;

fn expected(plan: &Plan) -> Expected {
    let of = |expectation: &Expectation| {
        let amounts = expectation.resources.iter().map(|one| (one.resource, one.amount));
        (amounts.collect(), expectation.min_nodes.as_ref().map(|(nodes, _)| *nodes))
    };
    plan.pools.iter().map(|pool| (pool.name.clone(), of(&pool.expectation))).collect()
}

/// The observations of a world.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    plans: usize,
    /// The number of plans with an expectation.
    expecting: usize,
    changes: usize,
    judged: bool,
}

/// The number of further runs over which `MAX_CORDONS` and `MAX_CREATIONS` spread the changes of a cluster with this number of
/// nodes: an expectation may create all of them, and once it is over, a run may cordon no more than one.
fn portions(policy: &Policy, nodes: usize) -> usize {
    let runs = |budget: Budget| match budget.allows(nodes) {
        0 => 0,
        allowed => nodes.div_ceil(allowed).saturating_sub(1),
    };
    runs(policy.max_cordons) + runs(policy.max_creations)
}

fn run_on(world: &World) -> Result<Seen, Trouble> {
    let mut living = Living::new(world.clone());
    let mut history = Vec::new();
    let mut before: Option<Expected> = None;
    let (mut last_change, mut last_move) = (0, 0);
    let mut seen = Seen::default();
    let mut late_runs = LATE_RUNS;
    for run in 1..=MOST_RUNS {
        let quiet = run - last_change;
        late_runs = late_runs.max(LATE_RUNS + portions(&world.policy, living.machines()));
        if quiet > late_runs || (quiet > RUNS && last_move + 3 < run) {
            seen.judged = true;
            break;
        }
        let snapshot = living.world.cluster.snapshot_at(living.now);
        let Ok(plan) = plan(&snapshot, &living.world.policy) else { return Ok(seen) };
        seen.plans += 1;
        let violations = check(&snapshot, &living.world.policy, &plan);
        if !violations.is_empty() {
            history.push(format!("{run}: {:?}", plan.actions));
            return Err(Trouble { what: format!("the checker refuses: {violations:?}"), history });
        }
        let now = expected(&plan);
        let something = |(amounts, nodes): &(Vec<(Resource, u64)>, Option<usize>)| {
            nodes.is_some() || amounts.iter().any(|(_, amount)| *amount > 0)
        };
        seen.expecting += usize::from(now.values().any(something));
        if before.as_ref() != Some(&now) {
            seen.changes += usize::from(before.is_some());
            last_change = run;
            before = Some(now);
        }
        let Some(step) = planner(&snapshot, &living.world.policy) else { return Ok(seen) };
        history.push(line(run, &step));
        if moves(&step) {
            last_move = run;
        }
        living.carry_out(&step);
        // Runs update the history, as live ones do.
        if let Some(past) = &mut living.world.cluster.history {
            plan.teach(Arc::make_mut(past));
        }
        living.live();
    }
    let fate = world.fate.turns_out;
    let useless = [
        TurnsOut::NeverReady,
        TurnsOut::NeverANode,
        TurnsOut::StuckInStartup,
        TurnsOut::WithoutDevice,
        TurnsOut::Smaller,
    ];
    let boots = SignedDuration::from_secs(world.fate.step) * i32::try_from(world.fate.boots).unwrap();
    let comes = !useless.contains(&fate) && boots < world.policy.boot_grace;
    let comes = comes && !(fate == TurnsOut::Tainted && world.cluster.groups.is_empty());
    let restless = last_move > last_change + late_runs - 3;
    if seen.judged && restless && comes && !living.nothing_to_copy {
        return Err(Trouble { what: "no rest".to_owned(), history });
    }
    Ok(seen)
}

#[test]
fn what_is_expected_moves_clusters_and_they_come_to_rest() {
    let mut runner = runner(number("ORACLE_SEED", 1));
    let worlds = worlds();
    let count = number("ORACLE_CLUSTERS", 1000);
    let only = only();
    let mut troubles = Vec::new();
    let (mut expecting, mut changing, mut judged) = (0, 0, 0);
    for at in 0..count {
        let world = worlds.new_tree(&mut runner).unwrap().current();
        let foresight = &world.policy.foresight;
        let expects = world.cluster.history.is_some() || !foresight.schedule.is_empty();
        if !expects || only.is_some_and(|only| only != at) {
            continue;
        }
        match run_on(&world) {
            Ok(seen) => {
                expecting += usize::from(seen.expecting > 0);
                changing += usize::from(seen.changes > 0);
                judged += usize::from(seen.judged);
            }
            Err(Trouble { what, history }) => {
                if troubles.is_empty() {
                    eprintln!("cluster {at}: {what}\n{world:?}\n{}\n{}", history.join("\n"), world.dump());
                }
                troubles.push((at, what));
            }
        }
    }
    assert!(troubles.is_empty(), "{troubles:?} in {count} clusters");
    // Enough worlds have an expectation.
    let least = usize::try_from(count / 20).unwrap();
    assert!(
        only.is_some() || (expecting > least && changing > least && judged > least),
        "{expecting} {changing} {judged} of {count}"
    );
    eprintln!(
        "of {count} clusters, something was expected in {expecting}, it changed in {changing}, {judged} were judged"
    );
}
