//! Finds the groups and lists their instances.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use kube_rebalancer_core::model::{NodeTemplate, Snapshot};
use kube_rebalancer_core::plan::is_managed;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_join::{instance_of, named};
use kube_rebalancer_ports::CloudScope;

use super::scope;
use super::{CloudError, PARALLEL};
use crate::engine::{ComputeEngine, CurrentAction, Group, ManagedInstance};
use crate::error::{ComputeError, ErrorKind};
use crate::name::{InstanceId, ProjectId};

/// A group and its instances.
#[derive(Debug)]
pub(super) struct FoundGroup {
    pub(super) group: Group,
    /// Its next node, if it is known.
    pub(super) template: Option<NodeTemplate>,
    pub(super) instances: Vec<FoundInstance>,
}

/// An instance, with its time of creation if it was requested.
#[derive(Debug)]
pub(super) struct FoundInstance {
    pub(super) managed: ManagedInstance,
    pub(super) created_at: Option<Timestamp>,
}

/// The result.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) groups: Vec<FoundGroup>,
    /// The gaps in the result. With a gap, coming instances are unknown, so no group grows.
    pub(super) gaps: Vec<String>,
    /// Forbidden projects, each with Compute Engine's message.
    pub(super) closed: BTreeMap<ProjectId, String>,
    /// Nodes whose instance Compute Engine does not know.
    pub(super) gone: BTreeSet<InstanceId>,
    /// The parts of `NODE_GROUPS` that name no group.
    pub(super) unknown: BTreeSet<String>,
    /// The names of all groups.
    pub(super) known: Vec<String>,
}

/// Finds the groups that the managed nodes belong to, or that `NODE_GROUPS` names.
pub(super) async fn find(
    engine: &dyn ComputeEngine,
    snapshot: &Snapshot,
    policy: &Policy,
    scope: &CloudScope,
) -> Result<Found, CloudError> {
    let mut found = Found::default();
    let projects = scope::project_ids(scope::projects(snapshot.nodes(), policy, scope).unwrap_or_default())?;
    let (mut groups, silent) = list_projects(engine, projects, scope, &mut found).await?;
    groups.sort_by(|left, right| left.id.cmp(&right.id));
    let managed = snapshot.nodes().iter().filter(|node| is_managed(node, policy));
    let mut homeless: BTreeSet<InstanceId> = managed.filter_map(instance_of).collect();
    homeless.retain(|instance: &InstanceId| !found.closed.contains_key(instance.project()));
    let named = named(&groups, &scope.node_groups, scope::group_name)?;
    if let (false, Some((place, project))) = (named.unknown.is_empty(), silent.first()) {
        return Err(CloudError::Silent(gap(place, project)));
    }
    found.known = groups.iter().map(|group| group.id.to_string()).collect();
    found.unknown = named.unknown;
    if scope.node_groups.is_empty() {
        let concerns = |(place, _): &&(String, ProjectId)| homeless.iter().any(|node| may_be_in(node, place));
        found.gaps.extend(silent.iter().filter(concerns).map(|(place, project)| gap(place, project)));
        // Instances are usually named after their group; for other names, every group that could have them is listed.
        let (likely, others): (Vec<_>, Vec<_>) =
            groups.iter().partition(|group| homeless.iter().any(|instance| may_own_by_name(group, instance)));
        list(engine, &likely, &mut homeless, &mut found).await;
        let others: Vec<_> = others
            .into_iter()
            .filter(|group| homeless.iter().any(|instance| may_own(group, instance)))
            .collect();
        list(engine, &others, &mut homeless, &mut found).await;
        let nodes: BTreeSet<InstanceId> = snapshot.nodes().iter().filter_map(instance_of).collect();
        found.groups.retain(|group| group.instances.iter().any(|one| nodes.contains(&one.managed.instance)));
        find_gone(engine, homeless, &mut found).await;
    } else {
        list(engine, &named.groups, &mut homeless, &mut found).await;
    }
    find_ages(engine, snapshot, &mut found).await;
    Ok(found)
}

/// Groups, and the parts of projects that did not answer.
type OfProjects = (Vec<Group>, Vec<(String, ProjectId)>);

