//! The metrics of the last run, for Prometheus: a text that node-exporter's textfile collector and a Pushgateway read.
//!
//! Every metric is a gauge that describes the last run: a program that runs for seconds has nothing to count up. The text
//! is valid both in the Prometheus format 0.0.4 and in `OpenMetrics`.

mod catalog;
mod file;
mod text;

use jiff::Timestamp;
use kube_rebalancer_core::model::Resource;
use kube_rebalancer_core::plan::{ActionKind, NoticeKind, Plan, PoolPlan, Reason};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{Outcome, OutcomeKind};

pub use catalog::{METRICS, Metric, markdown_table};
pub use file::write;
use text::Text;

/// The result of the last run.
#[derive(Clone, Copy, Debug)]
pub struct LastRun<'a> {
    /// The time at which it ended.
    pub ended: Timestamp,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// Whether it did all that it planned.
    pub success: bool,
    /// Its exit code.
    pub exit_code: u8,
    /// The plan, if there is one, with its outcomes if any action was tried.
    pub plan: Option<(&'a Plan, Option<&'a [Outcome]>)>,
    /// The settings that it was made with.
    pub policy: &'a Policy,
}

/// The text of all metrics.
#[must_use]
pub fn text(run: &LastRun<'_>) -> String {
    let mut text = Text::default();
    let ended = u128::try_from(run.ended.as_second()).unwrap_or(0);
    text.add("last_run_timestamp_seconds", &[], ended, 0);
    text.add("last_run_duration_seconds", &[], u128::from(run.milliseconds), 3);
    text.add("last_run_exit_code", &[], u128::from(run.exit_code), 0);
    text.add("last_run_success", &[], u128::from(run.success), 0);
    if let Some((plan, outcomes)) = run.plan {
        of_plan(&mut text, plan, outcomes.unwrap_or_default());
        for pool in &plan.pools {
            of_pool(&mut text, pool, run.policy);
        }
    }
    text.finish()
}

fn of_plan(text: &mut Text, plan: &Plan, outcomes: &[Outcome]) {
    for kind in ActionKind::ALL {
        for (outcome, word) in OUTCOMES {
            let is_one = |(action, became): &(&_, &Outcome)| is_of(action, kind) && became.kind() == outcome;
            let number = plan.actions.iter().zip(outcomes).filter(is_one).count();
            let labels = [("action", action_word(kind)), ("outcome", word)];
            text.add("last_run_actions", &labels, wide(number), 0);
        }
    }
    let word = NoticeKind::NotTriggerScaleUp;
    let unhelped = plan.notices.iter().filter(|notice| notice.kind == word).count();
    text.add("unhelped_pods", &[], wide(unhelped), 0);
    text.add("too_many_broken_nodes", &[], u128::from(plan.guard.is_some()), 0);
    let mut words: Vec<&str> = plan.warnings.iter().map(Reason::word).collect();
    words.sort_unstable();
    for same in words.chunk_by(|left, right| left == right) {
        let word = same.first().copied().unwrap_or_default();
        text.add("warnings", &[("reason", word)], wide(same.len()), 0);
    }
}

/// The kinds of outcomes, and their words.
const OUTCOMES: [(OutcomeKind, &str); 5] = [
    (OutcomeKind::Applied, "applied"),
    (OutcomeKind::AlreadySo, "already_so"),
    (OutcomeKind::Stale, "stale"),
    (OutcomeKind::Failed, "failed"),
    (OutcomeKind::NotTried, "not_tried"),
];

fn is_of(action: &kube_rebalancer_core::plan::Action, kind: ActionKind) -> bool {
    action.kind() == kind
}

fn action_word(kind: ActionKind) -> &'static str {
    if kind == ActionKind::DeleteInstance { "delete_instance" } else { kind.facts().verb }
}

fn of_pool(text: &mut Text, pool: &PoolPlan, policy: &Policy) {
    let name = pool.name.as_str();
    let before = &pool.before;
    for (state, nodes) in [
        ("serving", before.serving),
        ("cordoned", before.cordoned),
        ("booting", before.booting),
        ("broken", before.broken),
        ("not_in_use", before.not_in_use),
        ("under_pressure", before.under_pressure),
        ("claimed", before.claimed),
        ("parked", before.parked),
        ("reserved", before.reserved),
    ] {
        text.add("nodes", &[("pool", name), ("state", state)], wide(nodes), 0);
    }
    let of_pool = [("pool", name)];
    text.add("critical_nodes", &of_pool, wide(before.critical), 0);
    text.add("empty_nodes", &of_pool, wide(before.empty), 0);
    text.add("instances_without_node", &of_pool, wide(before.instances_without_node), 0);
    text.add("waiting_pods", &of_pool, wide(before.waiting_pods), 0);
    text.add("planned_nodes", &of_pool, wide(pool.after.serving), 0);
    let bounds = policy.bounds_of(name);
    text.add("min_nodes", &of_pool, wide(bounds.min_nodes), 0);
    text.add("max_nodes", &of_pool, wide(bounds.max_nodes), 0);
    for (bound, value) in [
        ("min", bounds.min_utilization),
        ("optimal", bounds.optimal_utilization),
        ("max", bounds.max_utilization),
    ] {
        let labels = [("bound", bound), ("pool", name)];
        text.add("utilization_bound_ratio", &labels, u128::from(value.0), 6);
    }
    for (resource, ratio) in before.utilization.ratios() {
        let labels = [("pool", name), ("resource", resource.name())];
        // Requests without capacity have no finite ratio; the two amounts show this.
        if let Some(parts) = ratio.parts_per_million() {
            text.add("utilization_ratio", &labels, parts, 6);
        }
        let expected = pool.demand.expected.of(resource);
        let (requested, capacity, more, decimals) = match resource {
            Resource::Memory => {
                ("requested_memory_bytes", "capacity_memory_bytes", "expected_memory_bytes", 0)
            }
            Resource::Cpu => ("requested_cpu_cores", "capacity_cpu_cores", "expected_cpu_cores", 3),
        };
        text.add(requested, &of_pool, u128::from(ratio.requested), decimals);
        text.add(capacity, &of_pool, u128::from(ratio.capacity), decimals);
        text.add(more, &of_pool, u128::from(expected), decimals);
    }
}

fn wide(number: usize) -> u128 {
    u128::try_from(number).unwrap_or(u128::MAX)
}
