//! The changes of a run, of another rule or of the cloud in the cluster.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use kube_rebalancer_core::model::{Ledger, Taint};

use super::{BrokenPromise, Event, EventKind, NodeId, SimulatedNode, User, UserId, World};
use crate::cluster::GroupIndex;

impl World<'_> {
    /// Makes a node schedulable or not.
    pub(crate) fn set_cordoned(&mut self, id: NodeId, cordoned: bool) {
        let Some(index) = self.index(id) else { return };
        let time = self.scenario.time(self.now);
        let Some(node) = self.nodes.get_mut(index).filter(|node| node.is_cordoned() != cordoned) else {
            return;
        };
        node.set_cordoned(cordoned, time);
        if cordoned {
            self.tally.cordons += 1;
            if node.critical {
                let node = node.name().to_owned();
                self.broken.get_or_insert(BrokenPromise::CordonedCritical { node });
            }
        } else {
            self.tally.uncordons += 1;
        }
        self.nodes_changed();
        if !cordoned {
            self.serve_waiting(index);
        }
    }

    /// Writes annotations on a node, or removes them.
    pub(crate) fn annotate(&mut self, id: NodeId, annotations: &BTreeMap<&'static str, Option<String>>) {
        self.changes += 1;
        if let Some(node) = self.index(id).and_then(|index| self.nodes.get_mut(index)) {
            node.annotate(annotations);
        }
    }

    /// Replaces the taints of a node.
    pub(crate) fn set_taints(&mut self, id: NodeId, taints: &[Taint]) {
        let Some(index) = self.index(id) else { return };
        if let Some(node) = self.nodes.get_mut(index) {
            node.set_taints(taints);
        }
        self.nodes_changed();
        self.serve_waiting(index);
    }

    /// Keeps the notes of a run for later runs.
    pub(crate) fn remember(&mut self, ledger: &Ledger) {
        self.changes += 1;
        self.ledger = ledger.clone();
    }

    /// Requests more instances of a group.
    pub(crate) fn create(&mut self, group: GroupIndex, count: usize) {
        for _ in 0..count {
            let Some(node) = self.next_node(group) else { return };
            let at = self.now.saturating_add(self.scenario.boot_time);
            self.events.push(Reverse(Event { at, kind: EventKind::Ready(node.id) }));
            self.nodes.push(node);
        }
        self.tally.created += count;
        self.nodes_changed();
    }

    /// Parks the machine of a node.
    pub(crate) fn park(&mut self, id: NodeId) {
        let Some(index) = self.index(id) else { return };
        let time = self.scenario.time(self.now);
        let Some(node) = self.nodes.get_mut(index).filter(|node| !node.parked) else { return };
        if !node.is_empty() || !node.is_cordoned() {
            let (name, users, cordoned) = (node.name().to_owned(), node.users, node.is_cordoned());
            self.broken.get_or_insert(BrokenPromise::ParkedUnderUsers { node: name, users, cordoned });
        }
        node.park(time);
        self.tally.parks += 1;
        self.nodes_changed();
    }

    /// Wakes the parked machine of a node.
    pub(crate) fn wake(&mut self, id: NodeId) {
        let Some(index) = self.index(id) else { return };
        let Some(node) = self.nodes.get_mut(index).filter(|node| node.parked) else { return };
        node.parked = false;
        let at = self.now.saturating_add(self.scenario.wake_time);
        self.events.push(Reverse(Event { at, kind: EventKind::Ready(id) }));
        self.nodes_changed();
    }

    /// Sets the number of instances of a group. If that is fewer than it has, the cloud deletes instances that have not
    /// booted yet, the newest first.
    pub(crate) fn resize(&mut self, group: GroupIndex, to: usize) {
        self.create(group, to.saturating_sub(self.size(group)));
        let boots = |node: &&SimulatedNode| node.group == group && !node.ready;
        while self.size(group) > to
            && let Some(id) = self.nodes.iter().rfind(boots).map(|node| node.id)
        {
            self.delete(id);
        }
    }

    /// The number of instances of a group.
    pub(crate) fn size(&self, group: GroupIndex) -> usize {
        self.nodes.iter().filter(|node| node.group == group).count()
    }

    /// Deletes an instance with everything on it. Its users request a server again at once.
    pub(crate) fn delete(&mut self, id: NodeId) {
        let Some(index) = self.index(id) else { return };
        let node = self.nodes.remove(index);
        let name = || node.name().to_owned();
        if node.critical {
            self.broken.get_or_insert(BrokenPromise::DeletedCritical { node: name() });
        } else if node.users > 0 {
            self.broken.get_or_insert(BrokenPromise::DeletedUnderUsers { node: name(), users: node.users });
        } else if !node.is_cordoned() {
            self.broken.get_or_insert(BrokenPromise::DeletedSchedulable { node: name() });
        }
        self.tally.deletions += 1;
        self.nodes_changed();
        let lost: Vec<(UserId, User)> = self
            .users
            .iter()
            .filter(|(_, user)| user.node == Some(id))
            .map(|(user_id, user)| (*user_id, user.clone()))
            .collect();
        for (id, user) in lost {
            self.tally.lost += 1;
            self.tally.go(self.home(&user), user.requests);
            let (asked_at, length) = (self.now, user.ends_at.saturating_sub(self.now));
            self.ask(id, User { length, asked_at, node: None, ends_at: 0, pod: OnceCell::new(), ..user });
        }
    }
}
