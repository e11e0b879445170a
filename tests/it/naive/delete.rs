//! POLICY 7: which cordoned nodes are deleted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{Pod, annotation};
use kube_rebalancer_core::policy::Policy;

use super::Decision;
use super::world::{Machine, World, age, counted, daemon, own};

pub(super) fn deletions(now: &World<'_>, decision: &Decision, policy: &Policy) -> BTreeSet<String> {
    let serving = now.serving().filter(|machine| !decision.cordon.contains(&machine.node.name)).count()
        + decision.uncordon.len();
    let mut left: Vec<&Machine<'_>> = now.machines.iter().collect();
    let mut moved: BTreeSet<&str> = BTreeSet::new();
    let mut deleted = BTreeSet::new();
    let mut cordoned: Vec<&Machine<'_>> = now.machines.iter().filter(|machine| machine.cordoned).collect();
    cordoned.sort_by_key(|machine| {
        let since = cordoned_since(machine);
        (since.is_none(), since, &machine.node.name)
    });
    let allowed = policy.max_deletions.allows(now.machines.len());
    for machine in cordoned {
        let zone = machine.node.zone();
        let last_of_zone = policy.keep_zones
            && zone.is_some()
            && left.iter().filter(|other| other.node.zone() == zone).count() == 1;
        let in_reserve = machine.ready && serving < policy.min_nodes;
        let last_of_cluster = left.len() == 1 && !policy.node_groups_named;
        let controllers = recreators(machine, policy);
        if deleted.len() < allowed
            && !decision.uncordon.contains(&machine.node.name)
            && deletable(now, machine, policy)
            && !in_reserve
            && !last_of_zone
            && !last_of_cluster
            && controllers.is_disjoint(&moved)
        {
            moved.extend(controllers);
            left.retain(|other| other.node.name != machine.node.name);
            deleted.insert(machine.node.name.clone());
        }
    }
    deleted
}

/// What must hold of the node by itself.
fn deletable(now: &World<'_>, machine: &Machine<'_>, policy: &Policy) -> bool {
    let own_node = policy.own_node.as_ref() == Some(&machine.node.name)
        || machine.pods.iter().any(|pod| own(pod, policy));
    let lost = machine.pods.iter().any(|pod| omitted(pod, policy) && would_be_lost(pod));
    let empty_for = machine
        .node
        .annotations
        .get(annotation::EMPTY_SINCE)
        .and_then(|text| text.parse().ok())
        .map_or(SignedDuration::ZERO, |since| age(now.now, since));
    let outside_groups = machine.node.outside.is_some();
    let kept_by_group = now.groups.iter().any(|group| {
        machine.node.group.as_deref() == Some(group.name.as_str()) && group.not_shrinkable.is_some()
    });
    machine.occupants.is_empty()
        && !outside_groups
        && !kept_by_group
        && !lost
        && !machine.protected()
        && !machine.claimed
        && !own_node
        && empty_for >= policy.empty_grace
}

/// Not taken into account, but not this run's own pod and not a daemon either.
fn omitted(pod: &Pod, policy: &Policy) -> bool {
    !counted(pod, policy) && !own(pod, policy) && !daemon(pod)
}

fn would_be_lost(pod: &Pod) -> bool {
    pod.controller.as_ref().is_none_or(|controller| controller.kind == "Job")
        || pod.safe_to_evict == Some(false)
        || pod.local_volume.is_some()
}

/// The controllers that must bring pods of this node back elsewhere.
fn recreators<'a>(machine: &Machine<'a>, policy: &Policy) -> BTreeSet<&'a str> {
    let omitted = machine.pods.iter().filter(|pod| omitted(pod, policy));
    omitted.filter_map(|pod| pod.controller.as_deref()).map(|controller| controller.uid.as_str()).collect()
}

/// By our own mark, else by the time of the control plane's taint.
fn cordoned_since(machine: &Machine<'_>) -> Option<Timestamp> {
    let annotations: &BTreeMap<String, String> = &machine.node.annotations;
    let mark = annotations.get(annotation::CORDONED_AT).and_then(|text| text.parse().ok());
    let taints = &machine.node.taints;
    let taint = taints.iter().find(|taint| taint.key == "node.kubernetes.io/unschedulable");
    mark.or_else(|| taint.and_then(|taint| taint.added_at))
}
