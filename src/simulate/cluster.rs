//! The configuration of the simulated cluster: pools of equal nodes, zones, and kinds of users.
//!
//! ```text
//!   Pool (machine, labels, taints) x Zone --> Group: what a cloud grows
//!   Kind (selector, tolerations, GPUs) -----> the pools that a user's pod reaches
//! ```

use kube_rebalancer_core::model::Bytes;

use super::machine::Machine;
use super::resources::{Resource, Resources};

/// The index of a [`Pool`] in [`Cluster::pools`].
pub type PoolIndex = usize;

/// The index of a [`Kind`] in [`Cluster::kinds`].
pub type KindIndex = usize;

/// The index of a [`Group`] in [`Cluster::groups`].
pub type GroupIndex = usize;

/// Pools, zones and kinds of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The pools; at least one. The pool of most users is first.
    pub pools: Vec<Pool>,
    /// The pool that consists of the one node of the hub; `None` if the hub runs among users.
    pub core: Option<PoolIndex>,
    /// The number of zones; positive. Each pool but the core's has a node group in every zone.
    pub zones: u32,
    /// The kinds of users; there is at least one.
    pub kinds: Vec<Kind>,
    /// The resources that count for the floor and the utilization.
    pub counted: &'static [Resource],
}

/// Nodes that are all alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: &'static str,
    /// The prefix of the names of its nodes.
    pub prefix: &'static str,
    /// The machine of a node.
    pub machine: Machine,
    /// The GPUs of a node.
    pub gpus: u64,
    /// The value of the nodes' label [`POOL_LABEL`], if they have it.
    pub label: Option<&'static str>,
    /// The taint of its nodes, if they have one.
    pub taint: Option<Taint>,
}

/// A taint with the effect `NoSchedule`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Its key.
    pub key: &'static str,
    /// Its value.
    pub value: &'static str,
}

/// Users whose pods may run on the same nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// The GPUs that a pod requests.
    pub gpus: u64,
    /// The value of [`POOL_LABEL`] in the pod's node selector, if it has one.
    pub selects: Option<&'static str>,
    /// The taint that a pod tolerates, if any.
    pub tolerates: Option<Taint>,
}

/// A zone of the region, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Zone(pub u32);

/// The nodes of one pool in one zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `zone/pool`.
    pub name: String,
    /// Its pool.
    pub pool: PoolIndex,
    /// Its zone.
    pub zone: Zone,
}

/// GKE's label of nodes for the name of their pool.
pub const POOL_LABEL: &str = "cloud.google.com/gke-nodepool";

/// The taint of the hub's node, which only the hub and its proxy tolerate. Zero to JupyterHub uses it.
pub const CORE_TAINT: Taint = Taint { key: "hub.jupyter.org/dedicated", value: "core" };

/// The taint that GKE adds to nodes with GPUs. GKE adds the toleration to pods that request GPUs.
pub const GPU_TAINT: Taint = Taint { key: "nvidia.com/gpu", value: "present" };

impl Zone {
    /// `zone-a`, `zone-b`, and so on.
    #[must_use]
    pub fn name(self) -> String {
        let letter = u8::try_from(self.0).ok().and_then(|number| b'a'.checked_add(number)).unwrap_or(b'z');
        format!("zone-{}", char::from(letter))
    }
}

impl Pool {
    /// The maximum of the requests of all pods of a node.
    #[must_use]
    pub fn offered(&self) -> Resources {
        Resources { gpus: self.gpus, ..self.machine.offered() }
    }

    /// The room for users on a node without users.
    #[must_use]
    pub fn room(&self) -> Resources {
        Resources { gpus: self.gpus, ..self.machine.room() }
    }

    /// Whether node selector and taint permit the pods of a kind of users.
    #[must_use]
    pub fn admits(&self, kind: &Kind) -> bool {
        let selected = kind.selects.is_none_or(|label| self.label == Some(label));
        selected && self.taint.is_none_or(|taint| kind.tolerates == Some(taint))
    }
}

impl Cluster {
    /// A cluster of equal nodes and users of one kind; the hub runs among them.
    #[must_use]
    pub fn uniform(machine: Machine) -> Self {
        let pool = Pool { name: "hub-users", prefix: "node", machine, gpus: 0, label: None, taint: None };
        let kind = Kind { name: "user", gpus: 0, selects: None, tolerates: None };
        Self { pools: vec![pool], core: None, zones: 1, kinds: vec![kind], counted: &[Resource::Memory] }
    }

    /// The same nodes, for users whose processor time counts as much as their memory.
    #[must_use]
    pub fn of_two_resources(machine: Machine) -> Self {
        Self { counted: &[Resource::Memory, Resource::Cpu], ..Self::uniform(machine) }
    }

