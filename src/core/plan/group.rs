//! A node group as something that can create nodes, and the order in which several do.

use super::believed::Typical;
use super::fit::{Shape, template_admits};
use super::pools::PoolIndex;
use super::template::Template;
use crate::model::{Amounts, NodeGroup, NodeIndex};

/// The index of a [`Group`] in the list of all groups.
pub(super) type GroupIndex = usize;

/// A node group as something that can create nodes.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "it wraps the model's group, or replaces an unknown one")]
pub(super) struct Group<'a> {
    /// The cloud's group; `None` if no group is known: it then represents the common nodes of its pool.
    pub(super) group: Option<&'a NodeGroup>,
    /// Its pool; `None` if that is not known.
    pub(super) pool: Option<PoolIndex>,
    /// The expected next node, if it is known.
    pub(super) template: Option<Template<'a>>,
    /// Whether it may create nodes in this run.
    pub(super) growable: bool,
    /// Its managed nodes; where no group is known, the common nodes of its pool.
    pub(super) nodes: Vec<NodeIndex>,
    /// All its nodes, managed or not; where no group is known, the managed nodes of its pool.
    pub(super) members: Vec<NodeIndex>,
    /// What its nodes report; `None` if none of them is to come.
    pub(super) typical: Option<Typical>,
    /// Managed nodes and instances in its zone, for spreading.
    pub(super) zone_nodes: usize,
}

impl<'a> Group<'a> {
    pub(super) fn new(group: Option<&'a NodeGroup>, pool: Option<PoolIndex>) -> Self {
        Self {
            group,
            pool,
            template: None,
            growable: true,
            nodes: Vec::new(),
            members: Vec::new(),
            typical: None,
            zone_nodes: 0,
        }
    }
}

impl Group<'_> {
    /// Its name; empty where no group is known.
    pub(super) fn name(&self) -> &str {
        self.group.map_or("", |group| group.name.as_str())
    }

    /// The size of its next node, if the cloud tells it and nothing else of the node: the capacity, because what images reserve
    /// is an estimate, and a pod must not be refused for ever by an estimate.
    pub(super) fn known_size(&self) -> Option<Amounts> {
        let template = self.group?.template.as_ref().filter(|_| self.template.is_none())?;
        let is_sized = template.only_size && self.nodes.is_empty();
        is_sized.then(|| template.capacity.offer(&template.allocatable))
    }

    /// Whether its next node would take a pod. If the node is unknown, any pod is assumed to fit that a known size does not
    /// exclude: a cluster that has shrunk to nothing must be able to grow again.
    pub(super) fn would_take(&self, shape: Shape<'_>) -> bool {
        match &self.template {
            Some(template) => shape.fits(&template.free) && template_admits(template, shape),
            None => self.growable && self.known_size().is_none_or(|size| shape.fits_memory_and_cpu(&size)),
        }
    }
}

/// The groups that create further nodes, one a node.
#[derive(Clone, Debug)]
pub(super) struct NewNodes<'a> {
    pub(super) groups: &'a [Group<'a>],
    /// Nodes in the group's zone so far, and the group (groups are sorted by name).
    pub(super) waiting: Vec<(usize, GroupIndex)>,
}

impl NewNodes<'_> {
    /// The next group that `suits`.
    pub(super) fn first(&self, suits: impl Fn(GroupIndex) -> bool) -> Option<GroupIndex> {
        let first = self.waiting.iter().filter(|(_, group)| suits(*group)).min();
        first.map(|(_, group)| *group)
    }

    /// The next group that `suits`, counted as having created a node.
    pub(super) fn take(&mut self, suits: impl Fn(GroupIndex) -> bool) -> Option<GroupIndex> {
        let group = self.first(suits)?;
        let zone = |index: GroupIndex| {
            self.groups.get(index).and_then(|group| group.group).and_then(|group| group.zone.as_deref())
        };
        let created_in = zone(group);
        for (nodes, index) in &mut self.waiting {
            // Regional groups have no zone of their own to compare by; each counts for itself.
            if *index == group || (created_in.is_some() && zone(*index) == created_in) {
                *nodes += 1;
            }
        }
        Some(group)
    }
}
