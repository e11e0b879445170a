//! The fields of the JSON report, in their order. The documentation here is the schema's.

use schemars::JsonSchema;
use serde::Serialize;

use super::values::{each_kind, limit_words, settings_schema, verdict_words, warning_words};
use kube_rebalancer_page::Setting;
use kube_rebalancer_page::json::{Decimal, settings};

/// The value of the field `schema`.
pub(super) const SCHEMA: &str = "kube-rebalancer/plan/v2";

/// The observations and decisions of one run of kube-rebalancer. Memory is in bytes, processor time in thousandths of a core;
/// ratios are numbers with up to six decimals. Later versions of the program may add fields and reason words.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "kube-rebalancer plan, version 2")]
pub(super) struct Document<'a> {
    /// Names this format and its version.
    #[schemars(extend("const" = SCHEMA))]
    pub(super) schema: &'static str,
    /// The version of the program.
    pub(super) version: &'a str,
    /// The time of the observation: the API server's time, or the time that was given for a file; null if unknown.
    #[schemars(extend("format" = "date-time"))]
    pub(super) observed_at: Option<String>,
    /// The kubeconfig context or the file names.
    pub(super) source: &'a str,
    /// Whether the run ends with this report, so that nothing is changed.
    pub(super) dry_run: bool,
    /// Every resolved setting by the name of its environment variable.
    #[serde(serialize_with = "settings")]
    #[schemars(schema_with = "settings_schema")]
    pub(super) settings: &'a [Setting<'a>],
    /// The pools, by name. A cluster without pools has one with an empty name; a refusal has none.
    pub(super) pools: Vec<Pool<'a>>,
    /// The planned actions, in this order.
    pub(super) actions: Vec<Action<'a>>,
    /// Every node of the snapshot, by name.
    pub(super) nodes: Vec<Node<'a>>,
    /// The settings for the whole run that changed a number.
    pub(super) limits: Vec<Limit>,
    /// Warnings for an operator.
    pub(super) warnings: Vec<Warning>,
    /// The events that a run writes on waiting pods.
    pub(super) notices: Vec<Notice<'a>>,
    /// Set if too many nodes are broken for other actions than uncordon.
    pub(super) guard: Option<Guard>,
    /// The violations that the checker found; a plan with any of them is not carried out.
    pub(super) violations: &'a [String],
    /// The reason why there is no plan, if there is none.
    pub(super) refused: Option<Refused>,
    /// The outcomes of the actions; present only if a plan was carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcomes: Option<Vec<Outcome>>,
    /// The numbers of entries that the lists of this document lack; present only in a record of the log that would be too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left_out: Option<LeftOut>,
}

/// The numbers of entries that lists lack at their ends; lists that are complete are absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// Of `nodes`.
    #[serde(skip_serializing_if = "is_zero")]
    pub nodes: usize,
    /// Of `warnings`.
    #[serde(skip_serializing_if = "is_zero")]
    pub warnings: usize,
    /// Of `notices`.
    #[serde(skip_serializing_if = "is_zero")]
    pub notices: usize,
    /// Of `violations`.
    #[serde(skip_serializing_if = "is_zero")]
    pub violations: usize,
    /// Of `pools`.
    #[serde(skip_serializing_if = "is_zero")]
    pub pools: usize,
    /// Of `actions`.
    #[serde(skip_serializing_if = "is_zero")]
    pub actions: usize,
    /// Of `outcomes`.
    #[serde(skip_serializing_if = "is_zero")]
    pub outcomes: usize,
}

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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it in so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
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

