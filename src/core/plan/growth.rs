//! Node groups: the nodes that each may create, the instances that are booting, and the order in which groups are asked.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::believed::Typical;
use super::group::{Group, GroupIndex, NewNodes};
use super::managed::unmanaged_by_labels;
use super::newcomer::{backs_off, has_common, members_of_groups, speaks_against};
use super::notes::Warning;
use super::pause::twice;
use super::pools::PoolIndex;
use super::reason::{Elapsed, InstanceReason, Since};
use super::survey::{NodeFacts, Survey};
use super::template::{Missing, Template, daemon_sets};
use super::value::NodeState;
use crate::model::{ControllerKey, Instance, NodeGroup, NodeIndex};

/// The facts about nodes that do not exist yet.
#[derive(Debug)]
pub(super) struct Growth<'a> {
    /// The node groups of the snapshot, in its order; where none is known, one for each pool that has common nodes.
    pub(super) groups: Vec<Group<'a>>,
    /// Instances that boot and have no node yet.
    pub(super) booting: Vec<BootingInstance<'a>>,
    /// By pool: instances without a node, including instances that will never have one.
    pub(super) instances_without_node: Vec<usize>,
    /// By pool: the number of nodes that may be created, by `MAX_NODES` and the facts of new nodes.
    pub(super) allowed: Vec<usize>,
    /// By pool: whether `MAX_NODES` alone decides that.
    pub(super) max_nodes_binds: Vec<bool>,
    /// The controllers that already have daemons on booting nodes.
    daemons_on: BTreeMap<NodeIndex, BTreeSet<ControllerKey<'a>>>,
    /// Instances that never became a node and are to be deleted, and why.
    pub(super) never_registered: Vec<NeverRegistered<'a>>,
    pub(super) warnings: Vec<Warning>,
}

/// An instance that boots.
#[derive(Clone, Copy, Debug)]
pub(super) struct BootingInstance<'a> {
    pub(super) instance: &'a Instance,
    pub(super) group: GroupIndex,
    pub(super) pool: PoolIndex,
}

/// An instance to be deleted because it never became a node.
#[derive(Debug)]
pub(super) struct NeverRegistered<'a> {
    pub(super) pool: PoolIndex,
    pub(super) group: &'a NodeGroup,
    pub(super) instance: &'a Instance,
    pub(super) reason: InstanceReason,
}

impl<'a> Growth<'a> {
    pub(super) fn new(survey: &Survey<'a>) -> Self {
        let pools = survey.pools.len();
        let mut growth = Self {
            groups: Vec::new(),
            booting: Vec::new(),
            instances_without_node: vec![0; pools],
            allowed: vec![0; pools],
            max_nodes_binds: vec![false; pools],
            daemons_on: daemons_on_nodes_to_come(survey),
            never_registered: Vec::new(),
            warnings: Vec::new(),
        };
        growth.find_groups(survey);
        growth.look_at_instances(survey);
        growth.judge_templates(survey);
        for pool in 0..pools {
            growth.prefer_known_templates(pool);
            growth.limit(survey, pool);
        }
        growth
    }

    /// The groups of a pool that may create nodes.
    pub(super) fn growable(&self, pool: PoolIndex) -> impl Iterator<Item = (GroupIndex, &Group<'a>)> {
        self.groups.iter().enumerate().filter(move |(_, group)| group.growable && group.pool == Some(pool))
    }

    /// Whether `MAX_NODES` alone keeps a pool from creating any node.
    pub(super) fn is_at_max_nodes(&self, pool: PoolIndex) -> bool {
        self.allowed.get(pool) == Some(&0) && self.max_nodes_binds.get(pool) == Some(&true)
    }

