//! The scheduler: which node a pod goes to.

use kube_rebalancer_core::model::Requests;
use rand::RngExt;

use super::World;
use crate::scenario::Scheduler;

impl World<'_> {
    /// The best node that takes a pod; of equally good ones any, as in Kubernetes.
    pub(super) fn choose(&mut self, asked: Requests) -> Option<usize> {
        let offered = self.scenario.machine.offered();
        let mut best: Option<(u64, usize)> = None;
        let mut equals: u32 = 0;
        for (index, node) in self.nodes.iter().enumerate() {
            if !node.takes(asked) {
                continue;
            }
            let left = left(node.free, asked, offered);
            let score = match self.scenario.scheduler {
                Scheduler::Spread => left,
                Scheduler::Pack => (2 * FULL).saturating_sub(left),
            };
            match best {
                Some((most, _)) if score < most => {}
                Some((most, _)) if score == most => {
                    equals += 1;
                    if self.random.random_range(0..equals) == 0 {
                        best = Some((score, index));
                    }
                }
                _ => {
                    equals = 1;
                    best = Some((score, index));
                }
            }
        }
        best.map(|(_, index)| index)
    }
}

/// The best score that one resource can give a node.
const FULL: u64 = 100;

/// How much is left of a node once the pod is on it: percent of memory and percent of processor time, as Kubernetes
/// rounds them.
fn left(free: Requests, asked: Requests, offered: Requests) -> u64 {
    let percent = |free: u64, asked: u64, offered: u64| {
        (free.saturating_sub(asked) * FULL).checked_div(offered).unwrap_or(0)
    };
    percent(free.memory.0, asked.memory.0, offered.memory.0) + percent(free.cpu.0, asked.cpu.0, offered.cpu.0)
}
