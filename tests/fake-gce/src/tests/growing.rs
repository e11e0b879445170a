//! Instances are created, and created again.

use super::{World, instance};
use crate::engine::{Action, Cause, Group, MachineStatus};

#[test]
fn a_new_instance_is_placed_provisioned_staged_booted_and_verified() {
    let mut world = World::zonal(0);
    world.resize(1);
    let expected = [
        (4, (Action::Creating, None)),
        (1, (Action::Creating, Some(MachineStatus::Provisioning))),
        (9, (Action::Creating, Some(MachineStatus::Provisioning))),
        (1, (Action::Creating, Some(MachineStatus::Staging))),
        (10, (Action::Verifying, Some(MachineStatus::Running))),
        (3, (Action::None, Some(MachineStatus::Running))),
    ];
    for (seconds, state) in expected {
        assert!(!world.is_stable());
        world.wait(seconds);
        assert_eq!(world.states(), [state]);
    }
    assert!(world.is_stable());
}

#[test]
fn one_long_look_sees_the_same_as_many_short_ones() {
    let (mut once, mut often) = (World::zonal(2), World::zonal(2));
    once.resize(5);
    often.resize(5);
    once.wait(40);
    for _ in 0..40 {
        often.wait(1);
    }
    assert_eq!(once.members(), often.members());
    assert_eq!(once.engine.machines, often.engine.machines);
}

#[test]
fn an_instance_knows_when_it_came_to_be_and_which_group_made_it() {
    let mut world = World::zonal(0);
    world.resize(1);
    world.wait(5);
    let born = world.now();
    world.wait(60);
    let machine = world.engine.machines.values().next().unwrap();
    assert_eq!((machine.created, machine.created_by.as_ref()), (born, Some(&world.group)));
}

#[test]
fn growing_while_instances_boot_adds_to_them() {
    let mut world = World::zonal(2);
    world.resize(5);
    world.wait(10);
    world.resize(6);
    assert_eq!((world.target_size(), world.members().len()), (6, 6));
    world.wait(60);
    assert_eq!(world.states(), [(Action::None, Some(MachineStatus::Running)); 6]);
}

#[test]
fn resizing_to_the_size_that_it_has_changes_nothing() {
    let mut world = World::zonal(3);
    let before = world.members();
    world.resize(3);
    world.wait(60);
    assert_eq!(world.members(), before);
}

#[test]
fn an_instance_made_anew_has_its_name_and_another_id() {
    let mut world = World::with(Group::zonal("p", "us-central1-a", "users").instances(&["node-1"]));
    let old = world.id(&instance("node-1"));
    world.engine.recreate(&instance("node-1"));
    assert_eq!(world.states(), [(Action::Recreating, Some(MachineStatus::Stopping))]);
    world.wait(7);
    assert_eq!(world.states(), [(Action::Recreating, None)]);
    world.wait(5 + 20 + 3);
    assert_eq!(world.states(), [(Action::None, Some(MachineStatus::Running))]);
    assert_ne!(world.id(&instance("node-1")), old);
    assert_eq!((world.causes(), world.target_size()), (vec![Cause::Recreate], 1));
}

#[test]
fn an_instance_deleted_without_asking_its_group_is_made_anew() {
    let mut world = World::with(Group::zonal("p", "us-central1-a", "users").instances(&["node-1"]));
    let old = world.id(&instance("node-1"));
    world.engine.delete_outside(&instance("node-1"));
    assert_eq!(world.states(), [(Action::None, Some(MachineStatus::Stopping))]);
    world.wait(7);
    assert_eq!(world.states(), [(Action::Recreating, None)]);
    world.wait(5 + 20 + 3);
    assert_eq!(world.states(), [(Action::None, Some(MachineStatus::Running))]);
    assert_ne!(world.id(&instance("node-1")), old);
    assert_eq!((world.causes(), world.target_size()), (vec![Cause::Outside], 1));
}

#[test]
fn an_instance_without_a_group_that_is_deleted_stays_away() {
    let mut world = World::zonal(0);
    world.engine.add_instance(instance("alone"));
    world.engine.delete_outside(&instance("alone"));
    world.wait(7);
    assert!(world.engine.machines.is_empty());
}
