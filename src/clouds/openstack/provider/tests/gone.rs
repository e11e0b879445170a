//! Whether servers are gone: only Nova's own word about exactly this server counts, beside another server of the cluster.

use std::time::Duration;

use fake_openstack::{Fault, Requests};
use kube_rebalancer_core::model::{MachineFate, Node};
use kube_rebalancer_ports::{InstanceToDelete, Provider as _};

use super::world::{World, id, node, of, these};

/// A provider that has seen three servers, of which the first is deleted since.
async fn one_gone() -> (World, super::super::OpenStack) {
    let mut world = World::new(3);
    world.pace.attempt = Duration::from_millis(200);
    let nodes: Vec<Node> = (2..=3).map(node).collect();
    world.fake.lose(&id(1));
    let cloud = world.seen(&nodes).await.0;
    (world, cloud)
}

#[tokio::test]
async fn a_server_that_nova_does_not_find_is_gone_if_it_finds_another_of_the_cluster() {
    let (_world, cloud) = one_gone().await;
    assert_eq!(cloud.fates(&these(&[1])).await, [MachineFate::Gone]);
    let mixed = cloud.fates(&these(&[1, 2])).await;
    assert_eq!(mixed[0], MachineFate::Gone);
    assert!(matches!(&mixed[1], MachineFate::Exists(words) if words.contains("ACTIVE")), "{mixed:?}");
}

#[tokio::test]
async fn without_another_server_of_the_cluster_nothing_is_proven() {
    let world = World::new(2);
    let cloud = world.seen(&[node(2)]).await.0;
    world.fake.lose(&id(1));
    world.fake.lose(&id(2));
    let fates = cloud.fates(&these(&[1])).await;
    assert!(
        matches!(&fates[0], MachineFate::Unknown(words) if words.contains("not found either")),
        "{fates:?}"
    );
    // No node of the cluster was proven: the project may be another one.
    let nobody = world.seen(&[]).await.0;
    let fates = nobody.fates(&these(&[1])).await;
    assert!(matches!(&fates[0], MachineFate::Unknown(words) if words.contains("project")), "{fates:?}");
}

#[tokio::test]
async fn what_nova_does_not_say_of_this_server_proves_nothing() {
    for fault in Fault::of_any_service(0) {
        // Once at the first or second request, or at every one from there on.
        for (nth, lasting) in [(1, false), (2, false), (1, true), (2, true)] {
            let requests = || if lasting { Requests::all().since_nth(nth) } else { Requests::all().nth(nth) };
            let (world, cloud) = one_gone().await;
            world.fake.fail(requests(), fault.clone());
            let fates = cloud.fates(&these(&[1])).await;
            assert!(!matches!(fates[0], MachineFate::Exists(_)), "{fault:?} {nth} {lasting}: {fates:?}");
            if lasting {
                assert!(matches!(fates[0], MachineFate::Unknown(_)), "{fault:?} {nth}: {fates:?}");
            }
            // A server that is there is never said to be gone.
            let mut world = World::new(3);
            world.pace.attempt = Duration::from_millis(200);
            let cloud = world.cloud().await;
            world.fake.fail(requests(), fault.clone());
            let fates = cloud.fates(&these(&[1])).await;
            assert_ne!(fates, [MachineFate::Gone], "{fault:?} {nth} {lasting}");
        }
    }
}

#[tokio::test]
async fn a_node_of_another_region_or_without_a_server_s_name_is_not_judged() {
    let (_world, cloud) = one_gone().await;
    let elsewhere = format!("openstack://Elsewhere/{}", id(1));
    for provider_id in [Some(elsewhere), Some("openstack:///nonsense".to_owned()), None] {
        let node = Node { provider_id, ..node(1) };
        let asked: Vec<InstanceToDelete> = vec![of(&node)];
        let fates = cloud.fates(&asked).await;
        assert!(matches!(fates[0], MachineFate::Unknown(_)), "{fates:?}");
    }
    // By its system UUID it is as good as by its provider ID.
    let node = Node { provider_id: None, system_uuid: Some(id(1)), ..node(1) };
    assert_eq!(cloud.fates(&[of(&node)]).await, [MachineFate::Gone]);
}
