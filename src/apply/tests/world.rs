//! A cluster, a cloud and a clock in memory: what apply finds when it comes, which need not be what the plan saw.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{
    Amounts, Bytes, Constraints, Controller, EvictionFacts, Ledger, MachineFate, Millicores, Node, NodeGroup,
    NodeResources, Pod, ReadyCondition, Snapshot, StoredVolumes, Unbound, annotation,
};
use kube_rebalancer_core::plan::{
    Action, CordonReason, DeleteReason, Elapsed, EvictReason, GroupSize, GrowReason, InstanceReason,
    MarkReason, ParkReason, Plan, PodNotice, Since, UncordonReason, UnmarkReason, WakeInstead, WakeReason,
};
use kube_rebalancer_core::policy::{Drain, Policy, PoolName};

use crate::{Applied, Apply};
use kube_rebalancer_ports::{
    Clock, Cluster, EvictionAnswer, GroupAnswer, InstanceToDelete, NodeEvent, NodeGroups, NodePatch,
    NodeToDelete, NotTried, PatchError, PodList, PodNow, PodToEvict, PortError,
};

pub(super) const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
const LEFT: SignedDuration = SignedDuration::from_mins(5);

/// The cluster and the cloud for apply, with their behavior.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a trouble of its own")]
pub(super) struct World {
    pub(super) nodes: BTreeMap<String, Node>,
    pub(super) pods: Vec<Pod>,
    /// The pods that the plan saw.
    pub(super) planned_pods: Vec<Pod>,
    /// The volumes that the plan saw.
    pub(super) planned_volumes: StoredVolumes,
    /// The volumes now.
    pub(super) volumes: StoredVolumes,
    /// Lists of pods fail.
    pub(super) no_lists: bool,
    /// The nodes that cannot be read.
    pub(super) unread: BTreeSet<&'static str>,
    /// What is left of the run's time.
    pub(super) left: SignedDuration,
    /// Patches of these nodes fail.
    pub(super) refused: BTreeSet<&'static str>,
    /// The first patch of these nodes is carried out, but the answer is lost.
    pub(super) unanswered: BTreeSet<&'static str>,
    /// These nodes change before each patch, so that none fits.
    pub(super) restless: BTreeSet<&'static str>,
    /// These nodes change once, right after they were read.
    pub(super) changes_once: BTreeSet<&'static str>,
    /// Patches of these nodes are carried out, and answered with another node.
    pub(super) misanswered: BTreeSet<&'static str>,
    /// The change of another actor immediately after this request.
    pub(super) meanwhile: Option<(&'static str, Meanwhile)>,
    /// Which pods may be moved off nodes.
    pub(super) drain: Option<Drain>,
    /// The API server's answers to evictions, in order; all later ones are carried out.
    pub(super) evictions: VecDeque<EvictionAnswer>,
    /// Whether Node objects are deleted.
    pub(super) delete_node_objects: bool,
    /// The cloud's answer about machines.
    pub(super) fate: MachineFate,
    /// Another run has taken the Lease.
    pub(super) lease_lost: bool,
    /// The number of deletion requests that the cloud refuses as busy.
    pub(super) busy: usize,
    /// The request after which the run receives a signal to stop.
    pub(super) stop_at: Option<&'static str>,
    /// The cloud's answers to a deletion, one for each node, and to growth.
    pub(super) answers: Vec<GroupAnswer>,
    /// The answer to one of these requests, named as in the log.
    pub(super) says: BTreeMap<String, GroupAnswer>,
    pub(super) log: Vec<String>,
    pub(super) told: Vec<String>,
    pub(super) notices: Vec<PodNotice>,
    /// The nodes whose wakings the cloud was asked to finish, before the patch of any.
    pub(super) rejoined: Vec<String>,
    /// The cloud's answers to that, by node; it fails for the others.
    pub(super) rejoins: BTreeMap<String, Option<GroupAnswer>>,
    pub(super) ledger: Option<Ledger>,
    pub(super) stopped: bool,
}

/// A change of another actor.
#[derive(Clone, Debug)]
pub(super) enum Meanwhile {
    /// Uncordons like `kubectl uncordon`.
    Uncordons(&'static str),
    /// A pod is bound.
    Comes(Pod),
}

/// The world behind the ports.
#[derive(Debug)]
struct Ports(Mutex<World>);

impl Default for World {
    fn default() -> Self {
        Self {
            nodes: BTreeMap::new(),
            pods: Vec::new(),
            planned_pods: Vec::new(),
            planned_volumes: StoredVolumes::NotListed,
            volumes: StoredVolumes::NotListed,
            no_lists: false,
            unread: BTreeSet::new(),
            left: LEFT,
            refused: BTreeSet::new(),
            unanswered: BTreeSet::new(),
            restless: BTreeSet::new(),
            changes_once: BTreeSet::new(),
            misanswered: BTreeSet::new(),
            meanwhile: None,
            drain: None,
            evictions: VecDeque::new(),
            delete_node_objects: false,
            fate: MachineFate::Unknown("nobody was asked".to_owned()),
            lease_lost: false,
            busy: 0,
            stop_at: None,
            answers: Vec::new(),
            says: BTreeMap::new(),
            log: Vec::new(),
            told: Vec::new(),
            notices: Vec::new(),
            rejoined: Vec::new(),
            rejoins: BTreeMap::new(),
            ledger: None,
            stopped: false,
        }
    }
}

impl World {
    /// A world with these nodes and pods, whose cloud carries out all requests.
    pub(super) fn new(nodes: &[Node], pods: &[Pod]) -> Self {
        let nodes = nodes.iter().map(|node| (node.name.clone(), node.clone())).collect();
        // A list without a single pod proves nothing.
        let pods = pods.iter().cloned().chain([elsewhere()]).collect();
        Self { nodes, pods, answers: vec![GroupAnswer::Done; 9], ..Self::default() }
    }

