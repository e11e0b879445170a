//! Small worlds for the checker's tests: 8 GiB nodes that are Ready, 1 GiB pods that a controller recreates.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::facts::Facts;
use crate::model::{
    Bytes, Controller, Millicores, Node, NodeGroup, NodeResources, Pod, ReadyCondition, Requests, Snapshot,
    TotalBytes, annotation,
};
use crate::plan::{
    Action, After, Band, Before, CordonReason, DeleteReason, Elapsed, GrowReason, KeepReason, MarkReason,
    NodeVerdict, Plan, Since, UncordonReason, UnmarkReason, Utilization, Verdict,
};
use crate::policy::Policy;

pub(super) const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

pub(super) fn ago(seconds: i64) -> Timestamp {
    NOW - SignedDuration::from_secs(seconds)
}

/// The defaults, with room for small clusters: `MIN_NODES=0`, pods with the label `user` are dynamic.
pub(super) fn policy() -> Policy {
    Policy {
        min_nodes: 0,
        preemptible_labels: BTreeSet::from(["user".to_owned()]),
        omit_labels: BTreeSet::from(["omit".to_owned()]),
        ..Policy::default()
    }
}

pub(super) fn node(name: &str) -> Node {
    let resources =
        NodeResources { memory: Some(Bytes(8 << 30)), cpu: Some(Millicores(4000)), pods: Some(110) };
    Node {
        name: name.to_owned(),
        created_at: Some(ago(86_400)),
        ready: Some(ReadyCondition { ready: true, since: Some(ago(86_000)) }),
        allocatable: resources,
        capacity: resources,
        ..Node::default()
    }
}

pub(super) fn cordoned(name: &str) -> Node {
    let annotations = BTreeMap::from([(annotation::CORDONED_AT.to_owned(), ago(3600).to_string())]);
    Node { unschedulable: true, annotations, ..node(name) }
}

pub(super) fn cordoned_by_others(name: &str) -> Node {
    Node { unschedulable: true, ..node(name) }
}

pub(super) fn not_ready(name: &str, seconds: i64) -> Node {
    Node { ready: Some(ReadyCondition { ready: false, since: Some(ago(seconds)) }), ..node(name) }
}

pub(super) fn with_label(mut node: Node, key: &str, value: &str) -> Node {
    node.labels.insert(key.to_owned(), value.to_owned());
    node
}

pub(super) fn with_annotation(mut node: Node, key: &str, value: &str) -> Node {
    node.annotations.insert(key.to_owned(), value.to_owned());
    node
}

pub(super) fn in_zone(node: Node, zone: &str) -> Node {
    with_label(node, "topology.kubernetes.io/zone", zone)
}

fn controller(kind: &str, name: &str) -> Arc<Controller> {
    Arc::new(Controller { kind: kind.to_owned(), name: name.to_owned(), uid: format!("uid-{name}") })
}

fn pod(namespace: &str, name: &str, node: &str, labels: &[&str]) -> Pod {
    Pod {
        namespace: namespace.into(),
        name: name.into(),
        label_keys: labels.iter().map(|label| Arc::from(*label)).collect(),
        node_name: Some(node.into()),
        requests: Requests { memory: Bytes::GIBI, cpu: Millicores(100) },
        controller: Some(controller("ReplicaSet", name)),
        mirror: false,
        safe_to_evict: None,
        local_volume: None,
        unbound: None,
    }
}

pub(super) fn user(name: &str, node: &str) -> Pod {
    pod("hub", name, node, &["user"])
}

pub(super) fn critical(name: &str, node: &str) -> Pod {
    pod("hub", name, node, &[])
}

/// A pod of a `kube-system` controller.
pub(super) fn system(name: &str, node: &str, kind: &str, owner: &str) -> Pod {
    Pod { controller: Some(controller(kind, owner)), ..pod("kube-system", name, node, &[]) }
}

pub(super) fn world(nodes: Vec<Node>, pods: Vec<Pod>, groups: Vec<NodeGroup>) -> Snapshot {
    let seen = pods.len() + 1;
    Snapshot::new(NOW, nodes, pods, groups, seen).unwrap()
}

pub(super) fn group(name: &str, size: u32) -> NodeGroup {
    NodeGroup { name: name.to_owned(), target_size: size, ..NodeGroup::default() }
}

pub(super) fn in_group(node: Node, group: &str) -> Node {
    Node { group: Some(group.to_owned()), ..node }
}

pub(super) fn uncordon(node: &str) -> Action {
    Action::Uncordon { node: node.to_owned(), reason: UncordonReason::ScaleDownDisabled }
}

pub(super) fn cordon(node: &str) -> Action {
    Action::Cordon { node: node.to_owned(), reason: CordonReason::NotNeeded { occupants: 0 } }
}

pub(super) fn delete(node: &str) -> Action {
    let reason = DeleteReason::EmptyAndCordoned { cordoned: Since(None), empty: Since(None) };
    Action::Delete { node: node.to_owned(), reason }
}

pub(super) fn mark(node: &str) -> Action {
    Action::Mark { node: node.to_owned(), reason: MarkReason::Empty }
}

pub(super) fn unmark(node: &str) -> Action {
    Action::Unmark { node: node.to_owned(), reason: UnmarkReason::Occupied }
}

pub(super) fn grow(group: Option<&str>, from: u32, to: u32) -> Action {
    let reason = GrowReason::MinNodes { nodes: 0, min: 1 };
    Action::Grow { group: group.map(str::to_owned), from, to, reason }
}

/// A plan with these actions that is well formed in all else: a verdict for each node that agrees with them.
pub(super) fn plan(snapshot: &Snapshot, policy: &Policy, actions: Vec<Action>) -> Plan {
    let nodes = Facts::of(snapshot, policy)
        .nodes
        .iter()
        .map(|facts| NodeVerdict {
            name: facts.node.name.clone(),
            state: facts.state,
            managed: facts.managed,
            occupants: facts.occupants,
            critical: facts.critical_pod.is_some(),
            requested: TotalBytes(facts.requested),
            capacity: Bytes(facts.capacity),
            verdict: verdict(&facts.node.name, &actions),
        })
        .collect();
    Plan {
        observed_at: snapshot.observed_at(),
        before: Before {
            managed: 0,
            serving: 0,
            cordoned: 0,
            critical: 0,
            empty: 0,
            booting: 0,
            broken: 0,
            instances_without_node: 0,
            waiting_pods: 0,
            demand: 0,
            utilization: Utilization::default(),
        },
        band: Band::Within,
        after: After { serving: 0, booting: 0, created: 0, utilization: Utilization::default() },
        actions,
        nodes,
        limits: Vec::new(),
        warnings: Vec::new(),
        guard: None,
    }
}

fn verdict(node: &str, actions: &[Action]) -> Verdict {
    let keep = KeepReason::EmptyTooShort {
        empty_for: Elapsed(SignedDuration::ZERO),
        grace: Elapsed(SignedDuration::ZERO),
    };
    actions
        .iter()
        .filter(|action| action.node() == Some(node))
        .find_map(|action| match action {
            Action::Uncordon { reason, .. } => Some(Verdict::Uncordon(reason.clone())),
            Action::Cordon { reason, .. } => Some(Verdict::Cordon(reason.clone())),
            Action::Delete { reason, .. } => Some(Verdict::Delete(reason.clone())),
            Action::Grow { .. } | Action::Mark { .. } | Action::Unmark { .. } => None,
        })
        .unwrap_or(Verdict::Keep(keep))
}
