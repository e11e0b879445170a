//! Sections 5 and 7: the nodes that serve after the plan, pool by pool: capacity first, then cordons.

use std::collections::{BTreeMap, BTreeSet};

use super::demand::{self, Demand};
use super::facts::{Facts, NodeFacts, deciding};
use super::growth;
use super::steps::Steps;
use super::violation::{Direction, Violation};
use crate::model::{Amounts, NodeIndex, Resource};
use crate::plan::{Limit, Plan, Warning};
use crate::policy::{Bounds, PartsPerMillion};

pub(super) fn check(facts: &Facts<'_>, plan: &Plan, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let loses_some = |pool: &str| {
        let goes = |(index, node): (NodeIndex, &NodeFacts<'_>)| {
            node.serves() && steps.on(index) == Some(Direction::Cordon)
        };
        facts.of_pool(pool).any(goes)
    };
    let judged: BTreeSet<&str> = facts.pools().into_iter().filter(|pool| loses_some(pool)).collect();
    for pool in facts.pools() {
        let bounds = facts.policy.bounds_of(pool);
        if bounds.keep_zones {
            check_zones(facts, plan, steps, pool, found);
        }
        check_min_nodes(facts, plan, steps, pool, bounds, found);
    }
    if judged.is_empty() {
        return;
    }
    // Once for each pool: the demand of a pool is tried with every kind of undecided pods.
    let changes: BTreeMap<&str, Change> =
        judged.iter().map(|pool| (*pool, Change::of(facts, steps, pool))).collect();
    let holds = |pool: &str, asked: &Amounts| {
        let mut found = Vec::new();
        if let Some(change) = changes.get(pool) {
            check_cordons(facts, change, pool, asked, &mut found);
        }
        found.is_empty()
    };
    let demand = Demand::of(facts).decided(|pool| judged.contains(pool), holds);
    for (pool, change) in &changes {
        let asked = demand.get(pool).cloned().unwrap_or_else(|| deciding(0, 0));
        check_cordons(facts, change, pool, &asked, found);
    }
}

/// A set of serving nodes: their number, their capacity, and the demand on them.
#[derive(Clone)]
struct Service {
    nodes: usize,
    capacity: Amounts,
    asked: Amounts,
}

impl Service {
    /// The service of these nodes, with the demand of their daemons alone.
    fn of<'n, 'a: 'n>(nodes: impl Iterator<Item = &'n NodeFacts<'a>>) -> Self {
        let mut service = Self { nodes: 0, capacity: deciding(0, 0), asked: deciding(0, 0) };
        for node in nodes {
            service.nodes += 1;
            service.capacity.add(&node.capacity);
            service.asked.add(&node.daemons);
        }
        service
    }

    /// The same service with more demand.
    fn under(&self, asked: &Amounts) -> Self {
        Self { asked: self.asked.clone().plus(asked), ..self.clone() }
    }

    /// Whether the ratio of a resource is within a bound; zero of zero is.
    fn holds(&self, resource: Resource, max: PartsPerMillion) -> bool {
        let asked = u128::from(self.asked.of(resource)) * u128::from(PartsPerMillion::ONE.0);
        asked <= u128::from(self.capacity.of(resource)) * u128::from(max.0)
    }

    /// Whether the utilization by one resource is at least that of other nodes by another.
    fn is_at_least(&self, resource: Resource, other: &Self, by: Resource) -> bool {
        let product = |asked: u64, capacity: u64| u128::from(asked) * u128::from(capacity);
        match (self.capacity.of(resource), other.capacity.of(by)) {
            // Without capacity, any demand is an infinite ratio.
            (0, _) => self.asked.of(resource) > 0 || other.asked.of(by) == 0,
            (_, 0) => other.asked.of(by) == 0,
            (mine, theirs) => product(self.asked.of(resource), theirs) >= product(other.asked.of(by), mine),
        }
    }
}

/// What the cordons and uncordons of a plan change in a pool, whatever its pods ask for.
struct Change {
    /// The serving nodes before.
    before: Service,
    /// The serving nodes after, with the pods of other pools that arrive.
    after: Service,
    uncordoned: usize,
}

