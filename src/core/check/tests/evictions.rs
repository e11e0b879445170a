//! Evictions: each rule alone refuses a plan that breaks it.

use std::sync::Arc;

use crate::check::fixtures::{ago, cordoned, found, node, policy, system, unbound, user, world};
use crate::check::{Violation, eviction};
use crate::model::{
    DisruptionBudget, EvictionFacts, LabelSelector, Node, Pod, Snapshot, StoredVolumes, annotation,
};
use crate::plan::{Action, EvictReason};
use crate::policy::{Budget, Drain, Policy};

fn movable(name: &str, on: &str) -> Pod {
    let mut pod = system(name, on, "ReplicaSet", &format!("of-{name}"));
    let facts = EvictionFacts { uid: format!("uid-{name}").into(), ..EvictionFacts::default() };
    pod.eviction = Some(Box::new(facts));
    pod
}

fn evict(node: &str, name: &str) -> Action {
    evict_uid(node, "kube-system", name, &format!("uid-{name}"))
}

fn evict_uid(node: &str, namespace: &str, name: &str, uid: &str) -> Action {
    Action::Evict {
        node: node.to_owned(),
        namespace: namespace.to_owned(),
        pod: name.to_owned(),
        uid: uid.to_owned(),
        controller: format!("uid-of-{name}"),
        reason: EvictReason::Omitted,
    }
}

fn draining() -> Policy {
    Policy { drain: Drain::Omitted, ..policy() }
}

fn cluster(pods: Vec<Pod>) -> Snapshot {
    world(vec![cordoned("n1"), node("n2")], pods)
}

/// The names of what the checker finds.
fn names(snapshot: &Snapshot, policy: &Policy, actions: Vec<Action>) -> Vec<String> {
    let name = |violation: &Violation| {
        let text = format!("{violation:?}");
        text.split([' ', '{']).next().unwrap_or_default().to_owned()
    };
    found(snapshot, policy, actions).iter().map(name).collect()
}

#[test]
fn a_sound_eviction_is_allowed() {
    let snapshot = cluster(vec![movable("a", "n1"), movable("b", "n1")]);
    assert_eq!(names(&snapshot, &draining(), vec![evict("n1", "a"), evict("n1", "b")]), Vec::<String>::new());
}

#[test]
fn no_eviction_of_a_user_s_pod_or_of_what_would_be_lost() {
    let labelled = Pod { label_keys: ["user".into()].into(), ..movable("a", "n1") };
    let counted = Pod { namespace: "hub".into(), ..movable("a", "n1") };
    let bare = Pod { controller: None, ..movable("a", "n1") };
    let job = Pod { controller: system("a", "n1", "Job", "j").controller, ..movable("a", "n1") };
    let daemon = Pod { controller: system("a", "n1", "DaemonSet", "d").controller, ..movable("a", "n1") };
    let disk = Pod { local_volume: Some("data".into()), ..movable("a", "n1") };
    let unsafe_one = Pod { safe_to_evict: Some(false), ..movable("a", "n1") };
    let mirror = Pod { mirror: true, ..movable("a", "n1") };
    let unread = Pod { eviction: None, ..movable("a", "n1") };
    let going = Pod { deleting: true, ..movable("a", "n1") };
    let claim = Pod { claims: Box::new(["home".into()]), ..movable("a", "n1") };
    let elsewhere = movable("a", "n2");
    for (sentence, pod) in [
        ("a user's, omitted", labelled),
        ("taken into account", counted),
        ("bare", bare),
        ("of a Job", job),
        ("of a DaemonSet", daemon),
        ("with data on the disk", disk),
        ("not safe to evict", unsafe_one),
        ("static", mirror),
        ("unread", unread),
        ("on its way out", going),
        ("with a claim that is not known", claim),
        ("on another node", elsewhere),
    ] {
        let namespace = pod.namespace.to_string();
        let action = evict_uid("n1", &namespace, "a", "uid-a");
        let found = names(&cluster(vec![pod]), &draining(), vec![action]);
        assert!(found.iter().any(|name| name == "EvictionOf"), "{sentence}: {found:?}");
    }
    let other_uid = vec![evict_uid("n1", "kube-system", "a", "uid-b")];
    assert_eq!(names(&cluster(vec![movable("a", "n1")]), &draining(), other_uid), ["EvictionOf"]);
    assert_eq!(names(&cluster(vec![movable("a", "n1")]), &policy(), vec![evict("n1", "a")]), ["EvictionOf"]);
    let twice = vec![evict("n1", "a"), evict("n1", "a")];
    assert!(names(&cluster(vec![movable("a", "n1")]), &draining(), twice).contains(&"EvictionOf".to_owned()));
    assert_eq!(names(&cluster(vec![]), &draining(), vec![evict("n1", "a")]), ["EvictionOfUnknown"]);
}

