//! The fields of the JSON report, in their order. The documentation here is the schema's.

use schemars::JsonSchema;
use serde::Serialize;

use super::pool::{Amounts, Limit, Pool};
use super::values::{each_kind, is_zero, settings_schema, verdict_words, warning_words};
use kube_rebalancer_page::Setting;
use kube_rebalancer_page::json::settings;

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
