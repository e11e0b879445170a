//! The scheduler: which node a pod goes to.

use rand::RngExt;

use super::{SimulatedNode, User, World};
use crate::cluster::{Cluster, GroupIndex, KindIndex, Zone};
use crate::resources::Resources;
use crate::scenario::Scheduler;

/// What the scheduler knows of a pod.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) asked: Resources,
    pub(crate) kind: KindIndex,
    /// The zone of the disk that it mounts.
    pub(crate) disk: Option<Zone>,
}

/// Which kinds of users reach which groups, by kind and group, whatever they ask for.
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
    /// What the scheduler knows of a user's pod. A disk whose owner never had a node is in no zone yet.
    pub(super) fn wish(&self, user: &User) -> Wish {
        let disk = user.person.and_then(|person| self.disks.get(&person)).copied();
        Wish { asked: user.requests, kind: user.kind, disk }
    }

    /// Whether selector, taints and disk let a pod onto the nodes of a group.
    pub(crate) fn reaches(&self, wish: Wish, index: GroupIndex) -> bool {
        let in_zone = |disk: Zone| self.groups.get(index).is_some_and(|group| group.zone == disk);
        self.reach.has(wish.kind, index) && wish.disk.is_none_or(in_zone)
    }

    /// Whether a node takes a pod now.
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

/// The best score that one resource can give a node.
const FULL: u64 = 100;

/// What a node without a soft taint scores beside one that has it: kube-scheduler weighs that three times. All else of the
/// default profile never makes up for it; the weights of Zero to `JupyterHub`'s scheduler always do.
const UNTAINTED: u64 = 3 * FULL;

/// How much is left of a node once the pod is on it: percent of memory and percent of processor time, as Kubernetes
/// rounds them. It looks at no other resource unless somebody configures that.
fn left(free: Resources, asked: Resources, offered: Resources) -> u64 {
    let percent = |free: u64, asked: u64, offered: u64| {
        (free.saturating_sub(asked) * FULL).checked_div(offered).unwrap_or(0)
    };
    percent(free.memory.0, asked.memory.0, offered.memory.0) + percent(free.cpu.0, asked.cpu.0, offered.cpu.0)
}
