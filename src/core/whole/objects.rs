//! Whole plans of clusters with Node objects whose machines are gone, each judged by the checker.

use std::collections::BTreeMap;

use crate::check::{self, check, outcome};
use crate::model::{MachineFate, Node, Pod, ReadyCondition, Snapshot, Taint, TaintEffect, annotation, taint};
use crate::plan::fixture::{Build, ago, node, now, pod, taint as of};
use crate::plan::{Action, KeepReason, ObjectDoubt, Plan, Verdict, nodes_to_ask_about, plan};
use crate::policy::{Bounds, Budget, Policy};
use crate::recheck::{Judgement, SecondLook, Stale};

const USER: &str = "hub.jupyter.org/username";
const MACHINE: &str = "openstack:///a";

fn policy() -> Policy {
    Policy {
        delete_node_objects: true,
        preemptible_labels: [USER.to_owned()].into(),
        bounds: Bounds { min_nodes: 1, ..Bounds::default() },
        ..Policy::default()
    }
}

fn note(node: &mut Node, key: &str, value: &str) {
    node.annotations.insert(key.to_owned(), value.to_owned());
}

/// The Node object of a node that this program gave back half an hour ago.
fn left(name: &str) -> Node {
    let mut node = Node {
        provider_id: Some(MACHINE.to_owned()),
        outside: Some("its server is gone".to_owned()),
        unschedulable: true,
        ready: Some(ReadyCondition { ready: false, since: Some(ago(1700)) }),
        taints: vec![Taint { added_at: Some(ago(3600)), ..of(taint::UNSCHEDULABLE) }, of(taint::UNREACHABLE)],
        ..node(name)
    };
    note(&mut node, annotation::CORDONED_AT, &ago(3600).to_string());
    note(&mut node, annotation::EMPTY_SINCE, &ago(3500).to_string());
    note(&mut node, annotation::DELETION_ASKED, MACHINE);
    node
}

/// The same, found gone by a run this number of seconds ago.
fn found(seconds: i64) -> Node {
    let mut node = left("n1");
    note(&mut node, annotation::GONE_SINCE, &ago(seconds).to_string());
    note(&mut node, annotation::GONE_MACHINE, MACHINE);
    node
}

const GONE: Option<MachineFate> = Some(MachineFate::Gone);

fn user(name: &str, on: &str) -> Pod {
    pod(&format!("hub/{name}")).labelled(USER).asking(22, 500).on(on)
}

/// Two nodes with a user each serve beside n1.
fn hub(n1: Node, fate: Option<MachineFate>, pods: Vec<Pod>) -> Snapshot {
    let pods: Vec<Pod> = [user("ada", "n2"), user("bob", "n3")].into_iter().chain(pods).collect();
    let seen = pods.len();
    let fates: BTreeMap<_, _> = fate.map(|fate| (n1.name.clone(), fate)).into_iter().collect();
    let nodes = vec![n1, node("n2"), node("n3")];
    Snapshot::new(now(), nodes, pods, vec![], seen).unwrap().with_fates(fates)
}

/// The plan, which the checker finds sound, and finds sound again on its own outcome.
#[track_caller]
fn sound(snapshot: &Snapshot, policy: &Policy) -> Plan {
    let made = plan(snapshot, policy).unwrap();
    assert_eq!(check(snapshot, policy, &made), [], "{:?}", made.actions);
    let after = outcome(snapshot, policy, &made).unwrap();
    let again = plan(&after, policy).unwrap();
    assert_eq!(check(&after, policy, &again), [], "{:?}", again.actions);
    made
}

/// `verb node` of each action.
fn actions(plan: &Plan) -> Vec<String> {
    let said = |action: &Action| format!("{} {}", action.verb(), action.node().unwrap_or("group"));
    plan.actions.iter().filter(|action| !["steer", "grow"].contains(&action.verb())).map(said).collect()
}

#[track_caller]
fn doubt(plan: &Plan) -> ObjectDoubt {
    let Verdict::Keep(KeepReason::ObjectStays { why }) = &plan.node("n1").unwrap().verdict else {
        panic!("{:?}", plan.node("n1").unwrap().verdict)
    };
    why.clone()
}

