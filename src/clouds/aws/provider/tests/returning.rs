//! Returns to service that an earlier run began: they are finished whatever became of the node, and only a listing without the
//! instance in standby proves one. And EC2, which shows a change of a machine only some reads later.

use std::time::Duration;

use fake_asg::{Fault, Requests, Timing};
use kube_rebalancer_core::model::Node;
use kube_rebalancer_core::model::annotation::{PARKED_AT, WOKEN_AT};
use kube_rebalancer_ports::{GroupAnswer, Provider};

use super::world::{OTHER, USERS, World, marked, node, node_in, of, places, these, told};
use crate::provider::Aws;

async fn rejoin(cloud: &Aws, node: &Node) -> Option<GroupAnswer> {
    cloud.rejoin(&[of(node)]).await.into_iter().next().unwrap()
}

/// The n-th node after an uncordon that kept the mark.
fn uncordoned(number: usize) -> Node {
    Node { unschedulable: false, ..marked(number, WOKEN_AT) }
}

#[tokio::test]
async fn an_instance_in_standby_under_a_node_that_takes_users_counts_once_and_returns() {
    let world = World::new(3);
    world.set_aside(1, "running");
    let nodes = [uncordoned(1), node(2), node(3)];
    let (cloud, view) = world.seen(&nodes).await;
    assert_eq!((places(&view), view.groups[0].target_size), (vec![Ok(USERS); 3], 3));
    // It runs: a request to wake it changes nothing but its place.
    world.fake.fail(Requests::method("ExitStandby"), Fault::Unavailable);
    let answer = rejoin(&cloud, &nodes[0]).await;
    assert!(!matches!(answer, None | Some(GroupAnswer::Done | GroupAnswer::AlreadySo)), "{answer:?}");
    assert_eq!((world.both(1).0.as_str(), world.size().0), ("Standby", 2));
    world.fake.behave();
    assert_eq!(rejoin(&cloud, &nodes[0]).await, Some(GroupAnswer::Done));
    world.settle();
    assert_eq!((world.both(1), world.size()), (("InService".to_owned(), "running"), (3, 3)));
    // The proof.
    let (cloud, view) = world.seen(&nodes).await;
    assert_eq!((view.groups[0].target_size, rejoin(&cloud, &nodes[0]).await), (3, None));
    assert_eq!(world.done(1), ["in service"]);
}

/// It is neither done nor left for good: a later run asks again.
#[tokio::test]
async fn a_machine_that_does_not_run_yet_is_unfinished() {
    for (lifecycle, power, why) in [
        ("Standby", "pending", "its machine still starts"),
        ("Standby", "stopped", "its machine does not run"),
        ("Standby", "stopping", "its machine does not run"),
        ("EnteringStandby", "running", "it still enters standby"),
    ] {
        let world = World::new(3);
        world.set_aside(1, power);
        world.fake.edit(USERS, |group| lifecycle.clone_into(&mut group.instances[0].lifecycle));
        for first in [marked(1, WOKEN_AT), uncordoned(1)] {
            let (cloud, _) = world.seen(&[first.clone(), node(2), node(3)]).await;
            let answer = rejoin(&cloud, &first).await.unwrap();
            assert_eq!(told(&answer), ("busy", why), "{lifecycle}, {power}");
        }
        assert_eq!(world.count("ExitStandby"), 0);
    }
}

/// An instance whose place is not known may be in standby by this program: the mark must stay.
#[tokio::test]
async fn an_instance_in_standby_that_was_not_proven_is_no_instance_in_service() {
    let world = World::new(3);
    world.set_aside(1, "running");
    let odd = |number: usize| Node { annotations: uncordoned(1).annotations, ..node_in(number, OTHER) };
    let (cloud, view) = world.seen(&[odd(1), odd(2), node(3)]).await;
    assert!(places(&view)[0].is_err() && places(&view)[1].is_err(), "{:?}", places(&view));
    let answer = rejoin(&cloud, &odd(1)).await.unwrap();
    assert_eq!(told(&answer).0, "refused", "{answer:?}");
    assert_eq!(rejoin(&cloud, &odd(2)).await, None, "it is in service");
    assert_eq!(world.count("ExitStandby"), 0);
}

/// Only a parking that has begun has lowered the size for its node. A woken one is about to raise it again.
#[tokio::test]
async fn min_size_holds_while_a_node_of_the_group_is_being_woken() {
    for (first, is_kept) in
        [(marked(1, WOKEN_AT), true), (uncordoned(1), true), (node(1), true), (marked(1, PARKED_AT), false)]
    {
        let world = World::new(3);
        world.set_aside(1, "running");
        world.fake.edit(USERS, |group| group.min = 2);
        let (cloud, view) = world.parking(&[first, node(2), node(3)]).await;
        let why = view.groups[0].not_parkable.as_deref();
        assert_eq!(why.is_some_and(|why| why.starts_with("kept by MinSize")), is_kept, "{why:?}");
        // Nor is another one parked in the same run.
        let answer = cloud.park(&these(&[2])).await.into_iter().next().unwrap();
        assert_eq!((told(&answer).0, world.done(2), world.size().0), ("refused", vec![], 2), "{answer:?}");
    }
}

