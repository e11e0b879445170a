//! A cluster, a cloud and a clock in memory: what apply finds when it comes, which need not be what the plan saw.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{
    Amounts, Bytes, Constraints, Controller, Ledger, Millicores, Node, NodeResources, Pod, ReadyCondition,
    SchedulerRefusal, Snapshot, Unbound, annotation,
};
use kube_rebalancer_core::plan::{
    Action, After, Band, Before, CordonReason, DeleteReason, Demand, Elapsed, GroupSize, GrowReason,
    KeepReason, MarkReason, NodeState, NodeVerdict, Plan, PodNotice, PoolPlan, Since, UncordonReason,
    UnmarkReason, Utilization, Verdict,
};
use kube_rebalancer_core::policy::{Bounds, Policy};

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
    /// The pods of the observation that the plan was made from.
    pub(super) planned_pods: Vec<Pod>,
    /// What the plan counted as asked for.
    pub(super) demand: Amounts,
    /// What earlier runs noted, and what the plan notes.
    pub(super) ledgers: (Option<Ledger>, Option<Ledger>),
    /// Lists of pods fail.
    pub(super) no_lists: bool,
    /// Lists of pods show not one pod.
    pub(super) lists_nothing: bool,
    /// The answer to a patch of these nodes is about another node.
    pub(super) misdirected: BTreeSet<&'static str>,
    /// Patches of these nodes fail.
    pub(super) refused: BTreeSet<&'static str>,
    /// The first patch of these nodes is carried out, but the answer is lost.
    pub(super) unanswered: BTreeSet<&'static str>,
    /// These nodes change before each patch, so that none fits.
    pub(super) restless: BTreeSet<&'static str>,
    /// What happens once something has been done.
    pub(super) when: Vec<(&'static str, fn(&mut Self))>,
    /// The run is told to stop once this has been done.
    pub(super) stop_at: Option<&'static str>,
    /// What the cloud says to a deletion, one for each node, and to growing.
    pub(super) answers: Vec<GroupAnswer>,
    /// What it says to growing these groups.
    pub(super) refusing: BTreeMap<&'static str, GroupAnswer>,
    /// How often the cloud is busy before it takes a deletion.
    pub(super) busy: usize,
    /// What was kept for later runs.
    pub(super) remembered: Vec<Ledger>,
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
        let (before, ledger) = self.ledgers.clone();
        let pods = self.planned_pods.clone();
        let snapshot = Snapshot::new(NOW, planned.to_vec(), pods, Vec::new(), 1).unwrap().with_ledger(before);
        let policy = policy();
        let plan = Plan { ledger, ..plan(&snapshot, actions, &self.demand) };
        let ports = Ports(Mutex::new(self));
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
        let World { nodes, log, told, remembered, .. } = ports.0.into_inner().unwrap();
        Ended { applied, nodes, log, told, remembered }
    }

    fn did(&mut self, what: String) {
        self.stopped |= self.stop_at == Some(what.as_str());
        let due: Vec<_> = self.when.extract_if(.., |(at, _)| *at == what).collect();
        self.log.push(what);
        for (_, change) in due {
            change(self);
        }
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
    /// What was kept for later runs.
    pub(super) remembered: Vec<Ledger>,
}

impl Ports {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl Cluster for Ports {
    async fn pods(&self) -> Result<PodList, PortError> {
        let mut world = self.world();
        let pods = if world.lists_nothing { Vec::new() } else { world.pods.clone() };
        world.did("list pods".to_owned());
        if world.no_lists {
            return Err(PortError("no lists today".to_owned()));
        }
        // One that has ended is always visible.
        let seen = if world.lists_nothing { 0 } else { pods.len() + 1 };
        Ok(PodList { pods, seen })
    }

    async fn node(&self, name: &str) -> Result<Option<Node>, PortError> {
        let mut world = self.world();
        let node = world.nodes.get(name).cloned();
        world.did(format!("read {name}"));
        Ok(node)
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
        if let Some(taints) = &patch.taints {
            node.taints.clone_from(taints);
        }
        let node = node.clone();
        let verb = match (patch.unschedulable, patch.annotations.get(annotation::DELETING_UNTIL)) {
            (Some(true), _) => "cordon",
            (Some(false), _) => "uncordon",
            (None, Some(Some(_))) => "claim",
            (None, Some(None)) => "give free",
            (None, None) => "note",
        };
        world.did(format!("{verb} {name}"));
        if world.misdirected.contains(name) {
            Ok(self::node("x"))
        } else if world.unanswered.remove(name) {
            Err(PortError("the answer was lost".to_owned()).into())
        } else {
            Ok(node)
        }
    }

    async fn tell(&self, event: &NodeEvent) -> Result<(), PortError> {
        self.world().told.push(format!("{} {}", event.reason, event.node));
        Ok(())
    }

    async fn notify(&self, _: &PodNotice) -> Result<(), PortError> {
        Ok(())
    }

    async fn remember(&self, ledger: &Ledger) -> Result<(), PortError> {
        self.world().remembered.push(ledger.clone());
        Ok(())
    }
}

impl NodeGroups for Ports {
    async fn grow(&self, group: &str, from: u32, to: u32) -> GroupAnswer {
        let mut world = self.world();
        world.did(format!("grow {group} {from} to {to}"));
        world.refusing.get(group).unwrap_or(&world.answers[0]).clone()
    }

    async fn delete(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        let mut world = self.world();
        for node in nodes {
            world.did(format!("delete {}", node.node));
        }
        if world.busy > 0 {
            world.busy -= 1;
            return vec![GroupAnswer::Busy("later".to_owned()); nodes.len()];
        }
        world.answers.iter().take(nodes.len()).cloned().collect()
    }

