//! The fields of a pool in the JSON report, in their order. The documentation here is the schema's.

use schemars::JsonSchema;
use serde::Serialize;

use super::values::{is_zero, limit_words};
use kube_rebalancer_page::json::Decimal;

/// One pool.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pool<'a> {
    /// The value of `POOL_LABEL`; empty if there are no pools.
    pub(super) name: &'a str,
    /// The pool before the plan.
    pub(super) before: Before,
    /// The position of the utilization relative to the band; the bounds belong to the band.
    pub(super) band: Band,
    /// The pool after all actions have taken effect and all booting nodes serve.
    pub(super) after: After,
    /// The amounts that foresight expects in addition to the requests.
    pub(super) expected: Amounts,
    /// The sources of the expected amounts; absent if foresight has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expectation: Option<Expectation<'a>>,
    /// The usage of its bound pods; absent if no source of metrics was queried, or none answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
    /// The settings that changed a number in this pool.
    pub(super) limits: Vec<Limit>,
}

/// The usage of pods, and the requests of the same pods.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    /// The number of pods whose usage is known.
    pub(super) measured: usize,
    /// The requests of these pods.
    pub(super) requested: Amounts,
    /// The usage of these pods.
    pub(super) used: Amounts,
    /// The number of pods that count by their requests, by the reason.
    pub(super) unmeasured: Unmeasured,
}

/// The reasons why pods count by their requests; reasons without pods are absent.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Unmeasured {
    /// The source has no sample of them.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) missing: usize,
    /// A container, or memory or processor time, is missing.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) partial: usize,
    /// The sample is older than five minutes, or has no time.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) stale: usize,
    /// The time of the sample is in the future.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) future: usize,
    /// The usage is below zero.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) negative: usize,
    /// The usage is not a number, far more than the node has, or one of two samples of the pod.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) absurd: usize,
}

/// The amounts that foresight expects by the end of `FORECAST_LEAD`, with their sources.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Expectation<'a> {
    /// The end of the lead.
    pub(super) by: String,
    /// The resources with an expected amount; the amounts are in bytes or thousandths of a core.
    pub(super) resources: Vec<Expected<'a>>,
    /// The highest minimum number of nodes in force by the schedule or the calendar.
    pub(super) min_nodes: Option<Scheduled<'a>>,
}

/// The expected amount of one resource: the largest of its sources.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Expected<'a> {
    /// The resource.
    #[schemars(extend("enum" = ["memory", "cpu"]))]
    pub(super) resource: &'static str,
    /// The expected amount.
    pub(super) amount: u64,
    /// The forecast from past rises.
    pub(super) forecast: Option<Forecast>,
    /// The peak of the last minutes minus the present requests; only if no past day has this hour.
    pub(super) stabilization: Option<u64>,
    /// The largest reserve in force.
    pub(super) reserve: Option<Scheduled<'a>>,
}

/// The rise that nine of ten past ones do not exceed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Forecast {
    /// That rise.
    pub(super) rise: u64,
    /// The number of past rises.
    pub(super) rises: usize,
    /// The highest of them.
    pub(super) highest: u64,
    /// `thisHour`: at this time of the week and of like weekdays; `anyDay`: at this time of the last days;
    /// `lastHours`: in the last two hours.
    #[schemars(extend("enum" = ["thisHour", "anyDay", "lastHours"]))]
    pub(super) learned_from: &'static str,
}

/// A value that the schedule or the calendar requires.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scheduled<'a> {
    /// The number of nodes, or the amount.
    pub(super) value: u64,
    /// The setting that it comes from.
    #[schemars(extend("enum" = ["SCHEDULE", "CALENDAR"]))]
    pub(super) setting: &'static str,
    /// The title of the event of a calendar.
    pub(super) event: Option<&'a str>,
    /// The time at which it begins.
    pub(super) begin: String,
}

/// Amounts of the resources that can decide.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Amounts {
    pub(super) memory_bytes: u64,
    pub(super) cpu_millicores: u64,
}

/// The requests divided by the capacity, for each resource of `RESOURCES`; the fields of other resources are absent.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Utilization {
    /// The resource with the largest ratio.
    #[schemars(extend("enum" = ["memory", "cpu"]))]
    pub(super) decides: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<Quotient>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu: Option<Quotient>,
    /// The requests.
    pub(super) requested: Part,
    /// The capacity.
    pub(super) capacity: Part,
}

/// `requested / capacity`; null if that is infinite.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Quotient(pub(super) Option<Decimal>);

/// The amounts of a utilization, by resource.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpu_millicores: Option<u64>,
}

/// The pool before the plan. `managed` is the sum of `serving`, `cordoned`, `booting`, `broken`, `notInUse`, `underPressure`,
/// `claimed`, `parked` and `reserved`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Before {
    /// Nodes that the program may act on.
    pub(super) managed: usize,
    /// Nodes that take pods now.
    pub(super) serving: usize,
    /// Ready nodes with capacity that are cordoned.
    pub(super) cordoned: usize,
    /// Nodes that have been booting for less than `BOOT_GRACE`.
    pub(super) booting: usize,
    /// Nodes that have been not Ready for longer.
    pub(super) broken: usize,
    /// Ready nodes with a startup taint, or without a device that their group has.
    pub(super) not_in_use: usize,
    /// Ready nodes with a pressure taint.
    pub(super) under_pressure: usize,
    /// Ready nodes that a run has claimed in order to delete them.
    pub(super) claimed: usize,
    /// Nodes that are NotReady because a run parked their machines; absent if it is 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) parked: usize,
    /// Nodes whose lasting taints keep the pool's pods away.
    pub(super) reserved: usize,
    /// Managed nodes with a critical pod.
    pub(super) critical: usize,
    /// Managed nodes whose deletion would lose no pod.
    pub(super) empty: usize,
    /// Instances of node groups that have no node yet.
    pub(super) instances_without_node: usize,
    /// Pods that the scheduler could not place.
    pub(super) waiting_pods: usize,
    /// The utilization of the serving nodes.
    pub(super) utilization: Utilization,
}

/// The position of the utilization relative to the band.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum Band {
    Below,
    Within,
    Above,
}

/// The pool after the plan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct After {
    /// Nodes in service, including booting ones and ones to be created.
    pub(super) serving: usize,
    /// The number of booting nodes among them.
    pub(super) booting: usize,
    /// The number of nodes among them that are to be created.
    pub(super) created: usize,
    /// The utilization of these nodes.
    pub(super) utilization: Utilization,
}

/// A setting that changed a number.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Limit {
    /// The name of its environment variable.
    pub(super) setting: &'static str,
    /// The reason, a word for programs.
    #[schemars(schema_with = "limit_words")]
    pub(super) reason: &'static str,
    /// The number without this limit.
    pub(super) asked: usize,
    /// The number with this limit.
    pub(super) allowed: usize,
    /// The reason, a sentence for people.
    pub(super) message: String,
}
