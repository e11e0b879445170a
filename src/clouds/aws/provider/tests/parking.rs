//! Parking: standby with the decrement, then the stop, and only where nothing would terminate or replace the machine.

use std::sync::Arc;
use std::time::Duration;

use fake_asg::{Account, Fault, Group, Moment, Own, Requests, Timing};
use kube_rebalancer_core::model::Node;
use kube_rebalancer_core::model::annotation::{PARKED_AT, WOKEN_AT};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{GroupAnswer, Provider};

use super::world::{OTHER, USERS, World, ZONE, id, marked, node, places, snapshot, these, told};
use crate::provider::Aws;

/// The changes so far: the actions that are neither reads nor dry runs.
fn changes(world: &World) -> Vec<String> {
    let calls = world.fake.calls().into_iter();
    let changes =
        calls.filter(|call| !call.method.starts_with("Describe") && call.parameter("DryRun").is_none());
    changes.map(|call| call.method).collect()
}

async fn park_first(cloud: &Aws) -> GroupAnswer {
    cloud.park(&these(&[1])).await.into_iter().next().unwrap()
}

async fn wake_first(cloud: &Aws) -> GroupAnswer {
    cloud.wake(&these(&[1])).await.into_iter().next().unwrap()
}

fn all_but_first() -> Vec<Node> {
    vec![marked(1, PARKED_AT), node(2), node(3)]
}

#[tokio::test]
async fn an_instance_is_set_aside_with_the_decrement_and_then_stopped_and_nothing_replaces_it() {
    let world = World::new(3);
    let (cloud, view) = world.parking(&world.nodes()).await;
    assert_eq!((view.groups[0].not_parkable.as_deref(), view.groups[0].target_size), (None, 3));
    assert_eq!(park_first(&cloud).await, GroupAnswer::Done);
    assert_eq!(changes(&world), ["EnterStandby", "StopInstances"]);
    let calls = world.fake.calls();
    let standby = calls.iter().find(|call| call.method == "EnterStandby").unwrap();
    assert_eq!(standby.parameter("ShouldDecrementDesiredCapacity"), Some("true"));
    assert_eq!(standby.list("InstanceIds"), [id(1)]);
    world.settle();
    assert_eq!((world.both(1), world.size()), (("Standby".to_owned(), "stopped"), (2, 2)));
    // A second request for it, in the same run and in the next one.
    assert_eq!(park_first(&cloud).await, GroupAnswer::AlreadySo);
    let (next, _) = world.parking(&all_but_first()).await;
    assert_eq!(park_first(&next).await, GroupAnswer::AlreadySo);
    assert_eq!(changes(&world).len(), 2);
}

#[tokio::test]
async fn a_machine_runs_before_it_returns_to_service_and_the_size_follows() {
    let world = World::new(3);
    world.set_aside(1, "stopped");
    let (cloud, view) = world.seen(&all_but_first()).await;
    // What is parked keeps its membership and counts.
    assert_eq!(places(&view), [Ok(USERS), Ok(USERS), Ok(USERS)]);
    assert_eq!((view.groups[0].target_size, view.groups[0].not_wakeable.as_deref()), (3, None));
    assert_eq!(wake_first(&cloud).await, GroupAnswer::Done);
    assert_eq!(changes(&world), ["StartInstances", "ExitStandby"]);
    world.settle();
    assert_eq!((world.both(1), world.size()), (("InService".to_owned(), "running"), (3, 3)));
    assert_eq!(wake_first(&cloud).await, GroupAnswer::AlreadySo);
    assert_eq!(world.done(1), ["start", "in service"]);
}

