//! Managed clusters and their agent pools.

use std::collections::BTreeMap;

use crate::compute::ScaleSet;

/// A managed cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The subscription, in lower case.
    pub subscription: String,
    /// The resource group.
    pub resource_group: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: String,
    /// Its pools.
    pub pools: Vec<Pool>,
}

/// An agent pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// The requested number of nodes.
    pub count: u32,
    /// Whether it is a system pool.
    pub is_system: bool,
    /// Whether it is of type `VirtualMachines`, which has neither a count nor a scale set.
    pub is_of_machines: bool,
    /// Whether the cluster autoscaler of AKS scales it.
    pub is_autoscaled: bool,
    /// The effect of a lower count on nodes.
    pub scale_down_mode: String,
    /// Its state, if a test sets one.
    pub state: Option<String>,
    /// The labels of its nodes.
    pub labels: BTreeMap<String, String>,
    /// The taints of its nodes.
    pub taints: Vec<String>,
    version: u64,
}

impl Cluster {
    /// A cluster without pools.
    #[must_use]
    pub fn new(subscription: &str, resource_group: &str, name: &str) -> Self {
        Self {
            subscription: subscription.to_owned(),
            resource_group: resource_group.to_owned(),
            name: name.to_owned(),
            state: "Succeeded".to_owned(),
            pools: Vec::new(),
        }
    }

    /// With a pool of this number of nodes.
    #[must_use]
    pub fn pool(mut self, name: &str, count: u32, is_system: bool) -> Self {
        self.pools.push(Pool {
            name: name.to_owned(),
            count,
            is_system,
            is_of_machines: false,
            is_autoscaled: false,
            scale_down_mode: "Delete".to_owned(),
            state: None,
            labels: BTreeMap::new(),
            taints: Vec::new(),
            version: 1,
        });
        self
    }

    /// The resource group of its scale sets.
    #[must_use]
    pub fn node_resource_group(&self) -> String {
        format!("MC_{}_{}_westeurope", self.resource_group, self.name)
    }

    /// The name of a pool's scale set.
    #[must_use]
    pub fn set_name(pool: &str) -> String {
        format!("aks-{pool}-31442278-vmss")
    }

    pub(crate) fn scale_set(&self, pool: &Pool) -> ScaleSet {
        let name = Self::set_name(&pool.name);
        let mut set = ScaleSet::new(&self.subscription, &self.node_resource_group(), &name);
        set.tags.insert("aks-managed-poolName".to_owned(), pool.name.clone());
        set.zones.clear();
        set
    }

    pub(crate) fn path(&self) -> String {
        format!(
            "/subscriptions/{}/resourcegroups/{}/providers/Microsoft.ContainerService/managedClusters/{}",
            self.subscription, self.resource_group, self.name
        )
    }
}

impl Pool {
    /// Its version. Unlike that of a scale set, it is without quotes.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("pool-{}", self.version)
    }

    pub(crate) fn touch(&mut self) {
        self.version += 1;
    }
}
