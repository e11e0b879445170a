//! Regional groups, which spread over their zones, and even them out.

use super::World;
use crate::engine::{Action, Cause, Group, InstancePath, Redistribution, Terms};

fn regional(redistribution: Redistribution) -> World {
    let zones = ["us-central1-a", "us-central1-b", "us-central1-c"];
    let group = Group::regional("p", "us-central1", "users").zones(&zones).size(6);
    World::with(group.redistribution(redistribution))
}

/// The members in a zone.
fn in_zone(world: &World, zone: &str) -> Vec<InstancePath> {
    world.members().into_keys().filter(|path| path.zone == zone).collect()
}

#[test]
fn instances_spread_evenly_over_the_zones() {
    let mut world = regional(Redistribution::None);
    assert_eq!(world.spread(), [2, 2, 2]);
    world.resize(10);
    assert_eq!(world.spread(), [4, 3, 3]);
}

#[test]
fn a_group_that_does_not_say_in_which_zones_uses_all_of_its_region() {
    let world = World::with(Group::regional("p", "us-central1", "users").size(8));
    assert_eq!(world.spread(), [2, 2, 2, 2]);
}

#[test]
fn a_smaller_size_takes_from_the_fullest_zone() {
    let mut world = regional(Redistribution::None);
    world.resize(7);
    world.wait(60);
    world.resize(6);
    assert_eq!(world.spread(), [2, 2, 2]);
}

#[test]
fn a_proactive_group_kills_a_running_instance_elsewhere_after_a_deletion() {
    let mut world = regional(Redistribution::Proactive);
    let empty = in_zone(&world, "us-central1-a");
    world.delete(&empty);
    assert_eq!((world.target_size(), world.spread()), (4, vec![0, 2, 2]));
    world.wait(30);
    assert_eq!((world.target_size(), world.spread()), (4, vec![1, 1, 2]));
    assert_eq!(world.causes(), [Cause::DeleteInstances, Cause::DeleteInstances, Cause::Redistribution]);
    world.wait(60);
    assert_eq!(world.spread(), [1, 1, 2]);
    assert_eq!(world.members().len(), 4);
}

#[test]
fn a_group_without_redistribution_stays_as_it_is() {
    let mut world = regional(Redistribution::None);
    let empty = in_zone(&world, "us-central1-a");
    world.delete(&empty);
    world.wait(600);
    assert_eq!(world.spread(), [0, 2, 2]);
    assert_eq!(world.causes(), [Cause::DeleteInstances; 2]);
}

#[test]
fn a_proactive_group_whose_zones_differ_by_one_stays_as_it_is() {
    let mut world = regional(Redistribution::Proactive);
    let one = in_zone(&world, "us-central1-b").remove(0);
    world.delete(&[one]);
    world.wait(600);
    assert_eq!(world.spread(), [2, 1, 2]);
    assert_eq!(world.causes(), [Cause::DeleteInstances]);
}

#[test]
fn an_instance_of_any_zone_of_the_region_may_be_named_and_of_no_other() {
    let mut world = regional(Redistribution::None);
    let mut ask = |zone: &str| {
        let urls = [format!("zones/{zone}/instances/nobody")];
        world.engine.delete_instances(&world.group, &urls, true, Terms::default()).map(|_| ())
    };
    assert_eq!(ask("us-central1-c"), Ok(()));
    assert_eq!(ask("us-east1-c").unwrap_err().status, 400);
}

#[test]
fn a_deleted_instance_is_deleted_once() {
    let mut world = regional(Redistribution::None);
    let one = in_zone(&world, "us-central1-b").remove(0);
    world.delete(std::slice::from_ref(&one));
    world.engine.delete_outside(&one);
    world.wait(60);
    assert_eq!(world.spread(), [2, 1, 2]);
    assert!(world.members().values().all(|(action, _)| *action == Action::None));
}