/// A health check replaces a member in service whose machine does not run.
#[tokio::test]
async fn a_machine_that_still_starts_is_left_in_standby_and_a_later_run_returns_it() {
    let world = World::new(3);
    world.set_aside(1, "stopped");
    let (cloud, _) = world.seen(&all_but_first()).await;
    world
        .fake
        .set_timing(Timing { power: Duration::from_mins(1), ..Timing::slow_and_at_once(Duration::ZERO) });
    assert_eq!(wake_first(&cloud).await, GroupAnswer::Done);
    assert_eq!((world.both(1), world.size().0), (("Standby".to_owned(), "pending"), 2));
    let woken = [marked(1, WOKEN_AT), node(2), node(3)];
    let (cloud, view) = world.seen(&woken).await;
    assert_eq!((places(&view)[0], view.groups[0].target_size), (Ok(USERS), 3));
    let answers = cloud.rejoin(&these(&[1, 2])).await;
    assert_eq!((told(answers[0].as_ref().unwrap()).0, &answers[1]), ("busy", &None), "{answers:?}");
    assert_eq!(world.count("ExitStandby"), 0, "it does not run yet");
    world.fake.advance(Duration::from_mins(1));
    let (cloud, _) = world.seen(&woken).await;
    assert_eq!(cloud.rejoin(&these(&[1])).await, [Some(GroupAnswer::Done)]);
    assert_eq!((world.count("ExitStandby"), world.size().0), (1, 3));
    let (cloud, _) = world.seen(&woken).await;
    assert_eq!(cloud.rejoin(&these(&[1])).await, [None], "nothing is left to finish");
    assert_eq!(world.count("ExitStandby"), 1);
}

#[tokio::test]
async fn a_parking_that_broke_off_in_standby_is_finished_also_at_min_size() {
    let world = World::new(3);
    world.set_aside(1, "running");
    world.fake.edit(USERS, |group| group.min = 2);
    let (cloud, view) = world.parking(&all_but_first()).await;
    assert_eq!(view.groups[0].not_parkable, None);
    let answers = cloud.park(&these(&[1, 2])).await;
    assert_eq!((&answers[0], told(&answers[1]).0), (&GroupAnswer::Done, "refused"));
    assert!(told(&answers[1]).1.contains("kept by MinSize"), "{answers:?}");
    assert_eq!((world.done(1), world.done(2)), (vec!["stop"], vec![]));
    let (_, view) = world.parking(&all_but_first()).await;
    assert!(view.groups[0].not_parkable.as_deref().unwrap().starts_with("kept by MinSize"));
}

/// The node is wanted again: it serves only in service.
#[tokio::test]
async fn a_node_that_is_uncordoned_while_its_parking_is_half_done_returns_to_service() {
    let world = World::new(3);
    world.set_aside(1, "running");
    let (cloud, _) = world.seen(&all_but_first()).await;
    assert_eq!(cloud.rejoin(&these(&[1])).await, [Some(GroupAnswer::Done)]);
    world.settle();
    assert_eq!((world.both(1), world.size()), (("InService".to_owned(), "running"), (3, 3)));
}

#[tokio::test]
async fn what_speaks_against_standby_is_in_the_view_and_nothing_is_asked_for() {
    type Change = fn(&mut Group);
    let rows: [(Change, &str); 9] = [
        (|group| group.max_lifetime = Some(604_800), "--max-instance-lifetime 0"),
        (|group| group.warm_pool = true, "delete-warm-pool"),
        (|group| group.spot = true, "Spot Instances, which cannot be stopped"),
        (|group| group.capacity_rebalance = true, "Spot Instances, which cannot be stopped"),
        (|group| group.min = 3, "kept by MinSize"),
        (|group| group.refresh = Some("InProgress".to_owned()), "cancel-instance-refresh"),
        (|group| group.operator = Some("eks.amazonaws.com".to_owned()), "only its operator"),
        (|group| _ = group.suspended.insert("Launch".to_owned()), "resume-processes"),
        (|group| group.zones.push(OTHER.to_owned()), "--scaling-processes AZRebalance"),
    ];
    for (change, why) in rows {
        let world = World::new(3);
        let (before, _) = world.parking(&world.nodes()).await;
        world.fake.edit(USERS, change);
        let (_, view) = world.parking(&world.nodes()).await;
        let shown = view.groups[0].not_parkable.clone().unwrap();
        assert!(shown.contains(why), "{shown}");
        // Also where it begins after the listing.
        let answer = park_first(&before).await;
        assert_eq!(told(&answer).0, "refused", "{why}: {answer:?}");
        assert!(told(&answer).1.contains(why), "{answer:?}");
        assert_eq!(changes(&world), Vec::<String>::new(), "{why}");
    }
}

