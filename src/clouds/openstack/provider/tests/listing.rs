//! Which node is which server, and what the listing is bounded by.

use std::collections::BTreeSet;

use fake_openstack::{Account, Fault, Requests, Server, Status};
use kube_rebalancer_core::model::Node;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{CloudView, Provider, ProviderError};

use super::world::{World, id, name, node, snapshot};
use crate::provider::listing::NOT_GROWABLE;

/// Each node's group, or why it has none.
fn places(view: &CloudView) -> Vec<Result<&str, &str>> {
    let places = view.memberships.iter().map(|one| match &one.group {
        Some(group) => Ok(group.as_str()),
        None => Err(one.outside.as_deref().unwrap()),
    });
    places.collect()
}

const GROUP: &str = "hub-k8s-node-";

#[tokio::test]
async fn a_node_is_the_server_of_its_provider_id_and_of_its_name() {
    let world = World::new(4);
    let upper =
        Node { provider_id: Some(format!("openstack://RegionOne/{}", id(2).to_uppercase())), ..node(2) };
    let by_uuid = Node { provider_id: None, system_uuid: Some(id(3).to_uppercase()), ..node(3) };
    let renamed = Node { name: name(9), ..node(4) };
    let (_, view) = world.seen(&[node(1), upper, by_uuid, renamed]).await;
    let other_name = format!("its server {} has another name, hub-k8s-node-4", id(4));
    assert_eq!(places(&view), [Ok(GROUP), Ok(GROUP), Ok(GROUP), Err(&*other_name)]);
    let [group] = view.groups.as_slice() else { panic!("{:?}", view.groups) };
    assert_eq!((&*group.name, group.target_size, group.instances.len()), (GROUP, 4, 4));
    assert_eq!(group.not_growable.as_deref(), Some(NOT_GROWABLE));
    assert_eq!((&group.not_parkable, &group.not_shrinkable), (&None, &None));
    // A name alone proves nothing: a server without a node must not be deleted.
    assert!(group.instances.iter().all(|instance| !instance.surely_no_node));
}

#[tokio::test]
async fn a_node_that_is_nobodys_or_somebody_elses_is_in_no_group() {
    let world = World::new(3);
    world.fake.add_server(Server::new(&id(4), &name(4), "another project"));
    world.fake.add_server(Server::new(&id(5), "bastion", &Account::ops().project_id));
    // Two servers with one name, and two nodes that say that they are one server.
    world.fake.add_server(Server::new(&id(6), &name(1), &Account::ops().project_id));
    let of = |name: &str, id: &str| Node {
        name: name.to_owned(),
        provider_id: Some(format!("openstack:///{id}")),
        ..Node::default()
    };
    let twin = Node { system_uuid: Some(id(3)), provider_id: None, ..node(3) };
    let mut magnum = node(2);
    magnum.labels.insert("magnum.openstack.org/role".to_owned(), "worker".to_owned());
    let nodes = [
        node(1),
        magnum,
        node(4),
        of("bastion", &id(5)),
        of("gke", "x"),
        Node { provider_id: Some(format!("openstack://RegionTwo/{}", id(3))), ..node(3) },
    ];
    let (_, view) = world.seen(&nodes).await;
    let found = places(&view);
    // In the order of the nodes' names: bastion, gke, and the numbered ones.
    assert_eq!(found[2], Ok(GROUP));
    let text = |at: usize| found[at].unwrap_err();
    assert!(text(3).starts_with("Magnum made it (label magnum.openstack.org/role)"), "{}", text(3));
    assert_eq!(
        text(5),
        format!("its server {} is not in project hub: it is gone, or of another project", id(4))
    );
    assert_eq!(
        text(0),
        format!("its instance {} is in none of the sets of servers that NODE_GROUPS names", id(5))
    );
    assert!(text(1).starts_with("its providerID: `openstack:///x` is none of OpenStack"), "{}", text(1));
    assert_eq!(text(4), "its providerID names region RegionTwo, the credentials are for RegionOne");

    let twins = [Node { name: name(3), ..twin }, Node { name: format!("{}.novalocal", name(3)), ..node(3) }];
    let (_, view) = world.seen(&twins).await;
    assert!(
        places(&view)
            .iter()
            .all(|place| place.is_err_and(|why| why.contains("says that it is the same instance")))
    );
}

#[tokio::test]
async fn a_node_that_names_the_server_of_another_node_harms_it_only_where_it_may_be_the_same() {
    let world = World::new(3);
    let claiming = |name: String| Node { name, ..node(2) };
    let why = format!("its server {} has another name, hub-k8s-node-2", id(2));
    // Another server has its name.
    for name in [name(3), format!("{}.novalocal", name(3))] {
        let (_, view) = world.seen(&[node(1), node(2), claiming(name)]).await;
        assert_eq!(places(&view), [Ok(GROUP), Ok(GROUP), Err(&*why)]);
    }
    // A kubelet may have registered again under a new name: users may be on either node.
    let (_, view) = world.seen(&[node(1), node(2), claiming(name(9))]).await;
    let twin = format!("node {} says that it is the same instance, {}", name(9), id(2));
    assert_eq!(places(&view), [Ok(GROUP), Err(&*twin), Err(&*why)]);
}

