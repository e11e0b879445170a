//! A node of the API as a node of the model.

use std::collections::BTreeMap;

use kube_rebalancer_core::model::{
    Node, NodeResources, QuantityError, ReadyCondition, Taint, TaintEffect, annotation, parse_bytes,
    parse_count, parse_millicores,
};

use super::{text, timestamp};
use crate::observe::error::{BadField, FieldProblem, ObjectError, ObjectName, ReadWarning};
use crate::observe::raw::{
    Amount, Amounts, Annotations, Condition, ConditionKind, ConditionStatus, Object, Spec,
};

/// Converts a node. What a node does not report stays unknown; what it reports and cannot be read is an error.
pub(in crate::observe) fn node(
    object: &Object<'_>,
    warnings: &mut Vec<ReadWarning>,
) -> Result<Node, ObjectError> {
    let Some(name) = text(object.metadata.name.as_ref()) else {
        return Err(BadField::new("metadata.name", FieldProblem::Missing).of(ObjectName::Unnamed("a node")));
    };
    named_node(name, object, warnings).map_err(|bad| bad.of(ObjectName::Node(name.to_owned())))
}

fn named_node(name: &str, object: &Object<'_>, warnings: &mut Vec<ReadWarning>) -> Result<Node, BadField> {
    let Object { metadata, spec, status } = object;
    let owned = |field| text(field).unwrap_or_default().to_owned();
    Ok(Node {
        name: name.to_owned(),
        uid: owned(metadata.uid.as_ref()),
        resource_version: owned(metadata.resource_version.as_ref()),
        provider_id: text(spec.provider_id.as_ref()).map(str::to_owned),
        created_at: timestamp(metadata.creation_timestamp.as_ref(), || {
            "metadata.creationTimestamp".to_owned()
        })?,
        deleting: metadata.deletion_timestamp.is_some(),
        labels: metadata
            .labels
            .iter()
            .map(|(key, value)| (key.as_str().to_owned(), value.as_str().to_owned()))
            .collect(),
        annotations: annotations(&metadata.annotations),
        unschedulable: spec.unschedulable.unwrap_or_default(),
        taints: taints(name, spec, warnings)?,
        ready: ready(&status.conditions)?,
        allocatable: resources(status.allocatable.as_ref(), "allocatable")?,
        capacity: resources(status.capacity.as_ref(), "capacity")?,
        group: None,
        outside: None,
    })
}

fn annotations(raw: &Annotations<'_>) -> BTreeMap<String, String> {
    [
        (annotation::CORDONED_AT, &raw.cordoned_at),
        (annotation::EMPTY_SINCE, &raw.empty_since),
        (annotation::DELETING_UNTIL, &raw.deleting_until),
        (annotation::SCALE_DOWN_DISABLED, &raw.scale_down_disabled),
        (annotation::REBOOT_IN_PROGRESS, &raw.reboot_in_progress),
        (annotation::INSTANCE_ID, &raw.instance_id),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), value.as_ref()?.as_str().to_owned())))
    .collect()
}

