//! Random nodes, pods and groups.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube_rebalancer_core::model::{
    Affinity, Bytes as Memory, Constraints, Controller, Instance, Millicores, Node, NodeGroup, NodeResources,
    NodeTemplate, Operator, Pod, ReadyCondition, Requests, Requirement, SelectorTerm, Taint, TaintEffect,
    Toleration, Unbound, annotation,
};

use super::{Bytes, ago};

const ZONE: &str = "topology.kubernetes.io/zone";
const HOSTNAME: &str = "kubernetes.io/hostname";

/// What all objects of one cluster have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    nodes: usize,
    groups: usize,
    zones: usize,
    /// Whether nodes differ in size.
    mixed: bool,
    /// How often in a hundred a node is not Ready.
    unready: usize,
    /// How often in a hundred a pod is on no node.
    unbound: usize,
    /// Whether strange things happen: foreign taints, odd marks, deletions, nodes that tell nothing.
    strange: bool,
}

impl Shape {
    pub(super) fn read(bytes: &mut Bytes<'_>, nodes: usize, groups: usize) -> Self {
        Self {
            nodes,
            groups,
            zones: bytes.pick(&[0, 1, 2, 3]),
            mixed: bytes.chance(50),
            unready: bytes.pick(&[0, 10, 30, 60]),
            unbound: bytes.pick(&[0, 10, 30]),
            strange: bytes.chance(50),
        }
    }

    pub(super) fn node(self, at: usize, bytes: &mut Bytes<'_>) -> Node {
        let mut node = plain_node(at, bytes);
        if self.zones > 0 && !bytes.chance(10) {
            let key = if bytes.chance(10) { "failure-domain.beta.kubernetes.io/zone" } else { ZONE };
            node.labels.insert(key.to_owned(), zone(bytes.below(self.zones)));
        }
        if self.mixed {
            node.allocatable = resources(bytes.pick(&[8, 8, 16, 4, 12, 9]), bytes);
            node.capacity = node.allocatable;
            node.capacity.memory = node.capacity.memory.map(|memory| Memory(memory.0 + 2));
        }
        node.created_at =
            bytes.pick(&[Some(ago(86_400)), Some(ago(86_400)), Some(ago(300)), Some(ago(7200)), None]);
        if bytes.chance(self.unready) {
            let since = bytes.pick(&[Some(60), Some(899), Some(900), Some(3600), Some(-60), None]).map(ago);
            node.ready = (!bytes.chance(15)).then_some(ReadyCondition { ready: false, since });
        }
        if bytes.chance(8) {
            node.annotations.insert(
                annotation::SCALE_DOWN_DISABLED.to_owned(),
                bytes.pick(&["true", "true", "false"]).to_owned(),
            );
        }
        if bytes.chance(40) {
            node.labels.insert("pool".to_owned(), bytes.pick(&["users", "core"]).to_owned());
        }
        if self.groups > 0 && !bytes.chance(10) {
            node.group = Some(group_name(bytes.below(self.groups)));
        } else if self.groups > 0 && at.is_multiple_of(2) {
            node.outside = Some("its instance is in no node group".to_owned());
        }
        if bytes.chance(10) {
            node.taints.push(taint(
                "dedicated",
                bytes.pick(&[TaintEffect::NoSchedule, TaintEffect::PreferNoSchedule]),
            ));
        }
        if self.strange {
            strange(&mut node, bytes);
        }
        node
    }

    pub(super) fn pod(self, at: usize, bytes: &mut Bytes<'_>) -> Pod {
        let mut pod = plain_pod(at, self.nodes.max(1), bytes);
        if self.nodes == 0 {
            pod.node_name = Some("elsewhere".into());
        }
        if bytes.chance(35) {
            pod.namespace = bytes.pick(&["kube-system", "kube-system", "monitoring"]).into();
        }
        if bytes.chance(10) {
            let label = bytes.pick(&["omit", "infra", "course"]);
            pod.label_keys = pod.label_keys.iter().cloned().chain([Arc::from(label)]).collect();
        }
        if bytes.chance(30) {
            let kinds = ["DaemonSet", "DaemonSet", "Job", "Node", "StatefulSet", ""];
            let kind = bytes.pick(&kinds);
            pod.controller = (!kind.is_empty()).then(|| controller(kind, bytes.below(2)));
        }
        if bytes.chance(8) {
            pod.safe_to_evict = Some(bytes.pick(&[false, true]));
        }
        if bytes.chance(5) {
            pod.local_volume = Some("data".into());
        }
        pod.mirror = bytes.chance(3);
        pod.requests.cpu = Millicores(bytes.pick(&[0, 1, 1, 3]));
        if bytes.chance(3) {
            pod.node_name = Some("elsewhere".into());
        }
        if bytes.chance(self.unbound) {
            pod.node_name = None;
            pod.requests.memory = Memory(bytes.pick(&[1, 2, 3, 5, 8, 20]));
            let marked = bytes.pick(&[true, true, false]);
            pod.unbound = Some(Box::new(Unbound {
                gated: bytes.chance(8),
                unschedulable: marked.then(|| "0/3 nodes are available".to_owned()),
                constraints: Arc::new(constraints(bytes)),
            }));
        }
        pod
    }

