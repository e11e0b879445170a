//! The claim on a node that is being deleted: an annotation and a taint, written together and removed together.

use kube_rebalancer_core::model::{Node, Taint, TaintEffect, annotation, taint};
use kube_rebalancer_core::plan::{Action, UnmarkReason};
use kube_rebalancer_ports::Outcome;

use super::OLD;
use super::world::{Ended, World, cordoned, delete, node, user, with_note};

fn taint_of(key: &str, effect: TaintEffect) -> Taint {
    Taint { key: key.to_owned(), value: String::new(), effect, added_at: None }
}

/// A taint of somebody else's that speaks against nothing.
fn theirs() -> Taint {
    taint_of("example.com/later", TaintEffect::PreferNoSchedule)
}

fn ours() -> Taint {
    taint_of(taint::DELETING, TaintEffect::NoSchedule)
}

fn claim(ended: &Ended) -> (Option<&str>, &[Taint]) {
    let node = &ended.nodes["a"];
    (node.annotations.get(annotation::DELETING_UNTIL).map(String::as_str), &node.taints)
}

#[test]
fn a_claim_is_an_annotation_and_a_taint_beside_the_taints_of_others() {
    let nodes = [Node { taints: vec![theirs()], ..cordoned("a", OLD) }];
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![delete("a")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Applied]);
    // RUN_TIMEOUT and a minute from now on.
    assert_eq!(claim(&ended), (Some("2027-01-15T08:06:00Z"), [theirs(), ours()].as_slice()));
}

#[test]
fn a_run_that_gives_a_deletion_up_removes_both() {
    let nodes = [Node { taints: vec![theirs()], ..cordoned("a", OLD) }];
    let ended = World::new(&nodes, &[user("ada", "a")]).apply(&nodes, vec![delete("a")]);
    assert_eq!(claim(&ended), (None, [theirs()].as_slice()));
}

#[test]
fn a_claim_that_is_over_is_removed_whole_by_any_run_and_a_running_one_is_not() {
    let over = with_note(node("a"), annotation::DELETING_UNTIL, "2027-01-15T07:59:00Z");
    let runs = with_note(node("a"), annotation::DELETING_UNTIL, "2027-01-15T08:01:00Z");
    let unmark = || vec![Action::Unmark { node: "a".to_owned(), reason: UnmarkReason::ClaimOver }];
    for (case, left) in [(over, false), (runs, true)] {
        let nodes = [Node { taints: vec![theirs(), ours()], ..case }];
        let ended = World::new(&nodes, &[]).apply(&nodes, unmark());
        let (until, taints) = claim(&ended);
        assert_eq!((until.is_some(), taints.contains(&ours())), (left, left));
        assert!(taints.contains(&theirs()));
    }
}
