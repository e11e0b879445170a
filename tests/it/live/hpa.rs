//! Beside an HPA: it scales a Deployment out, pods wait, nodes come; it scales in, and nodes are given back.
//!
//! Control plane, HPA controller and metrics-server are real. kwok plays the kubelets, Compute Engine is a fake whose instances
//! become nodes of 8 Gi and 4 processors. Each pod of the Deployment requests a processor, and together they use what the test
//! says.

use std::collections::BTreeMap;
use std::time::Duration;

use fake_gce::Cause;
use hyper::Method;
use serde_json::{Value, json};

use super::Program;
use super::hub::{Hub, program};
use super::old_cordons::cordons_get_old;
use crate::control_plane::metrics::USED_CPU;

/// A busy machine scrapes late.
const PATIENCE: Duration = Duration::from_mins(3);

const REPLICAS: usize = 16;

#[test]
fn what_an_hpa_scales_out_gets_nodes_and_what_it_scales_in_gives_them_back() {
    let Some(hub) = Hub::start_measured(Duration::from_millis(500)) else { return };
    // The pods of the Deployment carry a key of PREEMPTIBLE_LABELS, so they do not make their nodes critical.
    let program = program(&hub.plane, &hub.gce).with("MAX_NODES", "20").with("USAGE", "metrics-server");
    let web = Web { hub: &hub, program, labels: json!({"app": "web", "user": "web"}), minimum: 2 };
    println!("{HEAD}");
    web.deploy();
    web.wait_for("two replicas run", |web| web.running() == 2);
    web.run("quiet");
    assert_eq!(web.nodes(), 3);

    web.scales_out();
    web.scales_in();
    for number in 1..=5 {
        web.run(&format!("quiet again, run {number}"));
        web.hub.world.settle();
        cordons_get_old(&hub.plane);
        if web.nodes() == 3 {
            break;
        }
    }
    assert_eq!(web.nodes(), 3, "MIN_NODES");
    assert_eq!(web.running(), 2);
    web.loses_no_node_but_by_deletions();
}

/// The pods carry no key of `PREEMPTIBLE_LABELS`, so without `DRAIN` each of them would keep its node for good. The HPA leaves
/// eight replicas, on all nodes: more than they need.
#[test]
fn with_drain_the_replicas_that_an_hpa_leaves_are_moved_together_one_at_a_time() {
    let Some(hub) = Hub::start_measured(Duration::from_millis(500)) else { return };
    let program = program(&hub.plane, &hub.gce).with("MAX_NODES", "20").with("DRAIN", "movable");
    let web = Web { hub: &hub, program, labels: json!({"app": "web"}), minimum: 8 };
    println!("{HEAD}");
    web.deploy();
    web.wait_for("eight replicas run", |web| web.running() == 8);
    web.run("quiet");
    assert_eq!(web.nodes(), 3);
    web.scales_out();
    web.keeps_some_on_every_node();
    web.scales_in();
    let mut evicted = 0;
    for number in 1..=20 {
        let by_this_run = web.run(&format!("quiet again, run {number}"));
        assert!(by_this_run <= 1, "of one controller one pod goes at a time");
        evicted += by_this_run;
        web.hub.world.settle();
        web.wait_for("eight replicas run", |web| web.running() == 8 && web.pods().len() == 8);
        cordons_get_old(&hub.plane);
        if web.nodes() == 3 {
            break;
        }
    }
    assert_eq!(web.nodes(), 3, "MIN_NODES");
    assert!(evicted > 0, "the replicas are on three nodes anyway");
    web.loses_no_node_but_by_deletions();
}

const HEAD: &str =
    "run                   replicas  wait  requested  used  uncordon  grow  cordon  evict  delete  nodes";

struct Web<'h> {
    hub: &'h Hub,
    program: Program<'h>,
    /// Of its pods.
    labels: Value,
    /// The fewest replicas.
    minimum: usize,
}

