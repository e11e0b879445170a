//! For every promise a plan that breaks it, and next to it the plan that just keeps it.

use std::sync::Arc;

use jiff::SignedDuration;

use super::fixtures::*;
use super::*;
use crate::model::{Instance, Node, NodeGroup, Pod, Taint, TaintEffect, annotation};
use crate::plan::{Action, CordonReason, Limit, NodeState, Refusal, Since, TooManyBroken, Verdict};
use crate::policy::Budget;

/// What the checker finds in a plan of these actions.
fn found(snapshot: &Snapshot, policy: &Policy, actions: Vec<Action>) -> Vec<Violation> {
    check(snapshot, policy, &plan(snapshot, policy, actions))
}

fn text(value: &str) -> String {
    value.to_owned()
}

#[test]
fn a_plan_that_keeps_every_promise_passes() {
    let snapshot = world(
        vec![
            cordoned("back"),
            node("busy"),
            cordoned("gone"),
            node("idle"),
            cordoned("marked"),
            with_annotation(cordoned("refilled"), annotation::EMPTY_SINCE, "2027-01-01T00:00:00Z"),
        ],
        vec![critical("hub", "busy"), user("alice", "refilled")],
        vec![],
    );
    let actions = vec![
        uncordon("back"),
        grow(None, 6, 7),
        cordon("idle"),
        delete("gone"),
        mark("marked"),
        unmark("refilled"),
    ];
    assert_eq!(found(&snapshot, &policy(), actions), []);
}

#[test]
fn a_plan_must_be_of_this_observation() {
    let snapshot = world(vec![node("a")], vec![], vec![]);
    let mut other = plan(&snapshot, &policy(), vec![]);
    other.observed_at = ago(60);
    let expected = Violation::OtherObservation { plan: ago(60), snapshot: NOW };
    assert_eq!(check(&snapshot, &policy(), &other), [expected]);
}

#[test]
fn no_plan_is_made_without_managed_nodes_unless_a_group_is_named() {
    let snapshot = world(vec![with_label(node("a"), "omit", "")], vec![], vec![]);
    assert_eq!(found(&snapshot, &policy(), vec![]), [Violation::NoManagedNode { nodes: 1 }]);
    let named = Policy { node_groups_named: true, ..policy() };
    assert_eq!(found(&snapshot, &named, vec![]), []);
}

#[test]
fn no_plan_is_made_when_not_one_pod_is_visible() {
    let snapshot = Snapshot::new(NOW, vec![node("a")], vec![], vec![], 0).unwrap();
    assert_eq!(found(&snapshot, &policy(), vec![]), [Violation::NoPodVisible { nodes: 1 }]);
}

#[test]
fn the_guard_is_set_exactly_when_too_many_nodes_are_broken() {
    // 45 % of 7 is 3.15: three broken nodes are allowed, four are not.
    let cluster = |broken: usize| {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let nodes = names.iter().enumerate();
        let nodes = nodes.map(|(at, name)| if at < broken { not_ready(name, 3600) } else { node(name) });
        world(nodes.collect(), vec![], vec![])
    };
    assert_eq!(found(&cluster(3), &policy(), vec![]), []);
    let missing = Violation::GuardDiffers { broken: 4, managed: 7, guarded: false };
    assert_eq!(found(&cluster(4), &policy(), vec![]), [missing]);
    let mut guarded = plan(&cluster(3), &policy(), vec![]);
    guarded.guard = Some(TooManyBroken { broken: 3, managed: 7, max_percent: 45, ok_nodes: 3 });
    let unfounded = Violation::GuardDiffers { broken: 3, managed: 7, guarded: true };
    assert_eq!(check(&cluster(3), &policy(), &guarded), [unfounded]);
    let lenient = Policy { ok_unready_nodes: 5, ..policy() };
    assert_eq!(found(&cluster(4), &lenient, vec![]), []);
}

