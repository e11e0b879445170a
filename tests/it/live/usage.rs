//! What pods use, from a real metrics-server and from a real Prometheus; kwok plays the kubelets that both scrape.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Ended, Program, user};
use crate::control_plane::ControlPlane;
use crate::control_plane::client::Client;
use crate::control_plane::identity::Identity;
use crate::control_plane::metrics::{USED_CPU, USED_MEMORY};
use crate::control_plane::programs::prometheus_required;
use crate::deploy;
use crate::objects::Node;

const PATIENCE: Duration = Duration::from_mins(2);
const GIBI: u64 = 1 << 30;

/// Two nodes of 8 Gi with three users each, who request 2 Gi and use 3, and a third node under our cordon. By requests that is
/// 12 of 16 Gi, on the target; by usage 18 of 16.
fn hub() -> Option<ControlPlane> {
    let plane = ControlPlane::start().unwrap()?;
    let nodes = [Node::new("n0"), Node::new("n1"), Node::new("n2").cordoned_long_ago()];
    plane.create_nodes(&nodes.map(|node| plane.measured(&node)));
    plane.create_namespace("hub");
    for number in 0..6 {
        let pod = user(&format!("user-{number}")).memory("2Gi").annotation(USED_MEMORY, "3Gi");
        let on = if number < 3 { "n0" } else { "n1" };
        plane.create_bound_pod(&pod.annotation(USED_CPU, "250m").on(on));
    }
    Some(plane)
}

fn program<'p>(plane: &'p ControlPlane, identity: &Identity) -> Program<'p> {
    let program = Program::new(plane, identity).with("MIN_NODES", "1").with("RESOURCES", "memory");
    program.with("EMPTY_GRACE", "1h")
}

/// What the report says of usage.
fn usage(ended: &Ended) -> Value {
    ended.json()["pools"][0]["usage"].clone()
}

#[track_caller]
fn uncordons_by_usage_alone(program: &Program<'_>) {
    let dry = program.run(&["--dry-run", "-o", "json"]).must_be(0);
    let told = usage(&dry);
    assert_eq!((&told["measured"], &told["unmeasured"]), (&json!(6), &json!({})), "{}", dry.report);
    assert_eq!(told["requested"]["memoryBytes"], 12 * GIBI);
    assert_eq!(told["used"]["memoryBytes"], 18 * GIBI);
    assert_eq!(dry.story(), Vec::<String>::new(), "by requests");
    println!("{}", program.run(&["--dry-run"]).must_be(0).report);
    let larger = program.clone().with("DEMAND", "larger");
    let ended = larger.run(&["--yes", "-o", "json"]).must_be(0);
    assert_eq!(ended.story(), ["uncordon n2: applied"], "{}", ended.report);
}

/// The rules of the one role of this file in `k8s`.
fn rules(file: &str) -> Vec<Value> {
    deploy::one(&deploy::file(file), "ClusterRole")["rules"].as_array().unwrap().clone()
}

#[test]
fn a_metrics_server_tells_what_users_use() {
    let Some(plane) = hub() else { return };
    if !plane.start_metrics_server() {
        return;
    }
    plane.wait_until_measured(6);

    // The roles of k8s/base do not have it, and the run goes on; the roles of the component are enough.
    let (base, component) = (rules("base/rbac.yaml"), rules("components/usage/rbac.yaml"));
    let without = plane.create_service_account("hub", "without", &json!(base));
    let asks = |identity: &Identity| {
        let program = program(&plane, identity).with("USAGE", "metrics-server");
        program.run(&["--dry-run", "-o", "json"]).must_be(0)
    };
    let ended = asks(&without);
    assert_eq!(usage(&ended), Value::Null);
    let report = ended.json();
    let mut warnings =
        report["warnings"].as_array().unwrap().iter().filter_map(|one| one["message"].as_str());
    let start = "USAGE is not taken into account, every pod counts by its requests: GET";
    assert!(warnings.any(|one| one.starts_with(start) && one.contains("403 Forbidden")), "{report}");
    let with = plane.create_service_account("hub", "with", &json!([base, component].concat()));
    assert_eq!(usage(&asks(&with))["measured"], 6);

    uncordons_by_usage_alone(&program(&plane, &Identity::Admin).with("USAGE", "metrics-server"));
}

/// Debian's Prometheus, where `tests/monitoring/prometheus` unpacks it.
fn prometheus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/monitoring/prometheus/usr/bin/prometheus");
    if path.is_file() {
        return Some(path);
    }
    assert!(!prometheus_required(), "no {}: run tests/monitoring/prometheus", path.display());
    println!("skipped: no {}, which tests/monitoring/prometheus unpacks", path.display());
    None
}

#[test]
fn a_prometheus_tells_what_users_use() {
    let Some(prometheus) = prometheus() else { return };
    let Some(plane) = hub() else { return };
    let targets: Vec<Value> = ["n0", "n1"]
        .map(|node| {
            let (address, path) = plane.metrics_of(node);
            json!({"job_name": node, "metrics_path": path, "static_configs": [{"targets": [address]}]})
        })
        .into();
    let config = json!({"global": {"scrape_interval": "1s"}, "scrape_configs": targets});
    let url = plane.start_prometheus(&prometheus, &config);
    let client = Client::plain(&url);
    let rates = "/api/v1/query?query=rate(container_cpu_usage_seconds_total[5m])";
    plane.wait_until("Prometheus knows the rates of all users", PATIENCE, || {
        let answer = client.send(&hyper::Method::GET, rates, None).ok()?;
        // While it starts, it answers in words.
        let answer: Value = serde_json::from_str(&answer.text).ok()?;
        let series = answer["data"]["result"].as_array().map_or(0, Vec::len);
        (series == 6).then_some(())
    });
    let program = program(&plane, &Identity::Admin).with("USAGE", "prometheus");
    let nobody =
        program.clone().with("PROMETHEUS_URL", "http://127.0.0.1:1").run(&["--dry-run", "-o", "json"]);
    assert_eq!(usage(&nobody.must_be(0)), Value::Null);
    uncordons_by_usage_alone(&program.with("PROMETHEUS_URL", &url));
}

impl ControlPlane {
    /// Starts a Prometheus with this configuration, and returns its address.
    fn start_prometheus(&self, program: &Path, config: &Value) -> String {
        let file = self.directory().join("prometheus.yml");
        std::fs::write(&file, config.to_string()).unwrap();
        let port = Self::free_port();
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", self.directory().join("prometheus").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        self.spawn("prometheus", &mut command);
        format!("http://127.0.0.1:{port}")
    }
}
