//! Room for one more pod like the ones of a pool.

use crate::check::Violation;
use crate::check::fixtures::*;
use crate::model::{Node, Pod};

/// Two nodes with two slots for pods, the second with one user.
fn nodes() -> Vec<Node> {
    let of_two = |name: &str| node(name).change(|node| node.allocatable.pods = Some(2));
    vec![of_two("a"), of_two("b")]
}

fn no_room(pod: &str) -> Vec<Violation> {
    vec![Violation::NoRoomLeft { pool: String::new(), pod: text(pod), node: text("b") }]
}

#[test]
fn the_last_room_for_a_pod_like_the_ones_that_run_stays() {
    let serve = |on_a: &[&str]| {
        let pods: Vec<Pod> = on_a.iter().map(|name| user(name, "a")).chain([user("zoe", "b")]).collect();
        found(&world(nodes(), pods), &policy(), [cordon("b")])
    };
    assert_eq!(serve(&["ada"]), []);
    assert_eq!(serve(&["ada", "ben"]), no_room("hub/ada"));
}

#[test]
fn a_max_nodes_that_leaves_no_further_place_comes_first() {
    let pods = vec![user("ada", "a"), user("ben", "a"), user("zoe", "b")];
    let policy = with_bounds(|bounds| (bounds.max_nodes, bounds.max_nodes_set) = (1, true));
    assert_eq!(found(&world(nodes(), pods), &policy, [cordon("b")]), []);
}

#[test]
fn a_disk_keeps_a_user_in_its_zone() {
    let home = |pod: Pod| pod.change(|pod| pod.claims = Box::new([pod.name.clone()]));
    let cordoning_b = |zoe: Pod| {
        let nodes = vec![node("a").in_zone("z1"), node("b").in_zone("z2"), node("c").in_zone("z2")];
        // c keeps the zone; it is full.
        let pods = vec![user("ada", "a"), zoe, user("max", "c").asking_gibibytes(8)];
        let mut policy = with_bounds(|bounds| bounds.keep_zones = true);
        policy.bounds.max_utilization = crate::policy::PartsPerMillion(1_000_000);
        found(&world(nodes, pods), &policy, [cordon("b")])
    };
    let lost = |pod: &str| cordoning_b(home(user(pod, "b")));
    assert_eq!(lost("zoe"), no_room("hub/zoe"));
    assert_eq!(cordoning_b(user("zoe", "b")), [], "without a disk, she finds room on a");
}
