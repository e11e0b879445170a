//! What is there: managed nodes with their pods, instances without a node, groups, pods on no node.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{
    Binding, Instance, Node, NodeGroup, NodeResources, Pod, Snapshot, annotation,
};
use kube_rebalancer_core::policy::{CapacitySource, Policy};

use super::list::Entry;

/// A managed node.
#[expect(clippy::struct_excessive_bools, reason = "each is one word of POLICY, and none excludes another")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine<'a> {
    pub(super) node: &'a Node,
    /// Ready, with capacity.
    pub(super) ready: bool,
    pub(super) broken: bool,
    pub(super) cordoned: bool,
    /// The cordon is somebody else's.
    pub(super) by_others: bool,
    pub(super) adopt: bool,
    /// All pods on it.
    pub(super) pods: Vec<&'a Pod>,
    pub(super) occupants: Vec<&'a Pod>,
    /// Daemons that a node like this one would have too, omitted ones included.
    pub(super) all_daemons: Vec<&'a Pod>,
    /// Daemons that are taken into account.
    pub(super) daemons: Vec<&'a Pod>,
    pub(super) critical: bool,
    pub(super) annotated: bool,
    /// Another run is about to delete it.
    pub(super) claimed: bool,
}

impl Machine<'_> {
    pub(super) fn booting(&self) -> bool {
        !self.ready && !self.broken && !self.cordoned
    }

    pub(super) fn pinned(&self) -> bool {
        self.annotated || (self.cordoned && self.by_others && !self.adopt)
    }

    /// Never cordoned, never deleted.
    pub(super) fn protected(&self) -> bool {
        self.critical || self.pinned()
    }

    /// May be chosen to serve.
    pub(super) fn candidate(&self) -> bool {
        let hands_off = self.cordoned && self.by_others && self.protected();
        self.ready && !hands_off && !self.claimed
    }
}

/// Everything that a choice is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct World<'a> {
    pub(super) now: Timestamp,
    pub(super) boot_grace: SignedDuration,
    pub(super) machines: Vec<Machine<'a>>,
    pub(super) groups: &'a [NodeGroup],
    /// Unbound pods that are taken into account and are not daemons or gated.
    pub(super) unbound: Vec<&'a Pod>,
}

impl<'a> World<'a> {
    pub(super) fn observed(snapshot: &'a Snapshot, policy: &Policy) -> Self {
        let now = snapshot.observed_at();
        let mut machines = Vec::new();
        for (index, node) in snapshot.nodes().iter().enumerate() {
            if managed(node, policy) {
                let pods = snapshot.placed_pods().filter(|(_, place)| *place == Binding::Node(index));
                machines.push(machine(node, pods.map(|(pod, _)| pod).collect(), now, policy));
            }
        }
        let unbound = snapshot
            .placed_pods()
            .filter(|(pod, place)| *place == Binding::Unbound && counted(pod, policy) && !daemon(pod))
            .map(|(pod, _)| pod)
            .filter(|pod| !pod.unbound.as_ref().is_some_and(|unbound| unbound.gated))
            .collect();
        Self { now, boot_grace: policy.boot_grace, machines, groups: snapshot.groups(), unbound }
    }

    pub(super) fn serving(&self) -> impl Iterator<Item = &Machine<'a>> {
        self.machines.iter().filter(|machine| machine.ready && !machine.cordoned)
    }

    pub(super) fn serves(&self, name: &str) -> bool {
        self.serving().any(|machine| machine.node.name == name)
    }

    pub(super) fn booting(&self) -> impl Iterator<Item = &Machine<'a>> {
        self.machines.iter().filter(|machine| machine.booting())
    }

    /// Instances without a node, each with its group.
    pub(super) fn instances(&self) -> impl Iterator<Item = (&'a NodeGroup, &'a Instance)> {
        let groups = self.groups.iter();
        groups
            .flat_map(|group| group.instances.iter().map(move |instance| (group, instance)))
            .filter(|(_, instance)| !instance.has_node)
    }

    /// Whether an instance without a node may still become one; what the cloud has not begun is not late.
    pub(super) fn boots(&self, instance: &Instance) -> bool {
        let late = instance.created_at.is_some_and(|created| age(self.now, created) >= self.boot_grace);
        instance.creation_error.is_none() && !late
    }

    /// Nodes and instances that boot, nodes that are cordoned too.
    pub(super) fn booting_count(&self) -> usize {
        self.machines.iter().filter(|machine| !machine.ready && !machine.broken).count()
            + self.instances().filter(|(_, instance)| self.boots(instance)).count()
    }

    pub(super) fn too_many_broken(&self, policy: &Policy) -> bool {
        let broken = self.machines.iter().filter(|machine| machine.broken).count();
        let percent = usize::try_from(policy.max_unready_percent).unwrap();
        broken * 100 > self.machines.len() * percent && broken >= policy.ok_unready_nodes
    }

    /// The world in which the chosen nodes are schedulable and all others cordoned, by us.
    pub(super) fn after(&self, chosen: &[Entry]) -> Self {
        let mut after = self.clone();
        for machine in after.machines.iter_mut().filter(|machine| machine.candidate()) {
            let keep = chosen.iter().any(|entry| entry.node_name() == Some(&machine.node.name));
            if machine.cordoned == keep {
                machine.by_others = false;
            }
            machine.cordoned = !keep;
        }
        after
    }
}

