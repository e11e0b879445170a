//! The rule of `scale.py`, this program's predecessor, with its rounding and its order of actions.
//!
//! ```text
//!   utilization of the machines' memory --> a goal for the whole cluster --> the nodes with fewest pods are cordoned,
//!   all others uncordoned --> the group is set to the goal --> what was empty and cordoned at first is deleted
//! ```
//!
//! It divides by the capacity of machines, not by what is allocatable. Among nodes with equally many pods it takes any.
//! It may delete a node in the run that uncordons it, with the users who arrived meanwhile.
//!
//! It knows nothing of pools. Every node counts as capacity, the hub's own too; the first node by name determines the
//! size of all; the goal of the whole cluster becomes the size of its one group, the first. A node of another group
//! cannot be deleted through that group: the cloud refuses, and the run ends there.
#![expect(
    clippy::float_arithmetic,
    reason = "the original computes in floats, and its roundings are part of its rule"
)]

use kube_rebalancer_core::model::Bytes;
use kube_rebalancer_core::policy::{PartsPerMillion, Policy};
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

use super::{Autoscaler, Defect};
use crate::cluster::GroupIndex;
use crate::random::{Purpose, generator};
use crate::world::{NodeId, SimulatedNode, World};

/// The group in its configuration.
const ITS_GROUP: GroupIndex = 0;

/// Runs of `scale.py`.
#[derive(Debug)]
pub(crate) struct ScalePy {
    min_utilization: f64,
    max_utilization: f64,
    optimal_utilization: f64,
    min_nodes: u32,
    max_nodes: u32,
    interval: u64,
    random: Pcg64,
}

/// A node as it was when the run began.
#[derive(Clone, Copy, Debug)]
struct Seen {
    id: NodeId,
    group: GroupIndex,
    machine: Bytes,
    cordoned: bool,
    critical: bool,
    pods: usize,
}

impl ScalePy {
    pub(crate) fn new(policy: &Policy, interval: u64, seed: u64) -> Self {
        let nodes = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let bounds = &policy.bounds;
        Self {
            min_utilization: ratio(bounds.min_utilization),
            max_utilization: ratio(bounds.max_utilization),
            optimal_utilization: ratio(bounds.optimal_utilization),
            min_nodes: nodes(bounds.min_nodes),
            max_nodes: nodes(bounds.max_nodes),
            interval,
            random: generator(seed, Purpose::Shuffle),
        }
    }

    /// The desired number of nodes without the cordoned ones.
    fn goal(&self, seen: &[Seen], workload: u64) -> usize {
        let machine = seen.first().map_or(0, |node| node.machine.0);
        let serving = seen.iter().filter(|node| !node.cordoned).count();
        let capacity: u128 =
            seen.iter().filter(|node| !node.cordoned).map(|node| u128::from(node.machine.0)).sum();
        let utilization =
            if capacity == 0 { f64::INFINITY } else { float(workload.into()) / float(capacity) };
        if self.min_utilization <= utilization && utilization <= self.max_utilization {
            return serving;
        }
        let wanted = float(workload.into()) / self.optimal_utilization / float(machine.into());
        let wanted = if wanted < f64::from(self.min_nodes) { f64::from(self.min_nodes) } else { wanted };
        let wanted = if wanted > f64::from(self.max_nodes) { f64::from(self.max_nodes) } else { wanted };
        whole(wanted.round_ties_even())
    }

    /// The nodes to cordon: at most `count` nodes without a critical pod, the fewest pods first.
    fn emptiest(&mut self, seen: &[Seen], count: usize) -> Vec<NodeId> {
        let mut candidates: Vec<Seen> = seen.iter().filter(|node| !node.critical).copied().collect();
        candidates.shuffle(&mut self.random);
        candidates.sort_by_key(|node| node.pods);
        candidates.iter().take(count).map(|node| node.id).collect()
    }
}

impl Autoscaler for ScalePy {
    fn interval(&self) -> u64 {
        self.interval
    }

    fn run(&mut self, world: &mut World<'_>) -> Result<(), Defect> {
        world.tally.runs += 1;
        let mut ready: Vec<&SimulatedNode> = world.nodes().iter().filter(|node| node.ready).collect();
        ready.sort_by_key(|node| node.name());
        let machine = |group| world.pool(group).map_or(Bytes(0), |pool| pool.machine.memory);
        let seen: Vec<Seen> = ready
            .into_iter()
            .map(|node| Seen {
                id: node.id,
                group: node.group,
                machine: machine(node.group),
                cordoned: node.is_cordoned(),
                critical: node.critical,
                pods: node.users,
            })
            .collect();
        let goal = self.goal(&seen, world.demand());
        let cordon = self.emptiest(&seen, seen.len().saturating_sub(goal));
        for id in &cordon {
            world.set_cordoned(*id, true);
        }
        for node in seen.iter().filter(|node| !node.critical && !cordon.contains(&node.id)) {
            world.set_cordoned(node.id, false);
        }
        if goal > seen.len() {
            world.resize(ITS_GROUP, goal);
        }
        for node in seen.iter().filter(|node| !node.critical && node.cordoned && node.pods == 0) {
            if node.group != ITS_GROUP {
                break;
            }
            world.delete(node.id);
        }
        Ok(())
    }
}

fn ratio(parts: PartsPerMillion) -> f64 {
    f64::from(parts.0) / f64::from(PartsPerMillion::ONE.0)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "Python's division takes integers like this"
)]
fn float(bytes: u128) -> f64 {
    bytes as f64
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is whole, not negative, and at most MAX_NODES"
)]
fn whole(nodes: f64) -> usize {
    nodes as usize
}
