//! Decides which pods to evict from nodes that only these pods keep (section 16).
//!
//! ```text
//!   Deletions::drain: nodes that only such pods keep
//!     --> may every one of them be evicted? --> do all fit elsewhere? --> one a controller, what budgets allow, MAX_EVICTIONS
//! ```
//!
//! A node is drained as a whole or not at all: one remaining pod would make the evictions of the others useless.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::budgets::Budgets;
use super::changes::{Changes, serves_after};
use super::classes::{Classifier, PodClass};
use super::drained::evicted_a_moment_ago;
use super::evictable::unmovable;
use super::fit::{Shape, admits, free_of_occupants};
use super::notes::Limit;
use super::pools::PoolIndex;
use super::reach::{likeness, places_of};
use super::reason::{EvictReason, KeepReason, NotEvicted};
use super::room::{Room, size};
use super::settle::{demand, reserved_ready, serving_total};
use super::state::{Cordon, age};
use super::survey::{NodeFacts, Survey};
use super::taints::takes_nobody_now;
use super::waiting::{HOUR, Waiting};
use crate::model::{Amounts, ControllerKey, DisruptionBudget, NodeIndex, Pod, annotation};
use crate::policy::AdoptCordons;

/// The evictions, and the verdicts on their nodes.
#[derive(Debug, Default)]
pub(super) struct Drains<'a> {
    /// The pods, each with its node.
    pub(super) evict: Vec<(NodeIndex, &'a Pod, EvictReason)>,
    /// The reason why each node stays until it is empty.
    pub(super) keep: BTreeMap<NodeIndex, KeepReason>,
    pub(super) limit: Option<Limit>,
}

/// The pods of a controller.
#[derive(Clone, Copy, Debug, Default)]
struct OfController<'a> {
    /// A pod that is not Ready, or is terminating.
    not_ready: Option<&'a Pod>,
    /// The number of such pods.
    troubled: usize,
    /// Whether one of them is evicted in this run.
    evicted: bool,
    /// A node from which an earlier run evicted one less than 30 s ago.
    evicted_from: Option<&'a str>,
}

struct Draining<'r, 'a> {
    survey: &'r Survey<'a>,
    /// The nodes that take evicted pods.
    places: Vec<NodeIndex>,
    room: Room<'r, 'a>,
    /// By pool: the requests of evicted omitted pods, which reduce the capacity of the nodes that stay.
    moved: BTreeMap<PoolIndex, Amounts>,
    /// By pool: the demand on the serving nodes and their capacity.
    serving: BTreeMap<PoolIndex, super::choice::Total>,
    controllers: BTreeMap<ControllerKey<'a>, OfController<'a>>,
    budgets: Budgets<'a>,
    /// Number of evictions that each budget still allows.
    allowed: BTreeMap<usize, u32>,
    /// A pod in its first hour of waiting.
    waits: Option<&'a Pod>,
    budget: usize,
    asked: usize,
}

impl<'a> Drains<'a> {
    /// Drains nodes that only evictable pods keep; nodes whose drain has begun come first.
    pub(super) fn new(
        survey: &Survey<'a>,
        changes: &Changes,
        waiting: &Waiting<'a>,
        nodes: &[NodeIndex],
    ) -> Self {
        let mut drains = Self::default();
        if nodes.is_empty() {
            return drains;
        }
        let mut draining = Draining::new(survey, changes, waiting);
        let begun = |index: &NodeIndex| {
            survey
                .nodes
                .get(*index)
                .is_some_and(|facts| facts.node.annotations.contains_key(annotation::EVICTED_AT))
        };
        let (first, then): (Vec<NodeIndex>, Vec<NodeIndex>) = nodes.iter().copied().partition(begun);
        for index in first.into_iter().chain(then) {
            let Some(facts) = survey.nodes.get(index) else { continue };
            let keep = draining.drain(index, facts, &mut drains.evict);
            drains.keep.insert(index, keep);
        }
        let allowed = drains.evict.len();
        drains.limit =
            (draining.asked > allowed).then_some(Limit::MaxEvictions { asked: draining.asked, allowed });
        drains
    }
}

