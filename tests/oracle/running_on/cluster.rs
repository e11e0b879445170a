//! A cluster that changes between two runs: machines boot, a scheduler places pods, some pods fit nowhere.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{
    Amounts, Bytes, Instance, Node, NodeResources, Pod, ReadyCondition, SchedulerRefusal, Taint, TaintEffect,
    Unbound,
};

use proptest::strategy::{Strategy, ValueTree};

use super::admission::{ignores_cordons, lets_in};
use super::planner::Step;
use crate::generate::{Cluster, NOW, TurnsOut, World, worlds};
use crate::naive::{fill_as_others, fill_last, lift_cordon, set_cordon};

const ZONE: &str = "topology.kubernetes.io/zone";
const HOSTNAME: &str = "kubernetes.io/hostname";
/// Marks of work on one node, which a copy of it does not need.
const DRIVER_UPGRADE: &str = "nvidia.com/gpu-driver-upgrade-state";
const TERMINATION: &str = "aws-node-termination-handler/action";

/// A node as the others of its group. An amount that cannot be true (section 4) is no machine's, so no new one has it.
fn usual<'a>(members: &[&'a Node]) -> Option<&'a Node> {
    let of = |get: fn(&Amounts) -> u64, node: &Node| get(&node.allocatable.offer(&node.capacity));
    let may_be_true = |get: fn(&Amounts) -> u64, node: &Node| {
        let mut all: Vec<u64> = members.iter().map(|one| of(get, one)).collect();
        all.sort_unstable();
        u128::from(of(get, node)) <= 4 * u128::from(all[(all.len() - 1) / 2])
    };
    let is_usual =
        |node: &&&Node| may_be_true(|one| one.memory.0, node) && may_be_true(|one| one.cpu.0, node);
    members.iter().find(is_usual).or(members.first()).copied()
}

pub(super) struct Living {
    pub(super) world: World,
    pub(super) now: Timestamp,
    made: usize,
    /// Whether a machine of unknown kind was requested; it never boots.
    pub(super) nothing_to_copy: bool,
}

impl Living {
    pub(super) fn new(world: World) -> Self {
        Self { world, now: NOW, made: 0, nothing_to_copy: false }
    }

    fn cluster(&mut self) -> &mut Cluster {
        &mut self.world.cluster
    }

    /// The number of machines that runs have requested, including deleted ones.
    pub(super) fn made(&self) -> usize {
        self.made
    }

    /// The number of nodes and of instances without a node.
    pub(super) fn machines(&self) -> usize {
        let instances = self.world.cluster.groups.iter().flat_map(|group| &group.instances);
        self.world.cluster.nodes.len() + instances.filter(|one| !one.has_node).count()
    }

    /// Carries a plan out. Returns the pods that were on deleted nodes.
    pub(super) fn carry_out(&mut self, step: &Step) -> Vec<Pod> {
        let now = self.now;
        for node in &mut self.cluster().nodes {
            let name = &node.name;
            if step.decision.uncordon.contains(name) {
                lift_cordon(node);
            } else if step.decision.cordon.contains(name) {
                set_cordon(node, now);
            }
            if step.decision.steer.contains(&node.name) {
                fill_last(node);
            } else if step.decision.unsteer.contains(&node.name) {
                fill_as_others(node);
            }
            for (key, value) in step.notes.get(&node.name).into_iter().flatten() {
                match value {
                    Some(value) => drop(node.annotations.insert(key.clone(), value.clone())),
                    None => drop(node.annotations.remove(key)),
                }
            }
        }
        if let Some(ledger) = &step.ledger
            && self.cluster().ledger.is_some()
        {
            self.cluster().ledger = Some(ledger.clone());
        }
        for ((pool, group), count) in &step.decision.grow {
            for _ in 0..*count {
                self.create(pool, group.as_deref());
            }
        }
        for (group, instance) in &step.decision.delete_instances {
            for one in self.cluster().groups.iter_mut().filter(|one| one.name == *group) {
                one.instances.retain(|one| one.name != *instance);
            }
        }
        self.delete(step)
    }

