//! Section 5: the properties of a node that does not exist yet.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::{
    Amounts, Bytes, FurtherAmounts, Instance, Labels, Millicores, Node, NodeGroup, NodeResources,
    NodeTemplate, Pod, Taint, TaintEffect,
};
use kube_rebalancer_core::policy::CapacitySource;

use super::common::{Jury, is_special};
use super::newcomer;
use super::objects::is_only_object;
use super::reach;
use super::words::{self, Class};
use super::world::{Machine, World};

const ZONE: &str = "topology.kubernetes.io/zone";

/// The nodes that a group would create.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// `None` if no groups are known.
    pub(crate) group: Option<String>,
    /// Labels, once for each zone that a node might be in.
    pub(crate) labels: Vec<Labels>,
    pub(crate) taints: Vec<Taint>,
    /// The room for pods beside its own daemons.
    pub(crate) room: Amounts,
    pub(crate) capacity: Amounts,
    pub(crate) daemons: Amounts,
    /// Whether its size is known.
    pub(crate) known: bool,
    /// Whether a run may create one.
    pub(crate) growable: bool,
    pub(crate) zone: Option<String>,
}

/// The effect of an instance without a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coming {
    Booting,
    /// It adds nothing, and its group is not grown.
    Stuck,
    /// It adds nothing.
    Lost,
}

pub(crate) fn coming(world: &World<'_>, instance: &Instance) -> Coming {
    let grace = world.policy.boot_grace;
    match instance.created_at.map(|at| words::age(world.now, at)) {
        Some(age) if age > grace * 2 => Coming::Lost,
        Some(age) if age >= grace => Coming::Stuck,
        _ if instance.creation_error.is_some() => Coming::Stuck,
        _ => Coming::Booting,
    }
}

/// The pool of a group: of most of its nodes, then by name; else as its template's label or the settings name it.
pub(crate) fn pool_of(world: &World<'_>, group: &NodeGroup) -> Option<String> {
    let Some(label) = &world.policy.pool_label else { return Some(String::new()) };
    let members = || world.machines.iter().filter(|machine| machine.node.group.as_ref() == Some(&group.name));
    let nodes_in = |pool: &String| members().filter(|machine| machine.pool == *pool).count();
    let by_nodes = members().map(|machine| machine.pool.clone());
    let by_nodes = by_nodes.min_by_key(|pool| (std::cmp::Reverse(nodes_in(pool)), pool.clone()));
    let from_template = || group.template.as_ref()?.labels.get(label).map(str::to_owned);
    let from_settings = || {
        let short = group.name.rsplit('/').next();
        let named = world
            .policy
            .group_pools
            .iter()
            .find(|(name, _)| **name == group.name || Some(name.as_str()) == short);
        named.map(|(_, pool)| pool.clone())
    };
    by_nodes.or_else(from_template).or_else(from_settings)
}

/// Finds the pools, and the shapes in each.
pub(crate) fn find(world: &mut World<'_>) {
    let mut pools: BTreeMap<String, Vec<Shape>> = BTreeMap::new();
    if world.policy.pool_label.is_none() {
        pools.insert(String::new(), Vec::new());
    }
    for machine in &world.machines {
        pools.entry(machine.pool.clone()).or_default();
    }
    for group in world.snapshot.groups() {
        if let Some(pool) = pool_of(world, group) {
            let shape = of_group(world, group, &pool);
            pools.entry(pool).or_default().push(shape);
        }
    }
    if world.snapshot.groups().is_empty() {
        for (pool, shapes) in &mut pools {
            if world.in_pool(pool).any(|machine| machine.common && !is_only_object(world, machine)) {
                shapes.push(without_group(world, pool));
            }
        }
    }
    // A group about whose nodes nothing is known grows only if no other one does.
    for shapes in pools.values_mut() {
        let known = shapes.iter().any(|shape| shape.growable && shape.known);
        for shape in shapes.iter_mut() {
            shape.growable &= shape.known || !known;
        }
    }
    world.pools = pools;
}