    /// Carries out these actions, planned on these nodes, with a cloud.
    pub(super) fn apply(self, planned: &[Node], actions: Vec<Action>) -> Ended {
        self.carry_out(planned, &plan(actions), None)
    }

    /// Carries out this plan, made on these nodes, with a cloud.
    pub(super) fn apply_plan(self, planned: &[Node], plan: &Plan) -> Ended {
        self.carry_out(planned, plan, None)
    }

    pub(super) fn apply_without_cloud(self, planned: &[Node], actions: Vec<Action>) -> Ended {
        self.apply_without(planned, actions, NotTried::NoNodeGroup)
    }

    /// Carries out these actions without a cloud, for this reason.
    pub(super) fn apply_without(self, planned: &[Node], actions: Vec<Action>, why: NotTried) -> Ended {
        self.carry_out(planned, &plan(actions), Some(why))
    }

    fn carry_out(self, planned: &[Node], plan: &Plan, without_cloud: Option<NotTried>) -> Ended {
        let names: BTreeSet<&String> = planned.iter().filter_map(|node| node.group.as_ref()).collect();
        let group = |name: &String| NodeGroup { name: name.clone(), ..NodeGroup::default() };
        let groups = names.into_iter().map(group).collect();
        let snapshot = Snapshot::new(NOW, planned.to_vec(), self.planned_pods.clone(), groups, 1).unwrap();
        let snapshot = snapshot.with_stored_volumes(Arc::new(self.planned_volumes.clone()));
        let ports = Ports(Mutex::new(self));
        let (drain, delete_node_objects) = {
            let world = ports.world();
            (world.drain.unwrap_or(Drain::None), world.delete_node_objects)
        };
        let policy = Policy { drain, delete_node_objects, ..policy() };
        let apply = Apply {
            plan,
            snapshot: &snapshot,
            policy: &policy,
            cluster: &ports,
            groups: without_cloud.map_or(Ok(&ports), Err),
            clock: &ports,
        };
        // All calls answer at once, so the first poll is the last.
        let applied = apply.run().now_or_never().unwrap();
        let World { nodes, log, told, notices, ledger, rejoined, .. } = ports.0.into_inner().unwrap();
        Ended { applied, nodes, log, told, notices, rejoined, ledger }
    }

