//! Each rule on clusters small enough to count by hand. A user who asks for parts of a node gets that share of what its
//! daemons leave.

use kube_rebalancer_core::model::{Bytes, Millicores};
use kube_rebalancer_core::policy::{AdoptCordons, Bounds, Policy};

use super::*;
use crate::cluster::Cluster;
use crate::machine::{HUB, Machine};
use crate::scenario::{Scenario, Scheduler};
use crate::session::Session;
use crate::world::SimulatedNode;

const MACHINE: Machine = Machine::new(Bytes(8 << 30), 4);

fn scenario() -> Scenario {
    Scenario {
        sessions: Vec::new(),
        start: crate::users::MONDAY,
        length: 86_400,
        cluster: Cluster::uniform(MACHINE),
        people: Vec::new(),
        scheduler: Scheduler::Pack,
        boot_time: 120,
        wake_time: 240,
        image_pull: 0,
        interval: 300,
        seed: 1,
    }
}

fn policy(min_nodes: usize) -> Policy {
    let preemptible_labels = std::collections::BTreeSet::from(["user".to_owned()]);
    let bounds = Bounds { min_nodes, max_nodes: 6, ..Bounds::default() };
    Policy { bounds, preemptible_labels, ..Policy::default() }
}

fn scale_py(min_nodes: usize) -> ScalePy {
    ScalePy::new(&policy(min_nodes), 300, 1)
}

fn come(world: &mut World<'_>, id: usize, memory: u64, seconds: u64) {
    let session = Session {
        start: world.now,
        end: world.now + seconds,
        memory: Bytes(memory),
        cpu: Millicores(10),
        kind: 0,
    };
    world.arrive(id, &session);
}

/// This number of hundredths of a node's memory for users.
fn part(parts: u64) -> u64 {
    MACHINE.room().memory.0 * parts / 100
}

fn pass(world: &mut World<'_>, to: u64) {
    while let Some(next) = world.next_event().filter(|next| *next <= to) {
        world.advance(next);
        world.settle();
    }
    world.advance(to);
}

/// The users of each node; `c` means cordoned, `b` means booting.
fn nodes(world: &World<'_>) -> Vec<String> {
    let state = |node: &SimulatedNode| match (node.ready, node.is_cordoned()) {
        (false, _) => "b",
        (true, true) => "c",
        (true, false) => "",
    };
    world.nodes().iter().map(|node| format!("{}{}", node.users, state(node))).collect()
}

fn sorted(world: &World<'_>) -> Vec<String> {
    let mut nodes = nodes(world);
    nodes.sort();
    nodes
}

#[test]
fn deleting_when_empty_adds_what_those_who_wait_need_and_no_more_while_it_boots() {
    let scenario = scenario();
    let mut world = World::new(&scenario, 1, "user");
    let mut rule = WhenEmpty { min_nodes: 1, max_nodes: 4 };
    come(&mut world, 0, part(75), 10_000);
    for id in 1..=4 {
        come(&mut world, id, part(40), 10_000);
    }
    rule.run(&mut world).unwrap();
    rule.run(&mut world).unwrap();
    assert_eq!(nodes(&world), ["1", "0b", "0b"], "two on each of two new nodes");
    for id in 5..=9 {
        come(&mut world, id, part(90), 10_000);
    }
    rule.run(&mut world).unwrap();
    assert_eq!(world.nodes().len(), 4, "MAX_NODES");
}

#[test]
fn deleting_when_empty_waits_ten_minutes_and_keeps_the_least_and_the_hub() {
    let scenario = scenario();
    let mut world = World::new(&scenario, 4, "user");
    let mut rule = WhenEmpty { min_nodes: 2, max_nodes: 4 };
    for id in 0..4 {
        come(&mut world, id, part(70), 1000);
    }
    pass(&mut world, 1599);
    rule.run(&mut world).unwrap();
    assert_eq!(world.nodes().len(), 4);
    pass(&mut world, 1600);
    rule.run(&mut world).unwrap();
    assert_eq!(world.nodes().len(), 2);
    assert!(world.nodes()[0].critical);
}

