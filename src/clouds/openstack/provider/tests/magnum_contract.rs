//! One test for the fake Magnum and for a real API and conductor.

use fake_openstack::{Account, Cluster, Server as FakeServer};
use kube_rebalancer_core::model::Node;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{GroupAnswer, MagnumDelete, Provider};

use super::side::{Side, real};
use super::world::{World, id, of, snapshot, told};
use crate::client::{Magnum, Sent};
use crate::provider::OpenStack;

const GROUP: &str = "hub/default-worker";
/// A group with which the driver fails.
const BROKEN: &str = "hub/broken";

/// Waits until the cluster has a status and the group of workers a number. A resize is accepted before it begins, and the driver
/// ends its changes of cluster and group one after the other.
async fn settle(side: &Side, cloud: &OpenStack, status: &str, count: u32) {
    let what = format!("the cluster becomes {status}, with {count} workers");
    side.wait(&what, async || {
        let magnum = Magnum { nova: &cloud.nova };
        let group = magnum.group("hub", "default-worker", false).await.unwrap();
        let is_done = group.node_count == count && group.status.as_deref() != Some("UPDATE_IN_PROGRESS");
        is_done && magnum.cluster("hub", false).await.unwrap().status == status
    })
    .await;
}

/// The names of the group's servers, in order, and whether all run.
async fn workers(cloud: &OpenStack) -> (Vec<String>, bool) {
    let mut servers = cloud.nova.servers(false).await.unwrap();
    servers.retain(|server| server.name.starts_with("hub-stack-default-worker-"));
    let run = servers.iter().all(|server| server.status == "ACTIVE" && server.task.is_none());
    let mut names: Vec<String> = servers.into_iter().map(|server| server.name).collect();
    names.sort();
    (names, run)
}

fn refused(sent: Sent) -> String {
    let Sent::Refused(error) = sent else { panic!("{sent:?}") };
    error.message
}

