//! All decisions, before they become a plan: each pool as it is, and as it will be.

use super::changes::{Changes, serves_after};
use super::choice::Total;
use super::delete::Deletions;
use super::demand::Demand;
use super::drain::Drains;
use super::growth::Growth;
use super::objects::Objects;
use super::pools::PoolIndex;
use super::settle::{demand, serving_total};
use super::state::Cordon;
use super::survey::Survey;
use super::usage::Used;
use super::used::used_in_pool;
use super::utilization::{Band, Utilization};
use super::value::{After, Before, NodeState, TooManyBroken};

use super::waiting::Waiting;

use crate::model::{Amounts, NodeIndex};

/// A pool as it is.
#[derive(Clone, Debug)]
pub(super) struct PoolNow {
    pub(super) before: Before,
    pub(super) demand: Demand,
    pub(super) used: Option<Used>,
    pub(super) band: Band,
}

/// All decisions, before they become a plan.
#[derive(Debug)]
pub(super) struct Run<'r, 'a> {
    pub(super) survey: &'r Survey<'a>,
    pub(super) growth: &'r Growth<'a>,
    pub(super) waiting: &'r Waiting<'a>,
    /// By pool.
    pub(super) now: Vec<PoolNow>,
    pub(super) changes: Changes,
    pub(super) deletions: Deletions,
    pub(super) drains: Drains<'a>,
    pub(super) objects: Objects,
    pub(super) guard: Option<TooManyBroken>,
    /// By pool: the utilization once every action has taken effect.
    after: Vec<Utilization>,
}

/// Computes the present state of a pool.
pub(super) fn pool_now(
    survey: &Survey<'_>,
    growth: &Growth<'_>,
    waiting: &Waiting<'_>,
    pool: PoolIndex,
) -> PoolNow {
    let cordons: Vec<Cordon> = survey.nodes.iter().map(|facts| facts.cordon).collect();
    let demand = demand(survey, waiting, pool);
    let utilization = serving_total(survey, pool, &demand, &cordons).utilization(survey);
    let mut before = Before {
        managed: 0,
        serving: 0,
        cordoned: 0,
        booting: 0,
        broken: 0,
        not_in_use: 0,
        under_pressure: 0,
        claimed: 0,
        parked: 0,
        reserved: 0,
        critical: 0,
        empty: 0,
        instances_without_node: growth.instances_without_node.get(pool).copied().unwrap_or(0),
        waiting_pods: waiting.refused.get(pool).copied().unwrap_or(0),
        utilization,
    };
    for (_, facts) in survey.of_pool(pool) {
        before.managed += 1;
        before.critical += usize::from(facts.critical.is_some());
        before.empty += usize::from(facts.empty());
        let count = match facts.state {
            _ if facts.reserved.is_some() => &mut before.reserved,
            NodeState::Serving => &mut before.serving,
            NodeState::Cordoned => &mut before.cordoned,
            NodeState::Booting => &mut before.booting,
            NodeState::Broken => &mut before.broken,
            NodeState::NotInUse => &mut before.not_in_use,
            NodeState::UnderPressure => &mut before.under_pressure,
            NodeState::Claimed => &mut before.claimed,
            NodeState::Parked => &mut before.parked,
        };
        *count += 1;
    }
    let band = utilization.band(survey.policy.bounds_of(survey.pool_name(pool)));
    let of_pool = survey.nodes.iter().enumerate().filter(|(_, facts)| facts.pool == pool);
    let used = used_in_pool(of_pool, |_, facts| facts.serves());
    PoolNow { before, demand, used, band }
}

impl<'r, 'a> Run<'r, 'a> {
    pub(super) fn new(
        survey: &'r Survey<'a>,
        growth: &'r Growth<'a>,
        waiting: &'r Waiting<'a>,
        now: Vec<PoolNow>,
        (changes, deletions, drains, objects): (Changes, Deletions, Drains<'a>, Objects),
        guard: Option<TooManyBroken>,
    ) -> Self {
        let after = Vec::new();
        let mut run =
            Self { survey, growth, waiting, now, changes, deletions, drains, objects, guard, after };
        run.deletions.keep.append(&mut run.drains.keep);
        run.deletions.keep.append(&mut run.objects.keep);
        run.after = (0..survey.pools.len())
            .filter_map(|pool| run.after(pool))
            .map(|after| after.utilization)
            .collect();
        run
    }

    pub(super) fn name(&self, index: NodeIndex) -> String {
        self.survey.nodes.get(index).map(|facts| facts.node.name.clone()).unwrap_or_default()
    }

    /// The present state of a node's pool.
    pub(super) fn now_of(&self, index: NodeIndex) -> Option<&PoolNow> {
        self.now.get(self.survey.nodes.get(index)?.pool)
    }

    /// The utilization of a pool once every action has taken effect.
    pub(super) fn utilization_after(&self, pool: PoolIndex) -> Utilization {
        let now = self.now.get(pool).map(|now| now.before.utilization);
        self.after.get(pool).copied().or(now).unwrap_or_else(|| Total::default().utilization(self.survey))
    }

    /// The state of a pool once every action has taken effect.
    pub(super) fn after(&self, pool: PoolIndex) -> Option<After> {
        let decision = self.changes.decisions.get(pool)?;
        let mut total =
            Total { requested: self.now.get(pool)?.demand.in_choice(), capacity: Amounts::default() };
        let mut nodes = 0;
        for (_, facts) in
            self.survey.common(pool).filter(|(index, facts)| serves_after(&self.changes, facts, *index))
        {
            nodes += 1;
            total.requested.add(facts.counted_daemons());
            total.capacity.add(&facts.capacity);
        }
        for entry in decision.booting.iter().chain(&decision.wake).chain(&decision.new) {
            nodes += 1;
            total.add(entry);
        }
        Some(After {
            serving: nodes,
            booting: decision.booting.len() + decision.wake.len(),
            created: decision.new.len(),
            utilization: total.utilization(self.survey),
        })
    }
}
