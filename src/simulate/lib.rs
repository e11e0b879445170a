//! Simulates policies: their node-hours and the waiting times of their users, without a cluster.
//!
//! ```text
//!   users (profile or trace) --> Scenario --> World: virtual clock, nodes, scheduler <----+
//!                                               |                                         |
//!                                               +--> engine --> autoscaler, every so often
//!                                                               rebalancer: the real plan, check, apply (ports)
//!                                                               scale.py's rule, delete when empty, fixed size
//!   tally of each --> PolicyResult --> report: table, JSON, plot
//! ```
//!
//! The result depends only on the scenario, the settings and the seed: the same input gives the same bytes.

mod autoscaler;
pub mod cluster;
mod convert;
mod engine;
mod fill;
mod fixed;
mod floor;
mod hours;
mod machine;
pub mod panels;
pub mod plot;
mod ports;
mod random;
pub mod report;
pub mod resources;
pub mod result;
pub mod scenario;
pub mod series;
pub mod session;
mod sum;
#[cfg(test)]
mod tests;
pub mod trace;
pub mod users;
pub mod watch;
mod world;

use std::collections::BTreeSet;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::{ScopedJoinHandle, scope};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{History, LabelSelector, Window};
use kube_rebalancer_core::policy::{PartsPerMillion, Policy};

pub use autoscaler::Defect;
use autoscaler::{Autoscaler, Rebalancer, ScalePy, WhenEmpty};
use engine::Until;
use fill::Fill;
pub use floor::Floor;
pub use hours::{Hour, Hours};
pub use machine::Machine;
use result::PolicyResult;
use scenario::Scenario;
pub use sum::sum;
use world::World;

/// The label of users' pods if `PREEMPTIBLE_LABELS` is empty: the label that Zero to JupyterHub uses.
pub const USER_LABEL: &str = "hub.jupyter.org/username";

/// A policy of this program to simulate.
#[derive(Clone, Debug)]
pub struct Contender {
    /// Its name in the table.
    pub name: String,
    /// The settings in which it differs.
    pub settings: Option<String>,
    /// The policy.
    pub policy: Policy,
    /// `RUN_TIMEOUT`.
    pub run_timeout: SignedDuration,
    /// The requests before the beginning of the simulation.
    pub history: Option<Arc<History>>,
    /// The events of a calendar in the simulated time.
    pub calendar: Arc<[Window]>,
}

/// The results of all policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// The theoretical minimum.
    pub floor: Floor,
    /// The results of the contenders, then of the policies that they are compared with.
    pub results: Vec<PolicyResult>,
    /// All users and waiting users by the hour of the day, if requested.
    pub hours: Option<Hours>,
}

/// A simulation that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulation of {policy} ended at {at}, {seconds} s after its start")]
pub struct SimulationError {
    /// The simulated policy.
    pub policy: String,
    /// The simulated time.
    pub at: Timestamp,
    /// The same in seconds.
    pub seconds: u64,
    /// The defect.
    pub source: Defect,
}

/// Options of a simulation.
#[derive(Clone, Copy)]
pub struct Extras<'e> {
    /// The interval in seconds between two points of each policy; `None` for no points.
    pub points_every: Option<u64>,
    /// The time zone of the count by the hour of the day.
    pub by_hour: Option<&'e TimeZone>,
    /// Called after each step with its number of simulated seconds; the sum over all policies is [`Extras::steps`].
    pub progress: &'e (dyn Fn(u64) + Sync),
}

impl fmt::Debug for Extras<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Extras").field("points_every", &self.points_every).finish_non_exhaustive()
    }
}

impl Extras<'_> {
    /// The number of simulated seconds of all policies.
    #[must_use]
    pub fn steps(scenario: &Scenario, contenders: usize) -> u64 {
        let policies = u64::try_from(contenders + COMPARED).unwrap_or(u64::MAX);
        scenario.length.saturating_mul(policies)
    }
}

/// The number of policies to compare with: `scale.py`, deleting when empty, a fixed size.
const COMPARED: usize = 3;

/// Simulates these policies and the policies to compare them with, side by side. The compared policies use the settings of
/// the first contender.
pub fn simulate(
    scenario: &Scenario,
    contenders: &[Contender],
    extras: Extras<'_>,
) -> Result<Simulation, SimulationError> {
    let Some(first) = contenders.first() else {
        return Ok(Simulation { floor: Floor::default(), results: Vec::new(), hours: None });
    };
    let floor = Floor::new(scenario, first.policy.bounds.optimal_utilization);
    let race = Race { scenario, extras };
    let results = scope(|threads| {
        let mut running: Vec<ScopedJoinHandle<'_, Result<PolicyResult, SimulationError>>> = Vec::new();
        for contender in contenders {
            running.push(threads.spawn(move || race.rebalancer(contender)));
        }
        running.push(threads.spawn(move || race.scale_py(&first.policy)));
        running.push(threads.spawn(move || race.when_empty(&first.policy)));
        running.push(threads.spawn(move || race.fixed(&first.policy)));
        running.into_iter().map(joined).collect::<Result<Vec<_>, _>>()
    })?;
    let hours = extras.by_hour.map(|zone| Hours::new(scenario, &results, zone));
    Ok(Simulation { floor, results, hours })
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

/// The input that all policies have in common.
#[derive(Clone, Copy)]
struct Race<'s> {
    scenario: &'s Scenario,
    extras: Extras<'s>,
}

