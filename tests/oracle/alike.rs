//! Clusters in which equal pods are counted instead of stored, as in a live read.

use std::cell::Cell;

use kube_rebalancer_core::check::check;
use kube_rebalancer_core::model::Pod;
use kube_rebalancer_core::plan::plan;

use crate::generate::{World, worlds};
use crate::number;
use crate::properties::{hold, only};

/// The same world with notebooks of few sizes on each node, twice as many.
fn crowded(mut world: World) -> World {
    let mut sizes: Vec<Pod> = Vec::new();
    let mut twins = Vec::new();
    for pod in &mut world.cluster.pods {
        if pod.node_name.is_none() || pod.label_keys.is_empty() {
            continue;
        }
        pod.claims = Box::default();
        (pod.controller, pod.eviction, pod.mirror, pod.daemonset_pod) = (None, None, false, false);
        match sizes.iter().find(|one| one.node_name == pod.node_name) {
            // One in four keeps its requests.
            Some(size) if !pod.name.ends_with(['3', '7']) => {
                *pod = Pod { name: pod.name.clone(), ..size.clone() }
            }
            _ => sizes.push(pod.clone()),
        }
        twins.push(Pod { name: format!("{}-b", pod.name).into(), ..pod.clone() });
    }
    world.cluster.pods_seen += twins.len();
    world.cluster.pods.extend(twins);
    world
}

/// The same world with counted pods; a reader stores the program's own pod separately.
fn counted(world: &World) -> World {
    let mut world = world.clone();
    let mut kept: Vec<Pod> = Vec::new();
    let own = world.policy.own_pod.as_ref();
    let is_own =
        |pod: &Pod| own.is_some_and(|(namespace, name)| **namespace == *pod.namespace && **name == *pod.name);
    for pod in world.cluster.pods {
        let mut left = Some(pod);
        for one in kept.iter_mut().filter(|one| !is_own(one)) {
            left = left.and_then(|pod| if is_own(&pod) { Some(pod) } else { one.count_in(pod) });
        }
        kept.extend(left);
    }
    world.cluster.pods = kept;
    world
}

#[test]
fn a_plan_does_not_depend_on_whether_pods_that_are_alike_are_counted_or_kept() {
    let spared = Cell::new(0);
    hold(&worlds(), crowded, &|world| {
        let whole = world.snapshot();
        let counted = counted(world).snapshot();
        spared.set(spared.get() + whole.pods().len() - counted.pods().len());
        let (of_whole, of_counted) = (plan(&whole, &world.policy), plan(&counted, &world.policy));
        if format!("{of_whole:?}") != format!("{of_counted:?}") {
            return Some(format!("plan: {of_whole:?}\nbut {of_counted:?}"));
        }
        let found = check(&counted, &world.policy, of_counted.as_ref().ok()?);
        found.first().map(|first| format!("check: {first}"))
    });
    let least = usize::try_from(number("ORACLE_CLUSTERS", 10_000)).unwrap();
    assert!(only().is_some() || spared.get() > least, "only {} pods were counted with others", spared.get());
}
