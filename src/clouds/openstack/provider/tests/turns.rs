//! Parking, waking and deleting, with the states and traps of Nova.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fake_openstack::{Fault, Moment, Requests, Status, Timing};
use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{Clock, GroupAnswer, ParkBy, Provider, SharedClock};

use super::world::{World, id, node, of, snapshot, these, told};
use crate::provider::OpenStack;
use crate::provider::listing::NOT_GROWABLE;

#[tokio::test]
async fn a_server_is_shelved_and_comes_back() {
    let world = World::new(2);
    let cloud = world.cloud().await;
    assert_eq!(cloud.park(&these(&[1])).await, [GroupAnswer::Done]);
    assert_eq!(world.state(1), ("ACTIVE", Some("shelving")));
    // On its way there, and there.
    assert_eq!(cloud.park(&these(&[1])).await, [GroupAnswer::AlreadySo]);
    let answers = cloud.wake(&these(&[1])).await;
    assert_eq!(told(&answers[0]).0, "busy", "{answers:?}");
    world.settle();
    assert_eq!(world.state(1), ("SHELVED_OFFLOADED", None));
    assert_eq!(cloud.park(&these(&[1])).await, [GroupAnswer::AlreadySo]);
    assert_eq!(cloud.wake(&these(&[1, 2])).await, [GroupAnswer::Done, GroupAnswer::AlreadySo]);
    assert_eq!(world.state(1), ("SHELVED_OFFLOADED", Some("spawning")));
    assert_eq!(cloud.wake(&these(&[1])).await, [GroupAnswer::AlreadySo]);
    world.settle();
    assert_eq!(world.state(1), ("ACTIVE", None));
    assert_eq!((world.done(1), world.done(2)), (vec!["shelve", "unshelve"], vec![]));
}

#[tokio::test]
async fn a_server_is_stopped_and_started() {
    let world = World::new(1).parking_by(ParkBy::Stop);
    let cloud = world.cloud().await;
    assert_eq!(cloud.park(&these(&[1])).await, [GroupAnswer::Done]);
    world.settle();
    assert_eq!(world.state(1), ("SHUTOFF", None));
    assert_eq!(cloud.park(&these(&[1])).await, [GroupAnswer::AlreadySo]);
    assert_eq!(cloud.wake(&these(&[1])).await, [GroupAnswer::Done]);
    world.settle();
    assert_eq!((world.state(1), world.done(1)), (("ACTIVE", None), vec!["stop", "start"]));
}

#[tokio::test]
async fn what_is_woken_depends_on_how_it_sleeps_and_not_on_the_setting() {
    let world = World::new(2).parking_by(ParkBy::Stop);
    world.fake.edit(&id(1), |server| server.status = Status::Shelved);
    let cloud = world.cloud().await;
    assert_eq!(cloud.wake(&these(&[1])).await, [GroupAnswer::Done]);
    world.settle();
    assert_eq!((world.state(1), world.done(1)), (("ACTIVE", None), vec!["unshelve"]));
    // Stopped, then shelved by a person: it is running after unshelving.
    world.fake.act(&id(2), "os-stop");
    world.settle();
    world.fake.act(&id(2), "shelve");
    world.settle();
    assert_eq!(cloud.wake(&these(&[2])).await, [GroupAnswer::Done]);
    world.settle();
    assert_eq!(world.state(2), ("ACTIVE", None));
}

#[tokio::test]
async fn no_host_with_room_is_told_as_such_though_nova_accepts() {
    let world = World::new(2);
    let cloud = world.cloud().await;
    world.fake.edit(&id(1), |server| server.status = Status::ShelvedOffloaded);
    world.fake.set_room(false);
    let answers = cloud.wake(&these(&[1])).await;
    let words = "Nova accepted to unshelve server hub-k8s-node-1 and left it SHELVED_OFFLOADED: no host has room for it, \
                 or its image is not to be had";
    assert_eq!(answers, [GroupAnswer::Exhausted(words.to_owned())]);
    assert_eq!(world.state(1), ("SHELVED_OFFLOADED", None));
    world.fake.set_room(true);
    assert_eq!(cloud.wake(&these(&[1])).await, [GroupAnswer::Done]);
}

#[tokio::test]
async fn a_scheduler_that_takes_long_is_not_waited_for_without_end() {
    let mut world = World::new(1);
    world.pace.watching = Duration::from_millis(20);
    world.fake.set_timing(Timing { scheduling: Duration::from_mins(9), ..Timing::default() });
    world.fake.edit(&id(1), |server| server.status = Status::ShelvedOffloaded);
    let cloud = world.cloud().await;
    assert_eq!(cloud.wake(&these(&[1])).await, [GroupAnswer::Done]);
    assert_eq!(world.state(1), ("SHELVED_OFFLOADED", Some("unshelving")));
}