/// Its machine had no room at an earlier start, which EC2 still shows after this one.
async fn woken_after_a_failed_start(stale_reads: u32) -> (World, GroupAnswer) {
    let world = World::new(3);
    world.set_aside(1, "stopped");
    world.fake.edit(USERS, |group| {
        let words = "Insufficient capacity to satisfy instance request".to_owned();
        group.instances[0].reason = Some(("Server.InsufficientInstanceCapacity", words));
    });
    world.fake.set_stale_reads(stale_reads);
    let (cloud, _) = world.seen(&[marked(1, PARKED_AT), node(2), node(3)]).await;
    let answer = cloud.wake(&these(&[1])).await.into_iter().next().unwrap();
    (world, answer)
}

#[tokio::test]
async fn reads_from_before_a_start_do_not_count_as_its_end() {
    for stale_reads in 0..=3 {
        let (world, answer) = woken_after_a_failed_start(stale_reads).await;
        assert_eq!(answer, GroupAnswer::Done, "{stale_reads}");
        world.settle();
        assert_eq!((world.both(1), world.size()), (("InService".to_owned(), "running"), (3, 3)));
        assert_eq!(world.done(1), ["start", "in service"], "{stale_reads}");
    }
}

#[tokio::test]
async fn a_stop_that_reads_show_late_is_asked_for_once() {
    for stale_reads in 1..=2 {
        let world = World::new(3);
        world.fake.set_stale_reads(stale_reads);
        let (cloud, _) = world.parking(&world.nodes()).await;
        let answer = cloud.park(&these(&[1])).await.into_iter().next().unwrap();
        // The read after the request may still show that it runs: then the answer must not say that nothing happened.
        assert!(matches!(told(&answer).0, "done" | "in doubt"), "{answer:?}");
        let nodes = [marked(1, PARKED_AT), node(2), node(3)];
        let (next, _) = world.parking(&nodes).await;
        let again = next.park(&these(&[1])).await.into_iter().next().unwrap();
        assert!(matches!(again, GroupAnswer::Done | GroupAnswer::AlreadySo), "{again:?}");
        world.settle();
        assert_eq!((world.both(1), world.size()), (("Standby".to_owned(), "stopped"), (2, 2)));
        assert_eq!(world.done(1), ["standby", "stop"], "{stale_reads}");
    }
}

/// EC2 accepts the start, and finds only then that it has no machine.
#[tokio::test]
async fn a_start_that_fails_late_for_want_of_room_is_told_and_the_instance_stays_parked() {
    let at_once = Duration::ZERO;
    for stale_reads in 0..=2 {
        let world = World::new(3);
        world.set_aside(1, "stopped");
        world.fake.set_room(super::world::ZONE, Some(0));
        world.fake.set_refuses_late(true);
        world.fake.set_stale_reads(stale_reads);
        world.fake.set_timing(Timing { power: at_once, ..Timing::slow_and_at_once(at_once) });
        let (cloud, _) = world.seen(&[marked(1, PARKED_AT), node(2), node(3)]).await;
        let answer = cloud.wake(&these(&[1])).await.into_iter().next().unwrap();
        assert_eq!(told(&answer).0, "exhausted", "{stale_reads}: {answer:?}");
        assert!(told(&answer).1.contains("Server.InsufficientInstanceCapacity"), "{answer:?}");
        assert_eq!((world.both(1), world.size().0), (("Standby".to_owned(), "stopped"), 2));
        assert_eq!(world.done(1), ["start"]);
    }
}

/// A user may be on the node: unlike a waking that fails, this one stops nothing.
#[tokio::test]
async fn a_group_at_max_size_takes_none_back_and_its_machine_runs_on() {
    let world = World::new(3);
    world.set_aside(1, "running");
    world.fake.edit(USERS, |group| group.max = 2);
    let nodes = [uncordoned(1), node(2), node(3)];
    let (cloud, _) = world.seen(&nodes).await;
    let answer = rejoin(&cloud, &nodes[0]).await.unwrap();
    assert_eq!(told(&answer).0, "refused", "{answer:?}");
    assert!(told(&answer).1.contains("its MaxSize is 2"), "{answer:?}");
    assert_eq!((world.both(1), world.done(1)), (("Standby".to_owned(), "running"), vec![]));
    world.fake.edit(USERS, |group| group.max = 3);
    let (cloud, _) = world.seen(&nodes).await;
    assert_eq!(rejoin(&cloud, &nodes[0]).await, Some(GroupAnswer::Done));
}
