//! The fields of the JSON report, in their order. The documentation here is the schema's.

use schemars::JsonSchema;
use serde::Serialize;

use super::values::{each_kind, limit_words, settings_schema, verdict_words, warning_words};
use kube_rebalancer_page::Setting;
use kube_rebalancer_page::json::{Decimal, settings};

/// The value of the field `schema`.
pub(super) const SCHEMA: &str = "kube-rebalancer/plan/v2";

/// What one run of kube-rebalancer saw and decided. Memory is in bytes, processor time in thousandths of a core; ratios are
/// numbers with up to six decimals. Later versions of the program may add fields and reason words.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "kube-rebalancer plan, version 2")]
pub(super) struct Document<'a> {
    /// Names this format and its version.
    #[schemars(extend("const" = SCHEMA))]
    pub(super) schema: &'static str,
    /// The version of the program.
    pub(super) version: &'a str,
    /// When the cluster was observed: the API server's time, or what was given for a file; null where that is not known.
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
    /// What is done, in this order.
    pub(super) actions: Vec<Action<'a>>,
    /// Every node of the snapshot, by name.
    pub(super) nodes: Vec<Node<'a>>,
    /// The settings for the whole run that changed a number.
    pub(super) limits: Vec<Limit>,
    /// What an operator should know.
    pub(super) warnings: Vec<Warning>,
    /// What is written on waiting pods.
    pub(super) notices: Vec<Notice<'a>>,
    /// Set when too many nodes were broken to do more than uncordon.
    pub(super) guard: Option<Guard>,
    /// The rules that the checker found broken; a plan with any of them is not carried out.
    pub(super) violations: &'a [String],
    /// Why there is no plan, if there is none.
    pub(super) refused: Option<Refused>,
    /// What became of the actions; there only when something was carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcomes: Option<Vec<Outcome>>,
}

/// One pool.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pool<'a> {
    /// The value of `POOL_LABEL`; empty where there are no pools.
    pub(super) name: &'a str,
    /// The pool as it was.
    pub(super) before: Before,
    /// Where the utilization lay; the bounds belong to the band.
    pub(super) band: Band,
    /// The pool once every action has taken effect and every booting node serves.
    pub(super) after: After,
    /// What foresight expects on top of what is asked for.
    pub(super) expected: Amounts,
    /// Where that is from; absent where foresight has nothing to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expectation: Option<Expectation<'a>>,
    /// What its bound pods used; absent where no source of metrics was asked, or none answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
    /// The settings that changed a number in this pool.
    pub(super) limits: Vec<Limit>,
}

/// What pods used, beside what the same pods request.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    /// The number of pods whose usage is known.
    pub(super) measured: usize,
    /// What these pods request.
    pub(super) requested: Amounts,
    /// What they used.
    pub(super) used: Amounts,
    /// The number of pods that count by their requests, by the reason.
    pub(super) unmeasured: Unmeasured,
}

/// Why pods count by their requests; reasons without pods are absent.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Unmeasured {
    /// The source does not know them.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) missing: usize,
    /// A container, or memory or processor time, is missing.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) partial: usize,
    /// Older than five minutes, or without a time.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) stale: usize,
    /// From the future.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) future: usize,
    /// Below zero.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) negative: usize,
    /// No number, far more than the node has, or one of two.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) absurd: usize,
}

/// What foresight expects by the end of `FORECAST_LEAD`, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Expectation<'a> {
    /// The end of the lead.
    pub(super) by: String,
    /// The resources of which something is known; the amounts are in bytes or thousandths of a core.
    pub(super) resources: Vec<Expected<'a>>,
    /// The highest minimum number of nodes that is in force by the schedule or the calendar.
    pub(super) min_nodes: Option<Scheduled<'a>>,
}

/// What is expected of one resource: the largest of its sources.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Expected<'a> {
    /// The resource.
    #[schemars(extend("enum" = ["memory", "cpu"]))]
    pub(super) resource: &'static str,
    /// What is expected.
    pub(super) amount: u64,
    /// What past weeks say.
    pub(super) forecast: Option<Forecast>,
    /// How much the peak of the last minutes is above what is asked for now; only without a forecast.
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
    /// How many rises there were.
    pub(super) rises: usize,
    /// The highest of them.
    pub(super) highest: u64,
    /// `thisHour`: at this time of the week and of like weekdays; `anyDay`: at this time of the last days.
    #[schemars(extend("enum" = ["thisHour", "anyDay"]))]
    pub(super) learned_from: &'static str,
}

/// Something that the schedule or the calendar asks for.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scheduled<'a> {
    /// The number of nodes, or the amount.
    pub(super) value: u64,
    /// The setting that it is from.
    #[schemars(extend("enum" = ["SCHEDULE", "CALENDAR"]))]
    pub(super) setting: &'static str,
    /// The title of the event of a calendar.
    pub(super) event: Option<&'a str>,
    /// When it begins.
    pub(super) begin: String,
}

/// Amounts of the resources that can decide.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Amounts {
    pub(super) memory_bytes: u64,
    pub(super) cpu_millicores: u64,
}

/// What is requested over what is offered, for each resource of `RESOURCES`: the fields of a resource that it leaves out
/// are absent.
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
    /// What is requested.
    pub(super) requested: Part,
    /// What is offered.
    pub(super) capacity: Part,
}

/// `requested / capacity`; null where that is infinite.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Quotient(pub(super) Option<Decimal>);

