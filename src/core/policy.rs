//! The settings that take part in a decision, validated and in exact integers.

use std::collections::BTreeSet;
use std::fmt;

use jiff::SignedDuration;

use crate::model::LabelSelector;

/// A ratio in parts per million: `0.85` is 850,000. Exact, so that no float takes part in a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartsPerMillion(pub u32);

impl PartsPerMillion {
    /// The whole.
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

/// Which quantity of a node the utilization divides by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapacitySource {
    /// `status.allocatable`: what the scheduler can hand out.
    Allocatable,
    /// `status.capacity`: what the machine has.
    Capacity,
}

/// How many actions of a kind one run may carry out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// So many.
    Count(u32),
    /// So many percent of the managed nodes, rounded up.
    Percent(u32),
}

impl Budget {
    /// The number allowed in a cluster with so many managed nodes.
    #[must_use]
    pub fn allows(self, managed: usize) -> usize {
        match self {
            Self::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Self::Percent(percent) => {
                managed.saturating_mul(usize::try_from(percent).unwrap_or(usize::MAX)).div_ceil(100)
            }
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Percent(percent) => write!(formatter, "{percent}%"),
        }
    }
}

/// The settings that take part in a decision. Built only from validated settings, so these hold:
/// `0 < min_utilization <= optimal_utilization <= max_utilization <= 1` and `min_nodes <= max_nodes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Lower bound of the band; below it, nodes are cordoned.
    pub min_utilization: PartsPerMillion,
    /// The utilization that a change aims at.
    pub optimal_utilization: PartsPerMillion,
    /// Upper bound of the band; above it, nodes are uncordoned or created.
    pub max_utilization: PartsPerMillion,
    /// How many nodes a run leaves in service at least.
    pub min_nodes: usize,
    /// How many nodes a run leaves in service, and creates up to, at most.
    pub max_nodes: usize,
    /// Label keys that make a pod dynamic; a pod without any of them is critical.
    pub preemptible_labels: BTreeSet<String>,
    /// Label keys that take a pod or a node out of account.
    pub omit_labels: BTreeSet<String>,
    /// Namespaces whose pods are not taken into account.
    pub omit_namespaces: BTreeSet<String>,
    /// Only nodes that it matches are managed.
    pub node_selector: LabelSelector,
    /// What the utilization divides by.
    pub capacity: CapacitySource,
    /// How long a cordoned node must have been empty before it is deleted.
    pub empty_grace: SignedDuration,
    /// Whether cordons of others are treated as ours.
    pub adopt_cordons: bool,
    /// Whether every zone that has a serving node keeps one.
    pub keep_zones: bool,
    /// How many cordons a run may make.
    pub max_cordons: Budget,
    /// How many nodes a run may delete.
    pub max_deletions: Budget,
    /// How long a NotReady node, or an instance without a node, counts as booting.
    pub boot_grace: SignedDuration,
    /// More than this percentage of managed nodes broken, and …
    pub max_unready_percent: u32,
    /// … at least this many, and the run only uncordons.
    pub ok_unready_nodes: usize,
    /// Whether `NODE_GROUPS` names where to grow a cluster that has no node left.
    pub node_groups_named: bool,
    /// The pod that this run is: namespace and name.
    pub own_pod: Option<(String, String)>,
    /// The node that this run's pod is on.
    pub own_node: Option<String>,
}

/// The defaults of the settings.
impl Default for Policy {
    fn default() -> Self {
        Self {
            min_utilization: PartsPerMillion(650_000),
            optimal_utilization: PartsPerMillion(750_000),
            max_utilization: PartsPerMillion(850_000),
            min_nodes: 3,
            max_nodes: 72,
            preemptible_labels: BTreeSet::new(),
            omit_labels: BTreeSet::new(),
            omit_namespaces: BTreeSet::from(["kube-system".to_owned()]),
            node_selector: LabelSelector::default(),
            capacity: CapacitySource::Allocatable,
            empty_grace: SignedDuration::ZERO,
            adopt_cordons: true,
            keep_zones: true,
            max_cordons: Budget::Percent(100),
            max_deletions: Budget::Count(10),
            boot_grace: SignedDuration::from_mins(15),
            max_unready_percent: 45,
            ok_unready_nodes: 3,
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
    fn percentages_are_rounded_up() {
        assert_eq!(Budget::Percent(10).allows(11), 2);
        assert_eq!(Budget::Percent(100).allows(7), 7);
        assert_eq!(Budget::Percent(0).allows(7), 0);
        assert_eq!(Budget::Count(10).allows(3), 10);
    }

    #[test]
    fn ratios_are_written_as_decimals() {
        assert_eq!(PartsPerMillion(850_000).to_string(), "0.85");
        assert_eq!(PartsPerMillion(1_000_000).to_string(), "1");
        assert_eq!(PartsPerMillion(662_501).to_string(), "0.662501");
    }
}
