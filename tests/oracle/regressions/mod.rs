//! The findings of random clusters, each as the plainest cluster that shows it.

mod growth;
mod nodes;
mod odd;
mod pods;
mod pools;
mod rest;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::check::{check, check_settled};
use kube_rebalancer_core::model::{
    Amounts, Bytes, Constraints, Controller, EvictionFacts, Instance, Ledger, MachineFate, Millicores, Node,
    NodeGroup, NodeResources, NodeTemplate, Pod, ReadyCondition, Resource, SchedulerRefusal, Snapshot, Taint,
    TaintEffect, TolerableValue, Toleration, Unbound, annotation, taint,
};
use kube_rebalancer_core::plan::{Action, NodeState, Plan, plan};
use kube_rebalancer_core::policy::{Budget, Drain, Policy};

use crate::generate::NOW;
use crate::naive;

/// A cluster under a policy.
#[derive(Clone)]
struct Case {
    policy: Policy,
    nodes: Vec<Node>,
    pods: Vec<Pod>,
    groups: Vec<NodeGroup>,
    ledger: Option<Ledger>,
    fates: BTreeMap<String, MachineFate>,
}

fn ago(seconds: i64) -> Timestamp {
    NOW - SignedDuration::from_secs(seconds)
}

fn taint(key: &str) -> Taint {
    Taint { key: key.to_owned(), value: String::new(), effect: TaintEffect::NoSchedule, added_at: None }
}

fn eight() -> NodeResources {
    NodeResources { memory: Some(Bytes(8)), cpu: Some(Millicores(8)), pods: Some(10), further: None }
}

/// A Ready node of eight bytes, a day old.
fn node(name: &str) -> Node {
    Node {
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        created_at: Some(ago(86_400)),
        ready: Some(ReadyCondition { ready: true, since: Some(ago(86_400)) }),
        allocatable: eight(),
        capacity: eight(),
        ..Node::default()
    }
}

fn created(seconds: i64, node: Node) -> Node {
    Node { created_at: Some(ago(seconds)), ..node }
}

fn in_group(group: &str, node: Node) -> Node {
    Node { group: Some(group.to_owned()), ..node }
}

fn tainted(key: &str, mut node: Node) -> Node {
    node.taints.push(taint(key));
    node
}

fn labelled(key: &str, value: &str, mut node: Node) -> Node {
    node.labels.insert(key.to_owned(), value.to_owned());
    node
}

fn not_ready(seconds: i64, node: Node) -> Node {
    Node { ready: Some(ReadyCondition { ready: false, since: Some(ago(seconds)) }), ..node }
}

/// Cordons a node as this program does.
fn cordoned(seconds: i64, mut node: Node) -> Node {
    node.annotations.insert(annotation::CORDONED_AT.to_owned(), ago(seconds).to_string());
    cordoned_by_others(seconds, node)
}

fn cordoned_by_others(seconds: i64, mut node: Node) -> Node {
    node.unschedulable = true;
    node.taints.push(Taint { added_at: Some(ago(seconds)), ..taint(taint::UNSCHEDULABLE) });
    node
}

fn claimed(until: i64, mut node: Node) -> Node {
    node.annotations.insert(annotation::DELETING_UNTIL.to_owned(), ago(-until).to_string());
    tainted(taint::DELETING, node)
}

fn user(name: &str, memory: u64) -> Pod {
    Pod {
        namespace: "hub".into(),
        name: name.into(),
        label_keys: ["user".into()].into(),
        deleting: false,
        node_name: None,
        containers: 1,
        requests: Amounts::pod(Bytes(memory), Millicores(0)),
        controller: None,
        mirror: false,
        daemonset_pod: false,
        bound_by: None,
        safe_to_evict: None,
        do_not_disrupt: None,
        local_volume: None,
        claims: [].into(),
        priority: 0,
        ends_at_once: false,
        eviction: None,
        ready: true,
        constraints: Constraints::default().into(),
        unbound: None,
        alike: Vec::new(),
    }
}

fn on(node: &str, pod: Pod) -> Pod {
    Pod { node_name: Some(node.into()), ..pod }
}

