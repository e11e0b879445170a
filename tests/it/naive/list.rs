//! POLICY 5 and 6: one list of everything that can serve, in the order in which it is kept.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::Timestamp;
use kube_rebalancer_core::model::Pod;
use kube_rebalancer_core::policy::Policy;

use super::create::{Factory, new_node};
use super::place::Place;
use super::world::{Machine, World, memory};

/// What can serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    Node(String),
    Instance(String, String),
    /// The group, and the how manieth new node of the run.
    New(Option<String>, usize),
}

/// One entry of the list, with what it adds to `C` and `W` of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) kind: EntryKind,
    pub(super) capacity: u128,
    pub(super) daemons: u128,
}

impl Entry {
    pub(super) fn node_name(&self) -> Option<&str> {
        match &self.kind {
            EntryKind::Node(name) => Some(name),
            EntryKind::Instance(..) | EntryKind::New(..) => None,
        }
    }

    pub(super) fn new_in(&self) -> Option<&Option<String>> {
        match &self.kind {
            EntryKind::New(group, _) => Some(group),
            EntryKind::Node(_) | EntryKind::Instance(..) => None,
        }
    }

    pub(super) fn is_new(&self) -> bool {
        self.new_in().is_some()
    }
}

/// The list, how much of it must be kept, and what everybody but the daemons requests.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) entries: Vec<Entry>,
    pub(super) must_keep: usize,
    /// How many entries are kept where `MAX_NODES` allows, because they serve now and nothing is to move.
    pub(super) held: usize,
    pub(super) requested: u128,
}

/// Whether what serves is kept before anything is uncordoned for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    Serving,
    No,
}

pub(super) fn order(world: &World<'_>, hold: Hold, policy: &Policy) -> Order {
    let mut ready: Vec<&Machine<'_>> = world.machines.iter().filter(|machine| machine.candidate()).collect();
    ready.sort_by_key(|machine| keep_key(machine));
    if hold == Hold::Serving {
        ready.sort_by_key(|machine| machine.cordoned);
    }
    ready.sort_by_key(|machine| !machine.protected()); // stable: protected ones first
    let mut factory = Factory::of(world, policy);
    let booting = booting(world, policy);

    let countable: Vec<&Pod> = world
        .unbound
        .iter()
        .copied()
        .filter(|pod| {
            ready
                .iter()
                .any(|machine| Place::node_without_occupants(entry(machine, policy), machine).takes(pod))
                || booting.iter().any(|booting| booting.unoccupied.takes(pod))
                || factory.kinds().any(|kind| kind.takes(pod))
        })
        .collect();

    // Places: serving, booting, cordoned; new ones are added when nothing else takes a pod.
    let (cordoned, serving): (Vec<&Machine<'_>>, Vec<&Machine<'_>>) =
        ready.iter().copied().partition(|machine| machine.cordoned);
    let mut places: Vec<Place> = Vec::new();
    places.extend(serving.iter().map(|machine| Place::node(entry(machine, policy), machine)));
    places.extend(booting.iter().map(|booting| booting.place.clone()));
    places.extend(cordoned.iter().map(|machine| Place::node(entry(machine, policy), machine)));
    let mut waiting: Vec<&Pod> = countable
        .iter()
        .copied()
        .filter(|pod| pod.unbound.as_ref().is_some_and(|unbound| unbound.unschedulable.is_some()))
        .collect();
    waiting.sort_by_key(|pod| {
        (Reverse(pod.requests.memory), Reverse(pod.requests.cpu), &pod.namespace, &pod.name)
    });
    let mut used: Vec<Entry> = Vec::new();
    for pod in waiting {
        if !places.iter().any(|place| place.takes(pod)) {
            places.extend(factory.create(|kind| kind.takes(pod)));
        }
        if let Some(place) = places.iter_mut().find(|place| place.takes(pod)) {
            place.add(pod);
            used.push(place.entry.clone());
        }
    }

    let mut part_1: Vec<Entry> =
        ready.iter().filter(|machine| machine.protected()).map(|machine| entry(machine, policy)).collect();
    for entry in used {
        if !part_1.contains(&entry) {
            part_1.push(entry);
        }
    }
    keep_zones(world, &ready, policy, &mut part_1);

    let mut entries = part_1.clone();
    for machine in &ready {
        let entry = entry(machine, policy);
        if !part_1.contains(&entry) {
            entries.push(entry);
        }
    }
    for booting in &booting {
        if !part_1.contains(&booting.place.entry) {
            entries.push(booting.place.entry.clone());
        }
    }
    while let Some(place) = factory.create(|_| true) {
        entries.push(place.entry);
    }
    let occupants = world.machines.iter().flat_map(|machine| &machine.occupants);
    let requested = occupants.chain(&countable).map(|pod| u128::from(pod.requests.memory.0)).sum();
    let keeps =
        |entry: &&Entry| part_1.contains(entry) || entry.node_name().is_some_and(|name| world.serves(name));
    let stay = if hold == Hold::Serving { entries.iter().filter(keeps).count() } else { 0 };
    Order { must_keep: part_1.len(), entries, held: stay, requested }
}

