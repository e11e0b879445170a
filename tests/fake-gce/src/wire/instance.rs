//! Instances, as their groups see them and as such.

use serde_json::{Value, json};

use super::{ROOT, link, time, without_nulls};
use crate::engine::{Engine, InstancePath, Location, Machine, MachineStatus, ManagedGroup, Member};

/// A `ManagedInstance`: it is there before its instance is.
pub(crate) fn managed_instance(
    engine: &Engine,
    group: &ManagedGroup,
    path: &InstancePath,
    member: &Member,
) -> Value {
    let template = format!("{ROOT}/{}", group.template_path());
    let machine = engine.machines.get(path);
    let errors: Vec<Value> =
        member.errors.iter().map(|error| json!({"code": error.code, "message": error.message})).collect();
    without_nulls(json!({
        "name": path.name,
        "instance": link(path),
        "id": machine.map(|machine| machine.id.to_string()),
        "instanceStatus": machine.map(|machine| machine.status.as_str()),
        "currentAction": member.action.as_str(),
        "lastAttempt": if errors.is_empty() { json!({}) } else { json!({"errors": {"errors": errors}}) },
        "version": {"instanceTemplate": template},
    }))
}

/// An `Instance`.
pub(crate) fn machine(engine: &Engine, machine: &Machine) -> Value {
    let InstancePath { project, zone, name } = &machine.path;
    let number = engine.projects.get(project).map_or(0, |project| project.number);
    // With the number of the project, not its id.
    let created_by = machine
        .created_by
        .as_ref()
        .map(|group| format!("projects/{number}/{}/instanceGroupManagers/{}", group.location, group.name));
    let metadata = created_by.map(|group| json!({"key": "created-by", "value": group}));
    let started = machine.status == MachineStatus::Running;
    let mut instance = json!({
        "kind": "compute#instance",
        "id": machine.id.to_string(),
        "creationTimestamp": time(machine.created),
        "name": name,
        "status": machine.status.as_str(),
        "lastStartTimestamp": started.then(|| time(machine.created)),
        "machineType": format!("{ROOT}/projects/{project}/zones/{zone}/machineTypes/e2-highmem-8"),
        "metadata": {
            "kind": "compute#metadata", "fingerprint": "bm90aGluZyE=", "items": Vec::from_iter(metadata),
        },
        "scheduling": {"automaticRestart": true, "onHostMaintenance": "MIGRATE", "preemptible": false},
        "selfLink": link(&machine.path),
    });
    super::group::put_place(&mut instance, project, &Location::Zone(zone.clone()));
    without_nulls(instance)
}
