//! Whole plans of clusters with nodes that are drained, each judged by the checker.

use std::sync::Arc;

use crate::check::check;
use crate::model::{
    Bond, DisruptionBudget, EvictionFacts, LabelSelector, Labels, Node, Operator, Pod, Requirement,
    SchedulerRefusal, Snapshot, StoredVolumes, Taint, Unbound, Volumes, annotation, taint,
};
use crate::plan::fixture::{Build, ago, cluster, node, owned_by, pod, taint as of};
use crate::plan::{Action, KeepReason, Loss, NotEvicted, Plan, Reason, Verdict, plan};
use crate::policy::{Bounds, Budget, Drain, Policy};

const USER: &str = "hub.jupyter.org/username";

fn policy(drain: Drain) -> Policy {
    Policy {
        drain,
        preemptible_labels: [USER.to_owned()].into(),
        bounds: Bounds { min_nodes: 1, ..Bounds::default() },
        ..Policy::default()
    }
}

/// A node under our own cordon of an hour ago.
fn cordoned(name: &str) -> Node {
    let mut node = Node {
        unschedulable: true,
        taints: vec![Taint { added_at: Some(ago(3600)), ..of(taint::UNSCHEDULABLE) }],
        ..node(name)
    };
    node.annotations.insert(annotation::CORDONED_AT.into(), ago(3600).to_string());
    node
}

fn user(name: &str, on: &str) -> Pod {
    pod(&format!("hub/{name}")).labelled(USER).asking(22, 500).on(on)
}

/// A pod of a Deployment or StatefulSet, which is named by the pod's name without its last part.
fn replica(name: &str, on: &str) -> Pod {
    let mut pod = pod(name).on(on);
    let owner = name.rsplit_once('-').map_or(name, |(owner, _)| owner);
    let mut controller = owned_by("apps", "ReplicaSet");
    (controller.name, controller.uid) = (owner.to_owned(), format!("uid-{owner}"));
    pod.controller = Some(controller.into());
    let labels = Labels::from([("app", owner)]);
    pod.eviction = Some(Box::new(EvictionFacts {
        uid: format!("uid-{name}").into(),
        labels,
        ..EvictionFacts::default()
    }));
    pod
}

fn with_facts(mut pod: Pod, change: impl Fn(&mut EvictionFacts)) -> Pod {
    change(pod.eviction.as_mut().unwrap());
    pod
}

fn budget(name: &str, app: &str, allowed: u32) -> DisruptionBudget {
    let requirement = Requirement { key: "app".into(), operator: Operator::In(vec![app.into()]) };
    DisruptionBudget {
        namespace: name.split_once('/').unwrap().0.into(),
        name: name.split_once('/').unwrap().1.into(),
        selector: Some(LabelSelector(vec![requirement])),
        allowed,
        unready_at_any_time: false,
    }
}

/// Two nodes with a user each serve; n1 is cordoned.
fn hub(pods: Vec<Pod>) -> Snapshot {
    let users = [user("ada", "n2"), user("bob", "n3")];
    cluster(vec![cordoned("n1"), node("n2"), node("n3")], users.into_iter().chain(pods).collect())
}

/// The plan, which the checker finds sound.
fn sound(snapshot: &Snapshot, policy: &Policy) -> Plan {
    let plan = plan(snapshot, policy).unwrap();
    assert_eq!(check(snapshot, policy, &plan), [], "{:?}", plan.actions);
    plan
}

fn evicted(plan: &Plan) -> Vec<String> {
    let name = |action: &Action| {
        let Action::Evict { namespace, pod, .. } = action else { return None };
        Some(format!("{namespace}/{pod}"))
    };
    plan.actions.iter().filter_map(name).collect()
}

fn deleted(plan: &Plan) -> bool {
    plan.actions.iter().any(Action::is_delete)
}

