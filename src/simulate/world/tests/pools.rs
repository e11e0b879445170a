//! Pools and zones: the nodes on which users may run, and the group that grows.

use super::*;

fn scenario_of(cluster: Cluster, scheduler: Scheduler) -> Scenario {
    Scenario { cluster, ..scenario(scheduler) }
}

fn pools(scheduler: Scheduler) -> Scenario {
    scenario_of(Cluster::of_three_pools(MACHINE), scheduler)
}

fn zones(zones: u32, people: Vec<usize>) -> Scenario {
    let cluster = Cluster { zones, ..Cluster::uniform(MACHINE) };
    Scenario { people, ..scenario_of(cluster, Scheduler::Spread) }
}

/// A user of this kind requests a server now.
fn come_as(world: &mut World<'_>, id: UserId, kind: usize, gibi: u64, seconds: u64) {
    let memory = Bytes(gibi << 30);
    let session = Session { start: world.now, end: world.now + seconds, memory, cpu: Millicores(100), kind };
    world.arrive(id, &session);
}

/// The users of each node, by name.
fn nodes(world: &World<'_>) -> Vec<(String, usize)> {
    world.nodes().iter().map(|node| (node.name().to_owned(), node.users)).collect()
}

fn group(world: &World<'_>, name: &str) -> usize {
    world.groups().iter().position(|group| group.name == name).unwrap()
}

#[test]
fn the_core_node_has_the_hub_and_never_users_however_full_the_others_are() {
    for scheduler in [Scheduler::Spread, Scheduler::Pack] {
        let scenario = pools(scheduler);
        let mut world = World::new(&scenario, 1, "user");
        for id in 0..5 {
            come_as(&mut world, id, 0, 2, 1000);
        }
        // Two of 2 Gi fit a machine of 8 Gi; the core node, as large and with room for two more, gets none.
        assert_eq!(nodes(&world), [("core-000001".to_owned(), 0), ("small-000002".to_owned(), 2)]);
        assert_eq!(world.waiting().count(), 3, "{scheduler:?}");
        assert!(world.nodes()[0].critical && !world.nodes()[1].critical);
    }
}

#[test]
fn users_with_gpus_are_on_gpu_nodes_alone_and_share_them_by_the_gpu() {
    for scheduler in [Scheduler::Spread, Scheduler::Pack] {
        let scenario = pools(scheduler);
        let mut world = World::with_pools(&scenario, &[2, 1, 1], "user");
        for id in 0..3 {
            come_as(&mut world, id, 2, 1, 1000);
        }
        // Two GPUs, so the third waits though memory and processor time are left, there and elsewhere.
        let expected = [
            ("core-000001".to_owned(), 0),
            ("small-000002".to_owned(), 0),
            ("small-000003".to_owned(), 0),
            ("big-memory-000004".to_owned(), 0),
            ("gpu-000005".to_owned(), 2),
        ];
        assert_eq!(nodes(&world), expected, "{scheduler:?}");
        // Small users do not tolerate the taint, and their selector keeps them off the node with much memory.
        for id in 3..20 {
            come_as(&mut world, id, 0, 1, 1000);
        }
        assert_eq!((world.nodes()[3].users, world.nodes()[4].users), (0, 2), "{scheduler:?}");
        pass(&mut world, 1000);
        assert_eq!(world.nodes()[4].users, 1, "a GPU is handed on");
    }
}

#[test]
fn the_group_that_was_asked_grows_and_its_node_serves_its_own_users() {
    let scenario = pools(Scheduler::Spread);
    let mut world = World::new(&scenario, 1, "user");
    come_as(&mut world, 0, 1, 24, 1000);
    come_as(&mut world, 1, 2, 1, 1000);
    assert_eq!(world.waiting().count(), 2);
    let gpu = group(&world, "zone-a/gpu");
    world.create(gpu, 1);
    pass(&mut world, 120);
    let still: Vec<_> = world.waiting().map(|wish| wish.kind).collect();
    assert_eq!((still, world.nodes()[2].name(), world.nodes()[2].users), (vec![1], "gpu-000003", 1));
    assert_eq!(world.tally.kinds[2].waits, [180]);
    assert_eq!((world.size(gpu), world.size(group(&world, "zone-a/small"))), (1, 1));
}

