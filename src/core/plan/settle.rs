//! Makes the choice of a pool, and makes it again on its own outcome until it changes nothing.
//!
//! So a run leaves nothing for the next one to correct, which a single pass may do with ties between unequal nodes.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::choice::{Aim, Chosen, Lengths, Total};
use super::demand::Demand;
use super::growth::Growth;
use super::last_room::LastRoom;
use super::needs::Must;
use super::node_set::NodeSet;
use super::notes::{ENOUGH_NODES, Limit};
use super::order::{Candidate, Cordons, Entry, KeepOrder, OrderInput, cordon, entry, is_candidate, serves};
use super::placing::{Placement, place};
use super::pools::PoolIndex;
use super::requested::{Without, keep_for_requests};
use super::state::Cordon;
use super::survey::{NodeFacts, Survey};
use super::utilization::Utilization;
use super::value::NodeState;
use super::waiting::Waiting;
use super::wanted::Wanted;
use crate::foresight::Expectation;
use crate::model::{Amounts, NodeIndex};
use crate::policy::DemandSource;

/// Maximum number of passes of a choice.
const PASSES: usize = 8;

/// The decision on a pool: the candidates that are to serve.
#[derive(Debug)]
pub(super) struct Decision {
    /// The chosen nodes of the snapshot.
    pub(super) chosen: NodeSet,
    /// The reasons, for the nodes that must be kept.
    pub(super) must: BTreeMap<NodeIndex, Must>,
    /// The chosen booting nodes and instances.
    pub(super) booting: Vec<Entry>,
    /// The chosen parked nodes.
    pub(super) wake: Vec<Entry>,
    /// The nodes to be created.
    pub(super) new: Vec<Entry>,
    /// The chosen nodes that only `MIN_NODES` keeps.
    pub(super) kept_for_minimum: BTreeSet<NodeIndex>,
    /// The chosen nodes that only requests keep, where `DEMAND` counts something else.
    pub(super) kept_for_requests: BTreeMap<NodeIndex, Without>,
    pub(super) placement: Placement,
    pub(super) limits: Vec<Limit>,
    /// The nodes of the snapshot among the candidates, in the keep order.
    pub(super) order: Vec<NodeIndex>,
    /// The number of new nodes that the choice would create without `MAX_CREATIONS`.
    pub(super) creations_wanted: usize,
}

/// The input of a decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'s> {
    pub(super) survey: &'s Survey<'s>,
    pub(super) growth: &'s Growth<'s>,
    pub(super) waiting: &'s Waiting<'s>,
    pub(super) pool: PoolIndex,
    /// The number of nodes that the run may still create.
    pub(super) creations: usize,
    /// Whether all nodes that serve now are kept.
    pub(super) hold: bool,
}

/// The demand of a pool that does not depend on the serving nodes.
pub(super) fn demand(survey: &Survey<'_>, waiting: &Waiting<'_>, pool: PoolIndex) -> Demand {
    let occupants = survey.asked_of(pool);
    let expected = waiting.expectations.get(pool).map(Expectation::amounts).unwrap_or_default();
    let waiting = waiting.demand.get(pool).cloned().unwrap_or_default();
    let by_usage = survey.policy.demand != DemandSource::Requests;
    let counted = by_usage.then(|| survey.counted_of(pool));
    Demand { occupants, waiting, expected, counted }
}

/// The demand on the nodes that serve under these cordons, and their capacity.
pub(super) fn serving_total(
    survey: &Survey<'_>,
    pool: PoolIndex,
    demand: &Demand,
    cordons: &Cordons,
) -> Total {
    let mut total = Total { requested: demand.in_choice(), capacity: Amounts::default() };
    for (_, facts) in survey.common(pool).filter(|(index, facts)| serves(facts, cordons, *index)) {
        total.requested.add(facts.counted_daemons());
        total.capacity.add(&facts.capacity);
    }
    total
}

impl Total {
    /// The utilization of this total.
    pub(super) fn utilization(&self, survey: &Survey<'_>) -> Utilization {
        Utilization::new(&survey.policy.resources, &self.requested, &self.capacity)
    }
}

