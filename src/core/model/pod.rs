//! A pod as the API server showed it. Pods that have ended (`Succeeded`, `Failed`) are never part of a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Requests, Requirement, TaintEffect};

/// A Kubernetes pod that has not ended. Text that many pods share is shared between them (`Arc`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// `metadata.namespace`.
    pub namespace: Arc<str>,
    /// `metadata.name`.
    pub name: Box<str>,
    /// The keys of `metadata.labels`, sorted.
    pub label_keys: Arc<[Arc<str>]>,
    /// `spec.nodeName`; `None` for a pod that is not bound.
    pub node_name: Option<Arc<str>>,
    /// What the pod asks for.
    pub requests: Requests,
    /// The owner that manages it (`ownerReferences[].controller`, or 1.6's `kubernetes.io/created-by`).
    pub controller: Option<Arc<Controller>>,
    /// Whether it is a static pod's mirror (annotation `kubernetes.io/config.mirror`).
    pub mirror: bool,
    /// The annotation `cluster-autoscaler.kubernetes.io/safe-to-evict`, if it is `"true"` or `"false"`.
    pub safe_to_evict: Option<bool>,
    /// The name of a volume on the node's own disk (`hostPath`, or an `emptyDir` that is not in memory) that the
    /// annotation `cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes` does not name.
    pub local_volume: Option<Arc<str>>,
    /// What the scheduler needs to know of it; only for pods that are not bound.
    pub unbound: Option<Box<Unbound>>,
}

impl Pod {
    /// `namespace/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// The owner that recreates a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Controller {
    /// `DaemonSet`, `ReplicaSet`, `StatefulSet`, `Job`, `Node` (static pods), …
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its uid; `namespace/kind/name` where a file has none. Two pods are of one controller if these are equal.
    pub uid: String,
}

/// A pod that waits for a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unbound {
    /// Whether `spec.schedulingGates` holds it back.
    pub gated: bool,
    /// The scheduler's message, if it has marked the pod `PodScheduled=False` with reason `Unschedulable`.
    pub unschedulable: Option<String>,
    /// Where it may go.
    pub constraints: Arc<Constraints>,
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

/// A toleration of a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Toleration {
    /// The taint's key; `None` tolerates every key (with operator `Exists`).
    pub key: Option<String>,
    /// The taint's value; `None` for operator `Exists`: tolerates every value.
    pub value: Option<String>,
    /// The taint's effect; `None` tolerates every effect.
    pub effect: Option<TaintEffect>,
}
