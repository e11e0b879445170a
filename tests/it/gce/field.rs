//! Situations from the field that need node groups: one that spans zones, one that refuses, one of another pool.

use std::time::Duration;

use fake_gce::{Fault, Group, OwnFault, Requests};

use super::world::{PROJECT, World, user, waiting};
use super::{DELETE, RESIZE};
use crate::objects::Node;

const A: &str = "us-central1-a";
const B: &str = "us-central1-b";
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// A regional group makes nodes in any of its zones. 13 of 16 Gi, 0.8125, is within the band; both nodes have 3.5 Gi free,
/// and a user of 4 Gi whose disk is in one of the zones waits.
#[test]
fn a_regional_group_grows_for_a_user_of_one_of_its_zones() {
    let world = World::new();
    let pool = world.gce.add_group(Group::regional(PROJECT, "us-central1", "pool").zones(&[A, B]).size(2));
    for path in world.gce.group(&pool).unwrap().members.keys() {
        world.api.add_node(&Node::new(&path.name).on_compute_engine(PROJECT, &path.zone));
        world.api.add_pod(&user(&format!("of-{}", path.name), "4608Mi").on(&path.name));
    }
    world.api.add_pod(&waiting("dora", "4Gi").node_selector(ZONE_LABEL, B));
    let ran = world.run(&[]);
    assert_eq!(ran.story(), ["grow us-central1/pool 2 to 3: applied"], "{}", ran.stderr);
    assert_eq!(world.target_size(&pool), 3);
}

/// The first group by name has no quota left: the same run uses the other one, and the report has the refusal.
#[test]
fn where_a_group_refuses_the_next_one_grows() {
    let world = World::new();
    let alpha = world.pool(A, "alpha", &[Node::new("a")]);
    let beta = world.pool(B, "beta", &[Node::new("b")]);
    for node in ["a", "b"] {
        world.api.add_pod(&user(&format!("of-{node}"), "4608Mi").on(node));
    }
    world.api.add_pod(&waiting("dora", "4Gi"));
    world.gce.fail(Requests::method(RESIZE).of("alpha"), Fault::Own(OwnFault::QuotaExceeded));
    let ran = world.run(&[]);
    assert_eq!(
        (world.target_size(&alpha), world.target_size(&beta)),
        (1, 2),
        "{:?} {}",
        ran.story(),
        ran.stderr
    );
    assert!(format!("{} {}", ran.report, ran.stderr).contains("uota"), "{}", ran.report);
}

/// Each pool by itself: the users' node is at 7 of 8 Gi, 0.875, and their group grows, though a node of the other pool is
/// idle. The idle pool keeps its node for `MIN_NODES=1`.
#[test]
fn the_group_of_the_pool_that_is_full_grows() {
    let world = World::new();
    let users = world.pool(A, "users", &[Node::new("u").label("pool", "user")]);
    let others = world.pool(A, "big-memory", &[Node::new("m").label("pool", "big-memory")]);
    world.api.add_pod(&user("ada", "7Gi").on("u"));
    let ran = world.run(&[("POOL_LABEL", "pool")]);
    assert_eq!(ran.story(), ["grow us-central1-a/users 1 to 2: applied"], "{}", ran.stderr);
    assert_eq!((world.target_size(&users), world.target_size(&others)), (2, 1));
}

/// One machine that never came up, an hour old: it is deleted by its identity. A node without a provider ID, which could be
/// anything, keeps it. When its group grows again is the planner's to decide: section 5, useless new nodes.
#[test]
fn an_instance_that_never_became_a_node_goes() {
    let start = || {
        let world = World::new();
        let pool = Group::zonal(PROJECT, A, "pool").instances(&["a", "lost"]).age(Duration::from_hours(1));
        let pool = world.gce.add_group(pool);
        world.api.add_node(&Node::new("a").on_compute_engine(PROJECT, A));
        world.api.add_pod(&user("ada", "6Gi").on("a"));
        (world, pool)
    };
    let (world, pool) = start();
    let ran = world.run(&[]);
    assert_eq!(ran.story(), ["deleteInstance lost: applied"], "{}", ran.stderr);
    assert_eq!(world.going(&pool), ["lost"]);
    assert_eq!(world.target_size(&pool), 1);

    let (world, pool) = start();
    world.api.add_node(&Node::new("elsewhere"));
    let ran = world.run(&[]);
    assert!(!ran.story().iter().any(|line| line.starts_with("deleteInstance")), "{:?}", ran.story());
    assert_eq!(world.going(&pool), Vec::<String>::new());
}

/// The same, while Compute Engine refuses: it stays, and the exit code shows it.
#[test]
fn what_fails_keeps_the_instance_that_never_became_a_node() {
    let world = World::new();
    let pool = Group::zonal(PROJECT, A, "pool").instances(&["a", "lost"]).age(Duration::from_hours(1));
    let pool = world.gce.add_group(pool);
    world.api.add_node(&Node::new("a").on_compute_engine(PROJECT, A));
    world.api.add_pod(&user("ada", "6Gi").on("a"));
    world.gce.fail(Requests::method(DELETE), Fault::Own(OwnFault::QuotaExceeded));
    let ran = world.run(&[]);
    assert_eq!(ran.code, Some(1), "{:?}", ran.story());
    assert_eq!((world.going(&pool), world.target_size(&pool)), (Vec::new(), 2));
}