fn keeps(plan: &Plan, node: &str) -> KeepReason {
    let verdict = &plan.node(node).unwrap().verdict;
    let Verdict::Keep(reason) = verdict else { panic!("{node}: {verdict:?}") };
    reason.clone()
}

fn not_evicted(plan: &Plan) -> NotEvicted {
    assert_eq!(evicted(plan), Vec::<String>::new());
    let kept = keeps(plan, "n1");
    let KeepReason::NotDrained { why, .. } = kept else { panic!("{kept:?}") };
    why
}

#[test]
fn without_drain_an_omitted_pod_goes_with_its_node_and_with_it_is_evicted_first() {
    let snapshot = hub(vec![replica("kube-system/csi-1", "n1")]);
    let without = sound(&snapshot, &policy(Drain::None));
    assert!(deleted(&without) && evicted(&without).is_empty());
    for drain in [Drain::Omitted, Drain::Movable] {
        let plan = sound(&snapshot, &policy(drain));
        assert_eq!(evicted(&plan), ["kube-system/csi-1"]);
        assert!(!deleted(&plan));
        assert_eq!(keeps(&plan, "n1").word(), "Draining");
    }
}

#[test]
fn a_node_that_stores_a_volume_is_not_drained() {
    let unknown = StoredVolumes::Unknown { why: "timeout".into() };
    let snapshot = hub(vec![replica("kube-system/csi-1", "n1")]).with_stored_volumes(Arc::new(unknown));
    let plan = sound(&snapshot, &policy(Drain::Omitted));
    assert_eq!(evicted(&plan), Vec::<String>::new());
    assert_eq!(keeps(&plan, "n1").word(), "VolumesUnknown");
}

#[test]
fn a_counted_pod_that_is_started_again_keeps_its_node_unless_it_is_movable() {
    let serving = hub(vec![replica("hub/web-1", "n2")]);
    let reason = |drain| keeps(&sound(&serving, &policy(drain)), "n2").word();
    assert_eq!(reason(Drain::Omitted), "CriticalPod");
    assert_eq!(reason(Drain::Movable), "Needed");
    let cordoned = hub(vec![replica("hub/web-1", "n1")]);
    assert_eq!(evicted(&sound(&cordoned, &policy(Drain::Movable))), ["hub/web-1"]);
    let plan = sound(&cordoned, &policy(Drain::Omitted));
    assert!(plan.actions.iter().any(Action::is_uncordon), "a critical pod uncordons its node");
}

#[test]
fn a_user_s_pod_is_never_evicted_omitted_or_not_and_keeps_what_is_beside_it() {
    let beside = hub(vec![
        user("eve", "n1").asking(1, 100),
        replica("hub/web-1", "n1"),
        replica("kube-system/csi-1", "n1"),
    ]);
    let plan = sound(&beside, &policy(Drain::Movable));
    assert_eq!(evicted(&plan), Vec::<String>::new());
    assert_eq!(keeps(&plan, "n1").word(), "PodsRemaining");
    let omitted = hub(vec![replica("kube-system/notebook-1", "n1").labelled(USER)]);
    let plan = sound(&omitted, &policy(Drain::Omitted));
    assert_eq!(evicted(&plan), Vec::<String>::new());
    let why = Loss::OfAUser;
    assert_eq!(keeps(&plan, "n1"), KeepReason::LosesPod { pod: "kube-system/notebook-1".into(), why });
}

