//! The cluster after a plan, and planning again on it.

use crate::check::fixtures::*;
use crate::check::{Violation, check_settled, cut_short, outcome};
use crate::model::{Instance, Ledger, NodeGroup, annotation, taint};
use crate::plan::{Action, Limit, Refusal, UnmarkReason};

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

#[test]
fn a_pod_goes_to_what_is_uncordoned_where_what_serves_takes_nobody_now() {
    let refused_since = |serving: crate::model::Node| {
        let snapshot = world(vec![serving, cordoned("b")], vec![unbound("alice").refused_for(300)]);
        let plan = plan(&snapshot, &policy(), [uncordon("b")]);
        let after = outcome(&snapshot, &policy(), &plan).unwrap();
        after.pods()[0].unbound.as_ref().unwrap().refused_since()
    };
    assert_eq!(refused_since(node("a")), Some(ago(300)), "refused for a reason that no account knows");
    assert_eq!(refused_since(node("a").tainted("node.kubernetes.io/network-unavailable")), Some(NOW));
}

#[test]
fn a_pod_whose_room_others_take_is_refused_anew_in_its_first_hour() {
    let since = |seconds: i64| {
        let bob = unbound("bob").asking_gibibytes(5).refused_for(seconds);
        let pods = vec![unbound("alice").asking_gibibytes(5).refused_for(300), bob];
        let snapshot = world(vec![cordoned("b")], pods);
        let plan = plan(&snapshot, &policy(), [uncordon("b")]);
        let after = outcome(&snapshot, &policy(), &plan).unwrap();
        after.pods().iter().map(|pod| pod.unbound.as_ref().unwrap().refused_since()).collect::<Vec<_>>()
    };
    assert_eq!(since(300), [Some(NOW), Some(NOW)]);
    assert_eq!(since(3600), [Some(NOW), Some(ago(3600))], "after that hour nothing is opened for it");
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
