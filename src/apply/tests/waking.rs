//! A waking in several steps: the cloud finishes it before any other change, and its mark stays until that is proven.

use kube_rebalancer_core::model::{Node, ReadyCondition, Taint, TaintEffect, annotation, taint};
use kube_rebalancer_core::plan::{Action, UnmarkReason};
use kube_rebalancer_ports::{GroupAnswer, NotTried, Outcome};

use super::world::{Ended, World, ago, cordon, cordoned, critical, node, park, uncordon, wake, with_note};
use super::{OLD, is_claimed};

const EARLIER: &str = "2026-12-01T00:00:00Z";

fn idle(name: &str) -> Node {
    Node { group: Some("z/pool".to_owned()), ..cordoned(name, OLD) }
}

fn woken(node: Node) -> Node {
    with_note(node, annotation::WOKEN_AT, EARLIER)
}

/// It was asked to park, and still runs.
fn half_parked(name: &str) -> Node {
    with_note(idle(name), annotation::PARKED_AT, EARLIER)
}

fn not_ready(node: Node) -> Node {
    let since = node.ready.and_then(|ready| ready.since);
    Node { ready: Some(ReadyCondition { ready: false, since }), ..node }
}

fn tainted(key: &str) -> Taint {
    let (key, value) = (key.to_owned(), String::new());
    Taint { key, value, effect: TaintEffect::NoSchedule, added_at: None }
}

fn unmark(node: &str) -> Action {
    Action::Unmark { node: node.to_owned(), reason: UnmarkReason::Uncordoned }
}

/// The marks of a node, without their prefix.
fn marks(ended: &Ended, name: &str) -> Vec<String> {
    let keys = ended.nodes[name].annotations.keys();
    keys.map(|key| key.trim_start_matches("kube-rebalancer/").to_owned()).collect()
}

fn answered(nodes: &[Node], answer: Option<&GroupAnswer>) -> World {
    let rejoins = nodes.iter().map(|node| (node.name.clone(), answer.cloned())).collect();
    World { rejoins, ..World::new(nodes, &[]) }
}

/// The answers after which the return to service is not proven: only a later listing without the instance in standby is a proof.
fn unproven() -> [Option<GroupAnswer>; 4] {
    let words = || "not yet".to_owned();
    let answers = [
        GroupAnswer::Failed(words()),
        GroupAnswer::Busy(words()),
        GroupAnswer::InDoubt(words()),
        GroupAnswer::Done,
    ];
    answers.map(Some)
}

#[test]
fn what_earlier_runs_began_is_finished_before_the_uncordons_and_hinders_none() {
    let nodes = [
        half_parked("a"),
        not_ready(woken(idle("b"))),
        not_ready(half_parked("c")),
        node("d"),
        woken(node("e")),
        // Another actor works on it.
        Node { taints: vec![tainted("ToBeDeletedByClusterAutoscaler")], ..woken(node("f")) },
        half_parked("g"),
        idle("h"),
    ];
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![uncordon("a"), uncordon("h")]);
    assert_eq!(ended.rejoined, ["a", "b", "e"]);
    assert_eq!(ended.applied.outcomes, [Outcome::Applied, Outcome::Applied], "a user may wait for it");
    // A run that changes nothing else does it too.
    let ended = World::new(&nodes, &[]).apply(&nodes, Vec::new());
    assert_eq!(ended.rejoined, ["b", "e"]);
    // Without such a node, and in a run that received a signal to stop, no cloud is asked.
    let ended = World::new(&nodes[2..4], &[]).apply(&nodes[2..4], vec![wake("c")]);
    assert_eq!(ended.rejoined, Vec::<String>::new());
    let ended = World { stopped: true, ..World::new(&nodes, &[]) }.apply(&nodes, vec![uncordon("a")]);
    assert_eq!(ended.rejoined, Vec::<String>::new());
}

/// Without the mark no later run would know that the instance in standby is its own.
#[test]
fn an_uncordon_keeps_the_mark_of_the_waking_until_the_return_is_proven() {
    for nodes in [[woken(idle("a"))], [half_parked("a")]] {
        for answer in unproven() {
            let ended = answered(&nodes, answer.as_ref()).apply(&nodes, vec![uncordon("a")]);
            assert_eq!(ended.applied.outcomes, [Outcome::Applied], "{answer:?}");
            assert_eq!(
                (marks(&ended, "a"), ended.nodes["a"].unschedulable),
                (vec!["woken-at".to_owned()], false)
            );
        }
        let ended = answered(&nodes, None).apply(&nodes, vec![uncordon("a")]);
        assert_eq!((marks(&ended, "a"), ended.nodes["a"].unschedulable), (Vec::new(), false));
    }
    // Its time stays: it is the beginning of the waking.
    let nodes = [woken(idle("a"))];
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![uncordon("a")]);
    assert_eq!(ended.nodes["a"].annotations[annotation::WOKEN_AT], EARLIER);
    // A node that neither was parked nor is woken gets no mark.
    let nodes = [idle("a")];
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![uncordon("a")]);
    assert_eq!(marks(&ended, "a"), Vec::<String>::new());
}

