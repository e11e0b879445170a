//! The keep order: every candidate of a pool once, the nodes to keep first. Section 5.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::group::GroupIndex;
use super::growth::Growth;
use super::needs::{Must, Needs};
use super::parked::{is_wakeable, parked_nodes};
use super::pools::PoolIndex;
use super::ready::Sorted;
use super::state::Cordon;
use super::survey::{NodeFacts, Survey};
use super::value::NodeState;
use crate::model::{Amounts, NodeIndex, Resource};
use crate::policy::CapacitySource;

/// An entry of the keep order: a node, or a future node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Candidate {
    /// A node of the snapshot.
    Node(NodeIndex),
    /// An instance that boots: its index in [`Growth::booting`].
    Instance(usize),
    /// A node to be created in this group.
    New(GroupIndex),
}

/// A candidate with its share of a choice.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) candidate: Candidate,
    pub(super) capacity: Amounts,
    pub(super) daemons: Amounts,
    /// Whether it can serve right away.
    pub(super) ready: bool,
}

/// The keep order of a pool.
#[derive(Debug)]
pub(super) struct KeepOrder {
    pub(super) entries: Vec<Entry>,
    /// The number of entries, from the first on, that must be kept.
    pub(super) must: usize,
    /// The reasons, for the nodes among these.
    pub(super) reasons: BTreeMap<NodeIndex, Must>,
    /// The number of new nodes among the entries that must be kept.
    pub(super) must_create: usize,
    /// The number of entries, from the first, that stay as far as `MAX_NODES` allows because nothing is to move: the
    /// nodes that must be kept and the serving nodes. Else 0.
    pub(super) held: usize,
    /// The number of entries that exist already.
    pub(super) existing: usize,
}

/// The cordons of all nodes at some step of planning, parallel to the snapshot's nodes.
pub(super) type Cordons = [Cordon];

/// The input of a pool's keep order, in addition to the survey.
#[derive(Clone, Copy, Debug)]
pub(super) struct OrderInput<'r> {
    pub(super) cordons: &'r Cordons,
    pub(super) needs: &'r Needs,
    /// The resource that decides, which orders nodes with equally many occupants.
    pub(super) resource: Resource,
    /// The number of nodes that may be created, including nodes for waiting pods.
    pub(super) creatable: usize,
    /// The nodes without which no room is left for a kind of users' pods, and one of these pods.
    pub(super) room: &'r [(NodeIndex, String)],
    /// Puts every serving node before the cordoned ones, and keeps it where `MAX_NODES` allows.
    pub(super) hold: bool,
}

/// Whether a node is a candidate. These are not: a node that is reserved, broken, not in use, under pressure or claimed, or
/// that another actor keeps out of service; and a cordoned booting node that was not woken, because it cannot be uncordoned
/// before it is Ready.
pub(super) fn is_candidate(survey: &Survey<'_>, facts: &NodeFacts<'_>) -> bool {
    facts.common()
        && !facts.claimed
        && match facts.state {
            NodeState::Serving | NodeState::Cordoned => !facts.in_others_hands(survey.policy),
            NodeState::Booting => facts.cordon == Cordon::None || facts.woken_at.is_some(),
            NodeState::Parked => is_wakeable(survey, facts),
            NodeState::Broken | NodeState::NotInUse | NodeState::UnderPressure | NodeState::Claimed => false,
        }
}

/// The cordon of a node at this step of planning.
pub(super) fn cordon(cordons: &Cordons, index: NodeIndex) -> Cordon {
    cordons.get(index).copied().unwrap_or(Cordon::None)
}

/// Whether a node serves under these cordons.
pub(super) fn serves(facts: &NodeFacts<'_>, cordons: &Cordons, index: NodeIndex) -> bool {
    facts.common() && facts.ready() && cordon(cordons, index) == Cordon::None
}

