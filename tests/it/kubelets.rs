//! What kubelets and a cloud controller do to a cluster, for the real control plane and for the fake API server.
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::fake_api::{FakeApi, Resource};
use crate::objects::Node;

/// A cluster that gets and loses nodes.
pub(crate) trait Cluster: Send + Sync {
    /// A kubelet registers its node.
    fn register(&self, node: &Node);

    /// A kubelet stops, and the node is no longer Ready.
    fn stop(&self, node: &str);

    /// A kubelet that stopped runs again, and its node is Ready.
    fn start(&self, node: &str);

    /// The cloud controller removes a node whose instance is gone.
    fn remove(&self, node: &str);

    /// The provider ids of the nodes that are Ready.
    fn ready_instances(&self) -> BTreeSet<String>;
}

impl Cluster for ControlPlane {
    fn register(&self, node: &Node) {
        self.admin().post("/api/v1/nodes", &node.json()).success();
    }

    fn stop(&self, node: &str) {
        let not_ready =
            json!({"metadata": {"annotations": {"kwok.x-k8s.io/not-ready": "its instance stops"}}});
        self.admin().patch(&format!("/api/v1/nodes/{node}"), &not_ready).success();
    }

    fn start(&self, node: &str) {
        let ready = json!({"metadata": {"annotations": {"kwok.x-k8s.io/not-ready": null}}});
        self.admin().patch(&format!("/api/v1/nodes/{node}"), &ready).success();
    }

    fn remove(&self, node: &str) {
        self.admin().delete(&format!("/api/v1/nodes/{node}")).success();
    }

    fn ready_instances(&self) -> BTreeSet<String> {
        let nodes = self.admin().get("/api/v1/nodes").success();
        ready_instances(nodes["items"].as_array().unwrap())
    }
}

impl Cluster for FakeApi {
    fn register(&self, node: &Node) {
        self.add_node(node);
    }

    fn stop(&self, node: &str) {
        self.edit(Resource::Nodes, None, node, |node| {
            node["status"]["conditions"] =
                json!([{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}]);
        });
    }

    fn start(&self, node: &str) {
        self.edit(Resource::Nodes, None, node, |node| {
            node["status"]["conditions"] =
                json!([{"type": "Ready", "status": "True", "reason": "KubeletReady"}]);
        });
    }

    fn remove(&self, node: &str) {
        FakeApi::remove(self, Resource::Nodes, None, node);
    }

    fn ready_instances(&self) -> BTreeSet<String> {
        ready_instances(&self.all(Resource::Nodes))
    }
}

fn ready_instances(nodes: &[Value]) -> BTreeSet<String> {
    let is_ready = |node: &&Value| {
        let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
        conditions.into_iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    };
    let ids = nodes.iter().filter(is_ready).filter_map(|node| node["spec"]["providerID"].as_str());
    ids.map(str::to_owned).collect()
}
