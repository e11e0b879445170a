//! Repeated planning and applying: a cluster without other changes comes to rest.
//!
//! One plan may look right and the next one may undo it. So here nodes boot, according to their template or not, a scheduler
//! places the pods that fit, some pods fit nowhere, and the planner plans again, at least twenty times.

mod admission;
mod cluster;
mod foresight;
pub(crate) mod planner;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{Pod, Resource};
use kube_rebalancer_core::policy::{Budget, Policy};
use proptest::strategy::{Strategy, ValueTree};

use crate::generate::{TurnsOut, World, smallest, worlds};
use crate::naive::{self, Decision};
use crate::{number, runner};
use admission::{somebody_fits_nowhere, takes_the_room_of_another};
use cluster::Living;
use planner::{Planner, Step};

const RUNS: usize = 20;

/// Number of runs of a world that still changes near the end of the first ones: delayed actions, such as after the age of a
/// cordon or the pause after a useless node, may come late.
const LATE_RUNS: usize = 60;

/// Maximum number of runs of a world.
///
/// A machine that is smaller than promised adds only what its daemons leave. So the ratio asks for a further one as soon as it
/// is Ready, up to `MAX_NODES`.
fn most_runs(world: &World) -> usize {
    if world.fate.turns_out != TurnsOut::Smaller {
        return LATE_RUNS;
    }
    let bounds = world.policy.pool_bounds.values().chain([&world.policy.bounds]);
    let most = bounds.map(|bounds| bounds.max_nodes).max().unwrap_or(0);
    LATE_RUNS + most * (1 + world.fate.boots)
}

/// A failure during the runs of a world.
#[derive(Debug)]
pub(crate) struct Trouble {
    what: String,
    history: Vec<String>,
}

/// The actions of one run, in a line.
fn line(run: usize, step: &Step) -> String {
    let decision = &step.decision;
    format!(
        "{run}: uncordon {:?}, grow {:?}, cordon {:?}, delete {:?} {:?} {:?} {:?}",
        decision.uncordon,
        decision.grow,
        decision.cordon,
        decision.delete,
        decision.delete_instances,
        step.actions,
        step.ledger
    )
}

fn moves(step: &Step) -> bool {
    let decision = &step.decision;
    !(decision.uncordon.is_empty() && decision.cordon.is_empty() && decision.grow.is_empty())
}

/// The number of growths of a group.
#[derive(Debug, Default)]
struct Growths {
    runs: usize,
    /// The number of tries. Consecutive runs count as one try until a machine can have become usable.
    tries: usize,
    last: Option<Timestamp>,
}

impl Growths {
    fn note(&mut self, now: Timestamp, boot_grace: SignedDuration) {
        self.runs += 1;
        self.tries += usize::from(self.last.is_none_or(|last| now.duration_since(last) > boot_grace));
        self.last = Some(now);
    }
}

/// Maximum number of tries of a group while all of its new nodes are useless.
///
/// A useless node shows after `BOOT_GRACE`. Without notes the next try follows then; with them the pauses double, so the number
/// grows with the logarithm of the time.
fn most_tries(world: &World, runs: usize, noted: bool) -> usize {
    let time = SignedDuration::from_secs(world.fate.step) * i32::try_from(runs).unwrap();
    let graces = usize::try_from(time.as_secs() / world.policy.boot_grace.as_secs()).unwrap();
    if noted { 3 + usize::try_from(graces.max(1).ilog2()).unwrap() } else { 2 + graces }
}

/// The number of nodes that a plan creates at once.
fn created(decision: &Decision) -> usize {
    usize::try_from(decision.grow.values().sum::<u32>()).unwrap()
}

/// The number of nodes that a cluster needs in the beginning, or once its terminating pods are gone: as many as either planner
/// creates without `MAX_CREATIONS`, the smaller of both. So no planner widens the bound on its own runs.
fn needed(world: &World) -> usize {
    let mut later = world.clone();
    later.cluster.pods.retain(|pod| !pod.deleting);
    needed_now(world).max(needed_now(&later))
}

fn needed_now(world: &World) -> usize {
    let snapshot = world.snapshot();
    let policy = Policy { max_creations: Budget::Count(u32::MAX), ..world.policy.clone() };
    let naive = naive::decide(&snapshot, &policy).map_or(0, |decision| created(&decision));
    let plan = kube_rebalancer_core::plan::plan(&snapshot, &policy).ok();
    let planned = plan.map_or(0, |plan| created(&crate::properties::decision(&plan)));
    naive.min(planned)
}

