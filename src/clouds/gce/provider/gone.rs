//! Whether the instances of nodes that were given back are gone.
//!
//! Compute Engine names the instance that it does not find. That alone is no proof: another endpoint, or a project that
//! was recreated, gives the same answer. So another instance of the cluster must be found afterwards in the same project.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use kube_rebalancer_core::model::MachineFate;
use kube_rebalancer_join::Identity;
use kube_rebalancer_ports::InstanceToDelete;

use super::{Gce, PARALLEL};
use crate::name::{InstanceId, ProjectId};

/// Maximum number of other instances that are tried: one that is being deleted at this moment proves nothing.
const WITNESSES: usize = 3;

impl Gce {
    pub(super) async fn fates_of(&self, nodes: &[InstanceToDelete]) -> Vec<MachineFate> {
        let instances: Vec<_> = nodes.iter().map(|node| self.instance_of(node)).collect();
        let asking: Vec<_> = instances.iter().map(|instance| self.fate(instance.as_ref())).collect();
        let mut fates: Vec<MachineFate> = stream::iter(asking).buffered(PARALLEL).collect().await;
        let mut witnesses: BTreeMap<&ProjectId, Result<(), String>> = BTreeMap::new();
        for (fate, instance) in fates.iter_mut().zip(&instances) {
            let (MachineFate::Gone, Ok(instance)) = (&fate, instance) else { continue };
            let project = instance.project();
            if !witnesses.contains_key(project) {
                witnesses.insert(project, self.witness(project).await);
            }
            if let Some(Err(why)) = witnesses.get(project) {
                *fate = MachineFate::Unknown(why.clone());
            }
        }
        fates
    }

    /// The instance that a node names, if it is in a project of this run.
    fn instance_of(&self, node: &InstanceToDelete) -> Result<InstanceId, String> {
        let text = node.provider_id.as_deref().ok_or("it has no providerID")?;
        let instance = <InstanceId as Identity>::from_provider_id(text)?;
        if !instance.is_node(&node.node) {
            return Err(format!("its providerID names instance {instance}, which is not its name"));
        }
        if self.known_in(instance.project()).next().is_none() {
            return Err(no_other(instance.project()));
        }
        Ok(instance)
    }

    async fn fate(&self, instance: Result<&InstanceId, &String>) -> MachineFate {
        let instance = match instance {
            Ok(instance) => instance,
            Err(why) => return MachineFate::Unknown(why.clone()),
        };
        match self.engine.state(instance).await {
            Ok(Some(state)) => MachineFate::Exists(format!("instance {instance} is {state}")),
            Ok(None) => MachineFate::Gone,
            Err(why) => MachineFate::Unknown(why.to_string()),
        }
    }

    /// Finds an instance of another node of the cluster.
    async fn witness(&self, project: &ProjectId) -> Result<(), String> {
        let mut last = no_other(project);
        for instance in self.known_in(project).take(WITNESSES) {
            match self.engine.state(instance).await {
                Ok(Some(state)) if state != "STOPPING" => return Ok(()),
                Ok(Some(_)) => last = format!("instance {instance} of the cluster is being deleted"),
                Ok(None) => last = format!("instance {instance} of the cluster is not found either"),
                Err(why) => last = why.to_string(),
            }
        }
        Err(last)
    }

    /// The proven instances of other nodes in a project.
    fn known_in<'g>(&'g self, project: &'g ProjectId) -> impl Iterator<Item = &'g InstanceId> {
        self.members.values().map(|member| &member.instance).filter(move |one| one.project() == project)
    }
}

fn no_other(project: &ProjectId) -> String {
    format!("no other instance of the cluster is known in project {project}")
}
