//! How a cloud names its instances.

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

    /// Reads a node's `spec.providerID`; the error says what is wrong with it.
    fn from_provider_id(text: &str) -> Result<Self, String>;

    /// The unique number or ID of the instance that a node registered from, where the node carries it.
    #[must_use]
    fn registered_uid(_node: &Node) -> Option<&str> {
        None
    }
}

/// The instance that a node claims to be.
#[must_use]
pub fn instance_of<I: Identity>(node: &Node) -> Option<I> {
    I::from_provider_id(node.provider_id.as_deref()?).ok()
}

/// The instances that the nodes of a cluster claim to be, each with the names of those nodes. More than one name is a
/// pair of twins.
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
