//! The provider only makes the requests to Azure that the documentation names.

use std::collections::BTreeSet;

use fake_azure::{Account, Cluster};
use kube_rebalancer_ports::{GroupAnswer, Provider};

use super::world::{GROUP, SET, SUBSCRIPTION, World, of, told};

/// The actions of a role in the documentation.
fn actions(mark: &str) -> Vec<String> {
    let page = include_str!("../../../../../docs/providers.md");
    let mark = format!("<!-- azure:{mark} -->");
    let block = page.split(&*mark).nth(1).unwrap();
    let json = block.trim().trim_start_matches("```json").trim_end_matches("```");
    let role: serde_json::Value = serde_json::from_str(json).unwrap();
    role["Actions"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// The same with the role for sizes, which is on the subscription.
fn with_sizes(mark: &str) -> Vec<String> {
    [actions(mark), actions("size-role")].concat()
}

fn only<'a>(actions: &'a [String], without: &str) -> Vec<&'a str> {
    actions.iter().map(String::as_str).filter(|action| *action != without).collect()
}

async fn use_a_set(world: &World) -> Vec<GroupAnswer> {
    let cloud = world.cloud().await;
    let mut answers = vec![cloud.grow(GROUP, 3, 4).await];
    world.settle();
    answers.extend(cloud.park(&world.these(&[1])).await);
    world.settle();
    answers.extend(cloud.wake(&world.these(&[1])).await);
    world.settle();
    answers.extend(cloud.delete(&world.these(&[2])).await);
    answers
}

#[tokio::test]
async fn the_role_for_scale_sets_is_enough_and_each_action_of_it_is_needed() {
    let actions = with_sizes("set-role");
    assert_eq!(actions.len(), 8);
    let world = World::of(3, Account::ops().with_actions(&only(&actions, "")));
    assert_eq!(use_a_set(&world).await, vec![GroupAnswer::Done; 4]);
    let called: BTreeSet<String> = world.fake.calls().into_iter().map(|call| call.method).collect();
    let expected = [
        "compute.deallocate",
        "compute.delete",
        "compute.machines",
        "compute.patch",
        "compute.set",
        "compute.skus",
        "compute.start",
        "token",
    ];
    assert_eq!(called, expected.map(str::to_owned).into());
    for action in &actions {
        if action.ends_with("/read") {
            continue;
        }
        let world = World::of(3, Account::ops().with_actions(&only(&actions, action)));
        let answers = use_a_set(&world).await;
        let denied = answers.iter().find(|answer| told(answer).0 == "forbidden").map(told);
        assert!(denied.is_some_and(|(_, words)| words.contains(action.as_str())), "{action}: {answers:?}");
    }
}

#[tokio::test]
async fn the_role_for_agent_pools_is_enough_and_nothing_else_is_called() {
    let actions = with_sizes("aks-role");
    assert_eq!(actions.len(), 8);
    let world = World::of(0, Account::ops().with_actions(&only(&actions, "")));
    let cluster = Cluster::new(SUBSCRIPTION, "Hub-RG", "Hub").pool("system", 1, true);
    world.fake.add_cluster(cluster.pool(SET, 3, false));
    let nodes = world.pool_nodes();
    let (cloud, view) = world.seen(&nodes).await;
    assert_eq!(view.groups.len(), 2, "{view:?}");
    assert_eq!(cloud.grow("hub/users", 3, 4).await, GroupAnswer::Done);
    world.settle();
    assert_eq!(cloud.delete(&[of(&nodes[2])]).await, [GroupAnswer::Done]);
    let called: BTreeSet<String> = world.fake.calls().into_iter().map(|call| call.method).collect();
    let expected = [
        "aks.cluster",
        "aks.clusters",
        "aks.deleteMachines",
        "aks.pool",
        "aks.pools",
        "aks.put",
        "compute.machines",
        "compute.set",
        "compute.skus",
        "token",
    ];
    assert_eq!(called, expected.map(str::to_owned).into());
}
