//! The plan as a whole: its observation, its guard, its order, its verdicts.

use crate::check::fixtures::*;
use crate::check::{Direction, Violation, check};
use crate::model::{Node, Snapshot, annotation};
use crate::plan::{CordonReason, NodeState, Since, TooManyBroken, UnmarkReason, Verdict};
use crate::policy::Policy;

#[test]
fn a_plan_that_keeps_every_promise_passes() {
    let snapshot = world(
        vec![
            cordoned("back"),
            node("busy"),
            cordoned("gone").not_ready_for(3600),
            node("idle"),
            cordoned("marked"),
            cordoned("refilled").empty_for(600),
        ],
        vec![critical("hub", "busy"), user("alice", "refilled")],
    );
    let actions = vec![
        uncordon("back"),
        grow(None, 6, 7),
        cordon("idle"),
        delete("gone"),
        mark("marked"),
        unmark("refilled", UnmarkReason::Occupied),
    ];
    assert_eq!(found(&snapshot, &policy(), actions), []);
}

#[test]
fn a_plan_must_be_of_this_observation() {
    let snapshot = world(vec![node("a")], vec![]);
    let mut other = plan(&snapshot, &policy(), []);
    other.observed_at = ago(60);
    let expected = Violation::OtherObservation { plan: ago(60), snapshot: NOW };
    assert_eq!(check(&snapshot, &policy(), &other), [expected]);
}

#[test]
fn no_plan_is_made_without_managed_nodes_unless_a_group_is_named() {
    let snapshot = world(vec![node("a").labelled("omit", "")], vec![]);
    assert_eq!(found(&snapshot, &policy(), []), [Violation::NoManagedNode { nodes: 1 }]);
    let named = Policy { node_groups_named: true, ..policy() };
    assert_eq!(found(&snapshot, &named, []), []);
}

#[test]
fn no_plan_is_made_when_not_one_pod_is_visible() {
    let snapshot = Snapshot::new(NOW, vec![node("a")], vec![], vec![], 0).unwrap();
    assert_eq!(found(&snapshot, &policy(), []), [Violation::NoPodVisible { nodes: 1 }]);
}

#[test]
fn the_guard_is_set_exactly_when_too_many_nodes_are_broken_or_not_in_use() {
    // 45 % of 7 is 3.15: three such nodes are allowed, four are not.
    let cluster = |bad: &[Node]| {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let good = names.iter().skip(bad.len()).map(|name| node(name));
        world(bad.iter().cloned().chain(good).collect(), vec![])
    };
    let lost_agent = |name| node(name).tainted("node.cilium.io/agent-not-ready");
    let broken = |name| node(name).not_ready_for(3600);
    let three = cluster(&[broken("a"), lost_agent("b"), broken("c")]);
    let four = cluster(&[broken("a"), lost_agent("b"), broken("c"), lost_agent("d")]);
    assert_eq!(found(&three, &policy(), []), []);
    let missing = Violation::GuardDiffers { broken: 4, managed: 7, guarded: false };
    assert_eq!(found(&four, &policy(), []), [missing]);
    let pressed = node("d").tainted("node.kubernetes.io/memory-pressure");
    let spared = cluster(&[broken("a"), broken("b"), broken("c"), pressed]);
    assert_eq!(found(&spared, &policy(), []), [], "pressure does not count");

    let mut guarded = plan(&three, &policy(), []);
    guarded.guard = Some(TooManyBroken { broken: 3, managed: 7, max_percent: 45, ok_nodes: 3 });
    let unfounded = Violation::GuardDiffers { broken: 3, managed: 7, guarded: true };
    assert_eq!(check(&three, &policy(), &guarded), [unfounded]);
    let lenient = Policy { ok_unready_nodes: 5, ..policy() };
    assert_eq!(found(&four, &lenient, []), []);
}

