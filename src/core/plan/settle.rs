//! Makes the choice, and makes it again on its own outcome until it changes nothing.
//!
//! So a run leaves nothing for the next one to correct: with ties on unequal nodes a single pass can.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::choice::{Aim, Bounds, Chosen, add};
use super::grow::Growth;
use super::notes::{ENOUGH_NODES, Limit};
use super::order::{Candidate, Cordons, Entry, KeepOrder, Must, cordon, is_candidate};
use super::survey::{Cordon, NodeFacts, Survey};
use super::utilization::Utilization;
use super::waiting::{Placement, Waiting};
use crate::model::NodeIndex;

/// How often a choice is taken on its own outcome.
const PASSES: usize = 8;

/// What is to be in service.
#[derive(Debug)]
pub(super) struct Decision {
    /// Whether each node of the snapshot is chosen.
    pub(super) chosen: Vec<bool>,
    /// Why, for those that had to be.
    pub(super) must: BTreeMap<NodeIndex, Must>,
    /// The chosen booting nodes and instances.
    pub(super) booting: Vec<Entry>,
    /// The nodes to be created.
    pub(super) new: Vec<Entry>,
    /// The chosen nodes that only `MIN_NODES` keeps.
    pub(super) kept_for_minimum: BTreeSet<NodeIndex>,
    pub(super) placement: Placement,
    pub(super) limits: Vec<Limit>,
    /// The nodes of the snapshot among the candidates, those that stay first.
    pub(super) order: Vec<NodeIndex>,
}

/// Memory that is asked for whatever serves: by the occupants of all managed nodes (those on cordoned ones come back
/// somewhere) and by pods that wait.
pub(super) fn demand(survey: &Survey<'_>, waiting: &Waiting<'_>) -> u128 {
    waiting.demand + survey.managed().map(|(_, facts)| facts.occupied).sum::<u128>()
}

/// The utilization of what serves under these cordons.
pub(super) fn serving_utilization(
    survey: &Survey<'_>,
    waiting: &Waiting<'_>,
    cordons: &Cordons,
) -> Utilization {
    let serving =
        survey.managed().filter(|(index, facts)| facts.ready() && cordon(cordons, *index) == Cordon::None);
    serving.fold(Utilization { requested: demand(survey, waiting), capacity: 0 }, |total, (_, facts)| {
        Utilization { requested: total.requested + facts.daemons, capacity: total.capacity + facts.capacity }
    })
}

/// Decides what is to be in service. `hold` keeps everything that serves now.
pub(super) fn decide(
    survey: &Survey<'_>,
    growth: &Growth<'_>,
    waiting: &Waiting<'_>,
    hold: bool,
) -> Decision {
    let mut cordons: Vec<Cordon> = survey.nodes.iter().map(|facts| facts.cordon).collect();
    let mut decision = choose(survey, growth, waiting, &cordons, hold);
    for _ in 1..PASSES {
        if !decision.new.is_empty() {
            break;
        }
        let outcome = outcome(survey, &cordons, &decision);
        if outcome == cordons {
            break;
        }
        cordons = outcome;
        decision = choose(survey, growth, waiting, &cordons, hold);
    }
    decision
}

/// Who cordons which node once a decision is carried out.
fn outcome(survey: &Survey<'_>, cordons: &Cordons, decision: &Decision) -> Vec<Cordon> {
    let after = |(index, before): (NodeIndex, &Cordon)| {
        let ready = survey.nodes.get(index).is_some_and(NodeFacts::ready);
        match (ready && is_candidate(survey, index), decision.chosen.get(index), *before) {
            (true, Some(true), _) => Cordon::None,
            (true, _, Cordon::None) => Cordon::Ours,
            (_, _, before) => before,
        }
    };
    cordons.iter().enumerate().map(after).collect()
}

