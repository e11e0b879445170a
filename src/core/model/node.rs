//! A node as the API server listed it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Amounts, Bytes, FurtherAmounts, Labels, Millicores, Resource};

/// The annotations that a decision reads or an action writes; a reader may drop all others.
pub mod annotation {
    /// Written with every cordon of ours; its presence makes a cordon ours. RFC 3339.
    pub const CORDONED_AT: &str = "kube-rebalancer/cordoned-at";
    /// The time at which a run first saw the cordoned node empty. RFC 3339.
    pub const EMPTY_SINCE: &str = "kube-rebalancer/empty-since";
    /// The end of the claim by which a run deletes the node: until then no other run uncordons it. RFC 3339.
    pub const DELETING_UNTIL: &str = "kube-rebalancer/deleting-until";
    /// The time at which a node was parked; written before the request to park its machine. A node is parked if it has this
    /// annotation and our cordon, and is not Ready. RFC 3339.
    pub const PARKED_AT: &str = "kube-rebalancer/parked-at";
    /// When a parked node was woken, in place of [`PARKED_AT`]. RFC 3339.
    pub const WOKEN_AT: &str = "kube-rebalancer/woken-at";
    /// The time at which a pod was last evicted from the node. RFC 3339.
    pub const EVICTED_AT: &str = "kube-rebalancer/evicted-at";
    /// The controllers of the pods that were evicted from it: their uids, with commas between them.
    pub const EVICTED: &str = "kube-rebalancer/evicted";
    /// The machine whose deletion this program requested, with `DELETE_NODE_OBJECTS`: see
    /// [`Node::machine`](super::Node::machine). Written with the claim, right before the request.
    pub const DELETION_ASKED: &str = "kube-rebalancer/deletion-asked";
    /// The time at which a run found that the provider proves the machine gone. RFC 3339.
    pub const GONE_SINCE: &str = "kube-rebalancer/gone-since";
    /// The machine that [`GONE_SINCE`] is about.
    pub const GONE_MACHINE: &str = "kube-rebalancer/gone-machine";
    /// `"true"` pins a node: it is neither cordoned nor deleted.
    pub const SCALE_DOWN_DISABLED: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";
    /// The same in the words of Karpenter: `"true"` or a duration.
    pub const DO_NOT_DISRUPT: &str = "karpenter.sh/do-not-disrupt";
    /// The same in the words of Karpenter before 0.32: `"true"`.
    pub const DO_NOT_CONSOLIDATE: &str = "karpenter.sh/do-not-consolidate";
    /// The same in the words of CAST AI, as an annotation or a label: `"true"`.
    pub const REMOVAL_DISABLED: &str = "autoscaling.cast.ai/removal-disabled";
    /// The same in the words of Escalator: any text but none.
    pub const NO_DELETE: &str = "atlassian.com/no-delete";
    /// kured is rebooting the node, so a run leaves it alone.
    pub const REBOOT_IN_PROGRESS: &str = "weave.works/kured-reboot-in-progress";
    /// The state of `OpenShift`'s machine configuration daemon on the node: a run leaves the node alone unless it is `Done`.
    pub const MACHINE_CONFIG_STATE: &str = "machineconfiguration.openshift.io/state";
    /// `"true"` while Flatcar's update agent reboots the node; the agent writes `"false"` otherwise.
    pub const FLATCAR_REBOOT: &str = "flatcar-linux-update.v1.flatcar-linux.net/reboot-in-progress";
    /// The same of the older agent of Container Linux.
    pub const CONTAINER_LINUX_REBOOT: &str = "container-linux-update.v1.coreos.com/reboot-in-progress";
    /// `"true"` while Talos upgrades the node or shuts it down: Talos cordoned it.
    pub const TALOS_CORDONED: &str = "talos.dev/cordoned";
    /// `"true"` once somebody asked Gardener's machine controller manager to delete the machine.
    pub const GARDENER_DELETION: &str = "node.machine.sapcloud.io/trigger-deletion-by-mcm";
    /// The node is in Harvester's maintenance mode, `running` or `completed`.
    pub const HARVESTER_MAINTENANCE: &str = "harvesterhci.io/maintain-status";
    /// The state of the SR-IOV network operator on the node: it drains or reboots the node unless this is `Idle`.
    pub const SRIOV_STATE: &str = "sriovnetwork.openshift.io/state";
    /// Deckhouse is to drain the node, or drains it.
    pub const DECKHOUSE_DRAINING: &str = "update.node.deckhouse.io/draining";
    /// Deckhouse has drained the node, and is at work on it.
    pub const DECKHOUSE_DRAINED: &str = "update.node.deckhouse.io/drained";
    /// On GKE, the number of the instance that the node registered from.
    pub const INSTANCE_ID: &str = "container.googleapis.com/instance_id";
    /// The notes of this program on a node, except for a claim.
    pub const NOTES: [&str; 9] = [
        CORDONED_AT,
        EMPTY_SINCE,
        PARKED_AT,
        WOKEN_AT,
        EVICTED_AT,
        EVICTED,
        DELETION_ASKED,
        GONE_SINCE,
        GONE_MACHINE,
    ];
    /// The annotations that are read by their whole key.
    pub const ALL: [&str; 26] = [
        CORDONED_AT,
        EMPTY_SINCE,
        DELETING_UNTIL,
        PARKED_AT,
        WOKEN_AT,
        EVICTED_AT,
        EVICTED,
        DELETION_ASKED,
        GONE_SINCE,
        GONE_MACHINE,
        SCALE_DOWN_DISABLED,
        DO_NOT_DISRUPT,
        DO_NOT_CONSOLIDATE,
        REMOVAL_DISABLED,
        NO_DELETE,
        REBOOT_IN_PROGRESS,
        MACHINE_CONFIG_STATE,
        FLATCAR_REBOOT,
        CONTAINER_LINUX_REBOOT,
        TALOS_CORDONED,
        GARDENER_DELETION,
        HARVESTER_MAINTENANCE,
        SRIOV_STATE,
        DECKHOUSE_DRAINING,
        DECKHOUSE_DRAINED,
        INSTANCE_ID,
    ];
    /// The prefix of annotations by which other programs delay a deletion.
    pub const DELAY_DELETION: &str = "delay-deletion.cluster-autoscaler.kubernetes.io/";

