//! Each judgement as a table: what changed since the plan, and what becomes of the action.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::model::{Bytes, Controller, NodeResources, ReadyCondition, Requests, Taint, TaintEffect, Unbound};

fn at(seconds_ago: i64) -> Timestamp {
    let now: Timestamp = "2026-01-15T09:00:00Z".parse().unwrap();
    now - SignedDuration::from_secs(seconds_ago)
}

fn policy() -> Policy {
    Policy { min_nodes: 0, preemptible_labels: BTreeSet::from(["user".to_owned()]), ..Policy::default() }
}

/// A Ready node.
fn node() -> Node {
    Node {
        name: "n".into(),
        uid: "1".into(),
        provider_id: Some("gce://p/z/n".into()),
        ready: Some(ReadyCondition { ready: true, since: Some(at(9999)) }),
        allocatable: NodeResources { memory: Some(Bytes(8 << 30)), ..NodeResources::default() },
        ..Node::default()
    }
}

fn noted(node: Node, key: &str, value: &str) -> Node {
    let mut node = node;
    node.annotations.insert(key.to_owned(), value.to_owned());
    node
}

/// A node under our cordon of that age.
fn ours(seconds_ago: i64) -> Node {
    let node = Node { unschedulable: true, ..node() };
    noted(node, annotation::CORDONED_AT, &at(seconds_ago).to_string())
}

/// The same, with the control plane's taint of another age.
fn tainted(node: Node, seconds_ago: i64) -> Node {
    let taint = Taint {
        key: "node.kubernetes.io/unschedulable".into(),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
        added_at: Some(at(seconds_ago)),
    };
    Node { taints: vec![taint], ..node }
}

fn theirs() -> Node {
    Node { unschedulable: true, ..node() }
}

fn replaced(node: Node) -> Node {
    Node { uid: "2".into(), ..node }
}

fn disabled(node: Node) -> Node {
    noted(node, annotation::SCALE_DOWN_DISABLED, "true")
}

fn claimed(node: Node, seconds_left: i64) -> Node {
    noted(node, annotation::DELETING_UNTIL, &at(-seconds_left).to_string())
}

fn stale(stale: Stale) -> Judgement {
    Judgement::Stale(stale)
}

#[test]
fn a_cordon_is_made_once_and_not_on_a_node_that_changed_hands() {
    let cases = [
        (node(), Judgement::Go),
        (ours(5), Judgement::AlreadySo),
        (theirs(), Judgement::AlreadySo),
        (disabled(node()), stale(Stale::ScaleDownDisabled)),
        (replaced(node()), stale(Stale::Replaced)),
    ];
    for (now, expected) in cases {
        assert_eq!(cordon(&node(), &now, &policy()), expected, "{now:?}");
    }
}

#[test]
fn an_uncordon_leaves_alone_what_is_not_ours_to_undo() {
    let not_ready = |node| Node { ready: Some(ReadyCondition { ready: false, since: None }), ..node };
    let cases = [
        (ours(5), true, Judgement::Go),
        (theirs(), true, Judgement::Go),
        (theirs(), false, stale(Stale::CordonedByOthers)),
        (disabled(theirs()), true, stale(Stale::CordonedByOthers)),
        (disabled(ours(5)), true, Judgement::Go),
        (claimed(ours(5), 60), true, stale(Stale::Claimed)),
        (claimed(ours(5), -1), true, Judgement::Go),
        (not_ready(ours(5)), true, stale(Stale::NotReady)),
        (node(), true, Judgement::AlreadySo),
    ];
    for (now, adopt_cordons, expected) in cases {
        let policy = Policy { adopt_cordons, ..policy() };
        assert_eq!(uncordon(&ours(5), &now, &policy, at(0)), expected, "{now:?}");
    }
}

#[test]
fn only_a_cordoned_node_that_nobody_claims_can_be_claimed() {
    let cases = [
        (ours(5), Judgement::Go),
        (node(), stale(Stale::Schedulable)),
        (disabled(ours(5)), stale(Stale::ScaleDownDisabled)),
        (claimed(ours(5), 60), stale(Stale::Claimed)),
        (claimed(ours(5), 2 * 24 * 3600), Judgement::Go),
    ];
    for (now, expected) in cases {
        assert_eq!(claim(&ours(5), &now, &policy(), at(0)), expected, "{now:?}");
    }
}

#[test]
fn only_a_cordon_of_this_run_is_taken_back() {
    assert_eq!(take_back(&ours(0), &ours(0)), Judgement::Go);
    assert_eq!(take_back(&ours(0), &node()), Judgement::AlreadySo);
    assert_eq!(take_back(&ours(0), &theirs()), stale(Stale::CordonedByOthers));
    assert_eq!(take_back(&ours(0), &replaced(ours(0))), stale(Stale::Replaced));
}