    pub(super) fn group(self, at: usize, bytes: &mut Bytes<'_>) -> NodeGroup {
        let zonal = !bytes.chance(30);
        let boots = bytes.pick(&[0, 0, 0, 1, 2]);
        let created = [Some(60), None, Some(899), Some(900), Some(-5)];
        let instances = (0..boots).map(|number| Instance {
            name: format!("i{at}{number}"),
            has_node: false,
            created_at: bytes.pick(&created).map(ago),
            creation_error: bytes.chance(8).then(|| "QUOTA_EXCEEDED".to_owned()),
        });
        let instances = instances.collect();
        NodeGroup {
            name: group_name(at),
            zone: (zonal && self.zones > 0).then(|| zone(bytes.below(self.zones.max(1)))),
            target_size: bytes.pick(&[0, 0, 0, 1]),
            instances,
            template: bytes.chance(50).then(|| template(bytes)),
            not_growable: bytes.chance(8).then(|| "an autoscaler is attached".to_owned()),
            not_shrinkable: bytes.chance(8).then(|| "its instances are redistributed".to_owned()),
        }
    }
}

/// A node of 8 units of memory: in service, or under our cordon, or somebody's.
pub(super) fn plain_node(at: usize, bytes: &mut Bytes<'_>) -> Node {
    let name = format!("n{at:02}");
    let mut node = Node {
        labels: BTreeMap::from([(HOSTNAME.to_owned(), name.clone())]),
        name,
        created_at: Some(ago(86_400)),
        ready: Some(ReadyCondition { ready: true, since: Some(ago(80_000)) }),
        allocatable: NodeResources { memory: Some(Memory(8)), cpu: Some(Millicores(8)), pods: Some(10) },
        ..Node::default()
    };
    node.capacity = node.allocatable;
    node.unschedulable = bytes.chance(35);
    if node.unschedulable && bytes.chance(70) {
        node.annotations.insert(annotation::CORDONED_AT.to_owned(), moment(bytes));
    }
    if node.unschedulable && bytes.chance(35) {
        node.annotations.insert(annotation::EMPTY_SINCE.to_owned(), moment(bytes));
    }
    if node.unschedulable && bytes.chance(30) {
        let added_at = bytes.pick(&[Some(ago(5000)), Some(ago(50)), None]);
        let cordon = taint("node.kubernetes.io/unschedulable", TaintEffect::NoSchedule);
        node.taints.push(Taint { added_at, ..cordon });
    }
    node
}

/// A pod of a controller on one of the nodes; most often dynamic.
pub(super) fn plain_pod(at: usize, nodes: usize, bytes: &mut Bytes<'_>) -> Pod {
    let labels: &[&str] = if bytes.chance(12) { &["app"] } else { &["user"] };
    // Squared, so that the first nodes have more pods than the last ones.
    let (left, right) = (bytes.below(nodes), bytes.below(nodes));
    Pod {
        namespace: "hub".into(),
        name: format!("p{at:02}").into(),
        label_keys: labels.iter().map(|label| Arc::from(*label)).collect(),
        node_name: Some(format!("n{:02}", left.min(right)).into()),
        requests: Requests { memory: Memory(bytes.pick(&[1, 1, 2, 3, 5, 0])), cpu: Millicores(0) },
        controller: Some(controller("ReplicaSet", bytes.below(4))),
        mirror: false,
        safe_to_evict: None,
        local_volume: None,
        unbound: None,
    }
}