/// Decides which candidates of a pool are to serve; returns the cordons of the decision, too.
pub(super) fn decide(input: Input<'_>) -> (Decision, Wanted) {
    let survey = input.survey;
    let mut cordons: Vec<Cordon> = survey.nodes.iter().map(|facts| facts.cordon).collect();
    let mut decision = choose(input, &cordons);
    let mut wanted = wanted_by(input, &decision);
    for _ in 1..PASSES {
        if !decision.new.is_empty() {
            break;
        }
        let stays = |index: NodeIndex| wanted.awaiting.contains_key(&index);
        let outcome = outcome(survey, input.pool, &cordons, &decision, stays);
        if outcome == cordons {
            break;
        }
        cordons = outcome;
        decision = choose(input, &cordons);
        wanted = wanted_by(input, &decision);
    }
    (decision, wanted)
}

/// The cordons of a decision, and the ones that must wait.
fn wanted_by(input: Input<'_>, decision: &Decision) -> Wanted {
    let Input { survey, waiting, pool, .. } = input;
    let arriving = waiting.arriving(survey, pool, |index| decision.chosen.contains(index));
    let requested = demand(survey, waiting, pool).total().plus(&arriving);
    Wanted::new(survey, pool, requested, &decision.chosen, &decision.order)
}

/// The cordon of each node once a decision is carried out. A node that awaits its replacement serves.
fn outcome(
    survey: &Survey<'_>,
    pool: PoolIndex,
    cordons: &Cordons,
    decision: &Decision,
    stays: impl Fn(NodeIndex) -> bool,
) -> Vec<Cordon> {
    let after = |(index, before): (NodeIndex, &Cordon)| {
        let Some(facts) = survey.nodes.get(index) else { return *before };
        let movable = facts.pool == pool && facts.ready() && is_candidate(survey, facts);
        match (movable, decision.chosen.contains(index), *before) {
            (true, true, _) => Cordon::None,
            (true, false, _) if stays(index) => Cordon::None,
            (true, false, Cordon::None) => Cordon::Ours,
            (_, _, before) => before,
        }
    };
    cordons.iter().enumerate().map(after).collect()
}

