//! The component `admission`: the job's token can change only the fields of a node that a run changes.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::control_plane::client::{Answer, Client};
use crate::control_plane::identity::Identity;
use crate::objects::Node;

type Change = fn(&Value) -> Value;
type Spoil = fn(&mut Value);

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

/// A node that this program gave back, and whose machine a run found gone, after a change.
fn given_back(name: &str, change: Spoil) -> Value {
    let mut node = Node::new(name).json();
    let notes = ["deletion-asked", "gone-machine"]
        .map(|key| (format!("kube-rebalancer/{key}"), json!("openstack:///a")));
    let since = ("kube-rebalancer/gone-since".to_owned(), json!("2026-01-15T09:00:00Z"));
    node["metadata"]["annotations"] = Value::Object(notes.into_iter().chain([since]).collect());
    let unreachable = json!({"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"});
    node["spec"] = json!({"providerID": "openstack:///a", "unschedulable": true, "taints": [unreachable]});
    node["status"]["conditions"] = json!([{"type": "Ready", "status": "Unknown"}]);
    change(&mut node);
    node
}

#[test]
fn with_the_jobs_token_no_node_object_goes_but_of_a_machine_that_is_gone() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    assert_eq!(plane.apply(&plane.kustomize("base")), "");
    for file in ["components/admission/policy.yaml", "components/node-objects/rbac.yaml"] {
        assert_eq!(plane.apply(&std::fs::read_to_string(super::path(file)).unwrap()), "");
    }
    let client = plane.client_of(&Identity::Token(plane.token("kube-rebalancer", "kube-rebalancer")));
    let delete = |name: &str, tried: &str| {
        client.send(&Method::DELETE, &format!("/api/v1/nodes/{name}{tried}"), None).unwrap()
    };
    let changes: [(&str, Spoil); 9] = [
        ("schedulable", |node| node["spec"]["unschedulable"] = json!(false)),
        // Not Ready is not unreachable: the controllers give it another taint.
        ("reachable", |node| {
            node["spec"]["taints"] = json!([]);
            node["status"]["conditions"][0]["status"] = json!("False");
        }),
        ("ready", |node| node["status"]["conditions"][0]["status"] = json!("True")),
        ("never-asked", |node| node["metadata"]["annotations"]["kube-rebalancer/deletion-asked"] = json!("")),
        ("unnoted", |node| node["metadata"]["annotations"]["kube-rebalancer/gone-since"] = Value::Null),
        ("other-asked", |node| {
            node["metadata"]["annotations"]["kube-rebalancer/deletion-asked"] = json!("openstack:///b");
        }),
        ("other-gone", |node| {
            node["metadata"]["annotations"]["kube-rebalancer/gone-machine"] = json!("openstack:///b");
        }),
        ("other-now", |node| node["spec"]["providerID"] = json!("openstack:///b")),
        ("bare", |node| node["metadata"]["annotations"] = json!({})),
    ];
    for (name, change) in changes {
        let mut node = given_back(name, change);
        node["metadata"]["annotations"].as_object_mut().unwrap().retain(|_, value| !value.is_null());
        plane.admin().post("/api/v1/nodes", &node).success();
    }
    plane.wait_until("roles and policy are in force", Duration::from_mins(1), || {
        // Only tried: before the policy is in force it would be done.
        let answer = delete("bare", "?dryRun=All");
        (answer.status == 422 && answer.text.contains("deletes no Node object")).then_some(())
    });
    for (name, _) in changes {
        let answer = delete(name, "");
        assert_eq!(answer.status, 422, "{name}: {}", answer.text);
    }
    let gone: [(&str, Spoil); 2] = [
        ("by-id", |_| ()),
        ("by-uuid", |node| {
            node["spec"].as_object_mut().unwrap().remove("providerID");
            for key in ["deletion-asked", "gone-machine"] {
                node["metadata"]["annotations"][format!("kube-rebalancer/{key}")] = json!("uuid:4c4c");
            }
            node["status"]["nodeInfo"] = json!({
                "systemUUID": "4c4c", "machineID": "", "bootID": "", "kernelVersion": "", "osImage": "",
                "containerRuntimeVersion": "", "kubeletVersion": "", "kubeProxyVersion": "", "operatingSystem": "",
                "architecture": "",
            });
        }),
    ];
    for (name, change) in gone {
        plane.admin().post("/api/v1/nodes", &given_back(name, change)).success();
        let answer = delete(name, "");
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
    }
    // Others are not concerned.
    plane.admin().send(&Method::DELETE, "/api/v1/nodes/bare", None).unwrap().success();
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
