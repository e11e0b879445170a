//! One instance of the simulated cluster, with its node.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube_rebalancer_core::model::{Node, Pod, ReadyCondition, Taint, TaintEffect, taint};

use crate::cluster::{Group, GroupIndex, Pool};
use crate::convert::{allocatable, capacity, labels, taints};
use crate::machine::{HUB, Machine};
use crate::resources::Resources;

/// Instances are numbered as they are created.
pub(crate) type NodeId = u32;

/// An instance.
#[derive(Debug)]
pub(crate) struct SimulatedNode {
    pub(crate) id: NodeId,
    /// Its group.
    pub(crate) group: GroupIndex,
    /// Whether it has become a node.
    pub(crate) ready: bool,
    /// Whether its machine is parked.
    pub(crate) parked: bool,
    /// The node as the API server shows it.
    pub(crate) node: Node,
    /// Its name, shared by its pods.
    pub(super) shared_name: Arc<str>,
    /// The number of its changes.
    version: u64,
    /// The room for further pods.
    pub(crate) free: Resources,
    pods_left: u64,
    /// The number of its users.
    pub(crate) users: usize,
    /// Whether the hub runs on it.
    pub(crate) critical: bool,
    /// The time since which it is empty, if it is.
    pub(crate) empty_since: u64,
    /// Its daemon as an API server shows it; built at the first read.
    pub(super) daemon: OnceCell<Pod>,
    /// The time at which it has the users' image, once the image was requested.
    pub(super) image_at: Option<u64>,
}

/// The time of the request for an instance: in seconds since the simulation began, and as the cloud
/// reports it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Created {
    pub(super) second: u64,
    pub(super) time: Timestamp,
}

impl SimulatedNode {
    /// An instance of a group, created at this time.
    pub(super) fn new(id: NodeId, index: GroupIndex, group: &Group, pool: &Pool, created: Created) -> Self {
        let name = format!("{}-{id:06}", pool.prefix);
        Self {
            id,
            group: index,
            ready: false,
            parked: false,
            shared_name: name.as_str().into(),
            version: 0,
            free: pool.room(),
            pods_left: Machine::pods(),
            users: 0,
            critical: false,
            empty_since: created.second,
            daemon: OnceCell::new(),
            image_at: None,
            node: Node {
                uid: name.clone(),
                resource_version: "0".to_owned(),
                provider_id: Some(format!("gce://simulated/{}/{name}", group.zone.name())),
                created_at: Some(created.time),
                labels: labels(pool, group.zone),
                taints: taints(pool),
                allocatable: allocatable(pool),
                capacity: capacity(pool),
                group: Some(group.name.clone()),
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

    /// Whether it takes new users.
    pub(crate) fn serves(&self) -> bool {
        let up = self.node.ready.is_some_and(|condition| condition.ready);
        self.ready && up && !self.node.unschedulable && !self.is_claimed()
    }

    /// Whether a run has claimed it to delete it: no user's pod tolerates that taint.
    fn is_claimed(&self) -> bool {
        self.node.taints.iter().any(|one| one.key == taint::DELETING)
    }

    /// Whether a run has marked it to fill last.
    pub(crate) fn fills_last(&self) -> bool {
        self.node.taints.iter().any(|one| one.key == taint::FILL_LAST)
    }

    /// Whether it has neither users nor a critical pod.
    pub(crate) fn is_empty(&self) -> bool {
        self.users == 0 && !self.critical
    }

    /// Whether it takes users and has room for this request now.
    pub(super) fn has_room(&self, asked: Resources) -> bool {
        self.serves() && asked.fits(self.free) && self.pods_left > 0
    }

    pub(super) fn take(&mut self, asked: Resources) {
        self.take_room(asked);
        self.users += 1;
    }

    pub(super) fn take_hub(&mut self) {
        self.take_room(HUB);
        self.critical = true;
    }

    fn take_room(&mut self, asked: Resources) {
        self.free = self.free.less(asked);
        self.pods_left = self.pods_left.saturating_sub(1);
    }

    pub(super) fn give_back(&mut self, given: Resources, now: u64) {
        self.free = self.free.plus(given);
        self.pods_left += 1;
        self.users = self.users.saturating_sub(1);
        if self.users == 0 {
            self.empty_since = now;
        }
    }

    pub(super) fn become_ready(&mut self, now: u64, time: Timestamp) {
        self.ready = true;
        self.empty_since = now;
        let woken = self.node.ready.is_some();
        self.node.ready = Some(ReadyCondition { ready: true, since: Some(time) });
        if woken {
            self.touch();
        }
    }

    /// Stops its machine, which can be woken again.
    pub(super) fn park(&mut self, time: Timestamp) {
        self.parked = true;
        self.node.ready = Some(ReadyCondition { ready: false, since: Some(time) });
        self.touch();
    }

    /// Cordons or uncordons it; the control plane adds the taint of a cordon, or removes it.
    pub(super) fn set_cordoned(&mut self, cordoned: bool, time: Timestamp) {
        self.node.unschedulable = cordoned;
        self.node.taints.retain(|one| one.key != taint::UNSCHEDULABLE);
        if cordoned {
            self.node.taints.push(Taint {
                key: taint::UNSCHEDULABLE.to_owned(),
                value: String::new(),
                effect: TaintEffect::NoSchedule,
                added_at: Some(time),
            });
        }
        self.touch();
    }

    pub(super) fn set_taints(&mut self, taints: &[Taint]) {
        self.node.taints = taints.to_vec();
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
