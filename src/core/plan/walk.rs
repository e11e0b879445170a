//! One pass over the nodes and one walk over the pods: collects all facts of a cluster that a plan
//! needs. Large clusters have a second thread for it.

use std::collections::BTreeSet;

use super::admitted::Admitted;
use super::asked::{demand_of, reserved_demand};
use super::capacity::{Medians, without_omitted};
use super::common::{CommonTaints, Judge, NewNode, Population};
use super::devices::Devices;
use super::drained;
use super::halves::of_changed_halves;
use super::kinds::warn_of_kinds;
use super::managed::is_unreadable;
use super::node_warnings::{none_of, warn_of_nodes};
use super::notes::Warning;
use super::pods::{Found, add_pods};
use super::pools::{PoolIndex, Pools};
use super::ready::Ready;
use super::replicas;
use super::state::{bad_marks, says_ready, state};
use super::survey::{NodeFacts, OccupantKind, Survey, UnboundPod};
use super::taints::{pressure, startup};
use super::twins;
use super::unknown_pools::warn_of_pools;
use super::used::note_usage;
use super::value::NodeState;
use crate::model::{Constraints, Node, NodeIndex, Snapshot};
use crate::policy::Policy;

impl<'a> Survey<'a> {
    /// Surveys a cluster under a policy.
    pub(crate) fn new(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        let mut nodes: Vec<NodeFacts<'a>> = snapshot.nodes().iter().enumerate().map(NodeFacts::new).collect();
        of_changed_halves(&mut nodes, |_, nodes| {
            let mut zones = BTreeSet::new();
            for node in nodes {
                node.look(snapshot, policy, &mut zones);
            }
        });
        let pools = Pools::new(snapshot, policy, |index| nodes.get(index).is_some_and(NodeFacts::managed));
        if policy.pool_label.is_some() {
            for node in &mut nodes {
                if node.managed() || is_unreadable(node.unmanaged.as_deref()) {
                    node.pool = pools.of(node.node, policy);
                }
            }
        }
        let found = add_pods(&mut nodes, snapshot, policy);
        let mut warnings = found.warnings(policy);
        let Found { population, unbound, may_bind_late, unplaced, daemons, kinds, .. } = found;
        let judged_common = judge_common(&pools, &mut nodes, &unbound, &population, snapshot, policy);
        look_at_states(&mut nodes, snapshot, policy, &mut warnings);
        reserved_demand(&mut nodes, snapshot, policy);
        note_usage(&mut nodes, snapshot, policy);
        let live_pods = replicas::count(snapshot, policy, &mut nodes);
        drained::look(snapshot, policy, &mut nodes);
        twins::look(&mut nodes);
        warn_of_nodes(&nodes, policy, &mut warnings);
        warn_of_kinds(&nodes, &population, policy, &mut warnings);
        warn_of_pools(snapshot, policy, &pools.names, &mut warnings);
        Self {
            snapshot,
            policy,
            nodes,
            may_wake: true,
            ready: Ready::new(pools.names.len()),
            admitted: Admitted::default(),
            pools: pools.names,
            group_pools: pools.of_groups,
            unbound,
            may_bind_late,
            unplaced,
            daemons,
            kinds,
            judged_common,
            population,
            live_pods,
            warnings,
        }
    }

    /// Whether a node that does not exist yet would be reserved in a pool.
    pub(super) fn would_reserve(&self, pool: PoolIndex, new: &NewNode<'_>) -> bool {
        let waiting = refused(&self.unbound);
        let (policy, ledger) = (self.policy, self.snapshot.ledger());
        let judge = Judge { policy, ledger, population: &self.population, waiting: &waiting };
        let Some(name) = self.pools.get(pool) else { return true };
        let nodes: Vec<&Node> = self.of_pool(pool).map(|(_, facts)| facts.node).collect();
        judge.would_reserve(pool, name, &nodes, new)
    }
}

