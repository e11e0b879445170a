//! Section 2: the places of the omitted pods that leave a node, and of those without one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{Amounts, Bond, Node, Pod};

use super::words;
use super::world::{Machine, World};
use super::{Decision, delete, evict, reach};

/// The requests of the omitted pods of deleted nodes, by the node where each has its place.
pub(crate) type Taken = BTreeMap<String, Amounts>;

/// The other places of the omitted pods of a node, and of the omitted pods without a node.
pub(crate) struct Exits<'w, 'a> {
    pub(crate) world: &'w World<'a>,
    pub(crate) decision: &'w Decision,
    pub(crate) machine: &'w Machine<'a>,
    pub(crate) gone: &'w BTreeSet<String>,
    pub(crate) taken: &'w Taken,
}

impl Exits<'_, '_> {
    /// Section 2: an omitted pod, on this node or without one, for which no other node has room.
    pub(crate) fn is_only_place(&self) -> bool {
        if !self.machine.is_ready {
            return false;
        }
        let Some(taken) = self.places() else { return true };
        let nodes = self.world.snapshot.nodes();
        self.world.snapshot.pods().iter().any(|pod| {
            let Some(unbound) = pod.unbound.as_deref().filter(|one| !one.gated) else { return false };
            let young =
                |since: Timestamp| self.world.now.duration_since(since) < SignedDuration::from_hours(1);
            let tried = pod.bound_by.is_some()
                && unbound.refusal.is_some()
                && unbound.refused_since().is_none_or(young);
            let counts = |node: &Node| self.stays(node) && !(tried && self.is_open(node));
            pod.node_name.is_none()
                && self.moves(pod)
                && self.has_room(&taken, self.machine.node, pod)
                && !nodes.iter().any(|node| counts(node) && self.has_room(&taken, node, pod))
        })
    }

    /// The places of the pods of the node, one after the other; `None` if one of them has none and needs one.
    pub(crate) fn places(&self) -> Option<Taken> {
        let mut taken = self.taken.clone();
        if !self.machine.is_ready {
            return Some(taken);
        }
        let bound = self.machine.pods.iter().filter(|pod| pod.node_name.is_some());
        let mut pods: Vec<&&Pod> = bound.filter(|pod| self.moves(pod)).collect();
        pods.sort_by_key(|pod| (Reverse(pod.requests.memory), Reverse(pod.requests.cpu)));
        let open: Vec<&Node> = self.world.snapshot.nodes().iter().filter(|node| self.stays(node)).collect();
        let open: Vec<&Node> = open.into_iter().filter(|node| self.is_open(node)).collect();
        for pod in pods {
            let alone = !delete::another_replica(self.world, self.machine.node, pod, self.gone);
            if alone && pod.bound_by.is_some_and(|bond| bond != Bond::HostNetwork) {
                return None;
            }
            if let Some(place) = open.iter().find(|node| self.has_room(&taken, node, pod)) {
                taken.entry(place.name.clone()).or_default().add(&pod.requests);
            } else if alone || (pod.priority > 0 && open.iter().any(|node| self.would_hold(node, pod))) {
                return None;
            }
        }
        Some(taken)
    }

    fn moves(&self, pod: &Pod) -> bool {
        evict::leaves(self.world, pod)
            && !words::is_own(pod, self.world.policy)
            && !delete::lost_wherever(self.world, pod)
            && !pod.deleting
    }

    fn admits(&self, node: &Node, pod: &Pod) -> bool {
        reach::admits(self.world, pod, &node.labels, Some(&node.name), &node.taints)
    }

    fn would_hold(&self, node: &Node, pod: &Pod) -> bool {
        pod.requests.fits(&node.allocatable.offer(&node.capacity)) && self.admits(node, pod)
    }

    fn has_room(&self, taken: &Taken, node: &Node, pod: &Pod) -> bool {
        let mut free = match self.world.machine(&node.name) {
            Some(at) => self.world.machines[at].free(),
            None => node.allocatable.offer(&node.capacity),
        };
        if self.world.machine(&node.name).is_none() {
            let there = self.world.snapshot.pods().iter();
            let there = there.filter(|one| one.node_name.as_deref() == Some(&*node.name));
            there.for_each(|one| free.take(&one.requests));
        }
        if let Some(taken) = taken.get(&node.name) {
            free.take(taken);
        }
        pod.requests.fits(&free) && self.admits(node, pod)
    }

    fn stays(&self, node: &Node) -> bool {
        let world = self.world;
        let claimed = words::claimed(node, world.now)
            || world.machine(&node.name).is_some_and(|at| world.machines[at].claimed);
        let kept_out = |key: &str| words::turns_away_now(key);
        node.name != self.machine.node.name
            && !self.gone.contains(&node.name)
            && node.ready.is_some_and(|condition| condition.ready)
            && !node.deleting
            && node.unreadable.is_none()
            && !claimed
            && !node.taints.iter().any(|one| kept_out(&one.key) || words::is_startup(one, world.policy))
            && !words::in_other_hands(node)
            && !words::is_virtual(node)
    }

    fn is_open(&self, node: &Node) -> bool {
        let closed = node.unschedulable && !self.decision.uncordon.contains(&node.name);
        !closed && !self.decision.cordon.contains(&node.name)
    }
}
