//! The job of an overlay from end to end: created from the CronJob, scheduled by the scheduler, run with the permissions
//! of its service account.

use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};

use super::{OVERLAYS, objects, one};
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::objects::{Node, Pod};

const PURPOSE: &str = "hub.jupyter.org/node-purpose";
const DEDICATED: &str = "hub.jupyter.org/dedicated";

/// A hub at nine in the morning: its own node has room, both nodes that take users are full, a third one is cordoned.
fn hub(plane: &ControlPlane) {
    plane.create_nodes(&[
        Node::new("core").label(PURPOSE, "core").taint(DEDICATED, "core", "NoSchedule"),
        Node::new("user-0").label(PURPOSE, "user"),
        Node::new("user-1").label(PURPOSE, "user"),
        Node::new("user-2").label(PURPOSE, "user").cordoned_long_ago(),
    ]);
    plane.create_namespace("hub");
    plane.create_bound_pod(&Pod::new("hub", "hub").memory("1Gi").label("component", "hub").on("core"));
    for (node, names) in [("user-0", ["ada", "grace"]), ("user-1", ["alan", "edsger"])] {
        for name in names {
            let pod = Pod::new("hub", &format!("jupyter-{name}")).memory("4Gi").on(node);
            let pod = pod.label("component", "singleuser-server").label("hub.jupyter.org/username", name);
            plane.create_bound_pod(&pod);
        }
    }
}

impl ControlPlane {
    /// Makes a job from the CronJob, as an operator does, and returns its pod once a node has got it.
    fn job_of_the_cron_job(&self, name: &str) -> Value {
        let namespace = ["--namespace", "kube-rebalancer"];
        let output = self
            .kubectl(&[&["create", "job", name, "--from=cronjob/kube-rebalancer"], &namespace[..]].concat());
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let pods = format!(
            "/api/v1/namespaces/kube-rebalancer/pods?labelSelector=batch.kubernetes.io%2Fjob-name%3D{name}"
        );
        self.wait_until("the job's pod has a node", Duration::from_mins(1), || {
            let pods = self.admin().get(&pods).success();
            let pod = pods["items"][0].clone();
            pod["spec"]["nodeName"].is_string().then_some(pod)
        })
    }

    fn is_cordoned(&self, node: &str) -> bool {
        self.node(node)["spec"]["unschedulable"] == true
    }
}

