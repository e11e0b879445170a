//! The simulated cluster: nodes, users, the scheduler, and a virtual clock.
//!
//! ```text
//!   users come ----> scheduler ----> a node, or the queue of waiting users
//!   users leave ---> room on a node -----+
//!   nodes boot ----> room on a node -----+--> whoever waits and fits
//!   an uncordon ---> room on a node -----+
//! ```
//!
//! Nothing happens between two events, so time jumps from one to the next.

mod broken;
mod changes;
mod node;
mod place;
mod tally;
#[cfg(test)]
mod tests;
mod view;

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use kube_rebalancer_core::model::{Ledger, Pod};
use rand_pcg::Pcg64;

use super::cluster::{Group, GroupIndex, KindIndex, Pool, Zone};
use super::machine::HUB;
use super::random::{Purpose, generator};
use super::resources::Resources;
use super::scenario::Scenario;
use super::session::Session;
use super::users::people::Person;
pub(super) use broken::BrokenPromise;
use node::Created;
pub(super) use node::{NodeId, SimulatedNode};
use place::Reach;
pub(super) use place::Wish;
pub(super) use tally::{KindTally, Tally};
use view::Names;

/// The index of a user's session.
pub(super) type UserId = usize;

/// A cluster at one moment, and what has happened in it.
#[derive(Debug)]
pub(super) struct World<'s> {
    pub(super) scenario: &'s Scenario,
    /// Seconds since the simulation began.
    pub(super) now: u64,
    /// The node groups of the cloud.
    groups: Vec<Group>,
    /// The resources that a node of each group offers.
    offered: Vec<Resources>,
    reach: Reach,
    /// The zone of each disk, once its owner has had a node.
    disks: BTreeMap<Person, Zone>,
    /// Every instance, by id.
    nodes: Vec<SimulatedNode>,
    created: NodeId,
    /// All users with a server or waiting for one.
    users: BTreeMap<UserId, User>,
    /// The waiting users, in the order of their requests. None of them fits a node that takes users now.
    waiting: Vec<UserId>,
    events: BinaryHeap<Reverse<Event>>,
    random: Pcg64,
    names: Names,
    pub(super) tally: Tally,
    /// Counts the changes that a plan could depend on, except time.
    pub(super) changes: u64,
    pub(super) broken: Option<BrokenPromise>,
    /// The notes of runs for later runs.
    ledger: Ledger,
}

/// A user with a server or waiting for one.
#[derive(Clone, Debug)]
struct User {
    requests: Resources,
    kind: KindIndex,
    /// The owner of the disk that the pod mounts, if disks are zonal.
    person: Option<Person>,
    /// The time that they will work, in seconds.
    length: u64,
    asked_at: u64,
    /// Whether they had to wait for a node.
    waited: bool,
    node: Option<NodeId>,
    /// The time at which they leave.
    ends_at: u64,
    /// Their pod as an API server shows it; built at the first read.
    pod: OnceCell<Pod>,
}

/// An event without an action of a run. Of two events at one time, the one that frees room is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: u64,
    kind: EventKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum EventKind {
    Leaves(UserId),
    Ready(NodeId),
}

impl<'s> World<'s> {
    /// A cluster with the hub and `nodes` nodes in the first pool, all of them Ready. The hub has a separate node if it has
    /// a pool. Users' pods have this label.
    pub(super) fn new(scenario: &'s Scenario, nodes: u32, user_label: &str) -> Self {
        Self::with_pools(scenario, &[nodes], user_label)
    }

