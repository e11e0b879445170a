//! A user's disk is in one zone: the node that becomes schedulable, or is created, is in that zone.

use std::sync::Arc;
use std::time::Duration;

use fake_gce::{FakeGce, Group, Options, Timing};

use super::{Program, user};
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::gce_world::{GceWorld, node_of};
use crate::objects::Node;

const ZONE: &str = "topology.kubernetes.io/zone";
const A: &str = "us-central1-a";
const B: &str = "us-central1-b";

/// By hand: `a0` serves with 6 of 8 Gi, which is on the target, and has room for a user of 1 Gi; so have the empty nodes
/// under our cordon, of which only `b1` is in the zone of the user's disk.
#[test]
fn the_node_in_the_zone_of_a_users_disk_is_uncordoned() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let idle = |name, zone| Node::new(name).label(ZONE, zone).cordoned_long_ago();
    let (a1, b1, c1) = (idle("a1", A), idle("b1", B), idle("c1", "us-central1-c"));
    plane.create_nodes(&[Node::new("a0").label(ZONE, A), a1, b1, c1]);
    plane.create_namespace("hub");
    plane.create_bound_pod(&user("ada").memory("6Gi").on("a0"));
    plane.create_disk("hub", "home", Some(B));
    plane.create_pod(&user("ben").memory("1Gi").claim("home"));
    plane.wait_until_refused("hub", "ben");
    let program = Program::new(&plane, &Identity::Admin).with("MIN_NODES", "1").with("EMPTY_GRACE", "1h");
    let ended = program.run(&["--yes", "-o", "json"]).must_be(0);
    assert_eq!(ended.story(), ["uncordon b1: applied"], "{}", ended.report);
    assert_eq!(plane.wait_until_running("hub", "ben"), "b1");
}

/// The same on Compute Engine, where the node in the zone of the disk is full: its group grows, though a node of the other
/// zone has room.
#[test]
fn the_group_in_the_zone_of_a_users_disk_grows() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let plane = Arc::new(plane);
    let gce = Arc::new(FakeGce::start(Options { timing: Timing::default(), ..Options::default() }).unwrap());
    let [in_a, in_b] = [("users-a", A), ("users-b", B)]
        .map(|(name, zone)| gce.add_group(Group::zonal("my-project", zone, name).size(1)));
    let world = GceWorld::join(Arc::clone(&gce), Arc::clone(&plane), Duration::from_millis(100), node_of);
    world.settle();
    let in_zone = |zone: &str| {
        let nodes = plane.nodes();
        let node = nodes.iter().find(|node| node["metadata"]["labels"][ZONE] == zone).unwrap();
        super::name_of(node)
    };
    plane.create_namespace("hub");
    // 4.5 and 7.5 of 16 Gi: on the target.
    plane.create_bound_pod(&user("ada").memory("4608Mi").on(&in_zone(A)));
    plane.create_bound_pod(&user("cleo").memory("7680Mi").on(&in_zone(B)));
    plane.create_disk("hub", "home", Some(B));
    plane.create_pod(&user("ben").memory("1Gi").claim("home"));
    plane.wait_until_refused("hub", "ben");
    let program = Program::new(&plane, &Identity::Admin)
        .with("MIN_NODES", "1")
        .with("GCE_METADATA_HOST", &gce.address().to_string())
        .with("COMPUTE_ENDPOINT", &gce.url());
    let ended = program.run(&["--yes", "-o", "json"]).must_be(0);
    assert_eq!(ended.story(), ["grow us-central1-b/users-b: applied"], "{}\n{}", ended.report, ended.log);
    let size = |group| gce.group(group).unwrap().target_size;
    assert_eq!((size(&in_a), size(&in_b)), (1, 2));
    world.settle();
    let node = plane.wait_until_running("hub", "ben");
    assert_eq!(plane.node(&node)["metadata"]["labels"][ZONE], B);
}