#[test]
fn notes_are_written_and_removed_where_they_are_still_true() {
    let marked = |node, value: &str| noted(node, annotation::EMPTY_SINCE, value);
    let time = at(60).to_string();
    assert_eq!(mark(&ours(5), &ours(5), &policy()), Judgement::Go);
    assert_eq!(mark(&ours(5), &marked(ours(5), &time), &policy()), Judgement::AlreadySo);
    assert_eq!(mark(&ours(5), &marked(ours(5), "soon"), &policy()), Judgement::Go);
    assert_eq!(mark(&ours(5), &node(), &policy()), stale(Stale::Schedulable));
    let unmarked = |now: &Node, reason| unmark(&node(), now, &policy(), &reason);
    assert_eq!(unmarked(&marked(ours(5), &time), UnmarkReason::Occupied), Judgement::Go);
    assert_eq!(unmarked(&ours(5), UnmarkReason::Occupied), Judgement::AlreadySo);
    assert_eq!(unmarked(&marked(node(), &time), UnmarkReason::Uncordoned), Judgement::Go);
    assert_eq!(unmarked(&node(), UnmarkReason::Uncordoned), Judgement::AlreadySo);
    assert_eq!(unmarked(&ours(5), UnmarkReason::Uncordoned), stale(Stale::Cordoned));
}

fn pod(name: &str, label: &str, node: Option<&str>) -> Pod {
    Pod {
        namespace: Arc::from("hub"),
        name: name.into(),
        label_keys: Arc::from([Arc::from(label)]),
        node_name: node.map(Arc::from),
        requests: Requests::default(),
        controller: None,
        mirror: false,
        safe_to_evict: None,
        local_volume: None,
        unbound: node.is_none().then(|| Box::new(Unbound::default())),
    }
}

fn delete(now: Node, pods: Vec<Pod>, policy: &Policy) -> Judgement {
    let planned = ours(5);
    let snapshot = Snapshot::new(at(0), vec![now], pods, vec![], 1).unwrap();
    SecondLook::new(&snapshot, policy).delete(&planned)
}

#[test]
fn a_node_is_deleted_only_while_it_is_the_same_cordoned_and_empty() {
    let occupied = |pod: &str| stale(Stale::Occupied { pod: format!("hub/{pod}") });
    let cases = [
        (ours(60), vec![], Judgement::Go),
        (theirs(), vec![], Judgement::Go),
        (ours(60), vec![pod("ada", "user", Some("n"))], occupied("ada")),
        (ours(60), vec![pod("hub", "app", Some("n"))], occupied("hub")),
        (replaced(ours(60)), vec![], stale(Stale::Replaced)),
        (node(), vec![], stale(Stale::Schedulable)),
        (disabled(ours(60)), vec![], stale(Stale::ScaleDownDisabled)),
        (ours(29), vec![], stale(Stale::CordonedRecently)),
        (ours(30), vec![], Judgement::Go),
        (tainted(ours(60), 29), vec![], stale(Stale::CordonedRecently)),
    ];
    for (now, pods, expected) in cases {
        assert_eq!(delete(now.clone(), pods, &policy()), expected, "{now:?}");
    }
    let own = Policy { own_node: Some("n".into()), ..policy() };
    assert_eq!(delete(ours(60), vec![], &own), stale(Stale::OwnNode));
    let other = Policy { adopt_cordons: false, ..policy() };
    assert_eq!(delete(theirs(), vec![], &other), stale(Stale::CordonedByOthers));
}

#[test]
fn while_a_pod_may_bind_late_only_a_cordon_that_is_proven_old_is_enough() {
    let waiting = || vec![pod("ada", "user", None)];
    let late = stale(Stale::LateBind { pod: "hub/ada".into() });
    let empty = |node, seconds_ago| noted(node, annotation::EMPTY_SINCE, &at(seconds_ago).to_string());
    let cases = [
        (ours(659), late.clone()),
        (ours(660), Judgement::Go),
        // Somebody uncordoned it and cordoned it again: the mark is older than the cordon.
        (tainted(ours(9999), 659), late.clone()),
        (tainted(ours(9999), 660), Judgement::Go),
        (theirs(), late.clone()),
        (empty(theirs(), 659), late),
        (empty(theirs(), 660), Judgement::Go),
    ];
    for (now, expected) in cases {
        assert_eq!(delete(now.clone(), waiting(), &policy()), expected, "{now:?}");
    }
}

#[test]
fn a_pod_that_cannot_bind_late_postpones_nothing() {
    let gated = || {
        let unbound = Unbound { gated: true, ..Unbound::default() };
        vec![Pod { unbound: Some(Box::new(unbound)), ..pod("ada", "user", None) }]
    };
    let daemon = || {
        let owner = Controller { kind: "DaemonSet".into(), name: "d".into(), uid: "d".into() };
        vec![Pod { controller: Some(Arc::new(owner)), ..pod("d", "app", None) }]
    };
    for pods in [gated(), daemon()] {
        assert_eq!(delete(ours(60), pods, &policy()), Judgement::Go);
    }
}

#[test]
fn a_critical_pod_under_a_fresh_cordon_is_named() {
    let pods = vec![pod("ada", "user", Some("n")), pod("hub", "app", Some("n"))];
    let snapshot = Snapshot::new(at(0), vec![ours(0)], pods, vec![], 2).unwrap();
    let policy = policy();
    let look = SecondLook::new(&snapshot, &policy);
    assert_eq!(look.critical_pod("n"), Some("hub/hub".to_owned()));
    assert_eq!(look.critical_pod("other"), None);
}
