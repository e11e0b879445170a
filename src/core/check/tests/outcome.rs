//! The cluster after a plan, and planning again on it.

use jiff::Timestamp;

use crate::check::fixtures::*;
use crate::check::{Violation, check_settled, cut_short, outcome};
use crate::model::{Amounts, Instance, Ledger, Node, NodeGroup, Pod, Snapshot, annotation, taint};
use crate::plan::{Action, CordonAge, GrowReason, Limit, Refusal, Since, UncordonReason, UnmarkReason};
use crate::policy::Policy;

#[test]
fn the_outcome_shows_what_was_done_and_what_boots() {
    let nodes = vec![cordoned("a").empty_for(60), node("b"), cordoned("c")];
    let snapshot = world(nodes, vec![]);
    let actions = vec![uncordon("a"), grow(None, 3, 5), cordon("b"), delete("c")];
    let after = outcome(&snapshot, &policy(), &plan(&snapshot, &policy(), actions)).unwrap();
    let [a, b, c] = after.nodes() else { unreachable!() };
    assert!(!a.unschedulable && a.annotations.is_empty() && a.taints.is_empty());
    assert!(b.unschedulable && b.annotations[annotation::CORDONED_AT] == NOW.to_string());
    let [cordon_taint] = &*b.taints else { unreachable!() };
    assert_eq!((&*cordon_taint.key, cordon_taint.added_at), (taint::UNSCHEDULABLE, Some(NOW)));
    assert!(c.unschedulable, "a deleted node is still there");
    let [group] = after.groups() else { unreachable!() };
    assert_eq!((group.target_size, group.instances.len()), (5, 5));
    let new = group.instances.iter().filter(|instance| !instance.has_node);
    assert_eq!(new.map(|instance| instance.created_at).collect::<Vec<_>>(), [Some(NOW), Some(NOW)]);
    assert_eq!(group.template.as_ref().unwrap().allocatable, node("x").allocatable);
    assert_eq!(a.group.as_ref(), Some(&group.name));
}

/// What becomes of each pod: the node that is nominated for it, and since when it is refused.
fn becomes(nodes: Vec<Node>, pods: Vec<Pod>) -> Vec<(Option<String>, Option<Timestamp>)> {
    let snapshot = world(nodes, pods);
    let after = outcome(&snapshot, &policy(), &plan(&snapshot, &policy(), [uncordon("b")])).unwrap();
    let unbound = after.pods().iter().filter_map(|pod| pod.unbound.as_ref());
    unbound.map(|one| (one.nominated.as_deref().map(str::to_owned), one.refused_since())).collect()
}

fn stays(seconds: i64) -> (Option<String>, Option<Timestamp>) {
    (None, Some(ago(seconds)))
}

fn goes_to_b(seconds: i64) -> (Option<String>, Option<Timestamp>) {
    (Some(text("b")), Some(ago(seconds)))
}

#[test]
fn a_pod_goes_to_what_is_uncordoned_where_what_serves_takes_nobody_now() {
    let alice = || vec![unbound("alice").refused_for(300)];
    assert_eq!(becomes(vec![node("a"), cordoned("b")], alice()), [stays(300)], "no account knows the reason");
    let unreachable = node("a").tainted("node.kubernetes.io/network-unavailable");
    assert_eq!(becomes(vec![unreachable, cordoned("b")], alice()), [goes_to_b(300)]);
}

#[test]
fn a_pod_whose_room_others_take_waits_on_as_long_as_before() {
    let alice = unbound("alice").asking_gibibytes(5).refused_for(300);
    let bob = unbound("bob").asking_gibibytes(5).refused_for(300);
    assert_eq!(becomes(vec![cordoned("b")], vec![alice, bob]), [goes_to_b(300), stays(300)]);
}

/// Section 6 places alice on `b`, so nothing else would keep it in service if she went to `a`.
#[test]
fn a_pod_goes_to_a_node_that_is_uncordoned_for_pods_before_one_that_load_alone_needs() {
    let nodes = vec![cordoned("a"), cordoned("b")];
    let snapshot = world(nodes, vec![unbound("alice").refused_for(300)]);
    let why = UncordonReason::WaitingPod { pod: text("hub/alice"), pods: 1 };
    let adopted = UncordonReason::AdoptedCordon {
        why: Box::new(why.clone()),
        cordoned: Since(None),
        age: CordonAge::at(NOW, None),
    };
    for reason in [why, adopted] {
        let for_alice = Action::Uncordon { node: text("b"), reason };
        let planned = plan(&snapshot, &policy(), [uncordon("a"), for_alice]);
        let after = outcome(&snapshot, &policy(), &planned).unwrap();
        let [alice] = after.pods() else { unreachable!() };
        assert_eq!(alice.unbound.as_ref().unwrap().nominated.as_deref(), Some("b"));
    }
}

