//! Turns a plan into the fields of the JSON report.

use kube_rebalancer_core::plan::{self, Plan, Reason as _, Utilization};

use super::document::{
    Action, After, Band, Before, Document, Guard, Limit, Node, NodeState, Outcome, OutcomeKind, SCHEMA,
    Verdict,
};
use crate::report::Facts;
use kube_rebalancer_page::json::Decimal;
use kube_rebalancer_ports as ports;

pub(super) fn document<'a>(plan: &'a Plan, facts: &Facts<'a>) -> Document<'a> {
    Document {
        schema: SCHEMA,
        version: facts.version,
        observed_at: plan.observed_at.to_string(),
        source: facts.source,
        dry_run: facts.dry_run,
        settings: facts.settings,
        before: before(&plan.before),
        band: match plan.band {
            plan::Band::Below => Band::Below,
            plan::Band::Within => Band::Within,
            plan::Band::Above => Band::Above,
        },
        after: After {
            serving: plan.after.serving,
            booting: plan.after.booting,
            created: plan.after.created,
            workload_bytes: plan.after.utilization.requested,
            capacity_bytes: plan.after.utilization.capacity,
            utilization: decimal(plan.after.utilization),
        },
        actions: plan.actions.iter().map(action).collect(),
        nodes: plan.nodes.iter().map(node).collect(),
        limits: plan.limits.iter().map(limit).collect(),
        warnings: facts
            .observed
            .iter()
            .cloned()
            .chain(plan.warnings.iter().map(ToString::to_string))
            .collect(),
        guard: plan.guard.map(|guard| Guard {
            broken: guard.broken,
            managed: guard.managed,
            message: guard.to_string(),
        }),
        violations: facts.violations,
        outcomes: facts.outcomes.map(|outcomes| outcomes.iter().enumerate().map(outcome).collect()),
    }
}

fn decimal(utilization: Utilization) -> Option<Decimal> {
    utilization.parts_per_million().map(Decimal)
}

fn before(before: &plan::Before) -> Before {
    Before {
        managed: before.managed,
        serving: before.serving,
        cordoned: before.cordoned,
        critical: before.critical,
        empty: before.empty,
        booting: before.booting,
        broken: before.broken,
        instances_without_node: before.instances_without_node,
        waiting_pods: before.waiting_pods,
        workload_bytes: before.utilization.requested,
        capacity_bytes: before.utilization.capacity,
        utilization: decimal(before.utilization),
    }
}

fn action(action: &plan::Action) -> Action<'_> {
    let message = action.reason().to_string();
    match action {
        plan::Action::Uncordon { node, reason } => Action::Uncordon { node, reason: reason.word(), message },
        plan::Action::Grow { group, from, to, reason } => {
            Action::Grow { group: group.as_deref(), from: *from, to: *to, reason: reason.word(), message }
        }
        plan::Action::Cordon { node, reason } => Action::Cordon { node, reason: reason.word(), message },
        plan::Action::Delete { node, reason } => Action::Delete { node, reason: reason.word(), message },
        plan::Action::Mark { node, reason } => Action::Mark { node, reason: reason.word(), message },
        plan::Action::Unmark { node, reason } => Action::Unmark { node, reason: reason.word(), message },
    }
}

fn node(node: &plan::NodeVerdict) -> Node<'_> {
    Node {
        name: &node.name,
        state: match node.state {
            plan::NodeState::Serving => NodeState::Serving,
            plan::NodeState::Cordoned => NodeState::Cordoned,
            plan::NodeState::Booting => NodeState::Booting,
            plan::NodeState::Broken => NodeState::Broken,
        },
        managed: node.managed,
        occupants: node.occupants,
        critical: node.critical,
        requested_bytes: node.requested.0,
        capacity_bytes: node.capacity.0,
        verdict: match node.verdict {
            plan::Verdict::Keep(_) => Verdict::Keep,
            plan::Verdict::Uncordon(_) => Verdict::Uncordon,
            plan::Verdict::Cordon(_) => Verdict::Cordon,
            plan::Verdict::Delete(_) => Verdict::Delete,
        },
        reason: node.verdict.reason().word(),
        message: node.verdict.reason().to_string(),
    }
}

fn limit(limit: &plan::Limit) -> Limit {
    let (asked, allowed) = limit.numbers();
    Limit { setting: limit.setting(), asked, allowed, message: limit.to_string() }
}

fn outcome((action, outcome): (usize, &ports::Outcome)) -> Outcome {
    Outcome {
        action,
        outcome: match outcome.kind() {
            ports::OutcomeKind::Applied => OutcomeKind::Applied,
            ports::OutcomeKind::AlreadySo => OutcomeKind::AlreadySo,
            ports::OutcomeKind::Stale => OutcomeKind::Stale,
            ports::OutcomeKind::Failed => OutcomeKind::Failed,
            ports::OutcomeKind::NotTried => OutcomeKind::NotTried,
        },
        message: outcome.message(),
    }
}