    fn create(&mut self, pool: &str, group: Option<&str>) {
        let name = format!("new{:03}", self.made + 1);
        let now = self.now;
        match group {
            Some(group) => {
                for one in self.world.cluster.groups.iter_mut().filter(|one| one.name == group) {
                    let created_at = Some(now);
                    one.instances.push(Instance { name: name.clone(), created_at, ..Instance::default() });
                    one.target_size += 1;
                    self.made += 1;
                }
            }
            None => {
                // A managed node is copied.
                let label = self.world.policy.pool_label.clone();
                let selector = self.world.policy.node_selector.clone();
                let of_pool = self.world.cluster.nodes.iter().filter(|node| {
                    let foreign = node
                        .labels
                        .keys()
                        .any(|key| key == "omit" || key.contains("node-role") || key.ends_with("/os"));
                    let foreign =
                        foreign || node.taints.iter().any(|taint| taint.key.starts_with("ToBeDeleted"));
                    !foreign
                        && selector.matches(&node.labels)
                        && label.as_ref().is_none_or(|label| node.labels.get(label) == Some(pool))
                });
                let lasting = |node: &&Node| {
                    node.taints.iter().filter(|taint| !taint.key.starts_with("node.k")).count()
                };
                if let Some(like) = of_pool.min_by_key(lasting).cloned() {
                    let node = self.boot(name, &like);
                    self.cluster().nodes.push(node);
                    self.made += 1;
                } else {
                    self.nothing_to_copy = true;
                }
            }
        }
    }

    fn delete(&mut self, step: &Step) -> Vec<Pod> {
        let gone = &step.decision.delete;
        let now = self.now;
        let cluster = self.cluster();
        cluster.nodes.retain(|node| !gone.contains(&node.name));
        for group in &mut cluster.groups {
            group.instances.retain(|one| !one.has_node || !gone.contains(&one.name));
            group.target_size = u32::try_from(group.instances.len()).unwrap();
        }
        let mut were_there = Vec::new();
        for pod in &mut cluster.pods {
            if pod.node_name.as_ref().is_some_and(|name| gone.contains(&**name)) {
                were_there.push(pod.clone());
                pod.node_name = None;
                pod.ready = false;
                let uid = format!("again-{}", pod.name).into();
                pod.unbound = Some(Box::new(Unbound { uid, created_at: Some(now), ..Unbound::default() }));
            }
        }
        let ends = |pod: &Pod| {
            pod.controller.as_ref().is_some_and(|one| one.kind == "DaemonSet" || one.kind == "Node")
        };
        cluster.pods.retain(|pod| {
            pod.node_name.is_some() || !ends(pod) || !were_there.iter().any(|one| one.name == pod.name)
        });
        were_there
    }

    /// Passes time: instances become nodes, nodes become Ready, pods end and are placed.
    pub(super) fn live(&mut self) {
        let fate = self.world.fate;
        self.now += SignedDuration::from_secs(fate.step);
        let now = self.now;
        self.cluster().pods.retain(|pod| !pod.deleting);
        self.register();
        let boot = SignedDuration::from_secs(fate.step * i64::try_from(fate.boots).unwrap());
        for node in &mut self.cluster().nodes {
            let Some(condition) = node.ready.filter(|condition| !condition.ready) else { continue };
            let since = condition.since.unwrap_or(now);
            let soon = now.duration_since(since) <= SignedDuration::from_mins(20);
            if now.duration_since(since) >= boot && soon && fate.turns_out != TurnsOut::NeverReady {
                node.ready = Some(ReadyCondition { ready: true, since: Some(now) });
                node.taints.retain(|taint| taint.key != "node.kubernetes.io/not-ready");
            }
        }
        self.schedule();
    }

