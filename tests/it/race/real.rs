//! The interface to the real code: it converts a small world into the cluster that the planner and the precondition code
//! read, and reads their answers. It makes no decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{
    self, Amounts, Bytes, Constraints, Millicores, NodeResources, ReadyCondition, SchedulerRefusal, Snapshot,
    Taint, TaintEffect, Unbound, annotation, taint,
};
use kube_rebalancer_core::plan::{Action, plan};
use kube_rebalancer_core::policy::{AdoptCordons, Bounds, Policy};
use kube_rebalancer_core::recheck::{self, Judgement, SecondLook};

use super::explore::{MIN_NODES, Scope, Weakness};
use super::state::{Age, NODES, Node, PODS, Pod, TICK, Task, Try};

/// The input of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Observed {
    pub(super) nodes: [Option<Node>; NODES],
    pub(super) pods: [Pod; PODS],
    /// The age of the observation.
    pub(super) age: Age,
    /// Whether the scheduler has marked the waiting pods unschedulable.
    pub(super) marked: bool,
}

/// The real planner and precondition code, with the answers they gave so far.
#[derive(Debug)]
pub(super) struct Real {
    policy: Policy,
    critical: usize,
    /// The number of critical pods that the planner recognizes as critical.
    critical_to_planner: usize,
    room: u64,
    /// Whether every cordon looks as if it were a day old, so that the late-bind rule has no effect.
    old_cordons: bool,
    /// Whether a node that is to be deleted looks claimed although it is not.
    claims: bool,
    plans: BTreeMap<Observed, [Task; NODES]>,
    looks: BTreeMap<(usize, Node, [Pod; PODS]), Look>,
}

/// The result of the second check of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) critical: bool,
    pub(super) delete: Judgement,
}

impl Real {
    pub(super) fn new(scope: &Scope) -> Self {
        let min_nodes = if scope.weakness == Some(Weakness::NoMinNodes) { 0 } else { MIN_NODES };
        let blind = scope.weakness == Some(Weakness::BlindPlanner);
        Self {
            policy: policy(min_nodes),
            critical: scope.critical,
            critical_to_planner: if blind { 0 } else { scope.critical },
            room: u64::try_from(scope.room).unwrap(),
            old_cordons: scope.weakness == Some(Weakness::NoLateBind),
            claims: scope.weakness != Some(Weakness::NoClaim),
            plans: BTreeMap::new(),
            looks: BTreeMap::new(),
        }
    }

    /// The planner's task for each node.
    pub(super) fn plan(&mut self, observed: Observed) -> [Task; NODES] {
        if let Some(tasks) = self.plans.get(&observed) {
            return *tasks;
        }
        let nodes = (0..NODES).filter_map(|index| Some(self.node(index, observed.nodes[index]?, true)));
        let pods = written_out(observed.pods, self.critical_to_planner, observed.marked);
        let snapshot = snapshot(ago(observed.age), nodes.collect(), pods);
        let mut tasks = [Task::Nothing; NODES];
        // A refusal changes nothing.
        for action in plan(&snapshot, &self.policy).map(|plan| plan.actions).unwrap_or_default() {
            let task = match action {
                Action::Uncordon { .. } => Task::Uncordon(Try::First),
                Action::Cordon { .. } => Task::Cordon(Try::First),
                Action::Delete { .. } => Task::Claim(Try::First),
                Action::Mark { .. } => Task::Mark,
                Action::Unmark { .. } => Task::Unmark,
                // There is no node group, nothing is parked, and PACK is off.
                Action::Grow { .. }
                | Action::DeleteInstance { .. }
                | Action::Evict { .. }
                | Action::DeleteObject { .. }
                | Action::Park { .. }
                | Action::Wake { .. }
                | Action::Steer { .. }
                | Action::Unsteer { .. } => continue,
            };
            let index = (0..NODES).find(|index| Some(name(*index)) == action.node()).unwrap();
            assert_eq!(tasks[index], Task::Nothing, "one action a node");
            tasks[index] = task;
        }
        self.plans.insert(observed, tasks);
        tasks
    }

    /// The judgement of a patch whose node was read again; `None` for one that is not tried again. `same` is whether the
    /// node still is the instance that was planned.
    pub(super) fn judge(&self, task: Task, index: usize, now: Node, same: bool) -> Option<Judgement> {
        // The planned node is only used for its identity, not for its other fields.
        let planned = self.node(index, Node::default(), same);
        let now = self.node(index, now, true);
        let judgement = match task {
            Task::Uncordon(_) | Task::TakeBack(_) => {
                recheck::uncordon(&planned, &now, &self.policy, ago(Age::NOW))
            }
            Task::Cordon(_) => recheck::cordon(&planned, &now, &self.policy, ago(Age::NOW)),
            Task::Claim(_) => recheck::claim(&planned, &now, &self.policy, ago(Age::NOW)),
            Task::Nothing
            | Task::Cordoned
            | Task::Claimed
            | Task::Delete
            | Task::Unclaim
            | Task::Mark
            | Task::Unmark => return None,
        };
        Some(judgement)
    }

