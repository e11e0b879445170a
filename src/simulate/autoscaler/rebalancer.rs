//! This program: its real planner, its real checker, and the code that carries out a plan.

use futures_util::FutureExt;
use jiff::SignedDuration;
use kube_rebalancer_core::check::{check, check_settled};
use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_core::plan::{Plan, plan};
use kube_rebalancer_core::policy::Policy;

use super::{Autoscaler, Defect};
use crate::ports::Ports;
use crate::world::{SimulatedNode, World};
use kube_rebalancer_apply::Apply;
use kube_rebalancer_ports::Outcome;

/// Runs of this program with one policy.
#[derive(Debug)]
pub(crate) struct Rebalancer {
    policy: Policy,
    run_timeout: SignedDuration,
    interval: u64,
    /// What had changed when a run last found nothing to do that only time could bring.
    quiet: Option<u64>,
}

impl Rebalancer {
    pub(crate) fn new(policy: Policy, run_timeout: SignedDuration, interval: u64) -> Self {
        Self { policy, run_timeout, interval, quiet: None }
    }

    fn carry_out(&self, world: &mut World<'_>, snapshot: &Snapshot, plan: &Plan) -> Result<(), Defect> {
        let ports = Ports::new(world, self.run_timeout);
        let apply = Apply {
            plan,
            snapshot,
            policy: &self.policy,
            cluster: &ports,
            groups: Ok(&ports),
            clock: &ports,
        };
        // Everything here answers at once, so the first poll is the last.
        let applied = apply.run().now_or_never().ok_or_else(|| Defect::Failed("it waits".to_owned()))?;
        if let Some(problem) = applied.problems.first() {
            return Err(Defect::Failed(problem.to_string()));
        }
        let failed = |outcome: &&Outcome| {
            matches!(outcome, Outcome::Failed(_) | Outcome::NotTried(_) | Outcome::Blocked { .. })
        };
        applied.outcomes.iter().find(failed).map_or(Ok(()), |outcome| Err(Defect::Failed(outcome.message())))
    }
}

impl Autoscaler for Rebalancer {
    fn interval(&self) -> u64 {
        self.interval
    }

    fn run(&mut self, world: &mut World<'_>) -> Result<(), Defect> {
        world.tally.runs += 1;
        if self.quiet == Some(world.changes) {
            return Ok(());
        }
        let snapshot = world.snapshot()?;
        let plan = plan(&snapshot, &self.policy)?;
        let violations = check(&snapshot, &self.policy, &plan);
        if !violations.is_empty() {
            return Err(Defect::Violations(violations.iter().map(ToString::to_string).collect()));
        }
        if plan.actions.is_empty() {
            // With nobody who waits, nothing that boots, and no empty node that waits for its time to go, the same cluster
            // gets the same plan at any time.
            let changes_with_time =
                |node: &SimulatedNode| !node.ready || (node.is_cordoned() && node.is_empty());
            let lasts = world.waiting().next().is_none() && !world.nodes().iter().any(changes_with_time);
            self.quiet = lasts.then_some(world.changes);
            return Ok(());
        }
        let acts = plan.actions.iter().any(|action| !action.is_delete() && !action.is_note());
        if acts && check_settled(&snapshot, &self.policy, &plan, kube_rebalancer_core::plan::plan).is_some() {
            world.tally.unsettled += 1;
        }
        self.carry_out(world, &snapshot, &plan)?;
        world.broken.take().map_or(Ok(()), |broken| Err(broken.into()))
    }
}
