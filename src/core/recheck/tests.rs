//! Each judgement as a table: the change since the plan, and the expected judgement.

use super::*;
use crate::model::{ReadyCondition, Taint, Unbound};
use crate::plan::Loss;
use crate::plan::fixture::{Build, ago, cluster, now, owned_by, pod, taint as of, tolerating};

const USER: &str = "hub.jupyter.org/username";

fn policy() -> Policy {
    Policy { preemptible_labels: [USER.to_owned()].into(), ..Policy::default() }
}

fn adopting(adopt_cordons: AdoptCordons) -> Policy {
    Policy { adopt_cordons, ..policy() }
}

/// A Ready node.
fn node() -> Node {
    Node { provider_id: Some("gce://p/z/n".into()), ..crate::plan::fixture::node("n") }
}

fn noted(mut node: Node, key: &str, value: &str) -> Node {
    node.annotations.insert(key.to_owned(), value.to_owned());
    node
}

/// A node under our cordon of that age.
fn ours(seconds_ago: i64) -> Node {
    let node = Node { unschedulable: true, ..node() };
    noted(node, annotation::CORDONED_AT, &ago(seconds_ago).to_string())
}

/// The same, with the control plane's taint of another age.
fn tainted(mut node: Node, seconds_ago: i64) -> Node {
    node.taints.push(Taint { added_at: Some(ago(seconds_ago)), ..of(taint::UNSCHEDULABLE) });
    node
}

fn under(mut node: Node, key: &str) -> Node {
    node.taints.push(of(key));
    node
}

