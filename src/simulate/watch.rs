//! A policy by itself, with each of its runs shown to an observer: for pictures.

use jiff::Timestamp;
use kube_rebalancer_core::plan::Plan;
use kube_rebalancer_ports::Outcome;

use super::autoscaler::{Autoscaler, Defect, Rebalancer};
use super::engine::{self, Until};
use super::scenario::Scenario;
use super::world::World;
use super::{Contender, Extras, Race, SimulationError};

/// A run of the simulated program.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'r> {
    /// The simulated time of the run.
    pub at: Timestamp,
    /// Its plan.
    pub plan: &'r Plan,
    /// The outcomes of the plan's actions; `None` if nothing has changed since the run before: then the plan is that one's,
    /// which has no actions.
    pub outcomes: Option<&'r [Outcome]>,
}

/// The observer of a policy's runs.
pub type Observer<'o> = dyn FnMut(Watched<'_>) + Send + 'o;

/// Simulates one policy, and shows every run to the observer.
pub fn watch(
    scenario: &Scenario,
    contender: &Contender,
    observer: &mut Observer<'_>,
) -> Result<(), SimulationError> {
    let race = Race { scenario, extras: Extras { points_every: None, by_hour: None, progress: &|_| {} } };
    let (mut world, rebalancer) = race.start(contender);
    let mut watcher = Watcher { rebalancer, last: None, observer };
    engine::run(&mut world, Some(&mut watcher), Until::End, &|_| {})
        .map_err(|defect| race.ended(contender.name.clone(), world.now, defect))
}

/// The program and its observer.
struct Watcher<'w, 'o> {
    rebalancer: Rebalancer,
    last: Option<Plan>,
    observer: &'w mut Observer<'o>,
}

impl Autoscaler for Watcher<'_, '_> {
    fn interval(&self) -> u64 {
        self.rebalancer.interval()
    }

    fn run(&mut self, world: &mut World<'_>) -> Result<(), Defect> {
        let at = world.scenario.time(world.now);
        let done = self.rebalancer.step(world)?;
        let outcomes = done.map(|(plan, outcomes)| {
            self.last = Some(plan);
            outcomes
        });
        if let Some(plan) = &self.last {
            (self.observer)(Watched { at, plan, outcomes: outcomes.as_deref() });
        }
        Ok(())
    }
}