impl Change {
    fn of(facts: &Facts<'_>, steps: &Steps<'_>, pool: &str) -> Self {
        #[cfg(test)]
        CHANGES.set(CHANGES.get() + 1);
        let nodes = || facts.of_pool(pool);
        let serves_after = |(index, node): &(NodeIndex, &NodeFacts<'_>)| steps.serves_after(*index, node);
        let after = Service::of(nodes().filter(serves_after).map(|(_, node)| node));
        Self {
            before: Service::of(nodes().map(|(_, node)| node).filter(|node| node.serves())),
            after: after.under(&demand::arriving(facts, steps, pool)),
            uncordoned: nodes().filter(|(index, _)| steps.on(*index) == Some(Direction::Uncordon)).count(),
        }
    }
}

#[cfg(test)]
thread_local! {
    /// The number of passes over the nodes of a pool on this thread.
    pub(super) static CHANGES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A cordon never runs ahead of its replacement: the nodes that are Ready after the cordons are enough, or no worse
/// than before, or are reduced to a `MAX_NODES` that was set.
fn check_cordons(
    facts: &Facts<'_>,
    change: &Change,
    pool: &str,
    asked: &Amounts,
    found: &mut Vec<Violation>,
) {
    let bounds = facts.policy.bounds_of(pool);
    let (before, after) = (change.before.under(asked), change.after.under(asked));
    let comes_down = bounds.max_nodes_set
        && before.nodes + change.uncordoned > bounds.max_nodes
        && after.nodes >= bounds.max_nodes;
    if comes_down {
        return;
    }
    if after.nodes < bounds.min_nodes && after.nodes < before.nodes {
        found.push(Violation::CordonsBelowMinNodes {
            pool: pool.to_owned(),
            after: after.nodes,
            before: before.nodes,
            min: bounds.min_nodes,
        });
    }
    let resources = || facts.policy.resources.iter().copied();
    let worse = resources().find(|resource| {
        !after.holds(*resource, bounds.max_utilization)
            && !resources().any(|by| before.is_at_least(by, &after, *resource))
    });
    if let Some(resource) = worse {
        found.push(Violation::CordonsRunAhead {
            pool: pool.to_owned(),
            resource,
            requested: after.asked.of(resource),
            capacity: after.capacity.of(resource),
            max: bounds.max_utilization,
        });
    }
}

/// Users' disks are zonal: a zone that has a serving node keeps one. If no node serves, a zone gets back a node that
/// could.
fn check_zones(facts: &Facts<'_>, plan: &Plan, steps: &Steps<'_>, pool: &str, found: &mut Vec<Violation>) {
    #[derive(Default)]
    struct Zone {
        before: usize,
        after: usize,
        could: usize,
    }
    let mut zones: BTreeMap<&str, Zone> = BTreeMap::new();
    for (index, node) in facts.of_pool(pool).filter(|(_, node)| node.is_common()) {
        let Some(zone) = node.node.zone() else { continue };
        let zone = zones.entry(zone).or_default();
        zone.before += usize::from(node.serves());
        zone.after += usize::from(steps.serves_after(index, node));
        zone.could += usize::from(node.health.is_usable() && !node.cordon_must_stay(facts.policy));
    }
    let none_serves = facts.of_pool(pool).all(|(_, node)| !node.serves()) && plan.guard.is_none();
    for (name, zone) in zones {
        if zone.after == 0 && (zone.before > 0 || (none_serves && zone.could > 0)) {
            found.push(Violation::ZoneUnserved {
                pool: pool.to_owned(),
                zone: name.to_owned(),
                before: zone.before,
            });
        }
    }
}

/// Fewer than `MIN_NODES` only when every node that could serve is used, and the plan has the reason why no more are
/// created.
fn check_min_nodes(
    facts: &Facts<'_>,
    plan: &Plan,
    steps: &Steps<'_>,
    pool: &str,
    bounds: &Bounds,
    found: &mut Vec<Violation>,
) {
    let count = |counts: &dyn Fn(NodeIndex, &NodeFacts<'_>) -> bool| {
        facts.of_pool(pool).filter(|(index, node)| counts(*index, node)).count()
    };
    let serving = count(&|index, node| steps.serves_after(index, node));
    let booting = count(&|_, node| node.boots()) + growth::booting_instances(facts, pool);
    let reserved = count(&|_, node| node.reserved && node.health.says_ready);
    let after =
        serving.saturating_add(booting).saturating_add(reserved).saturating_add(steps.new_nodes_in(pool));
    let after = after.saturating_add(steps.woken_in(facts, pool));
    let min = bounds.min_nodes;
    if after >= min {
        return;
    }
    let unused = facts.of_pool(pool).find(|(index, node)| {
        node.is_common()
            && node.health.is_usable()
            && !node.cordon_must_stay(facts.policy)
            && !steps.serves_after(*index, node)
    });
    let unused = match unused {
        Some((_, node)) => node.name(),
        None if growth::could_grow(facts, pool) && !says_why_not(plan, pool) => "a new node".to_owned(),
        None => return,
    };
    found.push(Violation::TooFewNodes { pool: pool.to_owned(), after, min, unused });
}

/// Whether the plan has a reason for not creating all missing nodes.
fn says_why_not(plan: &Plan, pool: &str) -> bool {
    let limits = plan.pool(pool).into_iter().flat_map(|pool| &pool.limits).chain(&plan.limits);
    let limited = limits.into_iter().any(|limit| match limit {
        Limit::MaxNodes { .. }
        | Limit::MustKeep { .. }
        | Limit::WaitingPods { .. }
        | Limit::MaxCreations { .. } => true,
        Limit::MinNodes { .. }
        | Limit::MaxCordons { .. }
        | Limit::MaxDeletions { .. }
        | Limit::MaxEvictions { .. } => false,
    });
    let warned = plan.warnings.iter().any(|warning| {
        matches!(
            warning,
            Warning::UnknownNewNode { .. }
                | Warning::DaemonsFillNewNode { .. }
                | Warning::NobodyReachesNewNode { .. }
                | Warning::GroupNotGrown { .. }
                | Warning::GroupWithoutPool { .. }
        )
    });
    limited || warned || plan.guard.is_some()
}