fn managed(node: &Node, policy: &Policy) -> bool {
    let hands = [
        "ToBeDeletedByClusterAutoscaler",
        "karpenter.sh/disrupted",
        "atlassian.com/escalator",
        "cloud.google.com/impending-node-termination",
        "node.cloudprovider.kubernetes.io/shutdown",
    ];
    let label = |key: &str| node.labels.contains_key(key);
    !policy.omit_labels.iter().any(|key| label(key))
        && policy.node_selector.matches(&node.labels)
        && !node.deleting
        && !node.taints.iter().any(|taint| hands.contains(&taint.key.as_str()))
        && !node.annotations.contains_key(annotation::REBOOT_IN_PROGRESS)
        && !label("node-role.kubernetes.io/control-plane")
        && !label("node-role.kubernetes.io/master")
}

fn machine<'a>(node: &'a Node, pods: Vec<&'a Pod>, now: Timestamp, policy: &Policy) -> Machine<'a> {
    let ready = node.ready.is_some_and(|condition| condition.ready)
        && memory(&node.allocatable, &node.capacity, policy) > 0;
    let since = node.ready.and_then(|condition| condition.since).or(node.created_at);
    let young = since.is_some_and(|since| age(now, since) < policy.boot_grace);
    let seen: Vec<&Pod> = pods.iter().copied().filter(|pod| counted(pod, policy)).collect();
    let all_daemons = pods.iter().copied().filter(|pod| daemon(pod) && !own(pod, policy)).collect();
    let (daemons, occupants): (Vec<&Pod>, Vec<&Pod>) = seen.into_iter().partition(|pod| daemon(pod));
    let critical = occupants.iter().any(|pod| {
        let preemptible = pod.label_keys.iter().any(|key| policy.preemptible_labels.contains(&**key));
        pod.safe_to_evict == Some(false) || !preemptible
    });
    let until =
        node.annotations.get(annotation::DELETING_UNTIL).and_then(|text| text.parse::<Timestamp>().ok());
    let claimed = node.unschedulable
        && until.is_some_and(|until| until > now && until < now + SignedDuration::from_hours(24));
    Machine {
        node,
        claimed,
        ready,
        broken: !ready && !young,
        cordoned: node.unschedulable,
        by_others: !node.annotations.contains_key(annotation::CORDONED_AT),
        adopt: policy.adopt_cordons,
        pods,
        occupants,
        all_daemons,
        daemons,
        critical,
        annotated: node.annotations.get(annotation::SCALE_DOWN_DISABLED).is_some_and(|value| value == "true"),
    }
}

/// The memory that the utilization divides by.
pub(super) fn memory(allocatable: &NodeResources, capacity: &NodeResources, policy: &Policy) -> u128 {
    let memory = match policy.capacity {
        CapacitySource::Allocatable => offered(allocatable, capacity).memory,
        CapacitySource::Capacity => capacity.memory,
    };
    memory.map_or(0, |bytes| u128::from(bytes.0))
}

/// What the scheduler hands out: the API server takes a missing allocatable from capacity.
pub(super) fn offered(allocatable: &NodeResources, capacity: &NodeResources) -> NodeResources {
    NodeResources {
        memory: allocatable.memory.or(capacity.memory),
        cpu: allocatable.cpu.or(capacity.cpu),
        pods: allocatable.pods.or(capacity.pods),
    }
}

/// A moment in the future is now.
pub(super) fn age(now: Timestamp, moment: Timestamp) -> SignedDuration {
    now.duration_since(moment).max(SignedDuration::ZERO)
}

/// Whether a pod is taken into account.
pub(super) fn counted(pod: &Pod, policy: &Policy) -> bool {
    let labels: BTreeSet<&str> = pod.label_keys.iter().map(|key| &**key).collect();
    let namespace: &str = &pod.namespace;
    !policy.omit_namespaces.contains(namespace)
        && !policy.omit_labels.iter().any(|key| labels.contains(key.as_str()))
        && !own(pod, policy)
}

/// Whether it is this run's own pod.
pub(super) fn own(pod: &Pod, policy: &Policy) -> bool {
    policy.own_pod == Some((pod.namespace.to_string(), pod.name.to_string()))
}

/// Whether it comes and goes with its node.
pub(super) fn daemon(pod: &Pod) -> bool {
    let kind = pod.controller.as_ref().map(|controller| controller.kind.as_str());
    pod.mirror || kind == Some("DaemonSet") || kind == Some("Node")
}
