//! The cordons of a choice, and the ones that must wait until the replacement of the node serves.

use std::collections::BTreeMap;

use super::ahead::{Share, Standing};
use super::node_set::NodeSet;
use super::order::is_candidate;
use super::pools::PoolIndex;
use super::state::Cordon;
use super::survey::{NodeFacts, Survey};
use super::utilization::Utilization;
use super::value::NodeState;
use crate::model::{Amounts, NodeIndex};

/// The reason why a node that was not chosen is not cordoned.
#[derive(Clone, Copy, Debug)]
pub(super) enum Held {
    /// `MAX_CORDONS` is used up.
    Budget,
    /// Without it too little capacity would serve until its replacement does.
    AwaitsReplacement {
        /// Nodes that would serve without it.
        serving: usize,
        /// Their utilization.
        utilization: Utilization,
    },
    /// Too many nodes are broken to trust the observation.
    Guard,
}

/// The cordons of a pool before the budget.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) broken: Vec<NodeIndex>,
    pub(super) dropped: Vec<NodeIndex>,
    pub(super) awaiting: BTreeMap<NodeIndex, Held>,
}

impl Wanted {
    /// `requested` is the demand that does not depend on the serving nodes.
    pub(super) fn new(
        survey: &Survey<'_>,
        pool: PoolIndex,
        requested: Amounts,
        chosen: &NodeSet,
        order: &[NodeIndex],
    ) -> Self {
        let policy = survey.policy;
        let bounds = policy.bounds_of(survey.pool_name(pool));
        let broken = survey.common(pool).filter(|(_, facts)| cordonable_broken(facts));
        let mut wanted = Self { broken: broken.map(|(index, _)| index).collect(), ..Self::default() };
        let mut standing = Standing::new(bounds, &policy.resources, requested);
        let mut serving = 0_usize;
        for (index, facts) in survey.common(pool).filter(|(_, facts)| facts.ready()) {
            let is_chosen = chosen.contains(index) && is_candidate(survey, facts);
            if is_chosen || facts.cordon == Cordon::None {
                standing.add(share(facts));
                serving += 1;
            }
        }
        // Only nodes that are Ready now count: a booting node is no reason to cordon the last serving one.
        let mut excess = if bounds.max_nodes_set { serving.saturating_sub(bounds.max_nodes) } else { 0 };
        let mut blocked: Option<Held> = None;
        for index in dropped(survey, chosen, order) {
            let Some(facts) = survey.nodes.get(index) else { continue };
            let share = share(facts);
            if blocked.is_none() {
                match standing.try_without(share) {
                    Ok(()) => {
                        excess = excess.saturating_sub(1);
                        wanted.dropped.push(index);
                        continue;
                    }
                    Err(left) => {
                        let (serving, utilization) = (left.serving, left.utilization());
                        blocked = Some(Held::AwaitsReplacement { serving, utilization });
                    }
                }
            }
            if excess > 0 {
                excess -= 1;
                standing.without(share);
                wanted.dropped.push(index);
            } else if let Some(held) = blocked {
                wanted.awaiting.insert(index, held);
            }
        }
        wanted
    }
}

fn share<'n>(facts: &'n NodeFacts<'_>) -> Share<'n> {
    Share { capacity: &facts.capacity, daemons: &facts.daemons }
}

/// Whether a broken node is to be cordoned, so that it takes no new pods if it comes back for a moment.
fn cordonable_broken(facts: &NodeFacts<'_>) -> bool {
    facts.state == NodeState::Broken && facts.cordon == Cordon::None && !facts.protected() && !facts.claimed
}

/// Serving nodes that were not chosen, the last of the keep order first.
fn dropped(survey: &Survey<'_>, chosen: &NodeSet, order: &[NodeIndex]) -> Vec<NodeIndex> {
    let serves = |index: &&NodeIndex| survey.nodes.get(**index).is_some_and(NodeFacts::serves);
    let unchosen = order.iter().rev().filter(|index| !chosen.contains(**index));
    unchosen.filter(serves).copied().collect()
}
