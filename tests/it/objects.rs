//! Nodes and pods for the tests, the same for the real control plane and for the fake API server.
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

use serde_json::{Value, json};

/// A node with 8 GiB, 4 processors and room for 110 pods unless told otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Node(Value);

impl Node {
    pub(crate) fn new(name: &str) -> Self {
        let resources = json!({"memory": "8Gi", "cpu": "4", "pods": "110"});
        Self(json!({
            "apiVersion": "v1",
            "kind": "Node",
            // By this annotation kwok knows its own.
            "metadata": {"name": name, "labels": {}, "annotations": {"kwok.x-k8s.io/node": "fake"}},
            "spec": {},
            "status": {"capacity": resources, "allocatable": resources},
        }))
    }

    pub(crate) fn memory(self, quantity: &str) -> Self {
        self.resource("memory", quantity)
    }

    pub(crate) fn cpu(self, quantity: &str) -> Self {
        self.resource("cpu", quantity)
    }

    fn resource(mut self, name: &str, quantity: &str) -> Self {
        for field in ["capacity", "allocatable"] {
            self.0["status"][field][name] = json!(quantity);
        }
        self
    }

    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.0["metadata"]["labels"][key] = json!(value);
        self
    }

    pub(crate) fn annotation(mut self, key: &str, value: &str) -> Self {
        self.0["metadata"]["annotations"][key] = json!(value);
        self
    }

    pub(crate) fn taint(mut self, key: &str, value: &str, effect: &str) -> Self {
        push(&mut self.0["spec"]["taints"], json!({"key": key, "value": value, "effect": effect}));
        self
    }

    /// With a kubelet on this port of this machine.
    pub(crate) fn kubelet(mut self, port: u16) -> Self {
        self.0["status"]["addresses"] = json!([{"type": "InternalIP", "address": "127.0.0.1"}]);
        self.0["status"]["daemonEndpoints"] = json!({"kubeletEndpoint": {"Port": port}});
        self
    }

    /// Ready when it is created, and never heard of again: kwok does not play it.
    #[cfg(feature = "exec")]
    pub(crate) fn without_kubelet(mut self) -> Self {
        self.0["metadata"]["annotations"] = json!({});
        self.0["status"]["conditions"] =
            json!([{"type": "Ready", "status": "True", "reason": "KubeletReady"}]);
        self
    }

    /// Created cordoned.
    pub(crate) fn cordoned(mut self) -> Self {
        self.0["spec"]["unschedulable"] = json!(true);
        self
    }

    /// Under a cordon that this program made long ago, with the control plane's taint.
    pub(crate) fn cordoned_long_ago(mut self) -> Self {
        const WHEN: &str = "2026-01-02T00:00:00Z";
        let taint = json!({
            "key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": WHEN,
        });
        push(&mut self.0["spec"]["taints"], taint);
        self.cordoned().annotation("kube-rebalancer/cordoned-at", WHEN)
    }

    /// On an instance of this name, in this zone of Compute Engine.
    pub(crate) fn on_compute_engine(mut self, project: &str, zone: &str) -> Self {
        self.0["spec"]["providerID"] = json!(format!("gce://{project}/{zone}/{}", self.name()));
        self.label("topology.kubernetes.io/zone", zone)
    }

    /// On a server of OpenStack with this ID.
    pub(crate) fn on_openstack(mut self, server: &str) -> Self {
        self.0["spec"]["providerID"] = json!(format!("openstack:///{server}"));
        self
    }

    /// On an instance of AWS with this ID, in this zone.
    #[cfg(feature = "aws")]
    pub(crate) fn on_aws(mut self, zone: &str, id: &str) -> Self {
        self.0["spec"]["providerID"] = json!(format!("aws:///{zone}/{id}"));
        self.label("topology.kubernetes.io/zone", zone)
    }

    /// On an instance of Azure with this provider ID.
    #[cfg(feature = "azure")]
    pub(crate) fn on_azure(mut self, provider_id: &str) -> Self {
        self.0["spec"]["providerID"] = json!(provider_id);
        self
    }

    pub(crate) fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        self.0.clone()
    }
}

/// A pod of one container that asks for nothing unless told otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Pod(Value);

impl Pod {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        Self(json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": {}, "annotations": {}},
            "spec": {"containers": [{"name": "main", "image": "none", "resources": {"requests": {}}}]},
        }))
    }

    pub(crate) fn memory(mut self, quantity: &str) -> Self {
        self.0["spec"]["containers"][0]["resources"]["requests"]["memory"] = json!(quantity);
        self
    }

    pub(crate) fn cpu(mut self, quantity: &str) -> Self {
        self.0["spec"]["containers"][0]["resources"]["requests"]["cpu"] = json!(quantity);
        self
    }

    pub(crate) fn label(mut self, key: &str, value: &str) -> Self {
        self.0["metadata"]["labels"][key] = json!(value);
        self
    }

    pub(crate) fn annotation(mut self, key: &str, value: &str) -> Self {
        self.0["metadata"]["annotations"][key] = json!(value);
        self
    }

    /// Takes a while to end.
    pub(crate) fn grace_period(mut self) -> Self {
        self.0["spec"]["terminationGracePeriodSeconds"] = json!(30);
        self
    }

    /// Runs only on nodes with this label.
    pub(crate) fn node_selector(mut self, key: &str, value: &str) -> Self {
        self.0["spec"]["nodeSelector"][key] = json!(value);
        self
    }

    /// Tolerates taints with this key.
    pub(crate) fn tolerates(mut self, key: &str) -> Self {
        push(&mut self.0["spec"]["tolerations"], json!({"key": key, "operator": "Exists"}));
        self
    }

    /// With a disk behind this claim.
    pub(crate) fn claim(mut self, name: &str) -> Self {
        push(
            &mut self.0["spec"]["volumes"],
            json!({"name": name, "persistentVolumeClaim": {"claimName": name}}),
        );
        self
    }

    /// Bound to this node from the beginning, past the scheduler.
    pub(crate) fn on(mut self, node: &str) -> Self {
        self.0["spec"]["nodeName"] = json!(node);
        self
    }

    /// Waiting, as the scheduler says of one that it cannot place.
    pub(crate) fn unschedulable(mut self) -> Self {
        let condition = json!({
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node has room",
        });
        self.0["status"] = json!({"phase": "Pending", "conditions": [condition]});
        self
    }

    /// Owned by a controller that is not there: for the fake, as a real garbage collector would take the pod away.
    pub(crate) fn owned_by(mut self, kind: &str, name: &str) -> Self {
        let owner =
            json!({"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": name, "controller": true});
        push(&mut self.0["metadata"]["ownerReferences"], owner);
        self
    }

    /// Has come to its end: `Succeeded` or `Failed`. The annotation makes kwok say so, once the pod runs.
    pub(crate) fn ended(mut self, phase: &str) -> Self {
        self.0["status"] = json!({"phase": phase});
        self.annotation("kwok.x-k8s.io/end", phase)
    }

    /// The phase that it comes to once it is bound.
    pub(crate) fn phase(&self) -> &str {
        self.0["status"]["phase"].as_str().unwrap_or("Running")
    }

    pub(crate) fn namespace(&self) -> &str {
        self.0["metadata"]["namespace"].as_str().unwrap()
    }

    pub(crate) fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        self.0.clone()
    }
}

/// Appends to an array that may not be there yet.
fn push(array: &mut Value, item: Value) {
    if array.is_null() {
        *array = json!([]);
    }
    array.as_array_mut().unwrap().push(item);
}
