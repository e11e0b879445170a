//! Section 2: a node that runs etcd or an API server is never deleted, also without its label and its taint.

use std::cell::Cell;

use kube_rebalancer_core::model::{Pod, Snapshot};
use kube_rebalancer_core::plan::{Action, Plan, plan};

use crate::drained::{self, with_drained};
use crate::generate::{World, worlds};
use crate::number;
use crate::properties::{hold, only};

/// A static pod of the control plane, on whatever node.
fn runs_the_cluster(pod: &Pod) -> bool {
    let named = ["etcd-", "kube-apiserver-"].iter().any(|name| pod.name.starts_with(name));
    let is_static = pod.mirror && pod.controller.as_ref().is_some_and(|controller| controller.kind == "Node");
    is_static && named && &*pod.namespace == "kube-system"
}

/// The nodes that a plan gives back, or empties in order to do so.
fn goes(plan: &Plan, name: &str) -> bool {
    let goes = |action: &&Action| {
        matches!(action, Action::Delete { .. } | Action::Park { .. } | Action::Evict { .. })
    };
    plan.actions.iter().filter(goes).any(|action| action.node() == Some(name))
}

/// Counts the nodes that only such a pod keeps.
fn stays(world: &World, snapshot_of: fn(&World) -> Snapshot, kept: &Cell<u32>) -> Option<String> {
    let hosts = world.cluster.pods.iter().filter(|pod| runs_the_cluster(pod));
    let hosts: Vec<String> = hosts.filter_map(|pod| pod.node_name.as_deref().map(str::to_owned)).collect();
    if hosts.is_empty() {
        return None;
    }
    let with = plan(&snapshot_of(world), &world.policy).ok()?;
    if let Some(host) = hosts.iter().find(|host| goes(&with, host)) {
        return Some(format!("gives-back {host}: {:?}", with.actions));
    }
    let mut without = world.clone();
    without.cluster.pods.retain(|pod| !runs_the_cluster(pod));
    let without = plan(&snapshot_of(&without), &without.policy).ok()?;
    kept.set(kept.get() + u32::from(hosts.iter().any(|host| goes(&without, host))));
    None
}

#[test]
fn a_node_that_runs_the_cluster_is_never_given_back() {
    let (kept, kept_from_drains) = (Cell::new(0), Cell::new(0));
    hold(&worlds(), |world| world, &|world| stays(world, World::snapshot, &kept));
    hold(&worlds(), with_drained, &|world| stays(world, drained::snapshot, &kept_from_drains));
    // Where one cluster is tried, there may be none.
    let enough = number("ORACLE_CLUSTERS", 10_000) / 500;
    let counts = (kept.get(), kept_from_drains.get());
    assert!(only().is_some() || (counts.0 >= enough && counts.1 >= enough), "only {counts:?} nodes");
}