#[test]
fn under_the_guard_only_uncordons_are_allowed() {
    let nodes = vec![
        not_ready("a", 3600),
        not_ready("b", 3600),
        not_ready("c", 3600),
        cordoned("d"),
        cordoned("e"),
        node("f"),
    ];
    let snapshot = world(nodes, vec![], vec![]);
    let mut guarded = plan(&snapshot, &policy(), vec![uncordon("d"), grow(None, 6, 7), mark("e")]);
    guarded.guard = Some(TooManyBroken { broken: 3, managed: 6, max_percent: 45, ok_nodes: 3 });
    let expected = [Violation::ActsUnderGuard { verb: "grow" }, Violation::ActsUnderGuard { verb: "mark" }];
    assert_eq!(check(&snapshot, &policy(), &guarded), expected);
}

#[test]
fn capacity_is_added_before_any_is_taken() {
    let snapshot = world(vec![node("a"), cordoned("b"), node("c")], vec![], vec![]);
    let expected = Violation::OutOfOrder { earlier: "cordon", later: "uncordon" };
    assert_eq!(found(&snapshot, &policy(), vec![cordon("a"), uncordon("b")]), [expected]);
}

#[test]
fn only_managed_nodes_of_the_snapshot_are_acted_on_and_each_once() {
    let taint = Taint {
        key: text("ToBeDeletedByClusterAutoscaler"),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
        added_at: None,
    };
    let hands = [
        with_label(node("omitted"), "omit", ""),
        with_label(node("control"), "node-role.kubernetes.io/control-plane", ""),
        with_annotation(node("kured"), annotation::REBOOT_IN_PROGRESS, ""),
        Node { deleting: true, ..node("leaving") },
        Node { taints: vec![taint], ..node("autoscaled") },
    ];
    for untouchable in hands {
        let name = untouchable.name.clone();
        let snapshot = world(vec![untouchable, node("z")], vec![], vec![]);
        let expected = vec![Violation::Unmanaged { node: name.clone(), verb: "cordon" }];
        assert_eq!(found(&snapshot, &policy(), vec![cordon(&name)]), expected);
    }
    let snapshot = world(vec![cordoned("a"), node("b")], vec![], vec![]);
    let expected = Violation::UnknownNode { node: text("x"), verb: "cordon" };
    assert_eq!(found(&snapshot, &policy(), vec![cordon("x")]), [expected]);
    let expected =
        Violation::ActedOnTwice { node: text("a"), first: Direction::Uncordon, second: Direction::Delete };
    assert_eq!(found(&snapshot, &policy(), vec![uncordon("a"), delete("a")]), [expected]);
}

#[test]
fn every_node_has_one_verdict_that_agrees_with_its_action() {
    let snapshot = world(vec![node("a"), node("b")], vec![user("alice", "a")], vec![]);
    let good = plan(&snapshot, &policy(), vec![cordon("b")]);

    let mut bad = good.clone();
    bad.nodes.pop();
    assert_eq!(check(&snapshot, &policy(), &bad), [Violation::Verdicts { node: text("b"), count: 0 }]);

    let mut bad = good.clone();
    bad.nodes.extend(good.nodes.first().cloned());
    assert_eq!(check(&snapshot, &policy(), &bad), [Violation::Verdicts { node: text("a"), count: 2 }]);

    let mut bad = good.clone();
    bad.actions.clear();
    let differs = Violation::VerdictDiffers { node: text("b"), verdict: "cordon", action: "none" };
    assert_eq!(check(&snapshot, &policy(), &bad), [differs]);

    let mut bad = good.clone();
    bad.nodes[1].verdict = Verdict::Cordon(CordonReason::Broken { since: Since(None) });
    assert!(matches!(&*check(&snapshot, &policy(), &bad), [Violation::ReasonDiffers { .. }]));

    let mut bad = good;
    bad.nodes[1].name = text("x");
    let expected = [
        Violation::VerdictOnUnknownNode { node: text("x") },
        Violation::Verdicts { node: text("b"), count: 0 },
    ];
    assert_eq!(check(&snapshot, &policy(), &bad), expected);
}

