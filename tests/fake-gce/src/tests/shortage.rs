//! Zones without machines, and projects without quota.

use super::World;
use crate::engine::{Action, Group, MachineStatus};

/// The codes of the errors of all members.
fn codes(world: &World) -> Vec<String> {
    let members = world.engine.group(&world.group).unwrap().members.values();
    members.flat_map(|member| &member.errors).map(|error| error.code.clone()).collect()
}

#[test]
fn in_a_stockout_an_instance_is_being_created_until_it_is_over() {
    let mut world = World::zonal(1);
    world.engine.stockouts.insert("us-central1-a".to_owned());
    world.resize(2);
    world.wait(5);
    assert_eq!(codes(&world), ["ZONE_RESOURCE_POOL_EXHAUSTED"]);
    let waiting = [(Action::None, Some(MachineStatus::Running)), (Action::Creating, None)];
    assert_eq!(world.states(), waiting);
    world.wait(600);
    assert_eq!(world.states(), waiting);
    assert_eq!(world.target_size(), 2);

    world.engine.stockouts.clear();
    world.wait(60 + 20 + 3);
    assert_eq!(world.states(), [(Action::None, Some(MachineStatus::Running)); 2]);
    assert_eq!(codes(&world), [""; 0]);
}

#[test]
fn a_stockout_in_one_zone_of_two_leaves_the_other() {
    let zones = ["us-central1-a", "us-central1-b"];
    let mut world = World::with(Group::regional("p", "us-central1", "users").zones(&zones));
    world.engine.stockouts.insert("us-central1-a".to_owned());
    world.resize(4);
    world.wait(60);
    let running: Vec<&str> = world.engine.machines.keys().map(|path| path.zone.as_str()).collect();
    assert_eq!(running, ["us-central1-b", "us-central1-b"]);
    assert_eq!(codes(&world), ["ZONE_RESOURCE_POOL_EXHAUSTED"; 2]);
}

#[test]
fn a_project_has_no_more_instances_than_its_quota() {
    let mut world = World::zonal(3);
    world.engine.projects.get_mut("p").unwrap().instance_quota = Some(4);
    world.resize(6);
    world.wait(40);
    assert_eq!(world.engine.machines.len(), 4);
    assert_eq!(codes(&world), ["QUOTA_EXCEEDED"; 2]);

    // A terminating instance frees room for a waiting one.
    let running = world.members().into_iter().find(|(_, (action, _))| *action == Action::None).unwrap().0;
    world.delete(&[running]);
    world.wait(7 + 60 + 23);
    assert_eq!((world.engine.machines.len(), codes(&world).len()), (4, 1));
}