    /// The second check of one node, as its patch returned it, with all pods.
    pub(super) fn look_again(&mut self, index: usize, node: Node, pods: [Pod; PODS]) -> Look {
        if let Some(look) = self.looks.get(&(index, node, pods)) {
            return look.clone();
        }
        let claim = if self.claims { node.claim } else { Some(1) };
        let real = self.node(index, Node { claim, ..node }, true);
        let listed = written_out(pods, self.critical, false);
        let snapshot = snapshot(ago(Age::NOW), vec![real.clone()], listed);
        let second = SecondLook::new(&snapshot, &self.policy);
        let look =
            Look { critical: second.critical_pod(name(index)).is_some(), delete: second.delete(&real) };
        self.looks.insert((index, node, pods), look.clone());
        look
    }

    fn node(&self, index: usize, node: Node, same: bool) -> model::Node {
        let offered = NodeResources {
            memory: Some(Bytes(self.room << 30)),
            cpu: Some(Millicores(64_000)),
            pods: Some(110),
            further: None,
        };
        let yesterday = now() - SignedDuration::from_hours(24);
        let cordoned_at = |age| if self.old_cordons { yesterday } else { ago(age) };
        let marks = [
            (annotation::CORDONED_AT, node.cordoned_at.map(cordoned_at)),
            (annotation::EMPTY_SINCE, node.empty_since.map(ago)),
            (annotation::DELETING_UNTIL, node.claim.map(|left| now() + ticks(left))),
        ];
        let tainted = |key: &str, added_at| Taint {
            key: key.to_owned(),
            value: String::new(),
            effect: TaintEffect::NoSchedule,
            added_at,
        };
        let cordon = node.cordoned.map(|since| tainted(taint::UNSCHEDULABLE, Some(cordoned_at(since))));
        let claim = node.claim.map(|_| tainted(taint::DELETING, None));
        let identity = format!("{}-{}", name(index), if same { "same" } else { "replaced" });
        model::Node {
            name: name(index).to_owned(),
            uid: identity.clone(),
            provider_id: Some(identity),
            created_at: Some(yesterday),
            annotations: marks
                .into_iter()
                .filter_map(|(key, moment)| Some((key.to_owned(), moment?.to_string())))
                .collect(),
            unschedulable: !node.is_schedulable(),
            taints: cordon.into_iter().chain(claim).collect(),
            ready: Some(ReadyCondition { ready: true, since: Some(yesterday) }),
            allocatable: offered.clone(),
            capacity: offered,
            ..model::Node::default()
        }
    }
}

fn snapshot(observed_at: Timestamp, nodes: Vec<model::Node>, pods: Vec<model::Pod>) -> Snapshot {
    let seen = pods.len() + 1; // a cluster always shows some pod of its own
    Snapshot::new(observed_at, nodes, pods, vec![], seen).unwrap()
}

/// The pods as a list shows them. `marked`: the scheduler has marked the waiting pods unschedulable.
fn written_out(pods: [Pod; PODS], critical: usize, marked: bool) -> Vec<model::Pod> {
    let pod = |(index, pod): (usize, &Pod)| {
        let node_name = match pod.listed() {
            Pod::Absent => return None,
            Pod::Bound { node } => Some(Arc::from(name(node.into()))),
            Pod::Pending | Pod::Reserved { .. } => None,
        };
        let refused = || SchedulerRefusal { message: "0/2 nodes are available".into(), since: None };
        let waits = || Box::new(Unbound { refusal: marked.then(refused), ..Unbound::default() });
        let labels: &[&str] = if index < critical { &[] } else { &[USER] };
        Some(model::Pod {
            namespace: Arc::from("hub"),
            name: format!("pod-{index}").into(),
            label_keys: labels.iter().copied().map(Arc::from).collect(),
            unbound: node_name.is_none().then(waits),
            deleting: false,
            ready: node_name.is_some(),
            node_name,
            containers: 1,
            requests: Amounts::pod(Bytes::GIBI, Millicores(100)),
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
            constraints: Arc::new(Constraints::default()),
            alike: Vec::new(),
        })
    };
    pods.iter().enumerate().filter_map(pod).collect()
}

const USER: &str = "hub.jupyter.org/username";

/// The name of a node.
pub(super) fn name(index: usize) -> &'static str {
    ["a", "b", "c"][index]
}

fn now() -> Timestamp {
    "2026-01-15T09:00:00Z".parse().unwrap()
}

fn ticks(number: u8) -> SignedDuration {
    SignedDuration::from_secs(i64::from(number) * TICK)
}

fn ago(age: Age) -> Timestamp {
    now() - ticks(age.0)
}

fn policy(min_nodes: usize) -> Policy {
    Policy {
        bounds: Bounds { min_nodes, max_nodes: NODES, ..Bounds::default() },
        // The cordons of the model's other actors have no annotation, and the model explores their age.
        adopt_cordons: AdoptCordons::Always,
        preemptible_labels: BTreeSet::from([USER.to_owned()]),
        // A soft taint keeps no pod away, so it takes no part in any race for a node.
        pack: false,
        ..Policy::default()
    }
}