#[test]
fn what_would_be_lost_or_is_bound_to_more_than_is_known_stays_critical() {
    let bare = pod("hub/bare").on("n1");
    let disk = |only_empty_dirs| {
        let pod = Pod { local_volume: Some("cache".into()), ..replica("hub/web-1", "n1") };
        with_facts(pod, |facts| facts.only_empty_dirs = only_empty_dirs)
    };
    let job = replica("hub/web-1", "n1").controlled(owned_by("batch", "Job"));
    let port = Pod { bound_by: Some(Bond::HostPort), ..replica("hub/web-1", "n1") };
    let claim = Pod { claims: Box::new(["data".into()]), ..replica("hub/web-1", "n1") };
    let mirror = Pod { mirror: true, ..replica("hub/web-1", "n1") };
    let unread = Pod { eviction: None, ..replica("hub/web-1", "n1") };
    let no_uid = with_facts(replica("hub/web-1", "n1"), |facts| facts.uid = "".into());
    let safe = Pod { safe_to_evict: Some(false), ..replica("hub/web-1", "n1") };
    for (sentence, pod) in [
        ("bare", bare),
        ("of a Job", job),
        ("with a hostPath", disk(false)),
        ("with an emptyDir", disk(true)),
        ("with a host port", port),
        ("with a claim whose volume is not known", claim.clone()),
        ("static", mirror),
        ("unread", unread),
        ("without a UID", no_uid),
        ("not safe to evict", safe),
    ] {
        let plan = sound(&hub(vec![pod]), &policy(Drain::Movable));
        assert_eq!(evicted(&plan), Vec::<String>::new(), "{sentence}");
        assert!(!deleted(&plan), "{sentence}");
        assert!(plan.node("n1").unwrap().critical, "{sentence}");
    }
    let empty_dir = Policy { drain_empty_dir: true, ..policy(Drain::Movable) };
    assert_eq!(evicted(&sound(&hub(vec![disk(true)]), &empty_dir)), ["hub/web-1"]);
    assert!(evicted(&sound(&hub(vec![disk(false)]), &empty_dir)).is_empty(), "a hostPath is none");
    let known = Volumes::from([(("hub".to_owned(), "data".to_owned()), None)]);
    assert_eq!(
        evicted(&sound(&hub(vec![claim]).with_volumes(known), &policy(Drain::Movable))),
        ["hub/web-1"]
    );
}

#[test]
fn the_report_names_the_pod_with_the_empty_dir_and_the_annotation() {
    let pod = Pod { local_volume: Some("cache".into()), ..replica("kube-system/csi-1", "n1") };
    let pod = with_facts(pod, |facts| facts.only_empty_dirs = true);
    let plan = sound(&hub(vec![pod]), &policy(Drain::Omitted));
    let text = keeps(&plan, "n1").to_string();
    assert!(text.contains("kube-system/csi-1"), "{text}");
    assert!(text.contains("cache in the annotation"), "{text}");
}

#[test]
fn a_budget_that_allows_nothing_keeps_the_node_and_is_named() {
    let pods = || vec![replica("hub/web-1", "n1"), replica("hub/db-1", "n1")];
    let with = |budgets| sound(&hub(pods()).with_budgets(budgets), &policy(Drain::Movable));
    let none = with(vec![budget("hub/web", "hub/web", 0)]);
    assert_eq!(not_evicted(&none), NotEvicted::Budget { budget: "hub/web".into() });
    assert!(keeps(&none, "n1").to_string().contains("PodDisruptionBudget hub/web"));
    let other = with(vec![budget("jobs/web", "hub/web", 0), budget("hub/proxy", "proxy", 0)]);
    assert_eq!(evicted(&other), ["hub/db-1", "hub/web-1"]);
    let two = with(vec![budget("hub/all", "hub/web", 5), budget("hub/web", "hub/web", 5)]);
    let (first, second) = ("hub/all".into(), "hub/web".into());
    assert_eq!(not_evicted(&two), NotEvicted::TwoBudgets { first, second });
}

