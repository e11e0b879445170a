//! Sections 3, 5 and 7: which groups may grow, and by how much.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::facts::{Class, Facts, NodeFacts, age, class, taints};
use super::objects::is_only_object;
use super::reach::{is_windows, tolerates};
use super::steps::{Growth, Steps};
use super::violation::Violation;
use crate::model::{Instance, NodeGroup, NodeResources, Taint, TaintEffect};
use crate::policy::CapacitySource;

/// The name of a missing group in a violation.
const NO_GROUP: &str = "(none)";

pub(super) fn check(facts: &Facts<'_>, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let mut seen = BTreeSet::new();
    for growth in &steps.growths {
        let name = growth.group.unwrap_or(NO_GROUP);
        // Without groups, each pool is its own.
        if !seen.insert((growth.group, growth.group.is_none().then_some(growth.pool))) {
            found.push(Violation::GrownTwice { group: name.to_owned() });
        }
        if growth.to <= growth.from {
            found.push(Violation::DoesNotGrow { group: name.to_owned(), from: growth.from, to: growth.to });
        }
        check_from(facts, *growth, name, found);
        check_instead(facts, growth, found);
    }
    let pools: BTreeSet<&str> = steps.growths.iter().map(|growth| growth.pool).collect();
    for pool in pools {
        check_bounds(facts, steps, pool, found);
    }
    check_creations(facts, steps, found);
}

/// The creations of a pool are within its bounds.
pub(super) fn check_bounds(facts: &Facts<'_>, steps: &Steps<'_>, pool: &str, found: &mut Vec<Violation>) {
    check_max_nodes(facts, steps, pool, found);
    check_unknown_size(facts, steps, pool, found);
}

/// The creations of the run are within its budget.
pub(super) fn check_creations(facts: &Facts<'_>, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let (new, managed) = (steps.new_nodes(), facts.managed_count());
    let allowed = facts.policy.max_creations.allows(managed);
    if new > allowed {
        found.push(Violation::TooManyCreations { new, allowed, managed });
    }
}

/// The nodes of a pool, with the new ones, are at most its `MAX_NODES`.
pub(super) fn check_max_nodes(facts: &Facts<'_>, steps: &Steps<'_>, pool: &str, found: &mut Vec<Violation>) {
    let new = steps.new_nodes_in(pool);
    // A Node object whose machine is proven gone is no node that was created and exists.
    let exists = |node: &NodeFacts<'_>| !node.is_parked() && !is_only_object(facts, node);
    let common = facts.of_pool(pool).filter(|(_, node)| node.is_common() && exists(node)).count();
    let instances = groups_of(facts, pool).flat_map(without_node).count();
    // The useless nodes of a group count if the group is to create more.
    let grown = |name: &Option<String>| {
        name.is_some() && steps.growths.iter().any(|one| one.pool == pool && one.group == name.as_deref())
    };
    let others = facts.nodes.iter().filter(|node| !node.is_common() && grown(&node.node.group)).count();
    let common = common.saturating_add(others);
    let max = facts.policy.bounds_of(pool).max_nodes;
    if new > 0 && common.saturating_add(instances).saturating_add(new) > max {
        found.push(Violation::TooManyNodes { pool: pool.to_owned(), new, common, instances, max });
    }
}

/// If the size of a new node is not known, few are created, and none while one is booting.
fn check_unknown_size(facts: &Facts<'_>, steps: &Steps<'_>, pool: &str, found: &mut Vec<Violation>) {
    let unknown = steps.growths.iter().filter(|growth| growth.pool == pool && !size_is_known(facts, growth));
    let new = unknown.map(Growth::new_nodes).fold(0, usize::saturating_add);
    if new == 0 {
        return;
    }
    let serving = facts.of_pool(pool).filter(|(_, node)| node.serves()).count();
    let booting =
        facts.of_pool(pool).filter(|(_, node)| node.boots()).count() + booting_instances(facts, pool);
    let missing = facts.policy.bounds_of(pool).min_nodes.saturating_sub(serving.saturating_add(booting));
    let allowed = if booting > 0 { 0 } else { missing.max(1) };
    if new > allowed {
        found.push(Violation::TooManyOfUnknownSize { pool: pool.to_owned(), new, allowed, booting });
    }
}

