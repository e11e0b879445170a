//! Turns a plan into the fields of the JSON report.

use kube_rebalancer_core::foresight;
use kube_rebalancer_core::model::{self, Resource};
use kube_rebalancer_core::plan::{self, Plan, Reason as _, Target};

use super::values::action_word;

use super::document::{
    Action, Document, Guard, Node, NodeState, Notice, Outcome, OutcomeKind, Refused, SCHEMA, Verdict, Warning,
};
use super::pool::{
    After, Amounts, Band, Before, Expectation, Expected, Forecast, Limit, Part, Pool, Quotient, Scheduled,
    Unmeasured, Usage, Utilization,
};
use crate::report::Facts;
use kube_rebalancer_page::json::Decimal;
use kube_rebalancer_ports as ports;

pub(super) fn document<'a>(plan: &'a Plan, facts: &Facts<'a>) -> Document<'a> {
    let observed = facts.observed.iter().map(|message| Warning {
        reason: "Observed",
        message: message.clone(),
        objects: Vec::new(),
    });
    Document {
        schema: SCHEMA,
        version: facts.version,
        observed_at: Some(plan.observed_at.to_string()),
        source: facts.source,
        dry_run: facts.dry_run,
        settings: facts.settings,
        pools: plan.pools.iter().map(pool).collect(),
        actions: plan.actions.iter().map(|one| action(plan, one)).collect(),
        nodes: plan.nodes.iter().map(node).collect(),
        limits: plan.limits.iter().map(limit).collect(),
        warnings: observed.chain(plan.warnings.iter().map(warning)).collect(),
        notices: plan.notices.iter().map(notice).collect(),
        guard: plan.guard.map(|guard| Guard {
            broken: guard.broken,
            managed: guard.managed,
            message: guard.to_string(),
        }),
        violations: facts.violations,
        refused: None,
        outcomes: facts.outcomes.map(|outcomes| outcomes.iter().enumerate().map(outcome).collect()),
        left_out: None,
    }
}

/// The same document for a run that makes no plan.
pub(super) fn refusal<'a>(reason: &'static str, message: String, facts: &Facts<'a>) -> Document<'a> {
    Document {
        schema: SCHEMA,
        version: facts.version,
        observed_at: None,
        source: facts.source,
        dry_run: facts.dry_run,
        settings: facts.settings,
        pools: Vec::new(),
        actions: Vec::new(),
        nodes: Vec::new(),
        limits: Vec::new(),
        warnings: Vec::new(),
        notices: Vec::new(),
        guard: None,
        violations: &[],
        refused: Some(Refused { reason, message }),
        outcomes: None,
        left_out: None,
    }
}

fn pool(pool: &plan::PoolPlan) -> Pool<'_> {
    Pool {
        name: &pool.name,
        before: before(&pool.before),
        band: match pool.band {
            plan::Band::Below => Band::Below,
            plan::Band::Within => Band::Within,
            plan::Band::Above => Band::Above,
        },
        after: After {
            serving: pool.after.serving,
            booting: pool.after.booting,
            created: pool.after.created,
            utilization: utilization(pool.after.utilization),
        },
        expected: amounts(&pool.demand.expected),
        expectation: expectation(&pool.expectation),
        usage: pool.used.as_ref().map(usage),
        limits: pool.limits.iter().map(limit).collect(),
    }
}

fn utilization(utilization: plan::Utilization) -> Utilization {
    let of = |wanted| utilization.ratios().find(|(resource, _)| *resource == wanted).map(|(_, ratio)| ratio);
    let quotient = |ratio: plan::Ratio| Quotient(ratio.parts_per_million().map(Decimal));
    let (memory, cpu) = (of(Resource::Memory), of(Resource::Cpu));
    let part = |amount: fn(plan::Ratio) -> u64| Part {
        memory_bytes: memory.map(amount),
        cpu_millicores: cpu.map(amount),
    };
    Utilization {
        decides: utilization.decides().name(),
        memory: memory.map(quotient),
        cpu: cpu.map(quotient),
        requested: part(|ratio| ratio.requested),
        capacity: part(|ratio| ratio.capacity),
    }
}

fn expectation(expectation: &foresight::Expectation) -> Option<Expectation<'_>> {
    if expectation.resources.is_empty() && expectation.min_nodes.is_none() {
        return None;
    }
    let number = |nodes: usize| u64::try_from(nodes).unwrap_or(u64::MAX);
    Some(Expectation {
        by: expectation.by.to_string(),
        resources: expectation.resources.iter().map(expected).collect(),
        min_nodes: expectation.min_nodes.as_ref().map(|(nodes, notice)| scheduled(number(*nodes), notice)),
    })
}

fn expected(expected: &foresight::Expected) -> Expected<'_> {
    Expected {
        resource: expected.resource.name(),
        amount: expected.amount,
        forecast: expected.forecast.map(|forecast| Forecast {
            rise: forecast.rise,
            rises: forecast.rises,
            highest: forecast.highest,
            learned_from: forecast.learned_from.word(),
        }),
        stabilization: expected.stabilization,
        reserve: expected.reserve.as_ref().map(|(amount, notice)| scheduled(*amount, notice)),
    }
}

