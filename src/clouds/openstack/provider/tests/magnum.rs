//! Node groups of Magnum: grown, never lowered, and deleted from by name only where the operator says that the driver does so.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use fake_openstack::{Account, Cluster, Driver, Fault, Moment, Requests, Server, Status};
use jiff::SignedDuration;
use kube_rebalancer_core::model::{Membership, Node};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{
    CloudView, GroupAnswer, MagnumDelete, Notes, PortError, Provider, ProviderError, SharedNotes,
};
use serde_json::{Value, json};

use super::world::{World, id, of, ops, snapshot, told};
use crate::provider::OpenStack;

const GROUP: &str = "hub/default-worker";

/// The Lease's annotations.
#[derive(Debug, Default)]
struct Kept(Mutex<Option<String>>);

#[async_trait]
impl Notes for Kept {
    async fn read(&self, _: &str) -> Result<Option<String>, PortError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn write(&self, _: &str, text: Option<&str>) -> Result<(), PortError> {
        *self.0.lock().unwrap() = text.map(str::to_owned);
        Ok(())
    }
}

fn node(number: usize) -> Node {
    Node {
        name: format!("hub-stack-default-worker-{number}"),
        provider_id: Some(format!("openstack:///{}", id(number))),
        labels: [("magnum.openstack.org/role".to_owned(), "worker".to_owned())].into(),
        ..Node::default()
    }
}

fn nodes(count: usize) -> Vec<Node> {
    (1..=count).map(node).collect()
}

/// A cluster with five workers of at most eight.
fn world(delete: MagnumDelete) -> World {
    let mut world = World::new(0);
    for node in nodes(5) {
        let number: usize = node.name.rsplit('-').next().unwrap().parse().unwrap();
        world.fake.add_server(Server::new(&id(number), &node.name, &Account::ops().project_id));
    }
    world.fake.add_cluster(
        Cluster::new("hub", &Account::ops().project_id).workers("default-worker", 5, (1, Some(8))).workers(
            "default",
            0,
            (0, None),
        ),
    );
    world.scope.node_groups = [GROUP.to_owned()].into();
    world.scope.magnum_delete = delete;
    world.scope.notes = Some(SharedNotes::new(Arc::new(Kept::default())));
    world.pace.watching = std::time::Duration::from_millis(20);
    world
}

async fn seen(world: &World) -> (OpenStack, CloudView) {
    world.seen(&nodes(5)).await
}

fn count(world: &World) -> u32 {
    world.fake.cluster("hub").unwrap().groups[1].count
}

/// The bodies of all requests to resize.
fn resizes(world: &World) -> Vec<Value> {
    let calls = world.fake.calls().into_iter();
    calls.filter(|call| call.method == "infra.resize").map(|call| call.body).collect()
}

fn settle(world: &World) {
    world.settle();
    world.settle();
}

#[tokio::test]
async fn the_servers_of_a_node_group_are_its_nodes_and_it_neither_parks_nor_shrinks_by_default() {
    let world = world(MagnumDelete::Never);
    let (cloud, view) = seen(&world).await;
    let [group] = view.groups.as_slice() else { panic!("{view:?}") };
    assert_eq!((group.name.as_str(), group.target_size, group.instances.len()), (GROUP, 5, 5));
    assert!(view.memberships.iter().all(|one| one.group.as_deref() == Some(GROUP)), "{view:?}");
    assert_eq!(group.not_growable, None);
    assert!(group.not_shrinkable.as_deref().unwrap().starts_with("MAGNUM_DELETE is never"));
    assert!(group.not_parkable.as_deref().unwrap().contains("auto-healing"));
    // This also applies if a plan contains it all the same.
    for answers in [cloud.delete(&[of(&node(1))]).await, cloud.park(&[of(&node(1))]).await] {
        assert_eq!(told(&answers[0]).0, "refused", "{answers:?}");
    }
    assert_eq!(resizes(&world), Vec::<Value>::new());
    assert!(world.fake.servers().iter().all(|server| server.done.is_empty()));
}