/// The Ready candidates of a pool: most occupants first (movable ones do not count), then serving before cordoned, then larger
/// occupied request of the deciding resource, then newer, then name.
pub(super) fn ready_candidates(
    survey: &Survey<'_>,
    pool: PoolIndex,
    cordons: &Cordons,
    resource: Resource,
) -> Vec<NodeIndex> {
    let sorted = survey.ready.of(pool, resource, || sorted(survey, pool, resource));
    let mut ready = Vec::with_capacity(sorted.len());
    for equal in sorted.chunk_by(|(left, _), (right, _)| left == right) {
        let all = || equal.iter().map(|(_, index)| *index);
        ready.extend(all().filter(|index| cordon(cordons, *index) == Cordon::None));
        ready.extend(all().filter(|index| cordon(cordons, *index) != Cordon::None));
    }
    ready
}

fn sorted(survey: &Survey<'_>, pool: PoolIndex, resource: Resource) -> Sorted {
    let mut ready: Vec<_> = survey
        .common(pool)
        .filter(|(_, facts)| facts.ready() && is_candidate(survey, facts))
        .map(|(index, facts)| {
            let key = (facts.staying_occupants(), facts.occupied(resource), facts.node.created_at);
            (Reverse(key), index)
        })
        .collect();
    ready.sort_unstable();
    ready.into_iter().map(|(Reverse((staying, ..)), index)| (staying, index)).collect()
}

/// The booting nodes of a pool, older first (one of unknown age last), then by name. Of nodes that were woken at the same time
/// the longest cordoned comes first; their order while they were parked may differ after a refused request to wake them.
pub(super) fn booting_nodes(survey: &Survey<'_>, pool: PoolIndex) -> Vec<NodeIndex> {
    let mut booting: Vec<_> = survey
        .common(pool)
        .filter(|(_, facts)| facts.state == NodeState::Booting && is_candidate(survey, facts))
        .map(|(index, facts)| {
            let began_at = facts.began_at();
            (began_at.is_none(), began_at, facts.woken_at.and(facts.cordoned_at), index)
        })
        .collect();
    booting.sort_unstable();
    booting.into_iter().map(|(_, _, _, index)| index).collect()
}

/// The booting instances of a pool, older first (one that the cloud has not begun last), then by name.
pub(super) fn booting_instances(growth: &Growth<'_>, pool: PoolIndex) -> Vec<usize> {
    let mut booting: Vec<_> = growth
        .booting
        .iter()
        .enumerate()
        .filter(|(_, one)| one.pool == pool)
        .map(|(index, one)| {
            let created_at = one.instance.created_at;
            ((created_at.is_none(), created_at, one.instance.name.as_str(), one.group), index)
        })
        .collect();
    booting.sort_unstable();
    booting.into_iter().map(|(_, index)| index).collect()
}

