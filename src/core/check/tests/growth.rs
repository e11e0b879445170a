//! Groups, and instances without a node.

use crate::check::Violation;
use crate::check::fixtures::*;
use crate::model::{Instance, MachineFate, NodeGroup, NodeResources, NodeTemplate};
use crate::plan::{Action, GroupSize};
use crate::policy::{Budget, Policy};

#[test]
fn groups_only_ever_grow_from_the_size_that_they_have() {
    let snapshot = world_with_groups(vec![node("a").in_group("z/pool")], vec![], vec![group("z/pool", 3)]);
    let pool = || text("z/pool");
    let cases = [
        (grow(Some("z/pool"), 3, 4), vec![]),
        (grow(Some("z/pool"), 3, 2), vec![Violation::DoesNotGrow { group: pool(), from: 3, to: 2 }]),
        (grow(Some("z/pool"), 3, 3), vec![Violation::DoesNotGrow { group: pool(), from: 3, to: 3 }]),
        (grow(Some("z/pool"), 1, 2), vec![Violation::GrowsFromElsewhere { group: pool(), from: 1, size: 3 }]),
        (grow(Some("z/other"), 0, 1), vec![Violation::UnknownGroup { group: text("z/other") }]),
        (grow(None, 1, 2), vec![Violation::GroupNotNamed { groups: 1 }]),
    ];
    for (action, expected) in cases {
        assert_eq!(found(&snapshot, &policy(), [action]), expected);
    }
    let twice = [grow(Some("z/pool"), 3, 4), grow(Some("z/pool"), 3, 4)];
    assert_eq!(found(&snapshot, &policy(), twice), [Violation::GrownTwice { group: pool() }]);
}

#[test]
fn without_groups_the_managed_nodes_of_each_pool_are_counted() {
    let nodes = vec![node("a").in_pool("x"), node("b").in_pool("x"), node("c").in_pool("y")];
    let snapshot = world(nodes, vec![]);
    let both = [grow_pool("x", None, 2, 3), grow_pool("y", None, 1, 2)];
    assert_eq!(found(&snapshot, &with_pools(), both), []);
    let expected = Violation::GrowsFromElsewhere { group: text("(none)"), from: 3, size: 1 };
    assert_eq!(found(&snapshot, &with_pools(), [grow_pool("y", None, 3, 4)]), [expected]);
    let expected = Violation::NothingToCopy { pool: text("z") };
    assert!(found(&snapshot, &with_pools(), [grow_pool("z", None, 0, 1)]).contains(&expected));
}

#[test]
fn a_group_that_fails_or_is_not_ours_does_not_grow() {
    let grown = |group| {
        let snapshot = world_with_groups(vec![node("a").in_group("z/pool")], vec![], vec![group]);
        found(&snapshot, &policy(), [grow(Some("z/pool"), 1, 2)])
    };
    let with = |instance| NodeGroup { instances: vec![instance], ..group("z/pool", 1) };
    let failed = Instance { creation_error: Some(text("QUOTA")), ..instance("new", 60) };
    assert_eq!(grown(with(instance("new", 899))), []);
    assert!(matches!(&*grown(with(instance("new", 900))), [Violation::NotGrowable { .. }]));
    assert!(matches!(&*grown(with(instance("new", 1799))), [Violation::NotGrowable { .. }]));
    assert_eq!(grown(with(instance("new", 1800))), [], "twice BOOT_GRACE");
    assert!(matches!(&*grown(with(failed)), [Violation::NotGrowable { .. }]));
    let autoscaled = NodeGroup { not_growable: Some(text("an autoscaler")), ..group("z/pool", 1) };
    assert!(matches!(&*grown(autoscaled), [Violation::NotGrowable { why, .. }] if why == "an autoscaler"));

    let foreign = node("b").in_group("z/foreign").labelled("omit", "");
    let snapshot = world_with_groups(vec![node("a"), foreign], vec![], vec![group("z/foreign", 1)]);
    let actions = || [grow(Some("z/foreign"), 1, 2)];
    // Neither a template nor a node has the size of a new node, so one is created as a try.
    assert_eq!(
        found(&snapshot, &policy(), actions()),
        [Violation::GroupNotManaged { group: text("z/foreign") }]
    );
    let named = Policy { node_groups_named: true, ..policy() };
    assert_eq!(found(&snapshot, &named, actions()), []);
}

