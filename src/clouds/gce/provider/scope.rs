//! The projects of a run, and their groups.

use std::collections::BTreeSet;

use kube_rebalancer_core::model::Node;
use kube_rebalancer_core::plan::is_managed;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_join::{GroupName, instance_of};
use kube_rebalancer_ports::{CloudScope, NotWanted};

use crate::engine::Group;
use crate::name::{GroupId, InstanceId, Location, NameError, ProjectId};

/// Whether a run uses Compute Engine.
pub(super) fn wanted(nodes: &[Node], policy: &Policy, scope: &CloudScope) -> Result<(), NotWanted> {
    projects(nodes, policy, scope).map(drop)
}

/// The projects to read: `PROJECT`, or else the projects of the managed nodes.
pub(super) fn projects(
    nodes: &[Node],
    policy: &Policy,
    scope: &CloudScope,
) -> Result<BTreeSet<String>, NotWanted> {
    let managed = nodes.iter().filter(|node| is_managed(node, policy));
    let of_nodes: BTreeSet<String> =
        managed.filter_map(instance_of::<InstanceId>).map(|id| id.project().to_string()).collect();
    let named = !scope.node_groups.is_empty();
    match &scope.project {
        Some(project) if named || !of_nodes.is_empty() => Ok(BTreeSet::from([project.clone()])),
        None if !of_nodes.is_empty() => Ok(of_nodes),
        None if named => Err(NotWanted::NoAccount(
            "no node shows the project of the groups in NODE_GROUPS: set PROJECT".to_owned(),
        )),
        _ => Err(NotWanted::Elsewhere),
    }
}

/// The same, as names that may become part of a request.
pub(super) fn project_ids(projects: BTreeSet<String>) -> Result<Vec<ProjectId>, NameError> {
    projects.into_iter().map(|project| project.parse()).collect()
}

/// Whether `ZONE` includes a group: only groups of that zone. The instances of a regional group are in other
/// zones too.
pub(super) fn is_in_zone(group: &GroupId, scope: &CloudScope) -> bool {
    let Some(wanted) = &scope.zone else { return true };
    matches!(group.location(), Location::Zone(zone) if zone.as_str() == wanted)
}

/// The name of a group in `NODE_GROUPS`.
pub(super) fn group_name(group: &Group) -> GroupName {
    GroupName { location: group.id.location().to_string(), name: group.id.name().to_owned() }
}
