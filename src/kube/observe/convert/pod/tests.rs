//! One table per rule.

use std::collections::BTreeMap;

use kube_rebalancer_core::model::{Bytes, Millicores, TolerableValue, Toleration};
use serde_json::{Value, json};

use super::*;

fn convert(value: &Value) -> (Pod, Vec<ReadWarning>) {
    let (pod, warnings) = of(value, false);
    (pod.unwrap(), warnings)
}

fn of(value: &Value, is_live: bool) -> (Result<Pod, ObjectError>, Vec<ReadWarning>) {
    let mut warnings = Vec::new();
    let field = |name: &str| value.get(name).cloned().unwrap_or_else(|| json!({})).to_string();
    let (metadata, spec, status) = (field("metadata"), field("spec"), field("status"));
    let object = Object {
        metadata: serde_json::from_str(&metadata).unwrap(),
        spec: serde_json::from_str(&spec).unwrap(),
        status: serde_json::from_str(&status).unwrap(),
    };
    let identity = Identity::of(&object).unwrap();
    let mut reading = Reading {
        evictions: false,
        is_live,
        interner: &mut Interner::default(),
        label_keys: None,
        warnings: &mut warnings,
        millibytes: &mut Examples::default(),
    };
    (pod(identity, &object, &mut reading), warnings)
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
        "metadata": {
            "namespace": "hub", "name": "jupyter-ada", "labels": {"b": "1", "a": "2"},
            "deletionTimestamp": "2026-01-15T09:00:00Z",
            "annotations": {"karpenter.sh/do-not-disrupt": "true"},
        },
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "notebook", "resources": {"requests": {
                "memory": "1Gi", "cpu": "50m", "nvidia.com/gpu": "1",
            }}}],
            "nodeSelector": {"pool": "users"},
            "priority": -10,
            "terminationGracePeriodSeconds": 0,
            "volumes": [
                {"name": "home", "persistentVolumeClaim": {"claimName": "home-ada"}},
                {"name": "cache", "ephemeral": {"volumeClaimTemplate": {}}},
            ],
        },
        "status": {"phase": "Unknown"},
    }));
    let gpu = FurtherAmounts::from([("nvidia.com/gpu".into(), 1)]);
    let expected = Pod {
        eviction: None,
        namespace: "hub".into(),
        name: "jupyter-ada".into(),
        label_keys: vec!["a".into(), "b".into()].into(),
        deleting: true,
        node_name: Some("n1".into()),
        containers: 1,
        requests: Amounts::pod(Bytes(1 << 30), Millicores(50)).with_further(Some(gpu.into())),
        controller: None,
        mirror: false,
        daemonset_pod: false,
        bound_by: None,
        safe_to_evict: None,
        do_not_disrupt: Some(Stay::DoNotDisrupt),
        local_volume: None,
        claims: ["home-ada".into(), "jupyter-ada-cache".into()].into(),
        priority: -10,
        ends_at_once: true,
        ready: false,
        constraints: Constraints {
            node_selector: BTreeMap::from([("pool".into(), "users".into())]),
            ..Constraints::default()
        }
        .into(),
        unbound: None,
        alike: Vec::new(),
    };
    assert_eq!((pod, warnings), (expected, vec![]));
}

#[test]
fn only_a_pod_without_a_node_name_says_what_the_scheduler_thinks_of_it() {
    let message = "0/3 nodes are available";
    let time = |text: &str| Some(text.parse().unwrap());
    let since = "2026-01-15T08:59:00Z";
    let scheduled = |status: &str, reason: &str, since: Value| {
        json!({"conditions": [
            {"type": "Ready", "status": "False", "reason": "Unschedulable", "message": "not this one"},
            {"type": "PodScheduled", "status": status, "reason": reason, "message": message, "lastTransitionTime": since},
        ]})
    };
    let refused = |since| Some(SchedulerRefusal { message: message.into(), since });
    let cases = [
        ("nothing said yet", json!({}), json!({}), (false, None)),
        ("an empty node name is none", json!({"nodeName": ""}), json!({}), (false, None)),
        (
            "refused",
            json!({}),
            scheduled("False", "Unschedulable", json!(since)),
            (false, refused(time(since))),
        ),
        (
            "refused, without a time",
            json!({}),
            scheduled("False", "Unschedulable", json!(null)),
            (false, refused(None)),
        ),
        (
            "refused in year 9999",
            json!({}),
            scheduled("False", "Unschedulable", json!("9999-12-31T23:59:59Z")),
            (false, refused(None)),
        ),
        (
            "gated",
            json!({"schedulingGates": [{"name": "quota"}]}),
            scheduled("False", "SchedulingGated", json!(since)),
            (true, None),
        ),
        ("no gate left", json!({"schedulingGates": []}), json!({}), (false, None)),
        ("bound in this moment", json!({}), scheduled("True", "", json!(since)), (false, None)),
    ];
    for (what, spec, status, (gated, refusal)) in cases {
        let metadata = json!({"name": "p", "uid": "u1", "creationTimestamp": "2026-01-15T08:00:00Z"});
        let (pod, _) = convert(&json!({"metadata": metadata, "spec": spec, "status": status}));
        let created_at = time("2026-01-15T08:00:00Z");
        let expected = Unbound { uid: "u1".into(), created_at, gated, refusal, ..Unbound::default() };
        assert_eq!(pod.unbound.as_deref(), Some(&expected), "{what}");
        assert_eq!((&*pod.namespace, pod.node_name), ("default", None), "{what}");
    }
    let (pod, _) = convert(
        &json!({"metadata": {"name": "p"}, "status": scheduled("False", "SchedulerError", json!(since))}),
    );
    let unbound = pod.unbound.unwrap();
    assert_eq!((unbound.refusal, unbound.failure.as_deref()), (None, Some(message)), "the scheduler fails");
    let status = json!({"nominatedNodeName": "n1"});
    let (pod, _) = convert(&json!({"metadata": {"name": "p"}, "status": status}));
    assert_eq!(pod.unbound.unwrap().nominated.as_deref(), Some("n1"));
}