/// The number of further runs over which `MAX_CREATIONS` spreads the nodes that a cluster needs in the beginning.
fn portions(world: &World) -> usize {
    let allowed = naive::creations_allowed(&world.snapshot(), &world.policy);
    needed(world).div_ceil(allowed.max(1)).saturating_sub(1)
}

/// The number of runs that one try takes where most nodes lack the daemons that come to a new node.
///
/// No plan expects those daemons (section 5). They count as soon as a node has them: each new node needs a part of a further
/// one, which needs a part of another. That goes on until half a node is left, because the nearest number is chosen.
fn runs_of_a_try(world: &World) -> usize {
    let cluster = &world.cluster;
    let daemons: BTreeMap<&str, &Pod> = cluster
        .pods
        .iter()
        .filter(|pod| pod.node_name.is_some())
        .filter_map(|pod| Some((&*pod.controller.as_ref().filter(|one| one.kind == "DaemonSet")?.uid, pod)))
        .collect();
    let bounds = world.policy.pool_bounds.values().chain([&world.policy.bounds]);
    let optimal = bounds.map(|bounds| u64::from(bounds.optimal_utilization.0)).min().unwrap_or(0);
    // In thousandths.
    let part = |resource: &Resource| {
        let asked: u64 = daemons.values().map(|pod| pod.requests.of(*resource)).sum();
        let least = cluster.nodes.iter().filter_map(|node| node.allocatable.of(*resource)).min().unwrap_or(0);
        asked * 1_000_000_000 / (least * optimal).max(1)
    };
    let part = world.policy.resources.iter().map(part).max().unwrap_or(0);
    let most = world.policy.bounds.max_nodes;
    let parts = std::iter::successors(Some(u64::try_from(needed(world)).unwrap() * 1000), |left| {
        Some(left * part / 1000)
    });
    parts.take_while(|left| *left >= 500).take(most).count()
}

pub(crate) fn run_on(world: &World, plan: Planner) -> Result<(), Trouble> {
    let most_runs = most_runs(world);
    // A schedule that ends and a past that moves on are reasons for a change, not unrest.
    let mut steady = world.clone();
    steady.policy.foresight.schedule.clear();
    steady.cluster.history = None;
    let mut living = Living::new(steady.clone());
    let mut history = Vec::new();
    let mut turns: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    let mut last_move = 0;
    let mut fits_nowhere = false;
    let mut taken = 0;
    let mut growths: BTreeMap<(String, Option<String>), Growths> = BTreeMap::new();
    for run in 1..=most_runs {
        if run > RUNS && last_move + 3 < run {
            break;
        }
        let snapshot = living.world.cluster.snapshot_at(living.now);
        let Some(step) = plan(&snapshot, &living.world.policy) else { break };
        history.push(line(run, &step));
        for (names, cordoned) in [(&step.decision.cordon, true), (&step.decision.uncordon, false)] {
            // A node that breaks and recovers is no change of the planner's mind.
            let is_ready = |name: &String| {
                let node = snapshot.nodes().iter().find(|node| node.name == *name);
                node.and_then(|node| node.ready).is_some_and(|condition| condition.ready)
            };
            // Where no MAX_NODES binds either, the nodes that were held for a pod make way for others once, after its first hour.
            let names = names.iter().filter(|_| !living.a_hold_ends());
            for name in names.filter(|name| is_ready(name)) {
                turns.entry(name.clone()).or_default().push(cordoned);
            }
        }
        if moves(&step) {
            last_move = run;
        }
        let before = living.made();
        let were_there = living.carry_out(&step);
        // If there is no node to copy, no machine boots.
        if living.made() > before {
            for group in step.decision.grow.keys() {
                growths.entry(group.clone()).or_default().note(living.now, world.policy.boot_grace);
            }
        }
        for pod in were_there {
            let comes_back = pod.controller.as_ref().is_some_and(|owner| {
                ["DaemonSet", "ReplicaSet", "StatefulSet"].contains(&owner.kind.as_str())
            });
            let user = pod.label_keys.iter().any(|key| world.policy.preemptible_labels.contains(&**key));
            let daemon = pod
                .controller
                .as_ref()
                .is_some_and(|owner| ["DaemonSet", "Node"].contains(&owner.kind.as_str()));
            if !daemon && !pod.daemonset_pod && (user || !comes_back) {
                return Err(Trouble { what: format!("pod {} is lost", pod.name), history });
            }
        }
        fits_nowhere |= somebody_fits_nowhere(&living.world.cluster);
        let waited = living.world.cluster.pods.clone();
        living.live();
        taken +=
            usize::from(takes_the_room_of_another(&living.world.cluster, &waited, &step.decision.uncordon));
    }
    // If no machine boots, or none in time, the next one is requested repeatedly, but not every minute.
    let fate = world.fate.turns_out;
    let useless =
        [TurnsOut::NeverReady, TurnsOut::NeverANode, TurnsOut::StuckInStartup, TurnsOut::WithoutDevice];
    let boots = SignedDuration::from_secs(world.fate.step) * i32::try_from(world.fate.boots).unwrap();
    let comes = !useless.contains(&fate) && boots < world.policy.boot_grace;
    // Without groups no note about tainted nodes lasts longer than twice BOOT_GRACE.
    let comes = comes && !(fate == TurnsOut::Tainted && world.cluster.groups.is_empty());
    // If MAX_NODES leaves no room for more, the nodes that are held for a pod which the scheduler refuses elsewhere replace
    // others for at most an hour: two changes with each such pod, and two such pods may follow each other. A world without rest
    // changes with every run.
    let full = world.policy.bounds.max_nodes_set
        || world.policy.pool_bounds.values().any(|bounds| bounds.max_nodes_set);
    let held = if full && world.fate.stubborn > 0 { 4 } else { 0 };
    // A pod that no node takes counts while a try may bring a node for it (section 4), and nobody can use what is open for it
    // then. The pauses between tries double.
    let tries: usize = growths.values().map(|growths| growths.tries).sum();
    let tried = if fits_nowhere { 2 * tries } else { 0 };
    for (name, turned) in &turns {
        // Booting nodes may become ready one after another: so a node may be cordoned, uncordoned and cordoned. If another pod
        // takes the room that a run opened for a waiting one, a run opens the next node, and the choice changes twice.
        if turned.len() > 3 + held + tried + 2 * taken {
            return Err(Trouble { what: format!("node {name} is cordoned and uncordoned in turn"), history });
        }
    }
    for ((_, group), growths) in &growths {
        let noted = group.is_some() && world.cluster.ledger.is_some();
        let most = most_tries(world, history.len(), noted);
        // A node that is smaller than promised adds what its daemons leave, so the ratio asks for further ones.
        let most = if fate == TurnsOut::Smaller { most.max(history.len() * 3 / 4) } else { most };
        let runs = 2 * most + 4;
        let further = || portions(&steady) + (growths.tries * runs_of_a_try(&steady)).saturating_sub(runs);
        if growths.tries > most || (growths.runs > runs && growths.runs > runs + further()) {
            return Err(Trouble {
                what: format!("nodes are created in {growths:?}, at most {most}"),
                history,
            });
        }
    }
    if last_move > most_runs - 3 && comes && !living.nothing_to_copy {
        return Err(Trouble { what: "no rest".to_owned(), history });
    }
    Ok(())
}