#[test]
fn the_verdicts_facts_are_those_of_the_snapshot() {
    let snapshot = world(vec![node("a")], vec![user("alice", "a")], vec![]);
    let good = plan(&snapshot, &policy(), vec![]);
    let fact = |fact, plan, expected| {
        vec![Violation::FactDiffers { node: text("a"), fact, plan: text(plan), expected: text(expected) }]
    };
    let mut bad = good.clone();
    bad.nodes[0].occupants = 0;
    assert_eq!(check(&snapshot, &policy(), &bad), fact("occupants", "0", "1"));
    let mut bad = good.clone();
    bad.nodes[0].critical = true;
    assert_eq!(check(&snapshot, &policy(), &bad), fact("critical", "true", "false"));
    let mut bad = good;
    bad.nodes[0].state = NodeState::Broken;
    assert_eq!(check(&snapshot, &policy(), &bad), fact("state", "Broken", "Serving"));
}

#[test]
fn a_critical_node_is_neither_cordoned_nor_left_under_our_cordon() {
    let snapshot = world(vec![node("a"), node("b")], vec![critical("hub", "a")], vec![]);
    let expected =
        Violation::CriticalNode { node: text("a"), direction: Direction::Cordon, pod: text("hub/hub") };
    assert_eq!(found(&snapshot, &policy(), vec![cordon("a")]), [expected]);

    let snapshot = world(vec![cordoned("a"), node("b")], vec![critical("hub", "a")], vec![]);
    let expected = Violation::CriticalStaysCordoned { node: text("a"), pod: text("hub/hub") };
    assert_eq!(found(&snapshot, &policy(), vec![]), [expected]);
    assert_eq!(found(&snapshot, &policy(), vec![uncordon("a")]), []);
}

#[test]
fn a_safe_to_evict_false_pod_is_critical_whatever_its_labels() {
    let pod = Pod { safe_to_evict: Some(false), ..user("alice", "a") };
    let snapshot = world(vec![node("a"), node("b")], vec![pod], vec![]);
    assert!(matches!(
        &*found(&snapshot, &policy(), vec![cordon("a")]),
        [Violation::CriticalNode { pod, .. }] if pod == "hub/alice"
    ));
}

#[test]
fn a_pinned_node_is_neither_cordoned_nor_deleted() {
    let pinned = |node| with_annotation(node, annotation::SCALE_DOWN_DISABLED, "true");
    let snapshot = world(vec![pinned(node("a")), pinned(cordoned("b")), node("c")], vec![], vec![]);
    let expected = |node, direction| vec![Violation::ScaleDownDisabled { node: text(node), direction }];
    assert_eq!(found(&snapshot, &policy(), vec![cordon("a")]), expected("a", Direction::Cordon));
    assert_eq!(found(&snapshot, &policy(), vec![delete("b")]), expected("b", Direction::Delete));
}

#[test]
fn cordons_of_others_are_left_alone_without_adoption_or_with_a_critical_pod() {
    let keep = Policy { adopt_cordons: false, ..policy() };
    let snapshot = world(vec![cordoned_by_others("a"), node("b")], vec![], vec![]);
    let expected = |direction| vec![Violation::CordonedByOthers { node: text("a"), direction }];
    assert_eq!(found(&snapshot, &keep, vec![uncordon("a")]), expected(Direction::Uncordon));
    assert_eq!(found(&snapshot, &keep, vec![delete("a")]), expected(Direction::Delete));
    assert_eq!(found(&snapshot, &policy(), vec![uncordon("a")]), []);
    assert_eq!(found(&snapshot, &policy(), vec![delete("a")]), []);

    let snapshot = world(vec![cordoned_by_others("a"), node("b")], vec![critical("hub", "a")], vec![]);
    assert_eq!(found(&snapshot, &policy(), vec![]), []);
    assert_eq!(found(&snapshot, &policy(), vec![uncordon("a")]), expected(Direction::Uncordon));
}