    /// Instances become nodes that boot.
    fn register(&mut self) {
        let (fate, now) = (self.world.fate, self.now);
        if fate.turns_out == TurnsOut::NeverANode {
            return;
        }
        let groups = self.world.cluster.groups.clone();
        for (at, group) in groups.iter().enumerate() {
            let nodes = self.world.cluster.nodes.iter();
            let members: Vec<&Node> = nodes.filter(|node| node.group.as_ref() == Some(&group.name)).collect();
            // Labels and taints that the cloud does not tell are those of the group's other nodes.
            let untold = usual(&members).filter(|_| group.template.as_ref().is_some_and(|one| one.only_size));
            let template = group.template.as_ref().map(|template| Node {
                labels: untold.map_or_else(|| template.labels.clone(), |node| node.labels.clone()),
                taints: untold.map_or_else(|| template.taints.clone(), |node| node.taints.clone()),
                allocatable: template.allocatable.clone(),
                capacity: template.capacity.clone(),
                ..Node::default()
            });
            let Some(like) = template.or_else(|| usual(&members).cloned()) else {
                self.nothing_to_copy |= group.instances.iter().any(|one| !one.has_node);
                continue;
            };
            for (index, instance) in group.instances.iter().enumerate() {
                let age = instance.created_at.map(|at| now.duration_since(at));
                let fails = instance.creation_error.is_some()
                    || age.is_some_and(|age| age > SignedDuration::from_mins(30));
                if instance.has_node || fails {
                    continue;
                }
                let mut node = self.boot(instance.name.clone(), &like);
                node.group = Some(group.name.clone());
                let zone =
                    group.zone.clone().or_else(|| group.zones.get(index % group.zones.len().max(1)).cloned());
                if let Some(zone) = zone {
                    node.labels.insert(ZONE.to_owned(), zone);
                }
                self.world.cluster.groups[at].instances[index].has_node = true;
                self.world.cluster.groups[at].instances[index].created_at = Some(now);
                self.world.cluster.nodes.push(node);
            }
        }
    }

    /// A copy of a node, with the daemons of the cluster, changed by the fate of the world.
    fn boot(&mut self, name: String, like: &Node) -> Node {
        let now = self.now;
        let mut taints: Vec<Taint> = like
            .taints
            .iter()
            .filter(|taint| {
                !["node.k", "ToBeDeleted", "medik8s.io/"].iter().any(|prefix| taint.key.starts_with(prefix))
                    && !taint.key.contains("agent")
                    && !taint.key.contains('-')
            })
            .cloned()
            .collect();
        let taint = |key: &str| Taint {
            key: key.to_owned(),
            value: String::new(),
            effect: TaintEffect::NoSchedule,
            added_at: None,
        };
        let not_ready = taint("node.kubernetes.io/not-ready");
        taints.push(not_ready);
        let mut node = Node {
            uid: format!("uid-of-{name}"),
            created_at: Some(now),
            labels: like.labels.clone(),
            taints,
            ready: Some(ReadyCondition { ready: false, since: Some(now) }),
            allocatable: like.allocatable.clone(),
            capacity: like.capacity.clone(),
            group: like.group.clone(),
            ..Node::default()
        };
        node.labels.insert(HOSTNAME.to_owned(), name.clone());
        node.labels.remove(DRIVER_UPGRADE);
        node.labels.remove(TERMINATION);
        match self.world.fate.turns_out {
            TurnsOut::Smaller => node.allocatable.memory = Some(Bytes(3)),
            TurnsOut::Tainted => node.taints.push(taint("surprise")),
            TurnsOut::WithoutDevice => {
                node.allocatable.further = None;
                node.capacity.further = None;
            }
            TurnsOut::StuckInStartup => node.taints.push(taint("node.cilium.io/agent-not-ready")),
            TurnsOut::AsPromised | TurnsOut::NeverReady | TurnsOut::NeverANode => {}
        }
        let mut daemons: BTreeMap<String, Pod> = BTreeMap::new();
        for pod in &self.world.cluster.pods {
            if let Some(owner) = pod.controller.as_ref().filter(|owner| owner.kind == "DaemonSet")
                && pod.node_name.is_some()
            {
                daemons.entry(owner.uid.clone()).or_insert_with(|| pod.clone());
            }
        }
        for (uid, mut pod) in daemons {
            pod.name = format!("{uid}-{name}").into();
            pod.node_name = Some(name.as_str().into());
            pod.ready = true;
            self.world.cluster.pods.push(pod);
        }
        node.name = name;
        node
    }

