//! Random pods.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube_rebalancer_core::model::{
    Affinity, Amounts, Bond, Bytes as Memory, Constraints, Controller, Millicores, Operator, Pod,
    Requirement, SchedulerRefusal, SelectorTerm, Stay, TaintEffect, TolerableValue, Toleration, Unbound,
};

use super::cluster::{CLAIM, LOCAL_CLAIM, Traits};
use super::group::{GPU, ZONE, zone};
use super::{Bytes, ago};

pub(super) fn make(traits: &Traits, at: usize, bytes: &mut Bytes<'_>) -> Pod {
    let mut pod = plain(at, traits.nodes.max(1), bytes);
    if traits.nodes == 0 {
        pod.node_name = Some("elsewhere".into());
    }
    if bytes.chance(25) {
        pod.namespace = bytes.pick(&["kube-system", "kube-system", "monitoring"]).into();
    }
    if bytes.chance(8) {
        let label = bytes.pick(&["omit", "infra", "course"]);
        pod.label_keys = pod.label_keys.iter().cloned().chain([Arc::from(label)]).collect();
    }
    if bytes.chance(30) {
        let kind = bytes.pick(&["DaemonSet", "DaemonSet", "DaemonSet", "Job", "Node", "StatefulSet", ""]);
        pod.controller = (!kind.is_empty()).then(|| controller(kind, bytes.below(2)));
        pod.mirror = kind == "Node";
        if kind == "DaemonSet" {
            pod.requests = Amounts::pod(Memory(1), Millicores(u64::from(traits.cpu)));
            pod.label_keys = [Arc::from("app")].into();
        }
    }
    if bytes.chance(6) {
        pod.safe_to_evict = Some(bytes.pick(&[false, true]));
    }
    if bytes.chance(4) {
        pod.local_volume = Some("data".into());
    }
    pod.ready = !bytes.chance(15);
    pod.deleting = bytes.chance(4);
    let is_daemon = pod.controller.as_ref().is_some_and(|one| one.kind == "DaemonSet");
    if traits.cpu && !is_daemon {
        pod.requests.cpu = Millicores(bytes.pick(&[0, 1, 1, 2, 4]));
    }
    if traits.choosy || traits.kinds {
        choosy(traits, &mut pod, bytes);
    }
    if traits.odd_pods && !is_daemon {
        odd(&mut pod, bytes);
    }
    if bytes.chance(traits.unbound) {
        let daemon = pod.controller.as_ref().is_some_and(|one| one.kind == "DaemonSet");
        pod.node_name = None;
        pod.ready = false;
        if !daemon {
            pod.requests.memory = Memory(bytes.pick(&[1, 2, 3, 5, 8, 20]));
        }
        pod.unbound = Some(Box::new(unbound(traits, at, bytes)));
    }
    if pod.mirror && at.is_multiple_of(2) && pod.controller.as_ref().is_some_and(|one| one.kind == "Node") {
        control_plane(&mut pod, at);
    }
    // A controller is in one namespace.
    if let Some(owner) = &mut pod.controller {
        let owner = Arc::make_mut(owner);
        owner.uid = format!("{}/{}", pod.namespace, owner.name);
    }
    pod
}

/// A static pod of the control plane, or one whose name only resembles it, on a node without the label and the taint.
fn control_plane(pod: &mut Pod, at: usize) {
    let name = ["etcd", "kube-apiserver", "etcd", "etcdkeeper"][at / 2 % 4];
    pod.name = format!("{name}-{}", pod.name).into();
    if !at.is_multiple_of(14) {
        pod.namespace = "kube-system".into();
    }
    if !at.is_multiple_of(10) {
        pod.label_keys = ["tier".into()].into();
    }
}

fn unbound(traits: &Traits, at: usize, bytes: &mut Bytes<'_>) -> Unbound {
    let age = bytes.pick(&[10, 29, 30, 300, 3599, 3600, 9000, -5]);
    let marked = bytes.pick(&[true, true, true, false]);
    let timed = !bytes.chance(15);
    let refusal =
        SchedulerRefusal { message: "0/3 nodes are available".into(), since: timed.then(|| ago(age)) };
    let nominated = traits.odd_pods && bytes.chance(15);
    Unbound {
        uid: format!("uid-{at:02}").into(),
        created_at: Some(ago(age)),
        gated: !marked && bytes.chance(20),
        refusal: marked.then_some(refusal),
        failure: None,
        nominated: nominated.then(|| format!("n{:02}", bytes.below(traits.nodes.max(1))).into()),
        set_aside: false,
    }
}