    fn did(&mut self, what: String) {
        self.stopped |= self.stop_at == Some(what.as_str());
        if let Some((_, somebody)) = self.meanwhile.take_if(|(when, _)| *when == what) {
            match somebody {
                Meanwhile::Uncordons(name) => {
                    let node = self.nodes.get_mut(name).unwrap();
                    node.unschedulable = false;
                    node.resource_version.push('u');
                }
                Meanwhile::Comes(pod) => self.pods.push(pod),
            }
        }
        self.log.push(what);
    }
}

/// The result.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) applied: Applied,
    pub(super) nodes: BTreeMap<String, Node>,
    /// The requests to the cluster and the cloud, in order.
    pub(super) log: Vec<String>,
    /// The events.
    pub(super) told: Vec<String>,
    /// The events on waiting pods.
    pub(super) notices: Vec<PodNotice>,
    /// The nodes whose wakings the cloud was asked to finish.
    pub(super) rejoined: Vec<String>,
    /// The notes for later runs.
    pub(super) ledger: Option<Ledger>,
}

impl Ports {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}

impl Ports {
    fn each(&self, verb: &str, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        let mut world = self.world();
        let mut answers: Vec<GroupAnswer> = world.answers.iter().take(nodes.len()).cloned().collect();
        for (number, node) in nodes.iter().enumerate() {
            let request = format!("{verb} {}", node.node);
            if let Some(answer) = world.says.get(&request) {
                answers[number] = answer.clone();
            }
            world.did(request);
        }
        answers
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

    async fn nodes(&self) -> Result<Vec<Node>, PortError> {
        let mut world = self.world();
        world.did("list nodes".to_owned());
        if world.no_lists {
            return Err(PortError("no lists today".to_owned()));
        }
        Ok(world.nodes.values().cloned().collect())
    }

    async fn node(&self, name: &str) -> Result<Option<Node>, PortError> {
        let mut world = self.world();
        world.did(format!("read {name}"));
        if world.unread.contains(name) {
            return Err(PortError("no reads today".to_owned()));
        }
        let node = world.nodes.get(name).cloned();
        if world.changes_once.remove(name)
            && let Some(node) = world.nodes.get_mut(name)
        {
            node.resource_version.push('x');
        }
        Ok(node)
    }

    async fn volumes_again(&self, _: &[Node]) -> StoredVolumes {
        let mut world = self.world();
        world.did("list volumes".to_owned());
        world.volumes.clone()
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
        if world.unanswered.remove(name) {
            Err(PortError("the answer was lost".to_owned()).into())
        } else if world.misanswered.contains(name) {
            Ok(super::world::node("another"))
        } else {
            Ok(node)
        }
    }

    async fn pod(&self, namespace: &str, name: &str) -> Result<Option<PodNow>, PortError> {
        let mut world = self.world();
        world.did(format!("read pod {name}"));
        let is_it = |pod: &&Pod| *pod.namespace == *namespace && *pod.name == *name;
        let pod = world.pods.iter().rev().find(is_it).cloned();
        Ok(pod.map(|pod| PodNow { pod, resource_version: "p1".to_owned() }))
    }

    async fn evict(&self, pod: &PodToEvict) -> EvictionAnswer {
        let mut world = self.world();
        let answer = world.evictions.pop_front().unwrap_or(EvictionAnswer::Done);
        if answer == EvictionAnswer::Done {
            world.pods.retain(|one| one.eviction.as_ref().is_none_or(|facts| *facts.uid != *pod.uid));
        }
        world.did(format!("evict {} {} {}", pod.name, pod.uid, pod.resource_version));
        answer
    }

    async fn delete_node(&self, node: &NodeToDelete) -> Result<(), PatchError> {
        let mut world = self.world();
        let Some(now) = world.nodes.get(&node.name) else { return Err(PatchError::Gone) };
        if now.uid != node.uid || now.resource_version != node.resource_version {
            return Err(PatchError::Conflict);
        }
        world.nodes.remove(&node.name);
        world.did(format!("delete node {} {} {}", node.name, node.uid, node.resource_version));
        Ok(())
    }

    async fn still_leads(&self) -> Result<bool, PortError> {
        Ok(!self.world().lease_lost)
    }

    async fn tell(&self, event: &NodeEvent) -> Result<(), PortError> {
        self.world().told.push(format!("{} {}", event.reason, event.node));
        Ok(())
    }

    async fn notify(&self, notice: &PodNotice) -> Result<(), PortError> {
        self.world().notices.push(notice.clone());
        Ok(())
    }

    async fn remember(&self, ledger: &Ledger) -> Result<(), PortError> {
        let mut world = self.world();
        world.did("remember".to_owned());
        world.ledger = Some(ledger.clone());
        Ok(())
    }
}

impl NodeGroups for Ports {
    async fn grow(&self, group: &str, from: u32, to: u32) -> GroupAnswer {
        let mut world = self.world();
        let request = format!("grow {group} {from} to {to}");
        let answer = world.says.get(&request).unwrap_or(&world.answers[0]).clone();
        world.did(request);
        answer
    }