async fn keeps_the_contract(side: &Side) {
    let world = side.world();
    let mut cloud = world.connect().await.unwrap();
    let servers = cloud.nova.servers(false).await.unwrap();
    let mut nodes: Vec<Node> = servers
        .iter()
        .filter(|server| server.name.starts_with("hub-stack-default-worker-"))
        .map(|server| Node {
            name: server.name.clone(),
            provider_id: Some(format!("openstack:///{}", server.id)),
            ..Node::default()
        })
        .collect();
    nodes.sort_by(|one, other| one.name.cmp(&other.name));
    let view = cloud.list(&snapshot(&nodes), &Policy::default()).await.unwrap();
    assert_eq!(view.gaps, Vec::<String>::new());
    let group = view.groups.iter().find(|group| group.name == GROUP).unwrap();
    assert_eq!((group.target_size, group.instances.len(), nodes.len()), (5, 5, 5), "{view:?}");
    assert_eq!((&group.not_growable, &group.not_shrinkable), (&None, &None));
    assert!(view.memberships.iter().all(|one| one.group.as_deref() == Some(GROUP)), "{view:?}");

    // Bounds, and what is not there.
    let magnum = Magnum { nova: &cloud.nova };
    for (size, words) in [(9, "outside the allowed range"), (0, "min_node_count = 1, max_node_count = 8")] {
        let told = refused(magnum.resize("hub", "default-worker", size, &[]).await);
        assert!(told.contains(words), "{told}");
    }
    let told_of = refused(magnum.resize("hub", "nothing", 1, &[]).await);
    assert!(told_of.contains("Nodegroup nothing could not be found"), "{told_of}");
    let told_of = magnum.cluster("nothing", false).await.unwrap_err();
    assert!(told_of.message.contains("Cluster nothing could not be found"), "{told_of}");

    // Another client was faster by one: two more than five are one more than its six. It grows once.
    assert!(matches!(magnum.resize("hub", "default-worker", 6, &[]).await, Sent::Accepted));
    settle(side, &cloud, "UPDATE_COMPLETE", 6).await;
    assert_eq!(cloud.grow(GROUP, 5, 7).await, GroupAnswer::Done);
    settle(side, &cloud, "UPDATE_COMPLETE", 7).await;
    assert_eq!(cloud.grow(GROUP, 5, 7).await, GroupAnswer::AlreadySo);
    assert_eq!(cloud.grow(GROUP, 5, 6).await, GroupAnswer::AlreadySo, "no number is lowered");
    side.wait("seven servers run", async || {
        let (names, run) = workers(&cloud).await;
        names.len() == 7 && run
    })
    .await;

    // By default no node is named for deletion.
    cloud.scope.magnum_delete = MagnumDelete::Never;
    let view = cloud.list(&snapshot(&nodes), &Policy::default()).await.unwrap();
    let group = view.groups.iter().find(|group| group.name == GROUP).unwrap();
    assert!(group.not_shrinkable.is_some() && group.not_growable.is_none(), "{view:?}");
    let answers = cloud.delete(&[of(&nodes[2])]).await;
    assert_eq!(told(&answers[0]).0, "refused");
    let magnum = Magnum { nova: &cloud.nova };
    assert_eq!(magnum.group("hub", "default-worker", false).await.unwrap().node_count, 7);
    assert_eq!(workers(&cloud).await.0.len(), 7);
    cloud.scope.magnum_delete = MagnumDelete::Heat;

    // The named server goes, and no other.
    let view = cloud.list(&snapshot(&nodes), &Policy::default()).await.unwrap();
    let group = view.groups.iter().find(|group| group.name == GROUP).unwrap();
    assert_eq!((group.target_size, group.instances.len()), (7, 7), "{view:?}");
    assert_eq!(cloud.delete(&[of(&nodes[2])]).await, [GroupAnswer::Done]);
    settle(side, &cloud, "UPDATE_COMPLETE", 6).await;
    side.wait("six servers run", async || {
        let (names, run) = workers(&cloud).await;
        names.len() == 6 && run
    })
    .await;
    let (left, _) = workers(&cloud).await;
    let stay: Vec<bool> = nodes.iter().map(|node| left.contains(&node.name)).collect();
    assert_eq!(stay, [true, true, false, true, true], "{left:?}");

    // The request is accepted, and the driver fails: the count is unchanged, and the reason is
    // shown.
    if let Side::Fake(world) = side {
        world.fake.set_driver_failure(Some("the driver of the tests fails here"));
    }
    assert_eq!(cloud.grow(BROKEN, 1, 2).await, GroupAnswer::Done);
    settle(side, &cloud, "UPDATE_FAILED", 6).await;
    let answer = cloud.grow(BROKEN, 1, 2).await;
    let (variant, words) = told(&answer);
    assert_eq!(variant, "refused");
    assert_eq!(words, "its cluster is UPDATE_FAILED: the driver of the tests fails here");
    let group = Magnum { nova: &cloud.nova }.group("hub", "broken", false).await.unwrap();
    assert_eq!(group.node_count, 1);
}

fn with_groups(mut world: World) -> World {
    world.scope.node_groups = [GROUP.to_owned(), BROKEN.to_owned()].into();
    world.scope.magnum_delete = MagnumDelete::Heat;
    world
}

#[tokio::test]
async fn the_fake_magnum_keeps_the_contract() {
    let world = with_groups(World::new(0));
    let project = Account::ops().project_id;
    world.fake.add_cluster(Cluster::new("hub", &project).workers("default-worker", 5, (1, Some(8))).workers(
        "broken",
        1,
        (1, Some(3)),
    ));
    for number in 0..5 {
        world.fake.add_server(FakeServer::new(
            &id(number),
            &format!("hub-stack-default-worker-{number}"),
            &project,
        ));
    }
    world.fake.add_server(FakeServer::new(&id(9), "hub-stack-broken-0", &project));
    keeps_the_contract(&Side::Fake(world)).await;
}

#[tokio::test]
async fn a_real_magnum_keeps_the_contract() {
    let Some(world) = real(&[]) else { return };
    keeps_the_contract(&Side::Real(with_groups(world))).await;
}