#[test]
fn a_budget_that_lets_pods_go_that_are_not_ready_keeps_no_such_pod() {
    let label = |pod: Pod| with_facts(pod, |facts| facts.labels.insert("app", "web"));
    let crashes = || label(Pod { ready: false, ..replica("hub/a-1", "n1") });
    let with = |pods, always, allowed| {
        let budget = DisruptionBudget { unready_at_any_time: always, ..budget("hub/web", "web", allowed) };
        sound(&hub(pods).with_budgets(vec![budget]), &policy(Drain::Movable))
    };
    let held = NotEvicted::Budget { budget: "hub/web".into() };
    assert_eq!(not_evicted(&with(vec![crashes()], false, 0)), held);
    assert_eq!(evicted(&with(vec![crashes()], true, 0)), ["hub/a-1"]);
    let ready = || label(replica("hub/b-1", "n1"));
    assert_eq!(not_evicted(&with(vec![crashes(), ready()], true, 0)), held);
    assert_eq!(evicted(&with(vec![crashes(), ready()], true, 1)), ["hub/a-1", "hub/b-1"]);
}

#[test]
fn a_budget_s_last_eviction_is_spent_once() {
    // Two controllers with the same label.
    let label = |pod: Pod| with_facts(pod, |facts| facts.labels.insert("app", "web"));
    let pods = vec![label(replica("hub/a-1", "n1")), label(replica("hub/b-1", "n1"))];
    let snapshot = hub(pods).with_budgets(vec![budget("hub/web", "web", 1)]);
    let plan = sound(&snapshot, &policy(Drain::Movable));
    assert_eq!(evicted(&plan), ["hub/a-1"]);
}

#[test]
fn of_one_controller_one_pod_goes_at_a_time_and_only_while_the_others_are_ready() {
    let both = || vec![replica("kube-system/dns-a", "n1"), replica("kube-system/dns-b", "n1")];
    let plan = sound(&hub(both()), &policy(Drain::Omitted));
    assert_eq!(evicted(&plan), ["kube-system/dns-a"]);
    let elsewhere = |ready| Pod { ready, ..replica("kube-system/dns-c", "n2") };
    let plan =
        sound(&hub(vec![replica("kube-system/dns-a", "n1"), elsewhere(true)]), &policy(Drain::Omitted));
    assert_eq!(evicted(&plan), ["kube-system/dns-a"]);
    let plan =
        sound(&hub(vec![replica("kube-system/dns-a", "n1"), elsewhere(false)]), &policy(Drain::Omitted));
    assert_eq!(not_evicted(&plan), NotEvicted::OtherReplica { pod: "kube-system/dns-c".into() });
    // A pod of another namespace may name the same controller; it is none of its pods, and holds nothing up.
    let forged = Pod { namespace: "monitoring".into(), ..elsewhere(false) };
    let plan = sound(&hub(vec![replica("kube-system/dns-a", "n1"), forged]), &policy(Drain::Omitted));
    assert_eq!(evicted(&plan), ["kube-system/dns-a"]);
    // The only trouble is its own: it may come up better elsewhere.
    let troubled = Pod { ready: false, ..replica("kube-system/dns-a", "n1") };
    assert_eq!(evicted(&sound(&hub(vec![troubled]), &policy(Drain::Omitted))), ["kube-system/dns-a"]);
}

#[test]
fn what_was_evicted_a_moment_ago_keeps_the_other_pods_of_its_controller_on_every_node() {
    const DNS: &str = "uid-kube-system/dns";
    let with = |seconds, list: &str| {
        let mut drained = cordoned("n4");
        drained.annotations.insert(annotation::EVICTED_AT.into(), ago(seconds).to_string());
        drained.annotations.insert(annotation::EVICTED.into(), list.into());
        let nodes = vec![cordoned("n1"), node("n2"), node("n3"), drained, node("n5")];
        let pods = vec![user("ada", "n2"), user("bob", "n3"), user("eve", "n5")];
        let pods = pods.into_iter().chain([replica("kube-system/dns-a", "n1")]).collect();
        sound(&cluster(nodes, pods), &policy(Drain::Omitted))
    };
    let held = NotEvicted::OtherEvicted { node: "n4".into() };
    // A clock may be five minutes ahead; a mark beyond that would hold the pods back without end.
    assert_eq!([29, -300].map(|seconds| not_evicted(&with(seconds, DNS))), [held.clone(), held.clone()]);
    assert_eq!([30, -301].map(|seconds| evicted(&with(seconds, DNS))), [["kube-system/dns-a"]; 2]);
    // A kubelet may write any list on its node. The first hundred count.
    let after = |others| format!("{}{DNS}", "uid-x,".repeat(others));
    assert_eq!(not_evicted(&with(10, &after(99))), held);
    assert_eq!(evicted(&with(10, &after(100))), ["kube-system/dns-a"]);
}