fn scheduled(value: u64, notice: &foresight::Notice) -> Scheduled<'_> {
    let (setting, event) = match &notice.origin {
        foresight::Origin::Schedule => ("SCHEDULE", None),
        foresight::Origin::Calendar { event } => ("CALENDAR", Some(event.as_str())),
    };
    Scheduled { value, setting, event, begin: notice.begin.to_string() }
}

fn usage(used: &plan::Used) -> Usage {
    let of = |why| used.unmeasured.get(&why).copied().unwrap_or_default();
    Usage {
        measured: used.measured,
        requested: amounts(&used.requested),
        used: amounts(&used.used),
        unmeasured: Unmeasured {
            missing: of(plan::Unmeasured::Missing),
            partial: of(plan::Unmeasured::Partial),
            stale: of(plan::Unmeasured::Stale),
            future: of(plan::Unmeasured::Future),
            negative: of(plan::Unmeasured::Negative),
            absurd: of(plan::Unmeasured::Absurd),
        },
    }
}

fn amounts(amounts: &model::Amounts) -> Amounts {
    Amounts { memory_bytes: amounts.memory.0, cpu_millicores: amounts.cpu.0 }
}

fn warning(warning: &plan::Warning) -> Warning {
    Warning { reason: warning.word(), message: warning.to_string(), objects: warning.objects() }
}

fn notice(notice: &plan::PodNotice) -> Notice<'_> {
    Notice {
        namespace: &notice.namespace,
        name: &notice.name,
        reason: notice.kind.word(),
        message: &notice.message,
    }
}

fn before(before: &plan::Before) -> Before {
    Before {
        managed: before.managed,
        serving: before.serving,
        cordoned: before.cordoned,
        booting: before.booting,
        broken: before.broken,
        not_in_use: before.not_in_use,
        under_pressure: before.under_pressure,
        claimed: before.claimed,
        parked: before.parked,
        reserved: before.reserved,
        critical: before.critical,
        empty: before.empty,
        instances_without_node: before.instances_without_node,
        waiting_pods: before.waiting_pods,
        utilization: utilization(before.utilization),
    }
}

fn action<'p>(plan: &'p Plan, action: &'p plan::Action) -> Action<'p> {
    let mut written = Action {
        action: action_word(action.kind()),
        pool: "",
        node: None,
        group: None,
        from: None,
        to: None,
        instead: None,
        instead_grow: None,
        instance: None,
        namespace: None,
        pod: None,
        restarts: None,
        reason: action.reason().word(),
        message: action.reason().to_string(),
    };
    match action.target() {
        Target::Node { node, restarts, instead } => {
            written.pool = plan.node(node).map_or("", |verdict| verdict.pool.as_str());
            written.node = Some(node);
            written.restarts = action.gives_back().then_some(restarts);
            written.instead = instead.map(|instead| instead.nodes.iter().map(String::as_str).collect());
            written.instead_grow =
                instead.map(|instead| instead.groups.iter().map(|other| other.group.as_str()).collect());
        }
        Target::Pod { node, namespace, pod } => {
            written.pool = plan.node(node).map_or("", |verdict| verdict.pool.as_str());
            written.node = Some(node);
            (written.namespace, written.pod) = (Some(namespace), Some(pod));
        }
        Target::Group { pool, group, from, to, instead } => {
            written.pool = pool;
            written.group = Some(group);
            (written.from, written.to) = (Some(from), Some(to));
            written.instead = Some(instead.iter().map(|other| other.group.as_str()).collect());
        }
        Target::Instance { pool, group, instance } => {
            written.pool = pool;
            written.group = Some(Some(group));
            written.instance = Some(instance);
        }
    }
    written
}

fn node(node: &plan::NodeVerdict) -> Node<'_> {
    Node {
        name: &node.name,
        pool: &node.pool,
        state: match node.state {
            plan::NodeState::Serving => NodeState::Serving,
            plan::NodeState::Cordoned => NodeState::Cordoned,
            plan::NodeState::Booting => NodeState::Booting,
            plan::NodeState::Broken => NodeState::Broken,
            plan::NodeState::NotInUse => NodeState::NotInUse,
            plan::NodeState::UnderPressure => NodeState::UnderPressure,
            plan::NodeState::Claimed => NodeState::Claimed,
            plan::NodeState::Parked => NodeState::Parked,
        },
        managed: node.managed,
        reserved: node.reserved,
        occupants: node.occupants,
        critical: node.critical,
        requested: amounts(&node.requested),
        capacity: amounts(&node.capacity),
        verdict: match node.verdict {
            plan::Verdict::Keep(_) => Verdict::Keep,
            plan::Verdict::Uncordon(_) => Verdict::Uncordon,
            plan::Verdict::Cordon(_) => Verdict::Cordon,
            plan::Verdict::Delete(_) => Verdict::Delete,
            plan::Verdict::Park(_) => Verdict::Park,
            plan::Verdict::Wake(_) => Verdict::Wake,
        },
        reason: node.verdict.reason().word(),
        message: node.verdict.reason().to_string(),
    }
}

fn limit(limit: &plan::Limit) -> Limit {
    let (setting, asked, allowed) = limit.numbers();
    Limit { setting, reason: limit.word(), asked, allowed, message: limit.to_string() }
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
