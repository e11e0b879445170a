//! The servers of a node group, and the changes that it does not allow.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use kube_rebalancer_join::{InstanceState, ListedGroup};
use kube_rebalancer_ports::MagnumDelete;

use super::asked::Asked;
use super::heat;
use crate::client::{Cluster, ClusterGroup, Server};
use crate::id::ServerId;
use crate::provider::state::{listed, state};

/// The reason why a node of Magnum is not parked.
pub(in crate::provider) const NOT_PARKABLE: &str =
    "Magnum's auto-healing may replace a node that does not answer, so its nodes are not parked";

/// A node group of Magnum as it was read.
#[derive(Debug)]
pub(in crate::provider) struct NodeGroup {
    /// Its name in plans.
    pub(in crate::provider) name: String,
    pub(super) cluster: Cluster,
    pub(super) group: ClusterGroup,
    /// The names of all node groups of the cluster.
    pub(super) names: BTreeSet<String>,
    pub(super) delete: MagnumDelete,
    /// The deletions that earlier runs requested of it.
    pub(super) asked: Vec<Asked>,
    /// Whether its servers have the names that Heat gives.
    pub(super) of_heat: bool,
    /// Whether its driver deleted another server than the named one in this run.
    pub(super) has_missed: AtomicBool,
}

impl NodeGroup {
    /// With the proof that its servers have the names that Heat gives, if one of these servers has such a name.
    pub(super) fn among(self, servers: &[Server]) -> Self {
        let of_heat =
            servers.iter().any(|server| self.group.has_address(&server.addresses) && self.is_worker(server));
        Self { of_heat, ..self }
    }

    fn is_worker(&self, server: &Server) -> bool {
        let cluster = self.cluster.name.as_deref();
        cluster.is_some_and(|cluster| heat::is_worker(&server.name, cluster, &self.group.name))
    }

    /// Whether a server is of the group: Magnum lists one of its addresses, or its name begins as the drivers of
    /// Cluster API name servers: with the stack and the longest matching name of a node group.
    ///
    /// Private addresses repeat between the clusters of a project. Where Heat names the servers, the name must fit too.
    pub(in crate::provider) fn has(&self, server: &Server) -> bool {
        if self.group.has_address(&server.addresses) && (!self.of_heat || self.is_worker(server)) {
            return true;
        }
        let Some(stack) = self.cluster.stack_id.as_deref().filter(|stack| !stack.is_empty()) else {
            return false;
        };
        let rest = server.name.strip_prefix(stack).and_then(|rest| rest.strip_prefix('-'));
        let Some(rest) = rest else { return false };
        let fits = |name: &&String| rest.strip_prefix(name.as_str()).is_some_and(|end| end.starts_with('-'));
        let longest = self.names.iter().filter(fits).max_by_key(|name| name.len());
        longest == Some(&self.group.name)
    }

    /// The group with its servers, for the crate `join`.
    pub(in crate::provider) fn listed(&self, servers: &[&Server]) -> ListedGroup<ServerId> {
        ListedGroup {
            name: self.name.clone(),
            zone: None,
            zones: Vec::new(),
            template: None,
            target_size: self.group.node_count,
            instances: servers.iter().map(|server| listed(server)).collect(),
            not_growable: not_growable(&self.cluster, &self.group),
            not_shrinkable: self.not_shrinkable(servers),
            not_parkable: Some(NOT_PARKABLE.to_owned()),
            not_wakeable: None,
        }
    }

    fn not_shrinkable(&self, servers: &[&Server]) -> Option<String> {
        let Self { cluster, group, delete, asked, .. } = self;
        if *delete == MagnumDelete::Never {
            let why = "MAGNUM_DELETE is never: today's driver of Magnum deletes any nodes in place of the named ones";
            return Some(why.to_owned());
        }
        let staying: Vec<&&Server> =
            servers.iter().filter(|server| state(server) != InstanceState::Leaving).collect();
        let still = asked.iter().find(|one| staying.iter().any(|server| server.id.as_str() == one.server));
        if let Some(Asked { server, at, .. }) = still {
            return Some(format!(
                "Magnum was asked at {at:.0} to delete server {server} of it, and the server is still there; if it stays, \
                 the driver deletes others in place of the named ones, and MAGNUM_DELETE has to be never"
            ));
        }
        in_the_way(cluster, group)
            .or_else(|| {
                let (count, there) = (group.node_count, staying.len());
                let is_so = usize::try_from(count) == Ok(there);
                (!is_so)
                    .then(|| format!("its requested size in Magnum is {count}, but Nova has {there} servers"))
            })
            .or_else(|| {
                let (count, least) = (group.node_count, group.min_node_count);
                (count <= least).then(|| format!("it has {count} nodes, and its min_node_count is {least}"))
            })
    }
}

/// The reason why a node group must not grow now.
pub(super) fn not_growable(cluster: &Cluster, group: &ClusterGroup) -> Option<String> {
    let full = || {
        let most = group.max_node_count.filter(|most| group.node_count >= *most)?;
        Some(format!("it has {} nodes, and its max_node_count is {most}", group.node_count))
    };
    in_the_way(cluster, group).or_else(full)
}

/// The reason why a node group must not change now: another autoscaler scales it, or its last change is in
/// progress.
pub(super) fn in_the_way(cluster: &Cluster, group: &ClusterGroup) -> Option<String> {
    if cluster.is_on("auto_scaling_enabled") {
        return Some("an autoscaler scales its cluster (label auto_scaling_enabled)".to_owned());
    }
    let reason = cluster
        .status_reason
        .as_deref()
        .map(kube_rebalancer_ports::words::clean)
        .filter(|text| !text.is_empty());
    let because = reason.map(|text| format!(": {text}")).unwrap_or_default();
    if !cluster.status.ends_with("_COMPLETE") {
        return Some(format!(
            "its cluster is {}{because}",
            kube_rebalancer_ports::words::clean(&cluster.status)
        ));
    }
    let status = group.status.as_deref().filter(|status| !status.ends_with("_COMPLETE"))?;
    Some(format!("it is {}{because}", kube_rebalancer_ports::words::clean(status)))
}
