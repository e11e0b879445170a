//! The settings that take part in a decision, validated and in exact integers.

mod foresight;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::SignedDuration;

pub use foresight::Foresight;

use crate::model::{LabelSelector, Node, Resource};

/// A ratio in parts per million: `0.85` is 850,000. Exact, so that no float takes part in a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartsPerMillion(pub u32);

impl PartsPerMillion {
    /// The ratio 1.
    pub const ONE: Self = Self(1_000_000);
}

/// Writes the ratio as a decimal number without trailing zeros: `0.85`.
impl fmt::Display for PartsPerMillion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / Self::ONE.0, self.0 % Self::ONE.0);
        let decimals = format!("{rest:06}");
        match decimals.trim_end_matches('0') {
            "" => formatter.pad(&whole.to_string()),
            decimals => formatter.pad(&format!("{whole}.{decimals}")),
        }
    }
}

/// The quantity of a node by which requests are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapacitySource {
    /// `status.allocatable`: the amount that the scheduler can allocate.
    Allocatable,
    /// `status.capacity`: the amount of the whole machine.
    Capacity,
}

/// The quantity of a bound pod that the demand counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DemandSource {
    /// Its requests, as the scheduler counts.
    #[default]
    Requests,
    /// Its usage, where that is known.
    Usage,
    /// The larger of both, resource by resource.
    Larger,
}

/// Writes the setting's value.
impl fmt::Display for DemandSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Requests => "requests",
            Self::Usage => "usage",
            Self::Larger => "larger",
        })
    }
}

/// Maximum number of actions of one kind in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// A fixed number.
    Count(u32),
    /// A percentage of the managed nodes, rounded up, with a minimum without which a small cluster could not change
    /// at all.
    Percent {
        /// The percentage; 0 allows none.
        percent: u32,
        /// The minimum that any other percentage allows.
        at_least: u32,
    },
}

impl Budget {
    /// The number allowed in a cluster with this many managed nodes.
    #[must_use]
    pub fn allows(self, managed: usize) -> usize {
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        match self {
            Self::Count(count) => size(count),
            Self::Percent { percent: 0, .. } => 0,
            Self::Percent { percent, at_least } => {
                managed.saturating_mul(size(percent)).div_ceil(100).max(size(at_least))
            }
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Percent { percent, .. } => write!(formatter, "{percent}%"),
        }
    }
}

/// The age at which the cordon of another actor may be judged like one of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdoptCordons {
    /// Never: such a node is left exactly as it is.
    Never,
    /// Its empty node may be deleted once the cordon is this old; the cordon is never undone.
    After(SignedDuration),
    /// At once, and in every way: the node may be deleted and its cordon undone.
    Always,
}

/// Writes the setting's value: `false`, `true`, or the age in whole seconds, minutes or hours.
impl fmt::Display for AdoptCordons {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => formatter.pad("false"),
            Self::Always => formatter.pad("true"),
            Self::After(age) => match (age.as_secs(), age.as_secs() % 3600, age.as_secs() % 60) {
                (seconds, 0, _) if seconds > 0 => formatter.pad(&format!("{}h", seconds / 3600)),
                (seconds, _, 0) if seconds > 0 => formatter.pad(&format!("{}m", seconds / 60)),
                (seconds, _, _) => formatter.pad(&format!("{seconds}s")),
            },
        }
    }
}

/// The treatment of an empty cordoned node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveBack {
    /// Its instance is deleted.
    Delete,
    /// Its instance is parked where the provider can, so that it can be woken; elsewhere it is deleted.
    Park,
}

/// The pods that a run evicts from nodes that it gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// None: a node is given back once it is empty.
    None,
    /// Omitted pods whose controller recreates them elsewhere.
    Omitted,
    /// These, and every other pod without a key of `PREEMPTIBLE_LABELS` whose controller recreates it elsewhere.
    Movable,
}

impl fmt::Display for Drain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::None => "none",
            Self::Omitted => "omitted",
            Self::Movable => "movable",
        })
    }
}

/// The name of a pool: the value of `POOL_LABEL`; empty where there are no pools.
pub type PoolName = String;

