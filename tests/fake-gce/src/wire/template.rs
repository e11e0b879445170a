//! Instance templates and machine types.

use serde_json::{Value, json};

use super::{link, without_nulls};
use crate::engine::{MachineShape, Template};

/// An `InstanceTemplate`.
pub(crate) fn template(template: &Template) -> Value {
    let items: Vec<Value> =
        template.kube_env.iter().map(|value| json!({"key": "kube-env", "value": value})).collect();
    let accelerators: Vec<Value> = template
        .accelerators
        .iter()
        .map(|(kind, count)| json!({"acceleratorType": kind, "acceleratorCount": count}))
        .collect();
    let region = template.path.split_once("/instanceTemplates/").map(|(place, _)| place);
    without_nulls(json!({
        "kind": "compute#instanceTemplate",
        "id": "7123456789012345678",
        "creationTimestamp": "2026-01-01T00:00:00.000-08:00",
        "name": template.name(),
        "properties": without_nulls(json!({
            "machineType": template.machine_type,
            "metadata": without_nulls(json!({
                "kind": "compute#metadata",
                "fingerprint": "bm90aGluZyE=",
                "items": if items.is_empty() { Value::Null } else { Value::from(items) },
            })),
            "guestAccelerators": if accelerators.is_empty() { Value::Null } else { Value::from(accelerators) },
            "labels": {"goog-gke-node": ""},
            "canIpForward": true,
        })),
        "region": region.filter(|place| place.contains("/regions/")).map(link),
        "selfLink": link(&template.path),
    }))
}

/// A `MachineType` of a zone.
pub(crate) fn machine_type(project: &str, zone: &str, name: &str, shape: MachineShape) -> Value {
    json!({
        "kind": "compute#machineType",
        "id": "801002",
        "creationTimestamp": "1969-12-31T16:00:00.000-08:00",
        "name": name,
        "description": format!("{} vCPUs, {} MB RAM", shape.cpus, shape.memory_mb),
        "guestCpus": shape.cpus,
        "memoryMb": shape.memory_mb,
        "imageSpaceGb": 0,
        "maximumPersistentDisks": 128,
        "maximumPersistentDisksSizeGb": "263168",
        "zone": zone,
        "isSharedCpu": false,
        "architecture": "X86_64",
        "selfLink": link(format_args!("projects/{project}/zones/{zone}/machineTypes/{name}")),
    })
}