#[tokio::test]
async fn a_server_of_the_control_plane_is_left_alone_though_a_pattern_matches_it() {
    let mut world = World::new(1);
    world.scope.node_groups = ["^hub-k8s-.*".to_owned()].into();
    let master = Server::new(&id(2), "hub-k8s-master-1", &Account::ops().project_id)
        .metadata("kubespray_groups", "kube_control_plane,etcd,k8s_cluster");
    world.fake.add_server(master);
    let (_, view) = world.seen(&[node(1), Node { name: "hub-k8s-master-1".to_owned(), ..node(2) }]).await;
    let why = "its server hub-k8s-master-1 is of the control plane: its metadata has \
               kubespray_groups=kube_control_plane,etcd,k8s_cluster";
    assert_eq!(places(&view), [Err(why), Ok("^hub-k8s-.*")]);
    assert_eq!(view.groups[0].instances.len(), 1);
    assert_eq!(view.notes, [format!("NODE_GROUPS matches a server that is left alone: {why}")]);
}

#[tokio::test]
async fn shelved_building_and_deleting_servers_are_distinguished() {
    let world = World::new(6);
    world.fake.edit(&id(2), |server| server.status = Status::ShelvedOffloaded);
    world.fake.edit(&id(3), |server| server.task = Some("deleting"));
    world.fake.edit(&id(4), |server| server.status = Status::Building);
    // A shelved server without a node is not coming.
    world.fake.edit(&id(5), |server| server.status = Status::ShelvedOffloaded);
    let (_, view) = world.seen(&[node(1), node(2), node(3)]).await;
    let leaving: Vec<bool> = view.memberships.iter().map(|one| one.leaving).collect();
    assert_eq!(leaving, [false, false, true]);
    let instances: Vec<(&str, bool)> =
        view.groups[0].instances.iter().map(|one| (&*one.name, one.has_node)).collect();
    let expected = [(name(1), true), (name(2), true), (name(4), false), (name(6), false)];
    assert_eq!(instances, expected.each_ref().map(|(name, has)| (&**name, *has)));
    assert_eq!(view.groups[0].target_size, 5);
}

#[tokio::test]
async fn a_part_that_names_nothing_is_told_with_what_there_is() {
    let mut world = World::new(2);
    world.scope.node_groups.insert("nope-".to_owned());
    let (_, view) = world.seen(&[node(1)]).await;
    assert_eq!(view.unknown, BTreeSet::from(["nope-".to_owned()]));
    assert_eq!(view.known, [GROUP]);
    assert_eq!(view.groups.len(), 1);
}

#[tokio::test]
async fn many_pages_are_read_and_a_list_without_end_is_not() {
    let world = World::new(1201);
    let (_, view) = world.seen(&[node(1), node(1200)]).await;
    assert_eq!(view.groups[0].instances.len(), 1201);
    let lists = world.fake.calls().into_iter().filter(|call| call.method == "compute.list").count();
    assert_eq!(lists, 3);

    let mut cloud = world.connect().await.unwrap();
    for (fault, told) in [
        (Fault::Endless, "the answer is longer than 67108864 bytes"),
        (Fault::MalformedJson, "the answer is not understood"),
        (Fault::WrongTypes, "the answer is not understood"),
    ] {
        world.fake.fail(Requests::method("compute.list").nth(2), fault.clone());
        let fault_once = cloud.list(&snapshot(&[node(1)]), &Policy::default()).await;
        world.fake.behave();
        match (fault, fault_once) {
            // Tried again.
            (Fault::Endless, result) => assert!(result.is_ok(), "{result:?}"),
            (_, Err(ProviderError::Unseen(words))) => assert!(words.contains(told), "{words}"),
            (_, other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn zone_and_project_bound_what_is_touched() {
    let mut world = World::new(2);
    world.fake.edit(&id(2), |server| "az2".clone_into(&mut server.zone));
    world.scope.zone = Some("nova".to_owned());
    world.scope.project = Some("hub".to_owned());
    let (_, view) = world.seen(&[node(1), node(2)]).await;
    let why = "its server hub-k8s-node-2 is in availability zone az2, ZONE is nova";
    assert_eq!(places(&view), [Ok(GROUP), Err(why)]);
    world.scope.project = Some("other".to_owned());
    let error = world.connect().await.unwrap_err();
    let told = format!(
        "PROJECT is other, and the credentials of OpenStack are for project hub (ID {})",
        Account::ops().project_id
    );
    assert_eq!(error.message, told);
}
