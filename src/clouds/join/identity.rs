//! The identity of a cloud's instances.

use std::collections::BTreeMap;
use std::fmt;

use kube_rebalancer_core::model::{Node, Snapshot};

/// The identity of an instance. Two values are equal only if they are the same instance of the same account and zone.
/// Its display is short and for people.
pub trait Identity: Clone + Ord + fmt::Debug + fmt::Display {
    /// The cloud, for people, such as `Compute Engine`.
    const CLOUD: &'static str;
    /// The beginning of its provider IDs, such as `gce://`.
    const SCHEME: &'static str;

    /// Reads a node's `spec.providerID`; the error names the problem.
    fn from_provider_id(text: &str) -> Result<Self, String>;

    /// The instance that a node claims to be: by its provider ID, unless the cloud's nodes may lack one and have another
    /// identifier, such as a system UUID. The error completes a sentence about the node: `it has no providerID`.
    fn of_node(node: &Node) -> Result<Self, String> {
        let Some(provider_id) = node.provider_id.as_deref() else {
            return Err("it has no providerID".to_owned());
        };
        if !provider_id.starts_with(Self::SCHEME) {
            return Err(format!("its providerID {provider_id} is not one of {}", Self::CLOUD));
        }
        Self::from_provider_id(provider_id).map_err(|why| format!("its providerID: {why}"))
    }

    /// Whether the cluster's node on this instance has this name. A kubelet may claim any provider ID when it registers,
    /// but it must prove its name; so a node is an instance only if both agree. If a cloud names its nodes by an address
    /// or an ID, this compares that.
    fn is_node(&self, name: &str) -> bool;

    /// The unique number or ID of the instance from which a node registered, if the node has it.
    #[must_use]
    fn registered_uid(_node: &Node) -> Option<&str> {
        None
    }
}

/// Whether the instance certainly runs no node of the cluster.
///
/// Every node must name an instance of its cloud, and none may name this one or have a name that a node of it would
/// have. `nodes` must hold every node of the cluster.
#[must_use]
pub fn is_no_node<I: Identity>(instance: &I, nodes: &[Node]) -> bool {
    nodes.iter().all(|node| I::of_node(node).is_ok_and(|id| id != *instance) && !instance.is_node(&node.name))
}

/// The instance that a node claims to be, if its name agrees.
#[must_use]
pub fn instance_of<I: Identity>(node: &Node) -> Option<I> {
    let instance = I::of_node(node).ok()?;
    instance.is_node(&node.name).then_some(instance)
}

/// The instances that the nodes of a cluster claim to be, each with the names of its nodes, if they agree. More than one
/// name means that two nodes claim one instance.
#[must_use]
pub fn claims<I: Identity>(snapshot: &Snapshot) -> BTreeMap<I, Vec<&str>> {
    let mut claims: BTreeMap<I, Vec<&str>> = BTreeMap::new();
    for node in snapshot.nodes() {
        if let Some(instance) = instance_of(node) {
            claims.entry(instance).or_default().push(&node.name);
        }
    }
    claims
}
