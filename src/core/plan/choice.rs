//! The choice: which prefix of the keep order stays in service. POLICY section 5.

use std::cmp::Ordering;

use super::order::{Candidate, Entry, KeepOrder};
use super::utilization::Utilization;
use super::value::Band;
use crate::policy::{PartsPerMillion, Policy};

/// What a choice is made from, beside the keep order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aim<'a> {
    pub(super) policy: &'a Policy,
    /// Memory that is asked for whatever is chosen: by occupants and by pods that wait.
    pub(super) demand: u128,
    /// Memory offered by what serves now.
    pub(super) serving_capacity: u128,
    /// Where the utilization of what serves now lies.
    pub(super) band: Band,
}

/// How long the prefix may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) least: usize,
    pub(super) most: usize,
}

/// The chosen candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// The first so many of the keep order.
    Prefix(usize),
    /// What serves now, and what must be kept.
    ServingAndMust,
}

impl Bounds {
    /// At least what must be kept, at least `MIN_NODES` and at most `MAX_NODES` where the list allows.
    pub(super) fn new(order: &KeepOrder, policy: &Policy) -> Self {
        let length = order.entries.len();
        let most = policy.max_nodes.min(length).max(order.must);
        Self { least: policy.min_nodes.min(length).max(order.must).max(order.held.min(most)), most }
    }

    pub(super) fn contain(self, length: usize) -> bool {
        (self.least..=self.most).contains(&length)
    }
}

impl Aim<'_> {
    /// Chooses. `serves` says which candidates serve now.
    pub(super) fn choose(
        &self,
        order: &KeepOrder,
        bounds: Bounds,
        serves: impl Fn(Candidate) -> bool,
    ) -> Chosen {
        if self.band == Band::Within {
            if let Some(length) = self.nearest_in_band(&order.entries, bounds) {
                return Chosen::Prefix(length);
            }
            let stay = order.entries.iter().enumerate();
            let stay = stay.filter(|(index, entry)| *index < order.must || serves(entry.candidate));
            let stay: Vec<&Entry> = stay.map(|(_, entry)| entry).collect();
            let serving = stay.iter().filter(|entry| entry.ready);
            let total = serving.fold(self.nothing(), |total, entry| add(total, entry));
            if bounds.contain(stay.len()) && total.band(self.policy) == Band::Within {
                return Chosen::ServingAndMust;
            }
        }
        Chosen::Prefix(self.nearest_to_optimum(&order.entries, bounds))
    }

    /// The prefix whose capacity is nearest to what the optimum asks for, among those not above the band; the longest
    /// if all are.
    pub(super) fn nearest_to_optimum(&self, entries: &[Entry], bounds: Bounds) -> usize {
        let distance = |total: Utilization| {
            let offered = total.capacity * u128::from(self.policy.optimal_utilization.0);
            offered.abs_diff(total.requested * u128::from(PartsPerMillion::ONE.0))
        };
        let fits = |total: Utilization| total.compare(self.policy.max_utilization) != Ordering::Greater;
        self.nearest(entries, bounds, |_| true, fits, distance).unwrap_or(bounds.most)
    }

    /// Only what can serve right away is compared with what serves: what boots comes on top. Else each run would cordon
    /// serving nodes for the sake of one that does not take anybody yet.
    fn nearest_in_band(&self, entries: &[Entry], bounds: Bounds) -> Option<usize> {
        let distance = |total: Utilization| total.capacity.abs_diff(self.serving_capacity);
        let ready = |entry: &Entry| entry.ready;
        self.nearest(entries, bounds, ready, |total| total.band(self.policy) == Band::Within, distance)
    }

    /// The allowed prefix at the smallest distance. Of equal distances the larger capacity, of equal capacities the
    /// shorter prefix: a node that adds nothing is not added.
    fn nearest(
        &self,
        entries: &[Entry],
        bounds: Bounds,
        counts: impl Fn(&Entry) -> bool,
        allowed: impl Fn(Utilization) -> bool,
        distance: impl Fn(Utilization) -> u128,
    ) -> Option<usize> {
        let mut best: Option<(u128, u128, usize)> = None;
        let mut total = self.nothing();
        for length in 0..=bounds.most {
            if length > 0 {
                let Some(entry) = entries.get(length - 1) else { break };
                if counts(entry) {
                    total = add(total, entry);
                }
            }
            if length < bounds.least || !allowed(total) {
                continue;
            }
            let distance = distance(total);
            let better = best.is_none_or(|(least, capacity, _)| {
                distance < least || (distance == least && total.capacity > capacity)
            });
            if better {
                best = Some((distance, total.capacity, length));
            }
        }
        best.map(|(_, _, length)| length)
    }

    /// The utilization of a set of candidates.
    pub(super) fn utilization<'e>(&self, entries: impl Iterator<Item = &'e Entry>) -> Utilization {
        entries.fold(self.nothing(), add)
    }

    fn nothing(&self) -> Utilization {
        Utilization { requested: self.demand, capacity: 0 }
    }
}

/// A total with one more candidate in it.
pub(super) fn add(total: Utilization, entry: &Entry) -> Utilization {
    Utilization { requested: total.requested + entry.daemons, capacity: total.capacity + entry.capacity }
}
