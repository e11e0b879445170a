//! The scheduler, which chooses a node for a pod.

use rand::RngExt;

use super::{SimulatedNode, User, World};
use crate::cluster::{Cluster, GroupIndex, KindIndex, Zone};
use crate::resources::Resources;
use crate::scenario::Scheduler;

/// The properties of a pod that the scheduler uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) asked: Resources,
    pub(crate) kind: KindIndex,
    /// The zone of the disk that it mounts.
    pub(crate) disk: Option<Zone>,
}

/// Whether the pods of a kind may run on the nodes of a group, by kind and group, independent of their requests.
#[derive(Debug)]
pub(super) struct Reach(Vec<Vec<bool>>);

impl Reach {
    pub(super) fn new(cluster: &Cluster) -> Self {
        let groups = cluster.groups();
        let reaches = |kind| {
            let admits = |pool: usize| cluster.pools.get(pool).is_some_and(|pool| pool.admits(kind));
            groups.iter().map(|group| admits(group.pool)).collect()
        };
        Self(cluster.kinds.iter().map(reaches).collect())
    }

    fn has(&self, kind: KindIndex, group: GroupIndex) -> bool {
        self.0.get(kind).and_then(|groups| groups.get(group)).copied().unwrap_or(false)
    }
}

impl World<'_> {
    /// The properties of a user's pod that the scheduler uses. A disk whose owner never had a node is in no zone yet.
    pub(super) fn wish(&self, user: &User) -> Wish {
        let disk = user.person.and_then(|person| self.disks.get(&person)).copied();
        Wish { asked: user.requests, kind: user.kind, disk }
    }

    /// Whether selector, taints and disk permit a pod on the nodes of a group.
    pub(crate) fn reaches(&self, wish: Wish, index: GroupIndex) -> bool {
        let in_zone = |disk: Zone| self.groups.get(index).is_some_and(|group| group.zone == disk);
        self.reach.has(wish.kind, index) && wish.disk.is_none_or(in_zone)
    }

    /// Whether a pod can run on a node now.
    pub(super) fn takes(&self, node: &SimulatedNode, wish: Wish) -> bool {
        node.has_room(wish.asked) && self.reaches(wish, node.group)
    }

    /// The best node that takes a pod; of equally good ones any, as in Kubernetes.
    pub(super) fn choose(&mut self, wish: Wish) -> Option<usize> {
        let mut best: Option<(u64, usize)> = None;
        let mut equals: u32 = 0;
        for (index, node) in self.nodes.iter().enumerate() {
            if !self.takes(node, wish) {
                continue;
            }
            let offered = self.offered.get(node.group).copied().unwrap_or_default();
            let left = left(node.free, wish.asked, offered);
            let score = match self.scenario.scheduler {
                Scheduler::Spread if node.fills_last() => left,
                Scheduler::Spread => UNTAINTED + left,
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

/// The maximum score of one resource.
const FULL: u64 = 100;

/// The advantage of a node without a soft taint: kube-scheduler gives it weight three. In the default profile all other
/// scores together never outweigh it; with the weights of Zero to JupyterHub's scheduler they always do.
const UNTAINTED: u64 = 3 * FULL;

/// The free part of a node with the pod on it: percent of memory plus percent of processor time, rounded as in
/// Kubernetes. By default Kubernetes scores no other resource.
fn left(free: Resources, asked: Resources, offered: Resources) -> u64 {
    let percent = |free: u64, asked: u64, offered: u64| {
        (free.saturating_sub(asked) * FULL).checked_div(offered).unwrap_or(0)
    };
    percent(free.memory.0, asked.memory.0, offered.memory.0) + percent(free.cpu.0, asked.cpu.0, offered.cpu.0)
}
