//! Instances without `createdAt` are as old as their first sighting.

use std::fs;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use kube_rebalancer_core::model::Node;
use kube_rebalancer_ports::{CloudView, GroupAnswer, Notes, PortError, SharedNotes};

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

/// One arrives in ten minutes, and at that moment the next one is asked for: each is new in its run.
#[test]
fn an_unlisted_instance_does_not_inherit_the_age_of_one_that_arrived() {
    let mut world = world().lists_three();
    let mut listed = THREE.to_owned();
    for size in 4..7_u32 {
        let sized = listed.replacen("\"zone\"", &format!("\"size\": {size}, \"zone\""), 1);
        fs::write(world.path("three"), sized).unwrap();
        let begin = world.clock.0.lock().unwrap().0;
        let first = view(&world);
        assert_eq!(first.groups[0].target_size, size);
        assert!(created(&first).is_none_or(|time| time == begin), "{size}: {:?}", created(&first));
        world.later(5);
        assert_eq!(created(&view(&world)), Some(begin), "{size}: its own age");
        world.later(5);
        let name = format!("n{size}");
        let id = format!("openstack:///{name}");
        let arrived = format!("[\n{{\"name\": \"{name}\", \"providerID\": \"{id}\"}},\n");
        listed = listed.replacen("[\n", &arrived, 1);
        world.nodes.push(Node { name, provider_id: Some(id), ..Node::default() });
    }
}

#[test]
fn a_late_instance_of_the_size_is_not_said_to_be_listed() {
    let world = world().lists_three();
    fs::write(world.path("three"), THREE.replacen("\"zone\"", "\"size\": 4, \"zone\"", 1)).unwrap();
    view(&world);
    world.later(30);
    let expected = "EXEC_LIST counts instance pool (coming, 4) in the size of group pool without listing it, and a run \
                    first saw this at 2026-11-26T09:00:00Z: it has had no node for longer than twice BOOT_GRACE, and its \
                    group may grow in its place. Correct the size, or create the instance";
    assert_eq!(view(&world).notes, [expected]);
}

/// A time far ahead would keep its instance booting for ever; clocks differ by a few minutes.
#[test]
fn a_sighting_more_than_five_minutes_ahead_does_not_count() {
    for (stored, kept) in
        [("2026-11-26T09:05:00Z", "2026-11-26T09:05:00Z"), ("2026-11-26T09:05:01Z", "2026-11-26T09:00:00Z")]
    {
        let world = with_a_fourth("");
        fs::write(world.path("notes.seen"), format!("{{\"n4\":\"{stored}\"}}")).unwrap();
        view(&world);
        assert_eq!(world.read("notes.seen"), format!("{{\"n4\":\"{kept}\"}}"));
    }
}

/// Notes whose sightings cannot be read at this moment.
#[derive(Debug)]
struct Unreadable;

#[async_trait]
impl Notes for Unreadable {
    async fn read(&self, key: &str) -> Result<Option<String>, PortError> {
        if key == crate::sightings::KEY { Err(PortError("HTTP 500".to_owned())) } else { Ok(None) }
    }

    async fn write(&self, _: &str, _: Option<&str>) -> Result<(), PortError> {
        panic!("the stored times may be good");
    }
}

#[test]
fn sightings_that_could_not_be_read_are_not_replaced() {
    let mut world = with_a_fourth("");
    world.scope.notes = Some(SharedNotes::new(Arc::new(Unreadable)));
    assert_eq!(view(&world).groups[0].target_size, 4);
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
