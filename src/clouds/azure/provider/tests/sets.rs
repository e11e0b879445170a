//! Growing, deleting, parking and waking in a scale set.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fake_azure::{Fault, Moment, Requests};
use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{Clock, GroupAnswer, Provider, SharedClock};

use super::world::{GROUP, SET, World, of, snapshot, told};
use crate::provider::Azure;

#[tokio::test]
async fn a_scale_set_grows_by_what_is_missing() {
    let world = World::new(3);
    let cloud = world.cloud().await;
    assert_eq!(cloud.grow(GROUP, 3, 5).await, GroupAnswer::Done);
    assert_eq!(world.set().capacity, 5);
    assert_eq!(cloud.grow(GROUP, 3, 5).await, GroupAnswer::AlreadySo);
    let patches: Vec<_> =
        world.fake.calls().into_iter().filter(|call| call.method == "compute.patch").collect();
    assert_eq!(patches.len(), 1);
    assert_eq!(patches[0].body, serde_json::json!({"sku": {"capacity": 5}}));
    let (_, view) = world.seen(&world.nodes()[..3]).await;
    let coming: Vec<&str> =
        view.groups[0].instances.iter().filter(|one| !one.has_node).map(|one| &*one.name).collect();
    assert_eq!(coming, ["users_3", "users_4"]);
    assert_eq!(view.groups[0].target_size, 5);
}

#[tokio::test]
async fn named_instances_are_deleted_and_the_capacity_falls_with_them() {
    let world = World::new(5);
    let cloud = world.cloud().await;
    assert_eq!(cloud.delete(&world.these(&[3, 1])).await, [GroupAnswer::Done, GroupAnswer::Done]);
    assert_eq!((world.set().capacity, world.touched()), (3, vec![1, 3]));
    assert_eq!(cloud.delete(&world.these(&[3])).await, [GroupAnswer::AlreadySo]);
    world.settle();
    assert_eq!(cloud.delete(&world.these(&[3])).await, [GroupAnswer::AlreadySo]);
    let deletes: Vec<_> =
        world.fake.calls().into_iter().filter(|call| call.method == "compute.delete").collect();
    assert_eq!(deletes.len(), 1);
    assert_eq!(deletes[0].body, serde_json::json!({"instanceIds": ["3", "1"]}));
    assert_eq!(deletes[0].parameter("forceDeletion"), None);
}

#[tokio::test]
async fn an_instance_is_deallocated_and_comes_back() {
    let world = World::new(3);
    let cloud = world.cloud().await;
    assert_eq!(cloud.park(&world.these(&[0, 2])).await, [GroupAnswer::Done, GroupAnswer::Done]);
    assert_eq!(cloud.park(&world.these(&[2])).await, [GroupAnswer::AlreadySo]);
    world.settle();
    assert_eq!(world.set().machines[&2].power, Some("deallocated"));
    assert_eq!(world.group().await.instances.len(), 3);
    assert_eq!(cloud.wake(&world.these(&[2, 1])).await, [GroupAnswer::Done, GroupAnswer::AlreadySo]);
    world.settle();
    assert_eq!(world.set().machines[&2].power, Some("running"));
    assert_eq!((world.done(2), world.done(1)), (vec!["deallocate", "start"], vec![]));
    assert_eq!(world.set().capacity, 3);
}

#[tokio::test]
async fn no_room_is_told_in_azures_words() {
    let world = World::new(2);
    let cloud = world.cloud().await;
    assert_eq!(cloud.park(&world.these(&[0])).await, [GroupAnswer::Done]);
    world.settle();
    world.fake.set_room(false);
    world.at_once();
    let answers = cloud.wake(&world.these(&[0])).await;
    let (variant, words) = told(&answers[0]);
    assert_eq!(variant, "exhausted");
    assert!(words.starts_with("instance hub-rg/users/0: AllocationFailed: Allocation failed."), "{words}");
    // The failure of that try is still in the view: it does not tell of the next one.
    world.fake.set_room(true);
    assert_eq!(cloud.wake(&world.these(&[0])).await, [GroupAnswer::Done]);

    world.fake.set_room(false);
    assert_eq!(cloud.grow(GROUP, 2, 3).await, GroupAnswer::Done);
    let (_, view) = world.seen(&world.nodes()[..2]).await;
    let failed = view.groups[0].instances.iter().find_map(|one| one.creation_error.as_deref()).unwrap();
    assert!(failed.starts_with("AllocationFailed: Allocation failed."), "{failed}");
    world.fake.set_quota(Some(3));
    let (variant, words) = (cloud.grow(GROUP, 3, 4).await, "exceeding approved Total Regional Cores quota");
    assert!(matches!(&variant, GroupAnswer::Quota(told) if told.contains(words)), "{variant:?}");
}