/// Lists the groups of all projects. A forbidden project excludes only its own nodes, so that a node of a foreign
/// project does not affect the others; any other failure is a gap. If no project answers, that is an error.
async fn list_projects(
    engine: &dyn ComputeEngine,
    projects: Vec<ProjectId>,
    scope: &CloudScope,
    found: &mut Found,
) -> Result<OfProjects, CloudError> {
    let (mut groups, mut silent) = (Vec::new(), Vec::new());
    let lists = side_by_side(projects.iter().map(|project| engine.groups(project)).collect()).await;
    let mut answered = lists.is_empty();
    let mut failed = None;
    for (project, list) in projects.into_iter().zip(lists) {
        match list {
            Ok(list) => {
                answered = true;
                silent.extend(list.unreachable.into_iter().map(|place| (place, project.clone())));
                groups.extend(list.groups.into_iter().filter(|group| scope::is_in_zone(&group.id, scope)));
            }
            Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound) => {
                found.closed.insert(project, error.message.clone());
                failed = failed.or(Some(error));
            }
            Err(error) => {
                found.gaps.push(format!("the node groups of project {project} are not known: {error}"));
                failed = Some(error);
            }
        }
    }
    match failed {
        Some(error) if !answered => Err(CloudError::Compute(error)),
        _ => Ok((groups, silent)),
    }
}

fn gap(place: &str, project: &ProjectId) -> String {
    format!("{place} of project {project} did not answer")
}

/// Whether a place that did not answer, such as `zones/us-central1-a`, may have the group of an instance. Other regions
/// are no reason not to grow; a text that names no place may mean any.
fn may_be_in(instance: &InstanceId, place: &str) -> bool {
    match place.split_once('/') {
        Some(("zones", zone)) => instance.zone().as_str() == zone,
        Some(("regions", region)) => instance.zone().region().as_str() == region,
        _ => true,
    }
}

fn may_own(group: &Group, instance: &InstanceId) -> bool {
    group.id.project() == instance.project() && group.id.location().contains(instance.zone())
}

fn may_own_by_name(group: &Group, instance: &InstanceId) -> bool {
    may_own(group, instance) && instance.name().starts_with(&group.base_instance_name)
}

/// Lists the instances of groups; removes the found ones from the instances without a group.
async fn list(
    engine: &dyn ComputeEngine,
    groups: &[&Group],
    homeless: &mut BTreeSet<InstanceId>,
    found: &mut Found,
) {
    let requests = groups.iter().map(|group| engine.instances(&group.id)).collect();
    for (group, instances) in groups.iter().copied().zip(side_by_side(requests).await) {
        match instances {
            Ok(instances) => {
                for instance in &instances {
                    homeless.remove(&instance.instance);
                }
                let with_age = |managed| FoundInstance { managed, created_at: None };
                let instances = instances.into_iter().map(with_age).collect();
                found.groups.push(FoundGroup { group: group.clone(), template: None, instances });
            }
            Err(error) => {
                found.gaps.push(format!("the instances of node group {} are not known: {error}", group.id));
            }
        }
    }
}

/// Checks whether the instances of nodes without a group still exist.
async fn find_gone(engine: &dyn ComputeEngine, homeless: BTreeSet<InstanceId>, found: &mut Found) {
    let answers = side_by_side(homeless.iter().map(|instance| engine.created_at(instance)).collect()).await;
    found.gone.extend(homeless.into_iter().zip(answers).filter_map(|(instance, answer)| {
        matches!(answer, Ok(None) | Err(ComputeError { kind: ErrorKind::NotFound, .. })).then_some(instance)
    }));
}

/// Reads when the instances without a node were created: after `BOOT_GRACE` they no longer count as booting.
async fn find_ages(engine: &dyn ComputeEngine, snapshot: &Snapshot, found: &mut Found) {
    let nodes: BTreeSet<InstanceId> = snapshot.nodes().iter().filter_map(instance_of).collect();
    let instances = found.groups.iter_mut().flat_map(|group| &mut group.instances);
    let young = instances.filter(|instance| {
        let ManagedInstance { instance, number, action, .. } = &instance.managed;
        number.is_some() && *action != CurrentAction::Leaving && !nodes.contains(instance)
    });
    let young: Vec<&mut FoundInstance> = young.collect();
    let ids: Vec<InstanceId> = young.iter().map(|found| found.managed.instance.clone()).collect();
    let answers = side_by_side(ids.iter().map(|id| engine.created_at(id)).collect()).await;
    let mut failed = None;
    for (found, answer) in young.into_iter().zip(answers) {
        match answer {
            Ok(created_at) => found.created_at = created_at,
            Err(error) => failed = Some(error),
        }
    }
    if let Some(error) = failed {
        found.gaps.push(format!("how long instances have been booting is not known: {error}"));
    }
}

/// Makes requests concurrently; the answers are in their order. They come as a list, because the compiler cannot follow
/// lifetimes through a closure of the stream's.
pub(super) async fn side_by_side<F: Future>(requests: Vec<F>) -> Vec<F::Output> {
    stream::iter(requests).buffered(PARALLEL).collect().await
}