#[test]
fn a_returning_user_needs_a_node_in_the_zone_of_their_disk() {
    // Person 0 is the first and the third user.
    let scenario = zones(2, vec![0, 1, 0, 2]);
    let mut world = World::new(&scenario, 2, "user");
    // The hub is in zone a, so the emptier node is in zone b; then zone a is.
    come_as(&mut world, 0, 0, 3, 100);
    come_as(&mut world, 1, 0, 1, 1000);
    assert_eq!(users(&world), [1, 1]);
    pass(&mut world, 200);
    let second = world.nodes()[1].id;
    world.set_cordoned(second, true);
    come_as(&mut world, 2, 0, 1, 100);
    assert_eq!(world.waiting().count(), 1, "there is room, but in the other zone");
    come_as(&mut world, 3, 0, 1, 100);
    assert_eq!((users(&world), world.waiting().count()), (vec![2, 0], 1), "a new user takes any zone");
    let (a, b) = (group(&world, "zone-a/hub-users"), group(&world, "zone-b/hub-users"));
    world.create(a, 1);
    pass(&mut world, 320);
    assert_eq!(world.waiting().count(), 1, "a new node in the wrong zone is of no use");
    world.create(b, 1);
    pass(&mut world, 440);
    assert_eq!(world.waiting().count(), 0);
    assert_eq!(world.nodes()[3].node.zone(), Some("zone-b"));
    assert_eq!(world.nodes()[3].users, 1);
}

#[test]
fn without_zones_nobody_has_a_zonal_disk() {
    let scenario = zones(1, Vec::new());
    let mut world = World::new(&scenario, 1, "user");
    come_as(&mut world, 0, 0, 1, 100);
    assert!(world.disks.is_empty());
}

#[test]
fn a_run_observes_every_group_with_its_template_and_what_pods_ask_of_nodes() {
    let scenario = pools(Scheduler::Spread);
    let mut world = World::new(&scenario, 1, "user");
    come_as(&mut world, 0, 2, 1, 1000);
    let snapshot = world.snapshot().unwrap();
    let groups: Vec<_> =
        snapshot.groups().iter().map(|group| (group.name.as_str(), group.target_size)).collect();
    assert_eq!(
        groups,
        [("zone-a/big-memory", 0), ("zone-a/core", 1), ("zone-a/gpu", 0), ("zone-a/small", 1)]
    );
    let template = snapshot.groups()[2].template.as_ref().unwrap();
    assert_eq!(
        (template.taints[0].key.as_str(), template.taints[0].value.as_str()),
        ("nvidia.com/gpu", "present")
    );
    assert_eq!(template.labels.get("cloud.google.com/gke-nodepool"), Some("gpu"));
    let core = &snapshot.nodes()[0];
    assert_eq!(
        (core.name.as_str(), core.taints[0].key.as_str()),
        ("core-000001", "hub.jupyter.org/dedicated")
    );
    let waiting = snapshot.pods().iter().find(|pod| pod.unbound.is_some()).unwrap();
    assert_eq!(waiting.constraints.tolerations[0].key.as_deref(), Some("nvidia.com/gpu"));
    assert_eq!(waiting.requests.further_of("nvidia.com/gpu"), 1);
    let offer = template.allocatable.offer(&template.capacity);
    assert_eq!((offer.further_of("nvidia.com/gpu"), template.capacity.memory), (2, Some(Bytes(52 << 30))));
    let refusal = waiting.unbound.as_ref().unwrap();
    assert_eq!(refusal.refused_since(), Some(scenario.start), "it has waited since it came");
}

#[test]
fn the_hub_on_its_own_node_is_no_part_of_what_users_fill() {
    let scenario = pools(Scheduler::Spread);
    let mut world = World::new(&scenario, 1, "user");
    come_as(&mut world, 0, 0, 2, 1000);
    pass(&mut world, 100);
    let small = MACHINE.offered();
    assert_eq!(world.tally.requested, [100 * (2 << 30), 100 * 100, 0]);
    assert_eq!(world.tally.offered, [100 * u128::from(small.memory.0), 100 * u128::from(small.cpu.0), 0]);
    assert_eq!(world.tally.node_seconds, 200, "but it is a node like any other");
    assert_eq!(world.demand(), (2 << 30) + HUB.memory.0);
}
