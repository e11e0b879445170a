//! Deletion: one by one, lowering the size, and nothing in its place.

use std::sync::Arc;
use std::time::Duration;

use fake_asg::{Fault, Group, Moment, Own, Requests};
use kube_rebalancer_core::model::Node;
use kube_rebalancer_ports::{GroupAnswer, Provider};

use super::world::{USERS, World, ZONE, id, node, of, these, told};

#[tokio::test]
async fn delete_one_by_one_with_decrement_and_no_other_goes() {
    let world = World::new(5);
    let cloud = world.cloud().await;
    let answers = cloud.delete(&these(&[2, 4])).await;
    assert_eq!(answers, [GroupAnswer::Done, GroupAnswer::Done]);
    let calls: Vec<_> =
        world.fake.calls().into_iter().filter(|call| call.method.starts_with("Terminate")).collect();
    let ids: Vec<_> = calls.iter().map(|call| call.parameter("InstanceId").unwrap()).collect();
    assert_eq!(ids, [id(2), id(4)]);
    assert!(calls.iter().all(|call| call.parameter("ShouldDecrementDesiredCapacity") == Some("true")));
    world.settle();
    assert_eq!(
        (world.size(), world.state(2), world.state(4)),
        ((3, 3), "gone".to_owned(), "gone".to_owned())
    );
    let users = world.fake.group(USERS).unwrap();
    assert!(users.instances.iter().all(|one| one.goes_by.is_none()));
}

/// The batch form of the request does not say which of its instances it took.
#[tokio::test]
async fn several_instances_of_one_group_take_two_requests_each_and_three_in_all() {
    for count in [1_usize, 2, 10, 40] {
        let world = World::new(count + 1);
        let cloud = world.cloud().await;
        world.fake.forget_calls();
        let numbers: Vec<_> = (1..=count).collect();
        assert_eq!(cloud.delete(&these(&numbers)).await, vec![GroupAnswer::Done; count]);
        let terminated = world.count("TerminateInstanceInAutoScalingGroup");
        assert_eq!((terminated, world.fake.calls().len()), (count, 2 * count + 3));
        assert!(world.fake.calls().iter().all(|call| call.parameter("InstanceIds.member.1").is_none()));
        assert_eq!(world.size().0, 1);
    }
}

#[tokio::test]
async fn max_min_kept_by_min_size_is_known_before_and_is_no_failure() {
    let world = World::new(3);
    world.fake.edit(USERS, |group| group.min = 2);
    let cloud = world.cloud().await;
    let answers = cloud.delete(&these(&[1, 2])).await;
    assert_eq!(answers[0], GroupAnswer::Done);
    // A refusal is left to the next run; it is no failure.
    assert_eq!(told(&answers[1]).0, "refused");
    assert!(told(&answers[1]).1.starts_with("kept by MinSize"), "{answers:?}");
    assert_eq!(world.count("TerminateInstanceInAutoScalingGroup"), 1, "the second is not even asked for");
    let (_, view) = world.seen(&world.nodes()).await;
    assert!(view.groups[0].not_shrinkable.as_deref().unwrap().starts_with("kept by MinSize"));
}

#[tokio::test]
async fn min_size_raised_in_the_last_moment_is_the_services_refusal_and_still_no_failure() {
    let world = World::new(3);
    let cloud = world.cloud().await;
    let fake = Arc::clone(&world.fake);
    world.fake.on(Requests::method("TerminateInstanceInAutoScalingGroup"), Moment::Before, move |_| {
        fake.edit(USERS, |group| group.min = 3);
    });
    let answers = cloud.delete(&these(&[1])).await;
    assert_eq!(told(&answers[0]).0, "refused");
    assert!(told(&answers[0]).1.contains("desiredSize equals minSize (3)"), "{answers:?}");
}

#[tokio::test]
async fn repeat_an_instance_that_goes_already_is_not_terminated_again() {
    let world = World::new(4);
    world.fake.edit(USERS, |group| group.termination_hook = Some(Duration::from_hours(1)));
    let cloud = world.cloud().await;
    assert_eq!(cloud.delete(&these(&[1])).await, [GroupAnswer::Done]);
    assert_eq!(world.state(1), "Terminating:Wait");
    for lifecycle in
        ["Terminating:Wait", "Terminating:Proceed", "Terminating:Retained", "Terminating", "Terminated"]
    {
        world.fake.edit(USERS, |group| group.instances[0].lifecycle = lifecycle.to_owned());
        assert_eq!(cloud.delete(&these(&[1])).await, [GroupAnswer::AlreadySo], "{lifecycle}");
    }
    assert_eq!(world.count("TerminateInstanceInAutoScalingGroup"), 1);
    // It is deleted between the list and the request.
    let fake = Arc::clone(&world.fake);
    world.fake.on(Requests::method("DescribeInstanceRefreshes"), Moment::After, move |_| {
        fake.edit(USERS, |group| group.instances[1].lifecycle = "Terminating:Wait".to_owned());
    });
    assert_eq!(cloud.delete(&these(&[2])).await, [GroupAnswer::Done]);
    assert_eq!(world.count("TerminateInstanceInAutoScalingGroup"), 1);
    assert_eq!(world.size().0, 3);
}

