//! Section 4: the capacity of a node, and section 3: the devices that it lacks. Both depend on the node's group.

use std::collections::{BTreeMap, BTreeSet};

use super::NodeFacts;
use super::taints::is_lasting;
use crate::model::{Amounts, Bytes, Millicores, NodeGroup, NodeResources, Resource, is_extended_resource};
use crate::policy::{CapacitySource, Policy};

/// A node that reports more than this many times the median of its group counts as the median.
pub(super) const BEYOND_MEDIAN: u64 = 4;

/// Amounts of the resources that can decide; other resources are not part of a ratio.
pub(in crate::check) fn deciding(memory: u64, cpu: u64) -> Amounts {
    let mut amounts = Amounts::pod(Bytes(memory), Millicores(cpu));
    amounts.pods = 0;
    amounts
}

/// Fills in capacity and missing devices of all nodes, once the pods are counted.
pub(super) fn complete(nodes: &mut [NodeFacts<'_>], groups: &[NodeGroup], policy: &Policy) {
    let members = members(nodes);
    let mut medians = BTreeMap::new();
    for (group, indices) in &members {
        let median = |resource| {
            lower_median(
                indices
                    .iter()
                    .filter_map(|at| nodes.get(*at).and_then(|node| reported(node, resource, policy))),
            )
        };
        medians.insert(*group, (median(Resource::Memory), median(Resource::Cpu)));
    }
    for node in nodes.iter_mut() {
        let medians = node.node.group.as_deref().and_then(|group| medians.get(group)).copied();
        let (memory, cpu) = medians.unwrap_or_default();
        let mut capacity = deciding(
            counted(reported(node, Resource::Memory, policy), memory),
            counted(reported(node, Resource::Cpu, policy), cpu),
        );
        let has_all = |capacity: &Amounts| policy.resources.iter().all(|resource| capacity.of(*resource) > 0);
        node.health.reports_amounts = has_all(&capacity);
        if policy.capacity == CapacitySource::Allocatable {
            capacity.take(&node.omitted);
        }
        node.health.has_capacity = has_all(&capacity);
        node.capacity = capacity;
    }
    for (group, indices) in &members {
        find_missing_devices(nodes, indices, groups.iter().find(|one| one.name == *group));
    }
    if groups.is_empty() {
        find_late_devices(nodes, policy);
    }
}

/// Where no group is known, the nodes of a pool are one group. They may be of several kinds, so nodes that a lasting taint
/// guards do not count, and only a young node may still get a device.
fn find_late_devices(nodes: &mut [NodeFacts<'_>], policy: &Policy) {
    let mut pools: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        let pool = match &policy.pool_label {
            None => Some(""),
            Some(label) => node.node.labels.get(label),
        };
        let guarded = node.node.taints.iter().any(|taint| is_lasting(taint, policy));
        if let (true, false, Some(pool)) = (node.managed, guarded, pool) {
            pools.entry(pool).or_default().push(index);
        }
    }
    for indices in pools.values() {
        find_missing_devices(nodes, indices, None);
        for index in indices {
            if let Some(node) = nodes.get_mut(*index) {
                node.health.lacks_device &= node.health.is_made_lately();
            }
        }
    }
}

/// The managed nodes of each group.
fn members<'a>(nodes: &[NodeFacts<'a>]) -> BTreeMap<&'a str, Vec<usize>> {
    let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        if let (true, Some(group)) = (node.managed, node.node.group.as_deref()) {
            members.entry(group).or_default().push(index);
        }
    }
    members
}

fn reported(node: &NodeFacts<'_>, resource: Resource, policy: &Policy) -> Option<u64> {
    let (allocatable, capacity) = (&node.node.allocatable, &node.node.capacity);
    match policy.capacity {
        // The API server itself takes a missing allocatable from capacity.
        CapacitySource::Allocatable => allocatable.of(resource).or(capacity.of(resource)),
        CapacitySource::Capacity => capacity.of(resource),
    }
}

fn counted(reported: Option<u64>, median: Option<u64>) -> u64 {
    match (reported, median) {
        (Some(amount), Some(median)) if amount > median.saturating_mul(BEYOND_MEDIAN) => median,
        (amount, _) => amount.unwrap_or(0),
    }
}

pub(super) fn lower_median(amounts: impl Iterator<Item = u64>) -> Option<u64> {
    let mut amounts: Vec<u64> = amounts.collect();
    amounts.sort_unstable();
    amounts.get(amounts.len().checked_sub(1)? / 2).copied()
}

/// A node lacks what its group's template has, or more than half of the other sound nodes of the group.
fn find_missing_devices(nodes: &mut [NodeFacts<'_>], members: &[usize], group: Option<&NodeGroup>) {
    let expected = group.and_then(|group| group.template.as_ref()).map(|template| &template.allocatable);
    let mut owners: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let mut sound = BTreeSet::new();
    for at in members {
        let Some(node) = nodes.get(*at) else { continue };
        if node.health.is_sound() {
            sound.insert(*at);
        }
        for (name, _) in devices(&node.node.allocatable, &node.node.capacity) {
            owners.entry(name).or_default().insert(*at);
        }
    }
    let promised: BTreeSet<String> = expected
        .map(|template| devices(template, &NodeResources::default()).map(|(name, _)| name).collect())
        .unwrap_or_default();
    for name in owners.keys().chain(&promised) {
        let have = owners.get(name);
        let sound_owners = have.map_or(0, |have| have.intersection(&sound).count());
        for at in members.iter().filter(|at| have.is_none_or(|have| !have.contains(at))) {
            let others = sound.len() - usize::from(sound.contains(at));
            if (promised.contains(name) || sound_owners * 2 > others)
                && let Some(node) = nodes.get_mut(*at)
            {
                node.health.lacks_device = true;
            }
        }
    }
}

/// The extended resources of which there is any.
fn devices(allocatable: &NodeResources, capacity: &NodeResources) -> impl Iterator<Item = (String, u64)> {
    let offer = allocatable.offer(capacity);
    let devices: Vec<_> = offer
        .further()
        .filter(|(name, amount)| *amount > 0 && is_extended_resource(name))
        .map(|(name, amount)| (name.to_string(), amount))
        .collect();
    devices.into_iter()
}
