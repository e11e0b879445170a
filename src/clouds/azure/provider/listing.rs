//! Matches instances with nodes, for the crate `join`.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::{Node, Snapshot};
use kube_rebalancer_join::{Identity, ListedGroup, Listing};

use super::find::{Found, FoundSet, Maker, is_of_aks, zones};
use super::rules::{self, NOT_PARKED_BY_AKS, Objection};
use super::scope::Place;
use super::sizes::Sizes;
use super::state::listed;
use super::template::node_template;
use crate::client::Machine;
use crate::id::{InstanceId, agent_pool_of};

/// The groups, and the reasons why instances of nodes are in none. An invalid template becomes a note.
pub(super) fn listing(
    found: &Found,
    place: &Place,
    cluster: &Snapshot,
    sizes: &Sizes,
) -> (Listing<InstanceId>, Vec<String>) {
    let mut notes = found.notes.clone();
    let groups = found.sets.iter().map(|one| group(one, sizes, &mut notes)).collect();
    let (strays, mistaken) = strays(found, cluster);
    let listing = Listing {
        groups,
        gaps: found.gaps.clone(),
        outside: place.elsewhere.clone(),
        strays,
        mistaken,
        elsewhere: "is in no scale set that NODE_GROUPS names".to_owned(),
    };
    (listing, notes)
}

fn group(found: &FoundSet, sizes: &Sizes, notes: &mut Vec<String>) -> ListedGroup<InstanceId> {
    let FoundSet { name, set, maker, machines } = found;
    let template = node_template(found, sizes.get(name)).map_err(|why| {
        notes.push(format!(
            "a new node of node group {name} cannot be predicted, so the existing nodes describe it: {why}"
        ));
    });
    let zones = zones(set);
    let words = |objection: Option<Objection>| objection.map(Objection::words);
    let (target_size, not_growable, not_shrinkable, not_parkable, not_wakeable) = match maker {
        Maker::Person => (
            set.capacity,
            words(rules::against_growth(set, machines)),
            words(rules::against_giving_back(set, machines)),
            words(rules::against_giving_back(set, machines)),
            words(rules::against_waking(machines)),
        ),
        Maker::Pool(pool, cluster) => (
            pool.count,
            words(rules::against_pool_growth(cluster, pool)),
            words(rules::against_pool_deletion(cluster, pool, 1)),
            Some(NOT_PARKED_BY_AKS.to_owned()),
            Some(NOT_PARKED_BY_AKS.to_owned()),
        ),
        Maker::Unknown(why) => {
            let why = unknown_pool(why);
            (set.capacity, Some(why.clone()), Some(why.clone()), Some(why.clone()), Some(why))
        }
    };
    ListedGroup {
        name: name.clone(),
        zone: if let [zone] = zones.as_slice() { Some(zone.clone()) } else { None },
        zones: if zones.len() > 1 { zones } else { Vec::new() },
        template: template.ok(),
        target_size,
        instances: machines.iter().map(listed).collect(),
        not_growable,
        not_shrinkable,
        not_parkable,
        not_wakeable,
    }
}

/// The reason why a scale set of AKS without a known pool is not changed.
pub(super) fn unknown_pool(why: &str) -> String {
    format!("AKS created it, so it can only be changed through its agent pool, which is not known: {why}")
}

/// The reasons why nodes are in no group, and the nodes among them that name the instance of another node while another instance
/// has their own name. A node whose name no instance has may be the same machine under a new name, so it is not among the latter.
fn strays(found: &Found, cluster: &Snapshot) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let machines = found.sets.iter().flat_map(|one| one.machines.iter().map(move |machine| (one, machine)));
    let machines: BTreeMap<&InstanceId, (&FoundSet, &Machine)> =
        machines.map(|(set, machine)| (&machine.id, (set, machine))).collect();
    let of_instance = |machine: &Machine| machine.computer_name.as_deref().map(str::to_ascii_lowercase);
    let names: BTreeSet<String> = machines.values().filter_map(|(_, machine)| of_instance(machine)).collect();
    let (mut strays, mut mistaken) = (BTreeMap::new(), BTreeSet::new());
    for node in cluster.nodes() {
        let Ok(id) = InstanceId::of_node(node) else { continue };
        let why = match machines.get(&id) {
            Some((found, machine)) => {
                let own = node.name.to_ascii_lowercase();
                if of_instance(machine).is_some_and(|name| name != own) && names.contains(&own) {
                    mistaken.insert(node.name.clone());
                }
                disagreement(found, machine, node)
            }
            None => found.closed.get(id.scale_set()).cloned().or_else(|| {
                let is_seen = found.sets.iter().any(|one| one.set.id == *id.scale_set());
                is_seen.then(|| format!("its instance {id} is gone: its scale set does not list it"))
            }),
        };
        strays.extend(why.map(|why| (node.name.clone(), why)));
    }
    (strays, mistaken)
}

/// The reason why a node and the instance that it names do not match.
fn disagreement(found: &FoundSet, machine: &Machine, node: &Node) -> Option<String> {
    let id = &machine.id;
    let Some(name) = machine.computer_name.as_deref() else {
        return Some(format!("its instance {id} has no computer name"));
    };
    if !name.eq_ignore_ascii_case(&node.name) {
        return Some(format!("its instance {id} has another computer name, {name}"));
    }
    // A scale set of AKS changes only through AKS.
    let pool = agent_pool_of(node)?;
    (!is_of_aks(&found.set)).then(|| {
        format!(
            "its label names the AKS pool {pool}, but its scale set {} does not belong to AKS",
            found.set.id
        )
    })
}
