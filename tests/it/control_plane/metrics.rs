//! The usage of pods, on a real control plane: kwok simulates it by annotations, and a metrics-server or a Prometheus
//! scrapes kwok.
//!
//! ```text
//! pod, kwok.x-k8s.io/usage-memory: 300Mi ──> kwok, /metrics/nodes/NODE/metrics/resource ──> metrics-server ──> API server
//! ```

use std::process::Command;

use serde_json::json;

use super::ControlPlane;
use super::flags;
use super::programs::required;
use super::start::{PATIENCE, free_ports};
use crate::objects::Node;

const PROGRAM: &str = "metrics-server";

/// The annotations of a pod that set its usage in kwok.
pub(crate) const USED_MEMORY: &str = "kwok.x-k8s.io/usage-memory";
pub(crate) const USED_CPU: &str = "kwok.x-k8s.io/usage-cpu";

impl ControlPlane {
    /// A node whose metrics kwok serves.
    pub(crate) fn measured(&self, node: &Node) -> Node {
        let path = metrics_path(node.name());
        node.clone().annotation("metrics.k8s.io/resource-metrics-path", &path).kubelet(self.kwok_port)
    }

    /// The address of a node's metrics for a Prometheus: `127.0.0.1:PORT`, and the path.
    pub(crate) fn metrics_of(&self, node: &str) -> (String, String) {
        (format!("127.0.0.1:{}", self.kwok_port), metrics_path(node))
    }

    /// Starts a metrics-server behind the API server; `false`, and the test has nothing to do, where it is not built.
    pub(crate) fn start_metrics_server(&self) -> bool {
        let program = self.program(PROGRAM);
        if !program.is_file() {
            assert!(!required(), "no {}: run tests/control-plane/build", program.display());
            return false;
        }
        let port = Self::free_port();
        let mut command = Command::new(program);
        command.args(flags::fill(flags::METRICS_SERVER, self.directory(), port));
        self.spawn(PROGRAM, &mut command);
        let service = json!({
            "metadata": {"name": PROGRAM},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        });
        self.admin().post("/api/v1/namespaces/kube-system/services", &service).success();
        let api = json!({
            "metadata": {"name": "v1beta1.metrics.k8s.io"},
            "spec": {
                "group": "metrics.k8s.io", "version": "v1beta1",
                "groupPriorityMinimum": 100, "versionPriority": 100,
                "insecureSkipTLSVerify": true,
                "service": {"name": PROGRAM, "namespace": "kube-system", "port": port},
            },
        });
        self.admin().post("/apis/apiregistration.k8s.io/v1/apiservices", &api).success();
        self.wait_until("the metrics-server answers", PATIENCE, || {
            (self.admin().get("/apis/metrics.k8s.io/v1beta1/pods").status == 200).then_some(())
        });
        true
    }

    /// A free port.
    pub(crate) fn free_port() -> u16 {
        let [port, ..] = free_ports().unwrap();
        port
    }

    /// Starts one more process, which ends with the others.
    pub(crate) fn spawn(&self, name: &'static str, command: &mut Command) {
        self.processes.lock().unwrap().spawn(name, command).unwrap();
    }

    /// Waits until the metrics-server has metrics of this number of pods.
    #[track_caller]
    pub(crate) fn wait_until_measured(&self, pods: usize) {
        self.wait_until(&format!("{pods} pods are measured"), PATIENCE, || {
            let list = self.admin().get("/apis/metrics.k8s.io/v1beta1/pods").success();
            let measured = list["items"].as_array().map_or(0, Vec::len);
            (measured >= pods).then_some(())
        });
    }
}

fn metrics_path(node: &str) -> String {
    format!("/metrics/nodes/{node}/metrics/resource")
}
