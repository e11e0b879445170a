//! The provider only makes the requests to AWS that the documentation names.

use std::collections::BTreeSet;
use std::time::Duration;

use fake_asg::{Account, FakeAsg, Group, LaunchTemplate};
use kube_rebalancer_core::model::annotation::PARKED_AT;
use kube_rebalancer_ports::{GroupAnswer, Provider};

use super::world::{USERS, World, ZONE, id, marked, node, these, told};

/// The read-only actions, for any group.
const LOOKING: [&str; 7] = [
    "DescribeAutoScalingGroups",
    "DescribeAutoScalingInstances",
    "DescribeInstanceRefreshes",
    "DescribeLifecycleHooks",
    "DescribePolicies",
    "DescribeScalingActivities",
    "DescribeScheduledActions",
];
/// The actions that change a group of the cluster.
const CHANGING: [&str; 3] = ["LaunchInstances", "SetDesiredCapacity", "TerminateInstanceInAutoScalingGroup"];

/// The actions that read the size of a new node, for any group.
const SHAPES: [&str; 2] = ["DescribeInstanceTypes", "DescribeLaunchTemplateVersions"];

/// The further actions of a run that parks: the ones on any instance, on a group of the cluster, and on its instances.
const PARKING: [&[&str]; 3] =
    [&["DescribeInstances"], &["EnterStandby", "ExitStandby"], &["StartInstances", "StopInstances"]];

fn parking() -> Vec<&'static str> {
    PARKING.into_iter().flatten().copied().collect()
}

fn all() -> BTreeSet<String> {
    LOOKING.into_iter().chain(CHANGING).chain(SHAPES).map(str::to_owned).collect()
}

fn world(actions: &[&str]) -> World {
    let world = World::empty(Account::only(actions), 100);
    let group = (1..=4).fold(Group::new(USERS, &[ZONE]), |group, at| group.instance(&id(at), ZONE));
    world.fake.add_group(group);
    world
}

#[test]
fn the_policy_is_the_one_of_the_documentation() {
    let page = include_str!("../../../../../docs/providers.md");
    let block = page.split("<!-- aws:policy -->").nth(1).unwrap();
    let json = block.trim().trim_start_matches("```json").trim_end_matches("```");
    let policy: serde_json::Value = serde_json::from_str(json).unwrap();
    let actions = |at: usize| -> Vec<String> {
        let list = policy["Statement"][at]["Action"].as_array().unwrap();
        list.iter().map(|action| action.as_str().unwrap().split_once(':').unwrap().1.to_owned()).collect()
    };
    assert_eq!(actions(0), LOOKING);
    assert_eq!(actions(1), CHANGING);
    assert_eq!(actions(2), SHAPES);
    assert_eq!(policy["Statement"].as_array().unwrap().len(), 3);
    let condition = &policy["Statement"][1]["Condition"]["StringEquals"];
    assert_eq!(condition["aws:ResourceTag/kubernetes.io/cluster/my-cluster"], "owned");
}

#[test]
fn the_policy_for_parking_is_the_one_of_the_documentation() {
    let page = include_str!("../../../../../docs/providers.md");
    let block = page.split("<!-- aws:parking -->").nth(1).unwrap();
    let json = block.trim().trim_start_matches("```json").trim_end_matches("```");
    let policy: serde_json::Value = serde_json::from_str(json).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let actions: Vec<Vec<&str>> = statements
        .iter()
        .map(|one| {
            let actions = one["Action"].as_array().unwrap().iter();
            actions.map(|action| action.as_str().unwrap().split_once(':').unwrap().1).collect()
        })
        .collect();
    assert_eq!(actions, PARKING.map(<[&str]>::to_vec));
    let by_cluster = &statements[1]["Condition"]["StringEquals"];
    assert_eq!(by_cluster["aws:ResourceTag/kubernetes.io/cluster/my-cluster"], "owned");
    assert!(statements[2]["Condition"]["StringLike"]["aws:ResourceTag/aws:autoscaling:groupName"].is_array());
}

#[tokio::test]
async fn both_policies_are_enough_to_park_and_to_wake_and_nothing_else_is_called() {
    let names: Vec<&str> = LOOKING.into_iter().chain(parking()).collect();
    let world = world(&names);
    let (cloud, _) = world.parking(&world.nodes()).await;
    assert_eq!(cloud.park(&these(&[1])).await, [GroupAnswer::Done]);
    let nodes = [marked(1, PARKED_AT), node(2), node(3), node(4)];
    let (cloud, _) = world.parking(&nodes).await;
    assert_eq!(cloud.wake(&these(&[1])).await, [GroupAnswer::Done]);
    let called: BTreeSet<String> = world.fake.calls().into_iter().map(|call| call.method).collect();
    let expected: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
    let unused = ["DescribeScalingActivities".to_owned()].into();
    assert_eq!(
        expected.difference(&called).cloned().collect::<BTreeSet<_>>(),
        unused,
        "nothing was launched"
    );
    assert!(called.is_subset(&expected));
}

#[tokio::test]
async fn the_policy_is_enough_and_nothing_else_is_called() {
    let names: Vec<&str> = LOOKING.into_iter().chain(CHANGING).chain(SHAPES).collect();
    let world = world(&names);
    world.fake.edit(USERS, |group| *group = group.clone().template("lt-1", "1"));
    world.fake.add_template("lt-1", LaunchTemplate::of(&[Some("m5.large")]));
    let mut called = BTreeSet::new();
    let mut take = |fake: &FakeAsg| called.extend(fake.calls().into_iter().map(|call| call.method));
    let cloud = world.cloud().await;
    assert_eq!(cloud.grow(USERS, 4, 5).await, GroupAnswer::Done);
    world.fake.set_launch(false);
    assert_eq!(cloud.grow(USERS, 5, 6).await, GroupAnswer::Done);
    world.fake.advance(Duration::from_mins(3));
    world.seen(&[node(1)]).await;
    assert_eq!(cloud.delete(&these(&[1])).await, [GroupAnswer::Done]);
    take(&world.fake);
    assert_eq!(called, all(), "each of them is used, and no other");
}

#[tokio::test]
async fn without_a_permission_to_change_the_answer_names_it() {
    let world = world(&LOOKING);
    let cloud = world.cloud().await;
    let answers = cloud.delete(&these(&[1])).await;
    assert_eq!(told(&answers[0]).0, "forbidden");
    assert!(told(&answers[0]).1.contains("autoscaling:TerminateInstanceInAutoScalingGroup"), "{answers:?}");
    let answer = cloud.grow(USERS, 4, 5).await;
    assert_eq!(told(&answer).0, "forbidden");
    assert!(told(&answer).1.contains("autoscaling:SetDesiredCapacity"), "{answer:?}");
    assert_eq!(world.size(), (4, 4));
}

#[tokio::test]
async fn a_policy_without_launches_grows_by_sizes() {
    let names: Vec<&str> = LOOKING.into_iter().chain(["SetDesiredCapacity"]).collect();
    let world = world(&names);
    assert_eq!(world.cloud().await.grow(USERS, 4, 5).await, GroupAnswer::Done);
    assert_eq!(world.size(), (5, 5));
}
