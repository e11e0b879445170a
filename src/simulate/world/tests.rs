//! The simulated cluster, step by step. A user who asks for half of a node gets half of what its daemons leave.

mod pools;

use super::*;
use crate::cluster::Cluster;
use crate::machine::Machine;
use crate::scenario::Scheduler;
use kube_rebalancer_core::model::{Bytes, Millicores, Taint, TaintEffect};

const MACHINE: Machine = Machine::new(Bytes(8 << 30), 4);

fn scenario(scheduler: Scheduler) -> Scenario {
    Scenario {
        sessions: Vec::new(),
        start: crate::users::MONDAY,
        length: 86_400,
        cluster: Cluster::uniform(MACHINE),
        people: Vec::new(),
        scheduler,
        boot_time: 120,
        wake_time: 240,
        image_pull: 60,
        interval: 300,
        seed: 1,
    }
}

/// Lets a user arrive who requests `parts` hundredths of an empty node and works for `seconds`.
fn come(world: &mut World<'_>, id: UserId, parts: u64, seconds: u64) {
    let memory = Bytes(MACHINE.room().memory.0 * parts / 100);
    let session =
        Session { start: world.now, end: world.now + seconds, memory, cpu: Millicores(100), kind: 0 };
    world.arrive(id, &session);
}

fn pass(world: &mut World<'_>, to: u64) {
    while let Some(next) = world.next_event().filter(|next| *next <= to) {
        world.advance(next);
        world.settle();
    }
    world.advance(to);
}

fn users(world: &World<'_>) -> Vec<usize> {
    world.nodes().iter().map(|node| node.users).collect()
}

#[test]
fn spread_fills_the_emptiest_node_and_pack_the_fullest_that_takes_a_pod() {
    for (scheduler, expected) in [(Scheduler::Spread, [1, 2]), (Scheduler::Pack, [2, 1])] {
        let scenario = scenario(scheduler);
        let mut world = World::new(&scenario, 2, "user");
        // The hub is on the first node: fuller by 1 Gi. Two of 40 % fit beside it, a third does not.
        for id in 0..3 {
            come(&mut world, id, 40, 1000);
        }
        assert_eq!(users(&world), expected, "{scheduler:?}");
        assert!(world.tally.waits.is_empty());
    }
}

#[test]
fn a_user_without_room_waits_and_then_stays_for_the_intended_time() {
    let scenario = scenario(Scheduler::Spread);
    let mut world = World::new(&scenario, 1, "user");
    come(&mut world, 0, 60, 1000);
    world.advance(400);
    come(&mut world, 1, 60, 500);
    assert_eq!((users(&world), world.waiting().count()), (vec![1], 1));
    pass(&mut world, 1000);
    assert_eq!((users(&world), world.waiting().count()), (vec![1], 0));
    // From 400 until 1000; the image was there.
    assert_eq!(world.tally.waits, [600]);
    pass(&mut world, 1499);
    assert_eq!(users(&world), [1]);
    pass(&mut world, 1500);
    assert_eq!(users(&world), [0]);
}

#[test]
fn those_who_wait_are_served_in_the_order_in_which_they_asked_if_they_fit() {
    let scenario = scenario(Scheduler::Spread);
    let mut world = World::new(&scenario, 1, "user");
    come(&mut world, 0, 80, 100);
    come(&mut world, 1, 70, 100);
    come(&mut world, 2, 60, 100);
    come(&mut world, 3, 10, 1000);
    assert_eq!((users(&world), world.waiting().count()), (vec![1], 3), "the hub takes more than 10 %");
    pass(&mut world, 100);
    // The first of them and the small one; the second does not fit beside the first.
    assert_eq!((users(&world), world.waiting().count()), (vec![2], 1));
}

#[test]
fn a_node_that_boots_takes_nobody_until_it_is_ready_and_its_first_user_waits_for_the_image() {
    let scenario = scenario(Scheduler::Spread);
    let mut world = World::new(&scenario, 1, "user");
    come(&mut world, 0, 80, 10_000);
    world.advance(10);
    come(&mut world, 1, 80, 100);
    world.create(0, 1);
    pass(&mut world, 129);
    assert_eq!(users(&world), [1, 0]);
    pass(&mut world, 130);
    assert_eq!(users(&world), [1, 1]);
    // 120 s for the node, 60 s for the image.
    assert_eq!(world.tally.waits, [180]);
    come(&mut world, 2, 10, 100);
    // A user who arrives while the image is pulled waits for it too, but not for a node.
    assert_eq!(world.tally.waits, [180]);
    pass(&mut world, 289);
    assert_eq!(users(&world), [1, 2]);
    pass(&mut world, 290);
    assert_eq!(users(&world), [1, 0]);
}

#[test]
fn a_cordoned_node_takes_nobody_until_it_is_uncordoned() {
    let scenario = scenario(Scheduler::Spread);
    let mut world = World::new(&scenario, 2, "user");
    let second = world.nodes()[1].id;
    world.set_cordoned(second, true);
    come(&mut world, 0, 80, 1000);
    come(&mut world, 1, 80, 1000);
    assert_eq!(users(&world), [1, 0]);
    world.set_cordoned(second, true);
    world.set_cordoned(second, false);
    assert_eq!(users(&world), [1, 1]);
    assert_eq!((world.tally.cordons, world.tally.uncordons), (1, 1), "a cordon on a cordon is none");
    assert_eq!(world.broken, None);
}

