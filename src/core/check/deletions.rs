//! POLICY 7: a node is deleted only if nobody and nothing is lost with it, and something is left to go on with.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::cordons::check_never_unschedulable;
use super::facts::{Facts, NodeFacts, pod_name};
use super::steps::Steps;
use super::violation::{Direction, Violation};
use crate::model::annotation;

pub(super) fn check(facts: &Facts<'_>, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let deleted: Vec<&NodeFacts<'_>> = facts
        .nodes
        .iter()
        .enumerate()
        .filter(|(index, _)| steps.on(*index) == Some(Direction::Delete))
        .map(|(_, node)| node)
        .collect();
    let serving = (0..facts.nodes.len()).filter(|index| steps.serves_after(facts, *index)).count();
    let min = facts.policy.min_nodes;
    for node in &deleted {
        check_node(facts, node, found);
        if node.ready() && serving < min {
            found.push(Violation::DeleteOfReserve { node: node.node.name.clone(), serving, min });
        }
    }
    check_controllers(&deleted, found);
    check_what_is_left(facts, &deleted, found);
    let managed = facts.managed_count();
    let allowed = facts.policy.max_deletions.allows(managed);
    if deleted.len() > allowed {
        found.push(Violation::TooManyDeletions { deletions: deleted.len(), allowed, managed });
    }
}

/// What must hold of the node by itself.
fn check_node(facts: &Facts<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    let name = || node.node.name.clone();
    if !node.node.unschedulable {
        found.push(Violation::DeleteOfSchedulable { node: name() });
    }
    check_never_unschedulable(node, Direction::Delete, found);
    if node.cordoned_by_others() && !facts.policy.adopt_cordons {
        found.push(Violation::CordonedByOthers { node: name(), direction: Direction::Delete });
    }
    if facts.claimed(node) {
        found.push(Violation::Claimed { node: name(), direction: Direction::Delete });
    }
    if let Some(pod) = node.occupant {
        found.push(Violation::DeleteOfOccupied {
            node: name(),
            occupants: node.occupants,
            pod: pod_name(pod),
        });
    }
    if let Some(pod) = node.lost_pod {
        found.push(Violation::DeleteLosesPod { node: name(), pod: pod_name(pod) });
    }
    if node.own {
        found.push(Violation::DeleteOfOwnNode { node: name() });
    }
    if let Some(why) = &node.node.outside {
        found.push(Violation::DeleteOutsideGroups { node: name(), why: why.clone() });
    }
    for group in facts.snapshot.groups().iter().filter(|group| node.node.group.as_ref() == Some(&group.name))
    {
        if let Some(why) = &group.not_shrinkable {
            found.push(Violation::DeleteFromGroup {
                node: name(),
                group: group.name.clone(),
                why: why.clone(),
            });
        }
    }
    let (empty_for, grace) = (empty_for(facts, node), facts.policy.empty_grace);
    if empty_for < grace {
        found.push(Violation::DeleteTooEarly {
            node: name(),
            empty_seconds: empty_for.as_secs(),
            grace_seconds: grace.as_secs(),
        });
    }
}

/// How long the node is known to be empty; a mark that does not parse proves nothing.
fn empty_for(facts: &Facts<'_>, node: &NodeFacts<'_>) -> SignedDuration {
    node.node
        .annotations
        .get(annotation::EMPTY_SINCE)
        .and_then(|text| text.parse::<Timestamp>().ok())
        .map_or(SignedDuration::ZERO, |since| facts.age(since))
}

/// Both replicas of a DNS server never go together.
fn check_controllers(deleted: &[&NodeFacts<'_>], found: &mut Vec<Violation>) {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    for node in deleted {
        for controller in &node.recreators {
            if let Some(first) = owners.insert(controller, &node.node.name) {
                found.push(Violation::SharedController {
                    first: first.to_owned(),
                    second: node.node.name.clone(),
                    controller: (*controller).to_owned(),
                });
            }
        }
    }
}

/// The last node of a zone stays with `KEEP_ZONES`; the last of the cluster, unless `NODE_GROUPS` says where to grow.
fn check_what_is_left(facts: &Facts<'_>, deleted: &[&NodeFacts<'_>], found: &mut Vec<Violation>) {
    let managed = facts.managed_count();
    if !deleted.is_empty() && deleted.len() >= managed && !facts.policy.node_groups_named {
        found.push(Violation::ClusterDeleted { deleted: deleted.len() });
    }
    if !facts.policy.keep_zones {
        return;
    }
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for zone in facts.managed().filter_map(|node| node.node.zone()) {
        *left.entry(zone).or_default() += 1;
    }
    let mut gone: BTreeMap<&str, usize> = BTreeMap::new();
    for zone in deleted.iter().filter_map(|node| node.node.zone()) {
        *gone.entry(zone).or_default() += 1;
    }
    for (zone, deleted) in gone {
        if left.get(zone).is_none_or(|nodes| deleted >= *nodes) {
            found.push(Violation::ZoneDeleted { zone: zone.to_owned(), deleted });
        }
    }
}