#[tokio::test]
async fn a_server_is_of_the_group_with_the_longest_name_that_fits_or_whose_address_magnum_lists() {
    let world = world(MagnumDelete::Never);
    let add = |number: usize, name: &str, address: &str| {
        let mut server = Server::new(&id(number), name, &Account::ops().project_id);
        server.addresses = vec![address.to_owned()];
        world.fake.add_server(server);
    };
    add(6, "hub-stack-default-x", "10.0.0.6");
    add(7, "heat-node-7", "10.0.0.7");
    add(8, "heat-node-8", "10.0.0.8");
    world.fake.edit_cluster("hub", |cluster| cluster.groups[1].addresses = vec!["10.0.0.7".to_owned()]);
    let named = |number: usize, name: &str| Node { name: name.to_owned(), ..node(number) };
    let all = [node(1), named(6, "hub-stack-default-x"), named(7, "heat-node-7"), named(8, "heat-node-8")];
    let (_, view) = world.seen(&all).await;
    let groups: Vec<bool> = view.memberships.iter().map(|one| one.group.is_some()).collect();
    assert_eq!(groups, [true, false, true, false], "{view:?}");
    let Membership { outside: Some(why), .. } = &view.memberships[3] else { panic!("{view:?}") };
    assert!(why.contains("CLUSTER/GROUP"), "{why}");
}

#[tokio::test]
async fn five_become_seven_while_another_client_goes_to_six() {
    let world = world(MagnumDelete::Never);
    let (cloud, _) = seen(&world).await;
    // The other one is done: two more than five are one more than six.
    world.fake.edit_cluster("hub", |cluster| cluster.groups[1].count = 6);
    assert_eq!(cloud.grow(GROUP, 5, 7).await, GroupAnswer::Done);
    assert_eq!(count(&world), 7);
    assert_eq!(resizes(&world), [json!({"node_count": 7, "nodegroup": "default-worker"})]);
    settle(&world);
    assert_eq!(cloud.grow(GROUP, 5, 7).await, GroupAnswer::AlreadySo);

    // The other one is at work: it is waited for.
    world.fake.edit_cluster("hub", |cluster| {
        cluster.groups[1].count = 6;
        cluster.status = "UPDATE_IN_PROGRESS".to_owned();
    });
    world.fake.forget_calls();
    let answer = cloud.grow(GROUP, 6, 7).await;
    assert_eq!(told(&answer), ("refused", "its cluster is UPDATE_IN_PROGRESS"));
    assert_eq!(resizes(&world), Vec::<Value>::new());

    // The other one asked for more than this run: nothing is lowered.
    world.fake.edit_cluster("hub", |cluster| {
        cluster.groups[1].count = 7;
        cluster.status = "UPDATE_COMPLETE".to_owned();
    });
    assert_eq!(cloud.grow(GROUP, 5, 6).await, GroupAnswer::AlreadySo);
    assert_eq!((resizes(&world), count(&world)), (Vec::new(), 7));
}

#[tokio::test]
async fn what_is_coming_is_counted_and_a_group_grows_no_further_than_its_bound() {
    let world = world(MagnumDelete::Never);
    let (cloud, _) = seen(&world).await;
    assert_eq!(cloud.grow(GROUP, 5, 12).await, GroupAnswer::Done);
    assert_eq!(count(&world), 8);
    let (_, view) = seen(&world).await;
    let [group] = view.groups.as_slice() else { panic!("{view:?}") };
    assert_eq!((group.target_size, group.instances.len()), (8, 8));
    assert_eq!(group.not_growable.as_deref(), Some("its cluster is UPDATE_IN_PROGRESS"));
    settle(&world);
    let (_, view) = seen(&world).await;
    assert_eq!(view.groups[0].not_growable.as_deref(), Some("it has 8 nodes, and its max_node_count is 8"));
}