#[tokio::test]
async fn a_growth_that_nobody_answers_is_looked_up() {
    for (fault, expected) in [
        (Fault::Reset(Moment::After), "done"),
        (Fault::BadGateway(Moment::After), "done"),
        (Fault::Reset(Moment::Before), "in doubt"),
        (Fault::InternalError, "in doubt"),
        (Fault::Forbidden, "forbidden"),
        (Fault::Conflict, "busy"),
    ] {
        let world = World::new(3);
        let cloud = world.cloud().await;
        world.fake.fail(Requests::method("compute.patch"), fault.clone());
        assert_eq!(told(&cloud.grow(GROUP, 3, 5).await).0, expected, "{fault:?}");
        assert_eq!(world.count("compute.patch"), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_busy_azure_is_asked_again_after_the_pause_that_it_wants() {
    let world = World::new(3);
    let cloud = world.cloud().await;
    let busy = Fault::TooManyRequests { retry_after_seconds: 0 };
    world.fake.fail(Requests::method("compute.patch").nth(1), busy);
    assert_eq!(cloud.grow(GROUP, 3, 5).await, GroupAnswer::Done);
    assert_eq!((world.count("compute.patch"), world.set().capacity), (2, 5));
}

#[tokio::test]
async fn only_what_was_proven_is_touched() {
    let world = World::new(2);
    let (cloud, _) = world.seen(&[world.node(0)]).await;
    let refused = || GroupAnswer::Refused("its instance was not listed in any node group".to_owned());
    assert_eq!(cloud.park(&world.these(&[1])).await, [refused()]);
    let mut other = of(&world.node(0));
    other.provider_id = Some(world.set().provider_id(1));
    assert_eq!(cloud.delete(&[other]).await, [refused()]);
    assert!(world.touched().is_empty());
    // Created again under its ID.
    world.fake.edit(SET, |set| set.machines.get_mut(&0).unwrap().unique = "another".to_owned());
    let answers = [cloud.delete(&world.these(&[0])).await, cloud.park(&world.these(&[0])).await].concat();
    assert!(answers.iter().all(|answer| told(answer).0 == "conflict"), "{answers:?}");
    assert!(world.touched().is_empty());
}

#[tokio::test]
async fn an_instance_that_never_became_a_node_is_deleted_by_its_name() {
    let world = World::new(3);
    let nodes = [world.node(0), world.node(1)];
    let (cloud, view) = world.seen(&nodes).await;
    let lost: Vec<&str> =
        view.groups[0].instances.iter().filter(|one| one.surely_no_node).map(|one| &*one.name).collect();
    assert_eq!(lost, ["users_2"]);
    let became_one = cloud.delete_instance(GROUP, "users_2", &world.nodes()).await;
    assert_eq!(told(&became_one).0, "conflict");
    assert_eq!(cloud.delete_instance(GROUP, "users_2", &nodes).await, GroupAnswer::Done);
    assert_eq!(told(&cloud.delete_instance(GROUP, "users_1", &nodes).await).0, "refused");
    assert_eq!(world.touched(), [2]);
}

/// A clock that a test moves to the end of the run.
#[derive(Debug)]
struct Ending(AtomicBool);

impl Clock for Ending {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn left(&self) -> SignedDuration {
        if self.0.load(Ordering::SeqCst) { SignedDuration::ZERO } else { SignedDuration::from_mins(1) }
    }
}

#[tokio::test]
async fn a_long_operation_is_bounded_by_the_time_of_the_run_and_the_next_run_looks_again() {
    let world = World::new(2);
    let clock = Arc::new(Ending(AtomicBool::new(false)));
    world.cloud().await;
    let shared: SharedClock = Arc::<Ending>::clone(&clock);
    let mut cloud = Azure::connect(world.scope.clone(), shared, world.pace).await.unwrap();
    cloud.list(&snapshot(&world.nodes()), &Policy::default()).await.unwrap();
    // The time ends during the request: its result is read all the same.
    let ending = Arc::clone(&clock);
    world.fake.on(Requests::method("compute.deallocate"), Moment::Before, move |_| {
        ending.0.store(true, Ordering::SeqCst);
    });
    assert_eq!(cloud.park(&world.these(&[1])).await, [GroupAnswer::Done]);
    world.fake.forget_calls();
    for answers in [
        cloud.park(&world.these(&[0])).await,
        cloud.wake(&world.these(&[1])).await,
        cloud.delete(&world.these(&[0])).await,
        vec![cloud.grow(GROUP, 2, 3).await],
    ] {
        assert!(matches!(told(&answers[0]).0, "busy" | "failed"), "{answers:?}");
    }
    assert!(world.fake.calls().is_empty(), "{:?}", world.fake.calls());
    // The next run sees that the instance is parked.
    assert_eq!(world.cloud().await.park(&world.these(&[1])).await, [GroupAnswer::AlreadySo]);
}