#[test]
fn a_node_that_another_run_is_deleting_is_left_to_it() {
    let claimed_until = |moment: jiff::Timestamp| {
        let node_a = with_annotation(cordoned("a"), annotation::DELETING_UNTIL, &moment.to_string());
        world(vec![node_a, node("b")], vec![], vec![])
    };
    let expected = |direction| vec![Violation::Claimed { node: text("a"), direction }];
    let snapshot = claimed_until(ago(-300));
    assert_eq!(found(&snapshot, &policy(), vec![uncordon("a")]), expected(Direction::Uncordon));
    assert_eq!(found(&snapshot, &policy(), vec![delete("a")]), expected(Direction::Delete));
    let marked = Violation::MarkUnfounded { node: text("a"), why: "another run is about to delete it" };
    assert_eq!(found(&snapshot, &policy(), vec![mark("a")]), [marked]);
    // A claim that has run out, or that a wrong clock made, binds nobody.
    assert_eq!(found(&claimed_until(ago(0)), &policy(), vec![delete("a")]), []);
    assert_eq!(found(&claimed_until(ago(-86_400)), &policy(), vec![delete("a")]), []);
}

#[test]
fn only_ready_cordoned_nodes_are_uncordoned_and_only_schedulable_ones_cordoned() {
    let asleep = Node { unschedulable: true, ..not_ready("asleep", 3600) };
    let nodes = vec![node("a"), cordoned("b"), asleep, not_ready("boots", 60)];
    let snapshot = world(nodes, vec![], vec![]);
    let cases = [
        (uncordon("a"), Violation::NotCordoned { node: text("a") }),
        (cordon("b"), Violation::AlreadyCordoned { node: text("b") }),
        (
            uncordon("asleep"),
            Violation::UncordonOfNotReady { node: text("asleep"), state: NodeState::Broken },
        ),
        (cordon("boots"), Violation::CordonOfBooting { node: text("boots") }),
    ];
    for (action, expected) in cases {
        assert_eq!(found(&snapshot, &policy(), vec![action]), [expected]);
    }
}

#[test]
fn cordons_and_deletions_stay_within_their_budgets() {
    let nodes = ["a", "b", "c", "d"].map(node);
    let snapshot = world(nodes.to_vec(), vec![], vec![]);
    // 30 % of 4 nodes is 1.2: two are allowed.
    let budget = Policy { max_cordons: Budget::Percent(30), ..policy() };
    assert_eq!(found(&snapshot, &budget, vec![cordon("a"), cordon("b")]), []);
    let expected = Violation::TooManyCordons { cordons: 3, allowed: 2, managed: 4 };
    assert_eq!(found(&snapshot, &budget, vec![cordon("a"), cordon("b"), cordon("c")]), [expected]);

    let nodes = [cordoned("a"), cordoned("b"), node("c")];
    let snapshot = world(nodes.to_vec(), vec![], vec![]);
    let budget = Policy { max_deletions: Budget::Count(1), ..policy() };
    let expected = Violation::TooManyDeletions { deletions: 2, allowed: 1, managed: 3 };
    assert_eq!(found(&snapshot, &budget, vec![delete("a"), delete("b")]), [expected]);
}

#[test]
fn a_zone_that_has_a_serving_node_keeps_one() {
    let nodes = [in_zone(node("a"), "east"), in_zone(node("b"), "west"), in_zone(cordoned("c"), "east")];
    let snapshot = world(nodes.to_vec(), vec![], vec![]);
    let expected = Violation::ZoneUnserved { zone: text("east"), before: 1 };
    assert_eq!(found(&snapshot, &policy(), vec![cordon("a")]), [expected]);
    assert_eq!(found(&snapshot, &policy(), vec![uncordon("c"), cordon("a")]), []);
    let careless = Policy { keep_zones: false, ..policy() };
    assert_eq!(found(&snapshot, &careless, vec![cordon("a")]), []);
}

