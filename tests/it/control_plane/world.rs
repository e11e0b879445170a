//! The operations of a test on a control plane: nodes, pods, service accounts, kubectl, events, waiting.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use super::ControlPlane;
use super::identity::Identity;
use crate::objects::{Node, Pod};

/// The time limit for a step of the controllers that usually takes a second.
const PATIENCE: Duration = Duration::from_mins(1);

impl ControlPlane {
    /// Repeats a question for at most `timeout` until there is an answer, and returns it. Without an answer the test
    /// fails and shows the ends of the logs.
    #[track_caller]
    #[expect(clippy::panic, reason = "a test that waits in vain fails")]
    pub(crate) fn wait_until<T>(
        &self,
        description: &str,
        timeout: Duration,
        ask: impl FnMut() -> Option<T>,
    ) -> T {
        match fake_http::waiting::until(description, timeout, ask) {
            Ok(answer) => answer,
            Err(error) => {
                panic!("{error}; the ends of the logs:\n{}", self.processes.lock().unwrap().log_tails())
            }
        }
    }

    /// Creates a node that kwok plays, and waits until it is Ready and takes pods.
    #[track_caller]
    pub(crate) fn create_node(&self, node: &Node) {
        self.create_nodes(std::slice::from_ref(node));
    }

    /// Creates nodes, and only then waits for them all.
    #[track_caller]
    pub(crate) fn create_nodes(&self, nodes: &[Node]) {
        for node in nodes {
            self.admin().post("/api/v1/nodes", &node.json()).success();
        }
        for node in nodes {
            let description = format!("node {} is Ready", node.name());
            self.wait_until(&description, PATIENCE, || is_in_service(&self.node(node.name())).then_some(()));
        }
    }

    /// The node as it is now.
    #[track_caller]
    pub(crate) fn node(&self, name: &str) -> Value {
        self.admin().get(&format!("/api/v1/nodes/{name}")).success()
    }

    /// Cordons a node as this program would have done long ago.
    pub(crate) fn cordon_long_ago(&self, name: &str) {
        let cordoned = Node::new(name).cordoned_long_ago().json();
        let mut patch = json!({"metadata": {"annotations": cordoned["metadata"]["annotations"]}});
        patch["spec"] = cordoned["spec"].clone();
        self.admin().patch(&format!("/api/v1/nodes/{name}"), &patch).success();
    }

    /// Creates a namespace, and waits until pods can be made in it.
    #[track_caller]
    pub(crate) fn create_namespace(&self, name: &str) {
        self.admin().post("/api/v1/namespaces", &json!({"metadata": {"name": name}})).success();
        let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        self.wait_until(&format!("namespace {name} has its service account"), PATIENCE, || {
            (self.admin().get(&account).status == 200).then_some(())
        });
    }