/// Makes one pass of the choice.
fn choose(input: Input<'_>, cordons: &Cordons) -> Decision {
    let Input { survey, growth, waiting, pool, creations, hold } = input;
    let bounds = survey.policy.bounds_of(survey.pool_name(pool));
    let mut demand = demand(survey, waiting, pool);
    demand.waiting.add(&waiting.arriving(survey, pool, |index| cordon(cordons, index) == Cordon::None));
    let now = serving_total(survey, pool, &demand, cordons);
    let reserved_ready = survey.of_pool(pool).filter(|(_, facts)| reserved_ready(facts)).count();
    let aim = Aim {
        bounds,
        resources: &survey.policy.resources,
        demand: demand.in_choice(),
        now: now.utilization(survey),
        serving_capacity: now.capacity,
    };
    let resource = aim.resource();
    let placement = place(survey, growth, waiting, pool, cordons, resource);
    let allowed = growth.allowed.get(pool).copied().unwrap_or(0);
    let serves_now = |candidate: Candidate| match candidate {
        Candidate::Node(index) => {
            survey.nodes.get(index).is_some_and(super::survey::NodeFacts::ready)
                && cordon(cordons, index) == Cordon::None
        }
        Candidate::Instance(_) | Candidate::New(_) => false,
    };
    let attempt = |creatable: usize, room: &[(NodeIndex, String)]| {
        let order_input = OrderInput { cordons, needs: &placement.needs, resource, creatable, room, hold };
        let order = KeepOrder::new(survey, growth, pool, order_input);
        let lengths = Lengths::new(&order, bounds, reserved_ready);
        let chosen = aim.choose(&order, lengths, serves_now);
        (order, lengths, chosen)
    };
    let mut kept_for_room = Vec::new();
    let mut room: Option<LastRoom<'_, '_>> = None;
    let (order, lengths, chosen) = loop {
        let (order, lengths, chosen) = attempt(allowed.min(creations), &kept_for_room);
        let (stay, go) = parted(&order, chosen, serves_now);
        let mut lost = || {
            let room = room.get_or_insert_with(|| LastRoom::new(survey, waiting, pool, cordons));
            room.lost(stay, &go)
        };
        match if go.is_empty() { None } else { lost() } {
            Some(kept) => kept_for_room.push(kept),
            None => break (order, lengths, chosen),
        }
    };
    let creations_wanted = if creations < allowed {
        let (order, _, chosen) = attempt(allowed, &kept_for_room);
        members(&order, chosen, serves_now).filter(|entry| is_new(entry)).count()
    } else {
        0
    };
    let mut members: Vec<&Entry> = members(&order, chosen, serves_now).collect();
    let mut decision = Decision {
        chosen: NodeSet::none_of(survey.nodes.len()),
        must: order.reasons.clone(),
        booting: Vec::new(),
        wake: Vec::new(),
        new: Vec::new(),
        kept_for_minimum: BTreeSet::new(),
        kept_for_requests: BTreeMap::new(),
        limits: Vec::new(),
        placement,
        order: nodes_of(&order.entries),
        creations_wanted,
    };
    let (length, total) = (members.len(), aim.total(members.iter().copied()));
    decision.kept_for_requests = keep_for_requests(
        survey,
        bounds,
        demand.total(),
        &order.entries,
        &mut members,
        serves_now,
        lengths.most,
    );
    for entry in members {
        match entry.candidate {
            Candidate::Node(index) => {
                decision.chosen.insert(index);
                let state = survey.nodes.get(index).map(|facts| facts.state);
                if state == Some(NodeState::Parked) {
                    decision.wake.push(entry.clone());
                } else if !entry.ready {
                    decision.booting.push(entry.clone());
                }
            }
            Candidate::Instance(_) => decision.booting.push(entry.clone()),
            Candidate::New(_) => decision.new.push(entry.clone()),
        }
    }
    let became = Became { chosen, length, reserved_ready, utilization: aim.utilization(&total) };
    limits(&mut decision, &aim, &order, lengths, became, (survey, growth, pool));
    decision
}

/// The result of a choice.
#[derive(Clone, Copy, Debug)]
struct Became {
    chosen: Chosen,
    /// The number of chosen candidates.
    length: usize,
    /// The number of Ready reserved nodes, which count for `MIN_NODES`.
    reserved_ready: usize,
    utilization: Utilization,
}

/// Whether a node is reserved and Ready, so that it makes up the number of `MIN_NODES`.
pub(super) fn reserved_ready(facts: &NodeFacts<'_>) -> bool {
    facts.reserved.is_some() && facts.ready() && facts.cordon == Cordon::None
}

fn is_new(entry: &Entry) -> bool {
    matches!(entry.candidate, Candidate::New(_))
}

fn members(
    order: &KeepOrder,
    chosen: Chosen,
    serves: impl Fn(Candidate) -> bool,
) -> impl Iterator<Item = &Entry> {
    let is_chosen = move |(position, entry): &(usize, &Entry)| match chosen {
        Chosen::Prefix(length) => *position < length,
        Chosen::ServingAndMust => *position < order.must || serves(entry.candidate),
    };
    order.entries.iter().enumerate().filter(is_chosen).map(|(_, entry)| entry)
}

/// The chosen prefix, and the nodes after it that take pods. All nodes that take pods are among `ServingAndMust`.
fn parted(
    order: &KeepOrder,
    chosen: Chosen,
    serves: impl Fn(Candidate) -> bool,
) -> (&[Entry], Vec<NodeIndex>) {
    let length = match chosen {
        Chosen::Prefix(length) => length,
        Chosen::ServingAndMust => order.entries.len(),
    };
    let (stay, rest) = order.entries.split_at(length.min(order.entries.len()));
    let go = rest.iter().filter(|entry| serves(entry.candidate)).filter_map(|entry| match entry.candidate {
        Candidate::Node(index) => Some(index),
        Candidate::Instance(_) | Candidate::New(_) => None,
    });
    (stay, go.collect())
}

