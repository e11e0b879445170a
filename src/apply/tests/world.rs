//! A cluster, a cloud and a clock in memory: what apply finds when it comes, which need not be what the plan saw.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{
    Bytes, Controller, Millicores, Node, NodeResources, Pod, ReadyCondition, Requests, Snapshot, Unbound,
    annotation,
};
use kube_rebalancer_core::plan::{
    Action, After, Band, Before, CordonReason, DeleteReason, GrowReason, MarkReason, Plan, Since,
    UncordonReason, UnmarkReason, Utilization,
};
use kube_rebalancer_core::policy::Policy;

use crate::{Applied, Apply};
use kube_rebalancer_ports::{
    Clock, Cluster, GroupAnswer, InstanceToDelete, NodeEvent, NodeGroups, NodePatch, NotTried, PatchError,
    PodList, PortError,
};

const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
const LEFT: SignedDuration = SignedDuration::from_mins(5);

/// What apply finds, and how it is treated.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) nodes: BTreeMap<String, Node>,
    pub(super) pods: Vec<Pod>,
    /// Lists of pods fail.
    pub(super) no_lists: bool,
    /// Patches of these nodes fail.
    pub(super) refused: BTreeSet<&'static str>,
    /// The first patch of these nodes is carried out, but the answer is lost.
    pub(super) unanswered: BTreeSet<&'static str>,
    /// These nodes change before each patch, so that none fits.
    pub(super) restless: BTreeSet<&'static str>,
    /// These nodes change once, after the first patch.
    pub(super) changes_once: BTreeSet<&'static str>,
    /// The run is told to stop once this has been done.
    pub(super) stop_at: Option<&'static str>,
    /// What the cloud says to a deletion, one for each node, and to growing.
    pub(super) answers: Vec<GroupAnswer>,
    pub(super) log: Vec<String>,
    pub(super) told: Vec<String>,
    pub(super) stopped: bool,
}

/// The world behind the ports.
#[derive(Debug)]
struct Ports(Mutex<World>);

impl World {
    /// A world with these nodes and pods, whose cloud does what it is asked to.
    pub(super) fn new(nodes: &[Node], pods: &[Pod]) -> Self {
        let nodes = nodes.iter().map(|node| (node.name.clone(), node.clone())).collect();
        Self { nodes, pods: pods.to_vec(), answers: vec![GroupAnswer::Done; 9], ..Self::default() }
    }

    /// Carries out these actions, planned on these nodes, with a cloud.
    pub(super) fn apply(self, planned: &[Node], actions: Vec<Action>) -> Ended {
        self.carry_out(planned, actions, true)
    }

    pub(super) fn apply_without_cloud(self, planned: &[Node], actions: Vec<Action>) -> Ended {
        self.carry_out(planned, actions, false)
    }

    fn carry_out(self, planned: &[Node], actions: Vec<Action>, with_cloud: bool) -> Ended {
        let ports = Ports(Mutex::new(self));
        let snapshot = Snapshot::new(NOW, planned.to_vec(), Vec::new(), Vec::new(), 1).unwrap();
        let (policy, plan) = (policy(), plan(actions));
        let apply = Apply {
            plan: &plan,
            snapshot: &snapshot,
            policy: &policy,
            cluster: &ports,
            groups: if with_cloud { Ok(&ports) } else { Err(NotTried::NoNodeGroup) },
            clock: &ports,
        };
        // Everything here answers at once, so the first poll is the last.
        let applied = apply.run().now_or_never().unwrap();
        let World { nodes, log, told, .. } = ports.0.into_inner().unwrap();
        Ended { applied, nodes, log, told }
    }

    fn did(&mut self, what: String) {
        self.stopped |= self.stop_at == Some(what.as_str());
        self.log.push(what);
    }
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) applied: Applied,
    pub(super) nodes: BTreeMap<String, Node>,
    /// What the cluster and the cloud were asked for, in order.
    pub(super) log: Vec<String>,
    /// The events.
    pub(super) told: Vec<String>,
}

impl Ports {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl Cluster for Ports {
    async fn pods(&self) -> Result<PodList, PortError> {
        let mut world = self.world();
        world.did("list pods".to_owned());
        if world.no_lists {
            return Err(PortError("no lists today".to_owned()));
        }
        Ok(PodList { pods: world.pods.clone(), seen: world.pods.len() })
    }

    async fn node(&self, name: &str) -> Result<Option<Node>, PortError> {
        let mut world = self.world();
        world.did(format!("read {name}"));
        Ok(world.nodes.get(name).cloned())
    }

    async fn patch(&self, name: &str, patch: &NodePatch) -> Result<Node, PatchError> {
        let mut world = self.world();
        let (restless, refused) = (world.restless.contains(name), world.refused.contains(name));
        let Some(node) = world.nodes.get_mut(name) else { return Err(PatchError::Gone) };
        if restless {
            node.resource_version.push('x');
        }
        if node.resource_version != patch.resource_version {
            world.did(format!("conflict {name}"));
            return Err(PatchError::Conflict);
        }
        if refused {
            return Err(PortError("no patches today".to_owned()).into());
        }
        node.resource_version.push('+');
        node.unschedulable = patch.unschedulable.unwrap_or(node.unschedulable);
        for (key, value) in &patch.annotations {
            match value {
                Some(value) => node.annotations.insert((*key).to_owned(), value.clone()),
                None => node.annotations.remove(*key),
            };
        }
        let node = node.clone();
        if world.changes_once.remove(name)
            && let Some(node) = world.nodes.get_mut(name)
        {
            node.resource_version.push('x');
        }
        let verb = match (patch.unschedulable, patch.annotations.get(annotation::DELETING_UNTIL)) {
            (Some(true), _) => "cordon",
            (Some(false), _) => "uncordon",
            (None, Some(Some(_))) => "claim",
            (None, Some(None)) => "give free",
            (None, None) => "note",
        };
        world.did(format!("{verb} {name}"));
        if world.unanswered.remove(name) {
            Err(PortError("the answer was lost".to_owned()).into())
        } else {
            Ok(node)
        }
    }