impl<'s> Race<'s> {
    /// The cluster and the program at the start.
    fn start(self, contender: &Contender) -> (World<'s>, Rebalancer) {
        let policy = simulated(&contender.policy);
        let label = policy.preemptible_labels.first().cloned().unwrap_or_default();
        let world = World::new(self.scenario, first_nodes(&policy), &label);
        let rebalancer = Rebalancer::new(policy, contender.run_timeout, self.scenario.interval)
            .knowing(contender.history.clone(), Arc::clone(&contender.calendar));
        (world, rebalancer)
    }

    fn rebalancer(self, contender: &Contender) -> Result<PolicyResult, SimulationError> {
        let (world, mut rebalancer) = self.start(contender);
        let optimum = contender.policy.bounds.optimal_utilization;
        let (name, settings) = (contender.name.clone(), contender.settings.clone());
        self.run(world, Title { name, settings, optimum }, Some(&mut rebalancer))
    }

    fn scale_py(self, policy: &Policy) -> Result<PolicyResult, SimulationError> {
        let world = World::new(self.scenario, first_nodes(policy), "");
        let mut scale_py = ScalePy::new(policy, self.scenario.interval, self.scenario.seed);
        self.run(world, Title::new("scale.py's rule", policy), Some(&mut scale_py))
    }

    fn when_empty(self, policy: &Policy) -> Result<PolicyResult, SimulationError> {
        let world = World::new(self.scenario, first_nodes(policy), "");
        let mut when_empty =
            WhenEmpty { min_nodes: policy.bounds.min_nodes, max_nodes: policy.bounds.max_nodes };
        self.run(world, Title::new("delete if empty", policy), Some(&mut when_empty))
    }

    fn fixed(self, policy: &Policy) -> Result<PolicyResult, SimulationError> {
        let title = Title::new("fixed size", policy);
        let size =
            fixed::smallest(self.scenario).map_err(|defect| self.ended(title.name.clone(), 0, defect))?;
        self.run(World::with_pools(self.scenario, &size, ""), title, None)
    }

    fn run(
        self,
        mut world: World<'s>,
        title: Title,
        autoscaler: Option<&mut (dyn Autoscaler + Send)>,
    ) -> Result<PolicyResult, SimulationError> {
        if let Some(every) = self.extras.points_every {
            world.tally.sample(every, Fill::new(&self.scenario.cluster, title.optimum));
        }
        engine::run(&mut world, autoscaler, Until::End, self.extras.progress)
            .map_err(|defect| self.ended(title.name.clone(), world.now, defect))?;
        let points = world.tally.points(world.now);
        Ok(PolicyResult::new(title.name, title.settings, &self.scenario.cluster, world.tally, points))
    }

    fn ended(self, policy: String, seconds: u64, source: Defect) -> SimulationError {
        SimulationError { policy, at: self.scenario.time(seconds), seconds, source }
    }
}

/// The facts about a policy that a report shows beside its result.
#[derive(Clone, Debug)]
struct Title {
    name: String,
    settings: Option<String>,
    optimum: PartsPerMillion,
}

impl Title {
    fn new(name: &str, policy: &Policy) -> Self {
        Self { name: name.to_owned(), settings: None, optimum: policy.bounds.optimal_utilization }
    }
}

/// The number of nodes at the start: the policy's minimum; the hub needs one.
fn first_nodes(policy: &Policy) -> u32 {
    u32::try_from(policy.bounds.min_nodes).unwrap_or(u32::MAX).max(1)
}

/// A policy for the simulated cluster: names of a real cluster are left out, and a label marks users' pods.
fn simulated(policy: &Policy) -> Policy {
    let labels = &policy.preemptible_labels;
    let labels = if labels.is_empty() { BTreeSet::from([USER_LABEL.to_owned()]) } else { labels.clone() };
    Policy {
        preemptible_labels: labels,
        omit_labels: BTreeSet::new(),
        omit_namespaces: BTreeSet::from(["kube-system".to_owned()]),
        node_selector: LabelSelector::default(),
        node_groups_named: true,
        own_pod: None,
        own_node: None,
        ..policy.clone()
    }
}