fn taints(node: &str, spec: &Spec<'_>, warnings: &mut Vec<ReadWarning>) -> Result<Vec<Taint>, BadField> {
    let mut taints = Vec::with_capacity(spec.taints.len());
    for (index, taint) in spec.taints.iter().enumerate() {
        let key = taint.key.as_str().to_owned();
        let Some(effect) = taint_effect(taint.effect.as_str()) else {
            let effect = taint.effect.as_str().to_owned();
            warnings.push(ReadWarning::UnknownTaintEffect { node: node.to_owned(), taint: key, effect });
            continue;
        };
        let added_at = timestamp(taint.time_added.as_ref(), || format!("spec.taints[{index}].timeAdded"))?;
        taints.push(Taint { key, value: taint.value.as_str().to_owned(), effect, added_at });
    }
    Ok(taints)
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

fn ready(conditions: &[Condition<'_>]) -> Result<Option<ReadyCondition>, BadField> {
    let ready = conditions.iter().enumerate().find(|(_, condition)| condition.kind == ConditionKind::Ready);
    let Some((index, condition)) = ready else { return Ok(None) };
    let since = timestamp(condition.last_transition_time.as_ref(), || {
        format!("status.conditions[{index}].lastTransitionTime")
    })?;
    Ok(Some(ReadyCondition { ready: condition.status == ConditionStatus::True, since }))
}

fn resources(amounts: Option<&Amounts<'_>>, list: &str) -> Result<NodeResources, BadField> {
    let Some(amounts) = amounts else { return Ok(NodeResources::default()) };
    Ok(NodeResources {
        memory: quantity(amounts.memory.as_ref(), parse_bytes, || format!("status.{list}.memory"))?,
        cpu: quantity(amounts.cpu.as_ref(), parse_millicores, || format!("status.{list}.cpu"))?,
        pods: quantity(amounts.pods.as_ref(), parse_count, || format!("status.{list}.pods"))?,
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
    use kube_rebalancer_core::model::{Bytes, Millicores};
    use serde_json::json;

    use super::*;

    fn convert(value: &serde_json::Value) -> (Result<Node, ObjectError>, Vec<ReadWarning>) {
        let mut warnings = Vec::new();
        let field = |name: &str| value[name].to_string();
        let (metadata, spec, status) = (field("metadata"), field("spec"), field("status"));
        let object = Object {
            metadata: serde_json::from_str(&metadata).unwrap(),
            spec: serde_json::from_str(&spec).unwrap(),
            status: serde_json::from_str(&status).unwrap(),
        };
        (node(&object, &mut warnings), warnings)
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
                "allocatable": {"memory": "12Gi", "cpu": "1930m", "pods": "110", "nvidia.com/gpu": "1"},
                "capacity": {"memory": "13Gi", "cpu": 2, "pods": 110},
                "conditions": [
                    {"type": "MemoryPressure", "status": "False"},
                    {"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-01-01T12:00:00Z"},
                ],
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
            allocatable: NodeResources {
                memory: Some(Bytes(12 << 30)),
                cpu: Some(Millicores(1930)),
                pods: Some(110),
            },
            capacity: NodeResources {
                memory: Some(Bytes(13 << 30)),
                cpu: Some(Millicores(2000)),
                pods: Some(110),
            },
            group: None,
            outside: None,
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

    #[test]
    fn every_annotation_that_the_model_knows_is_read() {
        let annotations: serde_json::Map<_, _> =
            annotation::ALL.iter().map(|key| ((*key).to_owned(), json!("x"))).collect();
        let (node, _) = convert(
            &json!({"metadata": {"name": "n", "annotations": annotations}, "spec": {}, "status": {}}),
        );
        let keys: Vec<_> = node.unwrap().annotations.into_keys().collect();
        let mut expected = annotation::ALL.to_vec();
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
        let time = |text: &str| FieldProblem::Timestamp { text: text.into() };
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
            (
                json!({"metadata": {"name": "n", "creationTimestamp": "yesterday"}, "spec": {}, "status": {}}),
                "metadata.creationTimestamp",
                time("yesterday"),
            ),
            (
                json!({"metadata": {"name": "n"}, "spec": {}, "status": {"conditions": [{"type": "Ready", "lastTransitionTime": "x"}]}}),
                "status.conditions[0].lastTransitionTime",
                time("x"),
            ),
            (
                json!({"metadata": {"name": "n"}, "spec": {"taints": [{"effect": "NoExecute", "timeAdded": "x"}]}, "status": {}}),
                "spec.taints[0].timeAdded",
                time("x"),
            ),
        ];
        for (value, field, problem) in cases {
            let expected = ObjectError { object: ObjectName::Node("n".into()), field: field.into(), problem };
            assert_eq!(convert(&value).0, Err(expected));
        }
        let error = convert(&json!({"metadata": {}, "spec": {}, "status": {}})).0.unwrap_err();
        assert_eq!((error.field.as_str(), error.problem), ("metadata.name", FieldProblem::Missing));
    }
}