#[tokio::test]
async fn a_locked_server_is_left_alone_with_one_line() {
    let world = World::new(2);
    let cloud = world.cloud().await;
    world.fake.edit(&id(1), |server| server.locked = true);
    world.fake.edit(&id(2), |server| (server.locked, server.status) = (true, Status::Shelved));
    let words = |number: usize| {
        let (id, name) = (id(number), super::world::name(number));
        GroupAnswer::Refused(format!("server {name} is locked; to unlock it: openstack server unlock {id}"))
    };
    assert_eq!(cloud.park(&these(&[1])).await, [words(1)]);
    assert_eq!(cloud.delete(&these(&[1])).await, [words(1)]);
    assert_eq!(cloud.wake(&these(&[2])).await, [words(2)]);
    // Locked between the look and the request.
    world.fake.edit(&id(1), |server| server.locked = false);
    let fake = Arc::clone(&world.fake);
    world.fake.on(Requests::method("compute.shelve"), Moment::Before, move |_| {
        fake.edit(&id(1), |server| server.locked = true);
    });
    let answers = cloud.park(&these(&[1])).await;
    assert_eq!(answers, [GroupAnswer::Refused("server hub-k8s-node-1 is locked".to_owned())]);
    assert!(world.done(1).is_empty() && world.done(2).is_empty());
}

#[tokio::test]
async fn a_shelving_that_breaks_off_stays_so_and_is_not_repeated() {
    let world = World::new(1);
    let cloud = world.cloud().await;
    world.fake.set_images(false);
    let answers = cloud.park(&these(&[1])).await;
    let (variant, words) = told(&answers[0]);
    assert_eq!(variant, "in doubt");
    let told_of = "server hub-k8s-node-1 is ACTIVE with task shelving since; if it stays so, an operator of the cloud has to \
                   reset its state";
    assert!(words.contains("status 500") && words.ends_with(told_of), "{words}");
    world.settle();
    assert_eq!(world.state(1), ("ACTIVE", Some("shelving")));
    assert_eq!(cloud.park(&these(&[1])).await, [GroupAnswer::AlreadySo]);
    let answers = cloud.wake(&these(&[1])).await;
    assert_eq!(told(&answers[0]).0, "busy", "{answers:?}");
    assert_eq!(world.done(1), ["shelve"]);
}

#[tokio::test]
async fn a_refusal_that_leaves_a_task_behind_is_in_doubt() {
    let world = World::new(1);
    let cloud = world.cloud().await;
    // Glance refuses credentials with access rules after Nova has begun.
    let fake = Arc::clone(&world.fake);
    world.fake.on(Requests::method("compute.shelve"), Moment::Before, move |_| {
        fake.edit(&id(1), |server| server.task = Some("shelving"));
    });
    world.fake.fail(Requests::method("compute.shelve"), Fault::Forbidden);
    let answers = cloud.park(&these(&[1])).await;
    let (variant, words) = told(&answers[0]);
    assert_eq!(variant, "in doubt");
    assert!(words.contains("status 403") && words.contains("ACTIVE with task shelving since"), "{words}");
}

#[tokio::test]
async fn a_server_that_left_its_set_since_the_list_is_not_changed() {
    let world = World::new(2);
    let cloud = world.cloud().await;
    world.fake.edit(&id(1), |server| server.name = "keep-1".to_owned());
    world.fake.edit(&id(2), |server| drop(server.metadata.insert("role".to_owned(), "etcd".to_owned())));
    for answers in [cloud.park(&these(&[1, 2])).await, cloud.delete(&these(&[1, 2])).await] {
        let (variants, words): (Vec<_>, Vec<_>) = answers.iter().map(told).unzip();
        assert_eq!(variants, ["refused", "refused"]);
        assert!(words[0].starts_with("server keep-1 no longer has a name of node group"), "{words:?}");
        assert!(words[1].contains("is of the control plane"), "{words:?}");
    }
    assert!(world.done(1).is_empty() && world.done(2).is_empty());
}

#[tokio::test]
async fn a_conflict_means_to_look_again() {
    let world = World::new(2);
    let cloud = world.cloud().await;
    for number in [1, 2] {
        let fake = Arc::clone(&world.fake);
        world.fake.on(Requests::method("compute.shelve").of(&id(number)), Moment::Before, move |_| {
            // A person shelves the one and restarts the other at the same moment.
            if number == 1 {
                fake.act(&id(1), "shelve");
            } else {
                fake.edit(&id(2), |server| server.task = Some("rebooting"));
            }
        });
    }
    let answers = cloud.park(&these(&[1, 2])).await;
    assert_eq!(answers[0], GroupAnswer::Done);
    let (variant, words) = told(&answers[1]);
    assert_eq!(variant, "busy");
    assert!(
        words.contains("Cannot 'shelve' instance") && words.ends_with("it is ACTIVE with task rebooting now"),
        "{words}"
    );
}

