//! New nodes: what they would be like, in which group they are made, and how many may be made.

use std::cmp::Reverse;

use kube_rebalancer_core::model::NodeGroup;
use kube_rebalancer_core::policy::Policy;

use super::list::{Entry, EntryKind};
use super::place::Place;
use super::world::{Machine, World, memory};

/// One million: ratios are in parts per million.
const MILLION: u128 = 1_000_000;

/// What an entry of this group without a status of its own is like: the newest registered node of the group that
/// tells, else the template, else unknown. Where no group is known, the managed nodes are one group.
pub(super) fn new_node(world: &World<'_>, group: Option<&str>, kind: EntryKind, policy: &Policy) -> Place {
    let capacity = |machine: &Machine<'_>| memory(&machine.node.allocatable, &machine.node.capacity, policy);
    let newest = world
        .machines
        .iter()
        .filter(|machine| {
            world.groups.is_empty() || (group.is_some() && machine.node.group.as_deref() == group)
        })
        .filter(|machine| capacity(machine) > 0)
        .max_by_key(|machine| (machine.node.created_at, Reverse(&machine.node.name)));
    if let Some(machine) = newest {
        let daemons = machine.daemons.iter().map(|pod| u128::from(pod.requests.memory.0)).sum();
        return Place::like(Entry { kind, capacity: capacity(machine), daemons }, machine);
    }
    let group = world.groups.iter().find(|known| Some(known.name.as_str()) == group);
    let Some(template) = group.and_then(|group| group.template.as_ref()) else {
        return Place::unknown(Entry { kind, capacity: 0, daemons: 0 });
    };
    let capacity = memory(&template.allocatable, &template.capacity, policy);
    let entry = Entry { kind, capacity, daemons: 0 };
    if capacity == 0 { Place::unknown(entry) } else { Place::template(entry, template) }
}

/// Makes new nodes, one at a time, in the right group, until no more may be made.
pub(super) struct Factory {
    kinds: Vec<Kind>,
    left: usize,
    made: usize,
}

/// New nodes of one group, or of none where none is known.
struct Kind {
    place: Place,
    group: Option<String>,
    zone: Option<String>,
    growable: bool,
    /// Managed nodes and instances without a node in its zone, new ones included; of a regional group, its own.
    there: usize,
}

impl Factory {
    pub(super) fn of(world: &World<'_>, policy: &Policy) -> Self {
        let kind = |group: Option<&NodeGroup>| {
            let name = group.map(|group| group.name.clone());
            let kind = EntryKind::New(name.clone(), 0);
            Kind {
                place: new_node(world, name.as_deref(), kind, policy),
                group: name,
                zone: group.and_then(|group| group.zone.clone()),
                growable: group.is_none_or(|group| growable(world, group, policy)),
                there: group.map_or(0, |group| nodes_there(world, group)),
            }
        };
        let mut kinds: Vec<Kind> = world.groups.iter().map(|group| kind(Some(group))).collect();
        if kinds.is_empty() {
            kinds.push(kind(None));
        }
        kinds.retain(|kind| !filled_by_daemons(&kind.place.entry, policy));
        // A group whose nodes nobody knows is used only if there is no other.
        let known = kinds.iter().any(|kind| kind.growable && kind.place.entry.capacity > 0);
        for kind in &mut kinds {
            kind.growable &= !known || kind.place.entry.capacity > 0;
        }
        let there = world.machines.len() + world.instances().count();
        let mut left = policy.max_nodes.saturating_sub(there);
        if !known {
            let in_service = world.serving().count() + world.booting_count();
            let blind = policy.min_nodes.saturating_sub(in_service).max(1);
            left = if world.booting_count() > 0 { 0 } else { left.min(blind) };
        }
        if world.too_many_broken(policy) {
            left = 0; // only uncordons are allowed, so what is there must do
        }
        Self { kinds, left, made: 0 }
    }

    /// What new nodes would be like, whether or not any may be made now; unknown ones only where they may.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &Place> {
        let kinds = self.kinds.iter().filter(|kind| kind.growable || kind.place.entry.capacity > 0);
        kinds.map(|kind| &kind.place)
    }

    /// Makes a node that will do: in the zone with fewest nodes, then by name of the group.
    pub(super) fn create(&mut self, will_do: impl Fn(&Place) -> bool) -> Option<Place> {
        if self.left == 0 {
            return None;
        }
        let chosen = self
            .kinds
            .iter()
            .filter(|kind| kind.growable && will_do(&kind.place))
            .min_by_key(|kind| (kind.there, kind.group.clone()))?;
        let (mut place, group, zone) = (chosen.place.clone(), chosen.group.clone(), chosen.zone.clone());
        for kind in &mut self.kinds {
            if kind.group == group || (zone.is_some() && kind.zone == zone) {
                kind.there += 1;
            }
        }
        self.made += 1;
        self.left -= 1;
        place.entry.kind = EntryKind::New(group, self.made);
        Some(place)
    }
}

/// Instances without a node count too, or the next run would not go on where this one stopped.
fn nodes_there(world: &World<'_>, group: &NodeGroup) -> usize {
    let of_group = |name: Option<&str>| name == Some(group.name.as_str());
    if group.zone.is_none() {
        world.machines.iter().filter(|machine| of_group(machine.node.group.as_deref())).count()
            + world.instances().filter(|(of, _)| of_group(Some(&of.name))).count()
    } else {
        world.machines.iter().filter(|machine| machine.node.zone() == group.zone.as_deref()).count()
            + world.instances().filter(|(of, _)| of.zone == group.zone).count()
    }
}

/// A group of the managed nodes (or one that the operator named) that nothing speaks against.
fn growable(world: &World<'_>, group: &NodeGroup, policy: &Policy) -> bool {
    let ours = world.machines.iter().any(|machine| machine.node.group.as_ref() == Some(&group.name));
    let late = world.instances().any(|(of, instance)| of.name == group.name && !world.boots(instance));
    (ours || policy.node_groups_named) && group.not_growable.is_none() && !late
}

/// Whether its own daemons would fill `MAX_UTILIZATION` of a new node.
fn filled_by_daemons(entry: &Entry, policy: &Policy) -> bool {
    entry.capacity > 0 && entry.daemons * MILLION >= entry.capacity * u128::from(policy.max_utilization.0)
}
