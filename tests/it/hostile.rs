//! Whole clusters with one malicious object: it must neither stop a run, nor cause the creation of nodes, nor empty them.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

const NOW: &str = "2026-01-15T09:00:00Z";

/// A node of 47 Gi that came three days ago.
fn node(name: &str, memory: &str) -> Value {
    let came = "2026-01-12T07:40:00Z";
    let amounts = json!({"cpu": "7910m", "memory": memory, "pods": "110"});
    json!({
        "kind": "Node", "apiVersion": "v1",
        "metadata": {"name": name, "uid": name, "creationTimestamp": came},
        "spec": {},
        "status": {"allocatable": amounts, "capacity": amounts,
                   "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": came}]},
    })
}

fn pod(name: &str, on: Option<&str>, memory: &str, labels: &Value) -> Value {
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "hub", "uid": name, "labels": labels},
        "spec": {"nodeName": on, "containers": [{"name": "c", "resources": {"requests": {"memory": memory, "cpu": "100m"}}}]},
        "status": {"phase": if on.is_some() { "Running" } else { "Pending" }},
    })
}

fn user(name: &str, on: Option<&str>, memory: &str) -> Value {
    pod(name, on, memory, &json!({"user": name}))
}

/// A pod that the scheduler finds no node for.
fn waiting(mut pod: Value) -> Value {
    pod["status"]["conditions"] = json!([{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/5 nodes are available"}]);
    pod
}

/// Nodes with `users` of 2 Gi on each: 17 on each are 0.723, 21 are 0.894.
fn hub(nodes: usize, users: usize) -> Vec<Value> {
    let mut objects = Vec::new();
    for index in 0..nodes {
        let name = format!("n{index}");
        objects.push(node(&name, "47Gi"));
        objects.extend((0..users).map(|user_| user(&format!("u{index}-{user_}"), Some(&name), "2Gi")));
    }
    objects
}

/// The exit code, and how many nodes the plan creates and cordons.
#[track_caller]
fn planned(objects: &[Value]) -> (Option<i32>, u64, usize, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cluster.json");
    std::fs::write(&file, json!({"kind": "List", "apiVersion": "v1", "items": objects}).to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .args(["--at", NOW, "-o", "json", "--preemptible-labels", "user", "--from"])
        .arg(&file)
        .env_clear()
        .env("PACK", "false")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {words}"));
    let actions = report["actions"].as_array().unwrap();
    let grown = actions.iter().filter(|action| action["action"] == "grow");
    let created = grown.map(|action| action["to"].as_u64().unwrap() - action["from"].as_u64().unwrap()).sum();
    let cordoned = actions.iter().filter(|action| action["action"] == "cordon").count();
    (output.status.code(), created, cordoned, format!("{report}\n{words}"))
}

fn with(mut objects: Vec<Value>, evil: impl IntoIterator<Item = Value>) -> Vec<Value> {
    objects.extend(evil);
    objects
}

#[test]
fn a_quiet_hub_is_left_alone() {
    let (code, created, cordoned, told) = planned(&hub(5, 17));
    assert_eq!((code, created, cordoned), (Some(0), 0, 0), "{told}");
}

#[test]
fn unbound_pods_that_are_being_deleted_buy_nothing() {
    let dead = (0..60).map(|index| {
        let mut pod = waiting(user(&format!("dead{index}"), None, "40Gi"));
        pod["metadata"]["deletionTimestamp"] = NOW.into();
        pod["metadata"]["finalizers"] = json!(["mine.example.com/x"]);
        pod
    });
    let (code, created, cordoned, told) = planned(&with(hub(5, 17), dead));
    assert_eq!((code, created, cordoned), (Some(0), 0, 0), "{told}");
}

#[test]
fn one_absurd_amount_stops_nothing_and_buys_nothing() {
    let absurd = |resource: &str, amount: &str| {
        let mut pod = waiting(user("evil", None, "1Gi"));
        pod["spec"]["containers"][0]["resources"]["requests"][resource] = amount.into();
        pod
    };
    let mut two = absurd("memory", "5Ei");
    let container = two["spec"]["containers"][0].clone();
    two["spec"]["containers"].as_array_mut().unwrap().push(container);
    for evil in [absurd("cpu", "10P"), absurd("memory", "1e30"), absurd("memory", "9223372036854775807"), two]
    {
        let (code, created, cordoned, told) = planned(&with(hub(5, 17), [evil]));
        assert_eq!((code, created, cordoned), (Some(0), 0, 0), "{told}");
        assert!(told.contains("hub/evil"), "no warning names it: {told}");
    }
}

#[test]
fn one_absurd_node_stops_nothing() {
    let mut late = node("evil", "47Gi");
    late["status"]["conditions"][0]["lastTransitionTime"] = "9999-12-31T23:59:59Z".into();
    let mut wide = node("evil", "47Gi");
    wide["status"]["allocatable"]["cpu"] = "10P".into();
    for evil in [late, wide, node("evil", "1e30")] {
        let (code, created, cordoned, told) = planned(&with(hub(5, 17), [evil]));
        // Six nodes for 170 Gi are 0.603: within the band.
        assert_eq!((code, created), (Some(0), 0), "{told}");
        assert!(cordoned <= 1, "{told}");
    }
}

/// The pods on the newest node are not the pods on a new one.
#[test]
fn no_single_object_makes_a_new_node_look_small() {
    // 4 x 42 Gi, 6 Gi, and 39 Gi that pose as a DaemonSet's: 0.906 of five nodes, 0.755 of six.
    let mut posing = pod("evil", Some("n4"), "39Gi", &json!({}));
    posing["metadata"]["ownerReferences"] = json!([{"apiVersion": "nosuch.example/v1", "kind": "DaemonSet",
        "name": "x", "uid": "x", "controller": true}]);
    let users = (0..3).map(|index| user(&format!("v{index}"), Some("n4"), "2Gi"));
    let daemon = with(with(with(hub(4, 21), [node("n4", "47Gi")]), users), [posing]);
    // 210 Gi are 0.894 of five nodes that can hold anybody, 0.745 of six.
    let tiny = |memory: &str| {
        let mut evil = node("evil", memory);
        evil["metadata"]["creationTimestamp"] = "2026-01-15T07:00:00Z".into();
        with(hub(5, 21), [evil])
    };
    // 170 Gi, and at most the 47 Gi that its node has: 0.923 of five nodes, 0.770 of six.
    let bound = with(hub(5, 17), [pod("evil", Some("n0"), "7Ei", &json!({}))]);
    for (what, objects) in [("daemon", daemon), ("1Mi", tiny("1Mi")), ("1", tiny("1")), ("bound", bound)] {
        let (code, created, cordoned, told) = planned(&objects);
        assert_eq!((code, created, cordoned), (Some(0), 1, 0), "{what}: {told}");
    }
}

/// One kubelet reports 1 Ei: twenty nodes are not emptied because of it. A file has no node groups, so its amount counts
/// (section 4), and `MAX_CORDONS` applies: a fifth of 21 nodes. Under pressure the node does not count as serving, and no
/// node is cordoned.
#[test]
fn one_huge_node_empties_nothing() {
    for (pressure, expected) in [(true, 0), (false, 4)] {
        let mut evil = node("evil", "1Ei");
        if pressure {
            evil["spec"]["taints"] =
                json!([{"key": "node.kubernetes.io/disk-pressure", "effect": "NoSchedule"}]);
        }
        let (code, created, cordoned, told) = planned(&with(hub(20, 17), [evil]));
        assert_eq!((code, created), (Some(0), 0), "{told}");
        assert!(cordoned <= expected, "{cordoned}: {told}");
    }
}
