//! One table per rule.

use std::collections::BTreeMap;

use kube_rebalancer_core::model::{Bytes, Constraints, Millicores, Requests, Toleration};
use serde_json::{Value, json};

use super::*;

fn convert(value: &Value) -> (Pod, Vec<ReadWarning>) {
    let mut warnings = Vec::new();
    let field = |name: &str| value.get(name).cloned().unwrap_or_else(|| json!({})).to_string();
    let (metadata, spec, status) = (field("metadata"), field("spec"), field("status"));
    let object = Object {
        metadata: serde_json::from_str(&metadata).unwrap(),
        spec: serde_json::from_str(&spec).unwrap(),
        status: serde_json::from_str(&status).unwrap(),
    };
    let identity = Identity::of(&object).unwrap();
    (pod(identity, &object, &mut Interner::default(), &mut warnings).unwrap(), warnings)
}

/// A bound pod with these further fields of its metadata.
fn with_metadata(fields: &Value) -> (Pod, Vec<ReadWarning>) {
    let mut metadata = json!({"namespace": "hub", "name": "p"});
    metadata.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    convert(&json!({"metadata": metadata, "spec": {"nodeName": "n1"}}))
}

#[test]
fn a_bound_pod_keeps_what_a_decision_reads() {
    let (pod, warnings) = convert(&json!({
        "metadata": {"namespace": "hub", "name": "jupyter-ada", "labels": {"b": "1", "a": "2"}},
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "notebook", "resources": {"requests": {"memory": "1Gi", "cpu": "50m"}}}],
            "nodeSelector": {"ignored": "when bound"},
        },
        "status": {"phase": "Unknown"},
    }));
    let expected = Pod {
        namespace: "hub".into(),
        name: "jupyter-ada".into(),
        label_keys: vec!["a".into(), "b".into()].into(),
        node_name: Some("n1".into()),
        requests: Requests { memory: Bytes(1 << 30), cpu: Millicores(50) },
        controller: None,
        mirror: false,
        safe_to_evict: None,
        local_volume: None,
        unbound: None,
    };
    assert_eq!((pod, warnings), (expected, vec![]));
}

#[test]
fn only_a_pod_without_a_node_name_carries_constraints() {
    let message = "0/3 nodes are available";
    let scheduled = |status: &str, reason: &str| {
        json!({"conditions": [
            {"type": "Ready", "status": "False", "reason": "Unschedulable", "message": "not this one"},
            {"type": "PodScheduled", "status": status, "reason": reason, "message": message},
        ]})
    };
    let cases = [
        ("nothing said yet", json!({}), json!({}), (false, None)),
        ("an empty node name is none", json!({"nodeName": ""}), json!({}), (false, None)),
        ("refused", json!({}), scheduled("False", "Unschedulable"), (false, Some(message))),
        (
            "gated",
            json!({"schedulingGates": [{"name": "quota"}]}),
            scheduled("False", "SchedulingGated"),
            (true, None),
        ),
        ("no gate left", json!({"schedulingGates": []}), json!({}), (false, None)),
        ("bound in this moment", json!({}), scheduled("True", ""), (false, None)),
    ];
    for (what, spec, status, (gated, unschedulable)) in cases {
        let (pod, _) = convert(&json!({"metadata": {"name": "p"}, "spec": spec, "status": status}));
        let expected = Unbound {
            gated,
            unschedulable: unschedulable.map(str::to_owned),
            constraints: Constraints::default().into(),
        };
        assert_eq!(pod.unbound.as_deref(), Some(&expected), "{what}");
        assert_eq!((&*pod.namespace, pod.node_name), ("default", None), "{what}");
    }
    let (pod, _) = convert(&json!({"metadata": {"name": "p"}, "spec": {
        "nodeSelector": {"pool": "users"}, "tolerations": [{"operator": "Exists"}],
    }}));
    let expected = Constraints {
        node_selector: BTreeMap::from([("pool".into(), "users".into())]),
        affinity: None,
        tolerations: vec![Toleration { key: None, value: None, effect: None }],
    };
    assert_eq!(*pod.unbound.unwrap().constraints, expected);
}

#[test]
fn the_controller_is_the_marked_owner_then_the_first_then_the_annotation() {
    let created_by = |kind: &str| {
        let reference = json!({"kind": kind, "namespace": "hub", "name": "old", "uid": "u9"});
        json!({"kind": "SerializedReference", "reference": reference}).to_string() + "\n"
    };
    let owner = |kind: &str, uid: &str, controller: Option<bool>| json!({"kind": kind, "name": "web", "uid": uid, "controller": controller});
    let annotated = |kind: &str| json!({"kubernetes.io/created-by": created_by(kind)});
    let cases = [
        ("none", json!({}), None),
        (
            "the marked one",
            json!({"ownerReferences": [owner("Foo", "u1", None), owner("ReplicaSet", "u2", Some(true))]}),
            Some(("ReplicaSet", "web", "u2")),
        ),
        (
            "the first if none is marked",
            json!({"ownerReferences": [owner("Foo", "u1", None), owner("Bar", "u2", Some(false))]}),
            Some(("Foo", "web", "u1")),
        ),
        ("1.6's annotation", json!({"annotations": annotated("Job")}), Some(("Job", "old", "u9"))),
        (
            "an owner wins over the annotation",
            json!({"ownerReferences": [owner("Foo", "u1", Some(true))], "annotations": annotated("Job")}),
            Some(("Foo", "web", "u1")),
        ),
        (
            "an owner without a kind does not",
            json!({"ownerReferences": [{"name": "web"}], "annotations": annotated("Job")}),
            Some(("Job", "old", "u9")),
        ),
        ("an owner without a kind is nobody", json!({"ownerReferences": [{"name": "web"}]}), None),
        (
            "a name in place of the uid",
            json!({"ownerReferences": [{"kind": "ReplicaSet", "name": "web"}]}),
            Some(("ReplicaSet", "web", "hub/ReplicaSet/web")),
        ),
    ];
    for (what, metadata, expected) in cases {
        let (pod, warnings) = with_metadata(&metadata);
        let controller = pod.controller.as_deref();
        let actual = controller.map(|owner| (owner.kind.as_str(), owner.name.as_str(), owner.uid.as_str()));
        assert_eq!((actual, warnings), (expected, vec![]), "{what}");
    }
}

