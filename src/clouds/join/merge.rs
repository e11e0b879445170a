//! Merges several clouds of one cluster: each node belongs to the cloud of its provider ID, or to the cloud that proved it;
//! each group keeps its cloud.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::{Membership, Node, NodeGroup, Snapshot};
use kube_rebalancer_core::plan::is_managed;
use kube_rebalancer_core::policy::Policy;

use crate::named::ScopeError;

/// One cloud's view of a cluster.
#[derive(Clone, Debug, Default)]
pub struct CloudPart {
    /// The cloud, for people.
    pub cloud: &'static str,
    /// The beginning of its provider IDs; `None` for a provider without its own IDs, which judges all nodes.
    pub scheme: Option<&'static str>,
    /// Whether `PROVIDER` names it: nodes whose provider ID names no cloud here belong to it.
    pub takes_the_rest: bool,
    /// Its groups.
    pub groups: Vec<NodeGroup>,
    /// A membership for each node of the snapshot, in its order; empty if the cloud could not be listed. Memberships of
    /// nodes of other clouds are ignored.
    pub memberships: Vec<Membership>,
    /// The gaps in the view.
    pub gaps: Vec<String>,
    /// Whether its gaps leave the groups of other clouds as they are: too few nodes say that they are in it.
    pub stops_nothing: bool,
    /// Further facts for a person, a sentence each. They stop nothing.
    pub notes: Vec<String>,
    /// The parts of `NODE_GROUPS` that name none of its groups.
    pub unknown: BTreeSet<String>,
    /// The names of all its groups, for the error about such a part.
    pub known: Vec<String>,
}

/// All clouds of a cluster.
#[derive(Clone, Debug, Default)]
pub struct Whole {
    /// The groups, each under a name that no other has.
    pub groups: Vec<NodeGroup>,
    /// The membership of each node of the snapshot, in its order.
    pub memberships: Vec<Membership>,
    /// The gaps, further facts for a person, and the managed nodes that are in no group.
    pub warnings: Vec<String>,
    /// Whether the view is complete.
    pub complete: bool,
    /// The position of a group's cloud, and the group's name there, by its name here.
    pub cloud_of_group: BTreeMap<String, (usize, String)>,
    /// The position of a node's cloud, for nodes in a group.
    pub cloud_of_node: BTreeMap<String, usize>,
    /// The position of a node's cloud by provider ID or by `PROVIDER`, for nodes in no group.
    pub cloud_of_other: BTreeMap<String, usize>,
}

/// Merges the clouds of a cluster. A gap of one cloud stops the growth of all, because coming instances there are unknown; but
/// not one of a cloud that only a few nodes name, because a kubelet may name any.
pub fn merge(
    parts: Vec<CloudPart>,
    snapshot: &Snapshot,
    policy: &Policy,
    zone: Option<&str>,
) -> Result<Whole, ScopeError> {
    check_names(&parts, zone)?;
    let mut whole = Whole::default();
    let ambiguous = ambiguous(&parts);
    for node in snapshot.nodes() {
        let membership = match cloud_of(node, whole.memberships.len(), &parts) {
            Ok(at) => {
                let membership =
                    parts.get(at).map(|part| membership(part, whole.memberships.len(), &ambiguous));
                let membership = membership.unwrap_or_default();
                let known = if membership.group.is_some() {
                    &mut whole.cloud_of_node
                } else {
                    &mut whole.cloud_of_other
                };
                known.insert(node.name.clone(), at);
                membership
            }
            Err(why) => Membership { outside: Some(why), ..Membership::default() },
        };
        whole.memberships.push(membership);
    }
    whole.warnings = parts.iter().flat_map(|part| part.gaps.iter().cloned()).collect();
    whole.complete = whole.warnings.is_empty();
    let mut that_count = parts.iter().filter(|part| !part.stops_nothing).flat_map(|part| &part.gaps);
    let unseen = that_count.next().map(|gap| format!("not everything could be listed: {gap}"));
    whole.warnings.extend(parts.iter().flat_map(|part| part.notes.iter().cloned()));
    for (at, part) in parts.into_iter().enumerate() {
        for mut group in part.groups {
            let name = shown(part.scheme, &group.name, &ambiguous);
            let own_name = std::mem::replace(&mut group.name, name.clone());
            group.not_growable = group.not_growable.or_else(|| unseen.clone());
            whole.groups.push(group);
            whole.cloud_of_group.insert(name, (at, own_name));
        }
    }
    for (node, membership) in snapshot.nodes().iter().zip(&whole.memberships) {
        if let (Some(why), true) = (&membership.outside, is_managed(node, policy)) {
            whole.warnings.push(format!("node {} is in no node group: {why}", node.name));
        }
    }
    Ok(whole)
}

