//! Random clusters in which pods may be evicted: the same rules, and section 16.

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{
    Bond, Controller, DisruptionBudget, EvictionFacts, LabelSelector, Labels, Operator, Pod, Requirement,
    Snapshot, Taint, TaintEffect, annotation, taint,
};
use kube_rebalancer_core::policy::{Budget, Drain};

use crate::generate::{NOW, World};

fn ago(seconds: i64) -> Timestamp {
    NOW.checked_sub(SignedDuration::from_secs(seconds)).unwrap()
}

fn number(name: &str) -> u32 {
    name.bytes().map(u32::from).sum()
}

/// The world with some of its nodes cordoned by this program long ago, some of them with the annotations of a drain, and the
/// properties of pods that an eviction needs. All of it depends on names, so that a smaller world keeps most of it.
pub(crate) fn with_drained(mut world: World) -> World {
    for node in &mut world.cluster.nodes {
        let number = number(&node.name);
        if !number.is_multiple_of(3) {
            continue;
        }
        node.unschedulable = true;
        node.taints.retain(|one| one.key != taint::UNSCHEDULABLE);
        node.taints.push(Taint {
            key: taint::UNSCHEDULABLE.to_owned(),
            value: String::new(),
            effect: TaintEffect::NoSchedule,
            added_at: Some(ago(7200)),
        });
        node.annotations.insert(annotation::CORDONED_AT.to_owned(), ago(7200).to_string());
        if number.is_multiple_of(4) {
            let seconds = [10, 600, 4000, 5000][usize::try_from(number / 12 % 4).unwrap()];
            node.annotations.insert(annotation::EVICTED_AT.to_owned(), ago(seconds).to_string());
            let uids = world.cluster.pods.iter().filter_map(|pod| pod.controller.as_ref());
            let uids: Vec<&str> = uids.map(|controller| controller.uid.as_str()).take(2).collect();
            node.annotations.insert(annotation::EVICTED.to_owned(), uids.join(","));
        }
    }
    // A waiting pod prevents the drain of every node, so half of the worlds have none.
    if world.cluster.pods.len().is_multiple_of(2) {
        world.cluster.pods.retain(|pod| pod.node_name.is_some());
    }
    // A user's pod on a node prevents its drain, and an empty node is not drained either: so in three of four worlds the
    // cordoned nodes have no users' pods, and get half of the other pods.
    let leaves: Vec<String> =
        world.cluster.nodes.iter().filter(|node| node.unschedulable).map(|node| node.name.clone()).collect();
    let on = |pod: &Pod| pod.node_name.as_deref().is_some_and(|name| leaves.iter().any(|one| one == name));
    if !world.cluster.nodes.len().is_multiple_of(4) && !leaves.is_empty() {
        let users = world.policy.preemptible_labels.clone();
        let users = |pod: &Pod| pod.label_keys.iter().any(|key| users.contains(&**key));
        world.cluster.pods.retain(|pod| !(users(pod) && on(pod)));
        for pod in world.cluster.pods.iter_mut().filter(|pod| pod.node_name.is_some() && !users(pod)) {
            let number = usize::try_from(number(&pod.name)).unwrap();
            if number.is_multiple_of(2) {
                pod.node_name = Some(leaves[number / 2 % leaves.len()].as_str().into());
            }
        }
    }
    for pod in &mut world.cluster.pods {
        let number = number(&pod.name);
        let is_static = pod.controller.as_ref().is_some_and(|controller| controller.kind == "Node");
        if pod.node_name.is_some() && !is_static && !number.is_multiple_of(if on(pod) { 8 } else { 3 }) {
            let name = format!("web-{}", number % 7);
            // A controller has all its pods in its own namespace.
            let (group, uid) = (Some("apps".to_owned()), format!("uid-{}-{name}", pod.namespace));
            pod.controller = Some(Controller { group, kind: "ReplicaSet".to_owned(), name, uid }.into());
            pod.claims = Box::default();
        }
        if pod.node_name.is_none() || pod.controller.is_none() || number.is_multiple_of(11) {
            continue;
        }
        let labels = Labels::from([("app", (number % 9).to_string())]);
        pod.eviction = Some(Box::new(EvictionFacts {
            uid: format!("uid-{}", pod.name).into(),
            labels,
            only_empty_dirs: number.is_multiple_of(2),
        }));
        pod.bound_by = number.is_multiple_of(13).then_some(Bond::HostPort);
    }
    let pods = world.cluster.pods.len();
    world.policy.drain = if pods.is_multiple_of(3) { Drain::Omitted } else { Drain::Movable };
    world.policy.drain_empty_dir = pods.is_multiple_of(2);
    world.policy.max_evictions = Budget::Count([0, 1, 2, 10][pods % 4]);
    world
}

/// Its snapshot, with budgets over some of the labels.
pub(crate) fn snapshot(world: &World) -> Snapshot {
    let mut budgets = Vec::new();
    let namespaces = world.cluster.pods.iter().map(|pod| pod.namespace.to_string());
    for namespace in namespaces.collect::<std::collections::BTreeSet<String>>() {
        for (app, allowed) in [("1", 0), ("2", 1), ("2", 5), ("3", 1)] {
            if number(&namespace).wrapping_add(number(app)).is_multiple_of(2) && allowed == 5 {
                continue;
            }
            let requirement = Requirement { key: "app".into(), operator: Operator::In(vec![app.into()]) };
            budgets.push(DisruptionBudget {
                namespace: namespace.clone(),
                name: format!("{app}-{allowed}"),
                selector: Some(LabelSelector(vec![requirement])),
                allowed,
                unready_at_any_time: app == "1" && number(&namespace).is_multiple_of(2),
            });
        }
    }
    world.snapshot().with_budgets(budgets)
}
