//! A pod as the API server showed it. Pods that have ended (`Succeeded`, `Failed`) are never part of a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Amounts, EvictionFacts, Requirement, TaintEffect};

/// Labels that platforms of interactive sessions put on the pods of their users, some of which a Deployment or a StatefulSet
/// recreates: without what was in memory.
pub const SESSION_LABELS: [&str; 8] = [
    // Zero to JupyterHub and KubeSpawner.
    "hub.jupyter.org/username",
    // Kubeflow's notebook controller, which Open Data Hub uses, too; and its successor.
    "notebook-name",
    "notebooks.kubeflow.org/workspace-name",
    // Coder's template for Kubernetes.
    "com.coder.workspace.id",
    // Workspaces of Eclipse Che and of the web terminal of OpenShift.
    "controller.devfile.io/devworkspace_id",
    // Sessions of Renku.
    "renku.io/safe-username",
    // Schedulers and workers of Dask, by its operator and by Dask Gateway: they hold what a notebook computed.
    "dask.org/cluster-name",
    "gateway.dask.org/cluster",
];

/// The label that marks a pod as a part of a user's session, whatever `PREEMPTIBLE_LABELS` names.
#[must_use]
pub fn session_label(pod: &Pod) -> Option<&'static str> {
    SESSION_LABELS.into_iter().find(|label| pod.label_keys.iter().any(|key| **key == **label))
}

/// A Kubernetes pod that has not ended. Text that many pods share is shared between them (`Arc`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one field or annotation of the pod, independent of the others"
)]
pub struct Pod {
    /// `metadata.namespace`.
    pub namespace: Arc<str>,
    /// `metadata.name`.
    pub name: Box<str>,
    /// The keys of `metadata.labels`, sorted.
    pub label_keys: Arc<[Arc<str>]>,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// `spec.nodeName`; `None` for a pod that is not bound.
    pub node_name: Option<Arc<str>>,
    /// The number of `spec.containers`.
    pub containers: u16,
    /// The requests of the pod, by the scheduler's rule.
    pub requests: Amounts,
    /// The owner that manages it: `ownerReferences[].controller`.
    pub controller: Option<Arc<Controller>>,
    /// Whether it carries the annotation of a static pod's mirror (`kubernetes.io/config.mirror`).
    pub mirror: bool,
    /// Whether it carries `cluster-autoscaler.kubernetes.io/daemonset-pod: "true"`.
    pub daemonset_pod: bool,
    /// The annotation `cluster-autoscaler.kubernetes.io/safe-to-evict`, if it is `"true"` or `"false"`.
    pub safe_to_evict: Option<bool>,
    /// The annotation by which it asks to stay on its node.
    pub do_not_disrupt: Option<Stay>,
    /// The name of a volume on the node's own disk (`hostPath`, or an `emptyDir` that is not in memory) that the
    /// annotation `cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes` does not name.
    pub local_volume: Option<Arc<str>>,
    /// The names of the persistent volume claims that it mounts.
    pub claims: Box<[Box<str>]>,
    /// `spec.priority`; 0 where it is not set.
    pub priority: i32,
    /// Whether `spec.terminationGracePeriodSeconds` is 0.
    pub ends_at_once: bool,
    /// Whether it is Ready. In a file, a Running pod without that condition counts as Ready.
    pub ready: bool,
    /// Its constraints on nodes.
    pub constraints: Arc<Constraints>,
    /// A further constraint on its nodes that this program does not account for; only for a pod that its controller recreates
    /// elsewhere.
    pub bound_by: Option<Bond>,
    /// The scheduler's state of it; only for pods that are not bound.
    pub unbound: Option<Box<Unbound>>,
    /// The facts that its eviction needs; only for a bound pod that its controller recreates elsewhere, and only if pods
    /// may be evicted.
    pub eviction: Option<Box<EvictionFacts>>,
    /// The fingerprints of the further pods that it counts for: see [`Pod::count_in`].
    pub alike: Vec<u64>,
}

/// A constraint of a pod that depends on more than the labels, the taints and the room of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bond {
    /// `hostNetwork`.
    HostNetwork,
    /// A host port of a container.
    HostPort,
    /// A required pod affinity.
    PodAffinity,
    /// A required pod anti-affinity.
    PodAntiAffinity,
    /// A topology spread constraint that keeps a pod waiting.
    Spread,
    /// A resource claim.
    ResourceClaim,
}

impl Bond {
    /// The constraint in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::HostNetwork => "the network of its host",
            Self::HostPort => "a host port",
            Self::PodAffinity => "a required pod affinity",
            Self::PodAntiAffinity => "a required pod anti-affinity",
            Self::Spread => "a topology spread constraint",
            Self::ResourceClaim => "a resource claim",
        }
    }
}

/// An annotation or a label by which a pod asks to stay on its node, in the words of an autoscaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// Karpenter's: `"true"` or a duration.
    DoNotDisrupt,
    /// Karpenter's before version 0.32: `"true"`.
    DoNotEvict,
    /// CAST AI's: `"true"`.
    RemovalDisabled,
    /// Spot Ocean's: `"true"`.
    RestrictScaleDown,
}