    /// The prefix of the annotations by which Skyhook notes that it cordoned the node: the name of its task follows.
    pub const SKYHOOK_CORDON: &str = "skyhook.nvidia.com/cordon_";

    /// Whether an annotation is part of a node in a snapshot.
    #[must_use]
    pub fn is_read(key: &str) -> bool {
        ALL.contains(&key) || key.starts_with(DELAY_DELETION) || key.starts_with(SKYHOOK_CORDON)
    }
}

/// The taints that an action writes.
pub mod taint {
    /// The taint of a claim, with effect `NoSchedule`: `kubectl uncordon` does not remove it.
    pub const DELETING: &str = "kube-rebalancer/deleting";
    /// The taint of a node that is to fill last, with effect `PreferNoSchedule`: the scheduler tries the others first.
    pub const FILL_LAST: &str = "kube-rebalancer/fill-last";
    /// The taint that the control plane adds to a cordoned node.
    pub const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
    /// The taint that the control plane adds to a node whose kubelet has been silent.
    pub const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
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
    /// `status.nodeInfo.systemUUID`: identifies the machine on clouds without provider IDs.
    pub system_uuid: Option<String>,
    /// `metadata.creationTimestamp`.
    pub created_at: Option<Timestamp>,
    /// Whether `metadata.deletionTimestamp` is set, or its instance is being deleted.
    pub deleting: bool,
    /// `metadata.labels`.
    pub labels: Labels,
    /// The annotations for which [`annotation::is_read`] holds.
    pub annotations: BTreeMap<String, String>,
    /// `spec.unschedulable`: the node is cordoned.
    pub unschedulable: bool,
    /// `spec.taints`.
    pub taints: Vec<Taint>,
    /// The condition of type `Ready`, if the node has one.
    pub ready: Option<ReadyCondition>,
    /// Whether the message of that condition says that its machine is being shut down, while the condition is not true.
    pub shutting_down: bool,
    /// The condition by which its cloud announces that the machine ends within minutes.
    pub ends_by: Option<&'static str>,
    /// `status.allocatable`.
    pub allocatable: NodeResources,
    /// `status.capacity`.
    pub capacity: NodeResources,
    /// The first of `status.volumesInUse`: the volumes that its kubelet has not unmounted.
    pub volume_in_use: Option<Box<str>>,
    /// The name of the [`NodeGroup`](super::NodeGroup) that its instance belongs to, where that is known.
    pub group: Option<String>,
    /// The reason why its instance is in none of the groups of this run, where the groups are known: it is gone, another
    /// project's, ….
    pub outside: Option<String>,
    /// The field of the node that could not be read, with its value. Such a node is not managed; its pods count.
    pub unreadable: Option<String>,
}

