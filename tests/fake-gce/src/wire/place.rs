//! Projects, zones and regions.

use serde_json::{Value, json};

use super::{ROOT, link};
use crate::engine::{Project, ZONES, region_of};

/// A `Project`.
pub(crate) fn project(name: &str, project: &Project) -> Value {
    json!({
        "kind": "compute#project",
        "id": project.number.to_string(),
        "name": name,
        "creationTimestamp": "2020-01-15T08:00:00.000-08:00",
        "selfLink": link(format_args!("projects/{name}")),
    })
}

/// A `Zone`.
pub(crate) fn zone(project: &str, zone: &str) -> Value {
    json!({
        "kind": "compute#zone",
        "id": id(zone),
        "name": zone,
        "description": zone,
        "status": "UP",
        "region": format!("{ROOT}/projects/{project}/regions/{}", region_of(zone)),
        "selfLink": link(format_args!("projects/{project}/zones/{zone}")),
    })
}

/// A `Region`.
pub(crate) fn region(project: &str, region: &str) -> Value {
    let zones: Vec<String> = ZONES
        .into_iter()
        .filter(|zone| region_of(zone) == region)
        .map(|zone| format!("{ROOT}/projects/{project}/zones/{zone}"))
        .collect();
    json!({
        "kind": "compute#region",
        "id": id(region),
        "name": region,
        "description": region,
        "status": "UP",
        "zones": zones,
        "selfLink": link(format_args!("projects/{project}/regions/{region}")),
    })
}

/// Four digits, as such places have.
fn id(name: &str) -> String {
    let sum = name.bytes().fold(0_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 9000);
    (1000 + sum).to_string()
}
