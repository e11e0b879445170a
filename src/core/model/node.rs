//! A node as the API server showed it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Bytes, Millicores};

/// The annotations that a decision reads or an action writes; a reader may drop all others.
pub mod annotation {
    /// Written with every cordon of ours; its presence is what makes a cordon ours. RFC 3339.
    pub const CORDONED_AT: &str = "kube-rebalancer/cordoned-at";
    /// Since when a cordoned node has been seen empty. RFC 3339.
    pub const EMPTY_SINCE: &str = "kube-rebalancer/empty-since";
    /// Until when a run has claimed the node in order to delete it: no other run uncordons it meanwhile. RFC 3339.
    pub const DELETING_UNTIL: &str = "kube-rebalancer/deleting-until";
    /// `"true"` pins a node: it is neither cordoned nor deleted.
    pub const SCALE_DOWN_DISABLED: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";
    /// kured is rebooting the node: hands off.
    pub const REBOOT_IN_PROGRESS: &str = "weave.works/kured-reboot-in-progress";
    /// On GKE, the number of the instance that the node registered from.
    pub const INSTANCE_ID: &str = "container.googleapis.com/instance_id";
    /// All of them.
    pub const ALL: [&str; 6] =
        [CORDONED_AT, EMPTY_SINCE, DELETING_UNTIL, SCALE_DOWN_DISABLED, REBOOT_IN_PROGRESS, INSTANCE_ID];
}

/// A Kubernetes node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// `metadata.name`.
    pub name: String,
    /// `metadata.uid`; empty where a file has none.
    pub uid: String,
    /// `metadata.resourceVersion`; empty where a file has none.
    pub resource_version: String,
    /// `spec.providerID`.
    pub provider_id: Option<String>,
    /// `metadata.creationTimestamp`.
    pub created_at: Option<Timestamp>,
    /// Whether `metadata.deletionTimestamp` is set, or its instance is going away.
    pub deleting: bool,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// Those of `metadata.annotations` that are in [`annotation::ALL`].
    pub annotations: BTreeMap<String, String>,
    /// `spec.unschedulable`: the node is cordoned.
    pub unschedulable: bool,
    /// `spec.taints`.
    pub taints: Vec<Taint>,
    /// The condition of type `Ready`, if the node has one.
    pub ready: Option<ReadyCondition>,
    /// `status.allocatable`.
    pub allocatable: NodeResources,
    /// `status.capacity`.
    pub capacity: NodeResources,
    /// The name of the [`NodeGroup`](super::NodeGroup) that its instance belongs to, where that is known.
    pub group: Option<String>,
    /// Why its instance is in none of the groups of this run, where the groups are known: it is gone, another project's, ….
    pub outside: Option<String>,
}

impl Node {
    /// The zone the node is in, by the current or the older well-known label.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"]
            .iter()
            .find_map(|key| self.labels.get(*key))
            .map(String::as_str)
    }
}

/// The condition of type `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyCondition {
    /// Whether its status is `True`; `False` and `Unknown` are both not ready.
    pub ready: bool,
    /// `lastTransitionTime`.
    pub since: Option<Timestamp>,
}

/// What a node offers. A field is `None` where the node does not report it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeResources {
    /// Memory.
    pub memory: Option<Bytes>,
    /// Processor time.
    pub cpu: Option<Millicores>,
    /// The number of pods.
    pub pods: Option<u64>,
}

/// What a taint does to a pod that does not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaintEffect {
    /// The scheduler does not place it there.
    NoSchedule,
    /// The scheduler avoids the node.
    PreferNoSchedule,
    /// It is not placed there, and leaves if it is there.
    NoExecute,
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value; empty if it has none.
    pub value: String,
    /// Its effect.
    pub effect: TaintEffect,
    /// When it was added, where the API server noted it.
    pub added_at: Option<Timestamp>,
}