    async fn delete_instance(&self, group: &str, instance: &str) -> GroupAnswer {
        self.world().did(format!("delete {instance} of {group}"));
        GroupAnswer::Done
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
    let resources = NodeResources {
        memory: Some(Bytes(8 << 30)),
        cpu: Some(Millicores(4000)),
        pods: Some(110),
        further: None,
    };
    Node {
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        resource_version: "1".to_owned(),
        ready: Some(ReadyCondition { ready: true, since: Some(ago(86_400)) }),
        allocatable: resources.clone(),
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
    let owner = Controller {
        group: Some("apps".to_owned()),
        kind: "ReplicaSet".to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{name}"),
    };
    Pod {
        namespace: "hub".into(),
        name: name.into(),
        label_keys: [Arc::from("user")].into(),
        deleting: false,
        node_name: Some(node.into()),
        requests: Amounts::pod(Bytes::GIBI, Millicores(100)),
        controller: Some(Arc::new(owner)),
        mirror: false,
        daemonset_pod: false,
        safe_to_evict: None,
        do_not_disrupt: false,
        local_volume: None,
        claims: Box::default(),
        priority: 0,
        ends_at_once: false,
        ready: true,
        constraints: Arc::new(Constraints::default()),
        unbound: None,
    }
}

/// A pod on a node that nobody may take the node from.
pub(super) fn critical(name: &str, node: &str) -> Pod {
    Pod { label_keys: [].into(), ..user(name, node) }
}

/// A user's pod that no node is known for yet.
pub(super) fn unbound(name: &str) -> Pod {
    Pod { node_name: None, unbound: Some(Box::new(Unbound::default())), ready: false, ..user(name, "") }
}

/// The same, refused by the scheduler a minute ago.
pub(super) fn refused(name: &str) -> Pod {
    let refusal = SchedulerRefusal { message: "no node takes it".to_owned(), since: Some(ago(60)) };
    let waits = Unbound { refusal: Some(refusal), ..Unbound::default() };
    Pod { unbound: Some(Box::new(waits)), ..unbound(name) }
}

pub(super) fn uncordon(node: &str) -> Action {
    Action::Uncordon { node: node.to_owned(), reason: UncordonReason::ScaleDownDisabled }
}

pub(super) fn cordon(node: &str) -> Action {
    Action::Cordon { node: node.to_owned(), reason: CordonReason::NotNeeded { occupants: 0 } }
}

pub(super) fn delete(node: &str) -> Action {
    let reason = DeleteReason::EmptyAndCordoned { cordoned: Since(None), empty: Since(None) };
    Action::Delete { node: node.to_owned(), reason, restarts: Vec::new() }
}

pub(super) fn mark(node: &str) -> Action {
    Action::Mark { node: node.to_owned(), reason: MarkReason::Empty }
}

pub(super) fn unmark(node: &str) -> Action {
    Action::Unmark { node: node.to_owned(), reason: UnmarkReason::Occupied }
}

pub(super) fn grow(group: Option<&str>) -> Action {
    grow_one_of(group, &[])
}

/// The same, with groups of one instance each that may do it instead.
pub(super) fn grow_one_of(group: Option<&str>, instead: &[&str]) -> Action {
    let instead = instead.iter().map(|group| GroupSize { group: (*group).to_owned(), size: 1 }).collect();
    let reason = GrowReason::MinNodes { nodes: 0, min: 1 };
    let (pool, group) = (String::new(), group.map(str::to_owned));
    Action::Grow { pool, group, from: 2, to: 4, instead, reason }
}

fn policy() -> Policy {
    let bounds = Bounds { min_nodes: 0, ..Bounds::default() };
    Policy { bounds, preemptible_labels: BTreeSet::from(["user".to_owned()]), ..Policy::default() }
}

/// A plan of which only the actions, the demand and the nodes' states are of interest.
fn plan(snapshot: &Snapshot, actions: Vec<Action>, demand: &Amounts) -> Plan {
    Plan {
        observed_at: NOW,
        pools: vec![pool(demand)],
        actions,
        nodes: snapshot.nodes().iter().map(verdict).collect(),
        limits: Vec::new(),
        warnings: Vec::new(),
        guard: None,
        notices: Vec::new(),
        ledger: None,
    }
}

fn pool(demand: &Amounts) -> PoolPlan {
    let utilization = Utilization::new(&policy().resources, &Amounts::default(), &Amounts::default());
    PoolPlan {
        name: String::new(),
        before: Before {
            managed: 0,
            serving: 0,
            cordoned: 0,
            booting: 0,
            broken: 0,
            not_in_use: 0,
            under_pressure: 0,
            claimed: 0,
            reserved: 0,
            critical: 0,
            empty: 0,
            instances_without_node: 0,
            waiting_pods: 0,
            utilization,
        },
        demand: Demand { occupants: demand.clone(), ..Demand::default() },
        band: Band::Within,
        after: After { serving: 0, booting: 0, created: 0, utilization },
        limits: Vec::new(),
    }
}

fn verdict(node: &Node) -> NodeVerdict {
    let is_ready = node.ready.is_some_and(|condition| condition.ready);
    let state = match (is_ready, node.unschedulable) {
        (false, _) => NodeState::Broken,
        (true, true) => NodeState::Cordoned,
        (true, false) => NodeState::Serving,
    };
    let none = Elapsed(SignedDuration::ZERO);
    NodeVerdict {
        name: node.name.clone(),
        pool: String::new(),
        state,
        managed: true,
        reserved: false,
        occupants: 0,
        critical: false,
        requested: Amounts::default(),
        capacity: Amounts::default(),
        verdict: Verdict::Keep(KeepReason::EmptyTooShort { empty_for: none, grace: none }),
    }
}
