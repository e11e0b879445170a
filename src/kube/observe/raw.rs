//! The parts of a node or a pod that anything reads, as the API writes them; everything else is skipped unread.
//!
//! One type serves for both kinds, because a list of the raw API gives no kind with its items and a file may give it
//! after them. Text borrows from the input where the input is in memory and is owned where it is a stream. A field
//! that is absent and one that is `null` are the same: Go leaves it out, other writers do not.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, Visitor};

/// Text that borrows where it can.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl Text<'_> {
    /// The text, unless it is empty.
    pub(super) fn non_empty(&self) -> Option<&str> {
        Some(self.as_str()).filter(|text| !text.is_empty())
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text of a quantity, which the API writes as a string and accepts as a number too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Amount<'a>(pub(super) Cow<'a, str>);

/// A node, a pod, or an object whose kind is not known yet.
#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    /// `metadata`.
    pub(super) metadata: Metadata<'a>,
    /// `spec`.
    pub(super) spec: Spec<'a>,
    /// `status`.
    pub(super) status: Status<'a>,
}

/// `metadata`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) namespace: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) uid: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) resource_version: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) creation_timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) deletion_timestamp: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) labels: BTreeMap<Text<'a>, Text<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) annotations: Annotations<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) owner_references: Vec<Owner<'a>>,
}

/// The annotations that anything reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotations<'a> {
    #[serde(borrow, rename = "kube-rebalancer/cordoned-at")]
    pub(super) cordoned_at: Option<Text<'a>>,
    #[serde(borrow, rename = "kube-rebalancer/empty-since")]
    pub(super) empty_since: Option<Text<'a>>,
    #[serde(borrow, rename = "kube-rebalancer/deleting-until")]
    pub(super) deleting_until: Option<Text<'a>>,
    #[serde(borrow, rename = "cluster-autoscaler.kubernetes.io/scale-down-disabled")]
    pub(super) scale_down_disabled: Option<Text<'a>>,
    #[serde(borrow, rename = "weave.works/kured-reboot-in-progress")]
    pub(super) reboot_in_progress: Option<Text<'a>>,
    #[serde(borrow, rename = "container.googleapis.com/instance_id")]
    pub(super) instance_id: Option<Text<'a>>,
    #[serde(rename = "kubernetes.io/config.mirror")]
    pub(super) mirror: Option<IgnoredAny>,
    #[serde(borrow, rename = "kubernetes.io/created-by")]
    pub(super) created_by: Option<Text<'a>>,
    #[serde(borrow, rename = "cluster-autoscaler.kubernetes.io/safe-to-evict")]
    pub(super) safe_to_evict: Option<Text<'a>>,
    #[serde(borrow, rename = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes")]
    pub(super) safe_to_evict_local_volumes: Option<Text<'a>>,
}

/// An entry of `metadata.ownerReferences`, or the `reference` within 1.6's annotation `kubernetes.io/created-by`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Owner<'a> {
    #[serde(borrow)]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) uid: Option<Text<'a>>,
    pub(super) controller: Option<bool>,
}

/// The value of the annotation `kubernetes.io/created-by`, which is JSON.
#[derive(Debug, Deserialize)]
pub(super) struct CreatedBy<'a> {
    #[serde(borrow)]
    pub(super) reference: Owner<'a>,
}

/// `spec` of a node and of a pod.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Spec<'a> {
    // of a node
    pub(super) unschedulable: Option<bool>,
    #[serde(borrow, rename = "providerID")]
    pub(super) provider_id: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) taints: Vec<Taint<'a>>,
    // of a pod
    #[serde(borrow)]
    pub(super) node_name: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) containers: Vec<Container<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) init_containers: Vec<Container<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) resources: Resources<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) overhead: Amounts<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) volumes: Vec<Volume<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) node_selector: BTreeMap<Text<'a>, Text<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) affinity: Affinity<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) tolerations: Vec<Toleration<'a>>,
    #[serde(deserialize_with = "or_default")]
    pub(super) scheduling_gates: Vec<IgnoredAny>,
}

/// An entry of `spec.taints`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Taint<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) key: Text<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) value: Text<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) effect: Text<'a>,
    #[serde(borrow)]
    pub(super) time_added: Option<Text<'a>>,
}