#[test]
fn under_the_guard_only_uncordons_are_allowed() {
    let broken = |name| node(name).not_ready_for(3600);
    let nodes =
        vec![broken("a"), broken("b"), broken("c"), cordoned("d"), cordoned("e").not_ready_for(0), node("f")];
    let snapshot = world(nodes, vec![]);
    let mut guarded = plan(&snapshot, &policy(), [uncordon("d"), grow(None, 6, 7), mark("e")]);
    guarded.guard = Some(TooManyBroken { broken: 3, managed: 6, max_percent: 45, ok_nodes: 3 });
    let expected = [Violation::ActsUnderGuard { verb: "grow" }, Violation::ActsUnderGuard { verb: "mark" }];
    assert_eq!(check(&snapshot, &policy(), &guarded), expected);
}

#[test]
fn capacity_is_added_before_any_is_taken() {
    let snapshot = world(vec![node("a"), cordoned("b"), node("c")], vec![]);
    let expected = Violation::OutOfOrder { earlier: "cordon", later: "uncordon" };
    assert_eq!(found(&snapshot, &policy(), [cordon("a"), uncordon("b")]), [expected]);
    assert_eq!(found(&snapshot, &policy(), [uncordon("b"), cordon("a")]), []);
}

#[test]
fn nodes_that_are_not_managed_are_not_acted_on() {
    let hands = vec![
        node("a").labelled("omit", ""),
        node("a").labelled("node-role.kubernetes.io/control-plane", ""),
        node("a").labelled("node-role.kubernetes.io/controlplane", "true"),
        node("a").labelled("node-role.kubernetes.io/etcd", "true"),
        node("a").labelled("type", "virtual-kubelet"),
        node("a").labelled("eks.amazonaws.com/compute-type", "fargate"),
        node("a").tainted("virtual-kubelet.io/provider"),
        node("a").tainted("ToBeDeletedByClusterAutoscaler"),
        node("a").tainted("karpenter.sh/disruption"),
        node("a").tainted("atlassian.com/escalator-force"),
        node("a").tainted("node.kubernetes.io/out-of-service"),
        node("a").tainted("aws-node-termination-handler/spot-itn"),
        node("a").tainted("remediator.example.org/hold"),
        node("a").annotated(annotation::REBOOT_IN_PROGRESS, ""),
        node("a").annotated(annotation::MACHINE_CONFIG_STATE, "Working"),
        node("a").annotated(annotation::SRIOV_STATE, "Draining"),
        node("a").annotated(annotation::FLATCAR_REBOOT, "true"),
        node("a").annotated(annotation::HARVESTER_MAINTENANCE, "completed"),
        node("a").annotated(annotation::DECKHOUSE_DRAINED, ""),
        node("a").tainted("medik8s.io/drain"),
        node("a").labelled("nvidia.com/gpu-driver-upgrade-state", "drain-required"),
        node("a").labelled("nvidia.com/gpu-driver-upgrade-state", "upgrade-failed"),
        node("a").labelled("nvidia.com/ofed-driver-upgrade-state", "drain-required"),
        node("a").labelled("dgxc.nvidia.com/nvsentinel-state", "draining"),
        node("a").labelled("cloud.google.com/active-node-maintenance", "ONGOING"),
        node("a").labelled("node.machine.sapcloud.io/selected-for-update", "true"),
        node("a").labelled("aws-node-termination-handler/action", "UncordonAfterReboot"),
        node("a").labelled("liqo.io/type", "virtual-node"),
        node("a").labelled("type", "kwok"),
        node("a").tainted("cloud.google.com/maintenance-window-started"),
        node("a").tainted("medik8s.io/fence-agents-remediation"),
        node("a").tainted("remediation.medik8s.io/fence-agents-remediation"),
        node("a").tainted("kubevirt.io/drain"),
        node("a").change(|node| node.deleting = true),
        node("a").change(|node| node.unreadable = Some(text("status.allocatable.memory: 3x"))),
    ];
    for untouchable in hands {
        let snapshot = world(vec![untouchable.clone(), node("z")], vec![]);
        let expected = [Violation::Unmanaged { node: text("a"), verb: "cordon" }];
        assert_eq!(found(&snapshot, &policy(), [cordon("a")]), expected, "{untouchable:?}");
    }
    for touchable in [
        node("a").labelled("node-role.kubernetes.io/worker", ""),
        node("a").labelled("type", "large"),
        node("a").annotated(annotation::MACHINE_CONFIG_STATE, "Done"),
        node("a").annotated(annotation::SRIOV_STATE, "Idle"),
        node("a").annotated(annotation::FLATCAR_REBOOT, "false"),
        node("a").labelled("nvidia.com/gpu-driver-upgrade-state", "upgrade-required"),
        node("a").labelled("nvidia.com/gpu-driver-upgrade-state", "upgrade-done"),
        node("a").labelled("nvidia.com/ofed-driver-upgrade-state", "upgrade-done"),
        node("a").labelled("cloud.google.com/active-node-maintenance", "passthrough"),
        node("a").labelled("node.machine.sapcloud.io/candidate-for-update", "true"),
    ] {
        let snapshot = world(vec![touchable, node("z")], vec![]);
        assert_eq!(found(&snapshot, &policy(), [cordon("a")]), []);
    }
    let snapshot = world(vec![node("a"), node("b").in_pool("x")], vec![]);
    let expected = [Violation::Unmanaged { node: text("a"), verb: "cordon" }];
    assert_eq!(found(&snapshot, &with_pools(), [cordon("a")]), expected);
}