impl Node {
    /// The zone the node is in, by the current or the older well-known label.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"]
            .iter()
            .find_map(|key| self.labels.get(key))
    }
}

/// Labels, with their value, of nodes whose disks a cluster of storage daemons uses. The daemons run on every such node or have
/// no pods there, and their volumes name no node.
pub const STORAGE_LABELS: [(&str, &str); 3] = [
    // Mayastor of OpenEBS, and GlusterFS by heketi.
    ("openebs.io/engine", "mayastor"),
    ("storagenode", "glusterfs"),
    // Portworx, unless the node is storageless.
    ("px/enabled", "true"),
];

/// The label by which a node of Portworx has no data.
pub const STORAGELESS: (&str, &str) = ("portworx.io/node-type", "storageless");

/// The condition of type `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyCondition {
    /// Whether its status is `True`; `False` and `Unknown` are both not ready.
    pub ready: bool,
    /// `lastTransitionTime`.
    pub since: Option<Timestamp>,
}

/// The amounts that a node reports. A field is `None` where the node does not report it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeResources {
    /// Memory.
    pub memory: Option<Bytes>,
    /// Processor time.
    pub cpu: Option<Millicores>,
    /// The number of pods.
    pub pods: Option<u64>,
    /// All other resources.
    pub further: Option<Arc<FurtherAmounts>>,
}

impl NodeResources {
    /// The amount of a resource that can decide.
    #[must_use]
    pub fn of(&self, resource: Resource) -> Option<u64> {
        match resource {
            Resource::Memory => self.memory.map(|bytes| bytes.0),
            Resource::Cpu => self.cpu.map(|cpu| cpu.0),
        }
    }

    /// The amounts that the scheduler allocates: these as `status.allocatable`, with missing ones from `status.capacity`.
    /// Memory, CPU and pods that neither reports are without bound: an unknown amount refuses no pod.
    #[must_use]
    pub fn offer(&self, capacity: &Self) -> Amounts {
        let mut amounts = Amounts::pod(
            self.memory.or(capacity.memory).unwrap_or(Bytes(u64::MAX)),
            self.cpu.or(capacity.cpu).unwrap_or(Millicores(u64::MAX)),
        );
        amounts.pods = self.pods.or(capacity.pods).unwrap_or(u64::MAX);
        amounts.with_further(self.further.clone().or_else(|| capacity.further.clone()))
    }
}

/// The effect of a taint on a pod that does not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaintEffect {
    /// The scheduler does not place it there.
    NoSchedule,
    /// The scheduler avoids the node.
    PreferNoSchedule,
    /// The scheduler does not place it there, and it is evicted if it runs there.
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