    /// Places each pod that fits somewhere, and refuses the others.
    fn schedule(&mut self) {
        let now = self.now;
        for at in 0..self.world.cluster.pods.len() {
            let pod = &self.world.cluster.pods[at];
            let daemon = pod.controller.as_ref().is_some_and(|owner| owner.kind == "DaemonSet");
            let held = pod.unbound.as_ref().is_none_or(|unbound| unbound.gated);
            if pod.node_name.is_some() || pod.deleting || held || daemon {
                continue;
            }
            let place = if self.is_stubborn(pod) { None } else { self.place(at) };
            let pod = &mut self.world.cluster.pods[at];
            if let Some(name) = place {
                pod.node_name = Some(name.into());
                pod.unbound = None;
                pod.ready = true;
            } else if let Some(unbound) = &mut pod.unbound {
                unbound.nominated = None;
                if unbound.refusal.is_none() {
                    let message = "0 nodes are available".into();
                    unbound.refusal = Some(SchedulerRefusal { message, since: Some(now) });
                }
            }
        }
    }

    /// Whether the scheduler refuses a pod everywhere, for a reason that no account knows.
    fn is_stubborn(&self, pod: &Pod) -> bool {
        let stubborn = self.world.fate.stubborn;
        stubborn > 0 && pod.name.bytes().map(usize::from).sum::<usize>().is_multiple_of(stubborn)
    }

    /// Whether the nodes that were held for such a pod are given up: since the last run its first hour is over.
    pub(super) fn a_hold_ends(&self) -> bool {
        let (hour, step) = (SignedDuration::from_hours(1), SignedDuration::from_secs(self.world.fate.step));
        self.world.cluster.pods.iter().filter(|pod| self.is_stubborn(pod)).any(|pod| {
            let since = pod.unbound.as_ref().and_then(|unbound| unbound.refused_since());
            since
                .map(|since| self.now.duration_since(since))
                .is_some_and(|age| age >= hour && age < hour + step)
        })
    }

    fn place(&self, at: usize) -> Option<String> {
        let cluster = &self.world.cluster;
        let pod = &cluster.pods[at];
        let mut best: Option<(u64, String)> = None;
        for node in &cluster.nodes {
            let ready = node.ready.is_some_and(|condition| condition.ready);
            let schedulable = !node.unschedulable || ignores_cordons(pod);
            let mut free: Amounts = node.allocatable.offer(&node.capacity);
            for other in cluster.pods.iter().filter(|other| other.node_name.as_deref() == Some(&node.name)) {
                free.take(&other.requests);
            }
            if ready
                && schedulable
                && !node.deleting
                && lets_in(cluster, pod, node)
                && pod.requests.fits(&free)
            {
                let order = if self.world.fate.spreads { u64::MAX - free.memory.0 } else { free.memory.0 };
                let key = (order, node.name.clone());
                best = Some(best.map_or(key.clone(), |best| best.min(key)));
            }
        }
        best.map(|(_, name)| name)
    }
}

#[test]
fn nobody_works_on_a_new_node_as_on_the_one_that_it_copies() {
    let world = worlds().new_tree(&mut crate::runner(1)).unwrap().current();
    let labels =
        [(DRIVER_UPGRADE, "drain-required"), (TERMINATION, "UncordonAfterReboot"), ("pool", "users")];
    let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect();
    let (key, value, effect) = ("medik8s.io/drain".to_owned(), String::new(), TaintEffect::NoSchedule);
    let like = Node { labels, taints: vec![Taint { key, value, effect, added_at: None }], ..Node::default() };
    let node = Living::new(world).boot("new".to_owned(), &like);
    let marks = [DRIVER_UPGRADE, TERMINATION].map(|key| node.labels.get(key));
    assert_eq!((marks, node.labels.get("pool")), ([None, None], Some("users")));
    assert!(node.taints.iter().all(|taint| taint.key != "medik8s.io/drain"));
}

#[test]
fn a_new_node_has_no_amount_that_cannot_be_true_of_another_one() {
    let sized = |memory| {
        let allocatable = NodeResources { memory: Some(Bytes(memory)), ..NodeResources::default() };
        Node { allocatable, ..Node::default() }
    };
    let memory = |members: &[u64]| {
        let members: Vec<Node> = members.iter().map(|memory| sized(*memory)).collect();
        let like = usual(&members.iter().collect::<Vec<_>>()).map(|node| node.allocatable.memory);
        like.flatten().map(|memory| memory.0)
    };
    assert_eq!(memory(&[33, 8, 8]), Some(8), "more than four times of what the others have");
    assert_eq!(memory(&[32, 8, 8]), Some(32));
    assert_eq!(memory(&[100]), Some(100));
    assert_eq!(memory(&[]), None);
}
