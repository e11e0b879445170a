//! Which nodes change their schedulability.

use crate::check::fixtures::*;
use crate::check::{Direction, Violation};
use crate::model::annotation;
use crate::plan::NodeState;
use crate::policy::{AdoptCordons, Budget, Policy};

#[test]
fn a_critical_node_is_neither_cordoned_nor_left_under_our_cordon() {
    let snapshot = world(vec![node("a"), node("b")], vec![critical("hub", "a"), user("alice", "b")]);
    let expected =
        Violation::CriticalNode { node: text("a"), direction: Direction::Cordon, pod: text("hub/hub") };
    assert_eq!(found(&snapshot, &policy(), [cordon("a")]), [expected]);
    assert_eq!(found(&snapshot, &policy(), [cordon("b")]), []);

    let snapshot = world(vec![cordoned("a"), node("b")], vec![critical("hub", "a")]);
    let why = text("it runs the critical pod hub/hub");
    let expected = Violation::StaysCordoned { node: text("a"), why };
    assert_eq!(found(&snapshot, &policy(), []), [expected]);
    assert_eq!(found(&snapshot, &policy(), [uncordon("a")]), []);
    // A node that cannot serve is not changed, and neither is the cordon of another actor.
    let others = node("a").cordoned_by_others_for(Some(7200));
    for left in [cordoned("a").not_ready_for(3600), cordoned("a").claimed_for_another(60), others] {
        let snapshot = world(vec![left, node("b")], vec![critical("hub", "a")]);
        assert_eq!(found(&snapshot, &policy(), []), []);
    }
}

#[test]
fn a_pinned_node_is_neither_cordoned_nor_left_under_our_cordon() {
    let pinned = |node: crate::model::Node| node.annotated(annotation::SCALE_DOWN_DISABLED, "true");
    let snapshot = world(vec![pinned(node("a")), node("c")], vec![]);
    let expected = Violation::ScaleDownDisabled { node: text("a"), direction: Direction::Cordon };
    assert_eq!(found(&snapshot, &policy(), [cordon("a")]), [expected]);

    let snapshot = world(vec![pinned(cordoned("a")), node("c")], vec![]);
    let why = text("it is annotated scale-down-disabled");
    assert_eq!(found(&snapshot, &policy(), []), [Violation::StaysCordoned { node: text("a"), why }]);
    assert_eq!(found(&snapshot, &policy(), [uncordon("a")]), []);
    let unpinned =
        world(vec![cordoned("a").annotated(annotation::SCALE_DOWN_DISABLED, "false"), node("c")], vec![]);
    assert_eq!(found(&unpinned, &policy(), []), []);
}

#[test]
fn the_cordon_of_somebody_else_is_undone_only_where_all_cordons_are_ours() {
    let always = Policy { adopt_cordons: AdoptCordons::Always, ..policy() };
    let others = || node("a").cordoned_by_others_for(Some(86_400));
    let expected =
        |adopt| vec![Violation::CordonedByOthers { node: text("a"), direction: Direction::Uncordon, adopt }];
    let snapshot = world(vec![others(), node("b")], vec![]);
    assert_eq!(found(&snapshot, &policy(), [uncordon("a")]), expected(policy().adopt_cordons));
    assert_eq!(found(&snapshot, &always, [uncordon("a")]), []);
    // As in the original program: never a critical or annotated node.
    let busy = world(vec![others(), node("b")], vec![critical("hub", "a")]);
    assert_eq!(found(&busy, &always, [uncordon("a")]), expected(AdoptCordons::Always));
    let kept = others().annotated(annotation::SCALE_DOWN_DISABLED, "true");
    let kept = world(vec![kept, node("b")], vec![]);
    assert_eq!(found(&kept, &always, [uncordon("a")]), expected(AdoptCordons::Always));
}

#[test]
fn a_cordon_is_ours_by_its_mark_unless_the_taint_is_much_younger() {
    let marked = |mark: &str, taint| {
        let node_a = node("a").annotated(annotation::CORDONED_AT, mark).cordoned_by_others_for(taint);
        found(&world(vec![node_a, node("b")], vec![]), &policy(), [uncordon("a")])
    };
    let hour = ago(3600).to_string();
    assert_eq!(marked(&hour, None), []);
    assert_eq!(marked(&hour, Some(3300)), [], "five minutes");
    assert!(matches!(&*marked(&hour, Some(3299)), [Violation::CordonedByOthers { .. }]));
    assert!(matches!(&*marked("yesterday", None), [Violation::CordonedByOthers { .. }]));
}