#[test]
fn fewer_than_min_nodes_stay_only_when_every_node_there_is_used() {
    let two = Policy { min_nodes: 2, ..policy() };
    let snapshot = world(vec![node("a"), cordoned("b")], vec![], vec![]);
    let expected = Violation::TooFewNodes { after: 1, min: 2, unused: text("b") };
    assert_eq!(found(&snapshot, &two, vec![]), [expected]);
    assert_eq!(found(&snapshot, &two, vec![uncordon("b")]), []);
    assert_eq!(found(&snapshot, &two, vec![grow(None, 2, 3)]), []);
    // A booting node counts, and a broken one could not serve.
    let snapshot = world(vec![node("a"), cordoned("b"), not_ready("c", 60)], vec![], vec![]);
    assert_eq!(found(&snapshot, &two, vec![]), []);
    let snapshot = world(vec![node("a"), not_ready("c", 3600)], vec![], vec![]);
    assert_eq!(found(&snapshot, &two, vec![]), []);
}

#[test]
fn groups_only_ever_grow_from_the_size_that_they_have() {
    let snapshot = world(vec![in_group(node("a"), "z/pool")], vec![], vec![group("z/pool", 3)]);
    let pool = || text("z/pool");
    let cases = [
        (grow(Some("z/pool"), 3, 4), vec![]),
        (grow(Some("z/pool"), 3, 2), vec![Violation::DoesNotGrow { group: pool(), from: 3, to: 2 }]),
        (grow(Some("z/pool"), 1, 2), vec![Violation::GrowsFromElsewhere { group: pool(), from: 1, size: 3 }]),
        (grow(Some("z/other"), 0, 1), vec![Violation::UnknownGroup { group: text("z/other") }]),
        (grow(None, 1, 2), vec![Violation::GroupNotNamed { groups: 1 }]),
    ];
    for (action, expected) in cases {
        assert_eq!(found(&snapshot, &policy(), vec![action]), expected);
    }
    let twice = vec![grow(Some("z/pool"), 3, 4), grow(Some("z/pool"), 3, 4)];
    assert_eq!(found(&snapshot, &policy(), twice), [Violation::GrownTwice { group: pool() }]);
}

#[test]
fn a_group_that_fails_or_is_not_ours_does_not_grow() {
    let grown = |group| {
        let snapshot = world(vec![in_group(node("a"), "z/pool")], vec![], vec![group]);
        found(&snapshot, &policy(), vec![grow(Some("z/pool"), 1, 2)])
    };
    let instance = |seconds, error: Option<&str>| Instance {
        name: text("new"),
        has_node: false,
        created_at: Some(ago(seconds)),
        creation_error: error.map(str::to_owned),
    };
    let with = |instance| NodeGroup { instances: vec![instance], ..group("z/pool", 1) };
    assert_eq!(grown(with(instance(60, None))), []);
    assert!(matches!(&*grown(with(instance(3600, None))), [Violation::NotGrowable { .. }]));
    assert!(matches!(&*grown(with(instance(60, Some("QUOTA")))), [Violation::NotGrowable { .. }]));
    let autoscaled = NodeGroup { not_growable: Some(text("an autoscaler")), ..group("z/pool", 1) };
    assert!(matches!(&*grown(autoscaled), [Violation::NotGrowable { why, .. }] if why == "an autoscaler"));

    let foreign = with_label(in_group(node("b"), "z/foreign"), "omit", "");
    let snapshot = world(vec![node("a"), foreign], vec![], vec![group("z/foreign", 1)]);
    let actions = || vec![grow(Some("z/foreign"), 1, 2)];
    assert_eq!(
        found(&snapshot, &policy(), actions()),
        [Violation::GroupNotManaged { group: text("z/foreign") }]
    );
    let named = Policy { node_groups_named: true, ..policy() };
    assert_eq!(found(&snapshot, &named, actions()), []);
}