#[test]
fn a_pod_that_will_never_be_bound_takes_no_room() {
    let alice = unbound("alice").asking_gibibytes(5).refused_for(300).leaving();
    let bob = unbound("bob").asking_gibibytes(5).refused_for(300);
    assert_eq!(becomes(vec![cordoned("b")], vec![alice, bob]), [stays(300), goes_to_b(300)]);
}

/// Carol fits `a` and is refused all the same. Either she or alice gets the room on `b`.
#[test]
fn room_that_a_pod_with_another_reason_may_take_is_nobody_s_yet() {
    let after = |carol: i64, bob: i64| {
        let pods = vec![
            user("dan", "a").asking_gibibytes(4),
            unbound("alice").asking_gibibytes(6).refused_for(300),
            unbound("bob").asking_gibibytes(5).refused_for(bob),
            unbound("carol").asking_gibibytes(4).refused_for(carol),
        ];
        becomes(vec![node("a"), cordoned("b")], pods)
    };
    assert_eq!(after(30, 300), [stays(0), stays(0), stays(30)]);
    assert_eq!(
        after(30, 3600),
        [stays(0), stays(3600), stays(30)],
        "after an hour nothing is opened for bob"
    );
    assert_eq!(after(29, 300), [goes_to_b(300), stays(300), stays(29)], "carol fits a");
}

#[test]
fn each_pool_without_groups_grows_by_its_own_template() {
    let large = node("b").in_pool("y").of_gibibytes(64).labelled("kubernetes.io/hostname", "b");
    let snapshot = world(vec![node("a").in_pool("x"), large], vec![]);
    let actions = vec![grow_pool("x", None, 1, 2), grow_pool("y", None, 1, 2)];
    let after = outcome(&snapshot, &with_pools(), &plan(&snapshot, &with_pools(), actions)).unwrap();
    let [x, y] = after.groups() else { unreachable!() };
    let template = |group: &NodeGroup| group.template.clone().unwrap();
    assert_eq!(template(x).allocatable, after.nodes()[0].allocatable);
    assert_eq!(template(y).allocatable, after.nodes()[1].allocatable);
    assert_eq!(template(y).labels, [(text("pool"), text("y"))].into(), "no label of one host");
    assert_eq!(after.nodes()[0].group.as_ref(), Some(&x.name));
}

#[test]
fn notes_instances_and_what_is_remembered_are_carried_over() {
    let nodes = vec![
        cordoned("a").in_group("z/pool"),
        cordoned("b").empty_for(600),
        node("c").claimed_for_another(-60),
    ];
    let lost = Instance { surely_no_node: true, ..instance("lost", 3600) };
    let pool = NodeGroup { instances: vec![lost], ..group("z/pool", 2) };
    let snapshot = world_with_groups(nodes, vec![user("alice", "b")], vec![pool]);
    let actions = vec![
        delete_instance("z/pool", "lost"),
        mark("a"),
        unmark("b", UnmarkReason::Occupied),
        unmark("c", UnmarkReason::ClaimOver),
    ];
    let mut plan = plan(&snapshot, &policy(), actions);
    plan.ledger = Some(Ledger { common: [(String::new(), [].into())].into(), ..Ledger::default() });
    let after = outcome(&snapshot, &policy(), &plan).unwrap();
    let [a, b, c] = after.nodes() else { unreachable!() };
    assert_eq!(a.annotations[annotation::EMPTY_SINCE], NOW.to_string());
    assert!(b.annotations.keys().eq([annotation::CORDONED_AT]));
    assert!(c.annotations.is_empty() && c.taints.is_empty());
    assert_eq!((after.groups()[0].target_size, after.groups()[0].instances.len()), (1, 0));
    assert_eq!(after.ledger(), plan.ledger.as_ref());
}

#[test]
fn the_outcome_of_a_plan_that_changes_nothing_is_the_cluster_itself() {
    let pods = vec![user("ada", "a"), unbound("bob").refused_for(300)];
    let snapshot = world(vec![node("a"), cordoned("b").empty_for(60)], pods);
    let idle = plan(&snapshot, &policy(), []);
    assert!(idle.changes_nothing());
    let after = outcome(&snapshot, &policy(), &idle).unwrap();
    assert_eq!((after.nodes(), after.pods()), (snapshot.nodes(), snapshot.pods()));
    assert_eq!((after.groups(), after.ledger()), (snapshot.groups(), snapshot.ledger()));
    assert!(!plan(&snapshot, &policy(), [mark("b")]).changes_nothing(), "a note changes the node");
    let mut noted = idle;
    noted.ledger = Some(Ledger::default());
    assert!(!noted.changes_nothing(), "the next plan has other records");
}