#[tokio::test]
async fn a_machine_that_cannot_be_stopped_is_not_set_aside() {
    type Change = fn(&mut fake_asg::Instance);
    let rows: [(Change, &str); 3] = [
        (|one| one.spot = true, "is a Spot Instance"),
        (|one| one.instance_store = true, "its root device is no volume of EBS"),
        (|one| one.power = "pending", "is pending by EC2"),
    ];
    for (change, why) in rows {
        let world = World::new(3);
        world.fake.edit(USERS, |group| change(&mut group.instances[0]));
        let (cloud, _) = world.seen(&world.nodes()).await;
        let answer = park_first(&cloud).await;
        assert_eq!(told(&answer).0, "refused", "{answer:?}");
        assert!(told(&answer).1.contains(why), "{answer:?}");
        assert_eq!((changes(&world), world.size()), (Vec::<String>::new(), (3, 3)));
    }
    // One is the sample of its group, so that the plan shows it.
    let world = World::new(2);
    world.fake.edit(USERS, |group| group.instances.iter_mut().for_each(|one| one.spot = true));
    let (_, view) = world.parking(&world.nodes()).await;
    assert!(view.groups[0].not_parkable.as_deref().unwrap().contains("Spot Instance"), "{view:?}");
}

/// Only the second step shows it.
#[tokio::test]
async fn a_stop_that_ec2_refuses_takes_the_standby_back() {
    let world = World::new(3);
    world.fake.edit(USERS, |group| group.instances[0].stop_protected = true);
    let (cloud, _) = world.parking(&world.nodes()).await;
    let answer = park_first(&cloud).await;
    assert_eq!(told(&answer).0, "refused", "{answer:?}");
    assert!(told(&answer).1.contains("disableApiStop"), "{answer:?}");
    world.settle();
    assert_eq!((world.both(1), world.size()), (("InService".to_owned(), "running"), (3, 3)));
    assert_eq!(world.done(1), ["standby", "in service"]);
}

#[tokio::test]
async fn without_a_permission_of_ec2_nothing_is_set_aside_and_the_plan_names_the_action() {
    const AUTO_SCALING: [&str; 10] = [
        "DescribeAutoScalingGroups",
        "DescribeAutoScalingInstances",
        "DescribeInstanceRefreshes",
        "DescribeLifecycleHooks",
        "DescribePolicies",
        "DescribeScalingActivities",
        "DescribeScheduledActions",
        "EnterStandby",
        "ExitStandby",
        "TerminateInstanceInAutoScalingGroup",
    ];
    for (of_ec2, missing) in [
        (&[][..], "ec2:DescribeInstances"),
        (&["DescribeInstances", "StartInstances"], "ec2:StopInstances"),
        (&["DescribeInstances", "StopInstances"], "ec2:StartInstances"),
    ] {
        let actions: Vec<&str> = AUTO_SCALING.iter().chain(of_ec2).copied().collect();
        let world = World::empty(Account::only(&actions), 100);
        let group = (1..=3).fold(Group::new(USERS, &[ZONE]), |group, at| group.instance(&id(at), ZONE));
        world.fake.add_group(group);
        let (cloud, view) = world.parking(&world.nodes()).await;
        let why = view.groups[0].not_parkable.as_deref().unwrap();
        assert!(why.contains(missing), "{why}");
        let note = view.notes.iter().find(|note| note.starts_with("GIVE_BACK=park")).unwrap();
        assert!(note.contains(missing) && note.ends_with("Empty nodes of this group are deleted"), "{note}");
        let answer = park_first(&cloud).await;
        assert_eq!(told(&answer).0, "forbidden", "{answer:?}");
        assert!(told(&answer).1.contains(missing), "{answer:?}");
        assert_eq!((changes(&world), world.size()), (Vec::<String>::new(), (3, 3)));
    }
}

/// An outage passes. If it counted as "cannot park", empty nodes would be deleted because of it.
#[tokio::test]
async fn an_ec2_that_does_not_answer_makes_no_group_one_that_cannot_park() {
    let world = World::new(3);
    world.fake.fail(Requests::method("DescribeInstances"), Fault::Unavailable);
    let (cloud, view) = world.parking(&world.nodes()).await;
    assert_eq!(view.groups[0].not_parkable, None);
    assert!(view.notes.iter().any(|note| note.contains("ec2:DescribeInstances")), "{:?}", view.notes);
    let answer = park_first(&cloud).await;
    assert_eq!(told(&answer).0, "busy", "{answer:?}");
    assert_eq!(changes(&world), Vec::<String>::new());
}