/// Whether the group's template or one of its nodes has the size of a new node. A template that has nothing but the size tells
/// too little until the group has a node: the new one may be of no use for its labels and taints.
fn size_is_known(facts: &Facts<'_>, growth: &Growth<'_>) -> bool {
    let tells = |allocatable: &NodeResources, capacity: &NodeResources| {
        let of = |resource| match facts.policy.capacity {
            CapacitySource::Allocatable => allocatable.of(resource).or(capacity.of(resource)),
            CapacitySource::Capacity => capacity.of(resource),
        };
        let tell = |resource| of(resource).is_some_and(|amount| amount > 0);
        facts.policy.resources.iter().all(|resource| tell(*resource))
    };
    let by_template = facts
        .snapshot
        .groups()
        .iter()
        .filter(|group| Some(group.name.as_str()) == growth.group)
        .filter_map(|group| {
            let has_nodes = || facts.managed().any(|node| node.node.group.as_deref() == Some(&*group.name));
            group.template.as_ref().filter(|template| !template.only_size || has_nodes())
        })
        .any(|template| tells(&template.allocatable, &template.capacity));
    let by_node = facts.managed().any(|node| {
        let member = match growth.group {
            Some(name) => node.node.group.as_deref() == Some(name),
            None => node.pool == growth.pool && node.is_common(),
        };
        member && tells(&node.node.allocatable, &node.node.capacity)
    });
    by_template || by_node
}

/// A growth starts at the present size: the group's, or the number of the pool's managed nodes.
pub(super) fn check_from(facts: &Facts<'_>, growth: Growth<'_>, name: &str, found: &mut Vec<Violation>) {
    let groups = facts.snapshot.groups();
    let size = match growth.group {
        None if groups.is_empty() => {
            let shows = |node: &NodeFacts<'_>| node.is_common() && !is_only_object(facts, node);
            if !facts.of_pool(growth.pool).any(|(_, node)| shows(node)) {
                found.push(Violation::NothingToCopy { pool: growth.pool.to_owned() });
            }
            u32::try_from(facts.of_pool(growth.pool).count()).unwrap_or(u32::MAX)
        }
        None => {
            found.push(Violation::GroupNotNamed { groups: groups.len() });
            return;
        }
        Some(name) => {
            let Some(group) = groups.iter().find(|group| group.name == name) else {
                found.push(Violation::UnknownGroup { group: name.to_owned() });
                return;
            };
            check_growable(facts, growth, group, found);
            group.target_size
        }
    };
    if growth.from != size {
        found.push(Violation::GrowsFromElsewhere { group: name.to_owned(), from: growth.from, size });
    }
}

/// The groups that are asked if the first refuses must also be allowed to grow.
fn check_instead(facts: &Facts<'_>, growth: &Growth<'_>, found: &mut Vec<Violation>) {
    let mut named = BTreeSet::from([growth.group]);
    for other in growth.instead {
        if !named.insert(Some(&other.group)) {
            found.push(Violation::GrownTwice { group: other.group.clone() });
        }
        let as_first = Growth { group: Some(&other.group), from: other.size, instead: &[], ..*growth };
        check_from(facts, as_first, &other.group, found);
    }
}

/// A group that fails to create instances, or that something else scales, must not grow; nor must a group whose nodes this
/// program does not manage: it would never count them, and create more in every run.
fn check_growable(facts: &Facts<'_>, growth: Growth<'_>, group: &NodeGroup, found: &mut Vec<Violation>) {
    let mut refuse = |why: String| found.push(Violation::NotGrowable { group: group.name.clone(), why });
    if let Some(why) = &group.not_growable {
        refuse(why.clone());
    }
    if let Some(instance) = without_node(group).find(|instance| keeps_group_from_growing(facts, instance)) {
        refuse(format!("its instance {} did not become a node in time", instance.name));
    }
    if !is_ours(facts, group) {
        found.push(Violation::GroupNotManaged { group: group.name.clone() });
    }
    if facts.pool_of(group) != Some(growth.pool) {
        found.push(Violation::GroupOfOtherPool { group: group.name.clone(), pool: growth.pool.to_owned() });
    }
    if would_be_reserved(facts, group) {
        found.push(Violation::GrowsReserved { group: group.name.clone() });
    }
}

/// Whether the group's next node would be reserved. Its nodes with the same taints show that. If there are none, all of
/// them show it, unless the new node has no taint.
fn would_be_reserved(facts: &Facts<'_>, group: &NodeGroup) -> bool {
    let members: Vec<&NodeFacts<'_>> =
        facts.managed().filter(|node| node.node.group.as_ref() == Some(&group.name)).collect();
    let judges = judges(&members);
    let windows = 2 * judges.iter().filter(|node| is_windows(node.node)).count() > judges.len();
    let new = new_taints(facts, group, &members, &judges);
    let alike = |node: &&&NodeFacts<'_>| {
        let has: BTreeSet<_> = taints::lasting(node.node, facts.policy).map(identity).collect();
        has == new && is_windows(node.node) == windows
    };
    let mut alike = members.iter().filter(alike).peekable();
    if alike.peek().is_some() {
        return alike.all(|node| node.reserved);
    }
    !new.is_empty() && members.iter().all(|node| node.reserved)
}

/// The nodes that show what the next one is like: the healthy ones, or all if none is healthy.
fn judges<'m, 'a>(members: &[&'m NodeFacts<'a>]) -> Vec<&'m NodeFacts<'a>> {
    let is_healthy = |node: &&&NodeFacts<'_>| node.health.is_usable() || node.health.is_filled();
    let healthy: Vec<_> = members.iter().filter(is_healthy).copied().collect();
    if healthy.is_empty() { members.to_vec() } else { healthy }
}

