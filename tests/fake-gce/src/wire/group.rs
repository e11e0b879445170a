//! Managed instance groups, the instance groups that they manage, and their autoscalers.

use serde_json::{Value, json};

use super::{ROOT, link, time, without_nulls};
use crate::engine::{Action, GroupPath, Location, ManagedGroup};

/// An `InstanceGroupManager`.
pub(crate) fn manager(group: &ManagedGroup) -> Value {
    let GroupPath { project, location, name } = &group.path;
    let template = link(group.template_path());
    let regional = matches!(location, Location::Region(_));
    let zones: Vec<Value> = group
        .zones
        .iter()
        .map(|zone| json!({"zone": format!("{ROOT}/projects/{project}/zones/{zone}")}))
        .collect();
    let mut update = json!({
        "type": "OPPORTUNISTIC",
        "minimalAction": "REPLACE",
        "maxSurge": {"fixed": 1, "calculated": 1},
        "maxUnavailable": {"fixed": 1, "calculated": 1},
        "replacementMethod": "SUBSTITUTE",
    });
    if let (true, Some(members)) = (regional, update.as_object_mut()) {
        members.insert("instanceRedistributionType".to_owned(), json!(group.redistribution.as_str()));
    }
    let autoscaler = group.autoscaler.as_ref().map(|name| link(autoscaler_path(&group.path, name)));
    let mut manager = json!({
        "kind": "compute#instanceGroupManager",
        "id": group.id.to_string(),
        "creationTimestamp": time(group.created),
        "name": name,
        "baseInstanceName": group.base_instance_name,
        "instanceGroup": link(instance_group_path(&group.path)),
        "instanceTemplate": template,
        "versions": [{"instanceTemplate": template, "targetSize": {"calculated": group.target_size}}],
        "targetSize": group.target_size,
        "status": without_nulls(json!({
            "isStable": group.is_stable(),
            "versionTarget": {"isReached": group.is_stable()},
            "stateful": {"hasStatefulConfig": false, "perInstanceConfigs": {"allEffective": true}},
            "autoscaler": autoscaler,
        })),
        "currentActions": current_actions(group),
        "updatePolicy": update,
        "distributionPolicy": if regional { json!({"zones": zones, "targetShape": "EVEN"}) } else { Value::Null },
        "listManagedInstancesResults": if group.paginated { "PAGINATED" } else { "PAGELESS" },
        "instanceLifecyclePolicy": {"forceUpdateOnRepair": "NO", "defaultActionOnFailure": "REPAIR"},
        "fingerprint": "bm90aGluZyE=",
        "selfLink": link(&group.path),
    });
    put_place(&mut manager, project, location);
    without_nulls(manager)
}

/// The number of instances of each action, for all actions.
fn current_actions(group: &ManagedGroup) -> Value {
    let count = |action: Action| group.members.values().filter(|member| member.action == action).count();
    json!({
        "none": count(Action::None),
        "creating": count(Action::Creating),
        "creatingWithoutRetries": 0,
        "verifying": count(Action::Verifying),
        "recreating": count(Action::Recreating),
        "deleting": count(Action::Deleting),
        "abandoning": 0,
        "restarting": 0,
        "refreshing": 0,
        "suspending": 0,
        "resuming": 0,
        "stopping": 0,
        "starting": 0,
    })
}

/// The `InstanceGroup` of a manager.
pub(crate) fn instance_group(group: &ManagedGroup) -> Value {
    let GroupPath { project, location, name } = &group.path;
    let network = format!("{ROOT}/projects/{project}/global/networks/default");
    let mut instance_group = json!({
        "kind": "compute#instanceGroup",
        "id": group.id.to_string(),
        "creationTimestamp": time(group.created),
        "name": name,
        "network": network,
        "size": group.members.len(),
        "fingerprint": "bm90aGluZyE=",
        "selfLink": link(instance_group_path(&group.path)),
    });
    put_place(&mut instance_group, project, location);
    instance_group
}

/// The `Autoscaler` of a manager, if it has one.
pub(crate) fn autoscaler(group: &ManagedGroup) -> Option<Value> {
    let GroupPath { project, location, .. } = &group.path;
    let name = group.autoscaler.as_ref()?;
    let mut autoscaler = json!({
        "kind": "compute#autoscaler",
        "id": group.id.to_string(),
        "creationTimestamp": time(group.created),
        "name": name,
        "target": link(&group.path),
        "status": "ACTIVE",
        "recommendedSize": group.target_size,
        "autoscalingPolicy": {
            "minNumReplicas": 0, "maxNumReplicas": 1000, "coolDownPeriodSec": 60, "mode": "ON",
            "cpuUtilization": {"utilizationTarget": 0.6, "predictiveMethod": "NONE"},
        },
        "selfLink": link(autoscaler_path(&group.path, name)),
    });
    put_place(&mut autoscaler, project, location);
    Some(autoscaler)
}

fn autoscaler_path(group: &GroupPath, name: &str) -> String {
    format!("projects/{}/{}/autoscalers/{name}", group.project, group.location)
}

fn instance_group_path(group: &GroupPath) -> String {
    format!("projects/{}/{}/instanceGroups/{}", group.project, group.location, group.name)
}

/// The member `zone` or `region`.
pub(super) fn put_place(object: &mut Value, project: &str, location: &Location) {
    let place = link(format_args!("projects/{project}/{location}"));
    if let Some(members) = object.as_object_mut() {
        members.insert(location.kind().to_owned(), json!(place));
    }
}
