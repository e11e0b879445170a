//! The simulated cluster as an API server and a cloud would show it.

use std::sync::Arc;

use kube_rebalancer_core::model::{Controller, Instance, NodeGroup, Pod, Snapshot, SnapshotError, Unbound};

use super::{SimulatedNode, User, UserId, World};
use crate::cluster::{Cluster, Group, GroupIndex};
use crate::convert::{requests, template, unbound};
use crate::machine::{DAEMON, HUB};
use crate::resources::Resources;
use kube_rebalancer_ports::PodList;

/// What many pods share.
#[derive(Debug)]
pub(super) struct Names {
    hub: Arc<str>,
    system: Arc<str>,
    user_labels: Arc<[Arc<str>]>,
    other_labels: Arc<[Arc<str>]>,
    daemon_owner: Arc<Controller>,
    hub_owner: Arc<Controller>,
    /// What is known of pods that wait, by kind of users.
    unbound: Vec<Unbound>,
}

impl Names {
    pub(super) fn new(user_label: &str, cluster: &Cluster) -> Self {
        let owner = |kind: &str, name: &str| {
            Arc::new(Controller { kind: kind.to_owned(), name: name.to_owned(), uid: name.to_owned() })
        };
        Self {
            hub: "hub".into(),
            system: "kube-system".into(),
            user_labels: [Arc::from(user_label)].into(),
            other_labels: [Arc::from("app")].into(),
            daemon_owner: owner("DaemonSet", "daemon"),
            hub_owner: owner("ReplicaSet", "hub"),
            unbound: cluster.kinds.iter().map(unbound).collect(),
        }
    }

    fn pod(&self, name: &str, asked: Resources, node: Option<&Arc<str>>) -> Pod {
        Pod {
            namespace: self.hub.clone(),
            name: name.into(),
            label_keys: self.other_labels.clone(),
            node_name: node.cloned(),
            requests: requests(asked),
            controller: None,
            mirror: false,
            safe_to_evict: None,
            local_volume: None,
            unbound: None,
        }
    }

    fn daemon(&self, node: &SimulatedNode) -> Pod {
        let pod = self.pod(&format!("daemon-{}", node.name()), DAEMON, Some(&node.shared_name));
        Pod { namespace: self.system.clone(), controller: Some(self.daemon_owner.clone()), ..pod }
    }
}

impl World<'_> {
    /// Everything that a run observes.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        let nodes = self.nodes.iter().filter(|node| node.ready).map(|node| node.node.clone()).collect();
        let PodList { pods, seen } = self.pods();
        Snapshot::new(self.scenario.time(self.now), nodes, pods, self.node_groups(), seen)
    }

    /// Every pod, sorted as a snapshot sorts them.
    pub(crate) fn pods(&self) -> PodList {
        let names = &self.names;
        let mut pods = Vec::with_capacity(self.users.len() + self.nodes.len() + 1);
        for node in self.nodes.iter().filter(|node| node.critical) {
            let hub = names.pod("hub", HUB, Some(&node.shared_name));
            pods.push(Pod { controller: Some(names.hub_owner.clone()), ..hub });
        }
        let user_pod =
            |(id, user): (&UserId, &User)| user.pod.get_or_init(|| self.user_pod(*id, user)).clone();
        pods.extend(self.users.iter().map(user_pod));
        let daemon = |node: &SimulatedNode| node.daemon.get_or_init(|| names.daemon(node)).clone();
        pods.extend(self.nodes.iter().filter(|node| node.ready).map(daemon));
        PodList { seen: pods.len(), pods }
    }

    fn user_pod(&self, id: UserId, user: &User) -> Pod {
        let node = user.node.and_then(|node| self.index(node)).and_then(|index| self.nodes.get(index));
        let pod = self.names.pod(&format!("user-{id:08}"), user.requests, node.map(|node| &node.shared_name));
        let unbound = self.names.unbound.get(user.kind).filter(|_| node.is_none());
        Pod {
            label_keys: self.names.user_labels.clone(),
            unbound: unbound.map(|unbound| Box::new(unbound.clone())),
            ..pod
        }
    }

    fn node_groups(&self) -> Vec<NodeGroup> {
        self.groups().iter().enumerate().map(|(index, group)| self.node_group(index, group)).collect()
    }

    fn node_group(&self, index: GroupIndex, group: &Group) -> NodeGroup {
        let instance = |node: &SimulatedNode| Instance {
            name: node.name().to_owned(),
            has_node: node.ready,
            created_at: node.node.created_at,
            creation_error: None,
        };
        // Where there is one group it always has a node, and that tells what the next one is like.
        let template =
            self.pool(index).filter(|_| self.groups().len() > 1).map(|pool| template(pool, group.zone));
        NodeGroup {
            name: group.name.clone(),
            zone: Some(group.zone.name()),
            target_size: u32::try_from(self.size(index)).unwrap_or(u32::MAX),
            instances: self.nodes.iter().filter(|node| node.group == index).map(instance).collect(),
            template,
            not_growable: None,
            not_shrinkable: None,
        }
    }
}