fn strange(node: &mut Node, bytes: &mut Bytes<'_>) {
    match bytes.below(40) {
        1 => node.deleting = true,
        2 => {
            node.labels.insert("omit".to_owned(), String::new());
        }
        3 => {
            node.labels.insert("node-role.kubernetes.io/control-plane".to_owned(), String::new());
        }
        4 => node.taints.push(taint("ToBeDeletedByClusterAutoscaler", TaintEffect::NoSchedule)),
        5 => {
            node.annotations.insert(annotation::REBOOT_IN_PROGRESS.to_owned(), String::new());
        }
        6 => node.taints.push(taint("node.kubernetes.io/not-ready", TaintEffect::NoExecute)),
        7 => node.taints.push(taint("startup-taint.example.org/agent", TaintEffect::NoSchedule)),
        8 | 9 => {
            node.allocatable = NodeResources::default();
            node.capacity = NodeResources::default();
        }
        10 | 11 => {
            node.annotations.insert(annotation::CORDONED_AT.to_owned(), moment(bytes));
        }
        12 => {
            node.annotations.insert(annotation::EMPTY_SINCE.to_owned(), moment(bytes));
        }
        13..=15 => {
            let until = [ago(-300), ago(60), ago(-100_000)].map(|until| until.to_string());
            node.annotations.insert(annotation::DELETING_UNTIL.to_owned(), bytes.pick(&until));
        }
        _ => {}
    }
}

/// A mark: old, fresh, older, in the future, or not a time at all.
fn moment(bytes: &mut Bytes<'_>) -> String {
    let texts = [ago(3600).to_string(), ago(60).to_string(), ago(7200).to_string(), ago(-600).to_string()];
    let at = bytes.below(9);
    texts.get(at / 2).cloned().unwrap_or_else(|| "yesterday".to_owned())
}

fn constraints(bytes: &mut Bytes<'_>) -> Constraints {
    let mut constraints = Constraints::default();
    let requirement = |key: &str, operator| Requirement { key: key.to_owned(), operator };
    let within = |value: &str| Operator::In(vec![value.to_owned()]);
    match bytes.below(24) {
        1..=3 => {
            constraints.node_selector.insert("pool".to_owned(), "users".to_owned());
        }
        4 | 5 => {
            constraints.node_selector.insert(ZONE.to_owned(), zone(0));
        }
        6 | 7 => {
            let labels = vec![requirement("pool", Operator::DoesNotExist)];
            constraints.affinity = Some(Affinity(vec![SelectorTerm { labels, fields: vec![] }]));
        }
        8 => {
            let fields = vec![requirement("metadata.name", within("n01"))];
            constraints.affinity = Some(Affinity(vec![SelectorTerm { labels: vec![], fields }]));
        }
        9 => constraints.affinity = Some(Affinity(vec![SelectorTerm::default()])),
        10 => {
            let labels = vec![requirement("pool", Operator::Unknown)];
            constraints.affinity = Some(Affinity(vec![SelectorTerm { labels, fields: vec![] }]));
        }
        11 => {
            constraints.node_selector.insert(HOSTNAME.to_owned(), "n00".to_owned());
        }
        _ => {}
    }
    match bytes.below(8) {
        1 => constraints.tolerations.push(Toleration { key: None, value: None, effect: None }),
        2 => {
            let effect = Some(TaintEffect::NoSchedule);
            constraints.tolerations.push(Toleration {
                key: Some("dedicated".to_owned()),
                value: None,
                effect,
            });
        }
        _ => {}
    }
    constraints
}

fn template(bytes: &mut Bytes<'_>) -> NodeTemplate {
    let allocatable = resources(bytes.pick(&[8, 16, 4]), bytes);
    let pool = bytes.chance(40).then(|| ("pool".to_owned(), "users".to_owned()));
    let taints = if bytes.chance(15) { vec![taint("dedicated", TaintEffect::NoSchedule)] } else { vec![] };
    NodeTemplate { allocatable, capacity: allocatable, labels: pool.into_iter().collect(), taints }
}

fn resources(memory: u64, bytes: &mut Bytes<'_>) -> NodeResources {
    NodeResources {
        memory: Some(Memory(memory)),
        cpu: Some(Millicores(bytes.pick(&[8, 8, 4]))),
        pods: Some(bytes.pick(&[10, 10, 3])),
    }
}

fn taint(key: &str, effect: TaintEffect) -> Taint {
    Taint { key: key.to_owned(), value: String::new(), effect, added_at: None }
}

fn controller(kind: &str, number: usize) -> Arc<Controller> {
    let name = format!("{}-{number}", kind.to_lowercase());
    Arc::new(Controller { kind: kind.to_owned(), uid: name.clone(), name })
}

fn zone(number: usize) -> String {
    format!("zone-{number}")
}

fn group_name(number: usize) -> String {
    format!("zone-{number}/pool")
}