/// Fewer nodes and no names would let the driver take any of them.
#[tokio::test]
async fn a_bound_that_was_raised_since_the_listing_lowers_no_count() {
    let world = world(MagnumDelete::Never);
    let (cloud, _) = seen(&world).await;
    world.fake.edit_cluster("hub", |cluster| {
        cluster.groups[1].bounds = (1, Some(20));
        cluster.groups[1].count = 10;
    });
    assert_eq!(cloud.grow(GROUP, 5, 12).await, GroupAnswer::Done);
    assert_eq!(resizes(&world), [json!({"node_count": 12, "nodegroup": "default-worker"})]);
}

/// Another client changes the group between the read of the size and the request: the request never lowers the size.
#[tokio::test]
async fn a_bound_or_a_count_that_changes_right_before_the_request_lowers_no_count() {
    for (bounds, now) in [((1, Some(6)), 6), ((1, Some(20)), 15)] {
        let world = world(MagnumDelete::Never);
        let (cloud, _) = seen(&world).await;
        let fake = world.fake.clone();
        let mut looks = 0;
        world.fake.on(Requests::method("infra.group"), Moment::After, move |_| {
            looks += 1;
            if looks == 1 {
                fake.edit_cluster("hub", |cluster| {
                    cluster.groups[1].bounds = bounds;
                    cluster.groups[1].count = now;
                });
            }
        });
        let answer = cloud.grow(GROUP, 5, 7).await;
        assert_eq!((resizes(&world), count(&world)), (Vec::new(), now), "{answer:?}");
    }
}

#[tokio::test]
async fn a_failed_cluster_is_left_alone_and_its_reason_told() {
    let world = world(MagnumDelete::Heat);
    let (cloud, _) = seen(&world).await;
    world.fake.set_driver_failure(Some("No valid host was found"));
    // Accepted, and the driver fails after that.
    assert_eq!(cloud.grow(GROUP, 5, 6).await, GroupAnswer::Done);
    assert_eq!(count(&world), 5);
    let (cloud, view) = seen(&world).await;
    let failed = "its cluster is UPDATE_FAILED: No valid host was found";
    assert_eq!(view.groups[0].not_growable.as_deref(), Some(failed));
    assert_eq!(view.groups[0].not_shrinkable.as_deref(), Some(failed));
    assert_eq!(told(&cloud.grow(GROUP, 5, 6).await), ("refused", failed));
    let answers = cloud.delete(&[of(&node(1))]).await;
    assert!(told(&answers[0]).1.ends_with(failed), "{answers:?}");
    assert_eq!(resizes(&world).len(), 1);
}

#[tokio::test]
async fn an_old_magnum_a_missing_one_and_one_that_is_no_answer_are_gaps() {
    let old: fn(&World) = |world| world.fake.set_newest_magnum(6);
    for (change, told) in [
        (old, "Magnum does not know the microversion container-infra 1.10"),
        (|world| world.fake.fail(Requests::method("infra.group"), Fault::Unavailable), "Try later."),
        (|world| world.fake.fail(Requests::method("infra.groups"), Fault::WrongTypes), "is not understood"),
        (|world| world.fake.fail(Requests::method("infra.cluster"), Fault::Forbidden), "status 403"),
    ] {
        let world = world(MagnumDelete::Never);
        change(&world);
        let (cloud, view) = seen(&world).await;
        assert!(view.groups.is_empty(), "{view:?}");
        assert!(view.gaps.iter().any(|gap| gap.contains(told)), "{told}: {:?}", view.gaps);
        assert_eq!(super::world::told(&cloud.grow(GROUP, 5, 6).await).0, "refused");
    }
    let mut world = World::new(2);
    world.scope.node_groups.insert(GROUP.to_owned());
    let (_, view) = world.seen(&[super::world::node(1), super::world::node(2)]).await;
    let missing =
        "node group hub/default-worker: the catalogue of project hub has no container-infra service";
    assert!(view.gaps.iter().any(|gap| gap.starts_with(missing)), "{:?}", view.gaps);
    // Nova works without it.
    assert_eq!(view.groups.len(), 1);
}

