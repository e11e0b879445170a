//! The component `admission`: with the job's token nothing of a node can be changed but what a run changes.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::control_plane::client::{Answer, Client};
use crate::control_plane::identity::Identity;
use crate::objects::Node;

type Change = fn(&Value) -> Value;

/// Patches the node as it is now, again if a controller was quicker.
fn patch(client: &Client, node: &str, change: &dyn Fn(&Value) -> Value) -> Answer {
    let path = format!("/api/v1/nodes/{node}");
    let attempt = || {
        let now = client.get(&path).success();
        let mut body = change(&now);
        body["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"].clone();
        client.send(&Method::PATCH, &path, Some(&body)).unwrap()
    };
    std::iter::repeat_with(attempt).take(10).find(|answer| answer.status != 409).unwrap()
}

/// The taints of a node with one more.
fn with_taint(node: &Value, key: &str, effect: &str) -> Value {
    let mut taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
    taints.push(json!({"key": key, "effect": effect}));
    json!({"spec": {"taints": taints}})
}

#[test]
fn with_the_jobs_token_a_node_is_cordoned_and_claimed_and_nothing_else() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    assert_eq!(plane.apply(&plane.kustomize("base")), "");
    let policy = std::fs::read_to_string(super::path("components/admission/policy.yaml")).unwrap();
    assert_eq!(plane.apply(&policy), "");
    plane.create_node(&Node::new("n0").label("of", "others").taint("of", "others", "NoSchedule"));
    let client = plane.client_of(&Identity::Token(plane.token("kube-rebalancer", "kube-rebalancer")));
    plane.wait_until("roles and policy are in force", Duration::from_mins(1), || {
        let change = json!({"metadata": {"labels": {"of": "us"}}});
        // Only tried: before the policy is in force it would be done.
        let answer = client.patch("/api/v1/nodes/n0?dryRun=All", &change);
        (answer.status == 422 && answer.text.contains("changes no label")).then_some(())
    });

    let ours = |_: &Value| {
        let annotations = json!({"kube-rebalancer/cordoned-at": "2026-01-15T09:00:00Z"});
        json!({"metadata": {"annotations": annotations}, "spec": {"unschedulable": true}})
    };
    assert_eq!(patch(&client, "n0", &ours).status, 200);
    let claimed = patch(&client, "n0", &|node| with_taint(node, "kube-rebalancer/deleting", "NoSchedule"));
    assert_eq!(claimed.status, 200, "{}", claimed.text);
    let soft = |node: &Value| with_taint(node, "kube-rebalancer/fill-last", "PreferNoSchedule");
    let steered = patch(&client, "n0", &soft);
    assert_eq!(steered.status, 200, "{}", steered.text);
    let back = |node: &Value| {
        let mut taints = node["spec"]["taints"].as_array().unwrap().clone();
        let ours = ["kube-rebalancer/deleting", "kube-rebalancer/fill-last"];
        taints.retain(|taint| !ours.contains(&taint["key"].as_str().unwrap()));
        let annotations = json!({"kube-rebalancer/cordoned-at": null});
        json!({"metadata": {"annotations": annotations}, "spec": {"unschedulable": null, "taints": taints}})
    };
    let answer = patch(&client, "n0", &back);
    assert_eq!(answer.status, 200, "{}", answer.text);

    let changes: [(&str, Change); 12] = [
        ("label", |_| json!({"metadata": {"labels": {"of": "us"}}})),
        ("label", |_| json!({"metadata": {"labels": {"of": null}}})),
        ("annotation", |_| json!({"metadata": {"annotations": {"of": "us"}}})),
        ("annotation", |_| json!({"metadata": {"annotations": {"kwok.x-k8s.io/node": null}}})),
        ("finalizer", |_| json!({"metadata": {"finalizers": ["example.com/stays"]}})),
        ("taint", |node| with_taint(node, "of-us", "NoSchedule")),
        ("taint", |node| with_taint(node, "of-us", "PreferNoSchedule")),
        ("taint", |node| with_taint(node, "kube-rebalancer/of-us", "NoSchedule")),
        ("taint", |node| with_taint(node, "kube-rebalancer/fill-last", "NoSchedule")),
        ("taint", |node| with_taint(node, "kube-rebalancer/deleting", "NoExecute")),
        ("taint", |_| json!({"spec": {"taints": []}})),
        ("spec", |_| json!({"spec": {"providerID": "gce://p/z/another"}})),
    ];
    for (what, change) in changes {
        let answer = patch(&client, "n0", &change);
        assert_eq!(answer.status, 422, "{what}: {}", answer.text);
        assert!(
            answer.text.contains("kube-rebalancer changes no") && answer.text.contains(what),
            "{}",
            answer.text
        );
    }
    // Others are not concerned.
    plane.admin().patch("/api/v1/nodes/n0", &json!({"metadata": {"labels": {"of": "admins"}}})).success();
}