#[test]
fn a_group_grows_for_its_own_pool() {
    let named = |policy: Policy| Policy { node_groups_named: true, ..policy };
    let nodes = vec![node("a").in_pool("x").in_group("z/a"), node("b").in_pool("y").in_group("z/b")];
    let template = NodeTemplate { labels: [(text("pool"), text("y"))].into(), ..NodeTemplate::default() };
    let empty = NodeGroup { template: Some(template), ..group("z/c", 0) };
    let snapshot = world_with_groups(
        nodes,
        vec![],
        vec![group("z/a", 1), group("z/b", 1), empty, group("z/d-spare", 0)],
    );
    let other =
        |group: &str, pool: &str| vec![Violation::GroupOfOtherPool { group: text(group), pool: text(pool) }];
    let policy = named(with_pools());
    assert_eq!(found(&snapshot, &policy, [grow_pool("x", Some("z/a"), 1, 2)]), []);
    assert_eq!(found(&snapshot, &policy, [grow_pool("y", Some("z/a"), 1, 2)]), other("z/a", "y"));
    assert_eq!(found(&snapshot, &policy, [grow_pool("y", Some("z/c"), 0, 1)]), []);
    assert_eq!(found(&snapshot, &policy, [grow_pool("x", Some("z/c"), 0, 1)]), other("z/c", "x"));
    assert_eq!(found(&snapshot, &policy, [grow_pool("x", Some("z/d-spare"), 0, 1)]), other("z/d-spare", "x"));
    let mut named = policy;
    drop(named.group_pools.insert(text("spare"), text("x")));
    assert_eq!(found(&snapshot, &named, [grow_pool("x", Some("z/d-spare"), 0, 1)]), []);
}

#[test]
fn a_group_with_nodes_in_two_pools_belongs_to_the_pool_of_most_of_them() {
    let of = |name: &str, pool: &str| node(name).in_pool(pool).in_group("z/a");
    let policy =
        |max| Policy { pool_label: Some(text("pool")), ..with_bounds(move |one| one.max_nodes = max) };
    let grown = |nodes: Vec<crate::model::Node>, pool: &str, group: &NodeGroup| {
        let groups = vec![group.clone(), crate::check::fixtures::group("z/b", 1)];
        let snapshot = world_with_groups(nodes, vec![], groups);
        found(&snapshot, &policy(3), [grow_pool(pool, Some(group.name.as_str()), 3, 4)])
    };
    let three = group("z/a", 3);
    let other = |pool: &str| vec![Violation::GroupOfOtherPool { group: text("z/a"), pool: text(pool) }];
    let most = || vec![of("a", "x"), of("b", "y"), of("c", "y")];
    assert_eq!(grown(most(), "y", &three), []);
    assert_eq!(grown(most(), "x", &three), other("x"));
    // Of two pools with as many nodes, the first by name.
    let equal = || vec![of("a", "y"), of("b", "x"), of("c", "x"), of("d", "y")];
    assert_eq!(grown(equal(), "x", &three), []);
    assert_eq!(grown(equal(), "y", &three), other("y"));

    // Its instances count in that pool alone.
    let booting = NodeGroup { instances: vec![instance("new", 60)], ..three };
    let nodes = most().into_iter().chain([node("d").in_pool("x").in_group("z/b")]).collect();
    let snapshot = world_with_groups(nodes, vec![], vec![booting, group("z/b", 1)]);
    assert_eq!(found(&snapshot, &policy(3), [grow_pool("x", Some("z/b"), 1, 2)]), []);
    let expected = Violation::TooManyNodes { pool: text("y"), new: 1, common: 2, instances: 1, max: 3 };
    assert_eq!(found(&snapshot, &policy(3), [grow_pool("y", Some("z/a"), 3, 4)]), [expected]);
}

