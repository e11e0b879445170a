//! Instances are deleted, by name or by the choice of the group.

use super::{World, instance};
use crate::engine::{Action, Cause, Group, InstancePath, MachineStatus, Refusal, Terms};

const RUNS: (Action, Option<MachineStatus>) = (Action::None, Some(MachineStatus::Running));
const GOES: (Action, Option<MachineStatus>) = (Action::Deleting, Some(MachineStatus::Stopping));

fn three() -> World {
    World::with(Group::zonal("p", "us-central1-a", "users").instances(&["node-1", "node-10", "node-2"]))
}

/// Asks to delete what these URLs name.
fn ask(world: &mut World, urls: &[&str], skip: bool) -> Result<(), Refusal> {
    let urls: Vec<String> = urls.iter().map(|url| (*url).to_owned()).collect();
    world.engine.delete_instances(&world.group, &urls, skip, Terms::default()).map(|_| ())
}

#[test]
fn the_size_falls_at_once_and_the_instance_goes_later() {
    let mut world = three();
    world.delete(&[instance("node-1")]);
    assert_eq!(world.target_size(), 2);
    assert_eq!(world.members()[&instance("node-1")], GOES);
    world.wait(6);
    assert_eq!(world.members().len(), 3);
    world.wait(1);
    assert_eq!(
        world.members().into_iter().collect::<Vec<_>>(),
        [(instance("node-10"), RUNS), (instance("node-2"), RUNS)]
    );
    assert_eq!((world.target_size(), world.causes()), (2, vec![Cause::DeleteInstances]));
}

#[test]
fn an_instance_that_does_not_exist_yet_can_be_deleted() {
    let mut world = World::zonal(0);
    world.resize(1);
    let creating: Vec<InstancePath> = world.members().into_keys().collect();
    world.delete(&creating);
    world.wait(60);
    assert_eq!((world.target_size(), world.members().len()), (0, 0));
    // No instance was lost.
    assert_eq!(world.causes(), []);
}

#[test]
fn all_forms_of_a_url_name_the_same_instance() {
    let urls = [
        "zones/us-central1-a/instances/node-1",
        "projects/p/zones/us-central1-a/instances/node-1",
        "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-a/instances/node-1",
        "http://127.0.0.1:8080/compute/v1/projects/p/zones/us-central1-a/instances/node-1",
    ];
    for url in urls {
        let mut world = three();
        ask(&mut world, &[url], false).unwrap();
        assert_eq!(world.members()[&instance("node-1")], GOES, "{url}");
        assert_eq!(world.target_size(), 2, "{url}");
    }
}

#[test]
fn other_instances_and_instances_being_deleted_are_skipped_on_request() {
    let mut world = three();
    world.engine.add_instance(instance("alone"));
    world.delete(&[instance("node-2")]);
    let urls = ["alone", "nobody", "node-2", "node-1"].map(|name| instance(name).to_string());
    let operation = world.engine.delete_instances(&world.group, &urls, true, Terms::default()).unwrap();
    let skipped: Vec<&str> = world.engine.operations[&operation]
        .skipped
        .iter()
        .map(|skipped| skipped.instance.name.as_str())
        .collect();
    assert_eq!(skipped, ["alone", "nobody", "node-2"]);
    assert_eq!(world.target_size(), 1);
    world.wait(7);
    assert_eq!(world.members().into_keys().collect::<Vec<_>>(), [instance("node-10")]);
    assert!(world.engine.machines.contains_key(&instance("alone")));
}

#[test]
fn the_same_fails_all_of_the_request_otherwise() {
    for name in ["alone", "nobody", "node-2"] {
        let mut world = three();
        world.engine.add_instance(instance("alone"));
        world.delete(&[instance("node-2")]);
        let good = instance("node-1").to_string();
        let refusal = ask(&mut world, &[&good, &instance(name).to_string()], false).unwrap_err();
        assert_eq!((refusal.status, refusal.reason), (400, "invalid"), "{name}");
        assert!(refusal.message.contains("instances[1]"), "{}", refusal.message);
        assert_eq!(world.members()[&instance("node-1")], RUNS, "{name}");
        assert_eq!(world.target_size(), 2, "{name}");
    }
}

#[test]
fn a_url_that_is_malformed_or_of_another_place_fails_all_of_the_request_even_so() {
    let wrong = [
        "node-2",
        "zones/us-central1-a/instances/",
        "zones/us-central1-a/node-2",
        "zones/us-central1-b/instances/node-2",
        "projects/q/zones/us-central1-a/instances/node-2",
        "regions/us-central1/instances/node-2",
        "",
    ];
    for url in wrong {
        let mut world = three();
        let good = instance("node-1").to_string();
        let refusal = ask(&mut world, &[&good, url], true).unwrap_err();
        assert_eq!((refusal.status, refusal.reason), (400, "invalid"), "{url}");
        assert_eq!(world.states(), [RUNS; 3], "{url}");
        assert_eq!(world.target_size(), 3, "{url}");
    }
}

#[test]
fn a_thousand_go_at_once_and_no_more() {
    let mut world = World::zonal(1001);
    let all: Vec<String> = world.members().into_keys().map(|path| path.to_string()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(ask(&mut world, &all, true).unwrap_err().status, 400);
    assert_eq!(world.target_size(), 1001);
    ask(&mut world, &all[..1000], true).unwrap();
    assert_eq!(world.target_size(), 1);
}

#[test]
fn a_request_that_names_nobody_is_refused() {
    assert_eq!(ask(&mut three(), &[], true).unwrap_err().reason, "required");
}

#[test]
fn a_smaller_size_takes_running_instances_the_newest_first() {
    let mut world = World::zonal(2);
    let old: Vec<InstancePath> = world.members().into_keys().collect();
    world.resize(3);
    world.wait(60);
    let newest = world.members().into_keys().find(|path| !old.contains(path)).unwrap();
    world.resize(2);
    assert_eq!(world.members()[&newest], GOES);
    world.wait(7);
    assert_eq!(world.members().into_keys().collect::<Vec<_>>(), old);
    assert_eq!(world.causes(), [Cause::Resize]);
}

#[test]
fn a_smaller_size_takes_a_running_instance_though_others_only_boot() {
    let mut world = World::zonal(1);
    world.resize(3);
    world.wait(10);
    world.resize(2);
    let creating = (Action::Creating, Some(MachineStatus::Provisioning));
    assert_eq!(world.states(), [creating, creating, GOES]);
    assert_eq!(world.engine.losses[0].was, MachineStatus::Running);
}
