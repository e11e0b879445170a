//! What every node is, straight from POLICY 2 and 3: managed, its state, its occupants, what would be lost with it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::model::{Binding, Node, Pod, Snapshot, annotation};
use crate::plan::NodeState;
use crate::policy::{CapacitySource, Policy};

/// Taints by which another program says that it is acting on a node.
const TAINTS_OF_OTHER_ACTORS: [&str; 5] = [
    "ToBeDeletedByClusterAutoscaler",
    "karpenter.sh/disrupted",
    "atlassian.com/escalator",
    "cloud.google.com/impending-node-termination",
    "node.cloudprovider.kubernetes.io/shutdown",
];

/// Labels of control-plane nodes.
const CONTROL_PLANE_LABELS: [&str; 2] =
    ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// What one node is.
#[derive(Debug)]
pub(super) struct NodeFacts<'a> {
    pub(super) node: &'a Node,
    pub(super) managed: bool,
    pub(super) state: NodeState,
    /// Critical and dynamic pods; not counted on an unmanaged node.
    pub(super) occupants: usize,
    /// One of the occupants.
    pub(super) occupant: Option<&'a Pod>,
    /// One of its critical pods.
    pub(super) critical_pod: Option<&'a Pod>,
    /// Memory requested by its occupants and daemons.
    pub(super) requested: u128,
    /// Memory that the utilization divides by.
    pub(super) capacity: u64,
    /// An omitted pod that nobody would bring back.
    pub(super) lost_pod: Option<&'a Pod>,
    /// Controllers (by uid) that would recreate omitted pods of this node elsewhere.
    pub(super) recreators: BTreeSet<&'a str>,
    /// Whether this run's own pod is on it.
    pub(super) own: bool,
}

impl NodeFacts<'_> {
    /// Whether nothing would be lost with it.
    pub(super) fn empty(&self) -> bool {
        self.occupants == 0 && self.lost_pod.is_none()
    }

    /// Ready, with capacity.
    pub(super) fn ready(&self) -> bool {
        matches!(self.state, NodeState::Serving | NodeState::Cordoned)
    }

    /// Cordoned, and not by us.
    pub(super) fn cordoned_by_others(&self) -> bool {
        self.node.unschedulable && !self.carries(annotation::CORDONED_AT)
    }

    /// Whether it is annotated `scale-down-disabled`.
    pub(super) fn scale_down_disabled(&self) -> bool {
        self.node.annotations.get(annotation::SCALE_DOWN_DISABLED).is_some_and(|value| value == "true")
    }

    /// Whether it carries the annotation.
    pub(super) fn carries(&self, key: &str) -> bool {
        self.node.annotations.contains_key(key)
    }
}

/// What the cluster is.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) policy: &'a Policy,
    /// In the snapshot's order: sorted by name.
    pub(super) nodes: Vec<NodeFacts<'a>>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        let observed_at = snapshot.observed_at();
        let mut nodes: Vec<_> = snapshot.nodes().iter().map(|node| bare(node, observed_at, policy)).collect();
        for (pod, binding) in snapshot.placed_pods() {
            if let Binding::Node(index) = binding
                && let Some(facts) = nodes.get_mut(index)
            {
                add_pod(facts, pod, policy);
            }
        }
        Self { snapshot, policy, nodes }
    }

    /// The index of a node, by name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.nodes.binary_search_by(|facts| facts.node.name.as_str().cmp(name)).ok()
    }

    pub(super) fn managed(&self) -> impl Iterator<Item = &NodeFacts<'a>> {
        self.nodes.iter().filter(|facts| facts.managed)
    }

    /// A budget's percentage is of the managed nodes.
    pub(super) fn managed_count(&self) -> usize {
        self.managed().count()
    }

    /// Whether the node is pinned: annotated, or cordoned by others whose cordons are not ours to judge.
    pub(super) fn pinned(&self, facts: &NodeFacts<'_>) -> bool {
        facts.scale_down_disabled() || (facts.cordoned_by_others() && !self.policy.adopt_cordons)
    }

    /// Whether an operator is at work on the node: it is left exactly as it is.
    pub(super) fn hands_off(&self, facts: &NodeFacts<'_>) -> bool {
        facts.cordoned_by_others() && (facts.critical_pod.is_some() || self.pinned(facts))
    }

    /// Whether another run has claimed the cordoned node in order to delete it. A claim for a day or longer was made
    /// by a clock that was wrong, and one on a schedulable node has been overruled by whoever uncordoned it.
    pub(super) fn claimed(&self, facts: &NodeFacts<'_>) -> bool {
        let now = self.snapshot.observed_at();
        let text = facts.node.annotations.get(annotation::DELETING_UNTIL);
        let until = text.and_then(|text| text.parse::<Timestamp>().ok());
        facts.node.unschedulable
            && until
                .map(|until| until.duration_since(now))
                .is_some_and(|left| left > SignedDuration::ZERO && left < SignedDuration::from_hours(24))
    }

    /// How long ago something happened; a moment in the future is now.
    pub(super) fn age(&self, moment: Timestamp) -> SignedDuration {
        age(self.snapshot.observed_at(), moment)
    }
}