#[test]
fn a_plan_is_settled_when_planning_again_changes_nothing_more() {
    let snapshot = world(vec![node("a"), node("b")], vec![]);
    let first = plan(&snapshot, &policy(), [cordon("b")]);
    let again = |actions: Vec<Action>| {
        check_settled(&snapshot, &policy(), &first, move |after, policy| {
            Ok(plan(after, policy, actions.clone()))
        })
    };
    let notes = vec![delete("b"), delete_instance("z/pool", "lost"), mark("b")];
    assert_eq!(again(notes), None);
    assert_eq!(again(vec![cordon("a")]), Some(Violation::NotSettled { verb: "cordon", what: text("a") }));
    assert_eq!(again(vec![uncordon("b")]), Some(Violation::NotSettled { verb: "uncordon", what: text("b") }));
    assert_eq!(
        again(vec![grow(Some("z/pool"), 1, 2)]),
        Some(Violation::NotSettled { verb: "grow", what: text("group z/pool from 1 to 2") })
    );
    let refused = check_settled(&snapshot, &policy(), &first, |_, _| Err(Refusal::NoPodVisible { nodes: 2 }));
    assert_eq!(refused, Some(Violation::RefusedOnOutcome));
}

#[test]
fn a_plan_that_creates_or_is_cut_need_not_be_settled() {
    let snapshot = world(vec![node("a"), node("b")], vec![]);
    let settled = plan(&snapshot, &policy(), [cordon("b")]);
    assert!(!cut_short(&settled));
    assert!(cut_short(&plan(&snapshot, &policy(), [grow(None, 2, 3)])));
    let limited = |limit: Limit| {
        let mut plan = settled.clone();
        plan.pools[0].limits.push(limit);
        cut_short(&plan)
    };
    assert!(limited(Limit::MaxCordons { asked: 2, allowed: 1 }));
    assert!(limited(Limit::MaxCreations { asked: 2, allowed: 1 }));
    // These hold for every run alike.
    assert!(!limited(Limit::MinNodes { asked: 1, allowed: 3 }));
    assert!(!limited(Limit::MustKeep { asked: 2, allowed: 1 }));
    let mut cut = settled;
    cut.limits.push(Limit::MaxCordons { asked: 2, allowed: 1 });
    assert_eq!(check_settled(&snapshot, &policy(), &cut, |_, _| unreachable!()), None);
}

#[test]
fn a_node_object_that_goes_excuses_only_the_pool_whose_common_nodes_it_changes() {
    let in_pool = |name: &str, pool: &str| node(name).in_pool(pool);
    // Of pool a only the dead node is common; of pool b all nodes are.
    let nodes = |tainted: &[&str]| -> Vec<Node> {
        let nodes = [("a0", "a"), ("a1", "a"), ("b0", "b"), ("b1", "b")];
        let one = |name: &str, pool: &str| {
            let node = in_pool(name, pool);
            if tainted.contains(&name) { node.tainted("dedicated") } else { node }
        };
        nodes.into_iter().map(|(name, pool)| one(name, pool)).collect()
    };
    let left_to_do = |tainted: &[&str], action: Action| {
        let snapshot = world(nodes(tainted), vec![]);
        let first = plan(&snapshot, &with_pools(), [delete_object("a0"), delete_object("b0")]);
        check_settled(&snapshot, &with_pools(), &first, move |after, policy| {
            Ok(plan(after, policy, [action.clone()]))
        })
    };
    let cordoned = |node: &str| Some(Violation::NotSettled { verb: "cordon", what: text(node) });
    assert_eq!(left_to_do(&[], cordon("a1")), cordoned("a1"));
    assert_eq!(left_to_do(&["a1"], cordon("a1")), None);
    assert_eq!(left_to_do(&["a1"], grow_pool("a", None, 1, 2)), None);
    assert_eq!(left_to_do(&["a1"], cordon("b1")), cordoned("b1"));
}

#[test]
fn a_node_object_that_goes_excuses_no_growth_because_it_never_took_room_under_max_nodes() {
    let snapshot = world(vec![node("a"), node("b")], vec![]);
    for max in [2, 3] {
        let policy = with_bounds(|bounds| bounds.max_nodes = max);
        let first = plan(&snapshot, &policy, [delete_object("a")]);
        let again = |after: &Snapshot, policy: &Policy| Ok(plan(after, policy, [grow(None, 1, 2)]));
        let expected = Violation::NotSettled { verb: "grow", what: text("group (none) from 1 to 2") };
        assert_eq!(check_settled(&snapshot, &policy, &first, again), Some(expected), "MAX_NODES={max}");
    }
}