/// One action on a node, on a pod, on a node group, or on an instance without a node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = each_kind)]
#[expect(clippy::struct_field_names, reason = "the names of the JSON fields")]
pub(super) struct Action<'a> {
    /// The kind of the action.
    pub(super) action: &'static str,
    /// The pool; empty if there are no pools.
    pub(super) pool: &'a str,
    /// The node of an action on a node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) node: Option<&'a str>,
    #[expect(clippy::option_option, reason = "absent from other actions; null where no group is known")]
    /// The node group, `zone/name`, of an action on one; null if no group is known: `from` and `to` then count managed nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<Option<&'a str>>,
    /// The size of the group that grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<u32>,
    /// The requested size of the group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<u32>,
    /// The groups to use if this one refuses, or the parked nodes to wake if this one is not woken, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instead: Option<Vec<&'a str>>,
    /// The groups that create a node if none of these parked nodes is woken either, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instead_grow: Option<Vec<&'a str>>,
    /// The instance without a node that is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instance: Option<&'a str>,
    /// The namespace of the pod that is evicted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<&'a str>,
    /// The pod that is evicted from the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pod: Option<&'a str>,
    /// The pods of a deleted node that their controllers start again elsewhere, each with its controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restarts: Option<&'a [String]>,
    /// The reason, a word of a closed list.
    pub(super) reason: &'static str,
    /// The reason, a sentence for people.
    pub(super) message: String,
}

/// One node, its verdict, and the reason.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    /// Its pool; empty if there are no pools, and for a node that is not managed.
    pub(super) pool: &'a str,
    /// Its state at the observation.
    pub(super) state: NodeState,
    /// Whether the program may act on it.
    pub(super) managed: bool,
    /// Whether its lasting taints keep the pool's pods away.
    pub(super) reserved: bool,
    /// The number of its pods without daemons; zero on an unmanaged node, whose pods are not read.
    pub(super) occupants: usize,
    /// Whether one of them is critical.
    pub(super) critical: bool,
    /// The requests of its occupants, placeholders and daemons.
    pub(super) requested: Amounts,
    /// The capacity in the utilization.
    pub(super) capacity: Amounts,
    pub(super) verdict: Verdict,
    /// The reason, a word for programs.
    #[schemars(schema_with = "verdict_words")]
    pub(super) reason: &'static str,
    /// The reason, a sentence for people.
    pub(super) message: String,
}

/// The state of a node.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum NodeState {
    Serving,
    Cordoned,
    Booting,
    Broken,
    NotInUse,
    UnderPressure,
    Claimed,
    Parked,
}

/// The action on a node, or `keep`.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum Verdict {
    Keep,
    Uncordon,
    Cordon,
    Delete,
    Park,
    Wake,
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

/// A warning for an operator.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Warning {
    /// A word for programs; `Observed` for oddities in the observation.
    #[schemars(schema_with = "warning_words")]
    pub(super) reason: &'static str,
    /// The reason, a sentence for people.
    pub(super) message: String,
    /// The objects that it is about, as `kind/name`: `pod/hub/jupyter-ada`, `node/n1`, `group/z/users`.
    pub(super) objects: Vec<String>,
}

/// An event that a run writes on a waiting pod.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notice<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    /// `TriggeredScaleUp` or `NotTriggerScaleUp`.
    pub(super) reason: &'static str,
    pub(super) message: &'a str,
}

/// The reason why there is no plan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refused {
    /// The reason, a word for programs.
    pub(super) reason: &'static str,
    /// The reason, a sentence for people.
    pub(super) message: String,
}

/// The guard: more nodes are broken than in any healthy cluster.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Guard {
    /// The number of broken nodes.
    pub(super) broken: usize,
    /// The number of managed nodes.
    pub(super) managed: usize,
    /// The reason, a sentence for people.
    pub(super) message: String,
}

/// The outcome of one action.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the format's own name for it")]
pub(super) struct Outcome {
    /// The index of the action in `actions`, from 0.
    pub(super) action: usize,
    pub(super) outcome: OutcomeKind,
    /// The reason; empty if the outcome needs none.
    pub(super) message: String,
}

/// The kind of an outcome.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum OutcomeKind {
    Applied,
    AlreadySo,
    Stale,
    Failed,
    NotTried,
}
