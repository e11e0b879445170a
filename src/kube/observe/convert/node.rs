//! A node of the API as a node of the model.

use kube_rebalancer_core::model::{
    Node, NodeResources, QuantityError, ReadyCondition, Taint, TaintEffect, parse_bytes, parse_count,
    parse_millicores,
};

use super::{size, text, timestamp};
use crate::observe::error::{BadField, FieldProblem, ObjectError, ObjectName, ReadWarning};
use crate::observe::intern::Interner;
use crate::observe::raw::{Amount, Amounts, Condition, ConditionKind, ConditionStatus, Object, Spec};

/// Converts a node. Amounts that a node does not report stay unknown. An unreadable quantity is an error in a file,
/// which a person has edited; in a live cluster the node becomes unreadable and is left alone.
pub(in crate::observe) fn node(
    object: &Object<'_>,
    is_live: bool,
    interner: &mut Interner,
    warnings: &mut Vec<ReadWarning>,
) -> Result<Node, ObjectError> {
    let Object { metadata, spec, status } = object;
    let Some(name) = text(metadata.name.as_ref()) else {
        return Err(BadField::new("metadata.name", FieldProblem::Missing).of(ObjectName::Unnamed("a node")));
    };
    let owned = |field| text(field).unwrap_or_default().to_owned();
    let mut unreadable = None;
    let mut reported = |amounts: Option<&Amounts<'_>>, list| match resources(amounts, list, interner) {
        Ok(resources) => Ok(resources),
        Err(bad) if is_live => {
            unreadable.get_or_insert_with(|| format!("{}: {}", bad.field, bad.problem));
            Ok(NodeResources::default())
        }
        Err(bad) => Err(bad.of(ObjectName::Node(name.to_owned()))),
    };
    let allocatable = reported(status.allocatable.as_ref(), "allocatable")?;
    let mut capacity = reported(status.capacity.as_ref(), "capacity")?;
    if !is_live {
        fill_in(&mut capacity, &allocatable);
    }
    if let Some(what) = &unreadable {
        warnings.push(ReadWarning::UnreadableNode { node: name.to_owned(), what: what.clone() });
    }
    Ok(Node {
        name: name.to_owned(),
        uid: owned(metadata.uid.as_ref()),
        resource_version: owned(metadata.resource_version.as_ref()),
        provider_id: text(spec.provider_id.as_ref()).map(str::to_owned),
        system_uuid: text(status.node_info.system_uuid.as_ref()).map(str::to_owned),
        created_at: timestamp(metadata.creation_timestamp.as_ref()),
        deleting: metadata.deletion_timestamp.is_some(),
        labels: metadata
            .labels
            .iter()
            .map(|(key, value)| (interner.text(key.as_str()), interner.text(value.as_str())))
            .collect(),
        annotations: metadata
            .annotations
            .of_node()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        unschedulable: spec.unschedulable.unwrap_or_default(),
        taints: taints(name, spec, warnings),
        ready: ready(&status.conditions),
        shutting_down: shutting_down(&status.conditions),
        ends_by: ends_by(&status.conditions),
        allocatable,
        capacity,
        volume_in_use: status.volumes_in_use.first().map(|volume| size::beginning(volume.as_str()).into()),
        group: None,
        outside: None,
        unreadable,
    })
}

/// A kubelet reports both amounts, but a file may have been cut to one of them.
fn fill_in(capacity: &mut NodeResources, allocatable: &NodeResources) {
    capacity.memory = capacity.memory.or(allocatable.memory);
    capacity.cpu = capacity.cpu.or(allocatable.cpu);
}

fn taints(node: &str, spec: &Spec<'_>, warnings: &mut Vec<ReadWarning>) -> Vec<Taint> {
    let mut taints = Vec::with_capacity(spec.taints.len());
    for taint in &spec.taints {
        let key = taint.key.as_str().to_owned();
        let Some(effect) = taint_effect(taint.effect.as_str()) else {
            let effect = taint.effect.as_str().to_owned();
            warnings.push(ReadWarning::UnknownTaintEffect { node: node.to_owned(), taint: key, effect });
            continue;
        };
        let added_at = timestamp(taint.time_added.as_ref());
        taints.push(Taint { key, value: taint.value.as_str().to_owned(), effect, added_at });
    }
    taints
}

