//! Soft taints.

use crate::check::Violation;
use crate::check::fixtures::*;
use crate::model::{Node, Snapshot, Taint, TaintEffect, taint};
use crate::policy::Policy;

fn soft(mut node: Node, key: &str) -> Node {
    let effect = TaintEffect::PreferNoSchedule;
    node.taints.push(Taint { key: text(key), value: String::new(), effect, added_at: None });
    node
}

fn last(name: &str) -> Node {
    soft(node(name), taint::FILL_LAST)
}

fn unfounded(node: &str, verb: &'static str, why: &'static str) -> [Violation; 1] {
    [Violation::SteerUnfounded { node: text(node), verb, why }]
}

/// Node `a` has users and room.
fn around(other: Node) -> Snapshot {
    world(vec![node("a"), other], vec![user("alice", "a")])
}

#[test]
fn only_a_node_that_serves_and_that_the_scheduler_does_not_avoid_is_steered() {
    let steered = |other, policy: &Policy| found(&around(other), policy, [steer("b")]);
    assert_eq!(steered(node("b"), &policy()), []);
    assert_eq!(steered(last("b"), &policy()), unfounded("b", "steer", "it carries the taint"));
    let others = unfounded("b", "steer", "it carries a soft taint of others");
    assert_eq!(steered(soft(node("b"), "theirs"), &policy()), others);
    let idle = unfounded("b", "steer", "it does not serve after the plan");
    assert_eq!(steered(cordoned("b"), &policy()), idle);
    let off = Policy { pack: false, ..policy() };
    assert_eq!(steered(node("b"), &off), unfounded("b", "steer", "PACK is off"));
    let twice = found(&around(node("b")), &policy(), [steer("b"), steer("b")]);
    assert_eq!(twice, unfounded("b", "steer", "its soft taint is changed twice"));
}

#[test]
fn the_taint_is_removed_only_where_it_is_and_once() {
    assert_eq!(found(&around(last("b")), &policy(), [unsteer("b")]), []);
    let absent = unfounded("b", "unsteer", "it does not carry the taint");
    assert_eq!(found(&around(soft(node("b"), "theirs")), &policy(), [unsteer("b")]), absent);
    let twice = found(&around(last("b")), &policy(), [cordon("b"), unsteer("b")]);
    let why = "another action of the plan takes it out of service";
    assert!(twice.contains(&unfounded("b", "unsteer", why)[0]), "{twice:?}");
}

#[test]
fn nodes_are_steered_only_while_others_of_their_pool_have_room() {
    let snapshot = world(vec![node("a"), node("b")], vec![user("alice", "a")]);
    let without = [Violation::SteersWithoutRoom { pool: String::new() }];
    assert_eq!(found(&snapshot, &policy(), [steer("a"), steer("b")]), without);
    let beside_last = around(last("b"));
    assert_eq!(found(&beside_last, &policy(), [steer("a")]), without);
    assert_eq!(found(&beside_last, &policy(), [unsteer("b"), steer("a")]), []);
}

#[test]
fn without_pack_no_node_keeps_the_taint() {
    let off = Policy { pack: false, ..policy() };
    let snapshot = around(last("b"));
    assert_eq!(found(&snapshot, &off, []), [Violation::StaysSteered { node: text("b") }]);
    assert_eq!(found(&snapshot, &off, [unsteer("b")]), []);
    assert_eq!(found(&snapshot, &policy(), []), []);
}
