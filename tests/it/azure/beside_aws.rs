//! One cluster with nodes on AWS and nodes on Azure: each node is deleted in its own cloud, and a cloud that does not answer
//! does not affect the other one.

use std::time::Duration;

use fake_asg::{Account, Clock, FakeAsg, Group, Options, Timing};
use fake_azure::{Fault, Requests};

use super::world::{SET, World, name, user};
use crate::aws_world::{environment, node_name, node_of};

const GROUP: &str = "users";
const ZONE: &str = "us-east-1a";

/// Three nodes of 8 GiB on each cloud; one of each is empty under our cordon, and a user with 6 GiB is on each of the others.
fn both() -> (World, FakeAsg) {
    let world = World::new(3);
    let minute = Duration::from_mins(1);
    let timing = Timing::slow_and_at_once(minute);
    let clock = Clock::by_hand("2026-11-27T18:00:00Z".parse().unwrap());
    let aws = FakeAsg::start(Account::ops(), Options { timing, clock, page: 100 }).unwrap();
    aws.add_group((0..3).fold(Group::new(GROUP, &[ZONE]), |group, at| group.instance(&id(at), ZONE)));
    for at in 0..3 {
        world.api.add_node(&node_of(&id(at), ZONE));
    }
    world.empty(1);
    world.empty_node(&node_name(&id(1)));
    let occupied = [name(0), name(2), node_name(&id(0)), node_name(&id(2))];
    for (number, node) in occupied.iter().enumerate() {
        world.api.add_pod(&user(number).memory("6Gi").on(node));
    }
    (world, aws)
}

fn id(at: usize) -> String {
    format!("i-{at:017x}")
}

/// The numbers of instances in service on AWS, and of machines in the scale set without a request.
fn left(world: &World, aws: &FakeAsg) -> (usize, usize) {
    let group = aws.group(GROUP).unwrap();
    let set = world.azure.set(SET).unwrap();
    (
        group.instances.iter().filter(|one| one.lifecycle == "InService").count(),
        set.machines.values().filter(|machine| machine.done.is_empty()).count(),
    )
}

#[test]
fn each_node_goes_back_to_its_own_cloud() {
    let (world, aws) = both();
    let settings = environment(&aws);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let ran = world.run(&settings);
    let expected = [format!("delete {}: applied", node_name(&id(1))), format!("delete {}: applied", name(1))];
    assert_eq!((ran.code, ran.story()), (Some(0), expected.to_vec()), "{}", ran.stderr);
    assert_eq!(left(&world, &aws), (2, 2));
}

#[test]
fn a_cloud_that_does_not_answer_keeps_its_nodes_and_the_other_goes_on() {
    let (world, aws) = both();
    world.azure.fail(Requests::method("compute.set"), Fault::Forbidden);
    let settings = environment(&aws);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let ran = world.run(&settings);
    assert!(ran.story().contains(&format!("delete {}: applied", node_name(&id(1)))), "{:?}", ran.story());
    assert_eq!(left(&world, &aws), (2, 3), "{}", ran.report);
    assert!(ran.report.to_string().contains("cannot look at scale set hub-rg/users"), "{}", ran.report);
}