#[test]
fn a_machine_that_is_gone_is_noted_first_and_its_node_object_goes_two_minutes_later() {
    let first = sound(&hub(left("n1"), GONE, Vec::new()), &policy());
    assert_eq!(actions(&first), ["mark n1"]);
    assert!(matches!(first.node("n1").unwrap().verdict, Verdict::Keep(KeepReason::MachineGone { .. })));
    for (seconds, expected) in [(0, vec![]), (119, vec![]), (120, vec!["delete-object n1"])] {
        let made = sound(&hub(found(seconds), GONE, Vec::new()), &policy());
        assert_eq!(actions(&made), expected, "{seconds}");
    }
}

#[test]
fn without_the_setting_or_our_own_request_nothing_is_noted_or_asked() {
    let off = Policy { delete_node_objects: false, ..policy() };
    let snapshot = hub(left("n1"), GONE, Vec::new());
    assert_eq!(nodes_to_ask_about(&snapshot, &off).len(), 0);
    assert!(actions(&sound(&snapshot, &off)).iter().all(|action| !action.contains("object")));
    let mut never_asked = left("n1");
    never_asked.annotations.remove(annotation::DELETION_ASKED);
    let snapshot = hub(never_asked, GONE, Vec::new());
    assert_eq!(nodes_to_ask_about(&snapshot, &policy()).len(), 0);
    assert_eq!(actions(&sound(&snapshot, &policy())), Vec::<String>::new());
    assert_eq!(nodes_to_ask_about(&hub(left("n1"), None, Vec::new()), &policy()).len(), 1);
}

/// Variants of a node that was found gone, each with the doubt that it causes.
fn otherwise() -> Vec<(&'static str, Node, Option<MachineFate>, ObjectDoubt)> {
    let of = |change: &dyn Fn(&mut Node)| {
        let mut node = found(600);
        change(&mut node);
        node
    };
    let ready = |node: &mut Node| node.ready = Some(ReadyCondition { ready: true, since: Some(ago(60)) });
    let reachable = |node: &mut Node| node.taints.retain(|one| one.key != taint::UNREACHABLE);
    let bad = |node: &mut Node| note(node, annotation::GONE_SINCE, "yesterday");
    let half = |node: &mut Node| drop(node.annotations.remove(annotation::GONE_MACHINE));
    let other = |node: &mut Node| note(node, annotation::GONE_MACHINE, "openstack:///b");
    let future = ago(-60);
    let to_come = |node: &mut Node| note(node, annotation::GONE_SINCE, &future.to_string());
    let woken = |node: &mut Node| note(node, annotation::WOKEN_AT, &ago(3000).to_string());
    let unknown = || Some(MachineFate::Unknown("403".into()));
    vec![
        ("Ready", of(&ready), GONE, ObjectDoubt::Ready),
        ("reachable", of(&reachable), GONE, ObjectDoubt::Reachable),
        ("woken", of(&woken), GONE, ObjectDoubt::Woken),
        ("not asked about", found(600), None, ObjectDoubt::NotAsked),
        ("unknown", found(600), unknown(), ObjectDoubt::Unknown { words: "403".into() }),
        (
            "there",
            found(600),
            Some(MachineFate::Exists("ACTIVE".into())),
            ObjectDoubt::Exists { words: "ACTIVE".into() },
        ),
        ("unreadable", of(&bad), GONE, ObjectDoubt::BadNote { value: "yesterday".into() }),
        ("half", of(&half), GONE, ObjectDoubt::BadNote { value: ago(600).to_string() }),
        ("of another", of(&other), GONE, ObjectDoubt::NoteOfOther { machine: "openstack:///b".into() }),
        ("to come", of(&to_come), GONE, ObjectDoubt::NoteOfFuture { at: future }),
    ]
}

#[test]
fn any_doubt_keeps_the_node_object_and_takes_the_note_away() {
    for (sentence, n1, fate, expected) in otherwise() {
        let made = sound(&hub(n1, fate, Vec::new()), &policy());
        assert_eq!(doubt(&made), expected, "{sentence}");
        assert_eq!(actions(&made), ["unmark n1"], "{sentence}");
    }
}