/// The amounts that a utilization is made of.
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

/// The pool as it was. `managed` is the sum of `serving`, `cordoned`, `booting`, `broken`, `notInUse`, `underPressure`,
/// `claimed`, `parked` and `reserved`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Before {
    /// Nodes that the program may act on.
    pub(super) managed: usize,
    /// Nodes that take pods now.
    pub(super) serving: usize,
    /// Ready, with capacity, and cordoned.
    pub(super) cordoned: usize,
    /// On their way to being Ready for less than `BOOT_GRACE`.
    pub(super) booting: usize,
    /// Not ready for longer.
    pub(super) broken: usize,
    /// Ready, but under a startup taint, or without a device that their group has.
    pub(super) not_in_use: usize,
    /// Ready, under a pressure taint.
    pub(super) under_pressure: usize,
    /// Ready, and claimed by a run that deletes them.
    pub(super) claimed: usize,
    /// NotReady because a run parked their machines; left out where it is 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) parked: usize,
    /// Nodes whose lasting taints keep the pool's pods away.
    pub(super) reserved: usize,
    /// Managed nodes with a critical pod.
    pub(super) critical: usize,
    /// Managed nodes that would lose nothing if they were deleted.
    pub(super) empty: usize,
    /// Instances of node groups that have no node yet.
    pub(super) instances_without_node: usize,
    /// Pods that the scheduler could not place.
    pub(super) waiting_pods: usize,
    /// Of the nodes that serve.
    pub(super) utilization: Utilization,
}

/// Where the utilization lay.
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
    /// Nodes in service, those booting or to be created included.
    pub(super) serving: usize,
    /// How many of them are booting.
    pub(super) booting: usize,
    /// How many of them are to be created.
    pub(super) created: usize,
    /// Of those nodes.
    pub(super) utilization: Utilization,
}

/// One thing to do, on a node, on a pod, on a node group, or on an instance without a node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = each_kind)]
#[expect(clippy::struct_field_names, reason = "the names of the JSON fields")]
pub(super) struct Action<'a> {
    /// What is done.
    pub(super) action: &'static str,
    /// The pool; empty where there are no pools.
    pub(super) pool: &'a str,
    /// The node, of an action on a node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) node: Option<&'a str>,
    #[expect(clippy::option_option, reason = "absent from other actions; null where no group is known")]
    /// The node group, `zone/name`, of an action on one; null where no group is known: `from` and `to` then count managed
    /// nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<Option<&'a str>>,
    /// The size of the group that grows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<u32>,
    /// The size that it is asked to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<u32>,
    /// The groups that are asked if this one refuses, or the parked nodes that are woken if this one is not, in this order.
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
    /// A word of a closed list.
    pub(super) reason: &'static str,
    /// The sentence for people.
    pub(super) message: String,
}

/// One node, what happens to it, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    /// Its pool; empty where there are no pools, and for a node that is not managed.
    pub(super) pool: &'a str,
    /// Its state when it was observed.
    pub(super) state: NodeState,
    /// Whether the program may act on it at all.
    pub(super) managed: bool,
    /// Whether its lasting taints keep the pool's pods away.
    pub(super) reserved: bool,
    /// Its pods, daemons aside; zero on an unmanaged node, whose pods are not looked at.
    pub(super) occupants: usize,
    /// Whether one of them is critical.
    pub(super) critical: bool,
    /// Requested by its occupants, placeholders and daemons.
    pub(super) requested: Amounts,
    /// What the utilization divides by.
    pub(super) capacity: Amounts,
    pub(super) verdict: Verdict,
    /// A word for programs.
    #[schemars(schema_with = "verdict_words")]
    pub(super) reason: &'static str,
    /// The sentence for people.
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

/// What happens to a node.
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
    /// A word for programs.
    #[schemars(schema_with = "limit_words")]
    pub(super) reason: &'static str,
    /// What it would have been.
    pub(super) asked: usize,
    /// What it is.
    pub(super) allowed: usize,
    /// The sentence for people.
    pub(super) message: String,
}

/// Something that an operator should know.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Warning {
    /// A word for programs; `Observed` for what looked odd before anything was decided.
    #[schemars(schema_with = "warning_words")]
    pub(super) reason: &'static str,
    /// The sentence for people.
    pub(super) message: String,
    /// What it is about, as `kind/name`: `pod/hub/jupyter-ada`, `node/n1`, `group/z/users`.
    pub(super) objects: Vec<String>,
}

/// What is written on a waiting pod.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notice<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    /// `TriggeredScaleUp` or `NotTriggerScaleUp`.
    pub(super) reason: &'static str,
    pub(super) message: &'a str,
}

/// Why there is no plan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refused {
    /// A word for programs.
    pub(super) reason: &'static str,
    /// The sentence for people.
    pub(super) message: String,
}

/// More nodes were broken than a healthy cluster ever shows.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Guard {
    /// Broken nodes.
    pub(super) broken: usize,
    /// Managed nodes.
    pub(super) managed: usize,
    /// The sentence for people.
    pub(super) message: String,
}

/// What became of one action.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the format's own name for it")]
pub(super) struct Outcome {
    /// Index into `actions`.
    pub(super) action: usize,
    pub(super) outcome: OutcomeKind,
    /// Why; empty where the outcome says it all.
    pub(super) message: String,
}

/// How an action ended.
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