#[test]
fn an_unreadable_created_by_is_a_warning_and_no_controller() {
    let (pod, warnings) = with_metadata(&json!({"annotations": {"kubernetes.io/created-by": "{\"kind\":"}}));
    assert_eq!(pod.controller, None);
    assert_eq!(
        warnings,
        [ReadWarning::UnreadableCreatedBy { pod: ObjectName::Pod("hub".into(), "p".into()) }]
    );
}

#[test]
fn a_static_pod_is_known_by_its_annotation_or_by_its_owner() {
    for (metadata, mirror) in [
        (json!({}), false),
        (json!({"annotations": {"kubernetes.io/config.mirror": "0f3a"}}), true),
        (json!({"ownerReferences": [{"kind": "Node", "name": "n1", "controller": true}]}), true),
        (json!({"ownerReferences": [{"kind": "DaemonSet", "name": "logs", "controller": true}]}), false),
    ] {
        assert_eq!(with_metadata(&metadata).0.mirror, mirror, "{metadata}");
    }
}

#[test]
fn safe_to_evict_is_the_words_true_and_false_and_nothing_else() {
    for (text, expected) in
        [("true", Some(true)), ("false", Some(false)), ("True", None), ("", None), ("1", None)]
    {
        let annotations = json!({"cluster-autoscaler.kubernetes.io/safe-to-evict": text});
        assert_eq!(with_metadata(&json!({"annotations": annotations})).0.safe_to_evict, expected, "{text:?}");
    }
}

#[test]
fn a_local_volume_is_on_the_nodes_disk_and_not_declared_safe_to_lose() {
    let disk = json!({"name": "scratch", "emptyDir": {}});
    let memory = json!({"name": "shm", "emptyDir": {"medium": "Memory"}});
    let huge = json!({"name": "huge", "emptyDir": {"medium": "HugePages"}});
    let host = json!({"name": "logs", "hostPath": {"path": "/var/log"}});
    let claim = json!({"name": "home", "persistentVolumeClaim": {"claimName": "home-ada"}});
    let null = json!({"name": "null", "emptyDir": null, "hostPath": null});
    let safe = |names: &str| json!({"cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes": names});
    let evictable = json!({"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"});
    let cases = [
        ("a claim is not local", vec![&claim], json!({}), None),
        ("memory is not a disk", vec![&memory], json!({}), None),
        ("null is no volume", vec![&null], json!({}), None),
        ("only Memory is in memory", vec![&huge], json!({}), Some("huge")),
        ("an emptyDir", vec![&claim, &memory, &disk], json!({}), Some("scratch")),
        ("the first one", vec![&host, &disk], json!({}), Some("logs")),
        ("declared safe", vec![&host, &disk], safe("logs"), Some("scratch")),
        ("all declared safe", vec![&host, &disk], safe("scratch,logs"), None),
        ("a name with a space is another name", vec![&disk], safe("logs, scratch"), Some("scratch")),
        ("the whole pod is safe", vec![&disk], evictable, None),
    ];
    for (what, volumes, annotations, expected) in cases {
        let (pod, _) = convert(&json!({
            "metadata": {"name": "p", "annotations": annotations},
            "spec": {"volumes": volumes},
        }));
        assert_eq!(pod.local_volume.as_deref(), expected, "{what}");
    }
}

#[test]
fn a_bad_quantity_names_the_pod_and_the_field() {
    let object = Object {
        metadata: serde_json::from_str(r#"{"namespace":"hub","name":"jupyter-ada"}"#).unwrap(),
        spec: serde_json::from_str(r#"{"containers":[{},{"resources":{"requests":{"memory":"1.5.2Gi"}}}]}"#)
            .unwrap(),
        ..Object::default()
    };
    let identity = Identity::of(&object).unwrap();
    let error = pod(identity, &object, &mut Interner::default(), &mut vec![]).unwrap_err();
    assert_eq!(error.to_string(), "pod hub/jupyter-ada: spec.containers[1].resources.requests.memory");
    assert!(error.problem.to_string().starts_with("\"1.5.2Gi\" is not a quantity, expected"));
    let nameless = Identity::of(&Object::default()).unwrap_err();
    assert_eq!((nameless.object, nameless.problem), (ObjectName::Unnamed("a pod"), FieldProblem::Missing));
}