impl<'r, 'a> Draining<'r, 'a> {
    fn new(survey: &'r Survey<'a>, changes: &Changes, waiting: &Waiting<'a>) -> Self {
        let stays = |(index, facts): &(NodeIndex, &NodeFacts<'a>)| {
            (serves_after(changes, facts, *index) || reserved_ready(facts)) && !takes_nobody_now(facts.node)
        };
        let places = survey.managed().filter(stays).map(|(index, _)| index).collect();
        let serving = (0..survey.pools.len()).map(|pool| {
            let demand = demand(survey, waiting, pool);
            (pool, serving_total(survey, pool, &demand, &changes.cordons))
        });
        let budgets = survey.snapshot.budgets();
        Self {
            survey,
            places,
            room: Room::new(survey, waiting.nominated.clone()),
            moved: BTreeMap::new(),
            serving: serving.collect(),
            controllers: controllers(survey),
            budgets: Budgets::new(budgets),
            allowed: budgets.iter().map(|budget| budget.allowed).enumerate().collect(),
            waits: first_waiting(survey),
            budget: survey.policy.max_evictions.allows(survey.managed().count()),
            asked: 0,
        }
    }

    /// Evicts the pods of one node that may be evicted now; returns why the node stays in this run.
    fn drain(
        &mut self,
        index: NodeIndex,
        facts: &NodeFacts<'a>,
        evict: &mut Vec<(NodeIndex, &'a Pod, EvictReason)>,
    ) -> KeepReason {
        let movable = facts.movable.iter().map(|pod| (*pod, EvictReason::Movable));
        let omitted = facts.moves.iter().map(|pod| (*pod, EvictReason::Omitted));
        let mut all: Vec<(&'a Pod, EvictReason)> = movable.chain(omitted).collect();
        all.sort_by_key(|(pod, _)| (&pod.namespace, &pod.name));
        let pods = all.len();
        let first = all.first().map(|(pod, _)| pod.full_name()).unwrap_or_default();
        let open: Vec<(&'a Pod, EvictReason)> = all.into_iter().filter(|(pod, _)| !pod.deleting).collect();
        if open.is_empty() {
            return KeepReason::Draining { pods, pod: first, evicted: 0 };
        }
        let refused = open.iter().find_map(|(pod, _)| Some((*pod, self.speaks_against(facts, pod)?)));
        if let Some((pod, why)) = refused.or_else(|| self.lacks_room(facts, &open)) {
            return KeepReason::NotDrained { pod: pod.full_name(), why };
        }
        let mut evicted = 0;
        let mut held = None;
        for (pod, reason) in open {
            if let Some(why) = self.hold(pod) {
                held.get_or_insert((pod, why));
                continue;
            }
            self.asked += 1;
            if evict.len() >= self.budget {
                let max = self.survey.policy.max_evictions;
                held.get_or_insert((pod, NotEvicted::MaxEvictions { max }));
                continue;
            }
            self.take(pod);
            evict.push((index, pod, reason));
            evicted += 1;
        }
        match held {
            Some((pod, why)) if evicted == 0 => KeepReason::NotDrained { pod: pod.full_name(), why },
            _ => KeepReason::Draining { pods, pod: first, evicted },
        }
    }

    /// The reason why a pod of the node must not be evicted now.
    fn speaks_against(&self, facts: &NodeFacts<'a>, pod: &'a Pod) -> Option<NotEvicted> {
        let (policy, snapshot) = (self.survey.policy, self.survey.snapshot);
        if facts.cordon != Cordon::Ours && policy.adopt_cordons != AdoptCordons::Always {
            return Some(NotEvicted::OthersCordon);
        }
        if let Some(why) = unmovable(pod, facts.node, policy, snapshot.volumes()) {
            return Some(why);
        }
        let Some(protecting) = self.budgets.of(pod) else { return Some(NotEvicted::TooManyBudgets) };
        let mut protecting = protecting.into_iter().filter_map(|index| self.budgets.get(index));
        match (protecting.next(), protecting.next()) {
            (Some(first), Some(second)) => {
                let (first, second) = (first.full_name(), second.full_name());
                return Some(NotEvicted::TwoBudgets { first, second });
            }
            (Some(budget), None) if budget.allowed == 0 && binds(budget, pod) => {
                return Some(NotEvicted::Budget { budget: budget.full_name() });
            }
            (Some(_) | None, _) => {}
        }
        self.waits.map(|waits| NotEvicted::Waiting { pod: waits.full_name() })
    }

    /// Places all pods of a node on the nodes that stay; otherwise returns the first pod without a place.
    fn lacks_room(
        &mut self,
        facts: &NodeFacts<'a>,
        pods: &[(&'a Pod, EvictReason)],
    ) -> Option<(&'a Pod, NotEvicted)> {
        let before = self.room.state();
        let mut moved = self.moved.get(&facts.pool).cloned().unwrap_or_default();
        let refused = self.place(facts.pool, pods, &mut moved);
        if refused.is_some() {
            self.room.restore(before);
        } else {
            self.moved.insert(facts.pool, moved);
        }
        refused
    }

    /// Places these pods on nodes of the pool, one after the other; otherwise returns the first without a place. `moved` are
    /// the requests of the omitted ones.
    fn place(
        &mut self,
        pool: PoolIndex,
        pods: &[(&'a Pod, EvictReason)],
        moved: &mut Amounts,
    ) -> Option<(&'a Pod, NotEvicted)> {
        let survey = self.survey;
        let facts = |index: &NodeIndex| survey.nodes.get(*index);
        let mut order: Vec<&(&'a Pod, EvictReason)> = pods.iter().collect();
        order.sort_by_key(|&&(pod, _)| size(pod));
        for (pod, reason) in order {
            let takes = |index: &NodeIndex| {
                facts(index).is_some_and(|place| place.pool == pool) && self.room.takes(*index, pod)
            };
            let Some(place) = self.places.iter().copied().find(takes) else {
                return Some((pod, NotEvicted::NoRoom));
            };
            self.room.take(place, pod);
            if *reason == EvictReason::Omitted && facts(&place).is_some_and(NodeFacts::common) {
                moved.add(&pod.requests);
            }
            if self.is_above(pool, moved) {
                return Some((pod, NotEvicted::AboveBand));
            }
        }
        None
    }

    /// Whether the serving nodes would be above the band without the capacity that omitted pods take.
    fn is_above(&self, pool: PoolIndex, moved: &Amounts) -> bool {
        let Some(serving) = self.serving.get(&pool) else { return true };
        let mut after = serving.clone();
        after.capacity = super::capacity::without_omitted(after.capacity, moved, self.survey.policy);
        let max = self.survey.policy.bounds_of(self.survey.pool_name(pool)).max_utilization;
        let takes_capacity = *moved != Amounts::default();
        takes_capacity && after.utilization(self.survey).compare(max) == std::cmp::Ordering::Greater
    }

    /// The reason why a pod must wait for other pods of its controller.
    fn hold(&self, pod: &'a Pod) -> Option<NotEvicted> {
        let of = pod.controller_key().and_then(|key| self.controllers.get(&key));
        if let Some(of) = of {
            if let Some(node) = of.evicted_from {
                return Some(NotEvicted::OtherEvicted { node: node.to_owned() });
            }
            let itself = usize::from(is_troubled(pod));
            if let Some(other) = of.not_ready.filter(|_| of.evicted || of.troubled > itself) {
                return Some(NotEvicted::OtherReplica { pod: other.full_name() });
            }
        }
        let mut binding = self.binding(pod);
        let spent = binding.find(|index| self.allowed.get(index) == Some(&0));
        let spent = spent.and_then(|index| self.budgets.get(index));
        spent.map(|budget| NotEvicted::Budget { budget: budget.full_name() })
    }

    /// The indices of the budgets whose number bounds the eviction of the pod.
    fn binding(&self, pod: &Pod) -> impl Iterator<Item = usize> + use<> {
        let mut protecting = self.budgets.of(pod).unwrap_or_default();
        protecting.retain(|index| self.budgets.get(*index).is_some_and(|budget| binds(budget, pod)));
        protecting.into_iter()
    }

    fn take(&mut self, pod: &'a Pod) {
        if let Some(of) = pod.controller_key().and_then(|key| self.controllers.get_mut(&key)) {
            of.evicted = true;
            of.not_ready = Some(pod);
        }
        for index in self.binding(pod) {
            if let Some(allowed) = self.allowed.get_mut(&index) {
                *allowed = allowed.saturating_sub(1);
            }
        }
    }
}

/// Whether the number of a budget bounds the eviction of a pod that it protects.
fn binds(budget: &DisruptionBudget, pod: &Pod) -> bool {
    pod.ready || !budget.unready_at_any_time
}

/// Whether a pod is not Ready or is terminating.
fn is_troubled(pod: &Pod) -> bool {
    !pod.ready || pod.deleting || pod.node_name.is_none()
}

/// The pods of the controllers that have a pod on a cordoned node, wherever they are.
fn controllers<'a>(survey: &Survey<'a>) -> BTreeMap<ControllerKey<'a>, OfController<'a>> {
    let cordoned = survey.nodes.iter().filter(|facts| facts.cordoned());
    let concerned = cordoned.flat_map(|facts| facts.movable.iter().chain(&facts.moves));
    let mut controllers: BTreeMap<ControllerKey<'_>, OfController<'_>> =
        concerned.filter_map(|pod| Some((pod.controller_key()?, OfController::default()))).collect();
    for pod in survey.snapshot.pods() {
        if let Some(of) = pod.controller_key().and_then(|key| controllers.get_mut(&key))
            && is_troubled(pod)
        {
            of.troubled += 1;
            of.not_ready.get_or_insert(pod);
        }
    }
    let now = survey.snapshot.observed_at();
    for (node, uid) in survey.snapshot.nodes().iter().flat_map(|node| evicted_a_moment_ago(node, now)) {
        for (_, of) in controllers.iter_mut().filter(|((_, of), _)| *of == uid) {
            of.evicted_from.get_or_insert(node);
        }
    }
    controllers
}

/// The first pod by name, omitted or not, that waits for a node, has not for an hour, and would fit an existing node without
/// occupants: an evicted pod would take its room.
fn first_waiting<'a>(survey: &Survey<'a>) -> Option<&'a Pod> {
    let volumes = survey.snapshot.usable_volumes();
    let rooms: Vec<(&NodeFacts<'_>, Amounts)> =
        survey.managed().map(|(_, facts)| (facts, free_of_occupants(facts))).collect();
    let fits = |pod: &Pod| {
        let shape = Shape { pod, volumes, places: &places_of(pod, volumes) };
        rooms.iter().any(|(facts, free)| shape.fits(free) && admits(survey, facts, shape))
    };
    let mut classifier = Classifier::new(survey.policy);
    let observed_at = survey.snapshot.observed_at();
    // Of pods alike, one is compared with the nodes.
    let mut seen = BTreeSet::new();
    survey.snapshot.pods().iter().find(|pod| {
        let class = classifier.class(pod);
        let Some(unbound) = pod.unbound.as_deref().filter(|unbound| !unbound.gated && !pod.deleting) else {
            return false;
        };
        let since = unbound.refused_since().or(unbound.created_at);
        let waited = since.map_or(SignedDuration::ZERO, |since| age(since, observed_at));
        let counts = match class {
            PodClass::Critical | PodClass::Movable | PodClass::Dynamic | PodClass::Omitted => true,
            PodClass::Daemon { .. } | PodClass::Placeholder { .. } | PodClass::Own => false,
        };
        counts && waited < HOUR && likeness(pod).is_none_or(|one| seen.insert(one)) && fits(pod)
    })
}