/// Whatever soft taint of ours it carries goes with it.
#[test]
fn nothing_else_is_written_on_a_node_whose_object_goes() {
    let mut n1 = found(600);
    n1.taints.push(Taint { effect: TaintEffect::PreferNoSchedule, ..of(taint::FILL_LAST) });
    for pack in [true, false] {
        let made = sound(&hub(n1.clone(), GONE, Vec::new()), &Policy { pack, ..policy() });
        assert_eq!(actions(&made), ["delete-object n1"], "{pack}");
    }
}

#[test]
fn a_pod_that_came_keeps_the_node_object_and_takes_the_note_away() {
    let critical = pod("hub/hub-0").on("n1");
    for one in [user("eve", "n1"), Pod { deleting: true, ..user("eve", "n1") }, critical] {
        let made = sound(&hub(found(600), GONE, vec![one.clone()]), &policy());
        assert_eq!(actions(&made), ["unmark n1"], "{one:?}");
    }
    let daemon = pod("kube-system/proxy").on("n1");
    let daemon = daemon.controlled(crate::plan::fixture::owned_by("apps", "DaemonSet"));
    let made = sound(&hub(found(600), GONE, vec![daemon]), &policy());
    assert_eq!(actions(&made), ["delete-object n1"]);
}

#[test]
fn what_is_another_machine_or_in_a_group_again_counts_no_longer_as_given_back() {
    let other = Node { provider_id: Some("openstack:///b".into()), ..found(600) };
    let back = || Node { outside: None, group: Some("workers".into()), ..found(600) };
    let ready = Node { ready: Some(ReadyCondition { ready: true, since: Some(ago(60)) }), ..back() };
    let mut kept = back();
    note(&mut kept, annotation::SCALE_DOWN_DISABLED, "true");
    for n1 in [other, back(), ready, kept] {
        let none = Policy { max_deletions: Budget::Count(0), ..policy() };
        let made = sound(&hub(n1, GONE, Vec::new()), &none);
        let unmark = made.actions.iter().find(|action| action.verb() == "unmark").unwrap();
        assert_eq!(unmark.reason().word(), "NotGivenBack");
    }
    let uncordoned = Node { unschedulable: false, taints: vec![of(taint::UNREACHABLE)], ..found(600) };
    let made = sound(&hub(uncordoned, GONE, Vec::new()), &policy());
    assert!(actions(&made).iter().all(|action| !action.contains("object")), "{:?}", made.actions);
}

/// A cloud that does not answer one run must not prevent later runs from proving the machine gone.
#[test]
fn while_no_cloud_answers_a_node_still_counts_as_given_back() {
    let none = Policy { max_deletions: Budget::Count(0), ..policy() };
    for (n1, expected) in [(left("n1"), vec![]), (found(600), vec!["NotProvenGone"])] {
        let unseen = Node { outside: None, ..n1 };
        let made = sound(&hub(unseen, None, Vec::new()), &none);
        let words: Vec<_> = made.actions.iter().map(|action| action.reason().word()).collect();
        assert_eq!(words, expected, "{:?}", made.actions);
    }
}

#[test]
fn a_running_claim_is_waited_for_and_an_expired_one_goes_first() {
    for (seconds, expected) in [(-60, vec![]), (60, vec!["unmark n1"])] {
        let mut claimed = left("n1");
        note(&mut claimed, annotation::DELETING_UNTIL, &ago(seconds).to_string());
        let made = sound(&hub(claimed, GONE, Vec::new()), &policy());
        assert_eq!(actions(&made), expected, "{seconds}");
    }
}

#[test]
fn max_deletions_bounds_node_objects_and_the_last_of_a_pool_stays() {
    let none = Policy { max_deletions: Budget::Count(0), ..policy() };
    assert_eq!(actions(&sound(&hub(found(600), GONE, Vec::new()), &none)), Vec::<String>::new());
    let alone = Snapshot::new(now(), vec![found(600)], vec![], vec![], 1).unwrap();
    let alone = alone.with_fates([("n1".to_owned(), MachineFate::Gone)].into());
    assert_eq!(doubt(&sound(&alone, &policy())), ObjectDoubt::LastOfPool);
    let named = Policy { node_groups_named: true, ..policy() };
    assert!(actions(&sound(&alone, &named)).contains(&"delete-object n1".to_owned()));
}

