//! One pass over the nodes and one walk over the pods: collects all facts of a cluster that a plan
//! needs.

use super::asked::{demand_of, reserved_demand};
use super::capacity::{Medians, without_omitted};
use super::common::{CommonTaints, Judge, NewNode, Population};
use super::devices::Devices;
use super::drained;
use super::managed::{is_unreadable, unmanaged};
use super::node_warnings::{none_of, warn_of_nodes};
use super::notes::Warning;
use super::pods::Walk;
use super::pools::{PoolIndex, Pools};
use super::reason::KeepReason;
use super::replicas;
use super::state::{bad_marks, state};
use super::survey::{NodeFacts, OccupantKind, Survey, UnboundPod};
use super::taints::{pressure, startup};
use super::twins;
use super::used::note_usage;
use super::value::NodeState;
use crate::model::{Constraints, Node, Snapshot};
use crate::policy::Policy;

impl<'a> Survey<'a> {
    /// Surveys a cluster under a policy.
    pub(crate) fn new(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        let unmanaged: Vec<Option<KeepReason>> =
            snapshot.nodes().iter().map(|node| unmanaged(node, policy)).collect();
        let pools = Pools::new(snapshot, policy, &unmanaged);
        let nodes = snapshot.nodes().iter().zip(unmanaged).map(|(node, why)| {
            let pool = if why.is_none() || is_unreadable(why.as_ref()) { pools.of(node, policy) } else { 0 };
            NodeFacts::of(node, pool, why, snapshot, policy)
        });
        let mut walk = Walk::new(nodes.collect(), policy);
        walk.pods(snapshot);
        let Walk {
            mut nodes, population, unbound, may_bind_late, unplaced, bound_daemons, mut warnings, ..
        } = walk;
        let judged_common = judge_common(&pools, &mut nodes, &unbound, &population, snapshot, policy);
        look_at_states(&mut nodes, snapshot, policy, &mut warnings);
        for node in &mut nodes {
            node.demand = demand_of(node);
        }
        reserved_demand(&mut nodes, snapshot, policy);
        note_usage(&mut nodes, snapshot, policy);
        let live_pods = replicas::count(snapshot, policy, &mut nodes);
        drained::look(snapshot, policy, &mut nodes);
        twins::look(&mut nodes);
        warn_of_nodes(&nodes, policy, &mut warnings);
        Self {
            snapshot,
            policy,
            nodes,
            may_wake: true,
            pools: pools.names,
            group_pools: pools.of_groups,
            unbound,
            may_bind_late,
            unplaced,
            bound_daemons,
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
    let judged = pools.names.iter().enumerate().map(|(pool, name)| {
        let of_pool = || nodes.iter().enumerate().filter(|(_, node)| node.managed() && node.pool == pool);
        let indices: Vec<usize> = of_pool().map(|(index, _)| index).collect();
        let of_pool: Vec<&Node> = of_pool().map(|(_, node)| node.node).collect();
        (indices, judge.judge(pool, name, &of_pool))
    });
    let judged: Vec<_> = judged.collect();
    let mut noted = Vec::new();
    for (indices, judgement) in judged {
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

fn look_at_states(
    nodes: &mut [NodeFacts<'_>],
    snapshot: &Snapshot,
    policy: &Policy,
    warnings: &mut Vec<Warning>,
) {
    let managed: Vec<&Node> = nodes.iter().filter(|facts| facts.managed()).map(|facts| facts.node).collect();
    let medians = Medians::new(managed.iter().copied(), policy);
    let devices = Devices::new(snapshot.groups(), managed.iter().copied(), policy);
    for facts in nodes {
        let (node, managed) = (facts.node, facts.managed());
        let (capacity, beyond) = medians.capacity(node, policy);
        let reports_none = none_of(&capacity, policy);
        facts.capacity = without_omitted(capacity, &facts.omitted_load, policy);
        let none_of = none_of(&facts.capacity, policy);
        let missing =
            devices.missing(node, policy, snapshot.observed_at()).map(|name| format!("{name} has not come"));
        let otherwise_usable =
            missing.is_none() && startup(node, policy).is_none() && pressure(node).is_none();
        facts.without_capacity = none_of.is_some() && otherwise_usable;
        let unreported = reports_none.filter(|_| otherwise_usable);
        let lacks = missing.or_else(|| unreported.map(|resource| format!("it reports no {resource}")));
        (facts.state, facts.impaired_by) = state(node, lacks, policy, snapshot.observed_at());
        // Omitted pods fill a node at any age.
        if let Some(resource) = none_of.filter(|_| facts.ready()) {
            facts.state = NodeState::NotInUse;
            facts.impaired_by = Some(format!("no {resource} is left for its pods"));
        }
        if !managed {
            continue;
        }
        warnings.extend(beyond);
        warnings.extend(bad_marks(node));
    }
}

#[cfg(test)]
mod tests;