/// The effect with this name.
pub(super) fn taint_effect(name: &str) -> Option<TaintEffect> {
    match name {
        "NoSchedule" => Some(TaintEffect::NoSchedule),
        "PreferNoSchedule" => Some(TaintEffect::PreferNoSchedule),
        "NoExecute" => Some(TaintEffect::NoExecute),
        _ => None,
    }
}

/// The message of a kubelet whose machine is being shut down (graceful node shutdown). Messages about other problems may be
/// around it.
const SHUTS_DOWN: &str = "node is shutting down";

fn shutting_down(conditions: &[Condition<'_>]) -> bool {
    ready_condition(conditions).is_some_and(|condition| {
        let message = text(condition.message.as_ref()).unwrap_or_default();
        condition.status != ConditionStatus::True && message.contains(SHUTS_DOWN)
    })
}

/// The beginnings of messages of `VMEventScheduled` for events that end the machine. A pause (`Freeze`) and a reboot do not.
const ENDS: [&str; 3] = ["Preempt Scheduled", "Terminate Scheduled", "Redeploy Scheduled"];

/// The condition by which the cloud announces the end of the machine.
fn ends_by(conditions: &[Condition<'_>]) -> Option<&'static str> {
    let holds = conditions.iter().filter(|condition| condition.status == ConditionStatus::True);
    holds.into_iter().find_map(|condition| match condition.kind {
        ConditionKind::PreemptionScheduled => Some("PreemptionScheduled"),
        ConditionKind::VmEventScheduled => {
            let message = text(condition.message.as_ref()).unwrap_or_default();
            ENDS.iter().any(|event| message.starts_with(event)).then_some("VMEventScheduled")
        }
        ConditionKind::Ready
        | ConditionKind::PodScheduled
        | ConditionKind::PodResizePending
        | ConditionKind::Other => None,
    })
}

fn ready_condition<'c, 'a>(conditions: &'c [Condition<'a>]) -> Option<&'c Condition<'a>> {
    conditions.iter().find(|condition| condition.kind == ConditionKind::Ready)
}

fn ready(conditions: &[Condition<'_>]) -> Option<ReadyCondition> {
    let condition = ready_condition(conditions)?;
    let since = timestamp(condition.last_transition_time.as_ref());
    Some(ReadyCondition { ready: condition.status == ConditionStatus::True, since })
}

fn resources(
    amounts: Option<&Amounts<'_>>,
    list: &str,
    interner: &mut Interner,
) -> Result<NodeResources, BadField> {
    let Some(amounts) = amounts else { return Ok(NodeResources::default()) };
    let mut further = Vec::with_capacity(amounts.further.len());
    for (name, amount) in &amounts.further {
        let count = quantity(Some(amount), parse_count, || format!("status.{list}.{}", name.as_str()))?;
        further.extend(count.filter(|count| *count > 0).map(|count| (name.as_str(), count)));
    }
    Ok(NodeResources {
        memory: quantity(amounts.memory.as_ref(), parse_bytes, || format!("status.{list}.memory"))?,
        cpu: quantity(amounts.cpu.as_ref(), parse_millicores, || format!("status.{list}.cpu"))?,
        pods: quantity(amounts.pods.as_ref(), parse_count, || format!("status.{list}.pods"))?,
        further: interner.further(further.into_iter()),
    })
}

fn quantity<T>(
    amount: Option<&Amount<'_>>,
    parse: impl FnOnce(&str) -> Result<T, QuantityError>,
    path: impl FnOnce() -> String,
) -> Result<Option<T>, BadField> {
    amount.map(|amount| parse(&amount.0).map_err(|problem| BadField::new(path(), problem))).transpose()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use kube_rebalancer_core::model::{Bytes, Millicores, annotation};
    use serde_json::json;

    use super::*;

    fn convert(value: &serde_json::Value) -> (Result<Node, ObjectError>, Vec<ReadWarning>) {
        of(value, false)
    }

    fn of(value: &serde_json::Value, is_live: bool) -> (Result<Node, ObjectError>, Vec<ReadWarning>) {
        let mut warnings = Vec::new();
        let field = |name: &str| value[name].to_string();
        let (metadata, spec, status) = (field("metadata"), field("spec"), field("status"));
        let object = Object {
            metadata: serde_json::from_str(&metadata).unwrap(),
            spec: serde_json::from_str(&spec).unwrap(),
            status: serde_json::from_str(&status).unwrap(),
        };
        (node(&object, is_live, &mut Interner::default(), &mut warnings), warnings)
    }

    #[test]
    fn the_capacity_that_a_file_lacks_is_the_allocatable_amount() {
        let cut = json!({
            "metadata": {"name": "n1"}, "spec": {},
            "status": {"allocatable": {"memory": "12Gi", "cpu": "2"}, "capacity": {"memory": "13Gi"}},
        });
        let amounts = |is_live| {
            let capacity = of(&cut, is_live).0.unwrap().capacity;
            (capacity.memory, capacity.cpu)
        };
        assert_eq!(amounts(false), (Some(Bytes(13 << 30)), Some(Millicores(2000))));
        assert_eq!(amounts(true), (Some(Bytes(13 << 30)), None), "a kubelet means what it reports");
    }

    #[test]
    fn a_node_keeps_what_a_decision_reads() {
        let (node, warnings) = convert(&json!({
            "metadata": {
                "name": "n1", "uid": "u1", "resourceVersion": "42", "creationTimestamp": "2026-01-01T00:00:00Z",
                "deletionTimestamp": "2026-01-02T00:00:00Z",
                "labels": {"topology.kubernetes.io/zone": "z1", "pool": "users"},
                "annotations": {
                    "kube-rebalancer/cordoned-at": "2026-01-01T10:00:00Z",
                    "cluster-autoscaler.kubernetes.io/scale-down-disabled": "true",
                    "volumes.kubernetes.io/controller-managed-attach-detach": "true",
                },
            },
            "spec": {
                "providerID": "gce://p/z/n1", "unschedulable": true,
                "taints": [
                    {"key": "a", "value": "b", "effect": "NoSchedule"},
                    {"key": "c", "effect": "NoExecute", "timeAdded": "2026-01-01T11:00:00Z"},
                    {"key": "d", "effect": "NoBreakfast"},
                ],
            },
            "status": {
                "allocatable": {"memory": "12Gi", "cpu": "1930m", "pods": "110", "nvidia.com/gpu": "1", "example.com/fpga": 0},
                "capacity": {"memory": "13Gi", "cpu": 2, "pods": 110},
                "nodeInfo": {"systemUUID": "4C4C4544-0042", "kernelVersion": "6.1.0"},
                "conditions": [
                    {"type": "MemoryPressure", "status": "False"},
                    {"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-01-01T12:00:00Z"},
                ],
                "volumesInUse": ["kubernetes.io/csi/disk^a", "kubernetes.io/csi/disk^b"],
            },
        }));
        let node = node.unwrap();
        let time = |text: &str| Some(text.parse().unwrap());
        assert_eq!(node.labels.len(), 2);
        let labels = node.labels.clone();
        let expected = Node {
            name: "n1".into(),
            uid: "u1".into(),
            resource_version: "42".into(),
            provider_id: Some("gce://p/z/n1".into()),
            system_uuid: Some("4C4C4544-0042".into()),
            created_at: time("2026-01-01T00:00:00Z"),
            deleting: true,
            labels,
            annotations: BTreeMap::from([
                (annotation::CORDONED_AT.into(), "2026-01-01T10:00:00Z".into()),
                (annotation::SCALE_DOWN_DISABLED.into(), "true".into()),
            ]),
            unschedulable: true,
            taints: vec![
                Taint { key: "a".into(), value: "b".into(), effect: TaintEffect::NoSchedule, added_at: None },
                Taint {
                    key: "c".into(),
                    value: String::new(),
                    effect: TaintEffect::NoExecute,
                    added_at: time("2026-01-01T11:00:00Z"),
                },
            ],
            ready: Some(ReadyCondition { ready: false, since: time("2026-01-01T12:00:00Z") }),
            shutting_down: false,
            ends_by: None,
            allocatable: NodeResources {
                memory: Some(Bytes(12 << 30)),
                cpu: Some(Millicores(1930)),
                pods: Some(110),
                further: Some(Arc::new(BTreeMap::from([("nvidia.com/gpu".into(), 1)]))),
            },
            capacity: NodeResources {
                memory: Some(Bytes(13 << 30)),
                cpu: Some(Millicores(2000)),
                pods: Some(110),
                further: None,
            },
            volume_in_use: Some("kubernetes.io/csi/disk^a".into()),
            group: None,
            outside: None,
            unreadable: None,
        };
        assert_eq!(node, expected);
        assert_eq!(node.zone(), Some("z1"));
        assert_eq!(
            warnings,
            [ReadWarning::UnknownTaintEffect {
                node: "n1".into(),
                taint: "d".into(),
                effect: "NoBreakfast".into()
            }]
        );
    }

    /// A kubelet may write anything there, as long as the object is no larger than the API server takes.
    #[test]
    fn of_the_volumes_in_use_the_beginning_of_the_first_name_is_kept() {
        let used = json!(["x".repeat(1 << 20), "second"]);
        let (node, _) =
            convert(&json!({"metadata": {"name": "n"}, "spec": {}, "status": {"volumesInUse": used}}));
        let volume = node.unwrap().volume_in_use.unwrap();
        assert!(volume.starts_with("xxx") && volume.len() <= 4096, "{} bytes", volume.len());
    }

    #[test]
    fn every_annotation_that_the_model_knows_is_read() {
        let delay = format!("{}log-shipper", annotation::DELAY_DELETION);
        let keys = annotation::ALL.into_iter().chain([delay.as_str(), "kubernetes.io/config.mirror"]);
        let annotations: serde_json::Map<_, _> = keys.map(|key| (key.to_owned(), json!("x"))).collect();
        let (node, _) = convert(
            &json!({"metadata": {"name": "n", "annotations": annotations}, "spec": {}, "status": {}}),
        );
        let keys: Vec<_> = node.unwrap().annotations.into_keys().collect();
        // Annotations that are read only of pods are not part of a node.
        let mut expected = [annotation::ALL.as_slice(), &[delay.as_str()]].concat();
        expected.sort_unstable();
        assert_eq!(keys, expected);
    }

    #[test]
    fn what_a_node_does_not_report_is_unknown_and_not_zero() {
        for status in [json!({}), json!({"allocatable": null, "capacity": {}, "conditions": null})] {
            let (node, _) = convert(
                &json!({"metadata": {"name": "a node", "labels": null}, "spec": {"taints": null}, "status": status}),
            );
            assert_eq!(node.unwrap(), Node { name: "a node".into(), ..Node::default() });
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let quantity = |text: &str| FieldProblem::Quantity(QuantityError::Malformed { text: text.into() });
        let cases = [
            (
                json!({"metadata": {"name": "n"}, "spec": {}, "status": {"capacity": {"memory": "13 GB"}}}),
                "status.capacity.memory",
                quantity("13 GB"),
            ),
            (
                json!({"metadata": {"name": "n"}, "spec": {}, "status": {"allocatable": {"pods": "-3"}}}),
                "status.allocatable.pods",
                FieldProblem::Quantity(QuantityError::Negative { text: "-3".into() }),
            ),
        ];
        for (value, field, problem) in cases {
            let expected = ObjectError { object: ObjectName::Node("n".into()), field: field.into(), problem };
            assert_eq!(convert(&value).0, Err(expected));
        }
        let error = convert(&json!({"metadata": {}, "spec": {}, "status": {}})).0.unwrap_err();
        assert_eq!((error.field.as_str(), error.problem), ("metadata.name", FieldProblem::Missing));
    }

    /// The API server accepts years beyond the range of the calendar here, and a kubelet may write any of them.
    #[test]
    fn a_time_that_cannot_be_read_counts_as_absent() {
        for time in ["yesterday", "9999-12-31T23:59:59Z", "", "2026-13-01T00:00:00Z"] {
            let (node, warnings) = convert(&json!({
                "metadata": {"name": "n", "creationTimestamp": time},
                "spec": {"taints": [{"key": "a", "effect": "NoExecute", "timeAdded": time}]},
                "status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": time}]},
            }));
            let node = node.unwrap();
            assert_eq!((node.created_at, node.taints[0].added_at), (None, None), "{time}");
            assert_eq!(
                (node.ready, node.unreadable),
                (Some(ReadyCondition { ready: true, since: None }), None)
            );
            assert_eq!(warnings, []);
        }
    }

    #[test]
    fn a_machine_is_shut_down_if_a_kubelet_that_is_not_ready_says_so() {
        for (status, message, expected) in [
            ("False", "node is shutting down", true),
            ("False", "[PLEG is not healthy, node is shutting down]", true),
            ("True", "node is shutting down", false),
            ("Unknown", "Kubelet stopped posting node status.", false),
        ] {
            let ready =
                json!([{"type": "Ready", "status": status, "reason": "KubeletNotReady", "message": message}]);
            let (node, _) =
                convert(&json!({"metadata": {"name": "n"}, "spec": {}, "status": {"conditions": ready}}));
            assert_eq!(node.unwrap().shutting_down, expected, "{status} {message}");
        }
    }

    #[test]
    fn a_cloud_announces_the_end_of_a_machine_by_a_condition() {
        for (kind, status, message, expected) in [
            ("VMEventScheduled", "True", "Preempt Scheduled: Thu, 15 Jan 2026 09:00:25 GMT.", true),
            ("VMEventScheduled", "True", "Redeploy Scheduled: Thu, 15 Jan 2026 09:00:25 GMT.", true),
            ("VMEventScheduled", "True", "Freeze Scheduled: Thu, 15 Jan 2026 09:00:25 GMT.", false),
            ("VMEventScheduled", "False", "VM has no scheduled event", false),
            ("PreemptionScheduled", "True", "", true),
            ("PreemptionScheduled", "False", "", false),
            ("KernelDeadlock", "True", "task docker blocked for more than 300 seconds", false),
        ] {
            let conditions = json!([{"type": kind, "status": status, "reason": "x", "message": message}]);
            let (node, _) = convert(
                &json!({"metadata": {"name": "n"}, "spec": {}, "status": {"conditions": conditions}}),
            );
            assert_eq!(node.unwrap().ends_by, expected.then_some(kind), "{kind} {status} {message}");
        }
    }

    #[test]
    fn amounts_beyond_what_kubernetes_counts_saturate() {
        let status = json!({"capacity": {"memory": "1e30", "cpu": "10P", "example.com/x": "99E"}});
        let (node, _) = convert(&json!({"metadata": {"name": "n"}, "spec": {}, "status": status}));
        let capacity = node.unwrap().capacity;
        let largest = i64::MAX.unsigned_abs();
        assert_eq!((capacity.memory, capacity.cpu), (Some(Bytes(largest)), Some(Millicores(largest))));
        assert_eq!(capacity.further.unwrap()["example.com/x"], largest);
    }

    #[test]
    fn a_live_node_that_cannot_be_read_is_marked_and_no_error() {
        let value = json!({
            "metadata": {"name": "n", "labels": {"pool": "users"}}, "spec": {"unschedulable": true},
            "status": {"capacity": {"memory": "13 GB"}, "allocatable": {"memory": "12Gi"}},
        });
        let (node, warnings) = of(&value, true);
        let node = node.unwrap();
        let what = node.unreadable.clone().unwrap();
        assert!(what.starts_with("status.capacity.memory: \"13 GB\" is not a quantity"), "{what}");
        assert_eq!((node.allocatable.memory, node.capacity.memory), (Some(Bytes(12 << 30)), None));
        assert_eq!((node.labels.len(), node.unschedulable), (1, true));
        assert_eq!(warnings, [ReadWarning::UnreadableNode { node: "n".into(), what }]);
    }
}
