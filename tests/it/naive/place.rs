//! POLICY 6: what a place takes.

use std::collections::BTreeMap;

use kube_rebalancer_core::model::{
    Constraints, Node, NodeResources, NodeTemplate, Pod, SelectorTerm, Taint, TaintEffect, Toleration,
};

use super::list::Entry;
use super::world::{Machine, offered};

/// A node that is there, boots or would be created, seen as the scheduler would see it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) entry: Entry,
    /// Empty where the node has no name yet.
    name: String,
    labels: BTreeMap<String, String>,
    taints: Vec<Taint>,
    /// `None` where nothing tells: it then takes pods of any size.
    room: Option<Room>,
    /// Whether nothing is known of it at all: it then takes anything.
    unknown: bool,
}

/// What a place has in all, and what is taken.
#[derive(Clone, Copy, Debug)]
struct Room {
    all: NodeResources,
    memory: u128,
    cpu: u128,
    pods: u128,
}

impl Room {
    fn with<'a>(all: NodeResources, pods: impl Iterator<Item = &'a Pod>) -> Self {
        let mut room = Self { all, memory: 0, cpu: 0, pods: 0 };
        pods.for_each(|pod| room.add(pod));
        room
    }

    fn add(&mut self, pod: &Pod) {
        self.memory += u128::from(pod.requests.memory.0);
        self.cpu += u128::from(pod.requests.cpu.0);
        self.pods += 1;
    }

    /// A request of nothing fits even where too much is taken already, as in the scheduler.
    fn takes(&self, pod: &Pod) -> bool {
        let fits = |request: u64, taken: u128, all: Option<u64>| {
            request == 0 || all.is_none_or(|all| taken + u128::from(request) <= u128::from(all))
        };
        fits(pod.requests.memory.0, self.memory, self.all.memory.map(|memory| memory.0))
            && fits(pod.requests.cpu.0, self.cpu, self.all.cpu.map(|cpu| cpu.0))
            && self.all.pods.is_none_or(|all| self.pods < u128::from(all))
    }
}

impl Place {
    /// A node that is there, with what is on it.
    pub(super) fn node(entry: Entry, machine: &Machine<'_>) -> Self {
        let room = Room::with(
            offered(&machine.node.allocatable, &machine.node.capacity),
            machine.pods.iter().copied(),
        );
        Self::of_node(entry, machine.node, Some(room))
    }

    /// A node that is there, without its occupants.
    pub(super) fn node_without_occupants(entry: Entry, machine: &Machine<'_>) -> Self {
        let stay = machine.pods.iter().copied().filter(|pod| !machine.occupants.contains(pod));
        let room = Room::with(offered(&machine.node.allocatable, &machine.node.capacity), stay);
        Self::of_node(entry, machine.node, Some(room))
    }

    /// A node that is there but does not tell what it offers.
    pub(super) fn node_like(machine: &Machine<'_>, like: &Self) -> Self {
        Self::of_node(like.entry.clone(), machine.node, like.room)
    }

    /// A new node like one that is there: the same machine with the same daemons, omitted ones too.
    pub(super) fn like(entry: Entry, model: &Machine<'_>) -> Self {
        let offered = offered(&model.node.allocatable, &model.node.capacity);
        let room = Room::with(offered, model.all_daemons.iter().copied());
        let mut place = Self::of_node(entry, model.node, Some(room));
        place.name.clear();
        place.labels.remove("kubernetes.io/hostname");
        place
    }

    /// A new node as a group's template tells.
    pub(super) fn template(entry: Entry, template: &NodeTemplate) -> Self {
        Self {
            entry,
            name: String::new(),
            labels: template.labels.clone(),
            taints: template.taints.clone(),
            room: Some(Room::with(offered(&template.allocatable, &template.capacity), std::iter::empty())),
            unknown: false,
        }
    }

    /// A new node of which nothing is known.
    pub(super) fn unknown(entry: Entry) -> Self {
        Self {
            entry,
            name: String::new(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
            room: None,
            unknown: true,
        }
    }

    fn of_node(entry: Entry, node: &Node, room: Option<Room>) -> Self {
        Self {
            entry,
            name: node.name.clone(),
            labels: node.labels.clone(),
            taints: node.taints.clone(),
            room,
            unknown: false,
        }
    }

    pub(super) fn takes(&self, pod: &Pod) -> bool {
        if self.unknown {
            return true;
        }
        let nowhere = Constraints::default();
        let constraints = pod.unbound.as_ref().map_or(&nowhere, |unbound| &*unbound.constraints);
        self.room.is_none_or(|room| room.takes(pod))
            && constraints.node_selector.iter().all(|(key, value)| self.labels.get(key) == Some(value))
            && constraints
                .affinity
                .as_ref()
                .is_none_or(|affinity| affinity.0.iter().any(|term| self.meets(term)))
            && self.taints.iter().all(|taint| harmless(taint) || tolerated(taint, &constraints.tolerations))
    }

    pub(super) fn add(&mut self, pod: &Pod) {
        if let Some(room) = &mut self.room {
            room.add(pod);
        }
    }

    /// A term without requirements matches no node.
    fn meets(&self, term: &SelectorTerm) -> bool {
        let empty = term.labels.is_empty() && term.fields.is_empty();
        !empty
            && term.labels.iter().all(|requirement| requirement.matches(&self.labels))
            && term.fields.iter().all(|requirement| {
                requirement.key == "metadata.name" && requirement.matches_value(Some(&self.name))
            })
    }
}

/// Taints that keep no pod away, or come and go with the node's state.
fn harmless(taint: &Taint) -> bool {
    taint.effect == TaintEffect::PreferNoSchedule
        || [
            "node.kubernetes.io/unschedulable",
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unreachable",
            "node.kubernetes.io/network-unavailable",
            "node.cloudprovider.kubernetes.io/uninitialized",
        ]
        .contains(&taint.key.as_str())
        || taint.key.starts_with("startup-taint.")
}

fn tolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    tolerations.iter().any(|toleration| {
        toleration.key.as_ref().is_none_or(|key| *key == taint.key)
            && toleration.value.as_ref().is_none_or(|value| *value == taint.value)
            && toleration.effect.is_none_or(|effect| effect == taint.effect)
    })
}
