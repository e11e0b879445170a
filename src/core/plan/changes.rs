//! From what is to be in service to what has to be done: the difference, within the budget for cordons.

use std::collections::{BTreeMap, BTreeSet};

use super::grow::{Growth, MakerIndex};
use super::notes::Limit;
use super::order::{Candidate, is_candidate};
use super::settle::{Decision, decide};
use super::survey::{Cordon, NodeFacts, Readiness, Survey};
use super::value::Band;
use super::waiting::Waiting;
use crate::model::NodeIndex;

/// What changes, in the order in which it is carried out.
#[derive(Debug)]
pub(super) struct Changes {
    pub(super) decision: Decision,
    /// Most important first.
    pub(super) uncordon: Vec<NodeIndex>,
    /// Nodes to create, by what makes them.
    pub(super) grow: BTreeMap<MakerIndex, usize>,
    /// Broken nodes first, then the emptiest.
    pub(super) cordon: Vec<NodeIndex>,
    /// Nodes that would be cordoned if the budget, or trust in the picture, allowed it.
    pub(super) held: BTreeSet<NodeIndex>,
    /// Who cordons each node once that is done.
    pub(super) cordons: Vec<Cordon>,
    pub(super) limits: Vec<Limit>,
}

impl Changes {
    pub(super) fn new(survey: &Survey<'_>, growth: &Growth<'_>, waiting: &Waiting<'_>, band: Band) -> Self {
        let mut decision = decide(survey, growth, waiting, false);
        let mut limits = decision.limits.clone();
        let broken: Vec<NodeIndex> =
            survey.managed().filter(|(_, facts)| cordonable_broken(facts)).map(first).collect();
        let mut dropped = dropped(survey, &decision);
        let wanted: BTreeSet<NodeIndex> = broken.iter().chain(&dropped).copied().collect();

        let budget = survey.policy.max_cordons.allows(survey.managed().count());
        let left = budget.saturating_sub(broken.len());
        if dropped.len() > left {
            if band == Band::Within {
                // Half a move would only add nodes, so what serves stays. Only a cluster that is larger than
                // MAX_NODES still shrinks, as far as the budget goes: waiting would not make its moves any fewer.
                let held = decide(survey, growth, waiting, true);
                if uncordoned(survey, &held) != uncordoned(survey, &decision) {
                    dropped = self::dropped(survey, &held);
                    decision = held;
                }
            }
            dropped.truncate(left);
        }
        let cordon: Vec<NodeIndex> = broken.into_iter().take(budget).chain(dropped).collect();
        let taken: BTreeSet<NodeIndex> = cordon.iter().copied().collect();
        if cordon.len() < wanted.len() {
            limits.push(Limit::MaxCordons { asked: wanted.len(), allowed: cordon.len() });
        }
        let mut held = wanted;
        held.retain(|index| !taken.contains(index));
        let mut grow: BTreeMap<MakerIndex, usize> = BTreeMap::new();
        for entry in &decision.new {
            if let Candidate::New(maker) = entry.candidate {
                *grow.entry(maker).or_default() += 1;
            }
        }
        let uncordon = uncordoned(survey, &decision);
        let cordons = survey.nodes.iter().map(|facts| facts.cordon).collect();
        let mut changes = Self { decision, uncordon, grow, cordon, held, cordons, limits };
        changes.set(Cordon::Ours, changes.cordon.clone());
        changes.set(Cordon::None, changes.uncordon.clone());
        changes
    }

    fn set(&mut self, cordon: Cordon, nodes: Vec<NodeIndex>) {
        for index in nodes {
            if let Some(current) = self.cordons.get_mut(index) {
                *current = cordon;
            }
        }
    }

    /// Leaves only the uncordons: too many nodes are broken to trust the picture.
    pub(super) fn only_uncordon(&mut self) {
        let cordon = std::mem::take(&mut self.cordon);
        self.set(Cordon::None, cordon.clone());
        self.held.extend(cordon);
        self.grow.clear();
        self.decision.new.clear();
        self.limits.clear();
    }
}

fn first<T>((index, _): (NodeIndex, T)) -> NodeIndex {
    index
}

/// A broken node takes no new pods while it is cordoned, should it come back for a moment.
fn cordonable_broken(facts: &NodeFacts<'_>) -> bool {
    facts.readiness == Readiness::Broken && facts.cordon == Cordon::None && !facts.protected()
}

/// Serving nodes that were not chosen, the emptiest first.
fn dropped(survey: &Survey<'_>, decision: &Decision) -> Vec<NodeIndex> {
    let serves = |index: &&NodeIndex| {
        survey.nodes.get(**index).is_some_and(|facts| facts.ready() && facts.cordon == Cordon::None)
    };
    let unchosen = decision.order.iter().rev().filter(|index| !is_chosen(decision, **index));
    unchosen.filter(serves).copied().collect()
}

/// Cordoned nodes that were chosen, in keep order.
fn uncordoned(survey: &Survey<'_>, decision: &Decision) -> Vec<NodeIndex> {
    let cordoned = |index: &&NodeIndex| {
        is_candidate(survey, **index)
            && survey.nodes.get(**index).is_some_and(|facts| facts.cordon != Cordon::None)
    };
    decision.order.iter().filter(|index| is_chosen(decision, **index)).filter(cordoned).copied().collect()
}

fn is_chosen(decision: &Decision, index: NodeIndex) -> bool {
    decision.chosen.get(index).copied().unwrap_or(false)
}