fn of_group(world: &World<'_>, group: &NodeGroup, pool: &str) -> Shape {
    let members: Vec<&Node> = world
        .machines
        .iter()
        .map(|one| one.node)
        .filter(|node| node.group.as_ref() == Some(&group.name))
        .collect();
    let healthy = world.healthy(Some(&group.name), pool);
    let stuck = group.instances.iter().any(|one| !one.has_node && coming(world, one) == Coming::Stuck);
    // Section 17: a group is discovered through its nodes, or named by the settings.
    let found = world.machines.iter().any(|machine| machine.node.group.as_ref() == Some(&group.name));
    let may_grow = group.not_growable.is_none()
        && !stuck
        && (found || world.policy.node_groups_named)
        && !newcomer::disappoints(world, Some(group), pool)
        && !newcomer::backs_off(world, group);
    finish(world, Some(group), pool, &members, &healthy, may_grow)
}

fn without_group(world: &World<'_>, pool: &str) -> Shape {
    let common = world.in_pool(pool).filter(|machine| machine.common && !is_only_object(world, machine));
    let members: Vec<&Node> = common.map(|machine| machine.node).collect();
    let healthy = world.healthy(None, pool);
    let may_grow = !newcomer::disappoints(world, None, pool);
    finish(world, None, pool, &members, &healthy, may_grow)
}

fn finish(
    world: &World<'_>,
    group: Option<&NodeGroup>,
    pool: &str,
    members: &[&Node],
    healthy: &[&Node],
    may_grow: bool,
) -> Shape {
    let (labels, mut taints) = look(world, group, members, healthy);
    taints.retain(|taint| !came_later(world, group, pool, members, taint));
    let template = group.and_then(|group| group.template.as_ref());
    // Its nodes count as unknown, whatever their size.
    let untold = members.is_empty() && template.is_some_and(|template| template.only_size);
    let (allocatable, capacity) = size(None, group.filter(|_| !untold), healthy);
    let (mut all, mut daemons) = (Amounts::default(), Amounts::default());
    for (_, requests, counts) in world.typical_daemons(healthy) {
        all.add(&requests);
        if counts {
            daemons.add(&requests);
        }
    }
    let mut offered = world.gross(&allocatable, &capacity);
    if world.policy.capacity == CapacitySource::Allocatable {
        offered.take(&all.clone().minus(&daemons));
    }
    let resources = &world.policy.resources;
    let known = resources
        .iter()
        .all(|resource| allocatable.of(*resource).is_some() || capacity.of(*resource).is_some());
    let mut shape = Shape {
        group: group.map(|group| group.name.clone()),
        labels,
        taints,
        room: allocatable.offer(&capacity).minus(&all),
        capacity: offered,
        daemons: daemons.clone(),
        known,
        growable: may_grow,
        zone: group.and_then(|group| group.zone.clone()),
    };
    let max = u128::from(world.bounds(pool).max_utilization.0);
    // By the template, or by the existing nodes.
    let mut offers = vec![shape.capacity.clone()];
    if !healthy.is_empty() {
        let (allocatable, capacity) = size(None, None, healthy);
        let mut seen = world.gross(&allocatable, &capacity);
        if world.policy.capacity == CapacitySource::Allocatable {
            seen.take(&all.clone().minus(&daemons));
        }
        offers.push(seen);
    }
    let filled = known
        && offers.iter().any(|offer| {
            resources.iter().any(|resource| {
                let (used, offered) = (shape.daemons.of(*resource), offer.of(*resource));
                u128::from(used) * 1_000_000 >= max * u128::from(offered)
            })
        });
    let jury = Jury::of(world, pool);
    let mut devices =
        words::extended(&Node { allocatable: allocatable.clone(), capacity, ..Node::default() });
    // A device of any of them shows what their taint is for.
    devices.extend(members.iter().flat_map(|node| words::extended(node)));
    let set = words::lasting(&shape.taints, world.policy);
    let common =
        shape.labels.iter().any(|labels| jury.is_common(world, &set, &devices, words::is_windows(labels)));
    let users = jury.users();
    let reached =
        users.is_empty() || !known || users.iter().any(|pod| reach::would_take_new(world, pod, &shape));
    // Without known labels, a cluster that has shrunk to zero must be able to grow again.
    let labelled = !members.is_empty() || template.is_some_and(|template| !template.only_size);
    let managed = !labelled || shape.labels.iter().any(|labels| words::may_be_managed(labels, world.policy));
    // A device that reserves them shows on a healthy node only.
    let all_reserved = !members.is_empty()
        && !members.iter().any(|node| world.machine(&node.name).is_some_and(|at| world.machines[at].common));
    shape.growable &= !filled && common && reached && managed && !(all_reserved && !known);
    shape
}