    /// The order in which the groups of a pool create further nodes: the zone with the fewest nodes first, then by name. It
    /// is endless if a group can create a node; the caller stops.
    pub(super) fn order(&self, pool: PoolIndex) -> NewNodes<'_> {
        let waiting = self.growable(pool).map(|(index, group)| (group.zone_nodes, index)).collect();
        NewNodes { groups: &self.groups, waiting }
    }

    /// Whether a template of the cloud describes the nodes of a group.
    pub(super) fn has_template(&self, group: Option<GroupIndex>) -> bool {
        let known = group.and_then(|group| self.groups.get(group)?.group);
        known.is_some_and(|group| group.template.is_some())
    }

    /// The group of a node.
    pub(super) fn group_of(&self, survey: &Survey<'_>, index: NodeIndex) -> Option<GroupIndex> {
        let facts = survey.nodes.get(index)?;
        match (facts.node.group.as_deref(), survey.snapshot.groups().is_empty()) {
            (Some(name), false) => self.groups.binary_search_by(|group| group.name().cmp(name)).ok(),
            (None, false) => None,
            (_, true) => self.groups.iter().position(|group| group.pool == Some(facts.pool)),
        }
    }

    /// The requests of the daemons that a node of this group does not run yet.
    pub(super) fn missing_daemons(&self, group: Option<GroupIndex>, index: NodeIndex) -> Missing {
        let nobody = BTreeSet::new();
        let template = group.and_then(|group| self.groups.get(group)?.template.as_ref());
        let controllers = self.daemons_on.get(&index).unwrap_or(&nobody);
        template.map(|template| template.missing(controllers)).unwrap_or_default()
    }

    fn find_groups(&mut self, survey: &Survey<'a>) {
        let known = survey.snapshot.groups();
        let mut nodes: BTreeMap<GroupIndex, Vec<NodeIndex>> = BTreeMap::new();
        let mut members = members_of_groups(survey);
        if known.is_empty() {
            let mut by_pool: BTreeMap<PoolIndex, Vec<NodeIndex>> = BTreeMap::new();
            // A Node object without a machine shows nothing of a new node.
            let exists = |(_, facts): &(NodeIndex, &NodeFacts<'_>)| !survey.is_only_object(facts);
            for (index, facts) in survey.managed().filter(|(_, facts)| facts.common()).filter(exists) {
                by_pool.entry(facts.pool).or_default().push(index);
            }
            for (pool, common) in by_pool {
                nodes.insert(self.groups.len(), common);
                let of_pool = survey.of_pool(pool).filter(exists);
                members.insert(self.groups.len(), of_pool.map(|(index, _)| index).collect());
                self.groups.push(Group::new(None, Some(pool)));
            }
        } else {
            for (group, pool) in known.iter().zip(&survey.group_pools) {
                self.groups.push(Group::new(Some(group), *pool));
            }
            let is_managed =
                |index: &NodeIndex| survey.nodes.get(*index).is_some_and(super::survey::NodeFacts::managed);
            for (group, members) in &members {
                nodes.insert(*group, members.iter().copied().filter(is_managed).collect());
            }
        }
        let mut set_of = vec![None; survey.nodes.len()];
        for (group, members) in &nodes {
            for index in members {
                if let Some(slot) = set_of.get_mut(*index) {
                    *slot = Some(*group);
                }
            }
        }
        let daemons = daemon_sets(survey, self.groups.len(), |index| set_of.get(index).copied().flatten());
        for (index, (group, daemons)) in self.groups.iter_mut().zip(daemons).enumerate() {
            group.nodes = nodes.remove(&index).unwrap_or_default();
            group.members = members.remove(&index).unwrap_or_default();
            group.template = Template::of(survey, group.group, group.pool, &group.nodes, &daemons);
            let nodes = group.nodes.iter().filter_map(|index| survey.nodes.get(*index));
            let to_come = |node: &NodeFacts<'_>| matches!(node.state, NodeState::Booting | NodeState::Parked);
            group.typical = nodes.clone().any(to_come).then(|| Typical::of(&nodes.map(|node| &node.offer)));
            group.zone_nodes = group.group.map_or(0, |group| nodes_in_zone(survey, group));
        }
    }

    fn look_at_instances(&mut self, survey: &Survey<'a>) {
        let named = survey.policy.node_groups_named;
        for index in 0..self.groups.len() {
            let Some(one) = self.groups.get(index) else { continue };
            let newcomer = speaks_against(survey, &one.members);
            let Some(group) = one.group else {
                if let Some(why) = newcomer {
                    self.warnings.push(Warning::GroupNotGrown { group: String::new(), why });
                    self.rule_out(index);
                }
                continue;
            };
            let pool = one.pool;
            let discovered = named || !one.nodes.is_empty();
            let mut obstacle = group.not_growable.clone();
            if !discovered {
                obstacle.get_or_insert_with(|| {
                    "none of its nodes is managed, and NODE_GROUPS does not name it".to_owned()
                });
            }
            obstacle = obstacle.or(newcomer).or_else(|| backs_off(survey, group, &one.members));
            for instance in group.instances.iter().filter(|instance| !instance.has_node) {
                let Some(pool) = pool else { continue };
                if let Some(count) = self.instances_without_node.get_mut(pool) {
                    *count += 1;
                }
                match fate(instance, survey) {
                    Fate::Boots => self.booting.push(BootingInstance { instance, group: index, pool }),
                    Fate::Stuck(why) => {
                        obstacle.get_or_insert(why);
                    }
                    Fate::Given { created } => {
                        if discovered && instance.surely_no_node && group.not_shrinkable.is_none() {
                            let limit = Elapsed(twice(survey.policy.boot_grace));
                            let reason = InstanceReason::NeverRegistered { created, limit };
                            self.never_registered.push(NeverRegistered { pool, group, instance, reason });
                        }
                    }
                }
            }
            let name = group.name.clone();
            if pool.is_none() {
                self.warnings.push(Warning::GroupWithoutPool { group: name.clone() });
            } else if let Some(why) = &obstacle {
                self.warnings.push(Warning::GroupNotGrown { group: name.clone(), why: why.clone() });
            }
            if let Some(why) = &group.not_shrinkable {
                self.warnings.push(Warning::GroupNotShrunk { group: name, why: why.clone() });
            }
            if let Some(group) = self.groups.get_mut(index) {
                group.growable = obstacle.is_none() && pool.is_some();
            }
        }
    }

    fn rule_out(&mut self, group: GroupIndex) {
        if let Some(group) = self.groups.get_mut(group) {
            group.growable = false;
        }
    }

    /// Rules out groups whose next node would be useless for the pool's pods.
    fn judge_templates(&mut self, survey: &Survey<'a>) {
        for group in &mut self.groups {
            if group.growable
                && let Some(why) = unmanaged_new_node(survey, group)
            {
                self.warnings.push(Warning::GroupNotGrown { group: group.name().to_owned(), why });
                group.growable = false;
            }
            if group.growable && group.template.is_none() && all_reserved(survey, &group.nodes) {
                let why = "all of its nodes are reserved by their taints".to_owned();
                self.warnings.push(Warning::GroupNotGrown { group: group.name().to_owned(), why });
                group.growable = false;
            }
            let Some(pool) = group.pool else { continue };
            let name = group.group.map(|group| group.name.clone()).unwrap_or_default();
            let reserved = || "a new node of it would be reserved by its taints".to_owned();
            let Some(template) = &group.template else {
                if group.growable && survey.would_be_reserved_at_any_size(pool, group.group, &group.nodes) {
                    self.warnings.push(Warning::GroupNotGrown { group: name, why: reserved() });
                    group.growable = false;
                }
                continue;
            };
            let bounds = survey.policy.bounds_of(survey.pool_name(pool));
            if let Some((resource, capacity)) = template.filled_by_daemons(&survey.policy.resources, bounds) {
                let daemons = template.daemons.of(resource);
                self.warnings.push(Warning::DaemonsFillNewNode { group: name, resource, daemons, capacity });
                group.growable = false;
            } else if group.growable && !survey.somebody_reaches(pool, template) {
                self.warnings.push(Warning::NobodyReachesNewNode { group: name });
                group.growable = false;
            } else if group.growable && survey.would_be_reserved(pool, template, &group.nodes) {
                self.warnings.push(Warning::GroupNotGrown { group: name, why: reserved() });
                group.growable = false;
            }
        }
    }

    /// A group whose nodes are unknown is used only if its pool has no other one.
    fn prefer_known_templates(&mut self, pool: PoolIndex) {
        if self.growable(pool).any(|(_, group)| group.template.is_some()) {
            for group in self.groups.iter_mut().filter(|group| group.pool == Some(pool)) {
                group.growable &= group.template.is_some();
            }
        }
    }

    fn limit(&mut self, survey: &Survey<'a>, pool: PoolIndex) {
        if self.growable(pool).next().is_none() {
            return;
        }
        let bounds = survey.policy.bounds_of(survey.pool_name(pool));
        let without_node = self.instances_without_node.get(pool).copied().unwrap_or(0);
        let exists =
            |facts: &NodeFacts<'_>| facts.state != NodeState::Parked && !survey.is_only_object(facts);
        let existing = survey.common(pool).filter(|(_, facts)| exists(facts)).count();
        let taken = existing + self.not_common(survey, pool) + without_node;
        let mut allowed = bounds.max_nodes.saturating_sub(taken);
        let by_max_nodes = allowed;
        let known = self.growable(pool).any(|(_, group)| group.template.is_some());
        if !known {
            let in_state = |state| survey.common(pool).filter(|(_, facts)| facts.state == state).count();
            let instances = self.booting.iter().filter(|one| one.pool == pool).count();
            let booting = in_state(NodeState::Booting) + instances;
            let blind = bounds.min_nodes.saturating_sub(in_state(NodeState::Serving) + booting).max(1);
            allowed = if booting > 0 { 0 } else { allowed.min(blind) };
            self.warnings.push(Warning::UnknownNewNode { allowed });
        }
        if let Some(slot) = self.allowed.get_mut(pool) {
            *slot = allowed;
        }
        if let Some(slot) = self.max_nodes_binds.get_mut(pool) {
            *slot = allowed == by_max_nodes;
        }
    }

    /// The nodes of a pool's groups that are no capacity: reserved or not managed. A limit of creations must count them. A
    /// group that has only such nodes and does not grow does not count.
    fn not_common(&self, survey: &Survey<'_>, pool: PoolIndex) -> usize {
        let of_pool = self.groups.iter().filter(|group| group.pool == Some(pool) && group.group.is_some());
        let counts = of_pool.filter(|group| group.growable || has_common(survey, &group.nodes));
        let members = counts.flat_map(|group| &group.members);
        members.filter(|index| survey.nodes.get(**index).is_some_and(|facts| !facts.common())).count()
    }
}

