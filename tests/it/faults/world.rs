//! A cluster in which one run makes every kind of request that there is, and what of it a run may change.
//!
//! ```text
//!   n1  the hub                              stays
//!   n2  one user, n5 one, n6 one             cordon
//!   n3  our cordon, a critical pod on it     uncordon
//!   n4  our cordon, empty                    mark empty-since
//!   n7  two users, a stale mark of ours      unmark
//!   n8  our cordon, no longer empty          unmark empty-since
//!   n9  our cordon, empty for long           delete: not tried, there is no cloud
//! ```
//!
//! Every node has a taint that most users tolerate, so a run keeps in a `ConfigMap` that it is common. One more user
//! waits for a node that does not exist: the run reads the volume of their claim and writes an event on their pod. Before
//! the deletion of n9 it lists all volumes.
//!
//! By hand: n1, n2, n5, n6, n7 serve, 40 Gi; asked for are 4 + 4 (critical) + 4 + 0.5 + 0.5 (n2, n5, n6) + 4 (n7) + 3
//! (n8) = 20 Gi, one half, below the band. 20 Gi / 0.75 = 26.7 Gi, so three nodes of 8 Gi (0.83): n1 and n3 have critical
//! pods, and n7 has most occupants. On that outcome a further run has nothing to decide.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::annotation;
use serde_json::{Value, json};

use crate::fake_api::{FakeApi, Resource};
use crate::objects::{Node, Pod};

/// Long ago, so that every cordon is old enough.
const LONG_AGO: &str = "2026-01-02T00:00:00Z";

/// The path for the creation of Leases.
pub(super) const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

/// The path for the creation of `ConfigMaps`.
pub(super) const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// The claim and the volume of the waiting user.
pub(super) const CLAIM: &str = "/api/v1/namespaces/users/persistentvolumeclaims/gus-home";
pub(super) const VOLUME: &str = "/api/v1/persistentvolumes/gus-disk";

/// The list of all volumes, because n9 would be deleted.
pub(super) const VOLUMES: &str = "/api/v1/persistentvolumes";

/// The actions of a run that nothing disturbs.
pub(super) const ACTIONS: usize = 8;

/// A fake with this cluster.
pub(super) fn start() -> FakeApi {
    let fake = FakeApi::start();
    let ours = |name: &str| Node::new(name).cordoned().annotation(annotation::CORDONED_AT, LONG_AGO);
    for node in [
        Node::new("n1"),
        Node::new("n2"),
        ours("n3"),
        ours("n4"),
        Node::new("n5"),
        Node::new("n6"),
        Node::new("n7").annotation(annotation::CORDONED_AT, LONG_AGO),
        ours("n8").annotation(annotation::EMPTY_SINCE, LONG_AGO),
        ours("n9").annotation(annotation::EMPTY_SINCE, LONG_AGO),
    ] {
        fake.add_node(&node.taint("team", "users", "NoSchedule"));
    }
    let user = |name: &str| Pod::new("users", name).label("user", name);
    for pod in [
        critical("hub").on("n1"),
        critical("proxy").on("n3"),
        user("ada").memory("4Gi").tolerates("team").on("n2"),
        user("ben").memory("512Mi").tolerates("team").on("n5"),
        user("cleo").memory("512Mi").tolerates("team").on("n6"),
        user("dan").memory("2Gi").on("n7"),
        user("eva").memory("2Gi").on("n7"),
        user("fay").memory("3Gi").on("n8"),
    ] {
        fake.add_pod(&pod);
    }
    fake.add_pod(
        &user("gus")
            .memory("1Gi")
            .tolerates("team")
            .node_selector("disk", "fast")
            .claim("gus-home")
            .unschedulable(),
    );
    let metadata = |name: &str| json!({"namespace": "users", "name": name});
    let spec = json!({"volumeName": "gus-disk", "accessModes": ["ReadWriteOnce"]});
    fake.add(
        Resource::VolumeClaims,
        json!({"metadata": metadata("gus-home"), "spec": spec, "status": {"phase": "Bound"}}),
    );
    fake.add(Resource::Volumes, json!({"metadata": {"name": "gus-disk"}, "spec": {}}));
    fake
}

/// A pod whose node must not be cordoned or deleted.
pub(super) fn critical(name: &str) -> Pod {
    Pod::new("hub", name).memory("4Gi")
}

/// The fields of a node that a run may change: its cordon, and this program's annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeState {
    pub(super) cordoned: bool,
    pub(super) notes: BTreeSet<&'static str>,
}

pub(super) type State = BTreeMap<String, NodeState>;

/// The nodes now.
pub(super) fn state(fake: &FakeApi) -> State {
    fake.all(Resource::Nodes).iter().map(|node| (name(node), node_state(node))).collect()
}

/// The critical nodes that this program has cordoned.
pub(super) fn critical_and_cordoned(fake: &FakeApi) -> Vec<String> {
    let pods = fake.all(Resource::Pods);
    let critical: BTreeSet<&str> = pods
        .iter()
        .filter(|pod| pod["metadata"]["namespace"] == "hub")
        .filter_map(|pod| pod["spec"]["nodeName"].as_str())
        .collect();
    let bad = |(name, state): &(String, NodeState)| {
        critical.contains(name.as_str()) && state.cordoned && state.notes.contains(annotation::CORDONED_AT)
    };
    state(fake).into_iter().filter(bad).map(|(name, _)| name).collect()
}

/// The holder of the Lease.
pub(super) fn holder(fake: &FakeApi) -> Option<String> {
    let lease = fake.get(Resource::Leases, Some("default"), "kube-rebalancer")?;
    lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
}

/// Adds the Lease of an earlier run that gave it back.
pub(super) fn add_free_lease(fake: &FakeApi) {
    let lease = json!({"metadata": {"name": "kube-rebalancer"}, "spec": {"leaseTransitions": 1}});
    fake.client().post(LEASES, &lease).success();
    fake.forget_calls();
}

/// Lets the Lease of a run that did not release it expire.
pub(super) fn expire_lease(fake: &FakeApi) {
    fake.edit(Resource::Leases, Some("default"), "kube-rebalancer", |lease| {
        lease["spec"]["renewTime"] = json!("2026-01-01T00:00:00.000000Z");
    });
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn node_state(node: &Value) -> NodeState {
    let notes = [annotation::CORDONED_AT, annotation::EMPTY_SINCE, annotation::DELETING_UNTIL];
    NodeState {
        cordoned: node["spec"]["unschedulable"] == true,
        notes: notes.into_iter().filter(|key| node["metadata"]["annotations"][*key].is_string()).collect(),
    }
}