#[tokio::test]
async fn a_part_of_node_groups_that_means_no_node_group_is_told() {
    for (part, told) in [
        ("hub/default-master", "has the role master; the control plane is left alone"),
        ("hub/a/b", "`hub/a/b` is no node group of Magnum; expected CLUSTER/GROUP"),
    ] {
        let mut world = world(MagnumDelete::Never);
        world.scope.node_groups = [part.to_owned()].into();
        let error = match world.connect().await {
            Ok(mut cloud) => cloud.list(&snapshot(&nodes(5)), &Policy::default()).await.unwrap_err(),
            Err(error) => error.into(),
        };
        assert!(matches!(&error, ProviderError::Setting(words) if words.contains(told)), "{part}: {error}");
    }
    for part in ["hub/nothing", "other/default-worker"] {
        let mut world = world(MagnumDelete::Never);
        world.scope.node_groups = [part.to_owned()].into();
        let (_, view) = seen(&world).await;
        assert_eq!(view.unknown, [part.to_owned()].into(), "{view:?}");
    }
    let mut world = world(MagnumDelete::Never);
    world.scope.node_groups.insert("hub-stack-".to_owned());
    let mut cloud = world.connect().await.unwrap();
    let error = cloud.list(&snapshot(&nodes(5)), &Policy::default()).await.unwrap_err();
    assert!(error.to_string().contains("a server is in one group"), "{error}");
}

#[tokio::test]
async fn an_autoscaled_cluster_is_left_to_its_autoscaler() {
    let world = world(MagnumDelete::Heat);
    let on = ("auto_scaling_enabled".to_owned(), "true".to_owned());
    world.fake.edit_cluster("hub", |cluster| drop(cluster.labels.insert(on.0, on.1)));
    let (cloud, view) = seen(&world).await;
    let group = &view.groups[0];
    for why in [&group.not_growable, &group.not_shrinkable] {
        assert!(why.as_deref().is_some_and(|why| why.contains("auto_scaling_enabled")), "{group:?}");
    }
    assert_eq!(told(&cloud.grow(GROUP, 5, 6).await).0, "refused");
}

#[tokio::test]
async fn named_nodes_go_where_the_driver_deletes_them_and_all_others_stay() {
    let world = world(MagnumDelete::Heat);
    let (cloud, view) = seen(&world).await;
    assert_eq!(view.groups[0].not_shrinkable, None);
    let answers = cloud.delete(&[of(&node(2)), of(&node(4))]).await;
    assert_eq!(answers, [GroupAnswer::Done, GroupAnswer::Done]);
    let body = json!({"node_count": 3, "nodegroup": "default-worker", "nodes_to_remove": [id(2), id(4)]});
    assert_eq!(resizes(&world), [body]);
    settle(&world);
    let left: Vec<String> = world.fake.servers().into_iter().map(|server| server.id).collect();
    assert_eq!(left, [id(1), id(3), id(5)]);
    // The same once more is so already: Nova no longer has them.
    assert_eq!(cloud.delete(&[of(&node(2))]).await, [GroupAnswer::AlreadySo]);
    assert_eq!(resizes(&world).len(), 1);
    // The note of what was asked for is of no more use.
    let (_, view) = world.seen(&[node(1), node(3), node(5)]).await;
    assert_eq!(view.groups[0].not_shrinkable, None);
}

/// Two more nodes meanwhile, and the count that was read before is three too low: only one of them has a name.
#[tokio::test]
async fn a_group_that_grows_right_before_a_deletion_loses_nobody() {
    let world = world(MagnumDelete::Heat);
    let (cloud, _) = seen(&world).await;
    let fake = world.fake.clone();
    let mut looks = 0;
    world.fake.on(Requests::method("infra.group"), Moment::After, move |_| {
        looks += 1;
        if looks == 1 {
            fake.edit_cluster("hub", |cluster| cluster.groups[1].count = 7);
        }
    });
    let answers = cloud.delete(&[of(&node(1))]).await;
    assert_eq!((resizes(&world), count(&world)), (Vec::new(), 7), "{answers:?}");
    // Nothing was asked for, so nothing is noted that a later run would wait for.
    let notes = world.scope.notes.as_ref().unwrap().read("").await.unwrap();
    assert_eq!(notes, None);
}

