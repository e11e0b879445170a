//! Converts the groups and instances of Compute Engine to the types that all clouds share.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_join::{InstanceState, ListedGroup, ListedInstance, Listing, claims};
use kube_rebalancer_ports::CloudScope;

use super::find::{Found, FoundGroup, FoundInstance};
use super::rules;
use crate::engine::{CurrentAction, ManagedInstance};
use crate::name::{GroupId, InstanceId, Location};

/// The groups in the order in which they were found.
pub(super) fn listing(found: &Found, snapshot: &Snapshot, scope: &CloudScope) -> Listing<InstanceId> {
    let gone = found.gone.iter().map(|id| (id.clone(), format!("its instance {id} is gone")));
    let closed = claims::<InstanceId>(snapshot).into_keys().filter_map(|id| {
        let words = found.closed.get(id.project())?;
        let why =
            format!("its instance {id} is of project {}, which could not be listed: {words}", id.project());
        Some((id, why))
    });
    let foreign = claims::<InstanceId>(snapshot).into_keys().filter_map(|id| {
        let project = scope.project.as_deref().filter(|project| *project != id.project().as_str())?;
        let why = format!("its instance is of project {}, PROJECT is {project}", id.project());
        Some((id, why))
    });
    Listing {
        groups: found.groups.iter().map(|one| group(one, name(&one.group.id, found))).collect(),
        gaps: found.gaps.clone(),
        outside: gone.chain(closed).chain(foreign).collect(),
        strays: BTreeMap::new(),
        mistaken: BTreeSet::new(),
        elsewhere: match (&scope.zone, scope.node_groups.is_empty()) {
            (_, false) => "is in none of the groups that NODE_GROUPS names".to_owned(),
            (Some(zone), true) => format!("is in no managed instance group of zone {zone}"),
            (None, true) => "is in no managed instance group".to_owned(),
        },
    }
}

/// The name of a group, with its project if two projects have a group of that name.
fn name(id: &GroupId, found: &Found) -> String {
    let same = |other: &GroupId| other.location() == id.location() && other.name() == id.name();
    let several = found.groups.iter().any(|other| other.group.id != *id && same(&other.group.id));
    if several { format!("{}/{id}", id.project()) } else { id.to_string() }
}

fn group(found: &FoundGroup, name: String) -> ListedGroup<InstanceId> {
    let group = &found.group;
    ListedGroup {
        name,
        zone: match group.id.location() {
            Location::Zone(zone) => Some(zone.to_string()),
            Location::Region(_) => None,
        },
        zones: group.zones.iter().map(ToString::to_string).collect(),
        template: found.template.clone(),
        target_size: group.target_size,
        instances: found
            .instances
            .iter()
            .map(|FoundInstance { managed, created_at }| ListedInstance {
                created_at: *created_at,
                ..instance(managed)
            })
            .collect(),
        not_growable: rules::not_growable(group),
        not_shrinkable: rules::not_shrinkable(group),
        not_parkable: Some(rules::NO_PARKING.to_owned()),
        not_wakeable: Some(rules::NO_PARKING.to_owned()),
    }
}

pub(super) fn instance(managed: &ManagedInstance) -> ListedInstance<InstanceId> {
    let status = managed.status.as_deref();
    // A running instance keeps the errors of an earlier try.
    let error = managed.errors.first().filter(|_| status != Some("RUNNING"));
    ListedInstance {
        id: managed.instance.clone(),
        name: managed.instance.name().to_owned(),
        uid: managed.number.map(|number| number.to_string()),
        state: match (&managed.action, status) {
            (CurrentAction::Leaving, _) => InstanceState::Leaving,
            (CurrentAction::Creating, _) => InstanceState::Creating,
            // Compute Engine shows a stopped instance as TERMINATED.
            (
                CurrentAction::None,
                Some("TERMINATED" | "STOPPED" | "SUSPENDED" | "STOPPING" | "SUSPENDING"),
            ) => InstanceState::Asleep,
            (CurrentAction::None | CurrentAction::Other(_), _) => InstanceState::Present,
        },
        created_at: None,
        creation_error: error.map(|error| format!("{}: {}", error.code, error.message)),
    }
}