#[tokio::test]
async fn standby_without_our_mark_is_another_actors_work() {
    let world = World::new(3);
    world.set_aside(1, "stopped");
    world.set_aside(2, "running");
    let nodes = [Node { unschedulable: true, ..node(1) }, node(2), node(3)];
    let (cloud, view) = world.parking(&nodes).await;
    for place in &places(&view)[..2] {
        assert!(place.unwrap_err().contains("is Standby: it is not in service"), "{place:?}");
    }
    assert_eq!((view.groups[0].target_size, places(&view)[2]), (1, Ok(USERS)));
    let asked = [
        cloud.park(&these(&[1, 2])).await,
        cloud.wake(&these(&[1, 2])).await,
        cloud.delete(&these(&[1, 2])).await,
    ];
    assert!(asked.iter().flatten().all(|answer| told(answer).0 == "refused"), "{asked:?}");
    for answer in cloud.rejoin(&these(&[1, 2])).await {
        assert_eq!(
            told(answer.as_ref().unwrap()).0,
            "refused",
            "nothing proves that it is this program's: {answer:?}"
        );
    }
    assert_eq!(changes(&world), Vec::<String>::new());
    // A person took it back: a mark on a schedulable node is an old one.
    let world = World::new(2);
    world.set_aside(1, "running");
    let taken_back = Node { unschedulable: false, ..marked(1, PARKED_AT) };
    let (_, view) = world.parking(&[taken_back, node(2)]).await;
    assert!(places(&view)[0].is_err(), "{view:?}");
    // Another actor sets one aside after the listing.
    let world = World::new(3);
    let (cloud, _) = world.parking(&world.nodes()).await;
    world.set_aside(1, "running");
    assert_eq!(told(&park_first(&cloud).await).0, "refused");
    assert_eq!(changes(&world), Vec::<String>::new());
}

#[tokio::test]
async fn max_size_is_read_before_a_machine_starts_and_a_refused_return_stops_it_again() {
    let world = World::new(3);
    world.set_aside(1, "stopped");
    world.fake.edit(USERS, |group| group.max = 2);
    let (cloud, view) = world.seen(&all_but_first()).await;
    assert!(view.groups[0].not_wakeable.as_deref().unwrap().contains("its MaxSize is 2"));
    let answer = wake_first(&cloud).await;
    assert_eq!((told(&answer).0, changes(&world).len()), ("refused", 0), "{answer:?}");
    // It is reached only after the start.
    world.fake.edit(USERS, |group| group.max = 3);
    let fake = Arc::clone(&world.fake);
    world.fake.on(Requests::method("StartInstances"), Moment::After, move |_| {
        fake.edit(USERS, |group| group.max = 2);
    });
    let answer = wake_first(&cloud).await;
    assert_eq!(told(&answer).0, "refused", "{answer:?}");
    assert_eq!(world.done(1), ["start", "stop"]);
    assert_eq!((world.both(1).0.as_str(), world.size()), ("Standby", (2, 2)));
}

#[tokio::test]
async fn no_room_is_told_so_that_the_next_parked_node_or_a_new_one_is_taken() {
    let world = World::new(3);
    world.set_aside(1, "stopped");
    world.fake.set_room(ZONE, Some(0));
    let (cloud, _) = world.seen(&all_but_first()).await;
    let answer = wake_first(&cloud).await;
    assert_eq!(told(&answer).0, "exhausted", "{answer:?}");
    assert_eq!((world.both(1), world.size().0), (("Standby".to_owned(), "stopped"), 2));
}

/// The size was lowered when it was set aside; a second time would terminate another.
#[tokio::test]
async fn a_parked_instance_is_deleted_without_lowering_the_size_and_no_other_goes() {
    let world = World::new(3);
    world.set_aside(1, "stopped");
    let (cloud, _) = world.seen(&all_but_first()).await;
    assert_eq!(cloud.delete(&these(&[1])).await, [GroupAnswer::Done]);
    let calls = world.fake.calls();
    let terminate = calls.iter().find(|call| call.method.starts_with("Terminate")).unwrap();
    assert_eq!(terminate.parameter("ShouldDecrementDesiredCapacity"), Some("false"));
    world.settle();
    assert_eq!((world.state(1), world.size()), ("gone".to_owned(), (2, 2)));
    assert!(world.fake.group(USERS).unwrap().instances.iter().all(|one| one.goes_by.is_none()));
}