#[tokio::test]
async fn a_driver_of_cluster_api_is_asked_for_one_node_at_a_time() {
    let world = world(MagnumDelete::ClusterApi);
    let (cloud, _) = seen(&world).await;
    let answers = cloud.delete(&[of(&node(2)), of(&node(4))]).await;
    assert_eq!(answers[0], GroupAnswer::Done);
    assert_eq!(told(&answers[1]).0, "busy", "{answers:?}");
    assert_eq!((resizes(&world).len(), count(&world)), (1, 4));
}

#[tokio::test]
async fn a_driver_that_ignores_the_names_is_told_and_asked_no_more() {
    let world = world(MagnumDelete::ClusterApi);
    world.fake.set_driver(Driver::Others);
    let (cloud, _) = seen(&world).await;
    let answers = cloud.delete(&[of(&node(4))]).await;
    let (variant, words) = told(&answers[0]);
    assert_eq!(variant, "in doubt");
    assert!(words.contains(&format!("{} goes: its driver ignores the names", id(1))), "{words}");
    settle(&world);
    for another in [4, 5] {
        let answers = cloud.delete(&[of(&node(another))]).await;
        let (variant, words) = told(&answers[0]);
        assert_eq!((variant, resizes(&world).len()), ("refused", 1), "{words}");
        assert!(words.contains("deleted another server than the named one in this run"), "{words}");
    }
    // The next runs see that the named server is still there.
    let (cloud, view) = seen(&world).await;
    let why = view.groups[0].not_shrinkable.as_deref().unwrap();
    assert!(
        why.contains(&format!("to delete server {} of it, and the server is still there", id(4))),
        "{why}"
    );
    assert_eq!(told(&cloud.grow(GROUP, 4, 5).await).0, "done");
}

/// Magnum's refusal is certain, so the record of the deletion goes: later runs need not wait for that server.
#[tokio::test]
async fn a_deletion_that_is_refused_is_not_noted_and_a_size_is_sent_once() {
    let world = world(MagnumDelete::Heat);
    world.fake.fail(Requests::method("infra.resize"), Fault::TooManyRequests { retry_after_seconds: 0 });
    let (cloud, _) = seen(&world).await;
    assert_eq!(told(&cloud.delete(&[of(&node(4))]).await[0]).0, "busy");
    assert_eq!(told(&cloud.grow(GROUP, 5, 7).await).0, "busy");
    assert_eq!(resizes(&world).len(), 2, "another client may have changed the count since it was read");
    world.fake.behave();
    let (cloud, view) = seen(&world).await;
    assert_eq!(view.groups[0].not_shrinkable, None);
    assert_eq!(cloud.delete(&[of(&node(4))]).await, [GroupAnswer::Done]);
}

#[tokio::test]
async fn a_deletion_that_does_not_show_is_in_doubt_and_the_group_is_left_alone_until_it_does() {
    let world = world(MagnumDelete::Heat);
    world.fake.set_driver(Driver::Idle);
    let (cloud, _) = seen(&world).await;
    let answers = cloud.delete(&[of(&node(4))]).await;
    assert_eq!(told(&answers[0]), ("in doubt", "Magnum accepted it, and the server is still there"));
    let (_, view) = seen(&world).await;
    assert!(view.groups[0].not_shrinkable.is_some());
    // The server is deleted in the end.
    settle(&world);
    world.fake.lose(&id(4));
    let (_, view) = seen(&world).await;
    assert_eq!(view.groups[0].not_shrinkable, None);
}

#[tokio::test]
async fn a_group_is_not_shrunk_below_its_least_nor_while_count_and_servers_differ() {
    let world = world(MagnumDelete::Heat);
    let (cloud, _) = seen(&world).await;
    let five: Vec<_> = nodes(5).iter().map(of).collect();
    let answers = cloud.delete(&five).await;
    let (variant, words) = told(&answers[0]);
    assert_eq!(variant, "refused");
    assert!(words.contains("its min_node_count is 1, so 5 fewer are too many"), "{words}");
    world.fake.edit_cluster("hub", |cluster| cluster.groups[1].count = 4);
    let (_, view) = seen(&world).await;
    let why = view.groups[0].not_shrinkable.as_deref();
    assert_eq!(why, Some("its requested size in Magnum is 4, but Nova has 5 servers"));
    assert_eq!(resizes(&world), Vec::<Value>::new());
}