/// A taint that every node of the pool has, or a part of a group with users, that no template names, and that none of the
/// users of the pool tolerates.
fn came_later(
    world: &World<'_>,
    group: Option<&NodeGroup>,
    pool: &str,
    members: &[&Node],
    taint: &Taint,
) -> bool {
    let same = |one: &Taint| (&one.key, &one.value, one.effect) == (&taint.key, &taint.value, taint.effect);
    let template = group.and_then(|group| group.template.as_ref());
    let is_user = |pod: &Pod| {
        matches!(world.class(pod), Class::Dynamic | Class::Placeholder)
            && world.counts(pod)
            && pod.node_name.is_some()
    };
    let users: Vec<&Pod> = world
        .in_pool(pool)
        .flat_map(|machine| machine.pods.iter().copied())
        .filter(|pod| is_user(pod))
        .collect();
    let tolerate =
        |pod: &&Pod| words::tolerates(&pod.constraints.tolerations, &taint.key, &taint.value, taint.effect);
    let on_a_part = || {
        let used = |pod: &&Pod| members.iter().any(|node| pod.node_name.as_deref() == Some(&*node.name));
        members.iter().any(|node| !node.taints.iter().any(same)) && users.iter().any(used)
    };
    let has = |machine: &&Machine<'_>| machine.taints().iter().any(same);
    let is_gone = |machine: &&Machine<'_>| super::objects::is_only_object(world, machine);
    let common =
        world.in_pool(pool).filter(|machine| machine.common && !is_gone(machine)).any(|one| has(&one));
    let of_pool = || world.in_pool(pool).filter(|machine| !common || !is_gone(machine));
    let devices: Vec<String> = of_pool().flat_map(|machine| words::extended(machine.node)).collect();
    let special = is_special(&(taint.key.clone(), taint.value.clone(), taint.effect), &devices);
    taint.effect == TaintEffect::NoSchedule
        && !special
        && !template.is_some_and(|template| template.taints.iter().any(same))
        && (of_pool().all(|machine| has(&machine)) || on_a_part())
        && !users.is_empty()
        && !users.iter().any(tolerate)
}

