//! Managed clusters of AKS and their agent pools: reads them, grows pools against an etag, and deletes machines by name.

use std::collections::BTreeMap;

use http::Method;
use kube_rebalancer_ports::words;
use kube_rebalancer_rest::{CloudError, Kind};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::arm::{Arm, Ask, Sent};
use super::chosen::Chosen;
use crate::id::is_name;

/// The version of the container service's API: it has etags of agent pools and the deletion of machines by name.
const VERSION: &str = "2025-05-01";
/// Members of a pool that only Azure writes.
const READ_ONLY: [&str; 5] =
    ["eTag", "provisioningState", "currentOrchestratorVersion", "nodeImageVersion", "status"];

/// A managed cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    subscription: String,
    resource_group: String,
    /// Its name, in lower case.
    pub(crate) name: String,
    /// The resource group of its scale sets, in lower case.
    pub(crate) node_resource_group: String,
    /// `Succeeded`, `Upgrading`, ….
    pub(crate) provisioning: String,
}

/// An agent pool.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of Azure's, independent of the others")]
pub(crate) struct AgentPool {
    pub(crate) cluster: Cluster,
    /// Its name, in lower case.
    pub(crate) name: String,
    /// Its version.
    pub(crate) etag: Option<String>,
    /// The requested number of nodes.
    pub(crate) count: u32,
    /// Whether its mode is `System`.
    pub(crate) is_system: bool,
    pub(crate) is_autoscaled: bool,
    /// Whether it is running, not stopped.
    pub(crate) is_running: bool,
    /// Whether a lower count deallocates nodes in place of deleting them.
    pub(crate) deallocates: bool,
    /// `Succeeded`, `Scaling`, `Upgrading`, ….
    pub(crate) provisioning: String,
    /// The size of its machines.
    pub(crate) size: String,
    /// Whether its machines run Linux.
    pub(crate) is_linux: bool,
    /// Whether its machines are Spot.
    pub(crate) is_spot: bool,
    /// The number of pods of each node.
    pub(crate) max_pods: Option<u64>,
    pub(crate) labels: BTreeMap<String, String>,
    /// Its taints, such as `dedicated=gpu:NoSchedule`.
    pub(crate) taints: Vec<String>,
    /// All of its properties, as received.
    properties: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct RawCluster {
    id: String,
    properties: ClusterProperties,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClusterProperties {
    node_resource_group: String,
    provisioning_state: String,
}

#[derive(Debug, Deserialize)]
struct RawPool {
    name: String,
    properties: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PoolProperties {
    e_tag: Option<String>,
    count: u32,
    mode: Option<String>,
    vm_size: Option<String>,
    os_type: Option<String>,
    scale_set_priority: Option<String>,
    max_pods: Option<u64>,
    enable_auto_scaling: Option<bool>,
    scale_down_mode: Option<String>,
    provisioning_state: String,
    power_state: Option<Power>,
    node_labels: Option<BTreeMap<String, String>>,
    node_taints: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Power {
    code: String,
}

impl RawCluster {
    fn cluster(self) -> Result<Cluster, String> {
        let parts: Vec<&str> = self.id.split('/').collect();
        let ["", _, subscription, _, group, _, _, _, name] = parts.as_slice() else {
            return Err(format!("`{}` is no ID of a managed cluster", self.id));
        };
        if ![subscription, group, name].iter().all(|part| is_name(part)) {
            return Err(format!("`{}` is no ID of a managed cluster", self.id));
        }
        Ok(Cluster {
            subscription: subscription.to_ascii_lowercase(),
            resource_group: group.to_ascii_lowercase(),
            name: name.to_ascii_lowercase(),
            node_resource_group: self.properties.node_resource_group.to_ascii_lowercase(),
            provisioning: self.properties.provisioning_state,
        })
    }
}

impl RawPool {
    fn pool(self, cluster: &Cluster) -> Result<AgentPool, String> {
        let Self { name, properties } = self;
        if !is_name(&name) {
            return Err(format!("`{name}` is no name of an agent pool"));
        }
        let read: PoolProperties =
            PoolProperties::deserialize(&properties).map_err(|error| error.to_string())?;
        let is = |text: &Option<String>, word: &str| {
            text.as_deref().is_some_and(|text| text.eq_ignore_ascii_case(word))
        };
        Ok(AgentPool {
            cluster: cluster.clone(),
            name: name.to_ascii_lowercase(),
            etag: read.e_tag.filter(|etag| !etag.is_empty()),
            count: read.count,
            is_system: is(&read.mode, "System"),
            is_autoscaled: read.enable_auto_scaling == Some(true),
            is_running: read.power_state.is_none_or(|power| power.code.eq_ignore_ascii_case("Running")),
            deallocates: is(&read.scale_down_mode, "Deallocate"),
            provisioning: read.provisioning_state,
            is_linux: read.os_type.is_none() || is(&read.os_type, "Linux"),
            is_spot: is(&read.scale_set_priority, "Spot"),
            max_pods: read.max_pods.filter(|pods| *pods > 0),
            size: read.vm_size.unwrap_or_default(),
            labels: read.node_labels.unwrap_or_default(),
            taints: read.node_taints.unwrap_or_default(),
            properties,
        })
    }
}

/// The path of a managed cluster.
fn path(subscription: &str, resource_group: &str, name: &str) -> String {
    format!(
        "/subscriptions/{subscription}/resourceGroups/{resource_group}/providers/Microsoft.ContainerService/\
         managedClusters/{name}"
    )
}

impl Cluster {
    fn path(&self) -> String {
        path(&self.subscription, &self.resource_group, &self.name)
    }
}

impl AgentPool {
    fn path(&self) -> String {
        format!("{}/agentPools/{}", self.cluster.path(), self.name)
    }

    /// The name in plans.
    pub(crate) fn shown(&self) -> String {
        format!("{}/{}", self.cluster.name, self.name)
    }

    /// All properties that Azure allows to write, with another count.
    fn with_count(&self, count: u32) -> Value {
        let mut properties = self.properties.clone();
        properties.retain(|key, _| !READ_ONLY.contains(&key.as_str()));
        properties.insert("count".to_owned(), count.into());
        serde_json::json!({"properties": properties})
    }
}

impl Arm {
    /// Lists the managed clusters of a subscription that this identity may read. One that cannot be read hides no other one;
    /// its scale sets are then of no cluster.
    pub(crate) async fn clusters(&self, subscription: &str) -> Result<Vec<Cluster>, CloudError> {
        let what = format!("list the managed clusters of subscription {subscription}");
        let path =
            format!("/subscriptions/{subscription}/providers/Microsoft.ContainerService/managedClusters");
        let raw: Vec<Value> = self.list(&what, &path, VERSION, false).await?;
        let read = |raw| serde_json::from_value::<RawCluster>(raw).ok()?.cluster().ok();
        Ok(raw.into_iter().filter_map(read).collect())
    }

    /// Reads a cluster again.
    pub(crate) async fn cluster(&self, seen: &Cluster, is_last: bool) -> Result<Cluster, CloudError> {
        self.cluster_at(&seen.path(), &seen.name, is_last).await
    }

    /// Reads a cluster by its names.
    pub(crate) async fn cluster_named(
        &self,
        subscription: &str,
        resource_group: &str,
        name: &str,
    ) -> Result<Cluster, CloudError> {
        self.cluster_at(&path(subscription, resource_group, name), name, false).await
    }

    async fn cluster_at(&self, path: &str, name: &str, is_last: bool) -> Result<Cluster, CloudError> {
        let what = format!("look at managed cluster {name}");
        let raw: RawCluster = self.look(&what, path, VERSION, is_last).await?;
        raw.cluster().map_err(|why| other(&what, &why))
    }

    /// Lists the agent pools of a cluster by their names, in lower case. A pool that cannot be read hides no other one: pools
    /// of type `VirtualMachines` have no count.
    pub(crate) async fn agent_pools(
        &self,
        cluster: &Cluster,
    ) -> Result<BTreeMap<String, Result<AgentPool, String>>, CloudError> {
        let what = format!("list the agent pools of managed cluster {}", cluster.name);
        let raw: Vec<RawPool> =
            self.list(&what, &format!("{}/agentPools", cluster.path()), VERSION, false).await?;
        Ok(raw
            .into_iter()
            .map(|raw| {
                let what = format!("look at agent pool {}/{}", cluster.name, raw.name);
                (raw.name.to_ascii_lowercase(), raw.pool(cluster).map_err(|why| other(&what, &why).message))
            })
            .collect())
    }

    /// Reads an agent pool again.
    pub(crate) async fn agent_pool(
        &self,
        seen: &AgentPool,
        cluster: &Cluster,
        is_last: bool,
    ) -> Result<AgentPool, CloudError> {
        let what = format!("look at agent pool {}", seen.shown());
        let raw: RawPool = self.look(&what, &seen.path(), VERSION, is_last).await?;
        raw.pool(cluster).map_err(|why| other(&what, &why))
    }

    /// Asks an agent pool for a count, if it is still in the version that was read. With a lower count AKS would choose the
    /// nodes to delete.
    pub(crate) async fn grow_agent_pool(&self, seen: &AgentPool, count: u32) -> Sent {
        let what = format!("grow agent pool {} from {} to {count}", seen.shown(), seen.count);
        let refused =
            |why: &str| Sent::Refused(CloudError::new(Kind::Refused, format!("cannot {what}: {why}")));
        let Some(etag) = &seen.etag else { return refused("Azure gave no etag of it") };
        if count <= seen.count {
            return refused("that is not more");
        }
        self.change(Ask {
            what: &what,
            method: Method::PUT,
            path: seen.path(),
            version: VERSION,
            etag: Some(etag),
            body: seen.with_count(count),
        })
        .await
    }

    /// Asks an agent pool to delete these machines, and no other.
    pub(crate) async fn delete_machines(&self, pool: &AgentPool, chosen: &Chosen) -> Sent {
        let what = format!("delete {} machines of agent pool {}", chosen.count(), pool.shown());
        self.change(Ask {
            what: &what,
            method: Method::POST,
            path: format!("{}/deleteMachines", pool.path()),
            version: VERSION,
            etag: None,
            body: chosen.body("machineNames"),
        })
        .await
    }
}

fn other(what: &str, why: &str) -> CloudError {
    CloudError::new(Kind::Other, format!("cannot {what}: {}", words::clean(why)))
}