/// The settings that a pool may override.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Lower bound of the band; below it, nodes are cordoned.
    pub min_utilization: PartsPerMillion,
    /// The utilization that a change aims at.
    pub optimal_utilization: PartsPerMillion,
    /// Upper bound of the band; above it, nodes are uncordoned or created.
    pub max_utilization: PartsPerMillion,
    /// Minimum number of nodes that a run leaves in service.
    pub min_nodes: usize,
    /// Maximum number of nodes: of creations, and if it was set also of nodes in service.
    pub max_nodes: usize,
    /// Whether `MAX_NODES` was set. The default bounds only creations.
    pub max_nodes_set: bool,
    /// Whether every zone that has a serving node keeps one.
    pub keep_zones: bool,
}

/// The settings that take part in a decision. Built only from validated settings, so these hold in every [`Bounds`]:
/// `0 < min_utilization <= optimal_utilization <= max_utilization <= 1` and `min_nodes <= max_nodes`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Policy {
    /// The bounds of a pool without overrides, and of a cluster without pools.
    pub bounds: Bounds,
    /// The bounds of the pools that override any.
    pub pool_bounds: BTreeMap<PoolName, Bounds>,
    /// The pools that settings override, by the name of the setting.
    pub pools_named: BTreeMap<&'static str, BTreeSet<PoolName>>,
    /// The node label whose values are the pools.
    pub pool_label: Option<String>,
    /// The pools of node groups without nodes, by a part of the group's name (`NODE_GROUPS=pool=group`).
    pub group_pools: BTreeMap<String, PoolName>,
    /// The resources whose largest ratio is the utilization, in order; never empty.
    pub resources: Vec<Resource>,
    /// Label keys that make a pod dynamic; a pod without any of them is critical.
    pub preemptible_labels: BTreeSet<String>,
    /// Label keys whose pods and nodes are omitted.
    pub omit_labels: BTreeSet<String>,
    /// Namespaces whose pods are omitted.
    pub omit_namespaces: BTreeSet<String>,
    /// The selector of managed nodes.
    pub node_selector: LabelSelector,
    /// The node quantity by which requests are divided.
    pub capacity: CapacitySource,
    /// The quantity of a bound pod that the choice counts.
    pub demand: DemandSource,
    /// How long a cordoned node must have been empty before it is deleted.
    pub empty_grace: SignedDuration,
    /// When cordons of others are treated as ours.
    pub adopt_cordons: AdoptCordons,
    /// Maximum number of cordons in a run.
    pub max_cordons: Budget,
    /// Maximum number of deletions in a run.
    pub max_deletions: Budget,
    /// The treatment of an empty cordoned node.
    pub give_back: GiveBack,
    /// Maximum number of nodes that stay parked.
    pub parked_max: Budget,
    /// The pods that a run evicts from nodes that it gives back.
    pub drain: Drain,
    /// Maximum number of evictions in a run.
    pub max_evictions: Budget,
    /// Whether a run may evict a pod whose `emptyDir` is on the node's own disk.
    pub drain_empty_dir: bool,
    /// Whether the Node object of a machine that was given back and is proven gone is deleted.
    pub delete_node_objects: bool,
    /// Maximum number of creations in a run.
    pub max_creations: Budget,
    /// How long a NotReady node, or an instance without a node, counts as booting.
    pub boot_grace: SignedDuration,
    /// Taint keys that a node loses once it is ready for use, in addition to the known ones.
    pub startup_taints: BTreeSet<String>,
    /// A run only uncordons if more than this percentage of managed nodes is broken, and …
    pub max_unready_percent: u32,
    /// … at least this number of them.
    pub ok_unready_nodes: usize,
    /// The settings of foresight.
    pub foresight: Foresight,
    /// Whether soft taints steer new pods to the fullest nodes.
    pub pack: bool,
    /// Whether `NODE_GROUPS` names groups, so that a cluster without nodes can grow.
    pub node_groups_named: bool,
    /// This run's own pod: namespace and name.
    pub own_pod: Option<(String, String)>,
    /// The node that this run's pod is on.
    pub own_node: Option<String>,
}

impl Policy {
    /// The bounds of a pool.
    #[must_use]
    pub fn bounds_of(&self, pool: &str) -> &Bounds {
        self.pool_bounds.get(pool).unwrap_or(&self.bounds)
    }

    /// The resources of [`resources`](Self::resources) that no node reports, while some node reports another resource: a person
    /// has cut the nodes of a file to the amounts of interest.
    #[must_use]
    pub fn unreported(&self, nodes: &[Node]) -> Vec<Resource> {
        let reports = |resource: Resource| {
            nodes.iter().any(|node| node.allocatable.of(resource).or(node.capacity.of(resource)).is_some())
        };
        let (reported, unreported): (Vec<Resource>, Vec<Resource>) =
            self.resources.iter().copied().partition(|resource| reports(*resource));
        if reported.is_empty() { Vec::new() } else { unreported }
    }
}

