//! Whether the pods that were evicted from a node are Ready again (section 16). Until then the node stays.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::late::SCHEDULER_LAG;
use super::reason::KeepReason;
use super::state::{age, credible};
use super::survey::NodeFacts;
use super::waiting::HOUR;
use crate::model::{MOST_CONTROLLERS, Node, NodeIndex, Snapshot, annotation};
use crate::policy::{Drain, Policy};

/// Records for each drained node the pod that it waits for: for an hour after its last eviction, a pod of a controller that
/// had one there. A pod that is not Ready by then has another cause.
pub(super) fn look(snapshot: &Snapshot, policy: &Policy, nodes: &mut [NodeFacts<'_>]) {
    if policy.drain == Drain::None {
        return;
    }
    let mut waits_for: BTreeMap<&str, Vec<NodeIndex>> = BTreeMap::new();
    for (index, facts) in nodes.iter_mut().enumerate() {
        let Some(ago) = evicted_ago(facts.node, snapshot.observed_at()) else { continue };
        if ago < SCHEDULER_LAG {
            facts.awaits = Some(Box::new(KeepReason::EvictedRecently));
        } else if ago < HOUR {
            for uid in controllers_of(facts.node) {
                waits_for.entry(uid).or_default().push(index);
            }
        }
    }
    if waits_for.is_empty() {
        return;
    }
    for pod in snapshot.pods() {
        let is_up = pod.ready && !pod.deleting && pod.node_name.is_some();
        let uid = pod.controller.as_ref().map(|controller| controller.uid.as_str());
        let Some(waiting) = uid.and_then(|uid| waits_for.get(uid)).filter(|_| !is_up) else { continue };
        for index in waiting {
            if let Some(facts) = nodes.get_mut(*index) {
                facts
                    .awaits
                    .get_or_insert_with(|| Box::new(KeepReason::AwaitsEvicted { pod: pod.full_name() }));
            }
        }
    }
}

/// The controllers of the pods that were evicted from a node less than 30 s ago: they may not have created others yet.
pub(super) fn evicted_a_moment_ago(node: &Node, now: Timestamp) -> impl Iterator<Item = (&str, &str)> {
    let recent = evicted_ago(node, now).is_some_and(|ago| ago < SCHEDULER_LAG);
    controllers_of(node).filter(move |_| recent).map(|uid| (node.name.as_str(), uid))
}

fn evicted_ago(node: &Node, now: Timestamp) -> Option<SignedDuration> {
    let at = node.annotations.get(annotation::EVICTED_AT)?.parse().ok()?;
    credible(at, now).then(|| age(at, now))
}

/// The UIDs of the controllers of the pods that were evicted from a node.
fn controllers_of(node: &Node) -> impl Iterator<Item = &str> {
    let noted = node.annotations.get(annotation::EVICTED).map(String::as_str).unwrap_or_default();
    noted.split(',').filter(|uid| !uid.is_empty()).take(MOST_CONTROLLERS)
}