#[test]
fn the_same_rules_judge_the_pod_right_before_its_eviction() {
    let snapshot = cluster(vec![]);
    let judge = |pod: &Pod| eviction(&snapshot, &draining(), &cordoned("n1"), pod, "uid-a");
    assert_eq!(judge(&movable("a", "n1")), None);
    let labelled = Pod { label_keys: ["user".into()].into(), ..movable("a", "n1") };
    assert_eq!(judge(&labelled).as_deref(), Some("it is a user's"));
}

#[test]
fn only_the_last_pods_of_a_ready_node_under_our_own_cordon_go() {
    let of = |first: Node, more: Vec<Pod>| {
        let pods = [vec![movable("a", "n1")], more].concat();
        names(&world(vec![first, node("n2")], pods), &draining(), vec![evict("n1", "a")])
    };
    assert!(of(cordoned("n1"), vec![]).is_empty());
    for (sentence, first, more) in [
        ("schedulable", node("n1"), vec![]),
        ("with a user", cordoned("n1"), vec![user("u", "n1")]),
        ("NotReady", Node { ready: None, ..cordoned("n1") }, vec![]),
        ("with a bare pod", cordoned("n1"), vec![Pod { controller: None, ..movable("c", "n1") }]),
    ] {
        let found = of(first, more);
        assert!(found.contains(&"EvictionFrom".to_owned()), "{sentence}: {found:?}");
    }
    let unknown = StoredVolumes::Unknown { why: "timeout".into() };
    let stored = cluster(vec![movable("a", "n1")]).with_stored_volumes(Arc::new(unknown));
    assert_eq!(names(&stored, &draining(), vec![evict("n1", "a")]), ["EvictionFrom"]);
    let mut claimed = cordoned("n1");
    claimed.annotations.insert(annotation::DELETING_UNTIL.into(), ago(-60).to_string());
    assert!(of(claimed, vec![]).contains(&"EvictionFrom".to_owned()));
}

#[test]
fn budgets_and_max_evictions_bound_a_run() {
    let all = |allowed| DisruptionBudget {
        namespace: "kube-system".into(),
        name: "all".into(),
        selector: Some(LabelSelector::default()),
        allowed,
        unready_at_any_time: false,
    };
    let pods = || cluster(vec![movable("a", "n1"), movable("b", "n1")]);
    let both = || vec![evict("n1", "a"), evict("n1", "b")];
    assert_eq!(names(&pods().with_budgets(vec![all(2)]), &draining(), both()), Vec::<String>::new());
    assert_eq!(names(&pods().with_budgets(vec![all(1)]), &draining(), both()), ["EvictionAgainstBudget"]);
    assert_eq!(
        names(
            &pods().with_budgets(vec![all(5), DisruptionBudget { name: "b".into(), ..all(5) }]),
            &draining(),
            both()
        ),
        ["EvictionOf", "EvictionOf"]
    );
    let always = DisruptionBudget { unready_at_any_time: true, ..all(1) };
    let crashes = cluster(vec![movable("a", "n1"), Pod { ready: false, ..movable("b", "n1") }]);
    assert_eq!(
        names(&crashes.clone().with_budgets(vec![all(1)]), &draining(), both()),
        ["EvictionAgainstBudget"]
    );
    assert_eq!(names(&crashes.with_budgets(vec![always]), &draining(), both()), [""; 0]);
    let one = Policy { max_evictions: Budget::Count(1), ..draining() };
    assert_eq!(names(&pods(), &one, both()), ["TooManyEvictions"]);
}