    /// The same with a number of nodes for each of the first pools, spread over the zones.
    pub(super) fn with_pools(scenario: &'s Scenario, nodes: &[u32], user_label: &str) -> Self {
        let cluster = &scenario.cluster;
        let groups = cluster.groups();
        let mut world = Self {
            scenario,
            now: 0,
            offered: groups.iter().map(|group| cluster.offered(group.pool)).collect(),
            groups,
            reach: Reach::new(cluster),
            disks: BTreeMap::new(),
            nodes: Vec::new(),
            created: 0,
            users: BTreeMap::new(),
            waiting: Vec::new(),
            events: BinaryHeap::new(),
            random: generator(scenario.seed, Purpose::Scheduler),
            names: Names::new(user_label, cluster),
            tally: Tally::new(cluster),
            changes: 0,
            broken: None,
            ledger: Ledger::default(),
        };
        let users =
            nodes.iter().enumerate().flat_map(|(pool, nodes)| (0..*nodes).map(move |node| (pool, node)));
        for (pool, number) in cluster.core.map(|core| (core, 0)).into_iter().chain(users) {
            let zone = Zone(number % cluster.zones.max(1));
            let is_there = |group: &Group| group.pool == pool && group.zone == zone;
            let group = world.groups.iter().position(is_there);
            let Some(mut node) = group.and_then(|group| world.next_node(group)) else { continue };
            node.become_ready(0, scenario.start);
            node.image_at = Some(0);
            world.nodes.push(node);
        }
        if let Some(node) = world.nodes.first_mut() {
            node.take_hub();
        }
        world.tally.ask_for_hub(cluster, HUB);
        world.nodes_changed();
        world
    }

    /// The time of the next event.
    pub(super) fn next_event(&self) -> Option<u64> {
        self.events.peek().map(|Reverse(event)| event.at)
    }

    /// Lets time pass. No event may be due before that time.
    pub(super) fn advance(&mut self, to: u64) {
        self.tally.pass(self.now, to);
        self.now = to;
    }

    /// Carries out all events that are due.
    pub(super) fn settle(&mut self) {
        while let Some(Reverse(event)) = self.events.peek().copied()
            && event.at <= self.now
        {
            self.events.pop();
            match event.kind {
                EventKind::Leaves(user) => self.leave(user),
                EventKind::Ready(id) => self.ready(id),
            }
        }
    }

    /// A user requests a server.
    pub(super) fn arrive(&mut self, id: UserId, session: &Session) {
        let user = User {
            requests: self.scenario.asked(session),
            kind: session.kind,
            person: self.scenario.people.get(id).copied(),
            length: session.length(),
            asked_at: self.now,
            waited: false,
            node: None,
            ends_at: 0,
            pod: OnceCell::new(),
        };
        self.tally.come(user.kind);
        self.ask(id, user);
    }

    fn ask(&mut self, id: UserId, user: User) {
        self.changes += 1;
        self.tally.ask(self.home(&user), user.requests);
        let wish = self.wish(&user);
        let place = self.choose(wish);
        self.users.insert(id, User { waited: place.is_none(), ..user });
        if let Some(node) = place {
            self.bind(id, node);
        } else {
            self.waiting.push(id);
            self.tally.wait(self.waiting.len());
        }
    }

    fn bind(&mut self, id: UserId, node: usize) {
        let (Some(user), Some(node)) = (self.users.get_mut(&id), self.nodes.get_mut(node)) else { return };
        self.changes += 1;
        node.take(user.requests);
        let runs_at = (*node.image_at.get_or_insert(self.now + self.scenario.image_pull)).max(self.now);
        user.node = Some(node.id);
        user.pod.take();
        user.ends_at = runs_at.saturating_add(user.length);
        if let (Some(person), Some(group)) = (user.person, self.groups.get(node.group)) {
            self.disks.entry(person).or_insert(group.zone);
        }
        if user.waited {
            self.tally.served_late(user.kind, user.asked_at, runs_at - user.asked_at);
        }
        self.events.push(Reverse(Event { at: user.ends_at, kind: EventKind::Leaves(id) }));
    }