#[test]
fn a_group_without_nodes_belongs_to_the_one_pool_that_its_template_or_the_setting_names() {
    let labels = [(text("pool"), text("x"))].into();
    let of_x = Some(NodeTemplate { labels, ..NodeTemplate::default() });
    for (part, group_name, template, pool) in [
        ("users", "z/hub-users-1", of_x, "x"),
        ("users", "z/hub-users-1", None, "y"),
        ("z/users", "z/hub-users-1", None, "y"),
        ("hub-users-1", "z/hub-users-1", None, "y"),
        // Elsewhere, or only a part of a word.
        ("w/users", "z/hub-users-1", None, "none"),
        ("users", "z/superusers", None, "none"),
        // The whole name comes before the part `core`, which is another pool's.
        ("hub-core", "z/hub-core", None, "y"),
    ] {
        let empty = NodeGroup { template, ..group(group_name, 0) };
        let mut policy = Policy { node_groups_named: true, ..with_pools() };
        policy.group_pools = [(text("core"), text("x")), (text(part), text("y"))].into();
        let nodes = vec![node("a").in_pool("x"), node("b").in_pool("y")];
        let snapshot = world_with_groups(nodes, vec![], vec![empty]);
        for one in ["x", "y"] {
            let other = Violation::GroupOfOtherPool { group: text(group_name), pool: text(one) };
            let violations = found(&snapshot, &policy, [grow_pool(one, Some(group_name), 0, 1)]);
            assert_eq!(violations.contains(&other), one != pool, "{part} {group_name} {one}");
        }
    }
}

#[test]
fn nodes_instances_and_new_ones_together_stay_within_max_nodes() {
    let five = with_bounds(|bounds| bounds.max_nodes = 5);
    let pool = NodeGroup { instances: vec![instance("new", 60)], ..group("z/pool", 3) };
    let nodes = vec![node("a").in_group("z/pool"), cordoned("b"), node("c").tainted("dedicated")];
    let snapshot = world_with_groups(nodes, vec![], vec![pool]);
    // Two common nodes and an instance; the reserved node is in no bound.
    assert_eq!(found(&snapshot, &five, [grow(Some("z/pool"), 3, 5)]), []);
    let expected = Violation::TooManyNodes { pool: String::new(), new: 3, common: 2, instances: 1, max: 5 };
    assert_eq!(found(&snapshot, &five, [grow(Some("z/pool"), 3, 6)]), [expected]);
}

#[test]
fn a_node_object_whose_machine_is_proven_gone_takes_no_room_under_max_nodes() {
    let two = |deletes| Policy { delete_node_objects: deletes, ..with_bounds(|bounds| bounds.max_nodes = 2) };
    let gone = cordoned("b").not_ready_for(3600).tainted("node.kubernetes.io/unreachable");
    let gone = gone.annotated("kube-rebalancer/deletion-asked", "script:///b").change(|node| {
        (node.provider_id, node.outside) = (Some(text("script:///b")), Some(text("no list names it")));
    });
    let snapshot = |fate| world(vec![node("a"), gone.clone()], vec![]).with_fates([(text("b"), fate)].into());
    let grow_one = || [grow(None, 2, 3)];
    assert_eq!(found(&snapshot(MachineFate::Gone), &two(true), grow_one()), []);
    let expected =
        || [Violation::TooManyNodes { pool: String::new(), new: 1, common: 2, instances: 0, max: 2 }];
    assert_eq!(found(&snapshot(MachineFate::Unknown(text("?"))), &two(true), grow_one()), expected());
    assert_eq!(found(&snapshot(MachineFate::Gone), &two(false), grow_one()), expected());
}

