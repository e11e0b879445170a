//! Nodes that do not exist yet: what they would be like, which groups may make them, and in what order.

use std::collections::BTreeMap;

use super::fit::{Room, Site};
use super::notes::Warning;
use super::pods::Load;
use super::survey::Survey;
use super::value::NodeState;
use crate::model::{Constraints, Instance, NodeGroup, NodeResources, Requests, Taint};
use crate::policy::{CapacitySource, PartsPerMillion, Policy};

/// The index of a [`Maker`] in [`Growth::makers`].
pub(super) type MakerIndex = usize;

/// What can be created.
#[derive(Debug)]
pub(super) struct Growth<'a> {
    /// One for each node group; where no group is known, one that stands for all managed nodes.
    pub(super) makers: Vec<Maker<'a>>,
    /// Instances that boot and have no node yet.
    pub(super) booting: Vec<BootingInstance<'a>>,
    /// Instances without a node, those that will never have one included.
    pub(super) instances_without_node: usize,
    /// How many nodes may be created.
    pub(super) allowed: usize,
    pub(super) warnings: Vec<Warning>,
}

/// Something that makes nodes of one kind.
#[derive(Debug)]
pub(super) struct Maker<'a> {
    /// `None` where no group is known.
    pub(super) group: Option<&'a NodeGroup>,
    /// What its next node would be like, if something tells.
    pub(super) shape: Option<Shape<'a>>,
    /// Whether it may make nodes in this run.
    pub(super) growable: bool,
    /// Whether a node of its kind would have room beside its own daemons.
    useful: bool,
    /// Managed nodes and instances in its zone, for spreading.
    zone_nodes: usize,
}

/// What a node that does not exist yet would be like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'a> {
    pub(super) capacity: u128,
    pub(super) daemons: u128,
    offered: NodeResources,
    daemon_load: Load,
    labels: &'a BTreeMap<String, String>,
    taints: &'a [Taint],
}

/// An instance that boots.
#[derive(Clone, Copy, Debug)]
pub(super) struct BootingInstance<'a> {
    pub(super) instance: &'a Instance,
    pub(super) maker: MakerIndex,
}

impl<'a> Shape<'a> {
    pub(super) fn site(&self) -> Site<'a> {
        Site { name: None, labels: self.labels, taints: self.taints }
    }

    pub(super) fn room(&self) -> Room {
        Room::new(self.offered, self.daemon_load)
    }

    /// Whether its own daemons leave no room for anybody below `MAX_UTILIZATION`.
    fn filled_by_daemons(&self, policy: &Policy) -> bool {
        self.daemons * u128::from(PartsPerMillion::ONE.0)
            >= self.capacity * u128::from(policy.max_utilization.0)
    }
}

impl Maker<'_> {
    /// Whether a node of its kind would take a pod. Where nothing tells what the node would be like, any pod is
    /// assumed to fit: a cluster that has shrunk to nothing must be able to grow again.
    pub(super) fn would_take(&self, requests: Requests, constraints: &Constraints) -> bool {
        match &self.shape {
            Some(shape) => self.useful && shape.room().holds(requests) && shape.site().admits(constraints),
            None => self.growable,
        }
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.group.map(|group| group.name.as_str())
    }
}

impl<'a> Growth<'a> {
    pub(super) fn new(survey: &Survey<'a>) -> Self {
        let mut growth = Self {
            makers: Vec::new(),
            booting: Vec::new(),
            instances_without_node: 0,
            allowed: 0,
            warnings: Vec::new(),
        };
        let groups = survey.snapshot.groups();
        if groups.is_empty() {
            growth.add_maker(survey, None);
        }
        for group in groups {
            growth.add_maker(survey, Some(group));
        }
        growth.prefer_known_shapes();
        growth.limit(survey);
        growth
    }

    /// The order in which further nodes would be created: the zone with fewest nodes first, then the group's name.
    /// Endless where anything can be created at all; the caller stops.
    pub(super) fn order(&self) -> NewNodes<'_> {
        let waiting = self
            .makers
            .iter()
            .enumerate()
            .filter(|(_, maker)| maker.growable)
            .map(|(index, maker)| (maker.zone_nodes, index))
            .collect();
        NewNodes { makers: &self.makers, waiting }
    }

    fn add_maker(&mut self, survey: &Survey<'a>, group: Option<&'a NodeGroup>) {
        let maker = self.makers.len();
        let shape = shape(survey, group);
        let mut obstacle = group.and_then(|group| group.not_growable.clone());
        if let Some(group) = group
            && !survey.policy.node_groups_named
            && !survey.managed().any(|(_, facts)| facts.node.group.as_ref() == Some(&group.name))
        {
            obstacle.get_or_insert_with(|| {
                "none of its nodes is managed, and NODE_GROUPS does not name it".to_owned()
            });
        }
        for instance in group.iter().flat_map(|group| &group.instances).filter(|instance| !instance.has_node)
        {
            self.instances_without_node += 1;
            match stuck(instance, survey) {
                Some(why) => {
                    obstacle.get_or_insert(why);
                }
                None => self.booting.push(BootingInstance { instance, maker }),
            }
        }
        let name = || group.map(|group| group.name.clone());
        if let (Some(group), Some(why)) = (name(), &obstacle) {
            self.warnings.push(Warning::GroupNotGrown { group, why: why.clone() });
        }
        if let Some((group, why)) =
            group.and_then(|group| Some((group.name.clone(), group.not_shrinkable.clone()?)))
        {
            self.warnings.push(Warning::GroupNotShrunk { group, why });
        }
        let filled = shape.filter(|shape| shape.filled_by_daemons(survey.policy));
        if let Some(shape) = filled {
            let (daemons, capacity) = (shape.daemons, shape.capacity);
            self.warnings.push(Warning::DaemonsFillNewNode { group: name(), daemons, capacity });
        }
        self.makers.push(Maker {
            group,
            shape,
            growable: obstacle.is_none() && filled.is_none(),
            useful: filled.is_none(),
            zone_nodes: group.map_or(0, |group| nodes_in_zone(survey, group)),
        });
    }

    /// A group whose nodes nobody knows is used only if there is no other.
    fn prefer_known_shapes(&mut self) {
        if self.makers.iter().any(|maker| maker.growable && maker.shape.is_some()) {
            for maker in &mut self.makers {
                maker.growable &= maker.shape.is_some();
            }
        }
    }

    fn limit(&mut self, survey: &Survey<'a>) {
        if !self.makers.iter().any(|maker| maker.growable) {
            return;
        }
        let taken = survey.managed().count() + self.instances_without_node;
        self.allowed = survey.policy.max_nodes.saturating_sub(taken);
        let known = self.makers.iter().any(|maker| maker.growable && maker.shape.is_some());
        if !known {
            let booting = survey.count(NodeState::Booting) + self.booting.len();
            let serving = survey.count(NodeState::Serving);
            let blind = survey.policy.min_nodes.saturating_sub(serving + booting).max(1);
            self.allowed = if booting > 0 { 0 } else { self.allowed.min(blind) };
            self.warnings.push(Warning::UnknownNewNode { allowed: self.allowed });
        }
    }
}

