//! A dump of a large cluster as `kubectl get nodes,pods,pv -A -o json` prints it (indented by four), generated while it is
//! read: no file of a gigabyte is needed, and the generation costs little more than a copy.

use std::io::{self, Read, Write};

use serde::Serialize;
use serde_json::{Value, json};

/// The placeholders of the templates, for the text that differs from object to object.
pub(crate) const NAME: &str = "@name@";
pub(crate) const NODE: &str = "@node@";

/// The distance between two pods of daemons: every tenth pod is a daemon's.
const DAEMON_EVERY: usize = 10;

/// The dump, as a stream.
pub(crate) struct Dump {
    nodes: usize,
    pods: usize,
    next: usize,
    node: Template,
    user: Template,
    daemon: Template,
    buffer: Vec<u8>,
    position: usize,
}

impl Dump {
    /// A dump with `nodes` and `pods`. `bulk` multiplies the environment variables, which the program ignores.
    pub(crate) fn new(nodes: usize, pods: usize, bulk: usize) -> Self {
        let begin = b"{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n".to_vec();
        Self {
            nodes,
            pods,
            next: 0,
            node: Template::new(&node()),
            user: Template::new(&user_pod(15 * bulk)),
            daemon: Template::new(&daemon_pod()),
            buffer: begin,
            position: 0,
        }
    }

    /// The length in bytes.
    pub(crate) fn length(mut self) -> u64 {
        io::copy(&mut self, &mut io::sink()).expect("a dump has no errors")
    }

    /// Generates the next object, or the end; an empty buffer means that there is no further one.
    fn refill(&mut self) {
        self.buffer.clear();
        self.position = 0;
        let number = self.next;
        self.next += 1;
        let all = self.nodes + self.pods;
        if number > all {
            return;
        }
        if number == all {
            let end = "\n    ],\n    \"kind\": \"List\",\n    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n";
            self.buffer.extend_from_slice(end.as_bytes());
            return;
        }
        if number > 0 {
            self.buffer.extend_from_slice(b",\n");
        }
        let template = match number.checked_sub(self.nodes) {
            None => &self.node,
            Some(pod) if pod % DAEMON_EVERY == 0 => &self.daemon,
            Some(_) => &self.user,
        };
        template.write(number, number % self.nodes, &mut self.buffer);
    }
}

impl Read for Dump {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.position == self.buffer.len() {
            self.refill();
        }
        let mut rest = self.buffer.get(self.position..).unwrap_or_default();
        let count = rest.read(target)?;
        self.position += count;
        Ok(count)
    }
}

/// An object, cut at the places of a name.
struct Template(Vec<Piece>);

enum Piece {
    Text(Vec<u8>),
    Name,
    Node,
}

impl Template {
    fn new(object: &Value) -> Self {
        let mut json = Vec::new();
        let format = serde_json::ser::PrettyFormatter::with_indent(b"    ");
        object.serialize(&mut serde_json::Serializer::with_formatter(&mut json, format)).expect("JSON");
        let text = String::from_utf8(json).expect("UTF-8");
        // The items of the list are two levels in.
        let text = text.lines().map(|line| format!("        {line}")).collect::<Vec<_>>().join("\n");
        let mut pieces = Vec::new();
        let text_piece = |text: &str| Piece::Text(text.as_bytes().to_vec());
        for (index, part) in text.split(NAME).enumerate() {
            if index > 0 {
                pieces.push(Piece::Name);
            }
            for (index, part) in part.split(NODE).enumerate() {
                if index > 0 {
                    pieces.push(Piece::Node);
                }
                pieces.push(text_piece(part));
            }
        }
        Self(pieces)
    }

    fn write(&self, name: usize, node: usize, target: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => target.extend_from_slice(text),
                Piece::Name => write!(target, "{name:06}").expect("a vector takes it"),
                Piece::Node => write!(target, "{node:06}").expect("a vector takes it"),
            }
        }
    }
}

pub(crate) fn node() -> Value {
    let condition = |kind: &str, status: &str| {
        json!({
            "lastHeartbeatTime": "2026-01-15T08:59:30Z", "lastTransitionTime": "2026-01-10T08:00:00Z",
            "message": "kubelet has sufficient everything that this condition is about", "reason": "KubeletHasEnough",
            "status": status, "type": kind,
        })
    };
    let image = |number: usize| {
        let name = format!("europe-docker.pkg.dev/project/hub/image-{number}");
        json!({"names": [format!("{name}@sha256:{number:064x}"), format!("{name}:v1.{number}")], "sizeBytes": 123_456_789})
    };
    let amounts = |memory: &str, cpu: &str| json!({"cpu": cpu, "ephemeral-storage": "98831908Ki", "hugepages-2Mi": "0", "memory": memory, "pods": "110"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
            "creationTimestamp": "2026-01-10T08:00:00Z",
            "labels": {
                "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
                "cloud.google.com/gke-nodepool": "users", "kubernetes.io/hostname": format!("gke-users-{NAME}"),
                "node.kubernetes.io/instance-type": "n2-highmem-8", "topology.kubernetes.io/region": "europe-west4",
                "topology.kubernetes.io/zone": "europe-west4-a",
            },
            "name": format!("gke-users-{NODE}"), "resourceVersion": format!("63{NAME}"),
            "uid": format!("5d3e31aa-5785-11e7-a7c8-{NAME}000000"),
        },
        "spec": {"podCIDR": "10.44.4.0/24", "providerID": format!("gce://project/europe-west4-a/gke-users-{NAME}")},
        "status": {
            "addresses": [{"address": "10.128.0.6", "type": "InternalIP"}],
            "allocatable": amounts("59430276Ki", "7910m"), "capacity": amounts("65951108Ki", "8"),
            "conditions": [
                condition("MemoryPressure", "False"), condition("DiskPressure", "False"),
                condition("PIDPressure", "False"), condition("Ready", "True"),
            ],
            "images": (0..10).map(image).collect::<Vec<_>>(),
            "nodeInfo": {"kernelVersion": "6.6.72+", "kubeletVersion": "v1.33.5-gke.1308000", "operatingSystem": "linux"},
        },
    })
}