    async fn delete(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        let mut world = self.world();
        for node in nodes {
            world.did(format!("delete {}", node.node));
        }
        if world.busy > 0 {
            world.busy -= 1;
            return vec![GroupAnswer::Busy("503".to_owned()); nodes.len()];
        }
        world.answers.iter().take(nodes.len()).cloned().collect()
    }

    async fn park(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.each("park", nodes)
    }

    async fn wake(&self, nodes: &[InstanceToDelete]) -> Vec<GroupAnswer> {
        self.each("wake", nodes)
    }

    async fn rejoin(&self, nodes: &[InstanceToDelete]) -> Vec<Option<GroupAnswer>> {
        let mut world = self.world();
        assert!(world.log.is_empty(), "before any request: {:?}", world.log);
        world.rejoined.extend(nodes.iter().map(|node| node.node.clone()));
        let failed = || Some(GroupAnswer::Failed("not yet".to_owned()));
        nodes.iter().map(|node| world.rejoins.get(&node.node).cloned().unwrap_or_else(failed)).collect()
    }

    async fn fates(&self, nodes: &[InstanceToDelete]) -> Vec<MachineFate> {
        let mut world = self.world();
        for node in nodes {
            world.did(format!("fate {}", node.node));
        }
        vec![world.fate.clone(); nodes.len()]
    }

    async fn delete_instance(&self, group: &str, instance: &str, nodes: &[Node]) -> GroupAnswer {
        let mut world = self.world();
        world.did(format!("delete instance {group} {instance} beside {}", nodes.len()));
        world.answers[0].clone()
    }
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        NOW
    }