#[test]
fn only_ready_cordoned_nodes_are_uncordoned() {
    let snapshot = world(vec![node("a"), node("b")], vec![]);
    assert_eq!(found(&snapshot, &policy(), [uncordon("a")]), [Violation::NotCordoned { node: text("a") }]);
    let cases = [
        (cordoned("a").not_ready_for(3600), NodeState::Broken),
        (cordoned("a").not_ready_for(60), NodeState::Booting),
        (cordoned("a").tainted("node.kubernetes.io/disk-pressure"), NodeState::UnderPressure),
        (cordoned("a").tainted("node.cilium.io/agent-not-ready"), NodeState::NotInUse),
    ];
    for (idle, state) in cases {
        let snapshot = world(vec![idle, node("b")], vec![]);
        let expected = Violation::UncordonOfNotReady { node: text("a"), state };
        assert_eq!(found(&snapshot, &policy(), [uncordon("a")]), [expected]);
    }
}

#[test]
fn only_serving_and_broken_nodes_are_cordoned() {
    let snapshot = world(vec![cordoned("a"), node("b")], vec![]);
    let expected = Violation::AlreadyCordoned { node: text("a") };
    assert_eq!(found(&snapshot, &policy(), [cordon("a")]), [expected]);
    let broken = world(vec![node("a").not_ready_for(900), node("b")], vec![]);
    assert_eq!(found(&broken, &policy(), [cordon("a")]), []);
    let cases = [
        (node("a").not_ready_for(899), NodeState::Booting),
        (
            node("a").created(60).tainted("startup-taint.cluster-autoscaler.kubernetes.io/x"),
            NodeState::Booting,
        ),
        (node("a").tainted("ebs.csi.aws.com/agent-not-ready"), NodeState::NotInUse),
        (node("a").tainted("node.kubernetes.io/memory-pressure"), NodeState::UnderPressure),
        (node("a").tainted("node.kubernetes.io/unschedulable"), NodeState::UnderPressure),
    ];
    for (idle, state) in cases {
        let snapshot = world(vec![idle, node("b")], vec![]);
        let expected = Violation::CordonOfIdle { node: text("a"), state };
        assert_eq!(found(&snapshot, &policy(), [cordon("a")]), [expected]);
    }
}

#[test]
fn a_node_that_another_run_is_deleting_is_left_to_it() {
    let claimed = |first: crate::model::Node, seconds| {
        world(vec![first.claimed_for_another(seconds), node("b")], vec![])
    };
    let expected = |direction| vec![Violation::Claimed { node: text("a"), direction }];
    assert_eq!(
        found(&claimed(cordoned("a"), 300), &policy(), [uncordon("a")]),
        expected(Direction::Uncordon)
    );
    assert_eq!(found(&claimed(cordoned("a"), 300), &policy(), [delete("a")]), expected(Direction::Delete));
    // A person's uncordon does not end a claim.
    assert_eq!(found(&claimed(node("a"), 300), &policy(), [cordon("a")]), expected(Direction::Cordon));
    // A claim that has expired, or that a wrong clock made, has no effect.
    assert_eq!(found(&claimed(cordoned("a"), 0), &policy(), [uncordon("a")]), []);
    assert_eq!(found(&claimed(cordoned("a"), 86_401), &policy(), [uncordon("a")]), []);
}

#[test]
fn cordons_stay_within_their_budget() {
    let nodes = ["a", "b", "c", "d"].map(node);
    let snapshot = world(nodes.to_vec(), vec![]);
    // 30 % of 4 nodes is 1.2: two are allowed.
    let budget = |at_least| Policy { max_cordons: Budget::Percent { percent: 30, at_least }, ..policy() };
    assert_eq!(found(&snapshot, &budget(0), [cordon("a"), cordon("b")]), []);
    let three = || [cordon("a"), cordon("b"), cordon("c")];
    let expected = Violation::TooManyCordons { cordons: 3, allowed: 2, managed: 4 };
    assert_eq!(found(&snapshot, &budget(0), three()), [expected]);
    assert_eq!(found(&snapshot, &budget(3), three()), [], "the floor of the budget");
}