/// Judges the nodes of each pool by their lasting taints, and records the reason for each reserved
/// one.
fn judge_common<'a>(
    pools: &Pools,
    nodes: &mut [NodeFacts<'a>],
    unbound: &[UnboundPod<'a>],
    population: &Population<'a>,
    snapshot: &'a Snapshot,
    policy: &'a Policy,
) -> Vec<CommonTaints> {
    let waiting = refused(unbound);
    let judge = Judge { policy, ledger: snapshot.ledger(), population, waiting: &waiting };
    let mut of_pools = vec![(0_usize, Vec::new()); pools.names.len()];
    for (index, facts) in nodes.iter().enumerate().filter(|(_, facts)| facts.managed()) {
        let Some((nodes, marked)) = of_pools.get_mut(facts.pool) else { continue };
        *nodes += 1;
        if facts.windows || !facts.bare && !facts.node.taints.is_empty() {
            marked.push((index, facts.node));
        }
    }
    let mut noted = Vec::new();
    for (pool, (name, (count, marked))) in pools.names.iter().zip(of_pools).enumerate() {
        let (indices, marked): (Vec<NodeIndex>, Vec<&Node>) = marked.into_iter().unzip();
        let judgement = judge.judge(pool, name, count, &marked);
        for (index, why) in indices.into_iter().zip(judgement.reserved) {
            if let Some(node) = nodes.get_mut(index) {
                node.reserved = why.map(Box::new);
            }
        }
        noted.push(judgement.noted);
    }
    noted
}

/// The constraints of the pods that the scheduler has refused.
fn refused<'a>(unbound: &[UnboundPod<'a>]) -> Vec<&'a Constraints> {
    let refused = unbound.iter().filter(|unbound| {
        unbound.kind != OccupantKind::Placeholder
            && unbound.pod.unbound.as_ref().is_some_and(|one| one.refusal.is_some() && !one.gated)
    });
    refused.map(|unbound| &*unbound.pod.constraints).collect()
}

/// The capacity and the state of each node, and its demand.
fn look_at_states(
    nodes: &mut [NodeFacts<'_>],
    snapshot: &Snapshot,
    policy: &Policy,
    warnings: &mut Vec<Warning>,
) {
    let managed: Vec<&Node> = nodes.iter().filter(|facts| facts.managed()).map(|facts| facts.node).collect();
    let medians = Medians::new(managed.iter().copied(), policy);
    let devices = if nodes.iter().any(|facts| facts.managed() && facts.has_device) {
        Devices::new(snapshot.groups(), managed.iter().copied(), policy)
    } else {
        Devices::new(snapshot.groups(), [].into_iter(), policy)
    };
    let look = |facts: &mut NodeFacts<'_>, warnings: &mut Vec<Warning>| {
        let (node, managed) = (facts.node, facts.managed());
        let (capacity, beyond) = medians.capacity(node, policy);
        let reports_none = none_of(&capacity, policy);
        facts.capacity = without_omitted(capacity, &facts.omitted_load, policy);
        let none_of = none_of(&facts.capacity, policy);
        let missing =
            devices.missing(node, policy, snapshot.observed_at()).map(|name| format!("{name} has not come"));
        let otherwise_usable =
            missing.is_none() && startup(node, policy).is_none() && pressure(node).is_none();
        facts.without_capacity = none_of.is_some() && otherwise_usable && says_ready(node);
        let unreported = reports_none.filter(|_| otherwise_usable);
        let lacks = missing.or_else(|| unreported.map(|resource| format!("it reports no {resource}")));
        (facts.state, facts.impaired_by) = state(node, lacks, policy, snapshot.observed_at());
        // Omitted pods fill a node at any age.
        if let Some(resource) = none_of.filter(|_| facts.ready()) {
            facts.state = NodeState::NotInUse;
            facts.impaired_by = Some(format!("no {resource} is left for its pods"));
        }
        if managed {
            warnings.extend(beyond);
            warnings.extend(bad_marks(node));
        }
        facts.demand = demand_of(facts);
    };
    let halves = of_changed_halves(nodes, |_, nodes| {
        let mut warnings = Vec::new();
        for facts in nodes {
            look(facts, &mut warnings);
        }
        warnings
    });
    warnings.extend(halves.into_iter().flatten());
}

#[cfg(test)]
mod tests;