#[test]
fn of_one_controller_one_goes_at_a_time() {
    let twin =
        |name: &str, ready| Pod { controller: movable("a", "n1").controller, ready, ..movable(name, "n1") };
    let both = cluster(vec![movable("a", "n1"), twin("b", true)]);
    assert_eq!(names(&both, &draining(), vec![evict("n1", "a"), evict("n1", "b")]), ["EvictionOf"]);
    assert!(names(&both, &draining(), vec![evict("n1", "a")]).is_empty());
    let down = cluster(vec![movable("a", "n1"), twin("b", false)]);
    assert_eq!(names(&down, &draining(), vec![evict("n1", "a")]), ["EvictionOf"]);
    let after = |marked: &str, seconds, controller: &str| {
        let mut nodes = vec![cordoned("n1"), node("n2"), cordoned("n3")];
        let marked = nodes.iter_mut().find(|node| node.name == marked).unwrap();
        marked.annotations.insert(annotation::EVICTED_AT.into(), ago(seconds).to_string());
        marked.annotations.insert(annotation::EVICTED.into(), controller.into());
        names(&world(nodes, vec![movable("a", "n1")]), &draining(), vec![evict("n1", "a")])
    };
    let uid = movable("a", "n1").controller.unwrap().uid.clone();
    assert_eq!(after("n3", 29, &uid), ["EvictionOf"], "from another node, a moment ago");
    assert!(after("n3", 30, &uid).is_empty());
    assert_eq!(after("n3", -300, &uid), ["EvictionOf"], "another clock may be five minutes ahead");
    assert!(after("n3", -301, &uid).is_empty());
    let many: Vec<String> = (0..100).map(|index| format!("uid-{index}")).collect();
    assert!(
        after("n3", 29, &format!("{},{uid}", many.join(","))).is_empty(),
        "of the list, the first hundred count"
    );
    assert!(after("n3", 29, "uid-other").is_empty());
    assert_eq!(after("n1", 29, "uid-other"), ["EvictionFrom"]);
    assert!(after("n1", 30, "uid-other").is_empty());
}

#[test]
fn there_is_room_for_each_and_for_all_and_nobody_waits_for_it() {
    let large = |name: &str| Pod {
        requests: crate::model::Amounts::pod(crate::model::Bytes(5 << 30), crate::model::Millicores(0)),
        ..movable(name, "n1")
    };
    // n2 has 8 GiB.
    assert!(names(&cluster(vec![large("a")]), &draining(), vec![evict("n1", "a")]).is_empty());
    let both = vec![evict("n1", "a"), evict("n1", "b")];
    assert_eq!(names(&cluster(vec![large("a"), large("b")]), &draining(), both), ["EvictionsWithoutRoom"]);
    let full = vec![large("a"), user("u", "n2"), user("v", "n2"), user("w", "n2"), user("x", "n2")];
    let found = names(&cluster(full), &draining(), vec![evict("n1", "a")]);
    assert_eq!(found, ["EvictionOf", "EvictionsWithoutRoom"]);
    let mut waits = unbound("late");
    waits.unbound.as_mut().unwrap().created_at = Some(ago(60));
    let found = names(&cluster(vec![movable("a", "n1"), waits]), &draining(), vec![evict("n1", "a")]);
    assert_eq!(found, ["EvictionBeforeWaiting"]);
}

#[test]
fn a_node_is_not_deleted_before_it_is_drained_and_what_it_had_is_up_again() {
    use crate::check::fixtures::delete;
    let named = Policy { node_groups_named: true, ..draining() };
    let of = |first: Node, pods: Vec<Pod>| {
        names(&world(vec![first, node("n2")], pods), &named, vec![delete("n1")])
    };
    assert_eq!(of(cordoned("n1"), vec![movable("a", "n1")]), ["DeleteBeforeDrain"]);
    let drained = |seconds| {
        let mut node = cordoned("n1");
        node.annotations.insert(annotation::EVICTED_AT.into(), ago(seconds).to_string());
        node.annotations.insert(annotation::EVICTED.into(), "uid-of-a".into());
        node
    };
    let up = || vec![movable("a", "n2")];
    let down = || vec![Pod { ready: false, ..movable("a", "n2") }];
    assert_eq!(of(drained(29), up()), ["DeleteAfterEviction"]);
    assert!(of(drained(30), up()).is_empty());
    assert_eq!(of(drained(3599), down()), ["DeleteBeforeUp"]);
    assert!(of(drained(3600), down()).is_empty());
    assert_eq!(of(drained(-300), up()), ["DeleteAfterEviction"]);
    assert!(of(drained(-301), down()).is_empty());
}