#[tokio::test]
async fn a_group_with_parked_instances_grows_by_new_ones_within_max_size() {
    let world = World::new(3);
    world.set_aside(1, "stopped");
    let (cloud, view) = world.seen(&all_but_first()).await;
    assert_eq!(view.groups[0].target_size, 3);
    assert_eq!(cloud.grow(USERS, 3, 4).await, GroupAnswer::Done);
    assert_eq!((world.size(), world.both(1).1), ((3, 3), "stopped"));
    assert_eq!(cloud.grow(USERS, 3, 4).await, GroupAnswer::AlreadySo);
    world.fake.edit(USERS, |group| group.max = 4);
    assert_eq!(cloud.grow(USERS, 4, 9).await, GroupAnswer::Done);
    assert_eq!(world.size(), (4, 4), "MaxSize bounds what is not parked");
}

#[tokio::test]
async fn several_are_parked_and_woken_together() {
    let world = World::new(5);
    let (cloud, _) = world.parking(&world.nodes()).await;
    assert!(cloud.park(&these(&[1, 2, 3])).await.iter().all(|answer| *answer == GroupAnswer::Done));
    assert_eq!(changes(&world)[..3], ["EnterStandby", "EnterStandby", "EnterStandby"]);
    world.settle();
    assert_eq!(world.size(), (2, 2));
    let nodes: Vec<Node> =
        (1..=3).map(|number| marked(number, PARKED_AT)).chain([node(4), node(5)]).collect();
    let (cloud, _) = world.seen(&nodes).await;
    assert!(cloud.wake(&these(&[1, 2, 3])).await.iter().all(|answer| *answer == GroupAnswer::Done));
    world.settle();
    assert_eq!((world.size(), world.done(3)), ((5, 5), vec!["standby", "stop", "start", "in service"]));
}

/// Behind a load balancer, an instance enters standby only once its connections are drained.
#[tokio::test]
async fn an_instance_that_enters_standby_slowly_is_stopped_by_a_later_try() {
    let world = World::new(3);
    world
        .fake
        .set_timing(Timing { standby: Duration::from_mins(5), ..Timing::slow_and_at_once(Duration::ZERO) });
    let (cloud, _) = world.parking(&world.nodes()).await;
    let answer = park_first(&cloud).await;
    assert_eq!(told(&answer).0, "in doubt", "{answer:?}");
    assert_eq!((world.both(1), world.done(1)), (("EnteringStandby".to_owned(), "running"), vec!["standby"]));
    world.fake.advance(Duration::from_mins(5));
    assert_eq!(park_first(&cloud).await, GroupAnswer::Done);
    assert_eq!(world.done(1), ["standby", "stop"]);
}

#[tokio::test]
async fn a_changing_group_is_busy_and_nothing_is_repeated() {
    for own in [Own::ResourceContention, Own::ScalingActivityInProgress] {
        let world = World::new(3);
        let (cloud, _) = world.parking(&world.nodes()).await;
        world.fake.fail(Requests::method("EnterStandby"), Fault::Own(own));
        let answer = park_first(&cloud).await;
        assert_eq!((told(&answer).0, world.count("EnterStandby")), ("busy", 1), "{answer:?}");
        assert_eq!(world.done(1), Vec::<&str>::new());
    }
}

/// A run without parking, in a cluster in which nothing is parked, asks EC2 for nothing.
#[tokio::test]
async fn a_run_that_does_not_park_asks_ec2_for_nothing() {
    let world = World::new(3);
    let mut cloud = world.connect();
    cloud.list(&snapshot(&world.nodes()), &Policy::default()).await.unwrap();
    assert_eq!(cloud.grow(USERS, 3, 4).await, GroupAnswer::Done);
    assert_eq!(cloud.delete(&these(&[1])).await, [GroupAnswer::Done]);
    let of_ec2 =
        world.fake.calls().into_iter().filter(|call| call.parameter("Version") == Some("2016-11-15"));
    assert_eq!(of_ec2.count(), 0);
}