/// Runs by the naive planner come to rest too: it is the obvious reading of the text.
#[test]
fn clusters_come_to_rest_by_the_naive_planner() {
    come_to_rest(planner::naive);
}

#[test]
fn clusters_come_to_rest() {
    come_to_rest(planner::planner);
}

fn come_to_rest(plan: Planner) {
    let mut runner = runner(number("ORACLE_SEED", 1));
    let worlds = worlds();
    let mut troubles: BTreeMap<String, usize> = BTreeMap::new();
    let count = number("ORACLE_CLUSTERS", 1000);
    let mut shown = 0;
    let only = std::env::var("ORACLE_ONLY").ok().map(|only| only.parse::<u32>().unwrap());
    for at in 0..count {
        let tree = worlds.new_tree(&mut runner).unwrap();
        if only.is_some_and(|only| only != at) {
            continue;
        }
        if std::env::vars().any(|(key, _)| key == "ORACLE_NOT_TAINTED")
            && tree.current().fate.turns_out == TurnsOut::Tainted
        {
            continue;
        }
        let Err(trouble) = run_on(&tree.current(), plan) else { continue };
        let kind = |what: &str| {
            what.split_whitespace()
                .filter(|word| !word.contains(char::is_numeric))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let wanted = kind(&trouble.what);
        *troubles.entry(wanted.clone()).or_default() += 1;
        if shown < number("ORACLE_SHOW", 1) {
            shown += 1;
            let smallest = smallest(tree.current(), &|world| {
                run_on(world, plan).is_err_and(|next| kind(&next.what) == wanted)
            });
            let found = run_on(&smallest, plan).unwrap_err();
            let history = found.history.join("\n");
            eprintln!("cluster {at}: {}\n{smallest:?}\n{history}\n{}", found.what, smallest.dump());
        }
    }
    assert!(troubles.is_empty(), "{troubles:?} in {count} clusters");
}
