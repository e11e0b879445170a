//! The subscriptions and resource groups in which a run looks.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::{Node, Snapshot};
use kube_rebalancer_core::plan::is_managed;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_join::{Identity, instance_of};
use kube_rebalancer_ports::{CloudScope, NotWanted};

use crate::id::{InstanceId, ScaleSetId};

/// The scope of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The scale sets in the provider IDs of managed nodes.
    pub(super) of_nodes: BTreeSet<ScaleSetId>,
    /// Subscription and resource group of these, and the ones in `NODE_GROUPS`.
    pub(super) resource_groups: BTreeSet<(String, String)>,
    /// The subscriptions of all of these.
    pub(super) subscriptions: BTreeSet<String>,
    /// Instances of another subscription than `PROJECT`, each with the reason.
    pub(super) elsewhere: BTreeMap<InstanceId, String>,
}

/// Whether a run uses Azure.
pub(super) fn wanted(nodes: &[Node], policy: &Policy, scope: &CloudScope) -> Result<(), NotWanted> {
    let mut managed = nodes.iter().filter(|node| is_managed(node, policy));
    let is_here = |id: &str| id.starts_with(InstanceId::SCHEME);
    if managed.any(|node| node.provider_id.as_deref().is_some_and(is_here)) {
        return Ok(());
    }
    if scope.provider.as_deref() != Some("azure") || scope.node_groups.is_empty() {
        return Err(NotWanted::Elsewhere);
    }
    let has_place = scope.node_groups.iter().any(|part| part.contains('/'));
    if scope.project.is_none() || !has_place {
        let words = "no node tells where the groups in NODE_GROUPS are: set PROJECT to the subscription, and name a group as \
                     RESOURCE_GROUP/NAME";
        return Err(NotWanted::NoAccount(words.to_owned()));
    }
    Ok(())
}

/// The scope of a run. Only nodes whose names match their instances count.
pub(super) fn place(snapshot: &Snapshot, policy: &Policy, scope: &CloudScope) -> Place {
    let mut place = Place::default();
    let project = scope.project.as_deref().map(str::to_ascii_lowercase);
    for node in snapshot.nodes() {
        let Some(id) = instance_of::<InstanceId>(node) else { continue };
        let set = id.scale_set();
        if let Some(project) = project.as_deref().filter(|project| *project != set.subscription()) {
            let why =
                format!("its instance {id} is of subscription {}, PROJECT is {project}", set.subscription());
            place.elsewhere.insert(id, why);
        } else if is_managed(node, policy) {
            place.of_nodes.insert(set.clone());
        }
    }
    let of_set = |set: &ScaleSetId| (set.subscription().to_owned(), set.resource_group().to_owned());
    place.resource_groups = place.of_nodes.iter().map(of_set).collect();
    place.subscriptions =
        place.resource_groups.iter().map(|(subscription, _)| subscription.clone()).collect();
    place.subscriptions.extend(project);
    place
}