#[tokio::test]
async fn servers_in_odd_states_are_left_to_people() {
    let world = World::new(4);
    let cloud = world.cloud().await;
    world.fake.edit(&id(1), |server| server.status = Status::Error);
    world.fake.edit(&id(2), |server| server.status = Status::Paused);
    world.fake.lose(&id(3));
    let answers = cloud.park(&these(&[1, 3])).await;
    assert_eq!(answers.iter().map(|one| told(one).0).collect::<Vec<_>>(), ["refused", "conflict"]);
    let answers = cloud.wake(&these(&[1, 2, 3])).await;
    assert_eq!(answers.iter().map(|one| told(one).0).collect::<Vec<_>>(), ["refused", "refused", "conflict"]);
    assert_eq!(cloud.delete(&these(&[3])).await, [GroupAnswer::AlreadySo]);
    // One that failed may be deleted.
    assert_eq!(cloud.delete(&these(&[1])).await, [GroupAnswer::Done]);
    assert_eq!(cloud.delete(&these(&[1])).await, [GroupAnswer::AlreadySo]);
    let answers = cloud.park(&these(&[1])).await;
    assert_eq!(told(&answers[0]).0, "conflict", "{answers:?}");
    world.settle();
    assert_eq!(cloud.delete(&these(&[1])).await, [GroupAnswer::AlreadySo]);
}

#[tokio::test]
async fn many_change_at_once_and_each_has_its_own_answer() {
    let world = World::new(30);
    let cloud = world.cloud().await;
    world.fake.edit(&id(7), |server| server.locked = true);
    world.fake.fail(Requests::method("compute.shelve").of(&id(9)), Fault::Forbidden);
    let numbers: Vec<usize> = (1..=30).rev().collect();
    let answers = cloud.park(&these(&numbers)).await;
    for (number, answer) in numbers.iter().zip(&answers) {
        let expected = match number {
            7 => "refused",
            9 => "forbidden",
            _ => "done",
        };
        assert_eq!(told(answer).0, expected, "{number}: {answer:?}");
    }
}

#[tokio::test]
async fn only_what_was_proven_is_touched() {
    let world = World::new(2);
    let (cloud, _) = world.seen(&[node(1)]).await;
    let refused =
        || GroupAnswer::Refused("its server was not listed in any set that NODE_GROUPS names".to_owned());
    assert_eq!(cloud.park(&these(&[2])).await, [refused()]);
    // Another provider ID under the name that was proven.
    let mut other = of(&node(1));
    other.provider_id = Some(format!("openstack:///{}", id(2)));
    assert_eq!(cloud.delete(&[other.clone()]).await, [refused()]);
    other.provider_id = None;
    assert_eq!(cloud.delete(&[other]).await, [refused()]);
    assert!(world.done(1).is_empty() && world.done(2).is_empty());
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
async fn after_run_timeout_nothing_is_requested_and_a_last_look_is_taken() {
    let world = World::new(2);
    let clock = Arc::new(Ending(AtomicBool::new(false)));
    world.cloud().await;
    let shared: SharedClock = Arc::<Ending>::clone(&clock);
    let mut cloud = OpenStack::connect(world.scope.clone(), shared, world.pace).await.unwrap();
    cloud.list(&snapshot(&[node(1), node(2)]), &Policy::default()).await.unwrap();
    // The time ends during the request: its result is read all the same.
    let ending = Arc::clone(&clock);
    world.fake.on(Requests::method("compute.shelve"), Moment::Before, move |_| {
        ending.0.store(true, Ordering::SeqCst);
    });
    assert_eq!(cloud.park(&these(&[1])).await, [GroupAnswer::Done]);
    world.fake.forget_calls();
    for answers in
        [cloud.park(&these(&[2])).await, cloud.wake(&these(&[1])).await, cloud.delete(&these(&[2])).await]
    {
        assert!(matches!(told(&answers[0]).0, "busy" | "failed"), "{answers:?}");
    }
    assert!(world.fake.calls().is_empty(), "{:?}", world.fake.calls());
    let grown = cloud.grow("hub-k8s-node-", 2, 3).await;
    assert_eq!(grown, GroupAnswer::Refused(NOT_GROWABLE.to_owned()));
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_is_renewed_once() {
    let world = World::new(1);
    let cloud = world.cloud().await;
    world.fake.revoke_tokens();
    assert_eq!(cloud.park(&these(&[1])).await, [GroupAnswer::Done]);
    let tokens = world.fake.calls().iter().filter(|call| call.method == "identity.token").count();
    assert_eq!(tokens, 2);
}