#[test]
fn scale_py_divides_by_the_machines_and_takes_both_ends_of_the_band() {
    const GIGA: u64 = 1_000_000_000;
    let machine = Machine { memory: Bytes(10 * GIGA), ..MACHINE };
    let scenario = Scenario { cluster: Cluster::uniform(machine), ..scenario() };
    for (memory, expected) in [
        (26 * GIGA, 4),     // 0.65 of four machines
        (26 * GIGA - 1, 3), // below: 2.6 / 0.75 = 3.47
        (34 * GIGA, 4),     // 0.85
        (34 * GIGA + 1, 5), // above: 3.4 / 0.75 = 4.53
        (4 * GIGA, 1),      // 0.4 / 0.75, but MIN_NODES
        (90 * GIGA, 6),     // 12, but MAX_NODES
    ] {
        let mut world = World::new(&scenario, 4, "user");
        // No user of that size fits a node; a waiting user counts all the same.
        come(&mut world, 0, memory - HUB.memory.0, 1000);
        scale_py(1).run(&mut world).unwrap();
        let wanted = world.nodes().iter().filter(|node| !node.is_cordoned()).count();
        assert_eq!(wanted, expected, "{memory}");
    }
}

#[test]
fn scale_py_rounds_half_to_even() {
    let scenario = scenario();
    let machine = MACHINE.memory.0;
    // 1.875 / 0.75 = 2.5 and 2.625 / 0.75 = 3.5, exactly.
    for (eighths, expected) in [(15, 2), (21, 4)] {
        let mut world = World::new(&scenario, 2, "user");
        come(&mut world, 0, machine / 8 * eighths - HUB.memory.0, 1000);
        scale_py(1).run(&mut world).unwrap();
        assert_eq!(world.nodes().len(), expected);
    }
}

#[test]
fn scale_py_cordons_the_emptiest_and_deletes_it_a_run_later() {
    let scenario = scenario();
    let mut world = World::new(&scenario, 3, "user");
    come(&mut world, 0, part(70), 10_000);
    come(&mut world, 1, part(20), 10_000);
    // (1 Gi and 0.9 of 5.8 Gi) / 24 Gi is below the band, and 6.2 / 0.75 / 8 rounds to 1.
    let mut rule = scale_py(1);
    rule.run(&mut world).unwrap();
    assert_eq!(sorted(&world), ["0c", "1", "1c"]);
    rule.run(&mut world).unwrap();
    assert_eq!(sorted(&world), ["1", "1c"]);
}

#[test]
fn scale_py_deletes_what_it_has_just_uncordoned_with_whoever_came_meanwhile() {
    let scenario = scenario();
    let mut world = World::new(&scenario, 2, "user");
    let second = world.nodes()[1].id;
    world.set_cordoned(second, true);
    come(&mut world, 0, part(75), 10_000);
    come(&mut world, 1, part(90), 10_000);
    assert_eq!(nodes(&world), ["1", "0c"]);
    scale_py(2).run(&mut world).unwrap();
    assert_eq!((world.tally.lost, nodes(&world)), (1, vec!["1".to_owned()]));
}

#[test]
fn this_program_keeps_what_it_has_just_uncordoned() {
    let scenario = scenario();
    let mut world = World::new(&scenario, 2, "user");
    let second = world.nodes()[1].id;
    world.set_cordoned(second, true);
    come(&mut world, 0, part(75), 10_000);
    come(&mut world, 1, part(90), 10_000);
    let timeout = jiff::SignedDuration::from_mins(5);
    // The cordon has no annotation of this program.
    let policy = Policy { adopt_cordons: AdoptCordons::Always, ..policy(2) };
    Rebalancer::new(policy, timeout, 300).run(&mut world).unwrap();
    // 10.5 Gi are 0.86 of what two nodes can hand out: above the band.
    assert_eq!((world.tally.lost, nodes(&world).join(" ").as_str()), (0, "1 1 0b"));
}

#[test]
fn this_program_cordons_deletes_and_grows_through_its_own_ports() {
    let scenario = scenario();
    let mut world = World::new(&scenario, 4, "user");
    let timeout = jiff::SignedDuration::from_mins(5);
    let mut rule = Rebalancer::new(policy(1), timeout, 300);
    rule.run(&mut world).unwrap();
    assert_eq!(nodes(&world), ["0", "0c", "0c", "0c"], "the hub alone needs one node");
    pass(&mut world, 300);
    rule.run(&mut world).unwrap();
    assert_eq!(nodes(&world), ["0"], "a run later they are deleted");
    for id in 0..3 {
        come(&mut world, id, part(90), 10_000);
    }
    rule.run(&mut world).unwrap();
    assert_eq!(nodes(&world), ["0", "0b", "0b", "0b"]);
    rule.run(&mut world).unwrap();
    assert_eq!(world.nodes().len(), 4, "no second node is created for the booting one");
    pass(&mut world, 420);
    assert_eq!(world.waiting().count(), 0);
    assert_eq!((world.tally.unsettled, world.tally.runs), (0, 4));
    assert_eq!(world.broken, None);
}

fn pools() -> Scenario {
    Scenario { cluster: Cluster::of_three_pools(MACHINE), ..scenario() }
}