#[test]
fn nodes_instances_and_new_ones_together_stay_within_max_nodes() {
    let five = Policy { max_nodes: 5, ..policy() };
    let instance = Instance { name: text("new"), ..Instance::default() };
    let pool = NodeGroup { instances: vec![instance], ..group("z/pool", 3) };
    let nodes = vec![in_group(node("a"), "z/pool"), cordoned("b")];
    let snapshot = world(nodes, vec![], vec![pool]);
    assert_eq!(found(&snapshot, &five, vec![grow(Some("z/pool"), 3, 5)]), []);
    let expected = Violation::TooManyNodes { new: 3, managed: 2, instances: 1, max: 5 };
    assert_eq!(found(&snapshot, &five, vec![grow(Some("z/pool"), 3, 6)]), [expected]);
}

#[test]
fn only_nodes_that_were_cordoned_and_lose_nothing_are_deleted() {
    let delete_with = |pod: Pod| {
        let snapshot = world(vec![cordoned("a"), node("b")], vec![pod], vec![]);
        found(&snapshot, &policy(), vec![delete("a")])
    };
    let occupied = Violation::DeleteOfOccupied { node: text("a"), occupants: 1, pod: text("hub/alice") };
    assert_eq!(delete_with(user("alice", "a")), [occupied]);

    let lost = || vec![Violation::DeleteLosesPod { node: text("a"), pod: text("kube-system/p") }];
    let deployed = || system("p", "a", "ReplicaSet", "dns");
    assert_eq!(delete_with(deployed()), []);
    assert_eq!(delete_with(Pod { controller: None, ..deployed() }), lost());
    assert_eq!(delete_with(system("p", "a", "Job", "backup")), lost());
    assert_eq!(delete_with(Pod { safe_to_evict: Some(false), ..deployed() }), lost());
    assert_eq!(delete_with(Pod { local_volume: Some(Arc::from("data")), ..deployed() }), lost());
    // Daemons go with their node, whatever they mount; so do static pods.
    let daemon = system("p", "a", "DaemonSet", "proxy");
    assert_eq!(delete_with(Pod { local_volume: Some(Arc::from("run")), ..daemon }), []);
    assert_eq!(delete_with(Pod { mirror: true, controller: None, ..deployed() }), []);

    let snapshot = world(vec![node("a"), node("b")], vec![], vec![]);
    let expected = Violation::DeleteOfSchedulable { node: text("a") };
    assert_eq!(found(&snapshot, &policy(), vec![delete("a")]), [expected]);
}

#[test]
fn a_node_is_deleted_only_from_a_group_that_may_be_shrunk() {
    let delete_from = |node_a: Node, pool: NodeGroup| {
        let snapshot = world(vec![node_a, in_group(node("b"), "z/pool")], vec![], vec![pool]);
        found(&snapshot, &policy(), vec![delete("a")])
    };
    let member = || in_group(cordoned("a"), "z/pool");
    assert_eq!(delete_from(member(), group("z/pool", 2)), []);

    let why = || text("its instance is gone");
    let outside = Node { outside: Some(why()), ..cordoned("a") };
    let expected = Violation::DeleteOutsideGroups { node: text("a"), why: why() };
    assert_eq!(delete_from(outside, group("z/pool", 1)), [expected]);

    let redistributed = NodeGroup { not_shrinkable: Some(text("redistribution")), ..group("z/pool", 2) };
    let expected =
        Violation::DeleteFromGroup { node: text("a"), group: text("z/pool"), why: text("redistribution") };
    assert_eq!(delete_from(member(), redistributed), [expected]);
}

#[test]
fn the_node_of_this_run_is_not_deleted_but_its_own_pod_does_not_fill_it() {
    let snapshot = world(vec![cordoned("a"), node("b")], vec![critical("me", "a")], vec![]);
    let expected = [Violation::DeleteOfOwnNode { node: text("a") }];
    let by_pod = Policy { own_pod: Some((text("hub"), text("me"))), ..policy() };
    assert_eq!(found(&snapshot, &by_pod, vec![delete("a")]), expected);
    let by_node = Policy { own_node: Some(text("a")), ..by_pod };
    assert_eq!(found(&snapshot, &by_node, vec![delete("a")]), expected);
}

