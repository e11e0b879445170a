//! Which projects, and which groups of them, a run looks at.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Group, GroupId, InstanceId, Location, NameError, ProjectId};
use kube_rebalancer_core::model::{Node, Snapshot};
use kube_rebalancer_core::plan::is_managed;
use kube_rebalancer_core::policy::Policy;

use kube_rebalancer_ports::CloudScope;

/// How Compute Engine's provider IDs begin.
pub(super) const SCHEME: &str = "gce://";

/// Candidates that an error lists.
const LISTED: usize = 12;

/// Why a run has nothing to do on Compute Engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCloud {
    /// The nodes are somewhere else.
    #[error("no node is on Compute Engine, so nothing is grown and nothing is deleted")]
    Elsewhere,
    /// There is no node to find the project from.
    #[error("no node tells the project of the groups in NODE_GROUPS: set PROJECT")]
    NoProject,
}

/// A setting that does not name what is there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// It is no name.
    #[error("PROJECT: {0}")]
    Project(#[from] NameError),
    /// No group has the name.
    #[error("NODE_GROUPS: `{part}` is in the name of no node group{}; there are: {}", in_zone(.zone.as_deref()), listed(.known))]
    NoSuchGroup {
        /// What was asked for.
        part: String,
        /// `ZONE`.
        zone: Option<String>,
        /// What there is.
        known: Vec<String>,
    },
    /// Several groups have it.
    #[error("NODE_GROUPS: `{part}` is in the names of {} node groups; write more of the one you mean: {}", .candidates.len(), listed(.candidates))]
    Ambiguous {
        /// What was asked for.
        part: String,
        /// What it could mean.
        candidates: Vec<String>,
    },
}

fn in_zone(zone: Option<&str>) -> String {
    zone.map(|zone| format!(" of zone {zone}")).unwrap_or_default()
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 if names.is_empty() => "none".to_owned(),
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The instance that a node says it is.
pub(super) fn instance_of(node: &Node) -> Option<InstanceId> {
    InstanceId::from_provider_id(node.provider_id.as_deref()?).ok()
}

/// The projects to look at: `PROJECT`, else those of the managed nodes.
pub(super) fn projects(
    snapshot: &Snapshot,
    policy: &Policy,
    scope: &CloudScope,
) -> Result<BTreeSet<String>, NoCloud> {
    let managed = snapshot.nodes().iter().filter(|node| is_managed(node, policy));
    let of_nodes: BTreeSet<String> =
        managed.filter_map(instance_of).map(|instance| instance.project().to_string()).collect();
    let named = !scope.node_groups.is_empty();
    match &scope.project {
        Some(project) if named || !of_nodes.is_empty() => Ok(BTreeSet::from([project.clone()])),
        None if !of_nodes.is_empty() => Ok(of_nodes),
        None if named => Err(NoCloud::NoProject),
        _ => Err(NoCloud::Elsewhere),
    }
}

/// The same, as names that may become part of a request.
pub(super) fn project_ids(projects: BTreeSet<String>) -> Result<Vec<ProjectId>, ScopeError> {
    projects.into_iter().map(|project| Ok(project.parse()?)).collect()
}

/// Whether `ZONE` leaves a group in: one of that zone. The instances of a regional group are in other zones too.
pub(super) fn is_in_zone(group: &GroupId, scope: &CloudScope) -> bool {
    let Some(wanted) = &scope.zone else { return true };
    matches!(group.location(), Location::Zone(zone) if zone.as_str() == wanted)
}

/// The groups that `NODE_GROUPS` names: each part must mean exactly one.
pub(super) fn named<'a>(groups: &'a [Group], scope: &CloudScope) -> Result<Vec<&'a Group>, ScopeError> {
    let mut chosen = BTreeMap::new();
    for part in &scope.node_groups {
        let group = the_one(groups, part, scope.zone.as_deref())?;
        chosen.insert(group.id.clone(), group);
    }
    Ok(chosen.into_values().collect())
}

fn the_one<'a>(groups: &'a [Group], part: &str, zone: Option<&str>) -> Result<&'a Group, ScopeError> {
    let (location, name) =
        part.split_once('/').map_or((None, part), |(location, name)| (Some(location), name));
    let here = || {
        groups
            .iter()
            .filter(move |group| location.is_none_or(|wanted| group.id.location().to_string() == wanted))
    };
    let whole: Vec<&Group> = here().filter(|group| group.id.name() == name).collect();
    let matching = if whole.is_empty() {
        here().filter(|group| has_segment(group.id.name(), name)).collect()
    } else {
        whole
    };
    let names = |groups: &mut dyn Iterator<Item = &Group>| groups.map(|group| group.id.to_string()).collect();
    match matching.as_slice() {
        [one] => Ok(one),
        [] => Err(ScopeError::NoSuchGroup {
            part: part.to_owned(),
            zone: zone.map(str::to_owned),
            known: names(&mut groups.iter()),
        }),
        several => Err(ScopeError::Ambiguous {
            part: part.to_owned(),
            candidates: names(&mut several.iter().copied()),
        }),
    }
}

/// Whether `part` is in `name` between hyphens or its ends: `users` is in `gke-hub-users-grp`, not in `superusers`.
fn has_segment(name: &str, part: &str) -> bool {
    format!("-{name}-").contains(&format!("-{part}-"))
}