impl KeepOrder {
    /// Orders all candidates of a pool, including all nodes that may be created.
    pub(super) fn new(
        survey: &Survey<'_>,
        growth: &Growth<'_>,
        pool: PoolIndex,
        input: OrderInput<'_>,
    ) -> Self {
        let OrderInput { cordons, needs, resource, creatable, room: kept_for_room, hold } = input;
        let mut ready = ready_candidates(survey, pool, cordons, resource);
        if hold {
            ready.sort_by_key(|index| cordon(cordons, *index) != Cordon::None);
        }
        let booting = booting_nodes(survey, pool);
        let instances = booting_instances(growth, pool);
        let parked = parked_nodes(survey, pool);
        let mut part_one = PartOne::new(survey, &ready);
        let bounds = survey.policy.bounds_of(survey.pool_name(pool));
        let room = if bounds.max_nodes_set { bounds.max_nodes } else { usize::MAX };
        let created = part_one.add_needed(survey, needs, creatable, room);
        part_one.add_room(kept_for_room, room.saturating_sub(created.len()));
        if bounds.keep_zones {
            keep_zones(survey, pool, cordons, &ready, &mut part_one.reasons);
        }
        let PartOne { reasons, instances: needed_instances } = part_one;
        let first = |wanted: bool, among: &[NodeIndex]| -> Vec<Candidate> {
            let chosen = among.iter().filter(|index| reasons.contains_key(*index) == wanted);
            chosen.map(|index| Candidate::Node(*index)).collect()
        };
        let needed = |wanted: bool| {
            let chosen = instances.iter().filter(|index| needed_instances.contains(*index) == wanted);
            chosen.map(|index| Candidate::Instance(*index)).collect::<Vec<_>>()
        };
        let mut further = growth.order(pool);
        for group in &created {
            // Nodes for waiting pods are created first.
            further.take(|index| index == *group);
        }
        let spare = creatable.saturating_sub(created.len());
        let spare: Vec<Candidate> =
            std::iter::from_fn(|| further.take(|_| true)).take(spare).map(Candidate::New).collect();
        let must = [first(true, &ready), first(true, &booting), needed(true), first(true, &parked)].concat();
        let must_existing = must.len();
        // Booting nodes come before parked ones: otherwise every run would wake one more.
        let rest =
            [first(false, &ready), first(false, &booting), needed(false), first(false, &parked)].concat();
        let existing = must_existing + rest.len();
        let new = created.iter().copied().map(Candidate::New);
        let candidates = must.into_iter().chain(new).chain(rest).chain(spare);
        let entries = candidates.map(|candidate| entry(survey, growth, candidate)).collect();
        let must = must_existing + created.len();
        let serving =
            |index: &&NodeIndex| !reasons.contains_key(*index) && cordon(cordons, **index) == Cordon::None;
        let held = if hold { must + ready.iter().filter(serving).count() } else { 0 };
        Self { entries, must, reasons, must_create: created.len(), held, existing }
    }
}

/// A candidate's share of a choice: the larger of its own status and its group's template, else the median of its group.
pub(super) fn entry(survey: &Survey<'_>, growth: &Growth<'_>, candidate: Candidate) -> Entry {
    let template = |group: Option<GroupIndex>| {
        group.and_then(|group| growth.groups.get(group)).and_then(|group| group.template.as_ref())
    };
    let of_template = |group: Option<GroupIndex>| {
        let template = template(group);
        template.map(|template| (template.capacity.clone(), template.daemons.clone())).unwrap_or_default()
    };
    let (capacity, daemons, ready) = match candidate {
        Candidate::Node(index) => match survey.nodes.get(index) {
            Some(facts) if facts.ready() => (facts.capacity.clone(), facts.counted_daemons().clone(), true),
            Some(facts) => {
                let group = growth.group_of(survey, index);
                let mut own = facts.capacity.clone();
                let missing = growth.missing_daemons(group, index);
                let mut capacity = match (template(group), survey.policy.capacity) {
                    (None, _) => Amounts::default(),
                    (Some(template), CapacitySource::Capacity) => template.capacity.clone(),
                    // Omitted pods that tolerate its startup taint may run there already.
                    (Some(template), CapacitySource::Allocatable) => {
                        template.offer.clone().minus(&facts.omitted_load).minus(&missing.omitted)
                    }
                };
                // By its own status: omitted pods that fill it leave it no capacity, and it reports one all the same.
                let reports = survey.policy.resources.iter().all(|resource| {
                    let amount = facts.node.allocatable.of(*resource).or(facts.node.capacity.of(*resource));
                    amount.is_some_and(|amount| amount > 0)
                });
                if reports && !growth.has_template(group) {
                    // The median of other nodes counts only if nothing else is known.
                    capacity = Amounts::default();
                }
                if survey.policy.capacity == CapacitySource::Allocatable {
                    own.take(&missing.omitted);
                }
                (own.larger(&capacity), facts.counted_daemons().clone().plus(&missing.counted), false)
            }
            None => (Amounts::default(), Amounts::default(), false),
        },
        Candidate::Instance(index) => {
            let (capacity, daemons) = of_template(growth.booting.get(index).map(|one| one.group));
            (capacity, daemons, false)
        }
        Candidate::New(group) => {
            let (capacity, daemons) = of_template(Some(group));
            (capacity, daemons, false)
        }
    };
    Entry { candidate, capacity, daemons, ready }
}