fn daemons_on_nodes_to_come<'a>(survey: &Survey<'a>) -> BTreeMap<NodeIndex, BTreeSet<ControllerKey<'a>>> {
    let mut daemons: BTreeMap<NodeIndex, BTreeSet<ControllerKey<'_>>> = BTreeMap::new();
    for (controller, bound) in survey.daemons.all() {
        for &(index, ..) in bound {
            let state = survey.nodes.get(index).map(|facts| facts.state);
            if matches!(state, Some(NodeState::Booting | NodeState::Parked)) {
                daemons.entry(index).or_default().insert(controller);
            }
        }
    }
    daemons
}

fn all_reserved(survey: &Survey<'_>, nodes: &[NodeIndex]) -> bool {
    let reserved = |index: &NodeIndex| survey.nodes.get(*index).is_some_and(|facts| facts.reserved.is_some());
    !nodes.is_empty() && nodes.iter().all(reserved)
}

/// The reason why the next node of a group would not be managed, so that no run would ever count it.
fn unmanaged_new_node(survey: &Survey<'_>, group: &Group<'_>) -> Option<String> {
    let why = match &group.template {
        Some(template) => {
            let mut sites = template.sites().map(|site| unmanaged_by_labels(site.labels, survey.policy));
            let first = sites.next()??;
            sites.all(|why| why.is_some()).then_some(first)?
        }
        None => group
            .group?
            .template
            .as_ref()
            .filter(|template| group.nodes.is_empty() && !template.only_size)
            .and_then(|template| unmanaged_by_labels(&template.labels, survey.policy))?,
    };
    Some(format!("a new node of it would not be managed: {why}"))
}