    /// Three pools of users, and a separate node for the hub. Users with GPUs have no node selector: as in many hubs,
    /// their GPU request alone selects the nodes.
    #[must_use]
    pub fn of_three_pools(small: Machine) -> Self {
        let pool =
            |name, machine, gpus, taint| Pool { name, prefix: name, machine, gpus, label: Some(name), taint };
        let kind = |name, gpus, selects, tolerates| Kind { name, gpus, selects, tolerates };
        Self {
            pools: vec![
                pool("small", small, 0, None),
                pool("big-memory", BIG_MEMORY, 0, None),
                pool("gpu", GPU, GPUS, Some(GPU_TAINT)),
                pool("core", CORE, 0, Some(CORE_TAINT)),
            ],
            core: Some(3),
            zones: 1,
            kinds: vec![
                kind("small", 0, Some("small"), None),
                kind("big-memory", 0, Some("big-memory"), None),
                kind("gpu", 1, None, Some(GPU_TAINT)),
            ],
            counted: &Resource::ALL,
        }
    }

    /// Whether the machine alone describes the cluster.
    #[must_use]
    pub fn is_uniform(&self) -> bool {
        self.pools.len() == 1 && self.zones == 1
    }

    /// The node groups in the order of the pools, and within a pool in the order of the zones.
    #[must_use]
    pub fn groups(&self) -> Vec<Group> {
        let zones = |pool| if self.core == Some(pool) { 1 } else { self.zones };
        let group = |pool: &Pool, index, zone: Zone| Group {
            name: format!("{}/{}", zone.name(), pool.name),
            pool: index,
            zone,
        };
        let of = |(index, pool)| (0..zones(index)).map(move |zone| group(pool, index, Zone(zone)));
        self.pools.iter().enumerate().flat_map(of).collect()
    }

    /// The pool of users of a kind with this request: the first that would take them on an empty node.
    #[must_use]
    pub fn home(&self, kind: KindIndex, asked: Resources) -> Option<PoolIndex> {
        let kind = self.kinds.get(kind)?;
        self.pools.iter().position(|pool| pool.admits(kind) && asked.fits(pool.room()))
    }

    /// The maximum of the requests of all pods of a node of a pool.
    #[must_use]
    pub fn offered(&self, pool: PoolIndex) -> Resources {
        self.pools.get(pool).map_or_else(Resources::default, Pool::offered)
    }
}

/// The machines of the pools without a flag.
const BIG_MEMORY: Machine = Machine::new(Bytes(128 << 30), 16);
const GPU: Machine = Machine::new(Bytes(52 << 30), 8);
const CORE: Machine = Machine::new(Bytes(8 << 30), 2);

/// The GPUs of a node of the GPU pool.
const GPUS: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use kube_rebalancer_core::model::Millicores;

    const SMALL: Machine = Machine::new(Bytes(52 << 30), 8);

    #[test]
    fn each_kind_of_users_reaches_its_own_pool_and_nobody_the_core_node() {
        let cluster = Cluster::of_three_pools(SMALL);
        let reached = |kind: &Kind| -> Vec<&str> {
            let admits = |pool: &&Pool| pool.admits(kind);
            cluster.pools.iter().filter(admits).map(|pool| pool.name).collect()
        };
        let reached: Vec<_> = cluster.kinds.iter().map(reached).collect();
        // The GPU request alone keeps a user away from the other nodes.
        assert_eq!(reached, [vec!["small"], vec!["big-memory"], vec!["small", "big-memory", "gpu"]]);
        let asked = Resources { memory: Bytes(12 << 30), cpu: Millicores(2000), gpus: 1 };
        assert_eq!(cluster.home(2, asked), Some(2));
        assert_eq!(cluster.home(0, Resources { gpus: 0, ..asked }), Some(0));
        assert_eq!(cluster.home(0, asked), None, "a small node has no GPU");
    }

    #[test]
    fn every_pool_has_a_group_in_each_zone_and_the_core_node_one() {
        let names = |cluster: &Cluster| -> Vec<String> {
            cluster.groups().into_iter().map(|group| group.name).collect()
        };
        assert_eq!(names(&Cluster::uniform(SMALL)), ["zone-a/hub-users"]);
        let cluster = Cluster { zones: 2, ..Cluster::of_three_pools(SMALL) };
        let expected = [
            "zone-a/small",
            "zone-b/small",
            "zone-a/big-memory",
            "zone-b/big-memory",
            "zone-a/gpu",
            "zone-b/gpu",
            "zone-a/core",
        ];
        assert_eq!(names(&cluster), expected);
    }
}
