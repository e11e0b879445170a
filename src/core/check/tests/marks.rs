//! Notes on nodes, and expired claims.

use crate::check::Violation;
use crate::check::fixtures::*;
use crate::model::{annotation, taint};
use crate::plan::UnmarkReason;
use crate::policy::{AdoptCordons, Policy};

fn unfounded_mark(node: &str, why: &'static str) -> [Violation; 1] {
    [Violation::MarkUnfounded { node: text(node), why }]
}

fn unfounded_unmark(node: &str, why: &'static str) -> [Violation; 1] {
    [Violation::UnmarkUnfounded { node: text(node), why }]
}

#[test]
fn only_an_empty_cordoned_node_is_marked() {
    let snapshot = world(vec![cordoned("a"), node("b"), cordoned("c")], vec![user("alice", "a")]);
    assert_eq!(found(&snapshot, &policy(), [mark("c")]), []);
    assert_eq!(found(&snapshot, &policy(), [mark("a")]), unfounded_mark("a", "it is not empty"));
    assert_eq!(found(&snapshot, &policy(), [mark("b")]), unfounded_mark("b", "it is schedulable"));
    let expected = unfounded_mark("c", "it is uncordoned or deleted");
    assert_eq!(found(&snapshot, &policy(), [delete("c"), mark("c")]), expected);
    let claimed = world(vec![cordoned("a").claimed_for_another(60), node("b")], vec![]);
    let expected = unfounded_mark("a", "another run is about to delete it");
    assert_eq!(found(&claimed, &policy(), [mark("a")]), expected);
}

#[test]
fn a_node_under_the_cordon_of_others_is_marked_unless_it_is_never_ours() {
    let snapshot = world(vec![node("a").cordoned_by_others_for(Some(60)), node("b")], vec![]);
    assert_eq!(found(&snapshot, &policy(), [mark("a")]), []);
    let never = Policy { adopt_cordons: AdoptCordons::Never, ..policy() };
    let expected = unfounded_mark("a", "an operator is at work there");
    assert_eq!(found(&snapshot, &never, [mark("a")]), expected);
}

#[test]
fn a_mark_that_is_no_longer_true_is_removed() {
    let snapshot = world(vec![cordoned("a").empty_for(600), node("b")], vec![user("alice", "a")]);
    let occupied = || unmark("a", UnmarkReason::Occupied);
    assert_eq!(found(&snapshot, &policy(), []), [Violation::StaleMark { node: text("a") }]);
    assert_eq!(found(&snapshot, &policy(), [occupied()]), []);
    let untrue = unfounded_unmark("a", "it carries none that is untrue");
    let empty = world(vec![cordoned("a").empty_for(600), node("b")], vec![]);
    assert_eq!(found(&empty, &policy(), []), []);
    assert_eq!(found(&empty, &policy(), [occupied()]), untrue);
    let unmarked = world(vec![cordoned("a"), node("b")], vec![user("alice", "a")]);
    assert_eq!(found(&unmarked, &policy(), [occupied()]), untrue);
}

#[test]
fn the_last_live_replica_is_a_reason_to_remove_a_mark_but_not_to_demand_it() {
    let pods = vec![
        system("dns-1", "a", "ReplicaSet", "dns"),
        system("dns-2", "b", "ReplicaSet", "dns").not_ready(),
    ];
    let snapshot = world(vec![cordoned("a").empty_for(600), node("b")], pods);
    assert_eq!(found(&snapshot, &policy(), []), []);
    assert_eq!(found(&snapshot, &policy(), [unmark("a", UnmarkReason::Occupied)]), []);
}

#[test]
fn marks_on_a_schedulable_node_are_removed() {
    let snapshot = world(vec![node("a"), node("b").empty_for(600)], vec![]);
    let uncordoned = |name| unmark(name, UnmarkReason::Uncordoned);
    assert_eq!(found(&snapshot, &policy(), [uncordoned("b")]), []);
    let untrue = unfounded_unmark("a", "it carries none that is untrue");
    assert_eq!(found(&snapshot, &policy(), [uncordoned("a")]), untrue);
    // The cordon's own patch writes the annotations again; removing them afterwards would make the cordon
    // one of another actor.
    let written = unfounded_unmark("b", "another action of the plan writes them");
    assert_eq!(found(&snapshot, &policy(), [cordon("b"), uncordoned("b")]), written);
}

#[test]
fn an_expired_claim_is_removed_and_a_running_one_is_not() {
    let over = |name| unmark(name, UnmarkReason::ClaimOver);
    for claim_is_over in [
        node("a").claimed_for_another(0),
        cordoned("a").claimed_for_another(-60),
        node("a").tainted(taint::DELETING),
        node("a").annotated(annotation::DELETING_UNTIL, "yesterday"),
    ] {
        let snapshot = world(vec![claim_is_over, node("b")], vec![]);
        assert_eq!(found(&snapshot, &policy(), []), [Violation::StaleClaim { node: text("a") }]);
        assert_eq!(found(&snapshot, &policy(), [over("a")]), []);
    }
    // Only the taint of a claim may be left, also on a serving node.
    let left = world(vec![node("a").tainted(taint::DELETING), node("b")], vec![]);
    assert_eq!(found(&left, &policy(), [unmark("a", UnmarkReason::Uncordoned)]), []);
    let runs = world(vec![node("a").claimed_for_another(60), node("b")], vec![]);
    assert_eq!(found(&runs, &policy(), []), []);
    let expected = unfounded_unmark("a", "another run is about to delete it");
    assert_eq!(found(&runs, &policy(), [over("a")]), expected);
    let uncordoned = unmark("a", UnmarkReason::Uncordoned);
    assert_eq!(found(&runs, &policy(), [uncordoned]), expected, "the claim outlives the person's uncordon");
}