#[tokio::test]
async fn errors_500_resource_contention_means_look_again() {
    let world = World::new(3);
    let cloud = world.cloud().await;
    let terminate = || Requests::method("TerminateInstanceInAutoScalingGroup");
    for own in [Own::ResourceContention, Own::ScalingActivityInProgress] {
        world.fake.fail(terminate().nth(1), Fault::Own(own));
        let answers = cloud.delete(&these(&[1])).await;
        // The caller reads nodes and pods before it repeats the request.
        assert_eq!(told(&answers[0]).0, "busy", "{own:?} {answers:?}");
        world.fake.behave();
    }
    assert_eq!(world.count("TerminateInstanceInAutoScalingGroup"), 2, "each is sent once");
    // The look shows that another client has it go.
    let fake = Arc::clone(&world.fake);
    world.fake.fail(terminate(), Fault::Own(Own::ResourceContention));
    world.fake.on(terminate(), Moment::After, move |_| {
        fake.edit(USERS, |group| group.instances[1].lifecycle = "Terminating".to_owned());
    });
    assert_eq!(cloud.delete(&these(&[2])).await, [GroupAnswer::Done]);
    world.fake.behave();
    assert_eq!(cloud.delete(&these(&[1])).await, [GroupAnswer::Done]);
}

#[tokio::test]
async fn throttling_as_400_is_tried_again_because_it_was_not_carried_out() {
    let world = World::new(3);
    let cloud = world.cloud().await;
    world
        .fake
        .fail(Requests::method("TerminateInstanceInAutoScalingGroup").nth(1), Fault::Own(Own::Throttling));
    assert_eq!(cloud.delete(&these(&[1])).await, [GroupAnswer::Done]);
    assert_eq!(world.count("TerminateInstanceInAutoScalingGroup"), 2);
    assert_eq!(world.size(), (2, 2));
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_the_request_is_not_repeated() {
    for (moment, expected) in [(Moment::After, "done"), (Moment::Before, "in doubt")] {
        let world = World::new(3);
        let cloud = world.cloud().await;
        world.fake.fail(Requests::method("TerminateInstanceInAutoScalingGroup"), Fault::Reset(moment));
        let answers = cloud.delete(&these(&[1])).await;
        assert_eq!(told(&answers[0]).0, expected, "{answers:?}");
        assert_eq!(world.count("TerminateInstanceInAutoScalingGroup"), 1);
        // The caller asks again after a look at the node; the first request may still be on its way.
        let again = cloud.delete(&these(&[1])).await;
        let then = if expected == "done" { "already so" } else { expected };
        assert_eq!(told(&again[0]).0, then, "{again:?}");
        assert_eq!(world.count("TerminateInstanceInAutoScalingGroup"), 1);
    }
}

#[tokio::test]
async fn az_rebalance_refuses_deletions_in_a_group_of_several_zones() {
    let world = World::two_zones(4);
    world.fake.edit(USERS, |group| group.suspended.clear());
    let (cloud, view) = world.seen(&world.nodes()).await;
    let why = view.groups[0].not_shrinkable.as_deref().unwrap();
    assert!(why.contains("suspend-processes") && why.ends_with("--scaling-processes AZRebalance"), "{why}");
    assert_eq!(view.groups[0].not_growable, None);
    let answers = cloud.delete(&[of(&world.nodes()[0])]).await;
    assert_eq!(told(&answers[0]).0, "refused");
    assert_eq!(world.count("TerminateInstanceInAutoScalingGroup"), 0);
    world.fake.edit(USERS, |group| _ = group.suspended.insert("AZRebalance".to_owned()));
    let nodes = world.nodes();
    assert_eq!(cloud.delete(&[of(&nodes[0]), of(&nodes[2])]).await, [GroupAnswer::Done, GroupAnswer::Done]);
    world.settle();
    let users = world.fake.group(USERS).unwrap();
    assert!(users.instances.iter().all(|one| one.goes_by.is_none()), "{users:?}");
}

#[tokio::test]
async fn az_rebalance_resumed_in_the_last_moment_refuses_too() {
    let world = World::two_zones(4);
    let cloud = world.cloud().await;
    let fake = Arc::clone(&world.fake);
    world.fake.on(Requests::method("DescribeInstanceRefreshes"), Moment::After, move |_| {
        fake.edit(USERS, |group| group.suspended.clear());
    });
    let answers = cloud.delete(&[of(&world.nodes()[0])]).await;
    assert_eq!(told(&answers[0]).0, "refused", "{answers:?}");
    assert_eq!(world.count("TerminateInstanceInAutoScalingGroup"), 0);
}

#[tokio::test]
async fn a_node_that_was_not_proven_or_has_another_instance_now_is_refused() {
    let world = World::new(3);
    let cloud = world.cloud().await;
    let stranger = node(9);
    let moved = Node { provider_id: node(2).provider_id, ..node(1) };
    let answers = cloud.delete(&[of(&stranger), of(&moved)]).await;
    assert!(answers.iter().all(|answer| told(answer).0 == "refused"), "{answers:?}");
    assert_eq!(world.count("TerminateInstanceInAutoScalingGroup"), 0);
}

#[tokio::test]
async fn an_instance_that_somebody_sets_aside_meanwhile_is_left_alone() {
    let world = World::new(3);
    let cloud = world.cloud().await;
    for lifecycle in ["Standby", "Detaching", "ReplacingRootVolume", "Pending:Wait"] {
        world.fake.edit(USERS, |group| group.instances[0].lifecycle = lifecycle.to_owned());
        let answers = cloud.delete(&these(&[1])).await;
        assert!(matches!(told(&answers[0]).0, "refused" | "conflict"), "{lifecycle}: {answers:?}");
    }
    assert_eq!(world.count("TerminateInstanceInAutoScalingGroup"), 0);
}

#[tokio::test]
async fn an_instance_that_never_became_a_node_is_deleted_only_where_names_prove_it() {
    let world = World::new(0);
    let group = Group::new(USERS, &[ZONE]).instance(&id(1), ZONE).instance(&id(2), ZONE);
    world.fake.add_group(group);
    let named = Node { name: format!("{}.ec2.internal", id(1)), ..node(1) };
    let nodes = [named.clone()];
    let (cloud, view) = world.seen(&nodes).await;
    assert!(view.groups[0].instances.iter().any(|one| one.name == id(2) && one.surely_no_node));
    let booted = [named, Node { name: id(2), ..node(2) }];
    assert_eq!(told(&cloud.delete_instance(USERS, &id(2), &booted).await).0, "conflict");
    assert_eq!(cloud.delete_instance(USERS, &id(2), &nodes).await, GroupAnswer::Done);
    // By address, any node may be it.
    let world = World::new(2);
    let (cloud, view) = world.seen(&[node(1)]).await;
    assert!(view.groups[0].instances.iter().all(|one| !one.surely_no_node));
    assert_eq!(told(&cloud.delete_instance(USERS, &id(2), &[node(1)]).await).0, "refused");
}

/// A lower number, of the node group or of its Auto Scaling group, lets AWS choose.
#[tokio::test]
async fn eks_a_managed_node_group_shrinks_by_named_instances_and_never_by_a_number() {
    let world = World::new(5);
    world.fake.edit(USERS, |group| {
        for (key, value) in [
            ("eks:cluster-name", "hub"),
            ("eks:nodegroup-name", "users"),
            ("kubernetes.io/cluster/hub", "owned"),
        ] {
            group.tags.insert(key.to_owned(), value.to_owned());
        }
    });
    let cloud = world.cloud().await;
    world.fake.forget_calls();
    assert_eq!(cloud.delete(&these(&[5, 1])).await, [GroupAnswer::Done, GroupAnswer::Done]);
    let changes: Vec<_> = world
        .fake
        .calls()
        .into_iter()
        .filter(|call| !call.method.starts_with("Describe"))
        .map(|call| (call.method.clone(), call.parameter("InstanceId").map(str::to_owned)))
        .collect();
    let terminate = "TerminateInstanceInAutoScalingGroup".to_owned();
    assert_eq!(changes, [(terminate.clone(), Some(id(5))), (terminate, Some(id(1)))]);
    world.settle();
    let states: Vec<_> = (1..=5).map(|number| world.state(number)).collect();
    assert_eq!(states, ["gone", "InService", "InService", "InService", "gone"]);
}

#[tokio::test]
async fn nothing_is_deleted_when_the_run_is_over() {
    let world = World::new(2);
    let (cloud, over) = world.stoppable().await;
    over.store(true, std::sync::atomic::Ordering::SeqCst);
    let answers = cloud.delete(&these(&[1])).await;
    assert_eq!(told(&answers[0]).0, "failed");
    assert_eq!(world.state(1), "InService");
}
