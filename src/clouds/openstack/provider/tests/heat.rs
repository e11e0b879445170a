//! Clusters of the driver for Heat, whose private addresses repeat in one project.

use std::sync::Arc;

use fake_openstack::{Account, Cluster, Moment, Requests, Server};
use kube_rebalancer_core::model::Node;
use kube_rebalancer_join::{Asked, Calls as _};
use kube_rebalancer_ports::{CloudView, MagnumDelete};

use super::world::{World, id};
use crate::id::ServerId;

const GROUP: &str = "hub/default-worker";

/// The n-th worker of the cluster's stack; Heat counts from zero.
fn node(number: usize) -> Node {
    Node {
        name: format!("hub-abcdefghij23-node-{}", number - 1),
        provider_id: Some(format!("openstack:///{}", id(number))),
        ..Node::default()
    }
}

/// The addresses that each cluster gives its workers.
fn address(number: usize) -> String {
    format!("10.0.0.{number}")
}

/// The project's cluster `hub` with three workers, whose addresses Magnum lists.
fn world() -> World {
    let mut world = World::new(0);
    let project = Account::ops().project_id;
    for number in 1..=3 {
        add(&world, number, &node(number).name, number);
    }
    let mut hub = Cluster::new("hub", &project).workers("default-worker", 3, (1, Some(8)));
    hub.stack = "0d1c6a4e-5a1f-4b51-9a3f-1f0f3f0e8c11".to_owned();
    hub.groups[1].addresses = (1..=3).map(address).collect();
    world.fake.add_cluster(hub);
    world.scope.node_groups = [GROUP.to_owned()].into();
    world.scope.magnum_delete = MagnumDelete::Heat;
    world.pace.watching = std::time::Duration::from_millis(20);
    world
}

/// Adds the server with this number and name, with the address of the worker `at`.
fn add(world: &World, number: usize, name: &str, at: usize) {
    let mut server = Server::new(&id(number), name, &Account::ops().project_id);
    server.addresses = vec![address(at)];
    world.fake.add_server(server);
}

async fn seen(world: &World) -> CloudView {
    world.seen(&(1..=3).map(node).collect::<Vec<_>>()).await.1
}

#[tokio::test]
async fn servers_of_others_with_the_same_addresses_are_not_of_the_group() {
    for other in [
        "lab-mnopqrstuv45-node-0",
        "hub-b-mnopqrstuv45-node-0",
        "hub-abcdefghij23-master-0",
        "hub-k8s-node-1",
        "bastion",
    ] {
        let world = world();
        for number in 4..=6 {
            add(&world, number, other, number - 3);
        }
        let view = seen(&world).await;
        let [group] = view.groups.as_slice() else { panic!("{view:?}") };
        assert_eq!((group.target_size, group.instances.len()), (3, 3), "{other}");
        assert_eq!(group.not_shrinkable, None, "{other}");
        assert!(view.memberships.iter().all(|one| one.group.as_deref() == Some(GROUP)), "{view:?}");
    }
}

/// Heat's stack has the cluster's name, shortened, in small letters and without dots and underscores.
#[tokio::test]
async fn the_name_of_a_stack_is_the_shortened_name_of_the_cluster() {
    for (cluster, group, stack) in [
        ("Hub_1.prod", "default-worker", "hub-1-prod-abcdefghij23"),
        (
            "a-cluster-with-a-very-long-name-2",
            "default-worker",
            "a-cluster-with-a-very-long-nam-abcdefghij23",
        ),
        ("a-cluster-with-a-very-long-name-2", "large_memory", "a-cluster-with-a-ver-large-mem-abcdefghij23"),
    ] {
        let mut world = World::new(0);
        let workers: Vec<Node> =
            (1..=3).map(|number| Node { name: format!("{stack}-node-{number}"), ..node(number) }).collect();
        for number in 1..=3 {
            add(&world, number, &workers[number - 1].name, number);
            add(&world, number + 3, &format!("lab-mnopqrstuv45-node-{number}"), number);
        }
        let mut own = Cluster::new(cluster, &Account::ops().project_id).workers(group, 3, (1, None));
        own.stack = "0d1c6a4e-5a1f-4b51-9a3f-1f0f3f0e8c11".to_owned();
        own.groups[1].addresses = (1..=3).map(address).collect();
        world.fake.add_cluster(own);
        world.scope.node_groups = [format!("{cluster}/{group}")].into();
        let (_, view) = world.seen(&workers).await;
        let [group] = view.groups.as_slice() else { panic!("{view:?}") };
        assert_eq!(group.instances.len(), 3, "{stack}");
        assert!(view.memberships.iter().all(|one| one.group.is_some()), "{view:?}");
    }
}

/// The other cluster also deletes its server while this run watches.
#[tokio::test]
async fn a_server_that_another_cluster_deletes_is_no_fault_of_the_driver() {
    let world = world();
    for number in 4..=6 {
        add(&world, number, &format!("lab-mnopqrstuv45-node-{}", number - 4), number - 3);
    }
    let (cloud, _) = world.seen(&(1..=3).map(node).collect::<Vec<_>>()).await;
    let fake = Arc::clone(&world.fake);
    world.fake.on(Requests::method("infra.resize"), Moment::After, move |_| fake.lose(&id(6)));
    let group = &cloud.node_groups[GROUP];
    let asked = cloud.magnum(group).remove(GROUP, &[ServerId::parse(&id(1)).unwrap()]).await;
    assert!(matches!(asked, Asked::Accepted), "{asked:?}");
}

/// A driver whose reason repeats the headers of a request.
#[tokio::test]
async fn a_token_that_a_reason_repeats_is_hidden() {
    let world = world();
    let reason = "refused: X-Auth-Token: gAAAAABnSECRET, Authorization: Bearer eyJSECRET";
    world.fake.edit_cluster("hub", |cluster| {
        cluster.status = "UPDATE_FAILED".to_owned();
        cluster.reason = Some(reason.to_owned());
    });
    let view = seen(&world).await;
    let told =
        "its cluster is UPDATE_FAILED: refused: X-Auth-Token: (hidden), Authorization: Bearer (hidden)";
    assert_eq!(view.groups[0].not_growable.as_deref(), Some(told));
}
