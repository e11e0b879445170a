//! This program: its real planner, its real checker, and the code that carries out a plan.

use std::sync::Arc;

use futures_util::FutureExt;
use jiff::SignedDuration;
use kube_rebalancer_core::check::{check, check_settled};
use kube_rebalancer_core::model::{History, Slot, Snapshot, Window};
use kube_rebalancer_core::plan::{Plan, PoolPlan, plan};
use kube_rebalancer_core::policy::Policy;

use super::{Autoscaler, Defect};
use crate::ports::Ports;
use crate::resources::Resources;
use crate::world::{SimulatedNode, World};
use kube_rebalancer_apply::Apply;
use kube_rebalancer_ports::Outcome;

/// A plan, and the outcomes of its actions; empty if it has none.
pub(crate) type Done = (Plan, Vec<Outcome>);

/// Runs of this program with one policy.
#[derive(Debug)]
pub(crate) struct Rebalancer {
    policy: Policy,
    run_timeout: SignedDuration,
    interval: u64,
    /// The number of changes at the last run after which the passing of time alone changes nothing, and the slot of that
    /// run if foresight may expect another amount in the next one.
    quiet: Option<(u64, Option<Slot>)>,
    /// The requests so far; `None` if foresight does not learn.
    history: Option<Arc<History>>,
    calendar: Arc<[Window]>,
}

impl Rebalancer {
    pub(crate) fn new(policy: Policy, run_timeout: SignedDuration, interval: u64) -> Self {
        let learns = policy.foresight.forecast || policy.foresight.stabilization.is_positive();
        let history = learns.then(Arc::default);
        Self { policy, run_timeout, interval, quiet: None, history, calendar: Arc::default() }
    }

    /// The same, with the requests before the beginning of the simulation, and the events of a calendar.
    pub(crate) fn knowing(self, history: Option<Arc<History>>, calendar: Arc<[Window]>) -> Self {
        let history = self.history.map(|empty| history.unwrap_or(empty));
        Self { history, calendar, ..self }
    }

    /// Plans, and carries the plan out.
    fn look_and_act(&mut self, world: &mut World<'_>, now: (u64, Option<Slot>)) -> Result<Done, Defect> {
        let snapshot = world.snapshot()?.with_history(self.history.clone());
        let snapshot = snapshot.with_calendar(Arc::clone(&self.calendar));
        let plan = plan(&snapshot, &self.policy)?;
        let violations = check(&snapshot, &self.policy, &plan);
        if !violations.is_empty() {
            return Err(Defect::Violations(violations.iter().map(ToString::to_string).collect()));
        }
        if plan.actions.is_empty() {
            // Without waiting users, booting nodes and empty nodes before their deletion, the same cluster gets the same
            // plan at any time. A schedule may begin or end at any time.
            let changes_with_time =
                |node: &SimulatedNode| !node.ready || (node.is_cordoned() && node.is_empty());
            let scheduled = !self.policy.foresight.schedule.is_empty() || !self.calendar.is_empty();
            let lasts = world.waiting().next().is_none() && !world.nodes().iter().any(changes_with_time);
            self.quiet = (lasts && !scheduled).then_some(now);
            return Ok((plan, Vec::new()));
        }
        let acts = plan.actions.iter().any(|action| !action.gives_back() && !action.is_note());
        if acts && check_settled(&snapshot, &self.policy, &plan, kube_rebalancer_core::plan::plan).is_some() {
            world.tally.unsettled += 1;
        }
        let outcomes = self.carry_out(world, &snapshot, &plan)?;
        world.broken.take().map_or(Ok((plan, outcomes)), |broken| Err(broken.into()))
    }

    fn carry_out(
        &self,
        world: &mut World<'_>,
        snapshot: &Snapshot,
        plan: &Plan,
    ) -> Result<Vec<Outcome>, Defect> {
        let ports = Ports::new(world, self.run_timeout);
        let apply = Apply {
            plan,
            snapshot,
            policy: &self.policy,
            cluster: &ports,
            groups: Ok(&ports),
            clock: &ports,
        };
        // All simulated calls answer at once, so the first poll is the last.
        let applied = apply.run().now_or_never().ok_or_else(|| Defect::Failed("it waits".to_owned()))?;
        if let Some(problem) = applied.problems.first() {
            return Err(Defect::Failed(problem.to_string()));
        }
        let failed = |outcome: &&Outcome| {
            matches!(outcome, Outcome::Failed(_) | Outcome::NotTried(_) | Outcome::Blocked { .. })
        };
        if let Some(outcome) = applied.outcomes.iter().find(failed) {
            return Err(Defect::Failed(outcome.message()));
        }
        Ok(applied.outcomes)
    }

    /// Runs once, and returns what was done; `None` if nothing has changed since a run without actions.
    pub(crate) fn step(&mut self, world: &mut World<'_>) -> Result<Option<Done>, Defect> {
        world.tally.runs += 1;
        let slot = Slot::of(world.scenario.time(world.now));
        let now = (world.changes, self.history.is_some().then_some(slot));
        if self.quiet == Some(now) {
            return Ok(None);
        }
        let (plan, outcomes) = self.look_and_act(world, now)?;
        world.tally.expect(expected(&plan, world));
        // No other reference to the history exists now, so it is changed in place.
        if let Some(history) = &mut self.history {
            plan.teach(Arc::make_mut(history));
        }
        Ok(Some((plan, outcomes)))
    }
}

/// The resources that a plan expects of each pool of the cluster.
fn expected(plan: &Plan, world: &World<'_>) -> Vec<Resources> {
    let of = |pool: &PoolPlan| {
        let amounts = pool.expectation.amounts();
        Resources { memory: amounts.memory, cpu: amounts.cpu, ..Resources::default() }
    };
    if let [pool] = plan.pools.as_slice() {
        return vec![of(pool)];
    }
    let named = |label: Option<&str>| plan.pools.iter().find(|pool| Some(pool.name.as_str()) == label);
    world.scenario.cluster.pools.iter().map(|pool| named(pool.label).map(of).unwrap_or_default()).collect()
}

impl Autoscaler for Rebalancer {
    fn interval(&self) -> u64 {
        self.interval
    }

    fn run(&mut self, world: &mut World<'_>) -> Result<(), Defect> {
        self.step(world).map(drop)
    }
}