/// A pod of a controller on one of the nodes; most often dynamic.
pub(super) fn plain(at: usize, nodes: usize, bytes: &mut Bytes<'_>) -> Pod {
    let labels: &[&str] = if bytes.chance(12) { &["app"] } else { &["user"] };
    // The smaller of two, so that the first nodes have more pods than the last ones.
    let (left, right) = (bytes.below(nodes), bytes.below(nodes));
    let memory = Memory(bytes.pick(&[1, 1, 2, 3, 5, 0]));
    Pod {
        namespace: "hub".into(),
        name: format!("p{at:02}").into(),
        label_keys: labels.iter().map(|label| Arc::from(*label)).collect(),
        deleting: false,
        node_name: Some(format!("n{:02}", left.min(right)).into()),
        containers: 1,
        requests: Amounts::pod(memory, Millicores(0)),
        controller: Some(controller("ReplicaSet", bytes.below(4))),
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

fn odd(pod: &mut Pod, bytes: &mut Bytes<'_>) {
    match bytes.below(20) {
        1..=4 => {
            pod.priority = -10;
            pod.ends_at_once = true;
            pod.label_keys = [Arc::from("placeholder")].into();
        }
        5 => pod.priority = -10,
        6 => pod.do_not_disrupt = Some(Stay::DoNotDisrupt),
        7 => pod.daemonset_pod = true,
        8 => pod.requests.memory = Memory(bytes.pick(&[1000, u64::MAX / 2])),
        9 => pod.mirror = true,
        10 | 11 => pod.priority = 1000,
        12 => pod.bound_by = Some(Bond::HostPort),
        _ => {}
    }
}

fn choosy(traits: &Traits, pod: &mut Pod, bytes: &mut Bytes<'_>) {
    let mut constraints = Constraints::default();
    let exists = |key: Option<&str>| Toleration {
        key: key.map(str::to_owned),
        value: TolerableValue::Any,
        effect: None,
    };
    let requirement = |key: &str, operator| Requirement { key: key.to_owned(), operator };
    let within = |value: &str| Operator::In(vec![value.to_owned()]);
    let kinds = if traits.kinds { bytes.below(16) } else { 0 };
    match kinds {
        1..=3 => {
            constraints.tolerations.push(Toleration {
                key: Some("dedicated".to_owned()),
                value: TolerableValue::Equal("x".to_owned()),
                effect: Some(TaintEffect::NoSchedule),
            });
        }
        4..=6 => {
            constraints.tolerations.push(exists(Some(GPU)));
            pod.requests =
                pod.requests.clone().with_further(Some(Arc::new(BTreeMap::from([(Arc::from(GPU), 1)]))));
        }
        7 => constraints.tolerations.push(exists(None)),
        8 => drop(constraints.node_selector.insert("kubernetes.io/os".to_owned(), "windows".to_owned())),
        9 => constraints.tolerations.push(exists(Some("hub.jupyter.org/dedicated"))),
        10 => drop(constraints.node_selector.insert("pool".to_owned(), "large".to_owned())),
        11 => constraints.tolerations.push(exists(Some("odd"))),
        _ => {}
    }
    let choosy = if traits.choosy { bytes.below(24) } else { 0 };
    match choosy {
        1..=3 => drop(constraints.node_selector.insert("pool".to_owned(), "users".to_owned())),
        4 | 5 => drop(constraints.node_selector.insert(ZONE.to_owned(), zone(0))),
        6 => {
            let labels = vec![requirement("pool", Operator::DoesNotExist)];
            constraints.affinity = Some(Affinity(vec![SelectorTerm { labels, fields: vec![] }]));
        }
        7 => {
            let fields = vec![requirement("metadata.name", within("n01"))];
            constraints.affinity = Some(Affinity(vec![SelectorTerm { labels: vec![], fields }]));
        }
        8 => constraints.affinity = Some(Affinity(vec![SelectorTerm::default()])),
        9 => {
            let labels = vec![requirement("pool", Operator::Unknown)];
            constraints.affinity = Some(Affinity(vec![SelectorTerm { labels, fields: vec![] }]));
        }
        10 => drop(constraints.node_selector.insert("kubernetes.io/hostname".to_owned(), "n00".to_owned())),
        11 | 12 => constraints.tolerations.push(exists(Some("node.kubernetes.io/unschedulable"))),
        13 | 14 => pod.claims = [CLAIM.into()].into(),
        15 => pod.claims = [LOCAL_CLAIM.into()].into(),
        _ => {}
    }
    pod.constraints = Arc::new(constraints);
}

fn controller(kind: &str, number: usize) -> Arc<Controller> {
    let name = format!("{}-{number}", kind.to_lowercase());
    let group = if kind == "Job" {
        "batch"
    } else if kind == "Node" {
        ""
    } else {
        "apps"
    };
    Arc::new(Controller { group: Some(group.to_owned()), kind: kind.to_owned(), uid: name.clone(), name })
}
