//! Brings nodes and instances together. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::{CurrentAction, InstanceId, Location, ManagedInstance};
use kube_rebalancer_core::model::{Instance, Membership, Node, NodeGroup, Snapshot, annotation};
use kube_rebalancer_core::plan::is_managed;
use kube_rebalancer_core::policy::Policy;

use super::find::{Found, FoundGroup, FoundInstance};
use super::scope::{SCHEME, instance_of};
use super::{Member, rules};
use kube_rebalancer_ports::CloudScope;

/// Nodes and instances, brought together.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) groups: Vec<NodeGroup>,
    /// One for each node of the snapshot, in its order.
    pub(super) memberships: Vec<Membership>,
    pub(super) members: BTreeMap<String, Member>,
    pub(super) warnings: Vec<String>,
}

/// Brings the nodes of a snapshot together with what was found of their cloud.
pub(super) fn join(found: &Found, snapshot: &Snapshot, policy: &Policy, scope: &CloudScope) -> Joined {
    let mut nodes: BTreeMap<InstanceId, Vec<&str>> = BTreeMap::new();
    for node in snapshot.nodes() {
        if let Some(instance) = instance_of(node) {
            nodes.entry(instance).or_default().push(&node.name);
        }
    }
    let instances: BTreeMap<&InstanceId, (&FoundGroup, &ManagedInstance)> = found
        .groups
        .iter()
        .flat_map(|group| group.instances.iter().map(move |instance| (group, &instance.managed)))
        .map(|(group, instance)| (&instance.instance, (group, instance)))
        .collect();

    let mut joined = Joined {
        groups: Vec::new(),
        memberships: Vec::new(),
        members: BTreeMap::new(),
        warnings: found.gaps.clone(),
    };
    for node in snapshot.nodes() {
        let membership = match member(node, &nodes, &instances, found, scope) {
            Ok((member, leaving)) => {
                let group = Some(member.group.to_string());
                if let (Some(id), false) = (&node.provider_id, leaving) {
                    joined.members.insert(id.clone(), member);
                }
                Membership { group, outside: None, leaving }
            }
            Err(why) => {
                if is_managed(node, policy) {
                    joined.warnings.push(format!("node {} is in no node group: {why}", node.name));
                }
                Membership { group: None, outside: Some(why), leaving: false }
            }
        };
        joined.memberships.push(membership);
    }
    let known: BTreeSet<&InstanceId> = nodes.keys().collect();
    joined.groups = found.groups.iter().map(|group| node_group(group, &known, &found.gaps)).collect();
    joined
}

/// The instance that a node was proven to run on, and whether that is going away; else why there is none.
fn member(
    node: &Node,
    nodes: &BTreeMap<InstanceId, Vec<&str>>,
    instances: &BTreeMap<&InstanceId, (&FoundGroup, &ManagedInstance)>,
    found: &Found,
    scope: &CloudScope,
) -> Result<(Member, bool), String> {
    let Some(provider_id) = node.provider_id.as_deref() else {
        return Err("it has no providerID".to_owned());
    };
    if !provider_id.starts_with(SCHEME) {
        return Err(format!("its providerID {provider_id} is not one of Compute Engine"));
    }
    let id = InstanceId::from_provider_id(provider_id).map_err(|error| format!("its providerID: {error}"))?;
    if let Some(project) = scope.project.as_deref().filter(|project| *project != id.project().as_str()) {
        return Err(format!("its instance is of project {}, PROJECT is {project}", id.project()));
    }
    let twins = nodes.get(&id).into_iter().flatten().filter(|name| **name != node.name);
    if let Some(twin) = twins.copied().next() {
        return Err(format!("node {twin} says that it is the same instance, {id}"));
    }
    let Some((group, managed)) = instances.get(&id) else {
        return Err(outside(&id, found, scope));
    };
    let registered = node.annotations.get(annotation::INSTANCE_ID);
    if let (Some(registered), Some(number)) = (registered, managed.number)
        && *registered != number.to_string()
    {
        return Err(format!(
            "its instance was made anew: the node registered from instance {registered}, now it is {number}"
        ));
    }
    let member = Member { group: group.group.id.clone(), instance: id, number: managed.number };
    Ok((member, managed.action == CurrentAction::Leaving))
}

fn outside(id: &InstanceId, found: &Found, scope: &CloudScope) -> String {
    if found.gone.contains(id) {
        return format!("its instance {id} is gone");
    }
    if !found.gaps.is_empty() {
        return format!("its instance {id} is in none of the groups that could be seen");
    }
    let named = !scope.node_groups.is_empty();
    match (&scope.zone, named) {
        (_, true) => format!("its instance {id} is in none of the groups that NODE_GROUPS names"),
        (Some(zone), false) => format!("its instance {id} is in no managed instance group of zone {zone}"),
        (None, false) => format!("its instance {id} is in no managed instance group"),
    }
}

fn node_group(found: &FoundGroup, nodes: &BTreeSet<&InstanceId>, gaps: &[String]) -> NodeGroup {
    let group = &found.group;
    let staying = || found.instances.iter().filter(|one| one.managed.action != CurrentAction::Leaving);
    let mut instances: Vec<Instance> =
        staying().filter_map(|one| instance(one, nodes.contains(&one.managed.instance))).collect();
    // What a group was just asked for may not be in its list yet.
    let listed = u32::try_from(staying().count()).unwrap_or(u32::MAX);
    let coming = group.target_size.saturating_sub(listed);
    let unnamed =
        |number| Instance { name: format!("{} (coming, {number})", group.id), ..Instance::default() };
    instances.extend((1..=coming).map(unnamed));
    let unseen = gaps.first().map(|gap| format!("not everything could be seen: {gap}"));
    NodeGroup {
        name: group.id.to_string(),
        zone: match group.id.location() {
            Location::Zone(zone) => Some(zone.to_string()),
            Location::Region(_) => None,
        },
        target_size: group.target_size,
        instances,
        template: None,
        not_growable: rules::not_growable(group).or(unseen),
        not_shrinkable: rules::not_shrinkable(group),
    }
}

/// `None` for one that neither has a node nor will get one by itself.
fn instance(found: &FoundInstance, has_node: bool) -> Option<Instance> {
    let managed = &found.managed;
    let status = managed.status.as_deref();
    let asleep = matches!(status, Some("STOPPED" | "SUSPENDED" | "STOPPING" | "SUSPENDING"));
    if !has_node && asleep && managed.action == CurrentAction::None {
        return None;
    }
    // Those of an earlier attempt stay on an instance that runs.
    let failing = !has_node && status != Some("RUNNING");
    let error = managed.errors.first().filter(|_| failing);
    Some(Instance {
        name: managed.instance.name().to_owned(),
        has_node,
        created_at: found.created_at,
        creation_error: error.map(|error| format!("{}: {}", error.code, error.message)),
    })
}