/// The defaults of the settings.
impl Default for Bounds {
    fn default() -> Self {
        Self {
            min_utilization: PartsPerMillion(650_000),
            optimal_utilization: PartsPerMillion(750_000),
            max_utilization: PartsPerMillion(850_000),
            min_nodes: 3,
            max_nodes: 72,
            max_nodes_set: false,
            keep_zones: true,
        }
    }
}

/// The defaults of the settings.
impl Default for Policy {
    fn default() -> Self {
        Self {
            bounds: Bounds::default(),
            pool_bounds: BTreeMap::new(),
            pools_named: BTreeMap::new(),
            pool_label: None,
            group_pools: BTreeMap::new(),
            resources: vec![Resource::Memory, Resource::Cpu],
            preemptible_labels: BTreeSet::new(),
            omit_labels: BTreeSet::new(),
            omit_namespaces: BTreeSet::from(["kube-system".to_owned()]),
            node_selector: LabelSelector::default(),
            capacity: CapacitySource::Allocatable,
            demand: DemandSource::Requests,
            empty_grace: SignedDuration::ZERO,
            adopt_cordons: AdoptCordons::After(SignedDuration::from_hours(1)),
            max_cordons: Budget::Percent { percent: 20, at_least: 3 },
            max_deletions: Budget::Count(10),
            give_back: GiveBack::Delete,
            parked_max: Budget::Percent { percent: 100, at_least: 0 },
            drain: Drain::None,
            max_evictions: Budget::Count(10),
            drain_empty_dir: false,
            delete_node_objects: false,
            max_creations: Budget::Percent { percent: 50, at_least: 10 },
            boot_grace: SignedDuration::from_mins(15),
            startup_taints: BTreeSet::new(),
            max_unready_percent: 45,
            ok_unready_nodes: 3,
            foresight: Foresight::default(),
            pack: true,
            node_groups_named: false,
            own_pod: None,
            own_node: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_that_no_node_reports_is_unreported_unless_none_is_reported() {
        use crate::model::{Bytes, Millicores, NodeResources};
        let of = |memory: Option<u64>, cpu: Option<u64>| Node {
            allocatable: NodeResources { memory: memory.map(Bytes), ..NodeResources::default() },
            capacity: NodeResources { cpu: cpu.map(Millicores), ..NodeResources::default() },
            ..Node::default()
        };
        let policy = Policy::default();
        for (nodes, expected) in [
            (vec![of(Some(1), Some(1))], vec![]),
            (vec![of(Some(1), None), of(Some(1), None)], vec![Resource::Cpu]),
            (vec![of(None, Some(0))], vec![Resource::Memory]),
            (vec![of(Some(1), None), of(None, Some(1))], vec![]),
            (vec![of(None, None)], vec![]),
            (vec![], vec![]),
        ] {
            assert_eq!(policy.unreported(&nodes), expected, "{nodes:?}");
        }
        let memory = Policy { resources: vec![Resource::Memory], ..Policy::default() };
        assert_eq!(memory.unreported(&[of(Some(1), None)]), [], "CPU is not asked for");
    }

    #[test]
    fn percentages_are_rounded_up() {
        let percent = |percent| Budget::Percent { percent, at_least: 0 };
        assert_eq!(percent(10).allows(11), 2);
        assert_eq!(percent(100).allows(7), 7);
        assert_eq!(percent(0).allows(7), 0);
        assert_eq!(Budget::Count(10).allows(3), 10);
    }

    #[test]
    fn a_percentage_lets_a_small_cluster_move_unless_it_is_zero() {
        let percent = |percent| Budget::Percent { percent, at_least: 3 };
        assert_eq!(percent(20).allows(4), 3);
        assert_eq!(percent(20).allows(40), 8);
        assert_eq!(percent(0).allows(4), 0);
    }

    #[test]
    fn ratios_are_written_as_decimals() {
        assert_eq!(PartsPerMillion(850_000).to_string(), "0.85");
        assert_eq!(PartsPerMillion(1_000_000).to_string(), "1");
        assert_eq!(PartsPerMillion(662_501).to_string(), "0.662501");
    }
}
