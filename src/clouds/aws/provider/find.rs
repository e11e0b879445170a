//! Finds the groups of the nodes, or the ones that `NODE_GROUPS` names.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_core::plan::is_managed;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_join::{GroupName, claims, instance_of, named};
use kube_rebalancer_ports::CloudScope;

use super::cluster;
use super::facts::Facts;
use crate::client::{Client, Listed};
use crate::error::{CloudError, Kind};
use crate::id::InstanceId;
use crate::types::{Group, Placed};

/// Maximum number of concurrent requests.
const PARALLEL: usize = 4;

/// A group with its further facts.
#[derive(Debug)]
pub(super) struct FoundGroup {
    pub(super) group: Group,
    pub(super) facts: Facts,
}

/// The result.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) groups: Vec<FoundGroup>,
    /// The managed nodes' instances in any group, including warm pools.
    pub(super) placed: BTreeMap<InstanceId, Placed>,
    /// The reason for each group that is left out, by its name.
    pub(super) left_out: BTreeMap<String, String>,
    /// The parts of `NODE_GROUPS` that name no group.
    pub(super) unknown: BTreeSet<String>,
    /// The names of all groups.
    pub(super) known: Vec<String>,
}

/// Finds the groups.
pub(super) async fn find(
    client: &Client,
    snapshot: &Snapshot,
    policy: &Policy,
    scope: &CloudScope,
) -> Result<Found, CloudError> {
    let managed = snapshot.nodes().iter().filter(|node| is_managed(node, policy));
    let ids: BTreeSet<InstanceId> = managed.filter_map(instance_of).collect();
    let mut found = Found::default();
    let placed = client.placed(&ids).await?;
    found.placed = placed.into_iter().map(|one| (one.instance.id.clone(), one)).collect();
    let groups = if scope.node_groups.is_empty() {
        let names: BTreeSet<&str> = found.placed.values().map(|one| one.group.as_str()).collect();
        let groups = if names.is_empty() { Vec::new() } else { client.groups_of(&names).await? };
        let nodes_of = |name: &str| found.placed.values().filter(|one| one.group == name).count();
        let (groups, left_out) = cluster::of_one_cluster(groups, nodes_of);
        found.left_out = left_out;
        groups
    } else {
        let Listed { groups: all, unread } = client.groups().await?;
        let groups = named(&all, &scope.node_groups, |group| group_name(group, &client.region))
            .map_err(|error| CloudError::new(Kind::Setting, error.to_string()))?;
        found.known = all.iter().map(|group| group_name(group, &client.region).to_string()).collect();
        let in_region = |(name, _): &(String, CloudError)| GroupName {
            location: client.region.clone(),
            name: name.clone(),
        };
        let own = named(&unread, &groups.unknown, in_region)
            .map_err(|error| CloudError::new(Kind::Setting, error.to_string()))?;
        if let Some((_, why)) = own.groups.first() {
            return Err(why.clone());
        }
        found.unknown = groups.unknown;
        groups.groups.into_iter().cloned().collect()
    };
    let (groups, elsewhere): (Vec<Group>, Vec<Group>) = groups
        .into_iter()
        .partition(|group| scope.zone.as_ref().is_none_or(|zone| group.zones == [zone.clone()]));
    found.left_out.extend(elsewhere.into_iter().map(|group| {
        let zone = scope.zone.as_deref().unwrap_or_default();
        (group.name, format!("is in zones {}, ZONE is {zone}", group.zones.join(", ")))
    }));
    let with_node: BTreeSet<InstanceId> = claims(snapshot).into_keys().collect();
    let facts: Vec<_> = groups
        .iter()
        .map(|group| {
            let is_settled = group.instances.iter().all(|one| with_node.contains(&one.id));
            Facts::read(client, group, is_settled)
        })
        .collect();
    let facts: Vec<Facts> = stream::iter(facts).buffered(PARALLEL).collect().await;
    found.groups = groups.into_iter().zip(facts).map(|(group, facts)| FoundGroup { group, facts }).collect();
    Ok(found)
}

/// The name of a group in `NODE_GROUPS`, with or without its zone or region.
fn group_name(group: &Group, region: &str) -> GroupName {
    let location = match group.zones.as_slice() {
        [zone] => zone.clone(),
        _ => region.to_owned(),
    };
    GroupName { location, name: group.name.clone() }
}