#[test]
fn only_nodes_of_the_snapshot_are_acted_on_and_each_once() {
    let snapshot = world(vec![cordoned("a"), node("b")], vec![]);
    let expected = Violation::UnknownNode { node: text("x"), verb: "cordon" };
    assert_eq!(found(&snapshot, &policy(), [cordon("x")]), [expected]);
    let expected =
        Violation::ActedOnTwice { node: text("a"), first: Direction::Uncordon, second: Direction::Delete };
    assert_eq!(found(&snapshot, &policy(), [uncordon("a"), delete("a")]), [expected]);
}

#[test]
fn every_node_has_one_verdict_that_agrees_with_its_action() {
    let snapshot = world(vec![node("a"), node("b")], vec![user("alice", "a")]);
    let good = plan(&snapshot, &policy(), [cordon("b")]);

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
    let snapshot = world(vec![node("a")], vec![user("alice", "a")]);
    let good = plan(&snapshot, &policy(), []);
    let changed = |change: fn(&mut crate::plan::NodeVerdict)| {
        let mut bad = good.clone();
        change(&mut bad.nodes[0]);
        match &*check(&snapshot, &policy(), &bad) {
            [Violation::FactDiffers { fact, .. }] => *fact,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(changed(|node| node.managed = false), "managed");
    assert_eq!(changed(|node| node.pool = text("x")), "pool");
    assert_eq!(changed(|node| node.reserved = true), "reserved");
    assert_eq!(changed(|node| node.state = NodeState::Broken), "state");
    assert_eq!(changed(|node| node.occupants = 0), "occupants");
    assert_eq!(changed(|node| node.critical = true), "critical");
    assert_eq!(changed(|node| node.requested.memory.0 += 1), "requested memory");
    assert_eq!(changed(|node| node.requested.cpu.0 += 1), "requested cpu");
    assert_eq!(changed(|node| node.capacity.memory.0 -= 1), "memory capacity");
    assert_eq!(changed(|node| node.capacity.cpu.0 -= 1), "cpu capacity");
}

#[test]
fn a_node_of_which_two_states_are_true_may_be_called_either() {
    let both = cordoned("a").claimed_for_another(120).tainted("node.kubernetes.io/disk-pressure");
    let snapshot = world(vec![both, node("b")], vec![]);
    let mut good = plan(&snapshot, &policy(), []);
    for (state, right) in
        [(NodeState::Claimed, true), (NodeState::UnderPressure, true), (NodeState::Cordoned, false)]
    {
        good.nodes[0].state = state;
        assert_eq!(check(&snapshot, &policy(), &good).is_empty(), right, "{state:?}");
    }
}
