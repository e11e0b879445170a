//! The fields of the JSON report, in their order. The documentation here is the schema's.

use kube_rebalancer_core::plan::{
    CordonReason, DeleteReason, GrowReason, MarkReason, UncordonReason, UnmarkReason,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::values::{reason_words, settings_schema, verdict_words};
use kube_rebalancer_page::Setting;
use kube_rebalancer_page::json::{Decimal, settings};

/// The value of the field `schema`.
pub(super) const SCHEMA: &str = "kube-rebalancer/plan/v1";

/// What one run of kube-rebalancer saw and decided. Memory is in bytes; ratios are numbers with up to six decimals.
/// Later versions of the program may add fields and reason words.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "kube-rebalancer plan, version 1")]
pub(super) struct Document<'a> {
    /// Names this format and its version.
    #[schemars(extend("const" = SCHEMA))]
    pub(super) schema: &'static str,
    /// The version of the program.
    pub(super) version: &'a str,
    /// When the cluster was observed: the API server's time, or what was given for a file.
    #[schemars(extend("format" = "date-time"))]
    pub(super) observed_at: String,
    /// The kubeconfig context or the file names.
    pub(super) source: &'a str,
    /// Whether the run ends with this report, so that nothing is changed.
    pub(super) dry_run: bool,
    /// Every resolved setting by the name of its environment variable.
    #[serde(serialize_with = "settings")]
    #[schemars(schema_with = "settings_schema")]
    pub(super) settings: &'a [Setting<'a>],
    /// The cluster as it was.
    pub(super) before: Before,
    /// Where the utilization lay; the bounds belong to the band.
    pub(super) band: Band,
    /// The cluster once every action has taken effect and what boots has booted.
    pub(super) after: After,
    /// What is done, in this order.
    pub(super) actions: Vec<Action<'a>>,
    /// Every node of the snapshot, by name.
    pub(super) nodes: Vec<Node<'a>>,
    /// The settings that changed a number.
    pub(super) limits: Vec<Limit>,
    /// What an operator should know.
    pub(super) warnings: Vec<String>,
    /// Set when too many nodes were broken to do more than uncordon.
    pub(super) guard: Option<Guard>,
    /// The rules that the checker found broken; a plan with any of them is not carried out.
    pub(super) violations: &'a [String],
    /// What became of the actions; there only when something was carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcomes: Option<Vec<Outcome>>,
}

/// The cluster as it was. `managed` is the sum of `serving`, `cordoned`, `booting` and `broken`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Before {
    /// Nodes that the program may act on.
    pub(super) managed: usize,
    /// Ready, schedulable, with capacity.
    pub(super) serving: usize,
    /// Ready, with capacity, and cordoned.
    pub(super) cordoned: usize,
    /// Managed nodes with a critical pod.
    pub(super) critical: usize,
    /// Managed nodes that would lose nothing if they were deleted.
    pub(super) empty: usize,
    /// Not ready for less than `BOOT_GRACE`.
    pub(super) booting: usize,
    /// Not ready for longer.
    pub(super) broken: usize,
    /// Instances of node groups that have no node yet.
    pub(super) instances_without_node: usize,
    /// Pods that the scheduler could not place.
    pub(super) waiting_pods: usize,
    /// Memory that the utilization counts as requested.
    pub(super) workload_bytes: u128,
    /// Memory of the serving nodes.
    pub(super) capacity_bytes: u128,
    /// `workloadBytes / capacityBytes`; null where that is infinite.
    pub(super) utilization: Option<Decimal>,
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

/// The cluster after the plan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct After {
    /// Nodes in service, those booting or to be created included.
    pub(super) serving: usize,
    /// How many of them are booting.
    pub(super) booting: usize,
    /// How many of them are to be created.
    pub(super) created: usize,
    /// Memory that the utilization then counts as requested.
    pub(super) workload_bytes: u128,
    /// Memory of those nodes.
    pub(super) capacity_bytes: u128,
    /// `workloadBytes / capacityBytes`; null where that is infinite.
    pub(super) utilization: Option<Decimal>,
}

/// One thing to do. `reason` is a word of a closed list, `message` the sentence for people.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "action", rename_all = "camelCase")]
pub(super) enum Action<'a> {
    /// Make a cordoned node schedulable.
    Uncordon {
        node: &'a str,
        #[schemars(schema_with = "reason_words::<UncordonReason>")]
        reason: &'static str,
        message: String,
    },
    /// Ask a node group for more instances.
    Grow {
        /// `zone/name`; null where no group is known: `from` and `to` then count managed nodes.
        group: Option<&'a str>,
        from: u32,
        to: u32,
        #[schemars(schema_with = "reason_words::<GrowReason>")]
        reason: &'static str,
        message: String,
    },
    /// Make a node unschedulable.
    Cordon {
        node: &'a str,
        #[schemars(schema_with = "reason_words::<CordonReason>")]
        reason: &'static str,
        message: String,
    },
    /// Delete an empty cordoned node.
    Delete {
        node: &'a str,
        #[schemars(schema_with = "reason_words::<DeleteReason>")]
        reason: &'static str,
        message: String,
    },
    /// Note on a cordoned node that it is empty.
    Mark {
        node: &'a str,
        #[schemars(schema_with = "reason_words::<MarkReason>")]
        reason: &'static str,
        message: String,
    },
    /// Remove notes that are no longer true.
    Unmark {
        node: &'a str,
        #[schemars(schema_with = "reason_words::<UnmarkReason>")]
        reason: &'static str,
        message: String,
    },
}

/// One node, what happens to it, and why.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    /// Its state when it was observed.
    pub(super) state: NodeState,
    /// Whether the program may act on it at all.
    pub(super) managed: bool,
    /// Its pods, daemons aside; zero on an unmanaged node, whose pods are not looked at.
    pub(super) occupants: usize,
    /// Whether one of them is critical.
    pub(super) critical: bool,
    /// Memory requested by its occupants and daemons.
    pub(super) requested_bytes: u128,
    /// Memory that the utilization divides by.
    pub(super) capacity_bytes: u64,
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
}

/// A setting that changed a number.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Limit {
    /// The name of its environment variable.
    pub(super) setting: &'static str,
    /// What it would have been.
    pub(super) asked: usize,
    /// What it is.
    pub(super) allowed: usize,
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
