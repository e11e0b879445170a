//! The choice: which prefix of the keep order stays in service. Section 5.

use std::cmp::Ordering;

use super::order::{Candidate, Entry, KeepOrder};
use super::utilization::{Band, Utilization};
use crate::model::{Amounts, Resource};
use crate::policy::{Bounds, PartsPerMillion};

/// The input of a choice, in addition to the keep order.
#[derive(Clone, Debug)]
pub(super) struct Aim<'a> {
    pub(super) bounds: &'a Bounds,
    /// The resources of `RESOURCES`.
    pub(super) resources: &'a [Resource],
    /// The demand that does not depend on the choice.
    pub(super) demand: Amounts,
    /// The utilization of the nodes that serve now.
    pub(super) now: Utilization,
    /// The capacity of the nodes that serve now.
    pub(super) serving_capacity: Amounts,
}

/// The bounds of the prefix's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) least: usize,
    pub(super) most: usize,
}

/// The chosen candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// This number of entries of the keep order, from the first on.
    Prefix(usize),
    /// The nodes that serve now, and the ones that must be kept.
    ServingAndMust,
}

/// The demand and the capacity of a set of candidates.
#[derive(Clone, Debug, Default)]
pub(super) struct Total {
    pub(super) requested: Amounts,
    pub(super) capacity: Amounts,
}

impl Total {
    pub(super) fn add(&mut self, entry: &Entry) {
        self.requested.add(&entry.daemons);
        self.capacity.add(&entry.capacity);
    }
}

impl Lengths {
    /// At least the entries that must be kept, at least `MIN_NODES` and at most a `MAX_NODES` that was set, if the list
    /// allows.
    ///
    /// `MIN_NODES` creates nodes only if Ready reserved nodes do not make up the number.
    pub(super) fn new(order: &KeepOrder, bounds: &Bounds, reserved_ready: usize) -> Self {
        let length = order.entries.len();
        let most = if bounds.max_nodes_set { bounds.max_nodes.min(length) } else { length }.max(order.must);
        let created_for_min = bounds.min_nodes.saturating_sub(reserved_ready).min(length);
        let min = bounds.min_nodes.min(order.existing + order.must_create).max(created_for_min);
        Self { least: min.max(order.must).max(order.held).min(most), most }
    }

    pub(super) fn contain(self, length: usize) -> bool {
        (self.least..=self.most).contains(&length)
    }
}

impl Aim<'_> {
    /// The resource that decides the utilization of the nodes that serve now.
    pub(super) fn resource(&self) -> Resource {
        self.now.decides()
    }

    /// Makes the choice. `serves` returns whether a candidate serves now.
    pub(super) fn choose(
        &self,
        order: &KeepOrder,
        lengths: Lengths,
        serves: impl Fn(Candidate) -> bool,
    ) -> Chosen {
        let stay = |position: usize, entry: &Entry| position < order.must || serves(entry.candidate);
        let staying = || order.entries.iter().enumerate().filter(|(position, entry)| stay(*position, entry));
        let staying_length = staying().count();
        if self.now.band(self.bounds) == Band::Within {
            if let Some(length) = self.nearest_in_band(&order.entries, lengths) {
                return Chosen::Prefix(length);
            }
            let total = self.total(staying().map(|(_, entry)| entry).filter(|entry| entry.ready));
            if lengths.contain(staying_length) && self.utilization(&total).band(self.bounds) == Band::Within {
                return Chosen::ServingAndMust;
            }
        }
        if let Some(length) = self.nearest_to_optimum(&order.entries, lengths) {
            return Chosen::Prefix(length);
        }
        // No prefix reaches the band. The longest one offers most, unless the serving nodes already offer as much.
        let longest = self.utilization(&self.total(order.entries.iter().take(lengths.most)));
        let staying = self.utilization(&self.total(staying().map(|(_, entry)| entry)));
        let no_worse = staying.ratio().compare_ratio(longest.ratio()) != Ordering::Greater;
        if lengths.contain(staying_length) && no_worse {
            Chosen::ServingAndMust
        } else {
            Chosen::Prefix(lengths.most)
        }
    }

    /// The prefix whose capacity is nearest to the optimum, among the prefixes that are not above the band.
    pub(super) fn nearest_to_optimum(&self, entries: &[Entry], lengths: Lengths) -> Option<usize> {
        let resource = self.resource();
        let distance = |total: &Total| {
            let offered =
                u128::from(total.capacity.of(resource)) * u128::from(self.bounds.optimal_utilization.0);
            offered.abs_diff(u128::from(total.requested.of(resource)) * u128::from(PartsPerMillion::ONE.0))
        };
        let fits =
            |total: &Total| self.utilization(total).compare(self.bounds.max_utilization) != Ordering::Greater;
        self.nearest(entries, lengths, |_| true, fits, distance)
    }

    /// Compares only nodes that can serve right away with the serving capacity; booting nodes are added on top. Otherwise
    /// each run would cordon serving nodes in favor of a node that takes no pods yet.
    fn nearest_in_band(&self, entries: &[Entry], lengths: Lengths) -> Option<usize> {
        let resource = self.resource();
        let distance = |total: &Total| {
            u128::from(total.capacity.of(resource).abs_diff(self.serving_capacity.of(resource)))
        };
        let within = |total: &Total| self.utilization(total).band(self.bounds) == Band::Within;
        self.nearest(entries, lengths, |entry| entry.ready, within, distance)
    }

    /// The allowed prefix at the smallest distance. Of equal distances the larger capacity, of equal capacities the
    /// shorter prefix: a node that adds nothing is not added.
    fn nearest(
        &self,
        entries: &[Entry],
        lengths: Lengths,
        counts: impl Fn(&Entry) -> bool,
        allowed: impl Fn(&Total) -> bool,
        distance: impl Fn(&Total) -> u128,
    ) -> Option<usize> {
        let resource = self.resource();
        let mut best: Option<(u128, u64, usize)> = None;
        let mut total = self.nothing();
        for length in 0..=lengths.most {
            let mut adds = false;
            if length > 0 {
                let Some(entry) = entries.get(length - 1) else { break };
                adds = counts(entry);
                if adds {
                    total.add(entry);
                }
            }
            // A prefix with the total of the one before is no better than that. There may be thousands of nodes to create.
            if length < lengths.least || (length > lengths.least && !adds) {
                continue;
            }
            let distance = distance(&total);
            let offered = total.capacity.of(resource);
            let better = best.is_none_or(|(least, capacity, _)| {
                distance < least || (distance == least && offered > capacity)
            });
            // The most expensive condition comes last.
            if better && allowed(&total) {
                best = Some((distance, offered, length));
            }
        }
        best.map(|(_, _, length)| length)
    }

    /// The demand and the capacity of a set of candidates, including the demand that does not depend on them.
    pub(super) fn total<'e>(&self, entries: impl Iterator<Item = &'e Entry>) -> Total {
        entries.fold(self.nothing(), |mut total, entry| {
            total.add(entry);
            total
        })
    }

    pub(super) fn utilization(&self, total: &Total) -> Utilization {
        Utilization::new(self.resources, &total.requested, &total.capacity)
    }

    fn nothing(&self) -> Total {
        Total { requested: self.demand.clone(), capacity: Amounts::default() }
    }
}
