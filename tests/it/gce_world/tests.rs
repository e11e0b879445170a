//! Nodes come and go with their instances.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use fake_gce::{Clock, FakeGce, Group, GroupPath, InstancePath, Options, Timing};
use fake_http::waiting;
use serde_json::Value;

use super::{Cluster, GceWorld, node_of};
use crate::control_plane::ControlPlane;
use crate::fake_api::{FakeApi, Resource};

/// Five instances: three in a zone, two in a region.
fn instances() -> (Arc<FakeGce>, GroupPath) {
    let gce = FakeGce::start(Options::default()).unwrap();
    let zonal = gce.add_group(Group::zonal("p", "us-central1-a", "users").size(3));
    gce.add_group(Group::regional("p", "us-east1", "batch").size(2));
    (Arc::new(gce), zonal)
}

fn join<C>(gce: &Arc<FakeGce>, cluster: C) -> GceWorld<C>
where
    C: Deref<Target: Cluster> + Clone + Send + 'static,
{
    GceWorld::join(Arc::clone(gce), cluster, Duration::ZERO, node_of)
}

/// Grows, deletes behind the group's back, and shrinks; the nodes must follow.
fn follow<C>(cluster: &C)
where
    C: Deref<Target: Cluster> + Clone + Send + 'static,
{
    let (gce, group) = instances();
    let world = join(&gce, cluster.clone());
    world.settle();
    assert_eq!(cluster.ready_instances().len(), 5);

    gce.resize(&group, 6);
    world.settle();
    assert_eq!(cluster.ready_instances().len(), 8);

    let before = cluster.ready_instances();
    gce.delete_instance(&gce.machines()[0].path);
    world.settle();
    assert_eq!(cluster.ready_instances(), before);

    gce.resize(&group, 1);
    world.settle();
    assert_eq!(cluster.ready_instances().len(), 3);
}

#[test]
fn nodes_of_the_fake_api_server_follow_the_instances() {
    follow(&Arc::new(FakeApi::start()));
}

#[test]
fn nodes_of_a_real_control_plane_follow_the_instances() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    follow(&Arc::new(plane));
}

#[test]
fn a_node_says_which_instance_it_is_and_where() {
    let (gce, api) = (Arc::new(FakeGce::start(Options::default()).unwrap()), Arc::new(FakeApi::start()));
    gce.add_group(Group::zonal("p", "us-central1-a", "users").instances(&["node-1"]));
    let world = join(&gce, Arc::clone(&api));
    world.settle();
    let node = api.get(Resource::Nodes, None, "node-1").unwrap();
    assert_eq!(node["spec"]["providerID"], "gce://p/us-central1-a/node-1");
    assert_eq!(node["metadata"]["labels"]["topology.kubernetes.io/zone"], "us-central1-a");
    assert_eq!(node["metadata"]["labels"]["topology.kubernetes.io/region"], "us-central1");
    let id = gce.machines()[0].id.to_string();
    assert_eq!(instance_id(&node), id);

    // Under the same name, another instance, and so another Node.
    gce.recreate_instance(&InstancePath::new("p", "us-central1-a", "node-1"));
    let new = waiting::until("the node is another", super::PATIENCE, || {
        api.get(Resource::Nodes, None, "node-1").filter(|node| instance_id(node) != id)
    });
    let new = new.unwrap();
    assert_ne!(new["metadata"]["uid"], node["metadata"]["uid"]);
    assert_eq!(instance_id(&new), gce.machines()[0].id.to_string());
}

fn instance_id(node: &Value) -> String {
    node["metadata"]["annotations"]["container.googleapis.com/instance_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_node_comes_some_time_after_its_instance_runs() {
    let timing = Timing { boot: Duration::from_secs(30), ..Timing::instant() };
    let clock = Clock::by_hand("2026-01-15T08:00:00Z".parse().unwrap());
    let gce = Arc::new(FakeGce::start(Options { timing, clock, port: 0 }).unwrap());
    let group = gce.add_group(Group::zonal("p", "us-central1-a", "users"));
    let api = Arc::new(FakeApi::start());
    let world = GceWorld::join(Arc::clone(&gce), Arc::clone(&api), Duration::from_secs(10), node_of);
    gce.resize(&group, 1);
    // One second after another, so that the instance is seen within a second of when it runs.
    let mut seconds = 0;
    while api.all(Resource::Nodes).is_empty() {
        gce.advance(Duration::from_secs(1));
        seconds += 1;
        assert!(seconds <= 40, "there is no node yet");
        world.catch_up();
    }
    assert_eq!(seconds, 40);
}

#[test]
fn an_instance_that_stops_is_not_ready_until_its_node_goes() {
    let timing = Timing { delete: Duration::from_mins(1), ..Timing::instant() };
    let clock = Clock::by_hand("2026-01-15T08:00:00Z".parse().unwrap());
    let gce = Arc::new(FakeGce::start(Options { timing, clock, port: 0 }).unwrap());
    let group = gce.add_group(Group::zonal("p", "us-central1-a", "users").size(1));
    let api = Arc::new(FakeApi::start());
    let world = join(&gce, Arc::clone(&api));
    world.settle();
    gce.resize(&group, 0);
    world.catch_up();
    assert_eq!((api.all(Resource::Nodes).len(), api.ready_instances().len()), (1, 0));
    gce.advance(Duration::from_mins(1));
    world.catch_up();
    assert_eq!(api.all(Resource::Nodes).len(), 0);
}
