//! Section 5: the daemons of a node that comes up. It carries one pod of each `DaemonSet` that has pods on more than half of
//! the sound nodes of its group, and they may not be there yet.

use std::collections::{BTreeMap, BTreeSet};

use super::NodeFacts;
use crate::model::{Amounts, ControllerKey, NodeIndex, Pod, Snapshot};

/// Fills in the requests of the daemons that booting and parked nodes will run and do not run yet.
pub(super) fn complete<'a>(
    nodes: &mut [NodeFacts<'a>],
    daemons: &[(NodeIndex, &'a Pod)],
    snapshot: &'a Snapshot,
) {
    let comes = |node: &NodeFacts<'_>| node.is_common() && (node.health.is_booting() || node.is_parked());
    if daemons.is_empty() || !nodes.iter().any(comes) {
        return;
    }
    let groups: BTreeSet<&str> = snapshot.groups().iter().map(|group| group.name.as_str()).collect();
    // Where no group is known, the common nodes of a pool are one.
    let kin = |node: &NodeFacts<'a>| match (node.node.group.as_deref(), groups.is_empty()) {
        (_, true) => node.is_common().then_some(node.pool),
        (Some(group), false) => (node.managed && groups.contains(group)).then_some(group),
        (None, false) => None,
    };
    let kins: Vec<Option<&'a str>> = nodes.iter().map(kin).collect();
    let is_sound = |node: &NodeFacts<'_>| node.health.is_usable() || node.health.is_filled();
    let mut sound: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, kin) in nodes.iter().zip(&kins).filter(|(node, _)| is_sound(node)) {
        if let Some(kin) = *kin {
            *sound.entry(kin).or_default() += 1;
        }
    }
    let mut runs: BTreeMap<NodeIndex, BTreeSet<ControllerKey<'_>>> = BTreeMap::new();
    let mut sets: BTreeMap<(&str, ControllerKey<'_>), BTreeMap<NodeIndex, &Amounts>> = BTreeMap::new();
    for (index, pod) in daemons {
        let Some(node) = nodes.get(*index) else { continue };
        let Some(controller) = pod.controller_key() else { continue };
        if comes(node) {
            runs.entry(*index).or_default().insert(controller);
        }
        let Some(kin) = kins.get(*index).copied().flatten() else { continue };
        // A static pod belongs to one node.
        let is_static = pod.controller.as_deref().is_some_and(|controller| controller.kind == "Node");
        if !is_static && is_sound(node) {
            sets.entry((kin, controller)).or_default().entry(*index).or_insert(&pod.requests);
        }
    }
    let mut each: BTreeMap<&str, Vec<(ControllerKey<'_>, Amounts)>> = BTreeMap::new();
    for ((kin, controller), pods) in &sets {
        if 2 * pods.len() > sound.get(kin).copied().unwrap_or(0) {
            each.entry(kin).or_default().push((*controller, of_most(pods.values().copied())));
        }
    }
    for (index, (node, kin)) in nodes.iter_mut().zip(&kins).enumerate().filter(|(_, (node, _))| comes(node)) {
        let there = runs.get(&index);
        for (controller, requests) in kin.and_then(|kin| each.get(kin)).into_iter().flatten() {
            if there.is_none_or(|there| !there.contains(controller)) {
                node.to_come.add(requests);
            }
        }
    }
}

/// The requests of the pods of one `DaemonSet`: they are the same, unless some were resized.
fn of_most<'p>(requests: impl Iterator<Item = &'p Amounts>) -> Amounts {
    let mut all: Vec<&Amounts> = requests.collect();
    all.sort_by_key(|one| (one.memory, one.cpu));
    all.get(all.len().saturating_sub(1) / 2).map(|one| (*one).clone()).unwrap_or_default()
}