fn status() -> Value {
    let condition = |kind: &str| {
        json!({
            "lastProbeTime": null, "lastTransitionTime": "2026-01-15T08:00:00Z", "observedGeneration": 1,
            "status": "True", "type": kind,
        })
    };
    json!({
        "conditions": [
            condition("PodReadyToStartContainers"), condition("Initialized"), condition("Ready"),
            condition("ContainersReady"), condition("PodScheduled"),
        ],
        "containerStatuses": [{
            "containerID": format!("containerd://{:064x}", 1), "image": "europe-docker.pkg.dev/project/hub/user:v1",
            "imageID": format!("europe-docker.pkg.dev/project/hub/user@sha256:{:064x}", 2), "lastState": {},
            "name": "notebook", "ready": true, "restartCount": 0, "started": true,
            "state": {"running": {"startedAt": "2026-01-15T08:00:12Z"}},
        }],
        "hostIP": "10.128.0.6", "phase": "Running", "podIP": "10.44.4.17", "podIPs": [{"ip": "10.44.4.17"}],
        "qosClass": "Burstable", "startTime": "2026-01-15T08:00:00Z",
    })
}

pub(crate) fn user_pod(variables: usize) -> Value {
    let environment: Vec<_> = (0..variables)
        .map(|number| json!({"name": format!("JUPYTERHUB_SETTING_{number}"), "value": format!("/user/ada/{number}")}))
        .collect();
    let toleration = |key: &str| json!({"effect": "NoExecute", "key": key, "operator": "Exists", "tolerationSeconds": 300});
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "annotations": {"hub.jupyter.org/username": format!("user-{NAME}")},
            "creationTimestamp": "2026-01-15T08:00:00Z",
            "labels": {
                "app": "jupyterhub", "chart": "jupyterhub-3.3.8", "component": "singleuser-server", "heritage": "jupyterhub",
                "hub.jupyter.org/network-access-hub": "true", "hub.jupyter.org/username": format!("user-{NAME}"),
            },
            "name": format!("jupyter-user-{NAME}"), "namespace": "hub", "resourceVersion": format!("64{NAME}"),
            "uid": format!("1a090922-5785-11e7-a7c8-{NAME}000000"),
        },
        "spec": {
            "containers": [{
                "args": ["jupyterhub-singleuser", "--ip=0.0.0.0"], "env": environment,
                "image": "europe-docker.pkg.dev/project/hub/user:v1", "imagePullPolicy": "IfNotPresent", "name": "notebook",
                "ports": [{"containerPort": 8888, "name": "notebook-port", "protocol": "TCP"}],
                "resources": {"limits": {"cpu": "2", "memory": "2Gi"}, "requests": {"cpu": "50m", "memory": "1Gi"}},
                "volumeMounts": [{"mountPath": "/home/jovyan", "name": "home"}],
            }],
            "initContainers": [{
                "command": ["iptables", "-A", "OUTPUT", "-j", "DROP"], "image": "jupyterhub/k8s-network-tools:3.3.8",
                "name": "block-cloud-metadata", "resources": {}, "securityContext": {"privileged": true, "runAsUser": 0},
            }],
            "nodeName": format!("gke-users-{NODE}"), "restartPolicy": "OnFailure", "schedulerName": "default-scheduler",
            "tolerations": [toleration("node.kubernetes.io/not-ready"), toleration("node.kubernetes.io/unreachable")],
            "volumes": [{"name": "home", "persistentVolumeClaim": {"claimName": format!("claim-{NAME}")}}],
        },
        "status": status(),
    })
}

fn daemon_pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "creationTimestamp": "2026-01-15T08:00:00Z", "generateName": "fluentbit-gke-",
            "labels": {"component": "fluentbit-gke", "controller-revision-hash": "6d9f8", "k8s-app": "fluentbit-gke"},
            "name": format!("fluentbit-gke-{NAME}"), "namespace": "kube-system",
            "ownerReferences": [{
                "apiVersion": "apps/v1", "blockOwnerDeletion": true, "controller": true, "kind": "DaemonSet",
                "name": "fluentbit-gke", "uid": "0d98bd1c-1f5a-11e7-9f44-42010af0002a",
            }],
            "uid": format!("2b090922-5785-11e7-a7c8-{NAME}000000"),
        },
        "spec": {
            "containers": [{
                "image": "gke.gcr.io/fluent-bit:v1", "name": "fluentbit",
                "resources": {"limits": {"memory": "250Mi"}, "requests": {"cpu": "50m", "memory": "100Mi"}},
            }],
            "nodeName": format!("gke-users-{NODE}"),
            "volumes": [{"hostPath": {"path": "/var/log", "type": ""}, "name": "varlog"}],
        },
        "status": status(),
    })
}