impl Stay {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::DoNotDisrupt, Self::DoNotEvict, Self::RemovalDisabled, Self::RestrictScaleDown];

    /// The one with this key.
    #[must_use]
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stay| stay.key() == key)
    }

    /// The key of the annotation or label.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::DoNotDisrupt => super::annotation::DO_NOT_DISRUPT,
            Self::DoNotEvict => "karpenter.sh/do-not-evict",
            Self::RemovalDisabled => super::annotation::REMOVAL_DISABLED,
            Self::RestrictScaleDown => "spotinst.io/restrict-scale-down",
        }
    }
}

impl Pod {
    /// `namespace/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// The identity of its controller.
    #[must_use]
    pub fn controller_key(&self) -> Option<ControllerKey<'_>> {
        Some((&*self.namespace, self.controller.as_ref()?.uid.as_str()))
    }
}

impl Controller {
    /// The name of the Deployment of a ReplicaSet: its own without the hash of the pods' template, by which the control plane
    /// names one for each state of a Deployment. Its letters spell no word.
    #[must_use]
    pub fn deployment(&self) -> Option<&str> {
        let (deployment, hash) = self.name.rsplit_once('-').filter(|_| self.kind == "ReplicaSet")?;
        let is_hash = (1..=10).contains(&hash.len())
            && hash.chars().all(|one| "bcdfghjklmnpqrstvwxz2456789".contains(one));
        is_hash.then_some(deployment)
    }
}

/// A controller: its namespace, which is that of its pods, and its UID. A pod may name the UID of any controller, but only
/// controllers of its namespace manage it.
pub type ControllerKey<'a> = (&'a str, &'a str);

/// The owner that manages a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Controller {
    /// The API group of its kind, such as `apps`; empty for the core group. `None` if a file does not have it.
    pub group: Option<String>,
    /// `DaemonSet`, `ReplicaSet`, `StatefulSet`, `Job`, `Node` (static pods), …
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its uid; `namespace/kind/name` where a file has none. Two pods are of one controller if these are equal.
    pub uid: String,
}

/// The scheduler's state of a pod without a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unbound {
    /// `metadata.uid`; empty where a file has none.
    pub uid: Box<str>,
    /// `metadata.creationTimestamp`.
    pub created_at: Option<Timestamp>,
    /// Whether it has `spec.schedulingGates`.
    pub gated: bool,
    /// The scheduler's refusal, if the condition `PodScheduled` is `False` with reason `Unschedulable`.
    pub refusal: Option<SchedulerRefusal>,
    /// The scheduler's message, if that condition is `False` for another reason: the scheduler fails.
    pub failure: Option<Arc<str>>,
    /// `status.nominatedNodeName`.
    pub nominated: Option<Arc<str>>,
    /// Whether its snapshot has more kinds of waiting pods than a run considers, and its kind is not one of these. It is no
    /// demand and gets no place; it keeps nodes like any waiting pod.
    pub set_aside: bool,
}

/// The scheduler's refusal of a pod that fits no node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchedulerRefusal {
    /// Its message. Equal pods mostly have the same one.
    pub message: Arc<str>,
    /// `lastTransitionTime` of the condition, where it has one.
    pub since: Option<Timestamp>,
}

impl Unbound {
    /// When the scheduler first refused the pod; for a refusal without a time, when the pod was created.
    #[must_use]
    pub fn refused_since(&self) -> Option<Timestamp> {
        self.refusal.as_ref()?.since.or(self.created_at)
    }
}

/// The constraints that a pod puts on a node, as far as this program reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Constraints {
    /// `spec.nodeSelector`.
    pub node_selector: BTreeMap<String, String>,
    /// `spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution`.
    pub affinity: Option<Affinity>,
    /// `spec.tolerations`.
    pub tolerations: Vec<Toleration>,
}

/// Required node affinity: a node must meet at least one term.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Affinity(pub Vec<SelectorTerm>);

/// One term of a node affinity; a term without requirements matches no node.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SelectorTerm {
    /// `matchExpressions`: requirements on labels.
    pub labels: Vec<Requirement>,
    /// `matchFields`: requirements on `metadata.name`.
    pub fields: Vec<Requirement>,
}

/// The values of a taint that a toleration accepts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TolerableValue {
    /// Operator `Exists`: every value.
    Any,
    /// Operator `Equal`: this one.
    Equal(String),
    /// Operator `Gt`: a number above this one.
    Above(i64),
    /// Operator `Lt`: a number below this one.
    Below(i64),
}

impl TolerableValue {
    /// Whether a taint's value is one of them.
    #[must_use]
    pub fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Equal(wanted) => wanted == value,
            Self::Above(bound) => Self::number(value).is_some_and(|number| number > *bound),
            Self::Below(bound) => Self::number(value).is_some_and(|number| number < *bound),
        }
    }

    /// A number as Kubernetes takes it in taints and tolerations: without a plus sign and without leading zeros.
    #[must_use]
    pub fn number(text: &str) -> Option<i64> {
        text.parse().ok().filter(|number: &i64| number.to_string() == text)
    }
}

/// A toleration of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Toleration {
    /// The taint's key; `None` tolerates every key (with operator `Exists`).
    pub key: Option<String>,
    /// The taint's value.
    pub value: TolerableValue,
    /// The taint's effect; `None` tolerates every effect.
    pub effect: Option<TaintEffect>,
}