    fn left(&self) -> SignedDuration {
        let world = self.world();
        if world.stopped { SignedDuration::ZERO } else { world.left }
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

/// A node that this program cordoned `seconds` ago.
pub(super) fn cordoned(name: &str, seconds: i64) -> Node {
    let node = Node { unschedulable: true, ..node(name) };
    with_note(node, annotation::CORDONED_AT, &ago(seconds).to_string())
}

pub(super) fn with_note(mut node: Node, key: &str, value: &str) -> Node {
    node.annotations.insert(key.to_owned(), value.to_owned());
    node
}

/// The same node, changed by another actor since it was read.
pub(super) fn changed(node: Node) -> Node {
    Node { resource_version: "2".to_owned(), ..node }
}

pub(super) fn ago(seconds: i64) -> Timestamp {
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
        containers: 1,
        requests: Amounts::pod(Bytes::GIBI, Millicores(100)),
        controller: Some(Arc::new(owner)),
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
        ready: true,
        constraints: Arc::new(Constraints::default()),
        unbound: None,
        alike: Vec::new(),
    }
}

/// A pod that does not affect these tests.
fn elsewhere() -> Pod {
    Pod { namespace: "kube-system".into(), ..user("dns", "elsewhere") }
}

/// A critical pod on a node.
pub(super) fn critical(name: &str, node: &str) -> Pod {
    Pod { label_keys: [].into(), ..user(name, node) }
}

/// A user's pod that no node is known for yet.
pub(super) fn unbound(name: &str) -> Pod {
    Pod { node_name: None, unbound: Some(Box::new(Unbound::default())), ..user(name, "") }
}

pub(super) fn uncordon(node: &str) -> Action {
    Action::Uncordon {
        node: node.to_owned(),
        reason: UncordonReason::ScaleDownDisabled { mark: String::new() },
    }
}

pub(super) fn cordon(node: &str) -> Action {
    Action::Cordon { node: node.to_owned(), reason: CordonReason::NotNeeded { occupants: 0 } }
}

pub(super) fn delete(node: &str) -> Action {
    let reason = DeleteReason::EmptyAndCordoned { cordoned: Since(None), empty: Since(None) };
    Action::Delete { node: node.to_owned(), reason, restarts: Vec::new() }
}

pub(super) fn park(node: &str) -> Action {
    let reason = ParkReason::EmptyAndCordoned { cordoned: Since(None), empty: Since(None) };
    Action::Park { node: node.to_owned(), reason, restarts: Vec::new() }
}

pub(super) fn wake(node: &str) -> Action {
    wake_or(node, &[], &[])
}

pub(super) fn delete_instance(group: &str, instance: &str) -> Action {
    Action::DeleteInstance {
        pool: PoolName::default(),
        group: group.to_owned(),
        instance: instance.to_owned(),
        reason: InstanceReason::NeverRegistered {
            created: Since(None),
            limit: Elapsed(SignedDuration::from_mins(30)),
        },
    }
}

/// A pod of a Deployment in a namespace that is omitted, which may be moved.
pub(super) fn omitted(name: &str, node: &str) -> Pod {
    let facts = EvictionFacts { uid: format!("uid-of-{name}").into(), ..EvictionFacts::default() };
    Pod { namespace: "kube-system".into(), eviction: Some(Box::new(facts)), ..critical(name, node) }
}

pub(super) fn evict(pod: &str, node: &str) -> Action {
    Action::Evict {
        node: node.to_owned(),
        namespace: "kube-system".to_owned(),
        pod: pod.to_owned(),
        uid: format!("uid-of-{pod}"),
        controller: format!("uid-{pod}"),
        reason: EvictReason::Omitted,
    }
}

pub(super) fn mark(node: &str) -> Action {
    Action::Mark { node: node.to_owned(), reason: MarkReason::Empty }
}

/// Wakes a node, or one of these, or lets one of these groups create one.
pub(super) fn wake_or(node: &str, nodes: &[&str], groups: &[(&str, u32)]) -> Action {
    let groups = groups.iter().map(|(group, size)| GroupSize { group: (*group).to_owned(), size: *size });
    let instead = WakeInstead {
        nodes: nodes.iter().map(|node| (*node).to_owned()).collect(),
        groups: groups.collect(),
        pods: vec![format!("uid-of-the-pod-for-{node}")],
    };
    Action::Wake { node: node.to_owned(), instead, reason: WakeReason::Needed { parked: Since(None) } }
}

pub(super) fn unmark(node: &str) -> Action {
    Action::Unmark { node: node.to_owned(), reason: UnmarkReason::Occupied }
}

pub(super) fn grow(group: Option<&str>) -> Action {
    grow_or(group, &[])
}

/// Grows a group, or one of these where it refuses.
pub(super) fn grow_or(group: Option<&str>, instead: &[(&str, u32)]) -> Action {
    let instead = instead.iter().map(|(group, size)| GroupSize { group: (*group).to_owned(), size: *size });
    Action::Grow {
        pool: PoolName::default(),
        group: group.map(str::to_owned),
        from: 2,
        to: 4,
        instead: instead.collect(),
        reason: GrowReason::MinNodes { nodes: 0, min: 1 },
    }
}

fn policy() -> Policy {
    Policy { preemptible_labels: BTreeSet::from(["user".to_owned()]), ..Policy::default() }
}

/// A plan of which only the actions are of interest.
pub(super) fn plan(actions: Vec<Action>) -> Plan {
    Plan {
        observed_at: NOW,
        pools: Vec::new(),
        actions,
        nodes: Vec::new(),
        limits: Vec::new(),
        warnings: Vec::new(),
        guard: None,
        notices: Vec::new(),
        ledger: None,
    }
}
