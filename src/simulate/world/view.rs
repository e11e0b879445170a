//! The simulated cluster as an API server and a cloud would show it.

use std::sync::Arc;

use kube_rebalancer_core::model::{
    Constraints, Controller, Instance, NodeGroup, Pod, SchedulerRefusal, Snapshot, SnapshotError, Unbound,
    Volumes,
};

use super::{SimulatedNode, User, UserId, World};
use crate::cluster::{CORE_TAINT, Cluster, Group, GroupIndex};
use crate::convert::{constraints, requests, template, tolerates, volume};
use crate::machine::{DAEMON, HUB};
use crate::resources::Resources;
use crate::users::people::Person;
use kube_rebalancer_ports::PodList;

/// Maximum number of claims that a run reads.
const CLAIMS_LOOKED_UP: usize = 50;

/// The name of a person's claim.
fn disk(person: Person) -> Box<str> {
    format!("disk-{person}").into()
}

/// The names and constraints that many pods share.
#[derive(Debug)]
pub(super) struct Names {
    hub: Arc<str>,
    system: Arc<str>,
    user_labels: Arc<[Arc<str>]>,
    other_labels: Arc<[Arc<str>]>,
    daemon_owner: Arc<Controller>,
    hub_owner: Arc<Controller>,
    /// The scheduling constraints of pods, by kind of users.
    constraints: Vec<Arc<Constraints>>,
    anywhere: Arc<Constraints>,
    hub_constraints: Arc<Constraints>,
}

impl Names {
    pub(super) fn new(user_label: &str, cluster: &Cluster) -> Self {
        let owner = |kind: &str, name: &str| {
            let (group, kind) = (Some("apps".to_owned()), kind.to_owned());
            Arc::new(Controller { group, kind, name: name.to_owned(), uid: name.to_owned() })
        };
        Self {
            hub: "hub".into(),
            system: "kube-system".into(),
            user_labels: [Arc::from(user_label)].into(),
            other_labels: [Arc::from("app")].into(),
            daemon_owner: owner("DaemonSet", "daemon"),
            hub_owner: owner("ReplicaSet", "hub"),
            constraints: cluster.kinds.iter().map(|kind| Arc::new(constraints(kind))).collect(),
            anywhere: Arc::default(),
            hub_constraints: Arc::new(Constraints {
                tolerations: vec![tolerates(CORE_TAINT)],
                ..Constraints::default()
            }),
        }
    }

    fn pod(&self, name: &str, asked: Resources, node: Option<&Arc<str>>) -> Pod {
        Pod {
            namespace: self.hub.clone(),
            name: name.into(),
            label_keys: self.other_labels.clone(),
            deleting: false,
            node_name: node.cloned(),
            containers: 1,
            requests: requests(asked),
            controller: None,
            mirror: false,
            daemonset_pod: false,
            bound_by: None,
            safe_to_evict: None,
            do_not_disrupt: None,
            local_volume: None,
            claims: Box::default(),
            priority: 0,
            ends_at_once: false,
            eviction: None,
            ready: node.is_some(),
            constraints: self.anywhere.clone(),
            unbound: None,
            alike: Vec::new(),
        }
    }

    fn daemon(&self, node: &SimulatedNode) -> Pod {
        let pod = self.pod(&format!("daemon-{}", node.name()), DAEMON, Some(&node.shared_name));
        Pod { namespace: self.system.clone(), controller: Some(self.daemon_owner.clone()), ..pod }
    }
}

impl World<'_> {
    /// The snapshot that a run reads.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, SnapshotError> {
        let nodes = self.nodes.iter().filter(|node| node.ready).map(|node| node.node.clone()).collect();
        let PodList { pods, seen } = self.pods();
        let snapshot = Snapshot::new(self.scenario.time(self.now), nodes, pods, self.node_groups(), seen)?;
        Ok(snapshot.with_volumes(self.volumes()).with_ledger(Some(self.ledger.clone())))
    }

    /// Every pod, sorted as a snapshot sorts them.
    pub(crate) fn pods(&self) -> PodList {
        let names = &self.names;
        let mut pods = Vec::with_capacity(self.users.len() + self.nodes.len() + 1);
        for node in self.nodes.iter().filter(|node| node.critical) {
            let hub = names.pod("hub", HUB, Some(&node.shared_name));
            let constraints = names.hub_constraints.clone();
            pods.push(Pod { controller: Some(names.hub_owner.clone()), constraints, ..hub });
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
        let name = format!("user-{id:08}");
        let pod = self.names.pod(&name, user.requests, node.map(|node| &node.shared_name));
        let constraints = self.names.constraints.get(user.kind).unwrap_or(&self.names.anywhere);
        let asked_at = Some(self.scenario.time(user.asked_at));
        let refusal = SchedulerRefusal { message: "no node has enough left".into(), since: asked_at };
        let unbound = || {
            let (uid, refusal) = (name.as_str().into(), Some(refusal));
            Box::new(Unbound { uid, created_at: asked_at, refusal, ..Unbound::default() })
        };
        Pod {
            label_keys: self.names.user_labels.clone(),
            claims: user.person.map(disk).into_iter().collect(),
            constraints: constraints.clone(),
            unbound: node.is_none().then(unbound),
            ..pod
        }
    }

    /// The volumes of waiting users, as a run looks them up. A disk exists only once its owner has had a node.
    fn volumes(&self) -> Volumes {
        let people = self.waiting.iter().filter_map(|id| self.users.get(id)?.person);
        let volumes = people.filter_map(|person| {
            let zone = self.disks.get(&person)?;
            Some(((self.names.hub.to_string(), disk(person).into()), Some(volume(*zone))))
        });
        volumes.take(CLAIMS_LOOKED_UP).collect()
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
            surely_no_node: false,
        };
        // A single group always has a node, which shows what a new one is like.
        let template =
            self.pool(index).filter(|_| self.groups().len() > 1).map(|pool| template(pool, group.zone));
        NodeGroup {
            name: group.name.clone(),
            zone: Some(group.zone.name()),
            zones: Vec::new(),
            target_size: u32::try_from(self.size(index)).unwrap_or(u32::MAX),
            instances: self.nodes.iter().filter(|node| node.group == index).map(instance).collect(),
            template,
            not_growable: None,
            not_shrinkable: None,
            not_parkable: None,
            not_wakeable: None,
        }
    }
}
