//! A Node object that remains after the deletion of its instance, as on a cluster of Compute Engine without a cloud controller
//! manager.

use fake_gce::{Fault, Requests};
use serde_json::json;

use super::world::{PROJECT, Ran, World, ZONE, cordoned, nodes, user};
use crate::fake_api::Resource;

const INSTANCE: &str = "compute.instances.get";

/// Two nodes with users, and the Node object of an instance that a run gave back and that is deleted since.
fn start() -> World {
    let world = World::new();
    world.pool(ZONE, "pool", &nodes(&["a", "b"]));
    for (name, node) in [("ada", "a"), ("ben", "b")] {
        world.api.add_pod(&user(name, "6Gi").on(node));
    }
    world.api.add_node(&cordoned("c").on_compute_engine(PROJECT, ZONE));
    world.api.set_date("Thu, 15 Jan 2026 09:00:00 GMT");
    world.api.edit(Resource::Nodes, None, "c", |node| {
        node["metadata"]["annotations"]["kube-rebalancer/deletion-asked"] =
            node["spec"]["providerID"].clone();
        node["status"]["conditions"] =
            json!([{"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        let unreachable = json!({"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"});
        node["spec"]["taints"] = taints.into_iter().chain([unreachable]).collect();
    });
    world
}

fn run(world: &World) -> Ran {
    world.run(&[("DELETE_NODE_OBJECTS", "true")])
}

fn exists(world: &World) -> bool {
    world.api.get(Resource::Nodes, None, "c").is_some()
}

#[test]
fn a_node_object_goes_once_two_runs_found_its_instance_gone() {
    let world = start();
    let first = run(&world);
    assert_eq!(first.story(), ["mark c: applied"], "{}", first.stderr);
    let warned = first.warnings().iter().any(|warning| warning.contains("DELETE_NODE_OBJECTS"));
    assert!(!warned, "{:?}", first.warnings());
    world.api.set_date("Thu, 15 Jan 2026 09:01:00 GMT");
    assert_eq!(run(&world).story(), Vec::<String>::new(), "a minute is too short");
    world.api.set_date("Thu, 15 Jan 2026 09:03:00 GMT");
    let last = run(&world);
    assert_eq!(last.story(), ["delete-object c: applied"], "{}", last.stderr);
    assert!(!exists(&world));
    assert!(world.gce.losses().is_empty());
    assert_eq!(run(&world).story(), Vec::<String>::new());
}

/// The same, and an earlier run has found the instance gone.
fn found_gone_before() -> World {
    let world = start();
    world.api.edit(Resource::Nodes, None, "c", |node| {
        let machine = node["spec"]["providerID"].clone();
        node["metadata"]["annotations"]["kube-rebalancer/gone-machine"] = machine;
        node["metadata"]["annotations"]["kube-rebalancer/gone-since"] = json!("2026-01-15T08:55:00Z");
    });
    world
}

/// The listing and then the proof ask for the instance that may be gone; the requests from the third one on are about another
/// of the cluster.
#[test]
fn whatever_requests_about_instances_fail_the_node_object_stays() {
    let without_fault = run(&found_gone_before());
    assert_eq!(without_fault.story(), ["delete-object c: applied"], "{}", without_fault.stderr);
    let quick = [Fault::Unauthorized, Fault::Forbidden, Fault::NotFound, Fault::Conflict];
    for (fault, first) in quick.map(|fault| (fault, 1)).into_iter().chain([(Fault::Unavailable, 3)]) {
        for nth in first..=3 {
            let world = found_gone_before();
            world.gce.fail(Requests::method(INSTANCE).since_nth(nth), fault.clone());
            let ran = world.run(&[("DELETE_NODE_OBJECTS", "true"), ("RUN_TIMEOUT", "15s")]);
            assert!(
                !ran.story().iter().any(|told| told.starts_with("delete")),
                "{nth} {fault:?}: {:?}",
                ran.story()
            );
            assert!(exists(&world), "{nth} {fault:?}");
        }
    }
}

/// A group recreates an instance under its name; it is no longer gone.
#[test]
fn an_instance_made_anew_under_the_name_keeps_the_node_object() {
    let world = start();
    assert_eq!(run(&world).story(), ["mark c: applied"]);
    world.gce.add_instance(super::instance(ZONE, "c"));
    world.api.set_date("Thu, 15 Jan 2026 09:03:00 GMT");
    let next = run(&world);
    assert_eq!(next.story(), ["unmark c: applied"], "{}", next.stderr);
    assert!(exists(&world));
}