    /// Creates a disk, which only nodes with a label can use or all, and a claim that is bound to it.
    #[track_caller]
    pub(crate) fn create_disk(&self, namespace: &str, claim: &str, place: Option<(&str, &str)>) {
        let name = self.unique("disk");
        let mut volume = json!({
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "claimRef": {"namespace": namespace, "name": claim},
            "hostPath": {"path": "/nowhere"},
        });
        if let Some((label, value)) = place {
            let term = json!({"key": label, "operator": "In", "values": [value]});
            volume["nodeAffinity"] =
                json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}});
        }
        let volume = json!({"metadata": {"name": name}, "spec": volume});
        self.admin().post("/api/v1/persistentvolumes", &volume).success();
        let spec = json!({
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "resources": {"requests": {"storage": "1Gi"}},
            "volumeName": name,
        });
        let claims = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims");
        self.admin().post(&claims, &json!({"metadata": {"name": claim}, "spec": spec})).success();
        self.wait_until(&format!("claim {namespace}/{claim} is bound"), PATIENCE, || {
            let now = self.admin().get(&format!("{claims}/{claim}")).success();
            (now["status"]["phase"] == "Bound").then_some(())
        });
    }

    /// Waits until the scheduler has said of a pod that no node takes it.
    #[track_caller]
    pub(crate) fn wait_until_refused(&self, namespace: &str, name: &str) {
        let path = pod_path(namespace, name);
        self.wait_until(&format!("pod {namespace}/{name} is refused"), PATIENCE, || {
            let pod = self.admin().get(&path).success();
            let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
            conditions.any(|one| one["type"] == "PodScheduled" && one["status"] == "False").then_some(())
        });
    }

    /// Creates a pod and leaves it to the scheduler.
    #[track_caller]
    pub(crate) fn create_pod(&self, pod: &Pod) {
        self.admin().post(&format!("/api/v1/namespaces/{}/pods", pod.namespace()), &pod.json()).success();
    }

    /// Creates a pod, waits until it runs (or has [ended](Pod::ended)), and returns the name of its node.
    #[track_caller]
    pub(crate) fn create_bound_pod(&self, pod: &Pod) -> String {
        self.create_pod(pod);
        let description = format!("pod {}/{} is {}", pod.namespace(), pod.name(), pod.phase());
        self.wait_until(&description, PATIENCE, || {
            let now = self.admin().get(&pod_path(pod.namespace(), pod.name())).success();
            let node = now["spec"]["nodeName"].as_str()?.to_owned();
            (now["status"]["phase"] == pod.phase()).then_some(node)
        })
    }

    /// Deletes a pod and waits until it is gone.
    #[track_caller]
    pub(crate) fn delete_pod(&self, namespace: &str, name: &str) {
        let path = pod_path(namespace, name);
        self.admin().delete(&path).success();
        self.wait_until(&format!("pod {namespace}/{name} is gone"), PATIENCE, || {
            (self.admin().get(&path).status == 404).then_some(())
        });
    }

    /// All events, of whatever object, as `kubectl get events -A` shows them.
    #[track_caller]
    pub(crate) fn events(&self) -> Vec<Value> {
        let list = self.admin().get("/apis/events.k8s.io/v1/events").success();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// Creates a service account in an existing namespace, grants it the `rules` of a `ClusterRole` in the whole cluster,
    /// and waits until they are in effect.
    #[track_caller]
    pub(crate) fn create_service_account(&self, namespace: &str, name: &str, rules: &Value) -> Identity {
        let account = json!({"metadata": {"name": name}});
        self.admin().post(&format!("/api/v1/namespaces/{namespace}/serviceaccounts"), &account).success();
        let role = format!("{namespace}-{name}");
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        self.admin()
            .post(&format!("{rbac}/clusterroles"), &json!({"metadata": {"name": role}, "rules": rules}))
            .success();
        let binding = json!({
            "metadata": {"name": role},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": name}],
        });
        self.admin().post(&format!("{rbac}/clusterrolebindings"), &binding).success();

        let request = json!({"spec": {"expirationSeconds": 3600}});
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let token =
            self.admin().post(&path, &request).success()["status"]["token"].as_str().unwrap().to_owned();
        let identity = Identity::Token(token);
        for rule in rules.as_array().into_iter().flatten() {
            self.wait_until_allowed(&identity, rule);
        }
        identity
    }

    /// The API server learns of new roles a moment after they are written.
    #[track_caller]
    fn wait_until_allowed(&self, identity: &Identity, rule: &Value) {
        let client = self.client_of(identity);
        let attributes = json!({
            "verb": rule["verbs"][0],
            "group": rule["apiGroups"][0],
            "resource": rule["resources"][0],
        });
        let review = json!({"spec": {"resourceAttributes": attributes}});
        self.wait_until(&format!("{attributes} is allowed"), PATIENCE, || {
            let answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review);
            (answer.success()["status"]["allowed"] == true).then_some(())
        });
    }

    /// Makes etcd and, some ten seconds later, the API server forget the cluster's first revision, as they do by
    /// themselves every five minutes with older ones. Nobody can hold a continue token of that one.
    pub(crate) fn forget_first_revision(&self) {
        // "compact_rev_key" = "2" in base64: where API servers tell each other how far etcd is compacted.
        self.etcd("/v3/kv/compaction", r#"{"revision": "2"}"#);
        self.etcd("/v3/kv/put", r#"{"key": "Y29tcGFjdF9yZXZfa2V5", "value": "Mg=="}"#);
    }

    /// A request to etcd's JSON gateway.
    fn etcd(&self, path: &str, body: &str) {
        let mut socket = UnixStream::connect(self.directory().join("etcd.sock")).unwrap();
        let length = body.len();
        write!(socket, "POST {path} HTTP/1.1\r\nHost: etcd\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }

    /// The path of one of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs.path(name)
    }

    /// Runs kubectl as the admin.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Output {
        Command::new(self.program("kubectl"))
            .args(arguments)
            .env("KUBECONFIG", self.directory().join("admin.kubeconfig"))
            .env("HOME", self.directory())
            .output()
            .unwrap()
    }
}

fn pod_path(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/pods/{name}")
}

/// Ready, and without the taint that it was born with.
fn is_in_service(node: &Value) -> bool {
    let array = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let ready =
        array(&node["status"]["conditions"]).iter().any(|it| it["type"] == "Ready" && it["status"] == "True");
    let tainted = array(&node["spec"]["taints"]).iter().any(|it| it["key"] == "node.kubernetes.io/not-ready");
    ready && !tainted
}