#[test]
fn nothing_is_evicted_that_does_not_fit_elsewhere_all_of_it() {
    let large = |name: &str, gibibytes| replica(name, "n1").asking(gibibytes, 100);
    let policy = policy(Drain::Movable);
    let bounds = Bounds { max_utilization: crate::policy::PartsPerMillion::ONE, ..policy.bounds };
    let policy = Policy { bounds, ..policy };
    // n2 and n3 have 10 GiB left each.
    assert_eq!(not_evicted(&sound(&hub(vec![large("hub/web-1", 11)]), &policy)), NotEvicted::NoRoom);
    let fits = vec![large("hub/a-1", 5), large("hub/b-1", 5), large("hub/c-1", 9)];
    assert_eq!(evicted(&sound(&hub(fits), &policy)).len(), 3);
    let three = vec![large("hub/a-1", 6), large("hub/b-1", 6), large("hub/c-1", 6)];
    assert_eq!(not_evicted(&sound(&hub(three), &policy)), NotEvicted::NoRoom);
}

#[test]
fn omitted_pods_take_no_capacity_that_the_band_needs() {
    // 22 of 32 GiB on both is 0.6875; 6 GiB less on one is 44 of 58, 0.759; 13 GiB would be above 0.85.
    let omitted = |gibibytes| vec![replica("kube-system/a-1", "n1").asking(gibibytes, 100)];
    assert_eq!(evicted(&sound(&hub(omitted(6)), &policy(Drain::Omitted))).len(), 1);
    let tight = |gibibytes| {
        let policy = policy(Drain::Omitted);
        let max_utilization = crate::policy::PartsPerMillion(750_000);
        let bounds = Bounds { max_utilization, ..policy.bounds };
        sound(&hub(omitted(gibibytes)), &Policy { bounds, ..policy })
    };
    assert_eq!(not_evicted(&tight(6)), NotEvicted::AboveBand);
    assert_eq!(evicted(&tight(5)).len(), 1);
}

#[test]
fn nothing_is_evicted_in_the_first_hour_of_a_waiting_pod() {
    let waits = |seconds, gibibytes| {
        let refusal = Some(SchedulerRefusal { message: "".into(), since: Some(ago(seconds)) });
        let unbound = Unbound { refusal, created_at: Some(ago(seconds)), ..Unbound::default() };
        // It is omitted, so a run does nothing for it.
        let job = pod("kube-system/job-1").asking(gibibytes, 0);
        Pod { unbound: Some(Box::new(unbound)), ready: false, ..job }
    };
    let with = |seconds, gibibytes| {
        let pods = vec![replica("kube-system/csi-1", "n1"), waits(seconds, gibibytes)];
        sound(&hub(pods), &policy(Drain::Omitted))
    };
    let waiting = NotEvicted::Waiting { pod: "kube-system/job-1".into() };
    assert_eq!(not_evicted(&with(3599, 20)), waiting);
    assert_eq!(evicted(&with(3600, 20)), ["kube-system/csi-1"]);
    assert_eq!(evicted(&with(60, 99)), ["kube-system/csi-1"], "no node has room for it, whatever is evicted");
}