    async fn tell(&self, event: &NodeEvent) -> Result<(), PortError> {
        self.world().told.push(format!("{} {}", event.reason, event.node));
        Ok(())
    }
}

impl NodeGroups for Ports {
    async fn grow(&self, group: &str, from: u32, to: u32) -> GroupAnswer {
        let mut world = self.world();
        world.did(format!("grow {group} {from} to {to}"));
        world.answers[0].clone()
    }

    async fn delete(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        let mut world = self.world();
        for node in nodes {
            world.did(format!("delete {}", node.node));
        }
        world.answers.iter().take(nodes.len()).cloned().collect()
    }
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn left(&self) -> SignedDuration {
        if self.world().stopped { SignedDuration::ZERO } else { LEFT }
    }
}

pub(super) fn node(name: &str) -> Node {
    let resources =
        NodeResources { memory: Some(Bytes(8 << 30)), cpu: Some(Millicores(4000)), pods: Some(110) };
    Node {
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        resource_version: "1".to_owned(),
        ready: Some(ReadyCondition { ready: true, since: Some(ago(86_400)) }),
        allocatable: resources,
        capacity: resources,
        ..Node::default()
    }
}

/// Under a cordon of ours that is so many seconds old.
pub(super) fn cordoned(name: &str, seconds: i64) -> Node {
    let node = Node { unschedulable: true, ..node(name) };
    with_note(node, annotation::CORDONED_AT, &ago(seconds).to_string())
}

pub(super) fn with_note(mut node: Node, key: &str, value: &str) -> Node {
    node.annotations.insert(key.to_owned(), value.to_owned());
    node
}

/// The same node, changed by somebody since it was seen.
pub(super) fn changed(node: Node) -> Node {
    Node { resource_version: "2".to_owned(), ..node }
}

fn ago(seconds: i64) -> Timestamp {
    NOW - SignedDuration::from_secs(seconds)
}

/// A user's pod on a node.
pub(super) fn user(name: &str, node: &str) -> Pod {
    let owner =
        Controller { kind: "ReplicaSet".to_owned(), name: name.to_owned(), uid: format!("uid-{name}") };
    Pod {
        namespace: "hub".into(),
        name: name.into(),
        label_keys: [Arc::from("user")].into(),
        node_name: Some(node.into()),
        requests: Requests { memory: Bytes::GIBI, cpu: Millicores(100) },
        controller: Some(Arc::new(owner)),
        mirror: false,
        safe_to_evict: None,
        local_volume: None,
        unbound: None,
    }
}

/// A pod on a node that nobody may take the node from.
pub(super) fn critical(name: &str, node: &str) -> Pod {
    Pod { label_keys: [].into(), ..user(name, node) }
}

/// A user's pod that no node is known for yet.
pub(super) fn unbound(name: &str) -> Pod {
    Pod { node_name: None, unbound: Some(Box::new(Unbound::default())), ..user(name, "") }
}

pub(super) fn uncordon(node: &str) -> Action {
    Action::Uncordon { node: node.to_owned(), reason: UncordonReason::ScaleDownDisabled }
}

pub(super) fn cordon(node: &str) -> Action {
    Action::Cordon { node: node.to_owned(), reason: CordonReason::NotNeeded { occupants: 0 } }
}

pub(super) fn delete(node: &str) -> Action {
    let reason = DeleteReason::EmptyAndCordoned { cordoned: Since(None), empty: Since(None) };
    Action::Delete { node: node.to_owned(), reason }
}

pub(super) fn mark(node: &str) -> Action {
    Action::Mark { node: node.to_owned(), reason: MarkReason::Empty }
}

pub(super) fn unmark(node: &str) -> Action {
    Action::Unmark { node: node.to_owned(), reason: UnmarkReason::Occupied }
}

pub(super) fn grow(group: Option<&str>) -> Action {
    let reason = GrowReason::MinNodes { nodes: 0, min: 1 };
    Action::Grow { group: group.map(str::to_owned), from: 2, to: 4, reason }
}

fn policy() -> Policy {
    Policy { min_nodes: 0, preemptible_labels: BTreeSet::from(["user".to_owned()]), ..Policy::default() }
}

/// A plan of which only the actions are of interest.
fn plan(actions: Vec<Action>) -> Plan {
    let utilization = Utilization::default();
    Plan {
        observed_at: NOW,
        before: Before {
            managed: 0,
            serving: 0,
            cordoned: 0,
            critical: 0,
            empty: 0,
            booting: 0,
            broken: 0,
            instances_without_node: 0,
            waiting_pods: 0,
            demand: 0,
            utilization,
        },
        band: Band::Within,
        after: After { serving: 0, booting: 0, created: 0, utilization },
        actions,
        nodes: Vec::new(),
        limits: Vec::new(),
        warnings: Vec::new(),
        guard: None,
    }
}