#[test]
fn every_pod_says_where_it_may_go_but_a_bound_one_of_a_daemon_set() {
    let spec = |node: &str| json!({"nodeName": node, "nodeSelector": {"pool": "users"}, "tolerations": [{"operator": "Exists"}]});
    let constraints = |kind: &str, node: &str| {
        let owners = json!([{"apiVersion": "apps/v1", "kind": kind, "name": "x", "controller": true}]);
        let (pod, _) =
            convert(&json!({"metadata": {"name": "p", "ownerReferences": owners}, "spec": spec(node)}));
        (*pod.constraints).clone()
    };
    let expected = Constraints {
        node_selector: BTreeMap::from([("pool".into(), "users".into())]),
        affinity: None,
        tolerations: vec![Toleration { key: None, value: TolerableValue::Any, effect: None }],
    };
    for (kind, node) in [("StatefulSet", "n1"), ("StatefulSet", ""), ("DaemonSet", "")] {
        assert_eq!(constraints(kind, node), expected, "{kind} on {node:?}");
    }
    assert_eq!(constraints("DaemonSet", "n1"), Constraints::default());
}

/// Only the owner marked as the controller recreates a pod: others exist for garbage collection. Anybody may write the
/// annotation in which Kubernetes 1.6 named it.
#[test]
fn the_controller_is_the_marked_owner_and_no_other() {
    let created_by = |kind: &str| {
        let reference =
            json!({"kind": kind, "namespace": "hub", "name": "old", "uid": "u9", "apiVersion": "apps/v1"});
        json!({"kind": "SerializedReference", "reference": reference}).to_string() + "\n"
    };
    let owner = |version: &str, kind: &str, uid: &str, controller: Option<bool>| json!({"apiVersion": version, "kind": kind, "name": "web", "uid": uid, "controller": controller});
    let annotated = |kind: &str| json!({"kubernetes.io/created-by": created_by(kind)});
    let cases = [
        ("none", json!({}), None),
        (
            "the marked one",
            json!({"ownerReferences": [owner("v1", "Foo", "u1", None), owner("apps/v1", "ReplicaSet", "u2", Some(true))]}),
            Some((Some("apps"), "ReplicaSet", "web", "u2")),
        ),
        (
            "of the core group",
            json!({"ownerReferences": [owner("v1", "Node", "u1", Some(true))]}),
            Some((Some(""), "Node", "web", "u1")),
        ),
        (
            "none is marked",
            json!({"ownerReferences": [owner("v1", "ConfigMap", "u1", None), owner("apps/v1", "ReplicaSet", "u2", Some(false))]}),
            None,
        ),
        ("1.6's annotation", json!({"annotations": annotated("DaemonSet")}), None),
        (
            "an owner without a kind is nobody",
            json!({"ownerReferences": [{"name": "web", "controller": true}]}),
            None,
        ),
        (
            "a name in place of the uid, no group",
            json!({"ownerReferences": [{"kind": "ReplicaSet", "name": "web", "controller": true}]}),
            Some((None, "ReplicaSet", "web", "hub/ReplicaSet/web")),
        ),
    ];
    for (what, metadata, expected) in cases {
        let (pod, warnings) = with_metadata(&metadata);
        let actual = pod.controller.as_deref().map(|owner| {
            (owner.group.as_deref(), owner.kind.as_str(), owner.name.as_str(), owner.uid.as_str())
        });
        assert_eq!((actual, warnings), (expected, vec![]), "{what}");
    }
}