/// The records of a log in JSON.
fn records(output: &Output) -> Vec<Value> {
    let log = String::from_utf8_lossy(&output.stderr);
    log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn plan_of(output: &Output) -> Value {
    let plans: Vec<Value> = records(output)
        .into_iter()
        .filter(|record| !record["plan"].is_null())
        .map(|mut record| record["plan"].take())
        .collect();
    assert_eq!(plans.len(), 1, "{output:?}");
    plans[0].clone()
}

/// The overlay for a hub whose machines are of no cloud: no group is named.
fn filled_in(plane: &ControlPlane, overlay: &str) -> String {
    plane.filled_in(overlay).replace("  NODE_GROUPS: gke-hub-users\n", "")
}

#[test]
fn the_job_for_a_hub_finds_a_node_when_the_users_nodes_are_full_and_does_a_full_run() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    hub(&plane);

    // First the way in: a plan in the log, and nothing changed.
    assert_eq!(plane.apply(&filled_in(&plane, "overlays/gke-dry-run")), "");
    let pod = plane.job_of_the_cron_job("try");
    assert_eq!(pod["spec"]["nodeName"], "core");
    let output = plane.run_pod(&pod);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    // The program connects as a pod does, or with the kubeconfig that replaces the pod's service account.
    let seen =
        records(&output).iter().any(|record| record["message"].as_str().unwrap().contains(": 4 nodes, "));
    assert!(seen, "{output:?}");
    let plan = plan_of(&output);
    // The hub's node is not managed. 16 Gi are requested on the 16 Gi that serve.
    let pool = &plan["pools"][0];
    assert_eq!(pool["before"]["managed"], 3);
    assert_eq!((&pool["band"], &pool["before"]["utilization"]["memory"]), (&json!("above"), &json!(1.0)));
    assert_eq!(plan["actions"][0]["action"], "uncordon");
    assert_eq!(
        (&plan["actions"][0]["node"], plan["actions"].as_array().unwrap().len()),
        (&json!("user-2"), 1)
    );
    assert_eq!((&plan["dryRun"], &plan["outcomes"]), (&json!(true), &Value::Null));
    assert!(plane.is_cordoned("user-2"));

    // Then the same, carried out.
    assert_eq!(plane.apply(&filled_in(&plane, "overlays/gke")), "");
    let output = plane.run_pod(&plane.job_of_the_cron_job("work"));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let plan = plan_of(&output);
    assert_eq!(plan["outcomes"], json!([{"action": 0, "outcome": "applied", "message": ""}]));
    assert!(!plane.is_cordoned("user-2"));
    let uncordoned = plane.events().into_iter().find(|event| event["reason"] == "NodeUncordoned").unwrap();
    assert_eq!(uncordoned["regarding"]["name"], "user-2");
    // Nobody's place was taken, and the Lease was given back.
    let lease = "/apis/coordination.k8s.io/v1/namespaces/kube-rebalancer/leases/kube-rebalancer";
    let lease = plane.admin().get(lease).success();
    assert_eq!(lease["spec"]["holderIdentity"].as_str().unwrap_or_default(), "");
    let users = plane.admin().get("/api/v1/namespaces/hub/pods").success();
    assert_eq!(users["items"].as_array().unwrap().len(), 5);
    // In JSON every line is a record, and standard output, where a report would be, stays empty.
    assert!(records(&output).iter().all(|record| record["severity"] == "INFO"), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

/// A dry run has no right to change anything, whatever the base had given it before.
#[test]
fn the_service_account_of_a_dry_run_may_only_read() {
    let Some(plane) = ControlPlane::shared() else { return };
    for overlay in OVERLAYS.into_iter().filter(|overlay| overlay.ends_with("dry-run")) {
        let objects = objects(&plane.kustomize(overlay));
        for kind in ["ClusterRole", "Role"] {
            for rule in one(&objects, kind)["rules"].as_array().unwrap() {
                let verbs = rule["verbs"].as_array().unwrap();
                assert!(verbs.iter().all(|verb| verb == "get" || verb == "list"), "{overlay}: {rule}");
            }
        }
    }
}

/// The account's token opens what the role names, and nothing else.
#[test]
fn the_service_account_may_neither_evict_nor_delete_nor_watch_nor_read_secrets() {
    let Some(plane) = ControlPlane::shared() else { return };
    plane.apply(&plane.kustomize("base"));
    let client = plane.client_of(&Identity::Token(plane.token("kube-rebalancer", "kube-rebalancer")));
    let allowed = |verb: &str, group: &str, resource: &str| {
        let attributes =
            json!({"verb": verb, "group": group, "resource": resource, "namespace": "kube-rebalancer"});
        let review = json!({"spec": {"resourceAttributes": attributes}});
        let answer = client.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review);
        answer.success()["status"]["allowed"] == true
    };
    plane.wait_until("the roles are known", Duration::from_secs(30), || {
        (allowed("list", "", "pods") && allowed("create", "coordination.k8s.io", "leases")).then_some(())
    });
    for (verb, group, resource) in [
        ("create", "", "pods/eviction"),
        ("delete", "", "pods"),
        ("delete", "", "nodes"),
        ("watch", "", "nodes"),
        ("watch", "", "pods"),
        ("get", "", "secrets"),
        ("list", "", "secrets"),
        ("delete", "coordination.k8s.io", "leases"),
        ("update", "coordination.k8s.io", "leases"), // of another name
        ("get", "", "configmaps"),                   // the settings, say
        ("patch", "", "configmaps"),
        ("update", "", "configmaps"),
        ("list", "", "persistentvolumeclaims"),
        ("watch", "", "persistentvolumes"),
        ("delete", "", "persistentvolumes"),
        ("patch", "", "nodes/status"),
    ] {
        assert!(!allowed(verb, group, resource), "{verb} {resource}");
    }
}