/// Refused by the scheduler for this number of seconds.
fn refused(seconds: i64, pod: Pod) -> Pod {
    let refusal = SchedulerRefusal { message: "0 nodes are available".into(), since: Some(ago(seconds)) };
    let unbound = Unbound {
        uid: format!("uid-{}", pod.name).into(),
        created_at: Some(ago(seconds)),
        refusal: Some(refusal),
        ..Unbound::default()
    };
    Pod { unbound: Some(Box::new(unbound)), ready: false, ..pod }
}

fn tolerating(key: &str, mut pod: Pod) -> Pod {
    let mut constraints = (*pod.constraints).clone();
    constraints.tolerations.push(Toleration {
        key: Some(key.to_owned()),
        value: TolerableValue::Any,
        effect: None,
    });
    pod.constraints = constraints.into();
    pod
}

fn omitted(name: &str, memory: u64) -> Pod {
    let controller = Controller {
        group: Some("apps".into()),
        kind: "ReplicaSet".into(),
        name: "system".into(),
        uid: "system".into(),
    };
    Pod {
        namespace: "kube-system".into(),
        label_keys: [].into(),
        controller: Some(controller.into()),
        ..user(name, memory)
    }
}

fn group(name: &str) -> NodeGroup {
    NodeGroup { name: name.to_owned(), ..NodeGroup::default() }
}

fn template(labels: &[(&str, &str)], taints: &[&str]) -> Option<NodeTemplate> {
    Some(NodeTemplate {
        allocatable: eight(),
        capacity: eight(),
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        taints: taints.iter().map(|key| taint(key)).collect(),
        only_size: false,
    })
}

fn instance(name: &str, seconds: i64) -> Instance {
    Instance {
        name: name.to_owned(),
        created_at: Some(ago(seconds)),
        surely_no_node: true,
        ..Instance::default()
    }
}

impl Case {
    /// A case that counts memory alone, without limits on the actions of a run.
    fn new(nodes: Vec<Node>, pods: Vec<Pod>, groups: Vec<NodeGroup>) -> Self {
        let all = Budget::Percent { percent: 100, at_least: 10 };
        let mut policy = Policy {
            resources: vec![Resource::Memory],
            preemptible_labels: ["user".to_owned()].into(),
            omit_namespaces: ["kube-system".to_owned()].into(),
            max_cordons: all,
            max_creations: all,
            ..Policy::default()
        };
        policy.bounds.min_nodes = 0;
        policy.bounds.keep_zones = false;
        Self { policy, nodes, pods, groups, ledger: None, fates: BTreeMap::new() }
    }

    fn min_nodes(mut self, min: usize) -> Self {
        self.policy.bounds.min_nodes = min;
        self
    }

    fn max_nodes(mut self, max: usize) -> Self {
        self.policy.bounds.max_nodes = max;
        self.policy.bounds.max_nodes_set = true;
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    fn noting(mut self, ledger: Ledger) -> Self {
        self.ledger = Some(ledger);
        self
    }

    fn snapshot(&self) -> Snapshot {
        let Self { nodes, pods, groups, ledger, fates, .. } = self.clone();
        Snapshot::new(NOW, nodes, pods, groups, 99).unwrap().with_ledger(ledger).with_fates(fates)
    }

    /// The plan. Checks that the checker and the naive planner agree with it, and that planning again does not
    /// change it.
    fn plan(&self) -> Plan {
        let snapshot = self.snapshot();
        let plan = plan(&snapshot, &self.policy).unwrap();
        assert_eq!(check(&snapshot, &self.policy, &plan), []);
        let again = kube_rebalancer_core::plan::plan;
        assert_eq!(check_settled(&snapshot, &self.policy, &plan, again), None);
        assert_eq!(naive::decide(&snapshot, &self.policy), Some(crate::properties::decision(&plan)));
        plan
    }
}

fn names(plan: &Plan, verb: &str) -> Vec<String> {
    let acts = plan.actions.iter().filter(|action| action.verb() == verb);
    acts.filter_map(|action| action.node().map(str::to_owned)).collect()
}

fn grown(plan: &Plan) -> BTreeMap<String, u32> {
    let grown = plan.actions.iter().filter_map(|action| match action {
        Action::Grow { group, from, to, .. } => Some((group.clone().unwrap_or_default(), to - from)),
        _ => None,
    });
    grown.collect()
}

fn state(plan: &Plan, name: &str) -> NodeState {
    plan.nodes.iter().find(|node| node.name == name).unwrap().state
}