#[test]
fn new_nodes_stay_within_their_budget() {
    let two = Policy { max_creations: Budget::Count(2), ..policy() };
    let snapshot = world(vec![node("a")], vec![]);
    assert_eq!(found(&snapshot, &two, [grow(None, 1, 3)]), []);
    let expected = Violation::TooManyCreations { new: 3, allowed: 2, managed: 1 };
    assert_eq!(found(&snapshot, &two, [grow(None, 1, 4)]), [expected]);
}

#[test]
fn few_nodes_of_an_unknown_size_are_created_and_one_after_the_other() {
    let named = |min| Policy { node_groups_named: true, ..with_bounds(move |bounds| bounds.min_nodes = min) };
    let grown = |min, to, instances: Vec<Instance>| {
        let empty = NodeGroup { instances, ..group("z/pool", 0) };
        let actions = [grow(Some("z/pool"), 0, to)];
        found(&world_with_groups(vec![], vec![], vec![empty]), &named(min), actions)
    };
    let too_many = |new, allowed, booting| {
        vec![Violation::TooManyOfUnknownSize { pool: String::new(), new, allowed, booting }]
    };
    assert_eq!(grown(0, 1, vec![]), []);
    assert_eq!(grown(0, 2, vec![]), too_many(2, 1, 0));
    assert_eq!(grown(3, 3, vec![]), []);
    assert_eq!(grown(3, 4, vec![]), too_many(4, 3, 0));
    assert_eq!(grown(3, 1, vec![instance("new", 60)]), too_many(1, 0, 1));
    // A template has the size.
    let of_node = node("x").allocatable;
    let template =
        NodeTemplate { allocatable: NodeResources { pods: None, ..of_node }, ..NodeTemplate::default() };
    let known = NodeGroup { template: Some(template), ..group("z/pool", 0) };
    let snapshot = world_with_groups(vec![], vec![], vec![known]);
    assert_eq!(found(&snapshot, &named(0), [grow(Some("z/pool"), 0, 2)]), []);
}

#[test]
fn a_group_of_reserved_nodes_does_not_grow() {
    let reserved = node("b").in_group("z/core").tainted("dedicated");
    let snapshot = world_with_groups(vec![node("a"), reserved], vec![], vec![group("z/core", 1)]);
    let expected = Violation::GrowsReserved { group: text("z/core") };
    assert_eq!(found(&snapshot, &policy(), [grow(Some("z/core"), 1, 2)]), [expected]);
    let mixed = vec![node("a").in_group("z/core"), node("b").in_group("z/core").tainted("dedicated")];
    let snapshot = world_with_groups(mixed, vec![], vec![group("z/core", 2)]);
    assert_eq!(found(&snapshot, &policy(), [grow(Some("z/core"), 2, 3)]), []);
}

#[test]
fn a_group_whose_nodes_share_no_taint_grows_by_a_common_node() {
    let member = |name: &str, taint: &str| node(name).in_group("z/pool").tainted(taint);
    let grown = |members: Vec<crate::model::Node>| {
        let nodes = [vec![node("a")], members].concat();
        let snapshot = world_with_groups(nodes, vec![], vec![group("z/pool", 2)]);
        found(&snapshot, &policy(), [grow(Some("z/pool"), 2, 3)])
    };
    assert_eq!(grown(vec![member("b", "one"), member("c", "other")]), []);
    let expected = [Violation::GrowsReserved { group: text("z/pool") }];
    assert_eq!(grown(vec![member("b", "one"), member("c", "one")]), expected);
    assert_eq!(grown(vec![member("b", "one"), member("c", "one").tainted("other")]), expected);
    let each_more = vec![member("b", "one").tainted("of-b"), member("c", "one").tainted("of-c")];
    assert_eq!(grown(each_more), expected, "the new node carries what they share");
}