/// An entry of `spec.containers` or `spec.initContainers`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Container<'a> {
    pub(super) restart_policy: Option<RestartPolicy>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) resources: Resources<'a>,
}

/// `restartPolicy` of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum RestartPolicy {
    /// On an init container: it is a sidecar.
    Always,
    #[serde(other)]
    Other,
}

/// `resources` of a container or of a pod.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Resources<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) requests: Amounts<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) limits: Amounts<'a>,
}

/// Amounts by resource name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Amounts<'a> {
    #[serde(borrow)]
    pub(super) cpu: Option<Amount<'a>>,
    #[serde(borrow)]
    pub(super) memory: Option<Amount<'a>>,
    #[serde(borrow)]
    pub(super) pods: Option<Amount<'a>>,
}

/// An entry of `spec.volumes`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Volume<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) name: Text<'a>,
    pub(super) host_path: Option<IgnoredAny>,
    #[serde(borrow)]
    pub(super) empty_dir: Option<EmptyDir<'a>>,
}

/// `emptyDir` of a volume.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EmptyDir<'a> {
    #[serde(borrow)]
    pub(super) medium: Option<Text<'a>>,
}

/// `spec.affinity`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Affinity<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) node_affinity: NodeAffinity<'a>,
}

/// `nodeAffinity`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeAffinity<'a> {
    #[serde(borrow, rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub(super) required: Option<NodeSelector<'a>>,
}

/// A node selector of an affinity.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct NodeSelector<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) node_selector_terms: Vec<Term<'a>>,
}

/// An entry of `nodeSelectorTerms`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Term<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) match_expressions: Vec<Requirement<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) match_fields: Vec<Requirement<'a>>,
}

/// An entry of `matchExpressions` or `matchFields`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Requirement<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) key: Text<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) operator: Text<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) values: Vec<Text<'a>>,
}

/// An entry of `spec.tolerations`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Toleration<'a> {
    #[serde(borrow)]
    pub(super) key: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) operator: Text<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) value: Text<'a>,
    #[serde(borrow)]
    pub(super) effect: Option<Text<'a>>,
}

/// `status` of a node and of a pod.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status<'a> {
    #[serde(deserialize_with = "or_default")]
    pub(super) phase: Phase,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) conditions: Vec<Condition<'a>>,
    #[serde(borrow)]
    pub(super) allocatable: Option<Amounts<'a>>,
    #[serde(borrow)]
    pub(super) capacity: Option<Amounts<'a>>,
}

/// `status.phase` of a pod, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Phase {
    /// All containers ended well.
    Succeeded,
    /// All containers ended, one badly.
    Failed,
    /// `Pending`, `Running`, `Unknown`, a phase yet to be invented, or none.
    #[default]
    #[serde(other)]
    Live,
}

/// An entry of `status.conditions`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Condition<'a> {
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(super) kind: ConditionKind,
    #[serde(deserialize_with = "or_default")]
    pub(super) status: ConditionStatus,
    #[serde(deserialize_with = "or_default")]
    pub(super) reason: ConditionReason,
    #[serde(borrow)]
    pub(super) message: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) last_transition_time: Option<Text<'a>>,
}

/// `type` of a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum ConditionKind {
    /// Of a node (and of a pod, where nothing reads it).
    Ready,
    /// Of a pod.
    PodScheduled,
    #[default]
    #[serde(other)]
    Other,
}

/// `status` of a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// `Unknown`, or none.
    #[default]
    #[serde(other)]
    Unknown,
}

/// `reason` of a condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum ConditionReason {
    /// The scheduler found no node.
    Unschedulable,
    #[default]
    #[serde(other)]
    Other,
}

/// Takes `null` for the default, as the API server does.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl<'de: 'a, 'a> Deserialize<'de> for Amount<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor).map(Amount)
    }
}

struct AmountVisitor;

impl<'de> Visitor<'de> for AmountVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a quantity such as \"500m\" or \"1.5Gi\"")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }

    // The shortest decimal that means this float is what the writer wrote, up to 15 digits; no arithmetic is done.
    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Cow::Owned(number.to_string()))
    }
}