/// Whether each part of `NODE_GROUPS` names a group of one cloud at least.
fn check_names(parts: &[CloudPart], zone: Option<&str>) -> Result<(), ScopeError> {
    let Some((first, others)) = parts.split_first() else { return Ok(()) };
    let nowhere = |name: &&String| others.iter().all(|part| part.unknown.contains(*name));
    match first.unknown.iter().find(nowhere) {
        None => Ok(()),
        Some(part) => Err(ScopeError::NoSuchGroup {
            part: part.clone(),
            zone: zone.map(str::to_owned),
            known: parts.iter().flat_map(|part| part.known.iter().cloned()).collect(),
        }),
    }
}

/// The position of a node's cloud; otherwise the reason why there is none. The provider ID decides; without a known one, the
/// only cloud that proved the node, else the one that `PROVIDER` names.
fn cloud_of(node: &Node, position: usize, parts: &[CloudPart]) -> Result<usize, String> {
    let by_scheme = node.provider_id.as_deref().and_then(|id| {
        parts.iter().position(|part| part.scheme.is_some_and(|scheme| id.starts_with(scheme)))
    });
    if let Some(at) = by_scheme {
        return Ok(at);
    }
    let proves = |part: &CloudPart| part.memberships.get(position).is_some_and(|seen| seen.group.is_some());
    let mut proving = (0_usize..).zip(parts).filter(|(_, part)| proves(part)).map(|(at, _)| at);
    match (proving.next(), proving.next()) {
        (Some(at), None) => return Ok(at),
        (Some(_), Some(_)) => return Err("several clouds have an instance of its name and UUID".to_owned()),
        (None, _) => {}
    }
    if let Some(at) = parts.iter().position(|part| part.takes_the_rest) {
        return Ok(at);
    }
    let Some(provider_id) = node.provider_id.as_deref() else {
        return Err("it has no providerID".to_owned());
    };
    let clouds: Vec<&str> = parts.iter().map(|part| part.cloud).collect();
    Err(format!("its providerID {provider_id} is not one of {}", clouds.join(" or ")))
}

fn membership(part: &CloudPart, at: usize, ambiguous: &BTreeSet<String>) -> Membership {
    let Some(seen) = part.memberships.get(at) else {
        let why = format!("the node groups of {} could not be listed", part.cloud);
        return Membership { outside: Some(why), ..Membership::default() };
    };
    let group = seen.group.as_deref().map(|name| shown(part.scheme, name, ambiguous));
    Membership { group, ..seen.clone() }
}

/// The names that groups of several clouds share.
fn ambiguous(parts: &[CloudPart]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let names = parts.iter().flat_map(|part| &part.groups).map(|group| &group.name);
    names.filter(|name| !seen.insert(*name)).cloned().collect()
}

/// The name of a group, unique among the groups of all clouds.
fn shown(scheme: Option<&str>, name: &str, ambiguous: &BTreeSet<String>) -> String {
    match scheme {
        Some(scheme) if ambiguous.contains(name) => format!("{scheme}{name}"),
        Some(_) | None => name.to_owned(),
    }
}