/// With a taint that somebody put on it these seconds ago.
fn maintained(mut node: Node, seconds: i64) -> Node {
    node.taints.push(Taint { added_at: Some(ago(seconds)), ..of("maintenance") });
    node
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

fn delayed(node: Node) -> Node {
    noted(node, "delay-deletion.cluster-autoscaler.kubernetes.io/logs", "true")
}

fn claimed(node: Node, seconds_left: i64) -> Node {
    noted(node, annotation::DELETING_UNTIL, &ago(-seconds_left).to_string())
}

fn not_ready(node: Node) -> Node {
    Node { ready: Some(ReadyCondition { ready: false, since: None }), ..node }
}

fn stale(stale: Stale) -> Judgement {
    Judgement::Stale(stale)
}

fn delay() -> Judgement {
    stale(Stale::DeletionDelayed {
        annotation: "delay-deletion.cluster-autoscaler.kubernetes.io/logs".into(),
    })
}

const PRESSURE: &str = "node.kubernetes.io/disk-pressure";
const STARTUP: &str = "node.cilium.io/agent-not-ready";

fn pressed() -> Judgement {
    stale(Stale::UnderPressure { taint: PRESSURE.into() })
}

fn starting() -> Judgement {
    stale(Stale::NotInUse { taint: STARTUP.into() })
}

#[test]
fn a_cordon_is_made_once_and_not_on_a_node_that_changed_hands() {
    let cases = [
        (node(), Judgement::Go),
        (not_ready(node()), Judgement::Go),
        (ours(5), Judgement::AlreadySo),
        (theirs(), Judgement::AlreadySo),
        (
            disabled(node()),
            stale(Stale::ScaleDownDisabled { mark: annotation::SCALE_DOWN_DISABLED.to_owned() }),
        ),
        (claimed(node(), 60), stale(Stale::Claimed)),
        (under(node(), PRESSURE), pressed()),
        (under(not_ready(node()), PRESSURE), Judgement::Go),
        (under(node(), STARTUP), starting()),
        (replaced(node()), stale(Stale::Replaced)),
        (Node { provider_id: None, ..node() }, stale(Stale::Replaced)),
        (Node { name: "m".into(), ..node() }, stale(Stale::Replaced)),
    ];
    for (after, expected) in cases {
        assert_eq!(cordon(&node(), &after, &policy(), now()), expected, "{after:?}");
    }
}

#[test]
fn a_node_in_the_hands_of_another_program_is_left_to_it() {
    let after = under(node(), "karpenter.sh/disrupted");
    let why = "not managed: Karpenter is at work on it (karpenter.sh/disrupted)".to_owned();
    assert_eq!(cordon(&node(), &after, &policy(), now()), stale(Stale::Unmanaged { why }));
}

#[test]
fn an_uncordon_leaves_alone_what_is_not_ours_to_undo() {
    let (always, hour) = (AdoptCordons::Always, policy().adopt_cordons);
    let cases = [
        (ours(5), hour, Judgement::Go),
        (theirs(), always, Judgement::Go),
        (theirs(), hour, stale(Stale::CordonedByOthers)),
        (tainted(theirs(), 7200), hour, stale(Stale::CordonedByOthers)),
        (tainted(ours(900), 599), hour, stale(Stale::CordonedByOthers)),
        (theirs(), AdoptCordons::Never, stale(Stale::CordonedByOthers)),
        (disabled(theirs()), always, stale(Stale::CordonedByOthers)),
        (disabled(ours(5)), hour, Judgement::Go),
        (claimed(ours(5), 60), hour, stale(Stale::Claimed)),
        (claimed(ours(5), -1), hour, Judgement::Go),
        (under(claimed(ours(5), -1), taint::DELETING), hour, Judgement::Go),
        (not_ready(ours(5)), hour, stale(Stale::NotReady)),
        (under(ours(5), PRESSURE), hour, pressed()),
        (under(ours(5), STARTUP), hour, starting()),
        (node(), hour, Judgement::AlreadySo),
    ];
    for (after, adopt, expected) in cases {
        assert_eq!(uncordon(&ours(5), &after, &adopting(adopt), now()), expected, "{after:?}");
    }
}

#[test]
fn only_a_cordoned_node_that_nobody_claims_can_be_claimed() {
    let cases = [
        (ours(5), Judgement::Go),
        (node(), stale(Stale::Schedulable)),
        (
            disabled(ours(5)),
            stale(Stale::ScaleDownDisabled { mark: annotation::SCALE_DOWN_DISABLED.to_owned() }),
        ),
        (delayed(ours(5)), delay()),
        (theirs(), stale(Stale::CordonedByOthers)),
        (tainted(theirs(), 3599), stale(Stale::CordonedByOthers)),
        (tainted(theirs(), 3600), Judgement::Go),
        (maintained(ours(900), 300), stale(Stale::TaintedByOthers { taint: "maintenance".to_owned() })),
        (maintained(ours(7200), 3600), Judgement::Go),
        (claimed(ours(5), 60), stale(Stale::Claimed)),
        (claimed(ours(5), 2 * 24 * 3600), Judgement::Go),
        (replaced(ours(5)), stale(Stale::Replaced)),
    ];
    for (after, expected) in cases {
        assert_eq!(claim(&ours(5), &after, &policy(), now()), expected, "{after:?}");
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
fn notes_are_written_where_they_are_still_true() {
    let marked = |value: &str| noted(ours(5), annotation::EMPTY_SINCE, value);
    assert_eq!(mark(&ours(5), &ours(5), &policy(), now()), Judgement::Go);
    assert_eq!(mark(&ours(5), &marked(&ago(60).to_string()), &policy(), now()), Judgement::AlreadySo);
    assert_eq!(mark(&ours(5), &marked("soon"), &policy(), now()), Judgement::Go);
    assert_eq!(mark(&ours(5), &marked(&ago(-301).to_string()), &policy(), now()), Judgement::Go);
    assert_eq!(mark(&ours(5), &node(), &policy(), now()), stale(Stale::Schedulable));
}

#[test]
fn notes_are_removed_where_they_are_no_longer_true_and_a_running_claim_never() {
    let marked = |node| noted(node, annotation::EMPTY_SINCE, &ago(60).to_string());
    let free = |node: Node| Node { unschedulable: false, ..node };
    let both = |node: Node, left: i64| under(claimed(node, left), taint::DELETING);
    for (after, reason, expected) in [
        (marked(ours(5)), UnmarkReason::Occupied, Judgement::Go),
        (ours(5), UnmarkReason::Occupied, Judgement::AlreadySo),
        (marked(node()), UnmarkReason::Uncordoned, Judgement::Go),
        (free(ours(5)), UnmarkReason::Uncordoned, Judgement::Go),
        (node(), UnmarkReason::Uncordoned, Judgement::AlreadySo),
        (ours(5), UnmarkReason::Uncordoned, stale(Stale::Cordoned)),
        (both(node(), 60), UnmarkReason::Uncordoned, Judgement::AlreadySo),
        (both(node(), -1), UnmarkReason::Uncordoned, Judgement::Go),
        (both(ours(5), 60), UnmarkReason::ClaimOver, stale(Stale::Claimed)),
        (both(node(), 60), UnmarkReason::ClaimOver, stale(Stale::Claimed)),
        (both(ours(5), -1), UnmarkReason::ClaimOver, Judgement::Go),
        (under(node(), taint::DELETING), UnmarkReason::ClaimOver, Judgement::Go),
        (ours(5), UnmarkReason::ClaimOver, Judgement::AlreadySo),
    ] {
        assert_eq!(unmark(&node(), &after, &policy(), &reason, now()), expected, "{reason:?} {after:?}");
    }
}

fn soft(mut node: Node, key: &str) -> Node {
    node.taints.push(Taint { effect: crate::model::TaintEffect::PreferNoSchedule, ..of(key) });
    node
}

#[test]
fn a_node_is_steered_while_it_takes_pods_and_nobody_else_does_so() {
    let of_others = || stale(Stale::OthersTaint { taint: "theirs:PreferNoSchedule".into() });
    for (after, expected) in [
        (node(), Judgement::Go),
        (soft(node(), taint::FILL_LAST), Judgement::AlreadySo),
        (soft(node(), "theirs"), of_others()),
        (soft(soft(node(), taint::FILL_LAST), "theirs"), of_others()),
        (under(node(), taint::FILL_LAST), Judgement::Go),
        (theirs(), stale(Stale::Cordoned)),
        (claimed(node(), 60), stale(Stale::Claimed)),
        (replaced(node()), stale(Stale::Replaced)),
    ] {
        assert_eq!(steer(&node(), &after, &policy(), now()), expected, "{after:?}");
    }
}

#[test]
fn a_node_is_unsteered_whoever_cordoned_it() {
    let steered = |node| soft(node, taint::FILL_LAST);
    for (after, expected) in [
        (steered(node()), Judgement::Go),
        (steered(theirs()), Judgement::Go),
        (steered(ours(5)), Judgement::Go),
        (soft(steered(node()), "theirs"), Judgement::Go),
        (node(), Judgement::AlreadySo),
        (soft(node(), "theirs"), Judgement::AlreadySo),
        (steered(claimed(node(), 60)), stale(Stale::Claimed)),
        (steered(replaced(node())), stale(Stale::Replaced)),
    ] {
        assert_eq!(unsteer(&node(), &after, &policy(), now()), expected, "{after:?}");
    }
}

fn user(name: &str) -> Pod {
    pod(&format!("hub/{name}")).labelled(USER)
}

const LEFT: i64 = 60;

/// Judges the deletion of a node that this run has claimed.
fn delete(after: Node, pods: Vec<Pod>, policy: &Policy) -> Judgement {
    judge(claimed(after, LEFT), vec![], pods, policy)
}

fn judge(after: Node, others: Vec<Node>, pods: Vec<Pod>, policy: &Policy) -> Judgement {
    let nodes = [vec![after], others].concat();
    SecondLook::new(&cluster(nodes, pods), policy).delete(&claimed(ours(5), LEFT))
}

#[test]
fn a_node_is_deleted_only_while_it_is_the_same_cordoned_and_empty() {
    let occupied = |pod: &str| stale(Stale::Occupied { pod: format!("hub/{pod}") });
    let lost = stale(Stale::LosesPod { pod: "kube-system/bare".into(), why: Loss::NoController });
    let cases = [
        (ours(60), vec![], Judgement::Go),
        (tainted(theirs(), 3600), vec![], Judgement::Go),
        (tainted(theirs(), 3599), vec![], stale(Stale::CordonedByOthers)),
        (tainted(ours(900), 599), vec![], stale(Stale::CordonedByOthers)),
        (ours(60), vec![user("ada").on("n")], occupied("ada")),
        (ours(60), vec![pod("hub/hub").on("n")], occupied("hub")),
        (ours(60), vec![pod("kube-system/bare").on("n")], lost),
        (replaced(ours(60)), vec![], stale(Stale::Replaced)),
        (node(), vec![], stale(Stale::Schedulable)),
        (
            disabled(ours(60)),
            vec![],
            stale(Stale::ScaleDownDisabled { mark: annotation::SCALE_DOWN_DISABLED.to_owned() }),
        ),
        (delayed(ours(60)), vec![], delay()),
        (ours(29), vec![], stale(Stale::CordonedRecently)),
        (ours(30), vec![], Judgement::Go),
        (tainted(ours(60), 29), vec![], stale(Stale::CordonedRecently)),
    ];
    for (after, pods, expected) in cases {
        assert_eq!(delete(after.clone(), pods, &policy()), expected, "{after:?}");
    }
    let own = Policy { own_node: Some("n".into()), ..policy() };
    assert_eq!(delete(ours(60), vec![], &own), stale(Stale::OwnNode));
    assert_eq!(
        delete(tainted(theirs(), 86_400), vec![], &adopting(AdoptCordons::Never)),
        stale(Stale::CordonedByOthers)
    );
}

#[test]
fn a_node_that_is_gone_is_deleted() {
    let elsewhere = crate::plan::fixture::node("other");
    assert_eq!(judge(elsewhere, vec![], vec![], &policy()), Judgement::AlreadySo);
}

#[test]
fn a_node_is_deleted_only_under_this_run_s_own_running_claim() {
    for (after, expected) in [
        (claimed(ours(60), LEFT), Judgement::Go),
        (claimed(ours(60), LEFT + 1), stale(Stale::ClaimOver)),
        (ours(60), stale(Stale::ClaimOver)),
    ] {
        assert_eq!(judge(after.clone(), vec![], vec![], &policy()), expected, "{after:?}");
    }
    let over = claimed(ours(60), -1);
    let policy = policy();
    assert_eq!(
        SecondLook::new(&cluster(vec![over.clone()], vec![]), &policy).delete(&over),
        stale(Stale::ClaimOver)
    );
}

#[test]
fn the_last_live_replica_outside_of_nodes_that_go_keeps_its_node() {
    let dns = |name: &str| pod(&format!("kube-system/dns-{name}")).controlled(owned_by("apps", "ReplicaSet"));
    let pods = || vec![dns("a").on("n"), dns("b").on("m")];
    let other = Node { name: "m".into(), ..crate::plan::fixture::node("m") };
    let both = |other| judge(claimed(ours(60), LEFT), vec![other], pods(), &policy());
    assert_eq!(both(other.clone()), Judgement::Go);
    let controller = "ReplicaSet kube-system/replicaset".to_owned();
    let why = Loss::LastReplica { controller };
    assert_eq!(both(claimed(other, LEFT)), stale(Stale::LosesPod { pod: "kube-system/dns-a".into(), why }));
}

#[test]
fn while_a_pod_may_bind_late_only_a_cordon_that_is_proven_old_is_enough() {
    let late = stale(Stale::LateBind { pod: "hub/ada".into() });
    let empty = |node, seconds_ago: i64| noted(node, annotation::EMPTY_SINCE, &ago(seconds_ago).to_string());
    let always = AdoptCordons::Always;
    let cases = [
        (ours(659), late.clone()),
        (ours(660), Judgement::Go),
        // A person uncordoned it and cordoned it again: the annotation is older than the cordon.
        (tainted(ours(9999), 659), late.clone()),
        (tainted(ours(9999), 660), Judgement::Go),
        (theirs(), late.clone()),
        (empty(theirs(), 659), late.clone()),
        (empty(theirs(), 660), Judgement::Go),
        (empty(tainted(theirs(), 659), 660), late),
    ];
    for (after, expected) in cases {
        assert_eq!(delete(after.clone(), vec![user("ada")], &adopting(always)), expected, "{after:?}");
    }
}

#[test]
fn no_cordon_is_old_enough_for_a_pod_that_tolerates_it() {
    let tolerant = user("ada").constrained(tolerating(taint::UNSCHEDULABLE));
    let expected = stale(Stale::ToleratesCordon { pod: "hub/ada".into() });
    assert_eq!(delete(ours(86_400), vec![tolerant], &policy()), expected);
}

#[test]
fn a_pod_that_cannot_bind_late_postpones_nothing() {
    let gated = Unbound { gated: true, ..Unbound::default() };
    for pod in [
        Pod { unbound: Some(Box::new(gated)), ..user("ada") },
        Pod { deleting: true, ..user("ada") },
        pod("hub/agent").controlled(owned_by("apps", "DaemonSet")),
    ] {
        assert_eq!(delete(ours(60), vec![pod.clone()], &policy()), Judgement::Go, "{pod:?}");
    }
}

#[test]
fn a_critical_pod_under_a_fresh_cordon_is_named() {
    let snapshot = cluster(vec![ours(0)], vec![user("ada").on("n"), pod("hub/hub").on("n")]);
    let policy = policy();
    let look = SecondLook::new(&snapshot, &policy);
    assert_eq!(look.critical_pod("n"), Some("hub/hub".to_owned()));
    assert_eq!(look.critical_pod("other"), None);
}

#[test]
fn a_second_list_without_more_than_half_of_the_bound_pods_proves_nothing() {
    let of = |names: &[&str]| cluster(vec![node()], names.iter().map(|name| user(name).on("n")).collect());
    let first = || {
        let waiting = vec![user("x"), user("y"), user("z")];
        let bound = ["a", "b", "c", "d"].map(|name| user(name).on("n")).to_vec();
        cluster(vec![node()], [bound, waiting].concat())
    };
    assert_eq!(vanished(&first(), &of(&["a", "b"])), None);
    assert_eq!(vanished(&first(), &of(&["a", "e", "f", "g"])), Some(Vanished { missing: 3, bound: 4 }));
    assert_eq!(vanished(&first(), &of(&[])), Some(Vanished { missing: 4, bound: 4 }));
    assert_eq!(vanished(&of(&[]), &of(&[])), None);
    assert_eq!(vanished(&of(&["a"]), &of(&[])), Some(Vanished { missing: 1, bound: 1 }));
}

/// If nodes have no provider ID, the machine's UUID distinguishes one machine from the next one of the same
/// name.
#[test]
fn without_a_provider_id_the_system_uuid_tells_machines_apart() {
    let bare = |uuid: &str| Node { provider_id: None, system_uuid: Some(uuid.to_owned()), ..node() };
    assert!(same_instance(&bare("a"), &bare("a")));
    assert!(!same_instance(&bare("a"), &bare("b")));
    // A provider ID is the better proof: firmware may report another UUID after a reboot.
    let known = |uuid: &str| Node { system_uuid: Some(uuid.to_owned()), ..node() };
    assert!(same_instance(&known("a"), &known("b")));
}