/// Part 1 of the keep order as it is collected.
struct PartOne {
    reasons: BTreeMap<NodeIndex, Must>,
    instances: BTreeSet<usize>,
}

impl PartOne {
    /// The nodes that are critical or pinned. Cordoned by another actor, such a node is no candidate, so here it serves or the
    /// cordon is ours.
    fn new(survey: &Survey<'_>, ready: &[NodeIndex]) -> Self {
        let mut reasons = BTreeMap::new();
        for &index in ready {
            let Some(facts) = survey.nodes.get(index) else { continue };
            if facts.critical.is_some() {
                reasons.insert(index, Must::Critical);
            } else if facts.scale_down_disabled {
                reasons.insert(index, Must::ScaleDownDisabled);
            }
        }
        Self { reasons, instances: BTreeSet::new() }
    }

    /// Adds the nodes that waiting pods need, in the order of their places, up to a `MAX_NODES` that was set; returns the new
    /// nodes among them.
    fn add_needed(
        &mut self,
        survey: &Survey<'_>,
        needs: &Needs,
        creatable: usize,
        room: usize,
    ) -> Vec<GroupIndex> {
        let is_candidate =
            |index: NodeIndex| survey.nodes.get(index).is_some_and(|facts| is_candidate(survey, facts));
        for (index, must) in needs.nodes.iter().filter(|(index, _)| is_candidate(*index)) {
            if self.reasons.len() < room || self.reasons.contains_key(index) {
                self.reasons.entry(*index).or_insert_with(|| must.clone());
            }
        }
        for index in &needs.instances {
            if self.reasons.len() + self.instances.len() < room {
                self.instances.insert(*index);
            }
        }
        let left = room.saturating_sub(self.reasons.len() + self.instances.len());
        needs.new.iter().copied().take(creatable.min(left)).collect()
    }

    /// Adds the nodes with the last room for a kind of users' pods, up to a `MAX_NODES` that was set.
    fn add_room(&mut self, kept: &[(NodeIndex, String)], most: usize) {
        for (index, pod) in kept {
            if self.reasons.len() + self.instances.len() < most {
                self.reasons.entry(*index).or_insert_with(|| Must::Room(pod.clone()));
            }
        }
    }
}

/// For each zone with a serving node (if none serves: with a common node), its first Ready candidate, unless a Ready one is
/// kept already. A node that still boots does not count: users' disks in the zone need one that serves.
fn keep_zones(
    survey: &Survey<'_>,
    pool: PoolIndex,
    cordons: &Cordons,
    ready: &[NodeIndex],
    reasons: &mut BTreeMap<NodeIndex, Must>,
) {
    let zone = |index: NodeIndex| survey.nodes.get(index).and_then(|facts| facts.zone);
    let is_serving = |(index, facts): &(NodeIndex, &NodeFacts<'_>)| serves(facts, cordons, *index);
    let any_serves = survey.common(pool).any(|node| is_serving(&node));
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for (_, facts) in survey.common(pool).filter(|node| !any_serves || is_serving(node)) {
        open.extend(facts.zone);
    }
    for index in ready.iter().filter(|index| reasons.contains_key(*index)) {
        zone(*index).map(|zone| open.remove(zone));
    }
    for &index in ready {
        if open.is_empty() {
            break;
        }
        if let Some(zone) = zone(index).filter(|zone| open.remove(zone)) {
            reasons.insert(index, Must::Zone(zone.to_owned()));
        }
    }
}
