//! POLICY 5 and 7: which nodes may change their schedulability, and what must still serve afterwards.

use std::collections::BTreeMap;

use super::facts::{Facts, NodeFacts, pod_name};
use super::growth;
use super::steps::Steps;
use super::violation::{Direction, Violation};
use crate::plan::NodeState;

pub(super) fn check(facts: &Facts<'_>, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let mut cordons = 0;
    for (index, node) in facts.nodes.iter().enumerate() {
        match steps.on(index) {
            Some(Direction::Uncordon) => check_uncordon(facts, node, found),
            Some(Direction::Cordon) => {
                cordons += 1;
                check_cordon(node, found);
            }
            Some(Direction::Delete) => {}
            None => check_still_cordoned(facts, node, found),
        }
    }
    let managed = facts.managed_count();
    let allowed = facts.policy.max_cordons.allows(managed);
    if cordons > allowed {
        found.push(Violation::TooManyCordons { cordons, allowed, managed });
    }
    check_zones(facts, steps, found);
    check_min_nodes(facts, steps, found);
}

fn check_uncordon(facts: &Facts<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    let name = || node.node.name.clone();
    if !node.node.unschedulable {
        found.push(Violation::NotCordoned { node: name() });
    }
    if !node.ready() {
        found.push(Violation::UncordonOfNotReady { node: name(), state: node.state });
    }
    if facts.hands_off(node) {
        found.push(Violation::CordonedByOthers { node: name(), direction: Direction::Uncordon });
    }
    if facts.claimed(node) {
        found.push(Violation::Claimed { node: name(), direction: Direction::Uncordon });
    }
}

fn check_cordon(node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    let name = || node.node.name.clone();
    if node.node.unschedulable {
        found.push(Violation::AlreadyCordoned { node: name() });
    }
    if node.state == NodeState::Booting {
        found.push(Violation::CordonOfBooting { node: name() });
    }
    check_never_unschedulable(node, Direction::Cordon, found);
}

/// Nodes with a critical pod and nodes annotated to stay are neither cordoned nor deleted.
pub(super) fn check_never_unschedulable(
    node: &NodeFacts<'_>,
    direction: Direction,
    found: &mut Vec<Violation>,
) {
    let name = || node.node.name.clone();
    if let Some(pod) = node.critical_pod {
        found.push(Violation::CriticalNode { node: name(), direction, pod: pod_name(pod) });
    }
    if node.scale_down_disabled() {
        found.push(Violation::ScaleDownDisabled { node: name(), direction });
    }
}

/// A Ready node under our own cordon that got a critical pod is uncordoned, whatever the utilization; unless another
/// run is deleting it, which has looked at its pods later than we did.
fn check_still_cordoned(facts: &Facts<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    if node.managed
        && node.state == NodeState::Cordoned
        && !node.cordoned_by_others()
        && !facts.claimed(node)
        && let Some(pod) = node.critical_pod
    {
        found.push(Violation::CriticalStaysCordoned { node: node.node.name.clone(), pod: pod_name(pod) });
    }
}

/// Users' disks are zonal: a zone that has a serving node keeps one.
fn check_zones(facts: &Facts<'_>, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    if !facts.policy.keep_zones {
        return;
    }
    let mut zones: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (index, node) in facts.nodes.iter().enumerate() {
        if let (true, Some(zone)) = (node.managed, node.node.zone()) {
            let (before, after) = zones.entry(zone).or_default();
            *before += usize::from(node.state == NodeState::Serving);
            *after += usize::from(steps.serves_after(facts, index));
        }
    }
    for (zone, (before, after)) in zones {
        if before > 0 && after == 0 {
            found.push(Violation::ZoneUnserved { zone: zone.to_owned(), before });
        }
    }
}

/// Fewer than `MIN_NODES` only when no node that is there could still serve. (Whether more could have been created is
/// not asked: too little growth harms nobody who is served now, and a false alarm here would stop the run.)
fn check_min_nodes(facts: &Facts<'_>, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let serving = (0..facts.nodes.len()).filter(|index| steps.serves_after(facts, *index)).count();
    let booting =
        facts.managed().filter(|node| node.state == NodeState::Booting && !node.node.unschedulable).count()
            + growth::booting_instances(facts);
    let after = serving.saturating_add(booting).saturating_add(steps.new_nodes());
    let min = facts.policy.min_nodes;
    if after >= min {
        return;
    }
    let unused = facts.nodes.iter().enumerate().find(|(index, node)| {
        node.managed
            && node.ready()
            && !facts.hands_off(node)
            && !facts.claimed(node)
            && !steps.serves_after(facts, *index)
    });
    if let Some((_, node)) = unused {
        found.push(Violation::TooFewNodes { after, min, unused: node.node.name.clone() });
    }
}
