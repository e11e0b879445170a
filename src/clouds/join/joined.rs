//! Matches nodes with instances.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::{Membership, Node, NodeGroup, Snapshot};

use crate::group::node_group;
use crate::identity::{Identity, claims, is_no_node};
use crate::listing::{InstanceState, ListedGroup, ListedInstance, Listing};
use crate::member::Member;

/// The matched nodes and instances.
#[derive(Clone, Debug)]
pub struct Joined<I> {
    /// The groups.
    pub groups: Vec<NodeGroup>,
    /// The membership of each node of the snapshot, in its order.
    pub memberships: Vec<Membership>,
    /// The instances that may be deleted, by the names of their nodes.
    pub members: BTreeMap<String, Member<I>>,
    /// The instances that certainly are no node and may be deleted, by the names of their groups and their own.
    pub without_node: BTreeMap<(String, String), Member<I>>,
}

/// The instances of a listing, each with its group.
type ById<'a, I> = BTreeMap<&'a I, (&'a ListedGroup<I>, &'a ListedInstance<I>)>;

/// Matches the nodes of a snapshot with their cloud's listing.
#[must_use]
pub fn join<I: Identity>(listing: &Listing<I>, snapshot: &Snapshot) -> Joined<I> {
    let claims = claims::<I>(snapshot);
    let in_group = |group| move |instance| (group, instance);
    let instances: ById<'_, I> = listing
        .groups
        .iter()
        .flat_map(|group| group.instances.iter().map(in_group(group)))
        .map(|(group, instance)| (&instance.id, (group, instance)))
        .collect();
    let mut joined = Joined {
        groups: Vec::new(),
        memberships: Vec::new(),
        members: BTreeMap::new(),
        without_node: BTreeMap::new(),
    };
    for node in snapshot.nodes() {
        let membership = match member(node, &claims, &instances, listing) {
            Ok((member, leaving)) => {
                let group = Some(member.group.clone());
                if !leaving {
                    joined.members.insert(node.name.clone(), member);
                }
                Membership { group, outside: None, leaving }
            }
            Err(why) => Membership { group: None, outside: Some(why), leaving: false },
        };
        joined.memberships.push(membership);
    }
    let with_node: BTreeSet<&I> = claims.keys().collect();
    for group in &listing.groups {
        let without = group.instances.iter().filter(|one| !with_node.contains(&one.id));
        for instance in without.filter(|one| is_lost(one, snapshot)) {
            let member = Member {
                provider_id: None,
                system_uuid: None,
                group: group.name.clone(),
                instance: instance.id.clone(),
                uid: instance.uid.clone(),
            };
            joined.without_node.insert((group.name.clone(), instance.name.clone()), member);
        }
        joined.groups.push(node_group(group, &with_node, &joined.without_node));
    }
    joined
}

/// Whether an instance runs, has a unique number, and certainly is no node.
fn is_lost<I: Identity>(instance: &ListedInstance<I>, snapshot: &Snapshot) -> bool {
    instance.state == InstanceState::Present
        && instance.uid.is_some()
        && is_no_node(&instance.id, snapshot.nodes())
}

/// The proven instance of a node, and whether it is being deleted; otherwise the reason why there is none.
fn member<I: Identity>(
    node: &Node,
    claims: &BTreeMap<I, Vec<&str>>,
    instances: &ById<'_, I>,
    listing: &Listing<I>,
) -> Result<(Member<I>, bool), String> {
    let id = I::of_node(node)?;
    if !id.is_node(&node.name) {
        let named_by = if node.provider_id.is_some() { "providerID" } else { "system UUID" };
        return Err(format!("its {named_by} names instance {id}, whose node has another name"));
    }
    if let Some(why) = listing.strays.get(&node.name).or_else(|| listing.outside.get(&id)) {
        return Err(why.clone());
    }
    let is_twin = |name: &&&str| **name != node.name && !listing.mistaken.contains(**name);
    let twins = claims.get(&id).into_iter().flatten().filter(is_twin);
    if let Some(twin) = twins.copied().next() {
        return Err(format!("node {twin} says that it is the same instance, {id}"));
    }
    let Some((group, instance)) = instances.get(&id) else {
        let place = if listing.gaps.is_empty() {
            &listing.elsewhere
        } else {
            "is in none of the groups that could be listed"
        };
        return Err(format!("its instance {id} {place}"));
    };
    if let (Some(registered), Some(uid)) = (I::registered_uid(node), instance.uid.as_deref())
        && registered != uid
    {
        return Err(format!(
            "its instance was recreated: the node registered from instance {registered}, now it is {uid}"
        ));
    }
    let member = Member {
        provider_id: node.provider_id.clone(),
        system_uuid: node.system_uuid.clone(),
        group: group.name.clone(),
        instance: id,
        uid: instance.uid.clone(),
    };
    Ok((member, instance.state == InstanceState::Leaving))
}