#[test]
fn a_claimed_node_takes_nobody_though_somebody_uncordons_it_until_the_claim_is_dropped() {
    let scenario = scenario(Scheduler::Spread);
    let mut world = World::new(&scenario, 2, "user");
    let second = world.nodes()[1].id;
    let claim = Taint {
        key: "kube-rebalancer/deleting".to_owned(),
        value: String::new(),
        effect: TaintEffect::NoSchedule,
        added_at: None,
    };
    world.set_cordoned(second, true);
    let cordon = world.nodes()[1].node.taints.clone();
    assert_eq!(cordon.len(), 1, "the control plane adds the taint of a cordon");
    assert_eq!(cordon[0].added_at, Some(scenario.start));
    world.set_taints(second, &[cordon, vec![claim.clone()]].concat());
    world.set_cordoned(second, false);
    assert_eq!(world.nodes()[1].node.taints, [claim], "and takes its own away");
    come(&mut world, 0, 80, 1000);
    come(&mut world, 1, 80, 1000);
    assert_eq!(users(&world), [1, 0]);
    world.set_taints(second, &[]);
    assert_eq!(users(&world), [1, 1]);
}

#[test]
fn taking_a_node_from_somebody_is_noticed_and_they_start_again() {
    let scenario = scenario(Scheduler::Pack);
    let mut world = World::new(&scenario, 2, "user");
    come(&mut world, 0, 90, 1000);
    assert_eq!(users(&world), [0, 1]);
    let second = world.nodes()[1].id;
    world.set_cordoned(second, true);
    world.advance(300);
    world.delete(second);
    assert!(matches!(world.broken, Some(BrokenPromise::DeletedUnderUsers { users: 1, .. })));
    assert_eq!((world.tally.lost, world.waiting().count()), (1, 1));
    world.create(0, 1);
    pass(&mut world, 420 + 60 + 699);
    assert_eq!(users(&world), [0, 1], "700 of the 1000 s were left");
    pass(&mut world, 420 + 60 + 700);
    assert_eq!(users(&world), [0, 0]);
    assert_eq!(world.tally.users, 1, "nobody is counted twice");
}

#[test]
fn every_other_broken_promise_is_noticed_too() {
    let scenario = scenario(Scheduler::Spread);
    let ids = |world: &World<'_>| (world.nodes()[0].id, world.nodes()[1].id);
    let mut world = World::new(&scenario, 2, "user");
    let (first, second) = ids(&world);
    world.delete(second);
    assert!(matches!(world.broken, Some(BrokenPromise::DeletedSchedulable { .. })));
    let mut world = World::new(&scenario, 2, "user");
    world.set_cordoned(first, true);
    assert!(matches!(world.broken, Some(BrokenPromise::CordonedCritical { .. })));
    let mut world = World::new(&scenario, 2, "user");
    world.delete(first);
    assert!(matches!(world.broken, Some(BrokenPromise::DeletedCritical { .. })));
}

#[test]
fn the_integrals_are_those_of_a_small_day() {
    let scenario = scenario(Scheduler::Spread);
    let mut world = World::new(&scenario, 2, "user");
    let second = world.nodes()[1].id;
    come(&mut world, 0, 50, 1000);
    pass(&mut world, 600);
    world.set_cordoned(second, true);
    pass(&mut world, 1600);
    let node = u128::from(MACHINE.offered().memory.0);
    let user = u128::from(MACHINE.room().memory.0 * 50 / 100);
    assert_eq!(world.tally.node_seconds, 2 * 1600);
    assert_eq!(world.tally.offered[0], 2 * 600 * node + 1000 * node);
    assert_eq!(world.tally.requested[0], 1000 * user + 1600 * u128::from(HUB.memory.0));
    assert_eq!(world.tally.peak, 2);
}

#[test]
fn a_group_that_is_set_to_fewer_loses_what_has_not_booted_and_nothing_else() {
    let scenario = scenario(Scheduler::Spread);
    let mut world = World::new(&scenario, 2, "user");
    world.create(0, 3);
    world.resize(0, 4);
    assert_eq!(world.nodes().len(), 4);
    world.resize(0, 1);
    assert_eq!(users(&world), [0, 0]);
}

#[test]
fn what_a_run_observes_is_what_there_is() {
    let scenario = scenario(Scheduler::Pack);
    let mut world = World::new(&scenario, 2, "team/user");
    come(&mut world, 7, 80, 1000);
    come(&mut world, 8, 80, 1000);
    come(&mut world, 9, 80, 1000);
    world.create(0, 1);
    let snapshot = world.snapshot().unwrap();
    let pods: Vec<_> = snapshot.pods().iter().map(|pod| (pod.full_name(), pod.node_name.is_some())).collect();
    let expected = [
        ("hub/hub", true),
        ("hub/user-00000007", true),
        ("hub/user-00000008", true),
        ("hub/user-00000009", false),
        ("kube-system/daemon-node-000001", true),
        ("kube-system/daemon-node-000002", true),
    ];
    assert_eq!(pods, expected.map(|(name, bound)| (name.to_owned(), bound)));
    assert_eq!(*snapshot.pods()[1].label_keys, [std::sync::Arc::from("team/user")]);
    assert_eq!(snapshot.nodes().len(), 2, "an instance that boots has no node yet");
    let group = &snapshot.groups()[0];
    assert_eq!((group.target_size, group.instances.len()), (3, 3));
    assert_eq!(group.instances.iter().filter(|instance| instance.has_node).count(), 2);
}
