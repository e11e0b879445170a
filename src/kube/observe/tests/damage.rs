//! Damaged inputs: whatever a field holds, reading ends with an observation or with an error, and never with a panic.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::observe::{Asked, Reading};

/// A node and a pod with a value in every field that is read.
pub(in crate::observe) fn objects() -> [Value; 2] {
    let requirement = json!({"key": "zone", "operator": "In", "values": ["a", "b"]});
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": "n1", "uid": "u1", "resourceVersion": "7", "creationTimestamp": "2026-01-15T08:00:00Z",
            "labels": {"zone": "a"}, "annotations": {"kube-rebalancer/cordoned-at": "2026-01-15T08:30:00Z"}
        },
        "spec": {
            "unschedulable": true, "providerID": "gce://p/us-central1-a/n1",
            "taints": [{"key": "k", "value": "v", "effect": "NoSchedule", "timeAdded": "2026-01-15T08:30:00Z"}]
        },
        "status": {
            "capacity": {"cpu": "4", "memory": "16Gi", "pods": "110", "nvidia.com/gpu": "1"},
            "allocatable": {"cpu": "3920m", "memory": "13Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-15T08:01:00Z"}],
            "nodeInfo": {"systemUUID": "4C4C4544-0042"}
        }
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "namespace": "hub", "name": "p1", "uid": "u2", "creationTimestamp": "2026-01-15T08:00:00Z",
            "labels": {"user": "x"}, "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u3", "controller": true}]
        },
        "spec": {
            "nodeSelector": {"zone": "a"}, "priority": -10, "terminationGracePeriodSeconds": 0, "overhead": {"cpu": "1m"},
            "containers": [{"name": "c", "resources": {"requests": {"cpu": "100m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}}}],
            "initContainers": [{"name": "i", "restartPolicy": "Always", "resources": {"requests": {"memory": "1Mi"}}}],
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                {"nodeSelectorTerms": [{"matchExpressions": [requirement.clone()], "matchFields": [requirement]}]}}},
            "tolerations": [{"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"}],
            "volumes": [{"name": "v", "emptyDir": {"medium": ""}}, {"name": "w", "persistentVolumeClaim": {"claimName": "c"}}],
            "schedulingGates": [{"name": "g"}]
        },
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1"}],
            "containerStatuses": [{"name": "c", "resources": {"requests": {"memory": "3Gi"}}, "allocatedResources": {"cpu": "1"}}],
            "resources": {"requests": {"memory": "3Gi"}}, "allocatedResources": {"cpu": "1"}
        }
    });
    [node, pod]
}

/// The paths of all values in a value, its own included.
pub(in crate::observe) fn paths(value: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                paths(field, &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                paths(item, &format!("{path}/{at}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Values of unexpected types for a field.
fn surprises() -> Vec<Value> {
    let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
    vec![
        Value::Null,
        json!(true),
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!("1e999999999"),
        json!("99999999999999999999P"),
        json!("-0.0000000001m"),
        json!("+"),
        json!("9999-12-31T23:59:60Z"),
        json!("-262143-01-01T00:00:00Z"),
        json!("\u{1b}[2J\u{202e}\u{0}"),
        json!("x".repeat(100_000)),
        json!([]),
        json!({}),
        json!([null]),
        json!({"": ""}),
        json!({"kind": "Pod", "items": [{}]}),
        deep,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn whatever_a_field_holds_reading_ends(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..4),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut list = json!({"apiVersion": "v1", "kind": "List", "metadata": {"continue": ""}, "items": objects()});
        for (place, surprise) in damage {
            let mut places = Vec::new();
            paths(&list, "", &mut places);
            let (place, surprise) = (place.get(&places).clone(), surprise.get(&surprises()).clone());
            if let Some(field) = list.pointer_mut(&place) {
                *field = surprise;
            }
        }
        let mut text = list.to_string();
        if let Some(cut) = cut {
            let cut = text.floor_char_boundary(cut.index(text.len()));
            text.truncate(cut);
        }
        let now = "2026-01-15T09:00:00Z".parse().unwrap();
        for (name, text) in [("json", text.clone()), ("yaml", format!("---\n{text}"))] {
            let mut reading = Reading::default();
            if reading.add_input(name, text.as_bytes()).is_ok() {
                reading.finish(now).ok();
            }
        }
        for (asked, kind) in [(Asked::Nodes, "NodeList"), (Asked::Pods, "PodList")] {
            let answer = text.replacen("\"kind\":\"List\"", &format!("\"kind\":\"{kind}\""), 1);
            let mut reading = Reading::default();
            if reading.add_answer("an answer", &answer, asked).is_ok() {
                drop(reading.into_parts());
            }
        }
    }
}