/// The planner judges whether a pod is a daemon; here only the annotation is read.
#[test]
fn annotations_are_read_by_their_exact_values() {
    let mirror = |metadata: Value| with_metadata(&metadata).0.mirror;
    assert!(!mirror(json!({})));
    assert!(mirror(json!({"annotations": {"kubernetes.io/config.mirror": "0f3a"}})));
    assert!(!mirror(json!({"ownerReferences": [{"kind": "Node", "name": "n1", "controller": true}]})));
    for (text, expected) in [("true", true), ("True", false), ("false", false), ("", false)] {
        let (pod, _) = with_metadata(&json!({"annotations": {
            "cluster-autoscaler.kubernetes.io/daemonset-pod": text,
            "karpenter.sh/do-not-disrupt": text,
        }}));
        assert_eq!((pod.daemonset_pod, pod.do_not_disrupt.is_some()), (expected, expected), "{text:?}");
    }
    let (pod, _) = with_metadata(&json!({"annotations": {"karpenter.sh/do-not-disrupt": "4h"}}));
    assert_eq!(pod.do_not_disrupt, Some(Stay::DoNotDisrupt), "for a time");
    for stay in Stay::ALL {
        let (pod, _) = with_metadata(&json!({"annotations": {(stay.key()): "true"}}));
        assert_eq!(pod.do_not_disrupt, Some(stay));
        let (pod, _) = with_metadata(&json!({"labels": {(stay.key()): "true"}}));
        assert_eq!(pod.do_not_disrupt, Some(stay));
    }
    let (pod, _) = with_metadata(&json!({"labels": {"spotinst.io/restrict-scale-down": "false"}}));
    assert_eq!(pod.do_not_disrupt, None);
    let (pod, _) = with_metadata(&json!({"annotations": {"karpenter.sh/do-not-evict": "4h"}}));
    assert_eq!(pod.do_not_disrupt, None, "Karpenter took no time then");
}

#[test]
fn a_file_may_leave_out_that_a_running_pod_is_ready() {
    let condition = |status: &str| json!([{"type": "Ready", "status": status}]);
    let cases = [
        (json!({"phase": "Running", "conditions": condition("True")}), true, true),
        (json!({"phase": "Running", "conditions": condition("False")}), false, false),
        (json!({"phase": "Running"}), true, false),
        (json!({"phase": "Pending"}), false, false),
        (json!({}), false, false),
    ];
    for (status, in_file, live) in cases {
        let value = json!({"metadata": {"name": "p"}, "status": status});
        let ready = |is_live| of(&value, is_live).0.unwrap().ready;
        assert_eq!((ready(false), ready(true)), (in_file, live), "{status}");
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
fn a_bad_quantity_in_a_file_names_the_pod_and_the_field() {
    let spec = json!({"containers": [{}, {"resources": {"requests": {"memory": "1.5.2Gi"}}}]});
    let value = json!({"metadata": {"namespace": "hub", "name": "jupyter-ada"}, "spec": spec});
    let error = of(&value, false).0.unwrap_err();
    assert_eq!(error.to_string(), "pod hub/jupyter-ada: spec.containers[1].resources.requests.memory");
    assert!(error.problem.to_string().starts_with("\"1.5.2Gi\" is not a quantity, expected"));
    let nameless = Identity::of(&Object::default()).unwrap_err();
    assert_eq!((nameless.object, nameless.problem), (ObjectName::Unnamed("a pod"), FieldProblem::Missing));
}

#[test]
fn a_live_pod_that_cannot_be_read_is_a_warning_and_fits_nowhere() {
    let value = json!({
        "metadata": {
            "namespace": "hub", "name": "p", "labels": {"hub.jupyter.org/username": "ada"},
            "annotations": {"kubernetes.io/config.mirror": "0f3a"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "x", "controller": true}],
        },
        "spec": {"nodeName": "n1", "containers": [{"resources": {"requests": {"memory": "-1"}}}]},
    });
    let (pod, warnings) = of(&value, true);
    let pod = pod.unwrap();
    // Nothing recreates it, so it is critical whatever its labels.
    assert_eq!((pod.controller, pod.mirror, pod.label_keys.len()), (None, false, 0));
    assert_eq!((pod.node_name.as_deref(), pod.requests), (Some("n1"), Amounts::pod(Bytes(0), Millicores(0))));
    assert_eq!(pod.constraints.affinity, Some(Affinity(vec![])), "a node would have to meet one of no terms");
    let text = warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        text,
        ["pod hub/p keeps its node and counts as a request of nothing: \
          spec.containers[0].resources.requests.memory: \"-1\" is negative, expected zero or more"]
    );
}

mod bounds;