/// `namespace/name`.
pub(super) fn pod_name(pod: &Pod) -> String {
    format!("{}/{}", pod.namespace, pod.name)
}

fn age(now: Timestamp, moment: Timestamp) -> SignedDuration {
    now.duration_since(moment).max(SignedDuration::ZERO)
}

/// The node's facts before any pod is looked at.
fn bare<'a>(node: &'a Node, now: Timestamp, policy: &Policy) -> NodeFacts<'a> {
    let memory = match policy.capacity {
        // The API server itself takes a missing allocatable from capacity.
        CapacitySource::Allocatable => node.allocatable.memory.or(node.capacity.memory),
        CapacitySource::Capacity => node.capacity.memory,
    };
    let capacity = memory.map_or(0, |memory| memory.0);
    NodeFacts {
        node,
        managed: is_managed(node, policy),
        state: state(node, capacity, now, policy),
        occupants: 0,
        occupant: None,
        critical_pod: None,
        requested: 0,
        capacity,
        lost_pod: None,
        recreators: BTreeSet::new(),
        own: policy.own_node.as_deref() == Some(node.name.as_str()),
    }
}

fn is_managed(node: &Node, policy: &Policy) -> bool {
    let omitted = node.labels.keys().any(|key| policy.omit_labels.contains(key));
    let control_plane = CONTROL_PLANE_LABELS.iter().any(|key| node.labels.contains_key(*key));
    let other_actor = node.annotations.contains_key(annotation::REBOOT_IN_PROGRESS)
        || node.taints.iter().any(|taint| TAINTS_OF_OTHER_ACTORS.contains(&taint.key.as_str()));
    !omitted && !control_plane && !other_actor && !node.deleting && policy.node_selector.matches(&node.labels)
}

/// Ready needs capacity. How long a node is not Ready counts from its condition's change, else from its creation; if
/// neither is known it is broken, because a node that "boots" for ever would stand for capacity that never comes.
fn state(node: &Node, capacity: u64, now: Timestamp, policy: &Policy) -> NodeState {
    if node.ready.is_some_and(|condition| condition.ready) && capacity > 0 {
        return if node.unschedulable { NodeState::Cordoned } else { NodeState::Serving };
    }
    let since = node.ready.and_then(|condition| condition.since).or(node.created_at);
    match since {
        Some(since) if age(now, since) < policy.boot_grace => NodeState::Booting,
        Some(_) | None => NodeState::Broken,
    }
}

/// Adds one bound pod to what its node is.
fn add_pod<'a>(facts: &mut NodeFacts<'a>, pod: &'a Pod, policy: &Policy) {
    if is_own(pod, policy) {
        facts.own = true;
        return;
    }
    let omitted = policy.omit_namespaces.contains(&*pod.namespace)
        || pod.label_keys.iter().any(|key| policy.omit_labels.contains(&**key));
    let memory = u128::from(pod.requests.memory.0);
    match (is_daemon(pod), omitted) {
        (true, true) => {}
        (true, false) => facts.requested += memory,
        (false, true) => add_omitted(facts, pod),
        (false, false) => {
            facts.requested += memory;
            facts.occupants += 1;
            facts.occupant.get_or_insert(pod);
            if is_critical(pod, policy) {
                facts.critical_pod.get_or_insert(pod);
            }
        }
    }
}

/// An omitted pod is either lost with its node or recreated elsewhere by its controller.
fn add_omitted<'a>(facts: &mut NodeFacts<'a>, pod: &'a Pod) {
    match &pod.controller {
        Some(controller)
            if controller.kind != "Job" && pod.safe_to_evict != Some(false) && pod.local_volume.is_none() =>
        {
            facts.recreators.insert(&controller.uid);
        }
        Some(_) | None => {
            facts.lost_pod.get_or_insert(pod);
        }
    }
}

fn is_own(pod: &Pod, policy: &Policy) -> bool {
    policy
        .own_pod
        .as_ref()
        .is_some_and(|(namespace, name)| *pod.namespace == **namespace && *pod.name == **name)
}

fn is_daemon(pod: &Pod) -> bool {
    pod.mirror
        || pod.controller.as_ref().is_some_and(|owner| owner.kind == "DaemonSet" || owner.kind == "Node")
}

fn is_critical(pod: &Pod, policy: &Policy) -> bool {
    pod.safe_to_evict == Some(false)
        || !pod.label_keys.iter().any(|key| policy.preemptible_labels.contains(&**key))
}