/// Why an instance without a node will not get one, if so.
fn stuck(instance: &Instance, survey: &Survey<'_>) -> Option<String> {
    if let Some(error) = &instance.creation_error {
        return Some(format!("creating instance {} failed: {error}", instance.name));
    }
    let age = survey.snapshot.observed_at().duration_since(instance.created_at?);
    (age >= survey.policy.boot_grace)
        .then(|| format!("instance {} has had no node for longer than BOOT_GRACE", instance.name))
}

/// What the next node of a group would be like: its newest registered node tells, else its template.
fn shape<'a>(survey: &Survey<'a>, group: Option<&'a NodeGroup>) -> Option<Shape<'a>> {
    let newest = survey
        .managed()
        .map(|(_, facts)| facts)
        .filter(|facts| facts.capacity > 0)
        .filter(|facts| group.is_none_or(|group| facts.node.group.as_ref() == Some(&group.name)))
        .max_by(|left, right| {
            let age = left.node.created_at.cmp(&right.node.created_at);
            age.then_with(|| right.node.name.cmp(&left.node.name))
        });
    if let Some(facts) = newest {
        return Some(Shape {
            capacity: facts.capacity,
            daemons: facts.daemons,
            offered: offered(facts.node.allocatable, facts.node.capacity),
            daemon_load: facts.daemon_load,
            labels: &facts.node.labels,
            taints: &facts.node.taints,
        });
    }
    let template = group?.template.as_ref()?;
    let capacity = match survey.policy.capacity {
        CapacitySource::Allocatable => template.allocatable.memory.or(template.capacity.memory),
        CapacitySource::Capacity => template.capacity.memory,
    };
    let capacity = u128::from(capacity.filter(|bytes| bytes.0 > 0)?.0);
    Some(Shape {
        capacity,
        daemons: 0,
        offered: offered(template.allocatable, template.capacity),
        daemon_load: Load::default(),
        labels: &template.labels,
        taints: &template.taints,
    })
}

/// What the scheduler hands out; the API server takes a missing allocatable from capacity.
pub(super) fn offered(allocatable: NodeResources, capacity: NodeResources) -> NodeResources {
    NodeResources {
        memory: allocatable.memory.or(capacity.memory),
        cpu: allocatable.cpu.or(capacity.cpu),
        pods: allocatable.pods.or(capacity.pods),
    }
}

fn nodes_in_zone(survey: &Survey<'_>, group: &NodeGroup) -> usize {
    let Some(zone) = group.zone.as_deref() else {
        let nodes =
            survey.managed().filter(|(_, facts)| facts.node.group.as_ref() == Some(&group.name)).count();
        return nodes + group.instances.iter().filter(|instance| !instance.has_node).count();
    };
    let nodes = survey.managed().filter(|(_, facts)| facts.node.zone() == Some(zone)).count();
    let others = survey.snapshot.groups().iter().filter(|other| other.zone.as_deref() == Some(zone));
    nodes + others.flat_map(|other| &other.instances).filter(|instance| !instance.has_node).count()
}

/// The makers of further nodes, one a node. See [`Growth::order`].
#[derive(Clone, Debug)]
pub(super) struct NewNodes<'a> {
    makers: &'a [Maker<'a>],
    /// Nodes in the maker's zone so far, and the maker (makers are sorted by name).
    waiting: Vec<(usize, MakerIndex)>,
}

impl NewNodes<'_> {
    /// The next maker that `suits`, counted as having made a node.
    pub(super) fn take(&mut self, suits: impl Fn(MakerIndex) -> bool) -> Option<MakerIndex> {
        let &(_, maker) = self.waiting.iter().filter(|(_, maker)| suits(*maker)).min()?;
        let zone = |index: MakerIndex| {
            self.makers.get(index).and_then(|maker| maker.group).and_then(|group| group.zone.as_deref())
        };
        let made_in = zone(maker);
        for (nodes, index) in &mut self.waiting {
            // Regional groups have no zone of their own to compare by; each stands for itself.
            if *index == maker || (made_in.is_some() && zone(*index) == made_in) {
                *nodes += 1;
            }
        }
        Some(maker)
    }
}
