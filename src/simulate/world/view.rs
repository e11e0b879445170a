//! The simulated cluster as an API server and a cloud would show it.

use std::sync::Arc;

use kube_rebalancer_core::model::{
    Constraints, Controller, Instance, NodeGroup, Pod, Requests, Snapshot, SnapshotError, Unbound,
};

use super::{SimulatedNode, User, UserId, World};
use crate::machine::{DAEMON, HUB};
use kube_rebalancer_ports::PodList;

/// The node group that all nodes are of.
pub(crate) const GROUP: &str = "zone-a/hub-users";

/// What many pods share.
#[derive(Debug)]
pub(super) struct Names {
    hub: Arc<str>,
    system: Arc<str>,
    user_labels: Arc<[Arc<str>]>,
    other_labels: Arc<[Arc<str>]>,
    daemon_owner: Arc<Controller>,
    hub_owner: Arc<Controller>,
    unbound: Unbound,
}

impl Names {
    pub(super) fn new(user_label: &str) -> Self {
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
            unbound: Unbound {
                gated: false,
                unschedulable: Some("no node has enough left".to_owned()),
                constraints: Arc::new(Constraints::default()),
            },
        }
    }

    fn pod(&self, name: &str, requests: Requests, node: Option<&Arc<str>>) -> Pod {
        Pod {
            namespace: self.hub.clone(),
            name: name.into(),
            label_keys: self.other_labels.clone(),
            node_name: node.cloned(),
            requests,
            controller: None,
            mirror: false,
            safe_to_evict: None,
            local_volume: None,
            unbound: node.is_none().then(|| Box::new(self.unbound.clone())),
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
        Snapshot::new(self.scenario.time(self.now), nodes, pods, vec![self.group()], seen)
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
        Pod { label_keys: self.names.user_labels.clone(), ..pod }
    }

    fn group(&self) -> NodeGroup {
        let instance = |node: &SimulatedNode| Instance {
            name: node.name().to_owned(),
            has_node: node.ready,
            created_at: node.node.created_at,
            creation_error: None,
        };
        NodeGroup {
            name: GROUP.to_owned(),
            zone: Some("zone-a".to_owned()),
            target_size: u32::try_from(self.nodes.len()).unwrap_or(u32::MAX),
            instances: self.nodes.iter().map(instance).collect(),
            template: None,
            not_growable: None,
            not_shrinkable: None,
        }
    }
}
