//! Paths of Azure's API references, in upper or lower case.

use hyper::Method;

/// The operation of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// A token for an application of this tenant.
    Token(String),
    /// A token for the machine.
    Metadata,
    /// Scale sets of a subscription and a resource group.
    Compute(String, String, Compute),
    /// An operation that was accepted.
    Operation,
    /// What Azure sells.
    Skus,
    /// The managed clusters of a subscription.
    Clusters(String),
    /// Something of a managed cluster: subscription, resource group, name.
    Aks(String, String, String, Aks),
}

/// The operations of scale sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Compute {
    /// All of them.
    List,
    /// One of them.
    Get(String),
    /// Its instances.
    Machines(String),
    /// It is to change.
    Patch(String),
    /// Instances of it are to change: `delete`, `deallocate`, `start`.
    Act(String, String),
}

/// The operations of a managed cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Aks {
    /// The cluster itself.
    Get,
    /// Its pools.
    Pools,
    /// One of them.
    Pool(String),
    /// One of them is to be so.
    Put(String),
    /// Machines of a pool are to go.
    DeleteMachines(String),
}

impl Route {
    pub(crate) fn parse(method: &Method, path: &str) -> Option<Self> {
        let lower = path.to_ascii_lowercase();
        let parts: Vec<&str> = lower.split('/').filter(|part| !part.is_empty()).collect();
        let text = |part: &&str| (*part).to_owned();
        let (get, post) = (*method == Method::GET, *method == Method::POST);
        match parts.as_slice() {
            [tenant, "oauth2", "v2.0", "token"] if post => Some(Self::Token(text(tenant))),
            ["metadata", "identity", "oauth2", "token"] if get => Some(Self::Metadata),
            ["subscriptions", _, "providers", _, "locations", _, "operations", _] if get => {
                Some(Self::Operation)
            }
            ["subscriptions", subscription, "providers", "microsoft.containerservice", "managedclusters"]
                if get =>
            {
                Some(Self::Clusters(text(subscription)))
            }
            ["subscriptions", _, "providers", "microsoft.compute", "skus"] if get => Some(Self::Skus),
            [
                "subscriptions",
                subscription,
                "resourcegroups",
                group,
                "providers",
                "microsoft.compute",
                "virtualmachinescalesets",
                rest @ ..,
            ] => {
                let what = match rest {
                    [] if get => Compute::List,
                    [set] if get => Compute::Get(text(set)),
                    [set] if *method == Method::PATCH => Compute::Patch(text(set)),
                    [set, "virtualmachines"] if get => Compute::Machines(text(set)),
                    [set, act @ ("delete" | "deallocate" | "start")] if post => {
                        Compute::Act(text(set), text(act))
                    }
                    _ => return None,
                };
                Some(Self::Compute(text(subscription), text(group), what))
            }
            [
                "subscriptions",
                subscription,
                "resourcegroups",
                group,
                "providers",
                "microsoft.containerservice",
                "managedclusters",
                cluster,
                rest @ ..,
            ] => {
                let what = match rest {
                    [] if get => Aks::Get,
                    ["agentpools"] if get => Aks::Pools,
                    ["agentpools", pool] if get => Aks::Pool(text(pool)),
                    ["agentpools", pool] if *method == Method::PUT => Aks::Put(text(pool)),
                    ["agentpools", pool, "deletemachines"] if post => Aks::DeleteMachines(text(pool)),
                    _ => return None,
                };
                Some(Self::Aks(text(subscription), text(group), text(cluster), what))
            }
            _ => None,
        }
    }

    /// The name of the request, by which tests speak of it.
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Self::Token(_) | Self::Metadata => "token",
            Self::Operation => "operation",
            Self::Skus => "compute.skus",
            Self::Clusters(_) => "aks.clusters",
            Self::Compute(_, _, what) => match what {
                Compute::List => "compute.sets",
                Compute::Get(_) => "compute.set",
                Compute::Machines(_) => "compute.machines",
                Compute::Patch(_) => "compute.patch",
                Compute::Act(_, act) => match act.as_str() {
                    "delete" => "compute.delete",
                    "deallocate" => "compute.deallocate",
                    _ => "compute.start",
                },
            },
            Self::Aks(_, _, _, what) => match what {
                Aks::Get => "aks.cluster",
                Aks::Pools => "aks.pools",
                Aks::Pool(_) => "aks.pool",
                Aks::Put(_) => "aks.put",
                Aks::DeleteMachines(_) => "aks.deleteMachines",
            },
        }
    }

    /// The permission that it needs.
    pub(crate) fn actions(&self) -> &'static [&'static str] {
        match self.method() {
            "compute.sets" | "compute.set" => &["Microsoft.Compute/virtualMachineScaleSets/read"],
            "compute.machines" => &[
                "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read",
                "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/instanceView/read",
            ],
            "compute.skus" => &["Microsoft.Compute/skus/read"],
            "compute.patch" => &["Microsoft.Compute/virtualMachineScaleSets/write"],
            "compute.delete" => &["Microsoft.Compute/virtualMachineScaleSets/delete/action"],
            "compute.deallocate" => &["Microsoft.Compute/virtualMachineScaleSets/deallocate/action"],
            "compute.start" => &["Microsoft.Compute/virtualMachineScaleSets/start/action"],
            "aks.clusters" | "aks.cluster" => &["Microsoft.ContainerService/managedClusters/read"],
            "aks.pools" | "aks.pool" => &["Microsoft.ContainerService/managedClusters/agentPools/read"],
            "aks.put" => &["Microsoft.ContainerService/managedClusters/agentPools/write"],
            "aks.deleteMachines" => {
                &["Microsoft.ContainerService/managedClusters/agentPools/deleteMachines/action"]
            }
            _ => &[],
        }
    }

    /// Its target.
    pub(crate) fn target(&self) -> Option<&str> {
        match self {
            Self::Token(_)
            | Self::Metadata
            | Self::Operation
            | Self::Skus
            | Self::Clusters(_)
            | Self::Compute(_, _, Compute::List) => None,
            Self::Compute(
                _,
                _,
                Compute::Get(set) | Compute::Machines(set) | Compute::Patch(set) | Compute::Act(set, _),
            ) => Some(set),
            Self::Aks(_, _, cluster, Aks::Get | Aks::Pools) => Some(cluster),
            Self::Aks(_, _, _, Aks::Pool(pool) | Aks::Put(pool) | Aks::DeleteMachines(pool)) => Some(pool),
        }
    }
}