/// A user of this kind requests a server now.
fn come_as(world: &mut World<'_>, id: usize, kind: usize, gibi: u64) {
    let (memory, cpu) = (Bytes(gibi << 30), Millicores(10));
    world.arrive(id, &Session { start: world.now, end: world.now + 10_000, memory, cpu, kind });
}

fn names<'w>(world: &'w World<'_>) -> Vec<&'w str> {
    world.nodes().iter().map(SimulatedNode::name).collect()
}

#[test]
fn deleting_when_empty_grows_the_pool_of_whoever_waits() {
    let scenario = pools();
    let mut world = World::new(&scenario, 1, "user");
    let mut rule = WhenEmpty { min_nodes: 1, max_nodes: 9 };
    for (id, (kind, gibi)) in [(1, 24), (2, 1), (2, 1), (2, 1)].into_iter().enumerate() {
        come_as(&mut world, id, kind, gibi);
    }
    rule.run(&mut world).unwrap();
    rule.run(&mut world).unwrap();
    // Two of the three GPUs fit one node.
    let expected = ["core-000001", "small-000002", "big-memory-000003", "gpu-000004", "gpu-000005"];
    assert_eq!(names(&world), expected);
    pass(&mut world, 120);
    assert_eq!(world.waiting().count(), 0);
    pass(&mut world, 30_000);
    rule.run(&mut world).unwrap();
    // MIN_NODES is a number of users' nodes: the hub's node does not count.
    assert_eq!(world.nodes().len(), 2);
    assert!(world.nodes()[0].critical);
}

#[test]
fn deleting_when_empty_knows_the_zone_of_a_disk() {
    let cluster = Cluster { zones: 3, ..Cluster::uniform(MACHINE) };
    let scenario = Scenario { cluster, people: vec![0, 1, 0], ..scenario() };
    let mut world = World::new(&scenario, 2, "user");
    // The pod is on the fullest node that takes it: with the hub in zone a. The next one then only fits zone b.
    for id in 0..2 {
        come_as(&mut world, id, 0, 3);
    }
    assert_eq!(nodes(&world), ["1", "1"]);
    // Person 0 has a second server, and zone a is full; zone c has fewest nodes.
    come_as(&mut world, 2, 0, 3);
    WhenEmpty { min_nodes: 1, max_nodes: 9 }.run(&mut world).unwrap();
    assert_eq!(world.nodes()[2].node.zone(), Some("zone-a"));
}

#[test]
fn scale_py_takes_all_nodes_for_what_the_first_is_and_grows_its_own_group() {
    let scenario =
        Scenario { cluster: Cluster::of_three_pools(Machine::new(Bytes(32 << 30), 8)), ..scenario() };
    let mut world = World::new(&scenario, 1, "user");
    // With the hub 40 Gi of the core's 8 Gi and of 32 Gi: above the band. The core node is the first by name: 40 / 0.75 /
    // 8 rounds to 7 nodes, and all of them are created as small nodes, although the waiting user needs much memory.
    come_as(&mut world, 0, 1, 39);
    scale_py(1).run(&mut world).unwrap();
    let small = world.nodes().iter().filter(|node| node.name().starts_with("small")).count();
    assert_eq!((small, world.nodes().len(), world.waiting().count()), (6, 7, 1));
}

#[test]
fn scale_py_ends_its_run_at_a_node_that_is_not_of_its_group() {
    let scenario = pools();
    let mut world = World::with_pools(&scenario, &[2, 0, 1], "user");
    for node in 1..4 {
        let id = world.nodes()[node].id;
        world.set_cordoned(id, true);
    }
    scale_py(1).run(&mut world).unwrap();
    // The GPU node precedes the small ones by name: none of them is deleted either.
    assert_eq!(world.nodes().len(), 4);
}

#[test]
fn this_program_grows_the_group_of_a_user_who_waits_and_leaves_the_core_node_alone() {
    let scenario = pools();
    let mut world = World::new(&scenario, 3, "user");
    let timeout = jiff::SignedDuration::from_mins(5);
    let bounds = Bounds { max_nodes: 20, ..policy(1).bounds };
    let mut rule = Rebalancer::new(Policy { bounds, node_groups_named: true, ..policy(1) }, timeout, 300);
    come_as(&mut world, 0, 1, 24);
    for time in [0, 60, 120, 180] {
        pass(&mut world, time);
        rule.run(&mut world).unwrap();
    }
    assert_eq!(world.waiting().count(), 0);
    let served = world.nodes().iter().find(|node| node.users > 0).unwrap();
    assert!(served.name().starts_with("big-memory"));
    let core = &world.nodes()[0];
    assert!(core.critical && !core.is_cordoned() && core.node.annotations.is_empty());
}