/// One pass.
fn choose(
    survey: &Survey<'_>,
    growth: &Growth<'_>,
    waiting: &Waiting<'_>,
    cordons: &Cordons,
    hold: bool,
) -> Decision {
    let policy = survey.policy;
    let placement = waiting.place(survey, growth, cordons);
    let order = KeepOrder::new(survey, growth, cordons, &placement, hold);
    let now = serving_utilization(survey, waiting, cordons);
    let aim = Aim {
        policy,
        demand: demand(survey, waiting),
        serving_capacity: now.capacity,
        band: now.band(policy),
    };
    let bounds = Bounds::new(&order, policy);
    let serves = |candidate: Candidate| match candidate {
        Candidate::Node(index) => {
            cordon(cordons, index) == Cordon::None && survey.nodes.get(index).is_some_and(NodeFacts::ready)
        }
        Candidate::Instance(_) | Candidate::New(_) => false,
    };
    let chosen = aim.choose(&order, bounds, serves);
    let is_chosen = |position: usize, entry: &Entry| match chosen {
        Chosen::Prefix(length) => position < length,
        Chosen::ServingAndMust => position < order.must || serves(entry.candidate),
    };
    let members: Vec<&Entry> = order
        .entries
        .iter()
        .enumerate()
        .filter(|(position, entry)| is_chosen(*position, entry))
        .map(|(_, entry)| entry)
        .collect();
    let mut decision = Decision {
        chosen: vec![false; survey.nodes.len()],
        must: order.reasons.clone(),
        booting: Vec::new(),
        new: Vec::new(),
        kept_for_minimum: BTreeSet::new(),
        limits: Vec::new(),
        placement,
        order: nodes_of(&order.entries),
    };
    for &entry in &members {
        match entry.candidate {
            Candidate::Node(index) => {
                if let Some(chosen) = decision.chosen.get_mut(index) {
                    *chosen = true;
                }
                if !survey.nodes.get(index).is_some_and(NodeFacts::ready) {
                    decision.booting.push(*entry);
                }
            }
            Candidate::Instance(_) => decision.booting.push(*entry),
            Candidate::New(_) => decision.new.push(*entry),
        }
    }
    if let Chosen::Prefix(length) = chosen {
        let utilization = aim.utilization(members.iter().copied());
        limits(&mut decision, &aim, &order, bounds, (length, utilization), growth);
    }
    decision
}

fn nodes_of(entries: &[Entry]) -> Vec<NodeIndex> {
    let node = |entry: &Entry| match entry.candidate {
        Candidate::Node(index) => Some(index),
        Candidate::Instance(_) | Candidate::New(_) => None,
    };
    entries.iter().filter_map(node).collect()
}

/// Notes where `MIN_NODES` or `MAX_NODES` changed the number of nodes.
fn limits(
    decision: &mut Decision,
    aim: &Aim<'_>,
    order: &KeepOrder,
    bounds: Bounds,
    (length, utilization): (usize, Utilization),
    growth: &Growth<'_>,
) {
    let policy = aim.policy;
    if order.must > policy.max_nodes {
        decision.limits.push(Limit::MustKeep { asked: order.must, allowed: policy.max_nodes });
    }
    let (needed, allowed) = (decision.placement.new_needed, order.must_create);
    if needed > allowed {
        decision.limits.push(Limit::WaitingPods { asked: needed, allowed });
    }
    let free = Bounds { least: order.must, most: order.entries.len() };
    if length == bounds.least
        && length > order.must
        && let Chosen::Prefix(asked) = aim.choose(order, free, |_| false)
        && asked < length
    {
        let kept = order.entries.get(asked..length).unwrap_or_default();
        decision.kept_for_minimum = nodes_of(kept).into_iter().collect();
        decision.limits.push(Limit::MinNodes { asked, allowed: length });
    }
    let over = utilization.compare(policy.max_utilization) == Ordering::Greater;
    if length == bounds.most && over {
        let asked = unbounded(aim, order, growth);
        if asked > length {
            decision.limits.push(Limit::MaxNodes {
                asked,
                allowed: length,
                utilization,
                max: policy.max_utilization,
            });
        }
    }
}

/// How many nodes the optimum asks for if `MAX_NODES` did not bound them.
fn unbounded(aim: &Aim<'_>, order: &KeepOrder, growth: &Growth<'_>) -> usize {
    let existing = order.entries.iter().filter(|entry| !matches!(entry.candidate, Candidate::New(_)));
    let mut entries: Vec<Entry> = existing.copied().collect();
    let mut total = aim.utilization(entries.iter());
    let mut further = growth.order();
    while entries.len() <= ENOUGH_NODES {
        if total.compare(aim.policy.optimal_utilization) != Ordering::Greater {
            break;
        }
        let Some(maker) = further.take(|_| true) else { break };
        let Some(shape) = growth.makers.get(maker).and_then(|maker| maker.shape) else { break };
        let new = Entry {
            candidate: Candidate::New(maker),
            capacity: shape.capacity,
            daemons: shape.daemons,
            ready: false,
        };
        total = add(total, &new);
        entries.push(new);
    }
    let bounds = Bounds { least: order.must.min(entries.len()), most: entries.len() };
    aim.nearest_to_optimum(&entries, bounds)
}