    fn leave(&mut self, id: UserId) {
        // A user whose node was deleted has requested a server again, and leaves at another time.
        let leaves = |user: &User| user.node.is_some() && user.ends_at <= self.now;
        if !self.users.get(&id).is_some_and(leaves) {
            return;
        }
        let Some(user) = self.users.remove(&id) else { return };
        self.changes += 1;
        self.tally.go(self.home(&user), user.requests);
        if let Some(index) = user.node.and_then(|node| self.index(node)) {
            if let Some(node) = self.nodes.get_mut(index) {
                node.give_back(user.requests, self.now);
            }
            self.serve_waiting(index);
        }
    }

    fn ready(&mut self, id: NodeId) {
        let Some(index) = self.index(id) else { return };
        let (now, time) = (self.now, self.scenario.time(self.now));
        if let Some(node) = self.nodes.get_mut(index) {
            node.become_ready(now, time);
        }
        self.nodes_changed();
        self.serve_waiting(index);
    }

    /// Schedules waiting users on a node that has got room. On all other nodes every waiting user has been tried before.
    fn serve_waiting(&mut self, index: usize) {
        if self.waiting.is_empty() {
            return;
        }
        let mut still = Vec::with_capacity(self.waiting.len());
        for id in std::mem::take(&mut self.waiting) {
            let wish = self.users.get(&id).map(|user| self.wish(user));
            let node = self.nodes.get(index);
            if wish.zip(node).is_some_and(|(wish, node)| self.takes(node, wish)) {
                self.bind(id, index);
            } else {
                still.push(id);
            }
        }
        self.waiting = still;
        self.tally.wait(self.waiting.len());
    }

    /// Counts the waiting times of users who still wait at the end of the simulation.
    pub(super) fn end(&mut self) {
        for id in &self.waiting {
            if let Some(user) = self.users.get(id) {
                self.tally.served_late(user.kind, user.asked_at, self.now - user.asked_at);
            }
        }
    }

    /// Every instance, by id.
    pub(super) fn nodes(&self) -> &[SimulatedNode] {
        &self.nodes
    }

    /// Memory that the hub and all users request, waiting users included.
    pub(super) fn demand(&self) -> u64 {
        self.tally.demand()
    }

    /// The requests of the waiting users, in order.
    pub(super) fn waiting(&self) -> impl Iterator<Item = Wish> {
        self.waiting.iter().filter_map(|id| self.users.get(id)).map(|user| self.wish(user))
    }

    /// The node groups of the cloud.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The pool of a group's nodes.
    pub(super) fn pool(&self, group: GroupIndex) -> Option<&'s Pool> {
        self.scenario.cluster.pools.get(self.groups.get(group)?.pool)
    }

    /// Whether a node is of the hub's own pool.
    pub(super) fn is_core(&self, node: &SimulatedNode) -> bool {
        let core = self.scenario.cluster.core;
        core.is_some() && self.groups.get(node.group).map(|group| group.pool) == core
    }

    /// The pool of a user.
    fn home(&self, user: &User) -> usize {
        self.scenario.cluster.home(user.kind, user.requests).unwrap_or(0)
    }

    fn index(&self, id: NodeId) -> Option<usize> {
        self.nodes.binary_search_by_key(&id, |node| node.id).ok()
    }

    fn next_node(&mut self, index: GroupIndex) -> Option<SimulatedNode> {
        let (group, pool) = (self.groups.get(index)?, self.pool(index)?);
        self.created += 1;
        let created = Created { second: self.now, time: self.scenario.time(self.now) };
        Some(SimulatedNode::new(self.created, index, group, pool, created))
    }

    fn nodes_changed(&mut self) {
        self.changes += 1;
        let core = self.scenario.cluster.core;
        let for_users =
            |(group, offered): (&Group, &Resources)| (core != Some(group.pool)).then_some(*offered);
        let groups: Vec<_> = self.groups.iter().zip(&self.offered).map(for_users).collect();
        self.tally.count(&self.nodes, &groups);
    }
}