#[tokio::test]
async fn a_server_in_an_odd_state_is_proven_like_any_other() {
    let world = world(MagnumDelete::Heat);
    let (cloud, _) = seen(&world).await;
    world.fake.edit(&id(1), |server| server.status = Status::Error);
    world.fake.lose(&id(2));
    let stranger = Node { provider_id: Some(format!("openstack:///{}", id(9))), ..node(3) };
    let answers = cloud.delete(&[of(&node(2)), of(&stranger)]).await;
    assert_eq!(answers[0], GroupAnswer::AlreadySo);
    assert_eq!(told(&answers[1]).0, "refused");
    assert_eq!(resizes(&world), Vec::<Value>::new());
}

#[tokio::test]
async fn nothing_is_grown_or_deleted_twice_whatever_becomes_of_a_request() {
    let faults = [
        Fault::Unauthorized,
        Fault::Forbidden,
        Fault::NotFound,
        Fault::Conflict,
        Fault::TooManyRequests { retry_after_seconds: 0 },
        Fault::InternalError,
        Fault::BadGateway(Moment::Before),
        Fault::BadGateway(Moment::After),
        Fault::Unavailable,
        Fault::MalformedJson,
        Fault::WrongTypes,
        Fault::HalfBody,
        Fault::Reset(Moment::Before),
        Fault::Reset(Moment::After),
        Fault::Hang(Moment::Before),
        Fault::Hang(Moment::After),
    ];
    for method in ["infra.cluster", "infra.groups", "infra.group", "infra.resize"] {
        for nth in 1..=3 {
            for fault in &faults {
                for grows in [true, false] {
                    let mut world = world(MagnumDelete::Heat);
                    world.pace.attempt = std::time::Duration::from_millis(200);
                    world.pace.last_look = std::time::Duration::from_millis(200);
                    world.fake.fail(Requests::method(method).nth(nth), fault.clone());
                    let what = format!("{method} {nth} {fault:?} grows {grows}");
                    let first = once(&world, grows).await;
                    let size = if grows { 7 } else { 4 };
                    let is_so = |world: &World| count(world) == size;
                    if matches!(first, Some(GroupAnswer::Done)) {
                        assert!(is_so(&world), "{what}: {first:?}");
                    }
                    world.fake.behave();
                    settle(&world);
                    once(&world, grows).await;
                    assert!(is_so(&world), "{what}: first {first:?}, then {}", count(&world));
                    settle(&world);
                    let there = u32::try_from(world.fake.servers().len()).unwrap();
                    assert_eq!(there, size, "{what}");
                    let named = world.fake.servers().iter().any(|server| server.id == id(3));
                    assert_eq!(named, grows, "{what}: only the named server goes");
                }
            }
        }
    }
}

/// A run that grows the group from five to seven, or deletes the third server.
async fn once(world: &World, grows: bool) -> Option<GroupAnswer> {
    let mut cloud = world.connect().await.ok()?;
    cloud.list(&snapshot(&nodes(5)), &Policy::default()).await.ok()?;
    if grows {
        return Some(cloud.grow(GROUP, 5, 7).await);
    }
    cloud.delete(&[of(&node(3))]).await.pop()
}

#[tokio::test]
async fn without_time_nothing_is_asked_for() {
    let mut world = world(MagnumDelete::Heat);
    let (cloud, _) = seen(&world).await;
    drop(cloud);
    world.left = SignedDuration::ZERO;
    world.scope.environment = ops(&world.fake.auth_url());
    assert!(world.connect().await.is_err());
    assert_eq!(resizes(&world), Vec::<Value>::new());
}
