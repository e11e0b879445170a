//! Which node is which instance, and what is coming.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube_rebalancer_core::model::{Instance, Membership, Node, annotation};

use super::toy::{Toy, claiming, group, instance, listing, node, snapshot, toy};
use crate::{InstanceState, Joined, ListedInstance, Listing, Member, claims, instance_of, join};

/// Each node's group, or why it has none.
fn places(joined: &Joined<Toy>) -> Vec<Result<&str, &str>> {
    fn place(membership: &Membership) -> Result<&str, &str> {
        match (&membership.group, &membership.outside) {
            (Some(group), None) => Ok(group),
            (None, Some(why)) => Err(why),
            both => panic!("{both:?}"),
        }
    }
    joined.memberships.iter().map(place).collect()
}

#[test]
fn a_node_is_the_instance_of_its_provider_id_and_no_other() {
    let listing = listing(vec![
        group("pool", vec![instance("node-1"), instance("node-10")]),
        group("pool-1", vec![instance("node-11")]),
    ]);
    let joined = join(&listing, &snapshot(&[node("node-1"), node("node-10"), node("node-11")]));
    assert_eq!(places(&joined), [Ok("z1/pool"), Ok("z1/pool"), Ok("z1/pool-1")]);
    let member = Member {
        system_uuid: None,
        provider_id: Some("toy://acme/z1/node-10".to_owned()),
        group: "z1/pool".to_owned(),
        instance: toy("node-10"),
        uid: Some("uid-node-10".to_owned()),
    };
    assert_eq!(joined.members["node-10"], member);
    assert_eq!(joined.members.len(), 3);
}

#[test]
fn the_same_name_in_another_zone_or_account_is_another_instance() {
    let listing = listing(vec![group("pool", vec![instance("a")])]);
    for other in ["toy://acme/z2/a", "toy://other/z1/a"] {
        let joined = join(&listing, &snapshot(&[claiming("a", other)]));
        let [Err(why)] = places(&joined)[..] else { panic!("{other} is taken for toy://acme/z1/a") };
        assert!(why.ends_with("/a is in no toy box"), "{why}");
        assert!(joined.members.is_empty());
    }
}

#[test]
fn a_node_outside_says_why() {
    let anew = Node {
        annotations: BTreeMap::from([(annotation::INSTANCE_ID.to_owned(), "uid-old".to_owned())]),
        ..node("a")
    };
    let mut seen = listing(vec![group("pool", vec![instance("a")])]);
    seen.outside.insert(toy("gone"), "its instance z1/gone is gone".to_owned());
    for (node, why) in [
        (Node { provider_id: None, ..node("a") }, "it has no providerID"),
        (claiming("a", "kind://a"), "its providerID kind://a is not one of Toy Cloud"),
        (claiming("a", "toy://a"), "its providerID: `toy://a` is no toy"),
        (node("gone"), "its instance z1/gone is gone"),
        (node("lone"), "its instance z1/lone is in no toy box"),
        (anew, "its instance was recreated: the node registered from instance uid-old, now it is uid-a"),
    ] {
        let joined = join(&seen, &snapshot(&[node]));
        assert_eq!(places(&joined), [Err(why)]);
        assert!(joined.members.is_empty(), "{why}");
    }
}

#[test]
fn what_could_not_be_seen_is_not_said_to_be_nowhere() {
    let seen = Listing { gaps: vec!["zone z2 did not answer".to_owned()], ..listing(Vec::new()) };
    let joined = join(&seen, &snapshot(&[node("a")]));
    assert_eq!(places(&joined), [Err("its instance z1/a is in none of the groups that could be listed")]);
}

#[test]
fn an_instance_that_is_leaving_has_a_group_and_is_not_deleted_again() {
    let leaving = ListedInstance { state: InstanceState::Leaving, ..instance("a") };
    let joined = join(&listing(vec![group("pool", vec![leaving])]), &snapshot(&[node("a")]));
    let membership = Membership { group: Some("z1/pool".to_owned()), outside: None, leaving: true };
    assert_eq!(joined.memberships, [membership]);
    assert!(joined.members.is_empty());
}

#[test]
fn coming_is_the_target_minus_the_listed_instances_that_stay() {
    let error = |instance: ListedInstance<Toy>| ListedInstance {
        creation_error: Some("STOCKOUT: none left".to_owned()),
        ..instance
    };
    let mut pool = group(
        "pool",
        vec![
            error(instance("node")), // it runs: its error is an old one
            ListedInstance { created_at: Some(Timestamp::UNIX_EPOCH), ..instance("young") },
            error(ListedInstance { uid: None, state: InstanceState::Creating, ..instance("stuck") }),
            ListedInstance { state: InstanceState::Asleep, ..instance("asleep") },
            ListedInstance { state: InstanceState::Leaving, ..instance("leaving") },
        ],
    );
    pool.target_size = 6;
    let joined = join(&listing(vec![pool]), &snapshot(&[node("node")]));
    let expected = |name: &str| Instance { name: name.to_owned(), ..Instance::default() };
    assert_eq!(
        joined.groups[0].instances,
        [
            Instance { has_node: true, ..expected("node") },
            // No node, certainly; whether it has had its time is the planner's to judge.
            Instance { created_at: Some(Timestamp::UNIX_EPOCH), surely_no_node: true, ..expected("young") },
            Instance { creation_error: Some("STOCKOUT: none left".to_owned()), ..expected("stuck") },
            // Six were asked for, four are listed that stay. The sleeping one is listed and does not come by itself.
            expected("z1/pool (coming, 1)"),
            expected("z1/pool (coming, 2)"),
        ]
    );
}