#[test]
fn at_most_max_evictions_go_in_a_run_and_what_was_begun_comes_first() {
    let mut begun = cordoned("n4");
    begun.annotations.insert(annotation::EVICTED_AT.into(), ago(7200).to_string());
    let mut nodes = vec![cordoned("n1"), node("n2"), node("n3"), begun];
    nodes.push(node("n5"));
    let pods = vec![
        user("ada", "n2"),
        user("bob", "n3"),
        user("eve", "n5"),
        replica("kube-system/a-1", "n1"),
        replica("kube-system/b-1", "n1"),
        replica("kube-system/c-1", "n4"),
    ];
    let policy = Policy { max_evictions: Budget::Count(2), ..policy(Drain::Omitted) };
    let plan = sound(&cluster(nodes, pods), &policy);
    assert_eq!(evicted(&plan), ["kube-system/c-1", "kube-system/a-1"]);
    let limits: Vec<String> = plan.limits.iter().map(ToString::to_string).collect();
    assert_eq!(limits, ["MAX_EVICTIONS: 3 pods could be evicted, 2 evicted in this run"]);
}

#[test]
fn a_node_goes_once_what_was_evicted_from_it_is_up_elsewhere() {
    let drained = |seconds| {
        let mut node = cordoned("n1");
        node.annotations.insert(annotation::EVICTED_AT.into(), ago(seconds).to_string());
        node.annotations.insert(annotation::EVICTED.into(), "uid-other,uid-kube-system/dns".into());
        node
    };
    let with = |seconds, ready| {
        let again = Pod { ready, ..replica("kube-system/dns-b", "n2") };
        let pods = vec![user("ada", "n2"), user("bob", "n3"), again];
        sound(&cluster(vec![drained(seconds), node("n2"), node("n3")], pods), &policy(Drain::Omitted))
    };
    assert_eq!(keeps(&with(29, true), "n1").word(), "EvictedRecently");
    assert!(deleted(&with(30, true)));
    assert_eq!(keeps(&with(30, false), "n1").word(), "AwaitsEvicted");
    assert_eq!(keeps(&with(3599, false), "n1").word(), "AwaitsEvicted");
    assert!(deleted(&with(3600, false)), "what is not up after an hour has another trouble");
    assert_eq!(keeps(&with(-300, true), "n1").word(), "EvictedRecently");
    assert!(deleted(&with(-301, false)), "a mark from the future counts as none");
}

#[test]
fn a_pod_on_its_way_out_is_waited_for() {
    let going = Pod { deleting: true, ..replica("kube-system/csi-1", "n1") };
    let plan = sound(&hub(vec![going]), &policy(Drain::Omitted));
    assert_eq!(evicted(&plan), Vec::<String>::new());
    assert_eq!(
        keeps(&plan, "n1").to_string(),
        "it is being drained of pod kube-system/csi-1, 0 of them in this run"
    );
}

#[test]
fn only_nodes_under_our_own_cordon_are_drained() {
    let mut theirs = cordoned("n1");
    theirs.annotations.clear();
    theirs.taints[0].added_at = Some(ago(86_400));
    let pods = vec![user("ada", "n2"), user("bob", "n3"), replica("kube-system/csi-1", "n1")];
    let snapshot = cluster(vec![theirs, node("n2"), node("n3")], pods);
    assert_eq!(not_evicted(&sound(&snapshot, &policy(Drain::Omitted))), NotEvicted::OthersCordon);
    let adopt = Policy { adopt_cordons: crate::policy::AdoptCordons::Always, ..policy(Drain::Omitted) };
    assert_eq!(evicted(&sound(&snapshot, &adopt)), ["kube-system/csi-1"]);
}

#[test]
fn what_is_on_a_node_that_is_not_ready_is_not_evicted() {
    let mut broken = cordoned("n1");
    broken.ready = Some(crate::model::ReadyCondition { ready: false, since: Some(ago(7200)) });
    let pods = vec![user("ada", "n2"), user("bob", "n3"), replica("kube-system/csi-1", "n1")];
    let plan = sound(&cluster(vec![broken, node("n2"), node("n3")], pods), &policy(Drain::Omitted));
    assert!(deleted(&plan) && evicted(&plan).is_empty(), "it goes as it always has");
}