fn nodes_of(entries: &[Entry]) -> Vec<NodeIndex> {
    let node = |entry: &Entry| match entry.candidate {
        Candidate::Node(index) => Some(index),
        Candidate::Instance(_) | Candidate::New(_) => None,
    };
    entries.iter().filter_map(node).collect()
}

/// Adds a limit if `MIN_NODES` or `MAX_NODES` changed the number of nodes.
fn limits(
    decision: &mut Decision,
    aim: &Aim<'_>,
    order: &KeepOrder,
    lengths: Lengths,
    Became { chosen, length, reserved_ready, utilization }: Became,
    (survey, growth, pool): (&Survey<'_>, &Growth<'_>, PoolIndex),
) {
    let bounds = aim.bounds;
    if bounds.max_nodes_set && order.must > bounds.max_nodes {
        decision.limits.push(Limit::MustKeep { asked: order.must, allowed: bounds.max_nodes });
    }
    let allowed = growth.allowed.get(pool).copied().unwrap_or(0);
    let needed = decision.placement.needs.new.len();
    if needed > order.must_create && order.must_create >= allowed {
        decision.limits.push(Limit::WaitingPods { asked: needed, allowed: order.must_create });
    }
    let free = Lengths { least: order.must, most: order.entries.len() };
    if matches!(chosen, Chosen::Prefix(_))
        && length == lengths.least
        && length > order.must
        && let Chosen::Prefix(asked) = aim.choose(order, free, |_| false)
        && asked < length
    {
        let kept = order.entries.get(asked..length).unwrap_or_default();
        decision.kept_for_minimum = nodes_of(kept).into_iter().collect();
        decision.limits.push(Limit::MinNodes { asked, allowed: length });
    }
    let over = utilization.compare(bounds.max_utilization) == Ordering::Greater;
    let cut = length == lengths.most && over;
    // A `MAX_NODES` that was set also removes nodes from service; the limit shows the cost even below
    // MAX_UTILIZATION.
    let bounded = bounds.max_nodes_set && length == bounds.max_nodes;
    if cut || bounded {
        let asked = unbounded(aim, order, survey, growth, pool);
        if asked > length {
            let max = bounds.max_utilization;
            decision.limits.push(Limit::MaxNodes { asked, allowed: length, utilization, max });
            return;
        }
    }
    // Broken and claimed nodes, and useless instances of the groups, count against MAX_NODES but do not serve.
    let binds = growth.max_nodes_binds.get(pool).copied().unwrap_or(false);
    if length + reserved_ready < bounds.min_nodes && binds && decision.new.len() >= allowed {
        let (asked, max) = (bounds.min_nodes, bounds.max_utilization);
        decision.limits.push(Limit::MaxNodes { asked, allowed: length, utilization, max });
    }
}

/// The number of nodes that the optimum would need without `MAX_NODES`.
fn unbounded(
    aim: &Aim<'_>,
    order: &KeepOrder,
    survey: &Survey<'_>,
    growth: &Growth<'_>,
    pool: PoolIndex,
) -> usize {
    let mut entries: Vec<Entry> = order.entries.iter().filter(|entry| !is_new(entry)).cloned().collect();
    let mut total = aim.total(entries.iter());
    let mut further = growth.order(pool);
    while entries.len() <= ENOUGH_NODES {
        if aim.utilization(&total).compare(aim.bounds.optimal_utilization) != Ordering::Greater {
            break;
        }
        let Some(group) = further.take(|_| true) else { break };
        if growth.groups.get(group).is_none_or(|group| group.template.is_none()) {
            break;
        }
        let new = entry(survey, growth, Candidate::New(group));
        total.add(&new);
        entries.push(new);
    }
    let lengths = Lengths { least: order.must.min(entries.len()), most: entries.len() };
    aim.nearest_to_optimum(&entries, lengths).unwrap_or(entries.len())
}