impl Web<'_> {
    /// Until every replica of the most that the HPA may ask for runs.
    fn scales_out(&self) {
        self.wait_for("the HPA has scaled out", |web| {
            web.load(16_000);
            web.pods().len() == REPLICAS
        });
        self.wait_for("the scheduler has refused a pod", |web| web.waiting() > 0);
        for number in 1..=4 {
            self.run(&format!("load, run {number}"));
            self.hub.world.settle();
            if self.waiting() == 0 {
                break;
            }
        }
        self.wait_for("every replica runs", |web| web.running() == REPLICAS);
        // 16 processors of the Deployment are more than the 12 of three nodes.
        assert!(self.nodes() >= 5, "{}", self.nodes());
    }

    fn scales_in(&self) {
        self.wait_for("the HPA has scaled in", |web| {
            web.load(300);
            web.pods().len() == web.minimum
        });
    }

    /// Keeps some pods of each node when the HPA scales in: the others are cheaper to delete.
    fn keeps_some_on_every_node(&self) {
        let mut by_node: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for pod in self.pods() {
            by_node.entry(pod["spec"]["nodeName"].as_str().unwrap().to_owned()).or_default().push(pod);
        }
        let most = by_node.values().map(Vec::len).max().unwrap();
        let turns = (0..most).flat_map(|turn| by_node.values().filter_map(move |pods| pods.get(turn)));
        for pod in turns.take(self.minimum) {
            let patch =
                json!({"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": "100"}}});
            let url = format!("/api/v1/namespaces/hub/pods/{}", pod["metadata"]["name"].as_str().unwrap());
            self.hub.plane.admin().patch(&url, &patch).success();
        }
    }

    fn loses_no_node_but_by_deletions(&self) {
        let losses = self.hub.gce.losses();
        let others: Vec<_> = losses.into_iter().filter(|loss| loss.cause != Cause::DeleteInstances).collect();
        assert!(others.is_empty(), "{others:?}");
    }

    /// A Deployment with the fewest replicas, and an HPA that keeps them at a fifth of their request.
    fn deploy(&self) {
        let labels = &self.labels;
        let container = json!({
            "name": "main", "image": "none", "resources": {"requests": {"cpu": "1", "memory": "256Mi"}},
        });
        let template = json!({
            "metadata": {"labels": labels, "annotations": {USED_CPU: "100m"}},
            "spec": {"containers": [container]},
        });
        let deployment = json!({
            "metadata": {"name": "web"},
            "spec": {"replicas": self.minimum, "selector": {"matchLabels": {"app": "web"}}, "template": template},
        });
        let admin = self.hub.plane.admin();
        admin.post("/apis/apps/v1/namespaces/hub/deployments", &deployment).success();
        let fast = |size: &str, value: usize| {
            json!({
                "stabilizationWindowSeconds": 0,
                "policies": [{"type": size, "value": value, "periodSeconds": 15}],
            })
        };
        let target = json!({"type": "Utilization", "averageUtilization": 20});
        let hpa = json!({
            "metadata": {"name": "web"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "minReplicas": self.minimum,
                "maxReplicas": REPLICAS,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
                "behavior": {"scaleUp": fast("Pods", REPLICAS), "scaleDown": fast("Percent", 100)},
            },
        });
        admin.post("/apis/autoscaling/v2/namespaces/hub/horizontalpodautoscalers", &hpa).success();
    }

    fn pods(&self) -> Vec<Value> {
        let list =
            self.hub.plane.admin().get("/api/v1/namespaces/hub/pods?labelSelector=app%3Dweb").success();
        let pods = list["items"].as_array().unwrap().iter();
        pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).cloned().collect()
    }

    fn running(&self) -> usize {
        self.pods().iter().filter(|pod| pod["status"]["phase"] == "Running").count()
    }

    /// The number of pods that the scheduler has refused.
    fn waiting(&self) -> usize {
        let refused = |pod: &&Value| {
            let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
            conditions.any(|one| one["type"] == "PodScheduled" && one["status"] == "False")
        };
        self.pods().iter().filter(refused).count()
    }

    /// Shares a load of processor time, in thousandths, among the pods, of which none uses more than it requests; new ones take
    /// their share as they are seen.
    fn load(&self, millicores: usize) {
        let pods = self.pods();
        let share = (millicores / pods.len().max(1)).min(1000);
        let share = format!("{share}m");
        for pod in pods.iter().filter(|pod| pod["metadata"]["annotations"][USED_CPU] != share.as_str()) {
            let name = pod["metadata"]["name"].as_str().unwrap();
            let patch = json!({"metadata": {"annotations": {USED_CPU: share}}});
            // It may be gone by now.
            let url = format!("/api/v1/namespaces/hub/pods/{name}");
            self.hub.plane.admin().send(&Method::PATCH, &url, Some(&patch)).unwrap();
        }
    }

    fn wait_for(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        self.hub.plane.wait_until(what, PATIENCE, || condition(self).then_some(()));
    }

    fn nodes(&self) -> usize {
        self.hub.gce.group(&self.hub.pool).unwrap().target_size
    }

    /// Runs the program once and prints a line; the number of its evictions.
    fn run(&self, what: &str) -> u64 {
        let (replicas, waiting) = (self.pods().len(), self.waiting());
        let ended = self.program.run(&["--yes", "-o", "json"]).must_be(0);
        let report = ended.json();
        let done = |verb: &str| -> u64 {
            let actions = report["actions"].as_array().unwrap().iter().filter(|one| one["action"] == verb);
            let size = |action: &Value| match verb {
                "grow" => action["to"].as_u64().unwrap() - action["from"].as_u64().unwrap(),
                _ => 1,
            };
            actions.map(size).sum()
        };
        let cores = |of: &str| {
            let millicores = report["pools"][0]["usage"][of]["cpuMillicores"].as_u64();
            millicores.map_or("-".to_owned(), |one| format!("{}.{}", one / 1000, one % 1000 / 100))
        };
        println!(
            "{what:<20}  {replicas:>8}  {waiting:>4}  {:>9}  {:>4}  {:>8}  {:>4}  {:>6}  {:>5}  {:>6}  {:>5}",
            cores("requested"),
            cores("used"),
            done("uncordon"),
            done("grow"),
            done("cordon"),
            done("evict"),
            done("delete"),
            self.nodes(),
        );
        done("evict")
    }
}