#[test]
fn a_group_that_lists_more_than_its_target_has_nothing_coming() {
    let mut pool = group("pool", vec![instance("a"), instance("b")]);
    pool.target_size = 1;
    let joined = join(&listing(vec![pool]), &snapshot(&[]));
    assert_eq!(joined.groups[0].instances.len(), 2);
}

#[test]
fn a_group_of_two_thousand_million_neither_fills_the_memory_nor_is_changed() {
    let mut pool = group("pool", vec![instance("a")]);
    pool.target_size = u32::MAX;
    let joined = join(&listing(vec![pool]), &snapshot(&[]));
    let group = &joined.groups[0];
    assert_eq!((group.instances.len(), group.target_size), (10_001, u32::MAX));
    let why = "its target size is 4294967295, 4294967294 more than it lists; at most 10000 are believed";
    assert_eq!((group.not_growable.as_deref(), group.not_shrinkable.as_deref()), (Some(why), Some(why)));

    // 10,000 missing instances are still believed.
    let mut pool = super::toy::group("pool", vec![instance("a")]);
    pool.target_size = 10_001;
    let joined = join(&listing(vec![pool]), &snapshot(&[]));
    assert_eq!((joined.groups[0].instances.len(), &joined.groups[0].not_growable), (10_001, &None));
}

#[test]
fn twins_are_outside_both() {
    let listing = listing(vec![group("pool", vec![instance("a")])]);
    let joined = join(&listing, &snapshot(&[node("a"), claiming("a.toy", "toy://acme/z1/a")]));
    assert_eq!(
        places(&joined),
        [
            Err("node a.toy says that it is the same instance, z1/a"),
            Err("node a says that it is the same instance, z1/a"),
        ]
    );
    assert!(joined.members.is_empty());
}

/// Where names are not part of an instance's ID, the cloud's listing compares them.
#[test]
fn a_node_with_a_reason_of_its_own_is_a_twin_unless_it_is_certainly_another_instance() {
    let snapshot = snapshot(&[node("a"), claiming("a.toy", "toy://acme/z1/a")]);
    let mut listing = listing(vec![group("pool", vec![instance("a")])]);
    let why = "its instance z1/a has another name";
    listing.strays.insert("a.toy".to_owned(), why.to_owned());
    // It may be the same machine under a new name.
    let joined = join(&listing, &snapshot);
    assert_eq!(places(&joined), [Err("node a.toy says that it is the same instance, z1/a"), Err(why)]);
    listing.mistaken.insert("a.toy".to_owned());
    let joined = join(&listing, &snapshot);
    assert_eq!(places(&joined), [Ok("z1/pool"), Err(why)]);
    assert!(joined.members.keys().eq(["a"]));
}

#[test]
fn a_node_that_claims_the_instance_of_another_is_outside_and_harms_nobody() {
    let evil = || claiming("evil", "toy://acme/z1/victim");
    let why = "its providerID names instance z1/victim, whose node has another name";
    let listing = listing(vec![group("pool", vec![instance("victim")])]);
    // With the victim in this cluster, and in another one.
    let joined = join(&listing, &snapshot(&[evil(), node("victim")]));
    assert_eq!(places(&joined), [Err(why), Ok("z1/pool")]);
    assert!(joined.members.keys().eq(["victim"]));
    let joined = join(&listing, &snapshot(&[evil()]));
    assert_eq!(places(&joined), [Err(why)]);
    assert!(joined.members.is_empty());
    assert!(!joined.groups[0].instances[0].has_node, "it is not this cluster's node");
}

#[test]
fn only_nodes_that_agree_lead_to_a_group() {
    let nodes = [node("a"), claiming("evil", "toy://acme/z1/b"), claiming("c", "toy://c")];
    let snapshot = snapshot(&nodes);
    assert!(claims::<Toy>(&snapshot).into_keys().eq([toy("a")]));
    let found: Vec<Option<Toy>> = nodes.iter().map(instance_of).collect();
    assert_eq!(found, [Some(toy("a")), None, None]);
}

/// A machine that never becomes Ready: it is deleted only if no node of the cluster can be its node.
#[test]
fn an_instance_is_without_a_node_only_where_every_node_is_certainly_another() {
    let lost = |nodes: &[Node]| {
        let listing = listing(vec![group("pool", vec![instance("a"), instance("lost")])]);
        let joined = join(&listing, &snapshot(nodes));
        let says = joined.groups[0].instances.iter().any(|one| one.name == "lost" && one.surely_no_node);
        let proven = joined.without_node.contains_key(&("z1/pool".to_owned(), "lost".to_owned()));
        assert_eq!(says, proven);
        proven
    };
    assert!(lost(&[node("a")]));
    for other in [
        claiming("b", "toy://acme/z1/lost"),
        claiming("lost", "toy://acme/z1/b"),
        claiming("lost.toy", "toy://acme/z1/b"),
        claiming("b", "other://b"),
        claiming("b", "toy://?"),
        Node { provider_id: None, ..node("b") },
    ] {
        assert!(!lost(&[node("a"), other.clone()]), "{other:?}");
    }
    for change in [
        ListedInstance { state: InstanceState::Creating, ..instance("lost") },
        ListedInstance { state: InstanceState::Asleep, ..instance("lost") },
        ListedInstance { state: InstanceState::Leaving, ..instance("lost") },
        ListedInstance { uid: None, ..instance("lost") },
    ] {
        let listing = listing(vec![group("pool", vec![instance("a"), change.clone()])]);
        assert!(join(&listing, &snapshot(&[node("a")])).without_node.is_empty(), "{change:?}");
    }
}