#[test]
fn a_group_that_is_asked_instead_must_be_as_fit() {
    let others = vec![
        group("z/a", 1),
        group("z/b", 2),
        NodeGroup { not_growable: Some(text("an autoscaler")), ..group("z/c", 1) },
    ];
    let nodes = ["a", "b", "c"].map(|name| node(name).in_group(&format!("z/{name}"))).to_vec();
    let snapshot = world_with_groups(nodes, vec![], others);
    let instead = |names: &[(&str, u32)]| {
        let mut growth = grow(Some("z/a"), 1, 2);
        if let Action::Grow { instead, .. } = &mut growth {
            instead.extend(names.iter().map(|(group, size)| GroupSize { group: text(group), size: *size }));
        }
        found(&snapshot, &policy(), [growth])
    };
    assert_eq!(instead(&[("z/b", 2)]), []);
    let expected = Violation::GrowsFromElsewhere { group: text("z/b"), from: 1, size: 2 };
    assert_eq!(instead(&[("z/b", 1)]), [expected]);
    let expected = Violation::NotGrowable { group: text("z/c"), why: text("an autoscaler") };
    assert_eq!(instead(&[("z/c", 1)]), [expected]);
    assert_eq!(instead(&[("z/d", 1)]), [Violation::UnknownGroup { group: text("z/d") }]);
    assert_eq!(instead(&[("z/a", 1)]), [Violation::GrownTwice { group: text("z/a") }]);
}

#[test]
fn an_instance_is_deleted_only_if_it_had_its_time_and_is_certainly_no_node() {
    let delete = |instance: Instance| {
        let pool = NodeGroup { instances: vec![instance], ..group("z/pool", 2) };
        let snapshot = world_with_groups(vec![node("a").in_group("z/pool")], vec![], vec![pool]);
        found(&snapshot, &policy(), [delete_instance("z/pool", "lost")])
    };
    let lost = |seconds| Instance { surely_no_node: true, ..instance("lost", seconds) };
    let stays = |why: &str| {
        let (group, instance) = (text("z/pool"), text("lost"));
        vec![Violation::InstanceStays { group, instance, why: text(why) }]
    };
    assert_eq!(delete(lost(1800)), []);
    let young = "which is younger than twice BOOT_GRACE or of unknown age";
    assert_eq!(delete(lost(1799)), stays(young));
    assert_eq!(delete(Instance { created_at: None, ..lost(0) }), stays(young));
    assert_eq!(delete(instance("lost", 1800)), stays("which may be a node under another name"));
    assert_eq!(delete(Instance { has_node: true, ..lost(1800) }), stays("on which a node runs"));
    let expected = Violation::UnknownInstance { group: text("z/pool"), instance: text("lost") };
    assert_eq!(delete(instance("other", 60)), [expected]);
}

#[test]
fn an_instance_goes_only_from_a_group_that_is_ours_and_may_shrink() {
    let lost = || Instance { surely_no_node: true, ..instance("lost", 1800) };
    let pool = || NodeGroup { instances: vec![lost()], ..group("z/pool", 2) };
    let whys = |nodes, group: NodeGroup, policy: &Policy| -> Vec<String> {
        let snapshot = world_with_groups(nodes, vec![], vec![group]);
        let all = found(&snapshot, policy, [delete_instance("z/pool", "lost")]);
        let of =
            |one: Violation| if let Violation::InstanceStays { why, .. } = one { Some(why) } else { None };
        all.into_iter().map(|one| of(one).unwrap()).collect()
    };
    let members = || vec![node("a").in_group("z/pool")];
    assert!(whys(members(), pool(), &policy()).is_empty());
    let kept = NodeGroup { not_shrinkable: Some(text("redistribution")), ..pool() };
    assert_eq!(whys(members(), kept, &policy()), ["from which nothing must be deleted"]);
    let foreign = "of which no node is managed, while NODE_GROUPS is empty";
    assert_eq!(whys(vec![node("a")], pool(), &policy()), [foreign]);
    let pooled = vec![node("a").in_pool("x").in_group("z/pool")];
    assert_eq!(whys(pooled, pool(), &with_pools()), ["which belongs to another pool"]);
    let snapshot = world_with_groups(members(), vec![], vec![pool()]);
    let twice = [delete_instance("z/pool", "lost"), delete_instance("z/pool", "lost")];
    assert_eq!(found(&snapshot, &policy(), twice).len(), 1, "each instance once");
}
