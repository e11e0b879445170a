//! Matches servers with nodes, for the crate `join`.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::{Node, Snapshot};
use kube_rebalancer_join::{Identity, ListedGroup, Listing};

use super::sets::{Set, Sorted};
use super::state::listed;
use crate::client::{Nova, Server};
use crate::id::{ServerId, is_name_of, is_name_of_any, region_of};

/// The reason why a set cannot grow.
pub(crate) const NOT_GROWABLE: &str = "a set of named servers cannot grow: nothing says what its next server would be; \
                                       Terraform or Ansible make one (PROVIDER=exec)";

/// The prefix of labels that Magnum puts on the nodes of its clusters.
const MAGNUM: &str = "magnum.openstack.org/";

/// The sets as groups, and the reasons why servers of nodes are in none.
pub(crate) fn listing(
    nova: &Nova,
    sets: &[Set],
    servers: &[Server],
    sorted: &Sorted<'_>,
    magnum: Vec<ListedGroup<ServerId>>,
    cluster: &Snapshot,
) -> Listing<ServerId> {
    let groups = sets.iter().zip(&sorted.of_set).filter(|(_, servers)| !servers.is_empty());
    let of_magnum = magnum.iter().flat_map(|group| &group.instances).map(|one| one.id.clone()).collect();
    let (strays, mistaken) = strays(nova, servers, &of_magnum, cluster);
    Listing {
        outside: sorted.refused.clone(),
        strays,
        mistaken,
        groups: groups.map(|(set, servers)| group(set, servers)).chain(magnum).collect(),
        gaps: Vec::new(),
        elsewhere: "is in none of the sets of servers that NODE_GROUPS names".to_owned(),
    }
}

fn group(set: &Set, servers: &[&Server]) -> ListedGroup<ServerId> {
    let instances: Vec<_> = servers.iter().map(|server| listed(server)).collect();
    let staying = instances.iter().filter(|one| one.state != kube_rebalancer_join::InstanceState::Leaving);
    ListedGroup {
        name: set.name.clone(),
        zone: None,
        zones: Vec::new(),
        template: None,
        target_size: u32::try_from(staying.count()).unwrap_or(u32::MAX),
        instances,
        not_growable: Some(NOT_GROWABLE.to_owned()),
        not_shrinkable: None,
        not_parkable: None,
        not_wakeable: None,
    }
}

/// The reasons why nodes are in no group, and the nodes among them that name the server of another node while another server has
/// their own name. A node whose name no server has may be the same machine under a new name, so it is not among the latter.
fn strays(
    nova: &Nova,
    servers: &[Server],
    of_magnum: &BTreeSet<ServerId>,
    cluster: &Snapshot,
) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let by_id: BTreeMap<&ServerId, &Server> = servers.iter().map(|server| (&server.id, server)).collect();
    let names: BTreeSet<String> = servers.iter().map(|server| server.name.to_ascii_lowercase()).collect();
    let (mut strays, mut mistaken) = (BTreeMap::new(), BTreeSet::new());
    for node in cluster.nodes() {
        let Ok(id) = ServerId::of_node(node) else { continue };
        let why = match by_id.get(&id) {
            None => Some(format!(
                "its server {id} is not in project {}: it is gone, or of another project",
                nova.project.name
            )),
            Some(server) => {
                if !is_name_of(&server.name, &node.name) && is_name_of_any(&names, &node.name) {
                    mistaken.insert(node.name.clone());
                }
                disagreement(nova, server, node)
                    .or_else(|| by_magnum(node).filter(|_| !of_magnum.contains(&id)))
            }
        };
        strays.extend(why.map(|why| (node.name.clone(), why)));
    }
    (strays, mistaken)
}

/// The reason why a node and the server that it names do not match.
fn disagreement(nova: &Nova, server: &Server, node: &Node) -> Option<String> {
    let id = &server.id;
    if !is_name_of(&server.name, &node.name) {
        return Some(format!("its server {id} has another name, {}", server.name));
    }
    if let Some(region) = region_of(node).filter(|region| *region != nova.region) {
        return Some(format!(
            "its providerID names region {region}, the credentials are for {}",
            nova.region
        ));
    }
    None
}

/// The reason why a node that Magnum made is in no set of servers.
fn by_magnum(node: &Node) -> Option<String> {
    let label = node.labels.keys().find(|key| key.starts_with(MAGNUM))?;
    Some(format!(
        "Magnum made it (label {label}), and its auto-healing may replace a node that does not answer; NODE_GROUPS names \
         a node group of Magnum as CLUSTER/GROUP"
    ))
}