#[test]
fn a_growth_for_a_pod_that_only_the_outcome_refuses_again_counts_unless_a_node_came_since() {
    let here = |pod: Pod| pod.selecting("kind", "b");
    // Once b is uncordoned, Emmy takes 5 GiB there; then there is room for Alan or Kurt, and none for Lise.
    let waiting = [("emmy", 5, 3600), ("alan", 2, 3599), ("kurt", 3, 30), ("lise", 1, 3599)];
    let waiting = waiting.map(|(name, gibibytes, seconds)| {
        let pod = unbound(name).asking_gibibytes(gibibytes).refused_for(seconds);
        if matches!(name, "kurt" | "lise") { here(pod) } else { pod }
    });
    let left_to_do = |a: Node, ledger: Option<Ledger>, pod: &str, pods: usize| {
        let users = [user("ada", "a").asking_gibibytes(5)].into_iter().chain(waiting.clone()).collect();
        let snapshot = world(vec![a, cordoned("b").labelled("kind", "b")], users).with_ledger(ledger);
        let first = plan(&snapshot, &policy(), [uncordon("b")]);
        check_settled(&snapshot, &policy(), &first, |after, policy| {
            let reason = GrowReason::WaitingPods { pod: format!("hub/{pod}"), pods };
            let (pool, group, instead) = (String::new(), None, vec![]);
            Ok(plan(after, policy, [Action::Grow { pool, group, from: 2, to: 3, instead, reason }]))
        })
    };
    let kept = || Some(Ledger::default());
    assert_eq!(left_to_do(node("a").created(100), kept(), "lise", 1), None);
    for (sentence, a, pod, pods) in [
        ("it came before", node("a").created(86_400), "lise", 1),
        ("it took its time", node("a").created(900), "lise", 1),
        ("it would take her", node("a").created(100).labelled("kind", "b"), "lise", 1),
        ("another waits too", node("a").created(100), "lise", 2),
        ("he is not refused again", node("a").created(100), "alan", 1),
    ] {
        assert!(left_to_do(a, kept(), pod, pods).is_some(), "{sentence}");
    }
}

#[test]
fn a_node_object_that_goes_with_a_placeholder_excuses_its_pool() {
    for (pods, excused) in [(vec![placeholder("reserve", "a")], true), (vec![], false)] {
        let snapshot = world(vec![node("a"), node("b")], pods);
        let first = plan(&snapshot, &policy(), [delete_object("a")]);
        let again = |after: &Snapshot, policy: &Policy| Ok(plan(after, policy, [cordon("b")]));
        assert_eq!(check_settled(&snapshot, &policy(), &first, again).is_none(), excused);
    }
}

/// A placeholder that requests neither memory nor CPU is no demand. Without it, no node is useless that it would not reach.
#[test]
fn a_node_object_that_goes_with_such_a_placeholder_excuses_growth_alone() {
    let left_to_do = |namespace: &str, action: Action| {
        let mut reserve = placeholder("reserve", "a");
        reserve.requests = Amounts::default();
        reserve.namespace = namespace.into();
        let snapshot = world(vec![node("a"), node("b")], vec![reserve]);
        let first = plan(&snapshot, &policy(), [delete_object("a")]);
        let again = |after: &Snapshot, policy: &Policy| Ok(plan(after, policy, [action.clone()]));
        check_settled(&snapshot, &policy(), &first, again).is_some()
    };
    assert!(!left_to_do("hub", grow(None, 1, 2)));
    assert!(left_to_do("hub", cordon("b")));
    assert!(left_to_do("kube-system", grow(None, 1, 2)), "it is omitted");
}

/// Alice gets the room on `a` that Bob had too. Bob then belongs to the pool `a` or `b`, by nodes that this checker does not know.
#[test]
fn a_pod_that_moves_excuses_only_the_pools_between_which_it_moves() {
    let here = |node: Node| node.labelled("kind", "x");
    let nodes = vec![
        here(cordoned("a")).in_pool("a"),
        here(node("b")).in_pool("b"),
        node("c").in_pool("c"),
        node("d").in_pool("c"),
    ];
    let waits = |name: &str| unbound(name).asking_gibibytes(6).refused_for(300).selecting("kind", "x");
    let pods = vec![user("dan", "b").asking_gibibytes(8), waits("alice"), waits("bob")];
    let snapshot = world(nodes, pods);
    let first = plan(&snapshot, &with_pools(), [uncordon("a")]);
    let left_to_do = |name: &str| {
        let again = |after: &Snapshot, policy: &Policy| Ok(plan(after, policy, [cordon(name)]));
        check_settled(&snapshot, &with_pools(), &first, again)
    };
    let counts = Some(Violation::NotSettled { verb: "cordon", what: text("c") });
    assert_eq!((left_to_do("a"), left_to_do("b"), left_to_do("c")), (None, None, counts));
}
