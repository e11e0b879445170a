//! Whether the servers of nodes that were given back are gone.
//!
//! Nova names the server that it does not find. That alone is no proof: a project that never had the server gets the same
//! answer. So another server of the cluster must be found afterwards, with the same token at the same endpoint.

use futures_util::{StreamExt, stream};
use kube_rebalancer_core::model::{MachineFate, Node};
use kube_rebalancer_join::Identity;
use kube_rebalancer_join::InstanceState;
use kube_rebalancer_ports::InstanceToDelete;

use super::state::{shown, state};
use super::{OpenStack, PARALLEL};
use crate::id::{ServerId, region_of};

/// Maximum number of other servers that are tried: one that is being deleted at this moment proves nothing.
const WITNESSES: usize = 3;

impl OpenStack {
    pub(super) async fn fates_of(&self, nodes: &[InstanceToDelete]) -> Vec<MachineFate> {
        let asking: Vec<_> = nodes.iter().map(|node| self.fate(node)).collect();
        let mut fates: Vec<MachineFate> = stream::iter(asking).buffered(PARALLEL).collect().await;
        if fates.contains(&MachineFate::Gone)
            && let Err(why) = self.witness().await
        {
            for fate in fates.iter_mut().filter(|fate| **fate == MachineFate::Gone) {
                *fate = MachineFate::Unknown(why.clone());
            }
        }
        fates
    }

    async fn fate(&self, node: &InstanceToDelete) -> MachineFate {
        let InstanceToDelete { provider_id, system_uuid, .. } = node;
        let (provider_id, system_uuid) = (provider_id.clone(), system_uuid.clone());
        let node = Node { provider_id, system_uuid, ..Node::default() };
        let id = match ServerId::of_node(&node) {
            Ok(id) => id,
            Err(why) => return MachineFate::Unknown(why),
        };
        if let Some(region) = region_of(&node).filter(|region| *region != self.nova.region) {
            let own = &self.nova.region;
            return MachineFate::Unknown(format!(
                "its providerID names region {region}, the credentials are for {own}"
            ));
        }
        match self.nova.server(&id, false).await {
            Ok(Some(server)) => MachineFate::Exists(format!("server {id} is {}", shown(&server))),
            Ok(None) => MachineFate::Gone,
            Err(why) => MachineFate::Unknown(why.to_string()),
        }
    }

    /// Finds a server of another node of the cluster.
    async fn witness(&self) -> Result<(), String> {
        let mut last = "no other server of the cluster is there by which the project can be known".to_owned();
        for member in self.members.values().take(WITNESSES) {
            match self.nova.server(&member.instance, false).await {
                Ok(Some(server)) if state(&server) != InstanceState::Leaving => return Ok(()),
                Ok(Some(_)) => {}
                Ok(None) => last = format!("server {} of the cluster is not found either", member.instance),
                Err(why) => last = why.to_string(),
            }
        }
        Err(last)
    }
}
