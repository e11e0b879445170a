//! The parts of a node or a pod that anything reads, as the API writes them; everything else is skipped unread.
//!
//! One type serves for both kinds, because a list of the raw API gives no kind with its items and a file may give it
//! after them. Text borrows from the input where the input is in memory and is owned where it is a stream. A field
//! that is absent and one that is `null` are the same: Go leaves it out, other writers do not.

mod amount;
mod annotations;
mod status;
mod time;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

pub(super) use amount::{Amount, Amounts};
pub(super) use annotations::{Annotations, key as annotation_key};
pub(super) use status::{
    Condition, ConditionKind, ConditionReason, ConditionStatus, ContainerStatus, NodeInfo, Phase, Status,
};
pub(super) use time::Time;

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
    pub(super) creation_timestamp: Option<Time<'a>>,
    #[serde(borrow)]
    pub(super) deletion_timestamp: Option<Time<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) labels: BTreeMap<Text<'a>, Text<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) annotations: Annotations<'a>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) owner_references: Vec<Owner<'a>>,
    /// Of a list: where its next page begins.
    #[serde(borrow, rename = "continue")]
    pub(super) next: Option<Text<'a>>,
}

/// An entry of `metadata.ownerReferences`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Owner<'a> {
    #[serde(borrow)]
    pub(super) api_version: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) uid: Option<Text<'a>>,
    pub(super) controller: Option<bool>,
}

/// `spec` of a node, of a pod, of a claim and of a volume.
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
    pub(super) priority: Option<i32>,
    pub(super) host_network: Option<bool>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) topology_spread_constraints: Vec<Spread<'a>>,
    #[serde(deserialize_with = "or_default")]
    pub(super) resource_claims: Vec<IgnoredAny>,
    pub(super) termination_grace_period_seconds: Option<i64>,
    // of a persistent volume claim
    #[serde(borrow)]
    pub(super) volume_name: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) access_modes: Vec<Text<'a>>,
    // of a persistent volume
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) node_affinity: VolumeNodeAffinity<'a>,
    #[serde(borrow)]
    pub(super) claim_ref: Option<ClaimReference<'a>>,
    #[serde(borrow)]
    pub(super) persistent_volume_reclaim_policy: Option<Text<'a>>,
    pub(super) host_path: Option<IgnoredAny>,
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
    pub(super) time_added: Option<Time<'a>>,
}

/// An entry of `spec.containers` or `spec.initContainers`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Container<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) name: Text<'a>,
    pub(super) restart_policy: Option<RestartPolicy>,
    #[serde(deserialize_with = "or_default")]
    pub(super) ports: Vec<Port>,
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) resources: Resources<'a>,
}

/// An entry of `ports` of a container.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Port {
    pub(super) host_port: Option<i32>,
}

/// An entry of `spec.topologySpreadConstraints`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Spread<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) when_unsatisfiable: Text<'a>,
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

/// An entry of `spec.volumes`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Volume<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) name: Text<'a>,
    pub(super) host_path: Option<IgnoredAny>,
    #[serde(borrow)]
    pub(super) empty_dir: Option<EmptyDir<'a>>,
    #[serde(borrow)]
    pub(super) persistent_volume_claim: Option<ClaimOfVolume<'a>>,
    /// Its claim is named after the pod and the volume.
    pub(super) ephemeral: Option<IgnoredAny>,
}

/// `persistentVolumeClaim` of a volume.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ClaimOfVolume<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) claim_name: Text<'a>,
}

/// `emptyDir` of a volume.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct EmptyDir<'a> {
    #[serde(borrow)]
    pub(super) medium: Option<Text<'a>>,
}

/// `spec.affinity`.
#[expect(clippy::struct_field_names, reason = "the names of the JSON fields")]
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Affinity<'a> {
    #[serde(borrow, deserialize_with = "or_default")]
    pub(super) node_affinity: NodeAffinity<'a>,
    #[serde(deserialize_with = "or_default")]
    pub(super) pod_affinity: PodAffinity,
    #[serde(deserialize_with = "or_default")]
    pub(super) pod_anti_affinity: PodAffinity,
}

/// `podAffinity` and `podAntiAffinity`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PodAffinity {
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution", deserialize_with = "or_default")]
    pub(super) required: Vec<IgnoredAny>,
}

/// `nodeAffinity`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeAffinity<'a> {
    #[serde(borrow, rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub(super) required: Option<NodeSelector<'a>>,
}

/// `spec.nodeAffinity` of a persistent volume.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct VolumeNodeAffinity<'a> {
    #[serde(borrow)]
    pub(super) required: Option<NodeSelector<'a>>,
}

/// `spec.claimRef` of a persistent volume.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClaimReference<'a> {
    #[serde(borrow)]
    pub(super) namespace: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
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

impl RestartPolicy {
    /// The one with this name.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "Always" => Self::Always,
            _ => Self::Other,
        }
    }
}

/// Takes `null` for the default, as the API server does.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
