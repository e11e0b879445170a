//! The changes: the difference between the nodes that serve and the chosen ones, within the budgets of the run.

use std::collections::BTreeMap;

use super::group::GroupIndex;
use super::growth::Growth;
use super::notes::Limit;
use super::order::{Candidate, cordon, is_candidate};
use super::pools::PoolIndex;
use super::settle::{Decision, Input, decide};
use super::state::Cordon;
use super::survey::{NodeFacts, Survey};
use super::utilization::Band;
use super::waiting::Waiting;
use super::wanted::{Held, Wanted};
use crate::model::NodeIndex;

/// The changes, in the order in which they are carried out.
#[derive(Debug)]
pub(super) struct Changes {
    /// By pool.
    pub(super) decisions: Vec<Decision>,
    /// The nodes to uncordon, most important first, pool by pool.
    pub(super) uncordon: Vec<NodeIndex>,
    /// Parked nodes to wake, pool by pool.
    pub(super) wake: Vec<NodeIndex>,
    /// Nodes to create, by the group that creates them.
    pub(super) grow: BTreeMap<GroupIndex, usize>,
    /// The nodes to cordon, pool by pool: broken nodes first, then up from the end of the keep order.
    pub(super) cordon: Vec<NodeIndex>,
    /// Nodes that would be cordoned but stay, and why.
    pub(super) held: BTreeMap<NodeIndex, Held>,
    /// The cordon of each node after these changes.
    pub(super) cordons: Vec<Cordon>,
    /// Limits of the whole run.
    pub(super) limits: Vec<Limit>,
}

impl Changes {
    pub(super) fn new<'s>(
        survey: &'s Survey<'s>,
        growth: &'s Growth<'s>,
        waiting: &'s Waiting<'s>,
        bands: &[Band],
        may_create: bool,
    ) -> Self {
        let managed = survey.managed().count();
        let max_creations = if may_create { survey.policy.max_creations.allows(managed) } else { 0 };
        let cordon_budget = survey.policy.max_cordons.allows(managed);
        let (mut creations, mut cordons_left) = (max_creations, cordon_budget);
        let (mut creations_wanted, mut cordons_wanted) = (0, 0);
        let mut changes = Self {
            decisions: Vec::new(),
            uncordon: Vec::new(),
            wake: Vec::new(),
            grow: BTreeMap::new(),
            cordon: Vec::new(),
            held: BTreeMap::new(),
            cordons: survey.nodes.iter().map(|facts| facts.cordon).collect(),
            limits: Vec::new(),
        };
        for pool in 0..survey.pools.len() {
            let input = Input { survey, growth, waiting, pool, creations, hold: false };
            let (mut decision, mut cordons) = decide(input);
            let left = cordons_left.saturating_sub(cordons.broken.len());
            cordons_wanted += cordons.broken.len() + cordons.dropped.len();
            let mut over_budget: Vec<NodeIndex> = Vec::new();
            if cordons.dropped.len() > left {
                let asked = cordons.dropped.clone();
                if bands.get(pool) == Some(&Band::Within) {
                    // A part of a move would change the capacity, so the serving nodes stay. Only a pool that is larger
                    // than a MAX_NODES that was set still shrinks, within the budget: waiting would not reduce its moves.
                    (decision, cordons) = decide(Input { hold: true, ..input });
                }
                cordons.dropped.truncate(left);
                over_budget = asked.into_iter().filter(|index| !cordons.dropped.contains(index)).collect();
            }
            if cordons.broken.len() > cordons_left {
                over_budget.extend(cordons.broken.drain(cordons_left..));
            }
            cordons_left = cordons_left.saturating_sub(cordons.broken.len() + cordons.dropped.len());
            creations = creations.saturating_sub(decision.new.len());
            creations_wanted += decision.creations_wanted.max(decision.new.len());
            changes.add(survey, decision, cordons, over_budget);
        }
        if creations_wanted > max_creations && may_create {
            let allowed = max_creations.saturating_sub(creations);
            changes.limits.push(Limit::MaxCreations { asked: creations_wanted, allowed });
        }
        if changes.cordon.len() < cordons_wanted {
            let allowed = changes.cordon.len();
            changes.limits.push(Limit::MaxCordons { asked: cordons_wanted, allowed });
        }
        changes
    }

    fn add(&mut self, survey: &Survey<'_>, decision: Decision, cordons: Wanted, over_budget: Vec<NodeIndex>) {
        for entry in &decision.new {
            if let Candidate::New(group) = entry.candidate {
                *self.grow.entry(group).or_default() += 1;
            }
        }
        self.wake.extend(decision.wake.iter().filter_map(|entry| match entry.candidate {
            Candidate::Node(index) => Some(index),
            Candidate::Instance(_) | Candidate::New(_) => None,
        }));
        let uncordon = uncordoned(survey, &decision);
        let cordon: Vec<NodeIndex> = [cordons.broken, cordons.dropped].concat();
        self.set(Cordon::Ours, &cordon);
        self.set(Cordon::None, &uncordon);
        self.held.extend(cordons.awaiting);
        self.held.extend(over_budget.into_iter().map(|index| (index, Held::Budget)));
        self.uncordon.extend(uncordon);
        self.cordon.extend(cordon);
        self.decisions.push(decision);
    }

    fn set(&mut self, cordon: Cordon, nodes: &[NodeIndex]) {
        for index in nodes {
            if let Some(current) = self.cordons.get_mut(*index) {
                *current = cordon;
            }
        }
    }

    /// Leaves only the uncordons: too many nodes are broken to trust the observation.
    pub(super) fn only_uncordon(&mut self) {
        let cordon = std::mem::take(&mut self.cordon);
        self.set(Cordon::None, &cordon);
        self.held.extend(cordon.into_iter().map(|index| (index, Held::Guard)));
        self.grow.clear();
        self.wake.clear();
        self.limits.clear();
        for decision in &mut self.decisions {
            decision.new.clear();
            decision.wake.clear();
            decision.limits.clear();
        }
    }

    /// Number of parked nodes that a pool wakes.
    pub(super) fn woken(&self, pool: PoolIndex) -> usize {
        self.decisions.get(pool).map_or(0, |decision| decision.wake.len())
    }

    /// Number of nodes that a pool creates.
    pub(super) fn created(&self, pool: PoolIndex) -> usize {
        self.decisions.get(pool).map_or(0, |decision| decision.new.len())
    }
}

/// Cordoned nodes that were chosen, in keep order, and reserved ones that waiting pods need.
fn uncordoned(survey: &Survey<'_>, decision: &Decision) -> Vec<NodeIndex> {
    let cordoned = |index: &NodeIndex| {
        survey
            .nodes
            .get(*index)
            .is_some_and(|facts| facts.ready() && is_candidate(survey, facts) && facts.cordon != Cordon::None)
    };
    let chosen = decision.order.iter().copied().filter(|index| decision.chosen.contains(*index));
    let reserved = decision.placement.needs.reserved.keys().copied();
    chosen.filter(cordoned).chain(reserved).collect()
}

/// Whether a node serves once the plan is carried out.
pub(super) fn serves_after(changes: &Changes, facts: &NodeFacts<'_>, index: NodeIndex) -> bool {
    facts.common() && facts.ready() && cordon(&changes.cordons, index) == Cordon::None
}
