//! Growth: by launches that cannot lower a size, else by a size that is read before and after.

use fake_asg::{Fault, Moment, Own, Requests};
use kube_rebalancer_ports::{GroupAnswer, Provider};

use super::world::{OTHER, USERS, World, ZONE, told};

/// The launches so far: zone and number.
fn launches(world: &World) -> Vec<(String, String)> {
    let calls = world.fake.calls().into_iter().filter(|call| call.method == "LaunchInstances");
    let of = |call: &fake_asg::Call, name: &str| call.parameter(name).unwrap_or_default().to_owned();
    calls.map(|call| (of(&call, "AvailabilityZones.member.1"), of(&call, "RequestedCapacity"))).collect()
}

#[tokio::test]
async fn grow_by_launch_instances_with_a_token_in_one_zone_each() {
    let world = World::two_zones(3);
    let cloud = world.cloud().await;
    assert_eq!(cloud.grow(USERS, 3, 6).await, GroupAnswer::Done);
    let pair = |zone: &str, number: &str| (zone.to_owned(), number.to_owned());
    assert_eq!(launches(&world), [pair(ZONE, "1"), pair(OTHER, "2")]);
    let tokens: Vec<_> = world
        .fake
        .calls()
        .iter()
        .filter_map(|call| call.parameter("ClientToken").map(str::to_owned))
        .collect();
    assert!(tokens.len() == 2 && tokens[0] != tokens[1] && tokens[0].len() == 36, "{tokens:?}");
    let strategies =
        world.fake.calls().into_iter().filter_map(|call| call.parameter("RetryStrategy").map(str::to_owned));
    assert!(strategies.into_iter().all(|strategy| strategy == "none"));
    assert_eq!(world.size(), (6, 6));
    assert_eq!(world.count("SetDesiredCapacity"), 0);
}

#[tokio::test]
async fn a_launch_whose_answer_is_lost_is_made_again_with_its_token_and_launches_once() {
    for fault in [Fault::Reset(Moment::After), Fault::HalfBody, Fault::BadGateway(Moment::After)] {
        let world = World::new(2);
        let cloud = world.cloud().await;
        world.fake.fail(Requests::method("LaunchInstances").nth(1), fault.clone());
        assert_eq!(cloud.grow(USERS, 2, 5).await, GroupAnswer::Done, "{fault:?}");
        assert_eq!((world.count("LaunchInstances"), world.size()), (2, (5, 5)), "{fault:?}");
    }
}

#[tokio::test]
async fn without_launch_instances_grow_by_set_desired_capacity_read_before_and_after() {
    let world = World::new(2);
    world.fake.set_launch(false);
    let cloud = world.cloud().await;
    world.fake.forget_calls();
    assert_eq!(cloud.grow(USERS, 2, 4).await, GroupAnswer::Done);
    let methods: Vec<String> = world.fake.calls().into_iter().map(|call| call.method).collect();
    let at = methods.iter().position(|method| method == "SetDesiredCapacity").unwrap();
    assert_eq!(methods[at - 1], "DescribeAutoScalingGroups");
    assert_eq!(methods[at + 1], "DescribeAutoScalingGroups");
    assert_eq!(world.size(), (4, 4));
}

#[tokio::test]
async fn a_launch_that_ec2_does_not_permit_grows_by_set_desired_capacity() {
    let world = World::new(2);
    world.fake.set_launch_permitted(false);
    let cloud = world.cloud().await;
    assert_eq!(cloud.grow(USERS, 2, 4).await, GroupAnswer::Done);
    assert_eq!(world.size(), (4, 4));
}

#[tokio::test]
async fn set_desired_capacity_is_never_lower_than_seen() {
    let world = World::new(2);
    world.fake.set_launch(false);
    let cloud = world.cloud().await;
    // Another client raises the size after the plan, and again between the two reads.
    world.fake.edit(USERS, |group| group.desired = 9);
    assert_eq!(cloud.grow(USERS, 2, 4).await, GroupAnswer::AlreadySo);
    world.fake.edit(USERS, |group| group.desired = 3);
    let fake = std::sync::Arc::clone(&world.fake);
    world.fake.on(Requests::method("DescribePolicies"), Moment::After, move |_| {
        fake.edit(USERS, |group| group.desired = 8);
    });
    let answer = cloud.grow(USERS, 2, 4).await;
    assert_eq!(told(&answer).0, "busy", "{answer:?}");
    assert!(told(&answer).1.contains("its size was 3 and is 8"), "{answer:?}");
    assert_eq!(world.count("SetDesiredCapacity"), 0);
}

#[tokio::test]
async fn a_writer_in_the_moment_of_the_request_is_found_out() {
    let world = World::new(2);
    world.fake.set_launch(false);
    let cloud = world.cloud().await;
    let fake = std::sync::Arc::clone(&world.fake);
    world.fake.on(Requests::method("SetDesiredCapacity"), Moment::After, move |_| {
        fake.edit(USERS, |group| group.desired = 3);
    });
    let answer = cloud.grow(USERS, 2, 4).await;
    assert_eq!(told(&answer).0, "in doubt");
    assert!(told(&answer).1.contains("its size is 3 now: another client changes it"), "{answer:?}");
}

