//! A past for foresight: some peaks at this time of other days, and in the last minutes.

use std::collections::BTreeSet;
use std::sync::Arc;

use kube_rebalancer_core::model::{History, Node, Resource, Slot};

use super::{Bytes, NOW};

pub(super) fn read(bytes: &mut Bytes<'_>, nodes: &[Node]) -> Option<Arc<History>> {
    if !bytes.chance(60) {
        return None;
    }
    let pools: BTreeSet<&str> = nodes.iter().filter_map(|node| node.labels.get("pool")).collect();
    let pools: Vec<&str> = std::iter::once("").chain(pools).collect();
    let mut history = History::default();
    for _ in 0..bytes.pick(&[1, 2, 4, 6]) {
        let day = bytes.pick(&[7, 7, 14, 28, 1, 2, 3, 5, 0, 0]);
        let offset = u32::try_from(bytes.below(6)).unwrap();
        // From two slots before this time of the day to three after it; today only the past ones.
        let slot = Slot::of(NOW).earlier(day * Slot::PER_DAY + 3).later(if day == 0 {
            offset % 4
        } else {
            offset + 1
        });
        let first = bytes.below(12);
        let peaks = [Some(first), bytes.pick(&[Some(first + 2), None]), Some(first + bytes.below(8))];
        let pool = bytes.pick(&pools);
        let cores = peaks.map(|peak| peak.map(|peak| u64::try_from(peak).unwrap()));
        // A history has whole mebibytes, which exceed the memory of all of these nodes: memory is reserved instead.
        history.extend(pool, Resource::Cpu, slot, cores);
    }
    Some(Arc::new(history))
}