type TaintIdentity<'t> = (&'t str, &'t str, TaintEffect);

fn identity(taint: &Taint) -> TaintIdentity<'_> {
    (&taint.key, &taint.value, taint.effect)
}

/// The lasting taints that a new node surely has: at least half of the nodes have them, or the template names them and a
/// node has them. One that came to a part of the nodes after their users is left out.
fn new_taints<'f>(
    facts: &'f Facts<'_>,
    group: &'f NodeGroup,
    members: &[&'f NodeFacts<'_>],
    judges: &[&'f NodeFacts<'_>],
) -> BTreeSet<TaintIdentity<'f>> {
    let has =
        |node: &NodeFacts<'_>, one: &Taint| node.node.taints.iter().any(|it| identity(it) == identity(one));
    let named: BTreeSet<_> =
        group.template.iter().flat_map(|template| &template.taints).map(identity).collect();
    let is_tolerated = |one: &Taint| {
        facts.on_tainted.iter().any(|(index, pod)| {
            let in_pool = facts.nodes.get(*index).is_some_and(|node| Some(node.pool) == facts.pool_of(group));
            let is_user = matches!(class(pod, facts.policy), Class::Dynamic | Class::Placeholder);
            in_pool && is_user && tolerates(&pod.constraints, one)
        })
    };
    let is_sure = |one: &&Taint| {
        let most = || 2 * judges.iter().filter(|node| has(node, one)).count() >= judges.len();
        let by_all = || members.iter().all(|node| has(node, one));
        let of_users = || one.effect != TaintEffect::NoSchedule || is_tolerated(one);
        named.contains(&identity(one)) || most() && (by_all() || of_users())
    };
    let seen: BTreeMap<_, &Taint> = members
        .iter()
        .flat_map(|node| taints::lasting(node.node, facts.policy))
        .map(|taint| (identity(taint), taint))
        .collect();
    seen.into_values().filter(is_sure).map(identity).collect()
}

/// Whether this run may change a group: one of its nodes is managed, or the operator named groups.
pub(super) fn is_ours(facts: &Facts<'_>, group: &NodeGroup) -> bool {
    facts.policy.node_groups_named
        || facts.managed().any(|node| node.node.group.as_ref() == Some(&group.name))
}

/// Whether the plan could have created one more node in a pool: nothing in the snapshot prevents it.
pub(super) fn could_grow(facts: &Facts<'_>, pool: &str) -> bool {
    let groups = facts.snapshot.groups();
    let common = facts.of_pool(pool).any(|(_, node)| node.is_common() && node.health.says_ready);
    common
        && facts.policy.max_creations.allows(facts.managed_count()) > 0
        && (groups.is_empty()
            || groups_of(facts, pool).any(|group| {
                let mut late = without_node(group).filter(|one| keeps_group_from_growing(facts, one));
                group.not_growable.is_none() && is_ours(facts, group) && late.next().is_none()
            }))
}

/// Instances that may still become nodes of a pool.
pub(super) fn booting_instances(facts: &Facts<'_>, pool: &str) -> usize {
    let instances = groups_of(facts, pool).flat_map(without_node);
    instances.filter(|instance| is_booting(facts, instance)).count()
}

fn groups_of<'f>(facts: &'f Facts<'_>, pool: &'f str) -> impl Iterator<Item = &'f NodeGroup> {
    facts.snapshot.groups().iter().filter(move |group| facts.pool_of(group) == Some(pool))
}

fn without_node(group: &NodeGroup) -> impl Iterator<Item = &Instance> {
    group.instances.iter().filter(|instance| !instance.has_node)
}

/// The age of an instance; `None` for one that the cloud has not begun to create.
pub(super) fn instance_age(facts: &Facts<'_>, instance: &Instance) -> Option<SignedDuration> {
    instance.created_at.map(|created| age(facts.snapshot.observed_at(), created))
}

/// Whether an instance is booting. One that the cloud has not begun to create is not late.
fn is_booting(facts: &Facts<'_>, instance: &Instance) -> bool {
    let in_time = instance_age(facts, instance).is_none_or(|age| age < facts.policy.boot_grace);
    instance.creation_error.is_none() && in_time
}

/// Whether an instance keeps its group from growing: it failed or is late, until twice `BOOT_GRACE`.
fn keeps_group_from_growing(facts: &Facts<'_>, instance: &Instance) -> bool {
    let long_ago = instance_age(facts, instance).is_some_and(|age| age >= twice(facts.policy.boot_grace));
    !is_booting(facts, instance) && !long_ago
}

/// The age from which on an instance that never became a node is given up.
pub(super) fn twice(grace: SignedDuration) -> SignedDuration {
    grace.saturating_mul(2)
}
