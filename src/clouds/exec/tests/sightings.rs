//! Instances without `createdAt` are as old as their first sighting.

use std::fs;

use jiff::Timestamp;
use kube_rebalancer_core::model::Node;
use kube_rebalancer_ports::{CloudView, GroupAnswer};

use super::{THREE, World, now, world};

/// The group of three, with a fourth instance that is no node.
fn with_a_fourth(more: &str) -> World {
    let world = world().lists_three();
    lists_a_fourth(&world, more);
    world
}

fn lists_a_fourth(world: &World, more: &str) {
    let fourth = format!("[\n{{\"name\": \"n4\", \"providerID\": \"openstack:///n4\"{more}}},\n");
    fs::write(world.path("three"), THREE.replacen("[\n", &fourth, 1)).unwrap();
}

/// The creation of the first instance that is no node.
fn created(view: &CloudView) -> Option<Timestamp> {
    view.groups[0].instances.iter().find(|instance| !instance.has_node).and_then(|one| one.created_at)
}

fn view(world: &World) -> CloudView {
    now(world.looked()).unwrap().1
}

#[test]
fn an_instance_without_a_time_is_as_old_as_its_first_sighting() {
    let world = with_a_fourth("");
    let begin = "2026-11-26T09:00:00Z".parse().unwrap();
    // A moment ago: the planner lets it boot.
    assert!(created(&view(&world)).is_none_or(|time| time == begin));
    for minutes in [5, 10] {
        world.later(minutes);
        assert_eq!(created(&view(&world)), Some(begin), "after {minutes} more minutes");
    }
    // A listed time is the better one, and the note goes.
    lists_a_fourth(&world, ", \"createdAt\": \"2026-11-26T08:59:00Z\"");
    assert_eq!(created(&view(&world)), Some("2026-11-26T08:59:00Z".parse().unwrap()));
    assert_eq!(world.read("notes.seen"), "");
}

#[test]
fn a_requested_size_without_its_instances_ages_too() {
    let world = world().lists_three();
    fs::write(world.path("three"), THREE.replacen("\"zone\"", "\"size\": 4, \"zone\"", 1)).unwrap();
    let first = view(&world);
    assert_eq!((first.groups[0].target_size, created(&first)), (4, None));
    world.later(20);
    assert_eq!(created(&view(&world)), Some("2026-11-26T09:00:00Z".parse().unwrap()));
}

/// The times of section 3: from twice `BOOT_GRACE` on, which is 30 minutes here, no run waits for it, and a person learns of it.
#[test]
fn after_twice_boot_grace_the_run_names_it() {
    let world = with_a_fourth("");
    assert_eq!(view(&world).notes, [""; 0]);
    world.later(29);
    assert_eq!(view(&world).notes, [""; 0], "between once and twice BOOT_GRACE the planner names it");
    world.later(1);
    let expected = "EXEC_LIST names instance n4 without createdAt, and a run first saw it at 2026-11-26T09:00:00Z: it has \
                    had no node for longer than twice BOOT_GRACE, and its group may grow in its place. Repair or delete it";
    assert_eq!(view(&world).notes, [expected]);
}

#[test]
fn what_becomes_a_node_or_leaves_the_list_is_forgotten() {
    let mut world = with_a_fourth("");
    view(&world);
    assert!(world.read("notes.seen").contains("n4"));
    let node = Node { name: "n4".into(), provider_id: Some("openstack:///n4".into()), ..Node::default() };
    world.nodes.push(node);
    view(&world);
    assert_eq!(world.read("notes.seen"), "");
    // It comes back an hour later, as another machine: it is new.
    world.nodes.pop();
    world.later(60);
    let again = world.clock.0.lock().unwrap().0;
    assert!(created(&view(&world)).is_none_or(|time| time == again));
    fs::write(world.path("three"), THREE).unwrap();
    view(&world);
    assert_eq!(world.read("notes.seen"), "");
}

/// Growth that was asked for after the sighting brings another machine: the old one must not be taken for it.
#[test]
fn a_late_instance_is_not_the_growth_that_was_asked_for_later() {
    let mut world = with_a_fourth("");
    world.scope.commands.grow = Some(world.script("grow", ""));
    view(&world);
    world.later(40);
    let (provider, _) = now(world.looked()).unwrap();
    assert_eq!(now(provider.grow("pool", 4, 5)), GroupAnswer::Done);
    world.later(1);
    let (provider, view) = now(world.looked()).unwrap();
    assert_eq!(view.groups[0].target_size, 5);
    assert_eq!(now(provider.grow("pool", 4, 5)), GroupAnswer::AlreadySo);
}

#[test]
fn sightings_that_cannot_be_read_or_stored_stop_nothing() {
    let world = with_a_fourth("");
    fs::write(world.path("notes.seen"), "{").unwrap();
    assert_eq!(created(&view(&world)), None);
    let mut world = with_a_fourth("");
    let notes = super::FileNotes { file: world.path("notes"), fails: true };
    world.scope.notes = Some(kube_rebalancer_ports::SharedNotes::new(std::sync::Arc::new(notes)));
    assert_eq!(view(&world).groups[0].target_size, 4);
    world.scope.notes = None;
    assert_eq!(view(&world).groups[0].target_size, 4);
}