/// The entry of a node that tells what it offers.
fn entry(machine: &Machine<'_>, policy: &Policy) -> Entry {
    Entry {
        kind: EntryKind::Node(machine.node.name.clone()),
        capacity: memory(&machine.node.allocatable, &machine.node.capacity, policy),
        daemons: machine.daemons.iter().map(|pod| u128::from(pod.requests.memory.0)).sum(),
    }
}

/// Part 2: most occupants first, then serving before cordoned, then larger occupied request, then newer, then name.
fn keep_key<'a>(
    machine: &Machine<'a>,
) -> (Reverse<usize>, bool, Reverse<u128>, Reverse<Option<Timestamp>>, &'a str) {
    let occupied = machine.occupants.iter().map(|pod| u128::from(pod.requests.memory.0)).sum();
    (
        Reverse(machine.occupants.len()),
        machine.cordoned,
        Reverse(occupied),
        Reverse(machine.node.created_at),
        &machine.node.name,
    )
}

/// What boots, as a place with what is on it and as one without occupants.
struct Booting {
    place: Place,
    unoccupied: Place,
}

/// Part 3: registered before unregistered, older first, then name. What has no time yet is the youngest.
fn booting(world: &World<'_>, policy: &Policy) -> Vec<Booting> {
    let mut registered: Vec<&Machine<'_>> = world.booting().collect();
    registered.sort_by_key(|machine| (age_key(machine.node.created_at), &machine.node.name));
    let mut instances: Vec<_> = world.instances().filter(|(_, instance)| world.boots(instance)).collect();
    instances.sort_by_key(|(group, instance)| (age_key(instance.created_at), &instance.name, &group.name));

    let mut booting = Vec::new();
    for machine in registered {
        let own = entry(machine, policy);
        if own.capacity > 0 {
            let place = Place::node(own.clone(), machine);
            booting.push(Booting { place, unoccupied: Place::node_without_occupants(own, machine) });
        } else {
            let like = new_node(world, machine.node.group.as_deref(), own.kind.clone(), policy);
            let place = Place::node_like(machine, &like);
            booting.push(Booting { place: place.clone(), unoccupied: place });
        }
    }
    for (group, instance) in instances {
        let kind = EntryKind::Instance(group.name.clone(), instance.name.clone());
        let place = new_node(world, Some(&group.name), kind, policy);
        booting.push(Booting { place: place.clone(), unoccupied: place });
    }
    booting
}

fn age_key(created: Option<Timestamp>) -> (bool, Option<Timestamp>) {
    (created.is_none(), created)
}

/// For each zone with a serving node (if none serves: with a managed one) and no Ready node in part 1 yet, the first
/// node of part 2 in it.
fn keep_zones(world: &World<'_>, ready: &[&Machine<'_>], policy: &Policy, part_1: &mut Vec<Entry>) {
    if !policy.keep_zones {
        return;
    }
    let mut zones: BTreeSet<&str> = world.serving().filter_map(|machine| machine.node.zone()).collect();
    if world.serving().count() == 0 {
        zones = world.machines.iter().filter_map(|machine| machine.node.zone()).collect();
    }
    for zone in zones {
        let mut of_zone = ready.iter().filter(|machine| machine.node.zone() == Some(zone));
        if of_zone.clone().any(|machine| part_1.contains(&entry(machine, policy))) {
            continue;
        }
        part_1.extend(of_zone.next().map(|machine| entry(machine, policy)));
    }
}