/// The judgement of an instance without a node.
enum Fate {
    /// It may still become a node.
    Boots,
    /// It is late or failed, and keeps its group from growing.
    Stuck(String),
    /// It has been late for so long that no run waits for it.
    Given { created: Since },
}

fn fate(instance: &Instance, survey: &Survey<'_>) -> Fate {
    let grace = survey.policy.boot_grace;
    let age = instance
        .created_at
        .map(|created| survey.snapshot.observed_at().duration_since(created).max(SignedDuration::ZERO));
    match (age, &instance.creation_error) {
        (Some(age), _) if age >= twice(grace) => Fate::Given { created: Since(instance.created_at) },
        (_, Some(error)) => Fate::Stuck(format!("creating instance {} failed: {error}", instance.name)),
        (Some(age), None) if age >= grace => {
            Fate::Stuck(format!("instance {} has had no node for longer than BOOT_GRACE", instance.name))
        }
        (Some(_) | None, None) => Fate::Boots,
    }
}

fn nodes_in_zone(survey: &Survey<'_>, group: &NodeGroup) -> usize {
    let without_node =
        |group: &NodeGroup| group.instances.iter().filter(|instance| !instance.has_node).count();
    let Some(zone) = group.zone.as_deref() else {
        let of_group = |name: &str| {
            survey.managed().filter(|(_, facts)| facts.node.group.as_deref() == Some(name)).count()
        };
        return of_group(&group.name) + without_node(group);
    };
    let nodes = survey.managed().filter(|(_, facts)| facts.zone == Some(zone)).count();
    let others = survey.snapshot.groups().iter().filter(|other| other.zone.as_deref() == Some(zone));
    nodes + others.map(without_node).sum::<usize>()
}