#[test]
fn a_node_is_deleted_only_after_its_grace() {
    let grace = Policy { empty_grace: SignedDuration::from_mins(30), ..policy() };
    let early = |mark: Option<&str>| {
        let mut node_a = cordoned("a");
        node_a.annotations.extend(mark.map(|mark| (text(annotation::EMPTY_SINCE), text(mark))));
        let snapshot = world(vec![node_a, node("b")], vec![], vec![]);
        found(&snapshot, &grace, vec![delete("a")])
    };
    let too_early = |empty_seconds| {
        vec![Violation::DeleteTooEarly { node: text("a"), empty_seconds, grace_seconds: 1800 }]
    };
    assert_eq!(early(Some(&ago(1800).to_string())), []);
    assert_eq!(early(Some(&ago(1799).to_string())), too_early(1799));
    assert_eq!(early(Some(&ago(-3600).to_string())), too_early(0));
    assert_eq!(early(Some("yesterday")), too_early(0));
    assert_eq!(early(None), too_early(0));
}

#[test]
fn a_ready_node_is_kept_in_reserve_while_too_few_serve() {
    // One serves and one boots: MIN_NODES is reached, but not by nodes that serve.
    let two = Policy { min_nodes: 2, ..policy() };
    let nodes = vec![node("a"), not_ready("b", 60), cordoned("c")];
    let snapshot = world(nodes, vec![], vec![]);
    let expected = Violation::DeleteOfReserve { node: text("c"), serving: 1, min: 2 };
    assert_eq!(found(&snapshot, &two, vec![delete("c")]), [expected]);
    // A broken node is no reserve.
    let broken = Node { unschedulable: true, ..not_ready("c", 3600) };
    let snapshot = world(vec![node("a"), not_ready("b", 60), broken], vec![], vec![]);
    assert_eq!(found(&snapshot, &two, vec![delete("c")]), []);
}

#[test]
fn the_last_node_of_a_zone_and_of_the_cluster_stays() {
    let nodes = [in_zone(cordoned("a"), "east"), in_zone(cordoned("b"), "east"), in_zone(node("c"), "west")];
    let snapshot = world(nodes.to_vec(), vec![], vec![]);
    assert_eq!(found(&snapshot, &policy(), vec![delete("a")]), []);
    let expected = Violation::ZoneDeleted { zone: text("east"), deleted: 2 };
    assert_eq!(found(&snapshot, &policy(), vec![delete("a"), delete("b")]), [expected]);

    let snapshot = world(vec![cordoned("a"), cordoned("b")], vec![], vec![]);
    assert_eq!(found(&snapshot, &policy(), vec![delete("a")]), []);
    let all = || vec![delete("a"), delete("b")];
    assert_eq!(found(&snapshot, &policy(), all()), [Violation::ClusterDeleted { deleted: 2 }]);
    let named = Policy { node_groups_named: true, ..policy() };
    assert_eq!(found(&snapshot, &named, all()), []);
}

#[test]
fn two_pods_of_one_controller_never_go_in_one_run() {
    let pods =
        |second| vec![system("dns-1", "a", "ReplicaSet", "dns"), system("dns-2", "b", "ReplicaSet", second)];
    let nodes = || vec![cordoned("a"), cordoned("b"), node("c")];
    let actions = || vec![delete("a"), delete("b")];
    let expected =
        Violation::SharedController { first: text("a"), second: text("b"), controller: text("uid-dns") };
    assert_eq!(found(&world(nodes(), pods("dns"), vec![]), &policy(), actions()), [expected]);
    assert_eq!(found(&world(nodes(), pods("metrics"), vec![]), &policy(), actions()), []);
}

