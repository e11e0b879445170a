//! One instance of the simulated cluster, with the node that it becomes.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube_rebalancer_core::model::{Bytes, Millicores, Node, Pod, ReadyCondition, Requests};

use super::view::GROUP;
use crate::machine::{HUB, Machine};
use crate::scenario::Scenario;

/// Instances are numbered as they are created.
pub(crate) type NodeId = u32;

/// An instance.
#[derive(Debug)]
pub(crate) struct SimulatedNode {
    pub(crate) id: NodeId,
    /// Whether it has become a node.
    pub(crate) ready: bool,
    /// What the API server shows of it then.
    pub(crate) node: Node,
    /// Its name, shared by its pods.
    pub(super) shared_name: Arc<str>,
    /// How often it was changed.
    version: u64,
    /// What is left for pods.
    pub(crate) free: Requests,
    pods_left: u64,
    /// Users on it.
    pub(crate) users: usize,
    /// Whether the hub is on it.
    pub(crate) critical: bool,
    /// Since when nobody is on it, if nobody is.
    pub(crate) empty_since: u64,
    /// Its daemon as an API server shows it, once somebody has looked.
    pub(super) daemon: OnceCell<Pod>,
    /// When it has the users' image, once somebody has asked for it.
    pub(super) image_at: Option<u64>,
}

impl SimulatedNode {
    pub(super) fn new(id: NodeId, now: u64, scenario: &Scenario) -> Self {
        let machine = scenario.machine;
        let name = format!("node-{id:06}");
        Self {
            id,
            ready: false,
            shared_name: name.as_str().into(),
            version: 0,
            free: machine.room(),
            pods_left: Machine::pods(),
            users: 0,
            critical: false,
            empty_since: now,
            daemon: OnceCell::new(),
            image_at: None,
            node: Node {
                uid: name.clone(),
                resource_version: "0".to_owned(),
                provider_id: Some(format!("gce://simulated/zone-a/{name}")),
                created_at: Some(scenario.time(now)),
                labels: BTreeMap::from([("topology.kubernetes.io/zone".to_owned(), "zone-a".to_owned())]),
                allocatable: machine.allocatable(),
                capacity: machine.capacity(),
                group: Some(GROUP.to_owned()),
                name,
                ..Node::default()
            },
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.node.name
    }

    pub(crate) fn is_cordoned(&self) -> bool {
        self.node.unschedulable
    }

    /// Whether it takes new users at all.
    pub(crate) fn serves(&self) -> bool {
        self.ready && !self.node.unschedulable
    }

    /// Whether nobody is there, critical or not.
    pub(crate) fn is_empty(&self) -> bool {
        self.users == 0 && !self.critical
    }

    /// Whether it takes this one now.
    pub(super) fn takes(&self, asked: Requests) -> bool {
        self.serves() && asked.memory <= self.free.memory && asked.cpu <= self.free.cpu && self.pods_left > 0
    }

    pub(super) fn take(&mut self, asked: Requests) {
        self.take_room(asked);
        self.users += 1;
    }

    pub(super) fn take_hub(&mut self) {
        self.take_room(HUB);
        self.critical = true;
    }

    fn take_room(&mut self, asked: Requests) {
        self.free.memory = Bytes(self.free.memory.0.saturating_sub(asked.memory.0));
        self.free.cpu = Millicores(self.free.cpu.0.saturating_sub(asked.cpu.0));
        self.pods_left = self.pods_left.saturating_sub(1);
    }

    pub(super) fn give_back(&mut self, given: Requests, now: u64) {
        self.free.memory = Bytes(self.free.memory.0 + given.memory.0);
        self.free.cpu = Millicores(self.free.cpu.0 + given.cpu.0);
        self.pods_left += 1;
        self.users = self.users.saturating_sub(1);
        if self.users == 0 {
            self.empty_since = now;
        }
    }

    pub(super) fn become_ready(&mut self, now: u64, time: Timestamp) {
        self.ready = true;
        self.empty_since = now;
        self.node.ready = Some(ReadyCondition { ready: true, since: Some(time) });
    }

    pub(super) fn set_cordoned(&mut self, cordoned: bool) {
        self.node.unschedulable = cordoned;
        self.touch();
    }

    pub(crate) fn annotate(&mut self, annotations: &BTreeMap<&'static str, Option<String>>) {
        for (key, value) in annotations {
            match value {
                Some(value) => self.node.annotations.insert((*key).to_owned(), value.clone()),
                None => self.node.annotations.remove(*key),
            };
        }
        self.touch();
    }

    fn touch(&mut self) {
        self.version += 1;
        self.node.resource_version = self.version.to_string();
    }
}
