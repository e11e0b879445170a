//! Two replicas on two cordoned nodes: one of the nodes goes, and the other one stays for as long as the replica that was
//! on the first has not come up elsewhere.

use std::sync::Arc;
use std::time::Duration;

use fake_gce::{FakeGce, Group, Machine, Options, Timing};
use serde_json::{Value, json};

use super::{Program, user};
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::gce_world::{GceWorld, node_of};
use crate::objects::Node;

const PATIENCE: Duration = Duration::from_mins(1);
const SYSTEM_PODS: &str = "/api/v1/namespaces/kube-system/pods";

/// The nodes of the group `dns` are the only ones on which the replicas may run.
fn shape(machine: &Machine) -> Node {
    let of_dns = machine.created_by.as_ref().is_some_and(|group| group.name == "dns");
    let node = node_of(machine);
    if of_dns { node.label("dns", "here") } else { node }
}

impl ControlPlane {
    /// Two replicas in kube-system that never share a node.
    fn create_dns(&self) {
        let labels = json!({"app": "dns"});
        let apart =
            json!({"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"});
        let pod = json!({
            "nodeSelector": {"dns": "here"},
            "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}},
            "containers": [{"name": "main", "image": "none"}],
        });
        let deployment = json!({
            "metadata": {"name": "dns"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod},
            },
        });
        self.admin().post("/apis/apps/v1/namespaces/kube-system/deployments", &deployment).success();
        self.wait_until("both replicas are Ready", PATIENCE, || {
            (self.ready_replicas().len() == 2).then_some(())
        });
    }

    fn replicas(&self) -> Vec<Value> {
        let pods = self.admin().get(&format!("{SYSTEM_PODS}?labelSelector=app%3Ddns")).success();
        pods["items"].as_array().unwrap().clone()
    }

    /// The nodes of the replicas that are Ready.
    fn ready_replicas(&self) -> Vec<String> {
        let ready = |pod: &&Value| {
            let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
            conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
        };
        let replicas = self.replicas();
        let nodes = replicas.iter().filter(ready).filter_map(|pod| pod["spec"]["nodeName"].as_str());
        nodes.map(str::to_owned).collect()
    }
}

#[test]
fn the_node_of_the_last_live_replica_stays_run_after_run() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let plane = Arc::new(plane);
    let gce = Arc::new(FakeGce::start(Options { timing: Timing::default(), ..Options::default() }).unwrap());
    gce.add_group(Group::zonal("my-project", "us-central1-a", "users").size(1));
    let dns = gce.add_group(Group::zonal("my-project", "us-central1-a", "dns").size(2));
    let world = GceWorld::join(Arc::clone(&gce), Arc::clone(&plane), Duration::from_millis(100), shape);
    world.settle();
    plane.create_dns();
    let (of_dns, of_users): (Vec<Value>, Vec<Value>) =
        plane.nodes().into_iter().partition(|node| node["metadata"]["labels"]["dns"] == "here");
    let users = super::name_of(&of_users[0]);
    plane.create_namespace("hub");
    // 6 of the 8 Gi that serve: on the target.
    plane.create_bound_pod(&user("ada").memory("6Gi").on(&users));
    for node in &of_dns {
        plane.cordon_long_ago(&super::name_of(node));
    }
    let program = Program::new(&plane, &Identity::Admin)
        .with("MIN_NODES", "1")
        .with("GCE_METADATA_HOST", &gce.address().to_string())
        .with("COMPUTE_ENDPOINT", &gce.url());
    let run = || program.run(&["--yes", "-o", "json"]).must_be(0);

    let ended = run();
    let story = ended.story();
    assert_eq!(story.len(), 1, "{story:?} {}", ended.report);
    let gone =
        story[0].strip_prefix("delete ").and_then(|told| told.strip_suffix(": applied")).unwrap().to_owned();
    let stays = super::name_of(of_dns.iter().find(|node| super::name_of(node) != gone).unwrap());
    world.settle();
    // The control plane does this by itself within some minutes.
    for pod in plane.replicas().iter().filter(|pod| pod["spec"]["nodeName"] == gone.as_str()) {
        let path = format!("{SYSTEM_PODS}/{}?gracePeriodSeconds=0", super::name_of(pod));
        plane.admin().delete(&path).success();
    }
    let waiting = plane.wait_until("the replica waits anew", PATIENCE, || {
        let waits = |pod: &&Value| {
            pod["spec"]["nodeName"].is_null() && pod["metadata"]["deletionTimestamp"].is_null()
        };
        plane.replicas().iter().find(waits).map(super::name_of)
    });
    plane.wait_until_refused("kube-system", &waiting);
    assert_eq!(plane.ready_replicas(), std::slice::from_ref(&stays));

    for _ in 0..4 {
        let ended = run();
        assert_eq!(ended.story(), Vec::<String>::new(), "{}", ended.report);
        let report = ended.json();
        let mut nodes = report["nodes"].as_array().unwrap().iter();
        let verdict = nodes.find(|node| node["name"] == stays.as_str()).unwrap();
        assert_eq!(verdict["verdict"], "keep", "{verdict}");
        assert!(verdict["message"].as_str().unwrap().contains("kube-system/dns-"), "{verdict}");
    }
    assert_eq!(gce.group(&dns).unwrap().target_size, 1);

    // Once it is up elsewhere, the second node may go too.
    plane
        .admin()
        .patch(&format!("/api/v1/nodes/{users}"), &json!({"metadata": {"labels": {"dns": "here"}}}))
        .success();
    plane.wait_until("the replica is up elsewhere", PATIENCE, || {
        (plane.ready_replicas().len() == 2).then_some(())
    });
    assert_eq!(run().story(), [format!("delete {stays}: applied")]);
}
