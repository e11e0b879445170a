//! Two traps of Auto Scaling for a cloud that parks: its health checks, and what it does without the decrement.

use std::sync::{Arc, Mutex};

use fake_asg::{Moment, Requests};
use kube_rebalancer_core::model::annotation::PARKED_AT;
use kube_rebalancer_ports::{GroupAnswer, Provider};

use super::world::{USERS, World, marked, node, these, told};

/// A health check terminates and replaces a member in service whose machine does not run. The group is read at each request.
#[tokio::test]
async fn health_a_member_in_service_is_never_stopped_and_returns_only_when_it_runs() {
    let world = World::new(3);
    let at_requests: Arc<Mutex<Vec<(String, &str)>>> = Arc::default();
    for method in ["StopInstances", "ExitStandby"] {
        let (fake, seen) = (Arc::clone(&world.fake), Arc::clone(&at_requests));
        world.fake.on(Requests::method(method), Moment::Before, move |call| {
            if call.parameter("DryRun").is_none() {
                let one = fake.group(USERS).unwrap().instances.swap_remove(0);
                seen.lock().unwrap().push((one.lifecycle, one.power));
            }
        });
    }
    let (cloud, _) = world.parking(&world.nodes()).await;
    assert_eq!(cloud.park(&these(&[1])).await, [GroupAnswer::Done]);
    world.settle();
    let (cloud, _) = world.seen(&[marked(1, PARKED_AT), node(2), node(3)]).await;
    assert_eq!(cloud.wake(&these(&[1])).await, [GroupAnswer::Done]);
    world.settle();
    let standby = || "Standby".to_owned();
    assert_eq!(*at_requests.lock().unwrap(), [(standby(), "running"), (standby(), "running")]);
    assert!(world.fake.group(USERS).unwrap().instances.iter().all(|one| one.goes_by.is_none()));
    // So the service treats one that somebody stops in service.
    world.fake.edit(USERS, |group| group.instances[1].power = "stopped");
    world.settle();
    assert_eq!(world.state(2), "gone");
}

/// `EnterStandby` takes at most twenty instances, and without the decrement the group launches others.
#[tokio::test]
async fn standby_with_the_decrement_in_small_requests_and_down_to_min_size() {
    let world = World::new(24);
    world.fake.edit(USERS, |group| (group.min, group.max) = (2, 30));
    let (cloud, _) = world.parking(&world.nodes()).await;
    let all: Vec<usize> = (1..=24).collect();
    let answers = cloud.park(&these(&all)).await;
    let parked = answers.iter().filter(|answer| **answer == GroupAnswer::Done).count();
    let kept = answers.iter().filter(|answer| told(answer).1.contains("kept by MinSize")).count();
    assert_eq!((parked, kept), (22, 2), "{answers:?}");
    let calls = world.fake.calls();
    for call in calls.iter().filter(|call| call.method == "EnterStandby") {
        assert_eq!(call.parameter("ShouldDecrementDesiredCapacity"), Some("true"));
        assert!((1..=20).contains(&call.list("InstanceIds").len()), "{call:?}");
    }
    world.settle();
    assert_eq!((world.size(), world.fake.group(USERS).unwrap().instances.len()), ((2, 2), 24));
}
