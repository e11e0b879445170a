//! Growing agent pools and deleting machines of them.

use std::sync::Arc;

use fake_azure::{Cluster, Fault, Moment, Requests};
use kube_rebalancer_ports::{GroupAnswer, Provider};

use super::world::{SUBSCRIPTION, World, of, told};

#[tokio::test]
async fn a_pool_grows_with_all_that_it_is_and_another_count() {
    let world = World::aks(2);
    world.fake.edit_cluster("Hub", |cluster| {
        cluster.pools[1].labels.insert("hub.jupyter.org/node-purpose".to_owned(), "user".to_owned());
    });
    let (cloud, view) = world.seen(&world.pool_nodes()).await;
    let template = view.groups[1].template.as_ref().unwrap();
    assert_eq!(template.labels.get("hub.jupyter.org/node-purpose"), Some("user"));
    assert_eq!(cloud.grow("hub/users", 2, 4).await, GroupAnswer::Done);
    let calls = world.fake.calls();
    let put = calls.iter().find(|call| call.method == "aks.put").unwrap();
    let properties = put.body["properties"].as_object().unwrap();
    assert_eq!((&properties["count"], &properties["vmSize"]), (&4.into(), &"Standard_D4s_v5".into()));
    assert_eq!(properties["nodeLabels"]["hub.jupyter.org/node-purpose"], "user");
    for read_only in ["eTag", "provisioningState", "currentOrchestratorVersion", "nodeImageVersion"] {
        assert!(!properties.contains_key(read_only), "{read_only}");
    }
    assert_eq!(put.header("if-match"), Some("\"pool-2\""));
    assert_eq!(world.fake.cluster("Hub").unwrap().pools[1].count, 4);
    assert_eq!(told(&cloud.grow("hub/users", 2, 5).await).0, "refused");
    world.settle();
    assert_eq!(cloud.grow("hub/users", 2, 4).await, GroupAnswer::AlreadySo);
    world.fake.set_quota(Some(4));
    assert_eq!(told(&cloud.grow("hub/users", 4, 5).await).0, "quota");
}

#[tokio::test]
async fn a_pool_that_another_client_wrote_is_not_written() {
    let world = World::aks(2);
    let (cloud, _) = world.seen(&world.pool_nodes()).await;
    let fake = Arc::clone(&world.fake);
    world.fake.on(Requests::method("aks.put"), Moment::Before, move |_| {
        fake.edit_cluster("Hub", |cluster| cluster.pools[1].count = 7);
    });
    assert_eq!(told(&cloud.grow("hub/users", 2, 4).await).0, "busy");
    assert_eq!(world.fake.cluster("Hub").unwrap().pools[1].count, 7);
}

#[tokio::test]
async fn machines_are_deleted_by_their_names() {
    let world = World::aks(4);
    let nodes = world.pool_nodes();
    let (cloud, _) = world.seen(&nodes).await;
    assert_eq!(cloud.delete(&[of(&nodes[3]), of(&nodes[5])]).await, [GroupAnswer::Done, GroupAnswer::Done]);
    let calls = world.fake.calls();
    let call = calls.iter().find(|call| call.method == "aks.deleteMachines").unwrap();
    let names = serde_json::json!({"machineNames": ["aks-users-31442278-vmss000001", "aks-users-31442278-vmss000003"]});
    assert_eq!(call.body, names);
    assert_eq!(world.fake.cluster("Hub").unwrap().pools[1].count, 2);
    // One change at a time.
    assert_eq!(told(&cloud.delete(&[of(&nodes[2])]).await[0]).0, "busy");
    world.settle();
    assert_eq!(world.pool_set("users").machines.keys().copied().collect::<Vec<_>>(), [0, 2]);
}

#[tokio::test]
async fn a_pool_that_deallocates_is_only_grown() {
    let world = World::aks(2);
    world.fake.edit_cluster("Hub", |cluster| cluster.pools[1].scale_down_mode = "Deallocate".to_owned());
    let nodes = world.pool_nodes();
    let (cloud, view) = world.seen(&nodes).await;
    assert!(view.groups[1].not_shrinkable.as_deref().is_some_and(|why| why.contains("set it to Delete")));
    assert_eq!(told(&cloud.delete(&[of(&nodes[2])]).await[0]).0, "refused");
    assert_eq!(cloud.grow("hub/users", 2, 3).await, GroupAnswer::Done);
}

#[tokio::test]
async fn a_cluster_that_may_be_read_but_not_listed_is_found_by_the_name_of_its_node_resource_group() {
    let world = World::new(0);
    let cluster = Cluster::new(SUBSCRIPTION, "my_hub_rg", "Hub_1").pool("system", 1, true);
    world.fake.add_cluster(cluster.pool("users", 2, false));
    let nodes = world.pool_nodes();
    for fault in [Fault::Forbidden, Fault::InternalError] {
        world.fake.behave();
        world.fake.fail(Requests::method("aks.clusters"), fault);
        let (_, view) = world.seen(&nodes).await;
        let names: Vec<&str> = view.groups.iter().map(|group| &*group.name).collect();
        assert_eq!(names, ["hub_1/system", "hub_1/users"], "{view:?}");
    }
    // Nor may it be read: the reason is the first failure.
    world.fake.fail(Requests::method("aks.cluster"), Fault::Forbidden);
    let (_, view) = world.seen(&nodes).await;
    let why = view.groups[0].not_growable.as_deref().unwrap();
    assert!(why.contains("cannot list the managed clusters of subscription"), "{why}");
}
