//! Builders for the tests of the planner.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::model::{
    Amounts, Bytes, Constraints, Controller, Millicores, Node, NodeResources, Pod, ReadyCondition, Snapshot,
    Taint, TaintEffect, TolerableValue, Toleration, Unbound,
};

/// The time of observation of the clusters in tests.
pub(crate) const NOW: &str = "2026-03-02T09:30:00Z";

/// The moment of the observation.
pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A moment before the observation.
pub(crate) fn ago(seconds: i64) -> Timestamp {
    now().checked_sub(SignedDuration::from_secs(seconds)).unwrap()
}

/// A node with a name and nothing else.
pub(crate) fn named(name: &str) -> Node {
    Node { name: name.to_owned(), ..Node::default() }
}

/// A node with a label.
pub(crate) fn labelled(key: &str, value: &str) -> Node {
    Node { labels: [(key.to_owned(), value.to_owned())].into(), ..named("n1") }
}

/// A node with an annotation.
pub(crate) fn annotated(key: &str, value: &str) -> Node {
    Node { annotations: [(key.to_owned(), value.to_owned())].into(), ..named("n1") }
}

/// A taint without a value.
pub(crate) fn taint(key: &str) -> Taint {
    Taint { key: key.to_owned(), value: String::new(), effect: TaintEffect::NoSchedule, added_at: None }
}

/// A node with a taint.
pub(crate) fn tainted(key: &str) -> Node {
    Node { taints: vec![taint(key)], ..named("n1") }
}

/// A Ready node of 32Gi and 8 cores that has existed for a day.
pub(crate) fn node(name: &str) -> Node {
    let resources = NodeResources {
        memory: Some(Bytes(32 << 30)),
        cpu: Some(Millicores(8000)),
        pods: Some(110),
        further: None,
    };
    Node {
        uid: format!("uid-{name}"),
        created_at: Some(ago(86_400)),
        ready: Some(ReadyCondition { ready: true, since: Some(ago(86_000)) }),
        allocatable: resources.clone(),
        capacity: resources,
        ..named(name)
    }
}

/// An unbound Running pod of 1Gi and half a core, named `namespace/name`, that nothing controls.
pub(crate) fn pod(full_name: &str) -> Pod {
    let (namespace, name) = full_name.split_once('/').unwrap();
    Pod {
        namespace: namespace.into(),
        name: name.into(),
        label_keys: Arc::new([]),
        deleting: false,
        node_name: None,
        containers: 1,
        requests: Amounts::pod(Bytes(1 << 30), Millicores(500)),
        controller: None,
        mirror: false,
        daemonset_pod: false,
        bound_by: None,
        safe_to_evict: None,
        do_not_disrupt: None,
        local_volume: None,
        claims: Box::new([]),
        priority: 0,
        ends_at_once: false,
        eviction: None,
        ready: true,
        constraints: Arc::new(Constraints::default()),
        unbound: Some(Box::new(Unbound::default())),
        alike: Vec::new(),
    }
}

/// A controller of a kind.
pub(crate) fn owned_by(group: &str, kind: &str) -> Controller {
    let name = kind.to_lowercase();
    Controller { group: Some(group.to_owned()), kind: kind.to_owned(), uid: format!("uid-{name}"), name }
}

/// A toleration of every value of a taint.
pub(crate) fn tolerating(key: &str) -> Constraints {
    let toleration = Toleration { key: Some(key.to_owned()), value: TolerableValue::Any, effect: None };
    Constraints { tolerations: vec![toleration], ..Constraints::default() }
}

/// A snapshot of nodes and pods.
pub(crate) fn cluster(nodes: Vec<Node>, pods: Vec<Pod>) -> Snapshot {
    let seen = pods.len();
    Snapshot::new(now(), nodes, pods, vec![], seen).unwrap()
}

/// Changes to a pod that read as sentences.
pub(crate) trait Build: Sized {
    /// On a node.
    fn on(self, node: &str) -> Self;
    /// With a label key more.
    fn labelled(self, key: &str) -> Self;
    /// With a controller.
    fn controlled(self, controller: Controller) -> Self;
    /// With constraints on its node.
    fn constrained(self, constraints: Constraints) -> Self;
    /// With requests in GiB and millicores.
    fn asking(self, gibibytes: u64, millicores: u64) -> Self;
}

impl Build for Pod {
    fn on(mut self, node: &str) -> Self {
        self.node_name = Some(node.into());
        self.unbound = None;
        self
    }

    fn labelled(mut self, key: &str) -> Self {
        let mut keys = self.label_keys.to_vec();
        keys.push(key.into());
        keys.sort();
        self.label_keys = keys.into();
        self
    }

    fn controlled(mut self, controller: Controller) -> Self {
        self.controller = Some(Arc::new(controller));
        self
    }

    fn constrained(mut self, constraints: Constraints) -> Self {
        self.constraints = Arc::new(constraints);
        self
    }

    fn asking(mut self, gibibytes: u64, millicores: u64) -> Self {
        self.requests = Amounts::pod(Bytes(gibibytes << 30), Millicores(millicores));
        self
    }
}
