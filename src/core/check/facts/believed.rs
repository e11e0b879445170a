//! Section 5: what a node that comes up reports beyond belief. Waiting pods get their places there before the scheduler has judged
//! it.

use std::collections::{BTreeMap, BTreeSet};

use super::NodeFacts;
use super::capacity::{BEYOND_MEDIAN, lower_median};
use crate::model::{Amounts, FurtherAmounts, NodeGroup};

/// Fills in the amounts beyond belief of nodes that boot or are parked: those above four times the median of their group, less
/// that median.
pub(super) fn complete(nodes: &mut [NodeFacts<'_>], groups: &[NodeGroup]) {
    let comes = |node: &NodeFacts<'_>| node.managed && (node.health.is_booting() || node.is_parked());
    if !nodes.iter().any(comes) {
        return;
    }
    let offer = |node: &NodeFacts<'_>| node.node.allocatable.offer(&node.node.capacity);
    let known: BTreeSet<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    // Where no group is known, the common nodes of a pool are one.
    let mut kins: BTreeMap<&str, Vec<Amounts>> = BTreeMap::new();
    for (kin, node) in nodes.iter().filter_map(|node| Some((kin(node, &known)?, node))) {
        kins.entry(kin).or_default().push(offer(node));
    }
    for node in nodes.iter_mut().filter(|node| comes(node)) {
        if let Some(all) = kin(node, &known).and_then(|kin| kins.get(kin)) {
            node.beyond = beyond(&offer(node), all);
        }
    }
}

/// The group of a managed node, or the pool of a common one where no group is known.
fn kin<'a>(node: &NodeFacts<'a>, known: &BTreeSet<&str>) -> Option<&'a str> {
    if known.is_empty() {
        return node.is_common().then_some(node.pool);
    }
    let group = node.node.group.as_deref().filter(|_| node.managed)?;
    known.contains(group).then_some(group)
}

fn beyond(reported: &Amounts, all: &[Amounts]) -> Amounts {
    let excess = |amount: u64, median: Option<u64>| match median {
        Some(median) if amount > median.saturating_mul(BEYOND_MEDIAN) => amount.saturating_sub(median),
        Some(_) | None => 0,
    };
    let told = |of: fn(&Amounts) -> u64| lower_median(all.iter().map(of).filter(|amount| *amount < u64::MAX));
    let memory = excess(reported.memory.0, told(|one| one.memory.0));
    let cpu = excess(reported.cpu.0, told(|one| one.cpu.0));
    let devices = reported.further().map(|(name, amount)| {
        let median = lower_median(all.iter().map(|one| one.further_of(name)));
        (name.clone(), excess(amount, median.filter(|median| *median > 0)))
    });
    let devices: FurtherAmounts = devices.collect();
    super::deciding(memory, cpu).with_further(Some(devices.into()))
}
