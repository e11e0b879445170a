//! The disks of users. A disk is in one zone: the node that becomes schedulable, or is created, is in that zone. A disk is on
//! one node: that node is not given back.

use std::sync::Arc;
use std::time::Duration;

use fake_gce::{FakeGce, Group, Options, Timing};
use serde_json::json;

use super::old_cordons::cordons_get_old;
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
    plane.create_disk("hub", "home", Some((ZONE, B)));
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
    plane.create_disk("hub", "home", Some((ZONE, B)));
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

/// Ben has gone home, and his home is on the disk of `b`, as local-path puts it there. Ada takes 6 of 8 Gi of one node, on
/// the target, so the two others are cordoned, and only the one without a home is deleted. A run that must not list
/// volumes says so. Once the claim is deleted, `b` goes too.
#[test]
fn a_node_with_the_home_of_an_absent_user_stays_as_long_as_the_claim() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let plane = Arc::new(plane);
    let gce = Arc::new(FakeGce::start(Options { timing: Timing::default(), ..Options::default() }).unwrap());
    let group = gce.add_group(Group::zonal("my-project", A, "users").size(3));
    let world = GceWorld::join(Arc::clone(&gce), Arc::clone(&plane), Duration::from_millis(100), node_of);
    world.settle();
    let nodes: Vec<String> = plane.nodes().iter().map(super::name_of).collect();
    let [a, b, c] = nodes.as_slice() else { panic!("{nodes:?}") };
    plane.create_namespace("hub");
    plane.create_bound_pod(&user("ada").memory("6Gi").on(a));
    plane.create_disk("hub", "home-ben", Some(("kubernetes.io/hostname", b)));
    let with = |identity: &Identity| {
        Program::new(&plane, identity)
            .with("MIN_NODES", "1")
            .with("MAX_CORDONS", "100%")
            .with("MAX_DELETIONS", "100%")
            .with("GCE_METADATA_HOST", &gce.address().to_string())
            .with("COMPUTE_ENDPOINT", &gce.url())
    };
    let program = with(&Identity::Admin);
    program.run(&["--yes", "-o", "json"]).must_be(0);
    assert_eq!(plane.cordoned(), [b.as_str(), c.as_str()]);
    cordons_get_old(&plane);

    let rules = json!([
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    ]);
    let not_allowed = with(&plane.create_service_account("hub", "reader", &rules));
    let ended = not_allowed.run(&["--dry-run", "-o", "json"]).must_be(0);
    assert_eq!(ended.story(), [format!("delete {b}: planned"), format!("delete {c}: planned")]);
    let warned = ended.json()["warnings"].to_string();
    assert!(warned.contains("the persistent volumes cannot be listed"), "{}", ended.report);

    let ended = program.run(&["--yes", "-o", "json"]).must_be(0);
    assert_eq!(ended.story(), [format!("delete {c}: applied")], "{}", ended.report);
    let verdicts = ended.json()["nodes"].clone();
    let verdict = verdicts.as_array().unwrap().iter().find(|node| node["name"] == b.as_str()).unwrap();
    assert_eq!(verdict["reason"], "StoresVolume", "{verdict}");
    world.settle();
    let ended = program.run(&["--yes", "-o", "json"]).must_be(0);
    assert_eq!(ended.story(), Vec::<String>::new(), "{}", ended.report);

    plane.admin().delete("/api/v1/namespaces/hub/persistentvolumeclaims/home-ben").success();
    let volumes = || plane.admin().get("/api/v1/persistentvolumes").success()["items"].clone();
    // A volume made by hand is retained; a provisioner deletes its own.
    plane.wait_until("the volume is released", Duration::from_secs(30), || {
        (volumes()[0]["status"]["phase"] == "Released").then_some(())
    });
    let name = super::name_of(&volumes()[0]);
    plane.admin().delete(&format!("/api/v1/persistentvolumes/{name}")).success();
    let ended = program.run(&["--yes", "-o", "json"]).must_be(0);
    assert_eq!(ended.story(), [format!("delete {b}: applied")], "{}", ended.report);
    assert_eq!(gce.group(&group).unwrap().target_size, 1);
}