/// Being the last node only delays: a reason that ends a proof ends it there too. Otherwise one proof would be
/// enough later.
#[test]
fn a_doubt_takes_the_note_away_from_the_last_node_of_a_pool_too() {
    // A Ready node is uncordoned.
    let unready = otherwise().into_iter().filter(|(.., why)| *why != ObjectDoubt::Ready);
    for (sentence, n1, fate, expected) in unready {
        let fates = fate.map(|fate| ("n1".to_owned(), fate)).into_iter().collect();
        let alone = Snapshot::new(now(), vec![n1], vec![], vec![], 1).unwrap().with_fates(fates);
        let made = sound(&alone, &policy());
        let notes = made.actions.iter().filter(|action| action.verb() == "unmark");
        let words: Vec<&str> = notes.map(|action| action.reason().word()).collect();
        assert_eq!(words, ["NotProvenGone"], "{sentence}: {expected:?}");
    }
}

#[test]
fn node_objects_without_a_machine_are_no_breakdown_unless_their_provider_cannot_tell() {
    let names = ["g1", "g2", "g3", "g4"];
    let with_a_machine = |name: &str| {
        let machine = format!("openstack:///{name}");
        let mut node = Node { provider_id: Some(machine.clone()), ..left(name) };
        note(&mut node, annotation::DELETION_ASKED, &machine);
        node
    };
    let nodes = || [node("n2"), node("n3")].into_iter().chain(names.map(with_a_machine));
    let pods = || vec![user("ada", "n2"), user("bob", "n3")];
    let bare = Snapshot::new(now(), nodes().collect(), pods(), vec![], 2).unwrap();
    assert!(sound(&bare, &policy()).guard.is_some());
    let fates = names.map(|name| (name.to_owned(), MachineFate::Gone)).into();
    let made = sound(&bare.with_fates(fates), &policy());
    assert!(made.guard.is_none());
    assert_eq!(actions(&made).len(), 4);
}

/// The second judgements, of the planner's account and of the checker, refuse what the plan would refuse.
#[test]
fn right_before_the_deletion_both_accounts_judge_alike() {
    let judge = |n1: &Node, fate: Option<MachineFate>, pods: Vec<Pod>| {
        let snapshot = hub(n1.clone(), fate, pods);
        let policy = policy();
        (SecondLook::new(&snapshot, &policy).object(&found(600)), check::object(&snapshot, &policy, "n1"))
    };
    assert_eq!(judge(&found(600), GONE, Vec::new()), (Judgement::Go, None));
    for (sentence, n1, fate, _) in otherwise() {
        let (planner, checker) = judge(&n1, fate, Vec::new());
        assert!(
            matches!(planner, Judgement::Stale(_)) && checker.is_some(),
            "{sentence}: {planner:?} {checker:?}"
        );
    }
    for (n1, pods) in
        [(found(600), vec![user("eve", "n1")]), (found(60), Vec::new()), (left("n1"), Vec::new())]
    {
        let (planner, checker) = judge(&n1, GONE, pods);
        assert!(matches!(planner, Judgement::Stale(_)) && checker.is_some(), "{planner:?} {checker:?}");
    }
    let replaced = Node { uid: "another".into(), ..found(600) };
    assert_eq!(judge(&replaced, GONE, Vec::new()).0, Judgement::Stale(Stale::Replaced));
}

/// The checker refuses a plan that deletes such a Node object, whatever the reason against it.
#[test]
fn the_checker_refuses_a_deletion_that_anything_speaks_against() {
    let planned = sound(&hub(found(600), GONE, Vec::new()), &policy());
    for (sentence, n1, fate, _) in otherwise() {
        let found = check(&hub(n1, fate, Vec::new()), &policy(), &planned);
        let is_refused = |one: &check::Violation| matches!(one, check::Violation::ObjectDeleted { .. });
        assert!(found.iter().any(is_refused), "{sentence}: {found:?}");
    }
}