#[test]
fn marks_say_what_is_true() {
    let emptied = |node| with_annotation(node, annotation::EMPTY_SINCE, "2027-01-01T00:00:00Z");
    let cluster = |nodes| world(nodes, vec![user("alice", "a")], vec![]);

    let snapshot = cluster(vec![cordoned("a"), node("b"), cordoned("c")]);
    for (name, why) in [("a", "it is not empty"), ("b", "it is schedulable")] {
        let expected = Violation::MarkUnfounded { node: text(name), why };
        assert_eq!(found(&snapshot, &policy(), vec![mark(name)]), [expected]);
    }
    let expected = Violation::MarkUnfounded { node: text("c"), why: "it is uncordoned or deleted" };
    assert_eq!(found(&snapshot, &policy(), vec![delete("c"), mark("c")]), [expected]);
    let expected = Violation::UnmarkUnfounded { node: text("c"), why: "it carries none that is untrue" };
    assert_eq!(found(&snapshot, &policy(), vec![unmark("c")]), [expected]);

    let snapshot = cluster(vec![emptied(cordoned("a")), node("b")]);
    assert_eq!(found(&snapshot, &policy(), vec![]), [Violation::StaleMark { node: text("a") }]);
    assert_eq!(found(&snapshot, &policy(), vec![unmark("a")]), []);

    // The cordon's own patch writes the marks anew; removing them after it would hand the node to "others".
    let snapshot = cluster(vec![node("a"), emptied(node("b"))]);
    assert_eq!(found(&snapshot, &policy(), vec![unmark("b")]), []);
    let why = "another action of the plan writes them";
    let expected = Violation::UnmarkUnfounded { node: text("b"), why };
    assert_eq!(found(&snapshot, &policy(), vec![cordon("b"), unmark("b")]), [expected]);
}

#[test]
fn the_outcome_shows_what_was_done_and_what_boots() {
    let nodes = vec![cordoned("a"), node("b"), cordoned("c")];
    let snapshot = world(nodes, vec![], vec![]);
    let actions = vec![uncordon("a"), grow(None, 3, 5), cordon("b"), delete("c")];
    let after = outcome(&snapshot, &policy(), &plan(&snapshot, &policy(), actions)).unwrap();
    let [a, b, c] = after.nodes() else { unreachable!() };
    assert!(!a.unschedulable && a.annotations.is_empty());
    assert!(b.unschedulable && b.annotations[annotation::CORDONED_AT] == NOW.to_string());
    assert!(c.unschedulable);
    let [group] = after.groups() else { unreachable!() };
    assert_eq!((group.target_size, group.instances.len()), (5, 5));
    let new = group.instances.iter().filter(|instance| !instance.has_node);
    assert_eq!(new.map(|instance| instance.created_at).collect::<Vec<_>>(), [Some(NOW), Some(NOW)]);
    assert_eq!(group.template.as_ref().unwrap().allocatable, node("x").allocatable);
    assert_eq!(a.group.as_ref(), Some(&group.name));
}

#[test]
fn a_plan_is_settled_when_planning_again_changes_nothing_more() {
    let snapshot = world(vec![node("a"), node("b")], vec![], vec![]);
    let first = plan(&snapshot, &policy(), vec![cordon("b")]);
    let again = |actions: Vec<Action>| {
        check_settled(&snapshot, &policy(), &first, move |after, policy| {
            Ok(plan(after, policy, actions.clone()))
        })
    };
    assert_eq!(again(vec![delete("b"), mark("b")]), None);
    assert_eq!(again(vec![cordon("a")]), Some(Violation::NotSettled { verb: "cordon", what: text("a") }));
    assert_eq!(
        again(vec![grow(Some("z/pool"), 1, 2)]),
        Some(Violation::NotSettled { verb: "grow", what: text("group z/pool from 1 to 2") })
    );
    let refused = check_settled(&snapshot, &policy(), &first, |_, _| Err(Refusal::NoPodVisible { nodes: 2 }));
    assert_eq!(refused, Some(Violation::RefusedOnOutcome));

    let mut cut = first.clone();
    cut.limits.push(Limit::MaxCordons { asked: 2, allowed: 1 });
    assert_eq!(check_settled(&snapshot, &policy(), &cut, |_, _| unreachable!()), None);
}
