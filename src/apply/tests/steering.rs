//! Soft taints: a taint of another program stays as it is.

use kube_rebalancer_core::model::{Node, Resource, Taint, TaintEffect, taint};
use kube_rebalancer_core::plan::{Action, SteerReason, UnsteerReason};
use kube_rebalancer_core::recheck::Stale;
use kube_rebalancer_ports::Outcome;

use super::world::{World, changed, cordon, cordoned, node, uncordon};

fn steer(node: &str) -> Action {
    let reason = SteerReason::FillLast { resource: Resource::Memory, room: 1 << 30 };
    Action::Steer { node: node.to_owned(), reason }
}

fn unsteer(node: &str) -> Action {
    Action::Unsteer { node: node.to_owned(), reason: UnsteerReason::PackOff }
}

/// A taint of another actor, with a value and the time at which it was added.
fn others(key: &str, effect: TaintEffect) -> Taint {
    let added_at = "2026-01-01T00:00:00Z".parse().ok();
    Taint { key: key.to_owned(), value: "theirs".to_owned(), effect, added_at }
}

fn fill_last() -> Taint {
    let (key, effect) = (taint::FILL_LAST.to_owned(), TaintEffect::PreferNoSchedule);
    Taint { key, value: String::new(), effect, added_at: None }
}

fn with(taints: &[Taint], node: Node) -> Node {
    Node { taints: taints.to_vec(), ..node }
}

#[test]
fn a_node_gets_the_taint_behind_those_of_others_and_loses_it_alone() {
    let (first, second) = (others("a", TaintEffect::NoSchedule), others("z", TaintEffect::NoExecute));
    let nodes = [
        with(&[second.clone(), first.clone()], node("n")),
        with(&[first.clone(), fill_last(), second.clone()], node("m")),
    ];
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![unsteer("m"), steer("n")]);
    assert_eq!(ended.applied.outcomes, vec![Outcome::Applied; 2]);
    assert_eq!(ended.nodes["n"].taints, [second.clone(), first.clone(), fill_last()]);
    assert_eq!(ended.nodes["m"].taints, [first, second]);
    assert!(ended.told.is_empty(), "{:?}", ended.told);
}

#[test]
fn a_cordon_takes_the_taint_along_in_its_own_patch() {
    let theirs = others("a", TaintEffect::PreferNoSchedule);
    let nodes = [with(&[fill_last(), theirs.clone()], node("n"))];
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![cordon("n")]);
    assert_eq!(ended.log, ["cordon n", "list pods"]);
    assert_eq!(ended.nodes["n"].taints, [theirs]);
}

#[test]
fn a_taint_that_somebody_adds_meanwhile_is_kept_and_ends_the_steering_where_it_is_soft() {
    let hard = others("a", TaintEffect::NoSchedule);
    let planned = [node("n"), node("m")];
    let now = [
        with(std::slice::from_ref(&hard), changed(node("n"))),
        with(&[others("a", TaintEffect::PreferNoSchedule)], changed(node("m"))),
    ];
    let ended = World::new(&now, &[]).apply(&planned, vec![steer("n"), steer("m")]);
    let taint = "a=theirs:PreferNoSchedule".to_owned();
    assert_eq!(ended.applied.outcomes, [Outcome::Applied, Outcome::Stale(Stale::OthersTaint { taint })]);
    assert_eq!(ended.nodes["n"].taints, [hard, fill_last()]);
    assert_eq!(ended.nodes["m"].taints.len(), 1);
    // Left to the next run, which is no failure.
    assert!(ended.applied.is_complete());
}

#[test]
fn a_node_that_this_run_uncordons_is_steered_on_the_version_that_the_uncordon_returned() {
    let nodes = [cordoned("n", 3600)];
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![uncordon("n"), steer("n")]);
    assert_eq!(ended.applied.outcomes, vec![Outcome::Applied; 2]);
    assert!(!ended.log.iter().any(|line| line.starts_with("conflict")), "{:?}", ended.log);
    assert_eq!(ended.nodes["n"].taints, [fill_last()]);
}