#[test]
fn without_the_cloud_of_an_earlier_run_the_mark_stays_and_without_any_cloud_it_goes() {
    for nodes in [[woken(idle("a"))], [half_parked("a")]] {
        for (why, left) in
            [(NotTried::Unseen, vec!["woken-at".to_owned()]), (NotTried::NoNodeGroup, Vec::new())]
        {
            let ended = World::new(&nodes, &[]).apply_without(&nodes, vec![uncordon("a")], why);
            assert_eq!((marks(&ended, "a"), ended.nodes["a"].unschedulable), (left, false), "{why}");
        }
    }
}

#[test]
fn the_mark_of_a_schedulable_node_is_removed_once_nothing_is_left_to_finish() {
    let nodes = [woken(node("a"))];
    for answer in unproven() {
        let ended = answered(&nodes, answer.as_ref()).apply(&nodes, vec![unmark("a")]);
        let [Outcome::Postponed(why)] = &ended.applied.outcomes[..] else {
            panic!("{answer:?} {:?}", ended.applied)
        };
        assert!(why.contains("return to service"), "{why}");
        assert_eq!((marks(&ended, "a"), ended.log), (vec!["woken-at".to_owned()], Vec::<String>::new()));
    }
    let ended = answered(&nodes, None).apply(&nodes, vec![unmark("a")]);
    assert_eq!((&ended.applied.outcomes[..], marks(&ended, "a")), (&[Outcome::Applied][..], Vec::new()));

    // An expired claim keeps pods away: it is removed all the same.
    let claimed = |node: Node| {
        let taints = vec![tainted(taint::DELETING)];
        with_note(Node { taints, ..node }, annotation::DELETING_UNTIL, &ago(600).to_string())
    };
    let nodes = [with_note(claimed(woken(node("a"))), annotation::CORDONED_AT, EARLIER)];
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![unmark("a")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Applied]);
    assert_eq!((marks(&ended, "a"), is_claimed(&ended, "a")), (vec!["woken-at".to_owned()], false));
}

/// A node that is not needed any more is cordoned as any other; its instance may still be in standby.
#[test]
fn a_cordon_keeps_the_mark_too_and_so_does_its_undoing() {
    let nodes = [woken(node("a"))];
    let ended = World::new(&nodes, &[]).apply(&nodes, vec![cordon("a")]);
    assert_eq!(ended.applied.outcomes, [Outcome::Applied]);
    assert_eq!(
        (marks(&ended, "a"), ended.nodes["a"].unschedulable),
        (vec!["cordoned-at".into(), "woken-at".into()], true)
    );
    let ended = answered(&nodes, None).apply(&nodes, vec![cordon("a")]);
    assert_eq!(marks(&ended, "a"), ["cordoned-at"]);

    let ended = World::new(&nodes, &[critical("hub", "a")]).apply(&nodes, vec![cordon("a")]);
    assert!(matches!(ended.applied.outcomes[..], [Outcome::TakenBack { .. }]), "{:?}", ended.applied);
    assert_eq!((marks(&ended, "a"), ended.nodes["a"].unschedulable), (vec!["woken-at".to_owned()], false));
}

/// Otherwise its instance would be in standby, and no mark would say that this program put it there.
#[test]
fn a_second_parking_that_the_cloud_refuses_leaves_the_marks_of_the_first() {
    for (before, kept) in [(half_parked("a"), "parked-at"), (woken(idle("a")), "woken-at"), (idle("a"), "")] {
        let nodes = [before];
        let answers = vec![GroupAnswer::Refused("an instance refresh".to_owned())];
        let ended = World { answers, ..World::new(&nodes, &[]) }.apply(&nodes, vec![park("a")]);
        assert_eq!(ended.applied.outcomes, [Outcome::Postponed("an instance refresh".to_owned())]);
        let mut left = marks(&ended, "a");
        left.retain(|key| key != "cordoned-at");
        assert_eq!(left.concat(), kept);
        assert_eq!(
            ended.nodes["a"]
                .annotations
                .get(&format!("kube-rebalancer/{kept}"))
                .is_some_and(|at| at == EARLIER),
            !kept.is_empty()
        );
        assert!(!is_claimed(&ended, "a"));
    }
}