/// Between two tries another client may have raised the number.
#[tokio::test]
async fn set_desired_capacity_is_sent_a_single_time() {
    let world = World::new(2);
    world.fake.set_launch(false);
    world.fake.fail(Requests::method("SetDesiredCapacity"), Fault::Own(Own::Throttling));
    let cloud = world.cloud().await;
    let answer = cloud.grow(USERS, 2, 4).await;
    assert_eq!((told(&answer).0, world.size()), ("busy", (2, 2)), "{answer:?}");
    assert_eq!(world.fake.calls().iter().filter(|call| call.method == "SetDesiredCapacity").count(), 1);
    world.fake.behave();
    assert_eq!(cloud.grow(USERS, 2, 4).await, GroupAnswer::Done);
}

#[tokio::test]
async fn set_desired_capacity_is_refused_beside_scaling_policies_unless_all_are_protected() {
    let world = World::new(2);
    world.fake.set_launch(false);
    world.fake.edit(USERS, |group| group.policies.push("cpu".to_owned()));
    let cloud = world.cloud().await;
    let answer = cloud.grow(USERS, 2, 4).await;
    assert_eq!(told(&answer).0, "refused");
    assert!(
        told(&answer).1.contains("its scaling policy cpu") && told(&answer).1.contains("InvalidAction"),
        "{answer:?}"
    );
    assert_eq!(world.size(), (2, 2));

    world.fake.edit(USERS, |group| {
        group.protects_new = true;
        for one in &mut group.instances {
            one.protected = true;
        }
    });
    assert_eq!(cloud.grow(USERS, 2, 4).await, GroupAnswer::Done);
    assert_eq!(world.size(), (4, 4));
}

#[tokio::test]
async fn a_stock_out_is_told_in_the_clouds_words_and_another_zone_is_tried() {
    let world = World::two_zones(2);
    world.fake.set_room(ZONE, Some(0));
    let cloud = world.cloud().await;
    assert_eq!(cloud.grow(USERS, 2, 4).await, GroupAnswer::Done);
    assert_eq!(world.size(), (4, 4));
    world.fake.set_room(OTHER, Some(0));
    let answer = cloud.grow(USERS, 4, 6).await;
    assert_eq!(told(&answer).0, "exhausted");
    assert!(told(&answer).1.contains("We currently do not have sufficient m5.xlarge capacity"), "{answer:?}");
    assert_eq!(world.size(), (4, 4));
}

#[tokio::test]
async fn a_group_that_evens_out_its_zones_is_not_filled_up_elsewhere() {
    let world = World::two_zones(2);
    world.fake.edit(USERS, |group| group.suspended.clear());
    world.fake.set_room(ZONE, Some(0));
    let cloud = world.cloud().await;
    // One of two: the other zone stays as it is.
    assert_eq!(cloud.grow(USERS, 2, 4).await, GroupAnswer::Done);
    assert_eq!(world.size(), (3, 3));
    world.fake.set_room(ZONE, None);
    world.settle();
    let users = world.fake.group(USERS).unwrap();
    assert!(
        users.instances.iter().all(|one| one.goes_by.is_none()),
        "nobody's instance was terminated: {users:?}"
    );
}

#[tokio::test]
async fn a_quota_is_told_as_one() {
    let world = World::new(2);
    world.fake.set_quota(Some(0));
    let answer = world.cloud().await.grow(USERS, 2, 4).await;
    assert_eq!(told(&answer).0, "quota");
    assert!(told(&answer).1.contains("VcpuLimitExceeded"), "{answer:?}");
}

#[tokio::test]
async fn what_can_be_launched_is_launched_and_the_rest_is_left_to_the_next_run() {
    let world = World::new(2);
    world.fake.set_room(ZONE, Some(1));
    assert_eq!(world.cloud().await.grow(USERS, 2, 5).await, GroupAnswer::Done);
    assert_eq!(world.size(), (3, 3));
}

#[tokio::test]
async fn growth_ends_at_max_size() {
    let world = World::new(2);
    world.fake.edit(USERS, |group| group.max = 4);
    let cloud = world.cloud().await;
    assert_eq!(cloud.grow(USERS, 2, 6).await, GroupAnswer::Done);
    assert_eq!(world.size(), (4, 4));
    let answer = cloud.grow(USERS, 4, 6).await;
    assert_eq!(told(&answer).0, "refused");
    assert!(told(&answer).1.contains("its MaxSize is 4"), "{answer:?}");
}

#[tokio::test]
async fn throttling_arrives_as_400_and_is_tried_again() {
    let world = World::new(2);
    let cloud = world.cloud().await;
    for method in ["DescribeAutoScalingGroups", "LaunchInstances"] {
        world.fake.fail(Requests::method(method).nth(1), Fault::Own(Own::Throttling));
    }
    assert_eq!(cloud.grow(USERS, 2, 3).await, GroupAnswer::Done);
    assert_eq!(world.size(), (3, 3));
    world.fake.behave();
    world.fake.fail(Requests::method("LaunchInstances"), Fault::Own(Own::Throttling));
    let answer = cloud.grow(USERS, 3, 4).await;
    assert_eq!(told(&answer).0, "busy");
    assert!(told(&answer).1.contains("Throttling: \"Rate exceeded\" (tried 3 times)"), "{answer:?}");
}

#[tokio::test]
async fn nothing_is_asked_for_when_the_run_is_over() {
    let world = World::new(2);
    let (cloud, over) = world.stoppable().await;
    over.store(true, std::sync::atomic::Ordering::SeqCst);
    world.fake.forget_calls();
    let answer = cloud.grow(USERS, 2, 3).await;
    assert_eq!(told(&answer).0, "failed");
    assert!(told(&answer).1.contains("RUN_TIMEOUT has expired"), "{answer:?}");
    assert!(world.fake.calls().is_empty());
    assert_eq!(world.size(), (2, 2));
}