/// Labels (for each zone) and taints of most healthy nodes of the group, or of most of all if none is healthy, and what its
/// template adds.
fn look(
    world: &World<'_>,
    group: Option<&NodeGroup>,
    members: &[&Node],
    healthy: &[&Node],
) -> (Vec<Labels>, Vec<Taint>) {
    let template = group.and_then(|group| group.template.as_ref());
    let asked = if healthy.is_empty() { members } else { healthy };
    let mut labels = template.map(|template| template.labels.clone()).unwrap_or_default();
    let named_keys: Vec<String> = labels.keys().map(str::to_owned).collect();
    for key in named_keys {
        if !healthy.is_empty() && !members.iter().any(|node| node.labels.get(&key).is_some()) {
            labels.remove(&key);
        }
    }
    for node in asked {
        for (key, value) in node.labels.iter() {
            let agree = asked.iter().filter(|other| other.labels.get(key) == Some(value)).count();
            let deviate = asked
                .iter()
                .filter(|other| other.labels.get(key).is_some_and(|other| other != value))
                .count();
            let most = match group {
                Some(_) => 2 * agree > asked.len() && deviate <= usize::max(asked.len() / 10, 1),
                None => members.iter().all(|other| other.labels.get(key) == Some(value)),
            };
            // The only node of a group has labels of its own, by which volumes on its disk name it.
            let last = key.rsplit('/').next().unwrap_or(key);
            let host = node.labels.get(words::HOSTNAME);
            let names_it = value == node.name || host.is_some_and(|host| host == value);
            let its_own = asked.len() == 1 && names_it && (last.contains("node") || last.contains("host"));
            if most && !its_own {
                labels.insert(key, value);
            }
        }
    }
    let same = |left: &Taint, right: &Taint| {
        (&left.key, &left.value, left.effect) == (&right.key, &right.value, right.effect)
    };
    let has = |taints: &[Taint], taint: &Taint| taints.iter().any(|one| same(one, taint));
    let on = |nodes: &[&Node], taint: &Taint| nodes.iter().filter(|node| has(&node.taints, taint)).count();
    let mut taints: Vec<Taint> = Vec::new();
    let named = template.map(|template| template.taints.clone()).unwrap_or_default();
    for taint in members.iter().flat_map(|node| &node.taints).chain(&named) {
        let new = if has(&named, taint) {
            healthy.is_empty() || on(members, taint) > 0
        } else {
            2 * on(asked, taint) >= asked.len()
        };
        if new && !has(&taints, taint) {
            taints.push(taint.clone());
        }
    }
    labels.remove(words::HOSTNAME);
    taints.retain(|taint| words::is_lasting(taint, world.policy));
    let zones: BTreeSet<String> = match group.map(|group| (&group.zone, group.zones.is_empty())) {
        Some((Some(zone), _)) => BTreeSet::from([zone.clone()]),
        Some((None, false)) => group.into_iter().flat_map(|group| group.zones.clone()).collect(),
        Some((None, true)) | None => {
            members.iter().filter_map(|node| node.zone().map(str::to_owned)).collect()
        }
    };
    if zones.is_empty() {
        return (vec![labels], taints);
    }
    // A driver of volumes has a label of its own for the zone of a node.
    let of_cluster: Vec<&Node> = world.machines.iter().map(|machine| machine.node).collect();
    let asked = if healthy.is_empty() { of_cluster.as_slice() } else { healthy };
    let mut drivers: BTreeSet<&str> = asked.iter().flat_map(|node| node.labels.keys()).collect();
    drivers.retain(|key| {
        let of = |node: &&&Node| node.labels.get(key).filter(|zone| !zone.is_empty()).map(str::to_owned);
        let right =
            asked.iter().filter(|node| of(node).is_some_and(|zone| node.zone() == Some(&*zone))).count();
        let labelled = asked.iter().filter(|node| of(node).is_some()).count();
        key.ends_with("/zone") && right > if healthy.is_empty() { labelled } else { asked.len() } / 2
    });
    let in_zone = |zone: String| {
        let mut labels = labels.clone();
        for key in &drivers {
            labels.insert(*key, zone.as_str());
        }
        labels.insert(ZONE, zone);
        labels
    };
    (zones.into_iter().map(in_zone).collect(), taints)
}

/// Per resource the larger of a node's own status and its group's template, else the lower median of the group.
pub(crate) fn size(
    own: Option<&Node>,
    group: Option<&NodeGroup>,
    healthy: &[&Node],
) -> (NodeResources, NodeResources) {
    let template = group.and_then(|group| group.template.as_ref());
    let pick = |of: fn(&Node) -> &NodeResources, from: fn(&NodeTemplate) -> &NodeResources| {
        let own = own.map(of);
        let template = template.map(from);
        let all: Vec<&NodeResources> = healthy.iter().map(|node| of(node)).collect();
        let choose = |get: &dyn Fn(&NodeResources) -> Option<u64>| {
            let given = own.and_then(get).max(template.and_then(get));
            given.or_else(|| lower_median(all.iter().filter_map(|one| get(one)).collect()))
        };
        let names: BTreeSet<_> = own
            .into_iter()
            .chain(template)
            .chain(all.iter().copied())
            .filter_map(|one| one.further.as_ref())
            .flat_map(|map| map.keys().cloned())
            .collect();
        let mut further = FurtherAmounts::new();
        for name in names {
            let get = |one: &NodeResources| one.further.as_ref().and_then(|map| map.get(&name)).copied();
            let given = own.and_then(get).max(template.and_then(get));
            let median = || lower_median(all.iter().map(|one| get(one).unwrap_or(0)).collect());
            if let Some(amount) = given.or_else(median).filter(|amount| *amount > 0) {
                further.insert(name, amount);
            }
        }
        NodeResources {
            memory: choose(&|one| one.memory.map(|bytes| bytes.0)).map(Bytes),
            cpu: choose(&|one| one.cpu.map(|cpu| cpu.0)).map(Millicores),
            pods: choose(&|one| one.pods),
            further: (!further.is_empty()).then(|| further.into()),
        }
    };
    (
        pick(|node| &node.allocatable, |template| &template.allocatable),
        pick(|node| &node.capacity, |template| &template.capacity),
    )
}

fn lower_median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied()
}
