//! The demand of the last weeks, from which foresight learns (section 12).

mod series;
mod slot;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use series::Series;
pub use slot::Slot;

use super::Resource;

/// Number of slots that are kept: four weeks, a neighbour, and an hour for a clock change.
pub const SLOTS_KEPT: u32 = 4 * Slot::PER_WEEK + 1 + Slot::PER_HOUR;

/// The largest amount that is kept. Kubernetes' own bound for a quantity is twice that, and the difference of two such
/// amounts fits 64 bits with its sign.
pub const LARGEST_PEAK: u64 = 1 << 62;

/// For each pool (the empty name where there are no pools) and each resource of `RESOURCES`: the largest demand in each
/// slot of five minutes. A slot without a run is a gap, not zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    pools: BTreeMap<String, BTreeMap<Resource, Series>>,
}

impl History {
    /// Records the current demand of a pool, without expectations and daemons. Returns whether that changed anything: a new
    /// slot, or a higher peak of the running one.
    ///
    /// Slots older than [`SLOTS_KEPT`] are dropped, and so are slots after `now`: the clock that wrote them was wrong.
    pub fn observe(&mut self, now: Timestamp, pool: &str, resource: Resource, amount: u64) -> bool {
        let slot = Slot::of(now);
        self.retain(slot.earlier(SLOTS_KEPT), slot);
        let amount = rounded(resource, amount);
        if self.peak(pool, resource, slot).is_some_and(|peak| peak >= amount) {
            return false;
        }
        let pool = match self.pools.get_mut(pool) {
            Some(pool) => pool,
            None => self.pools.entry(pool.to_owned()).or_default(),
        };
        pool.entry(resource).or_default().set(slot, amount);
        true
    }

    /// The peak of a slot; `None` for a gap.
    #[must_use]
    pub fn peak(&self, pool: &str, resource: Resource, slot: Slot) -> Option<u64> {
        self.pools.get(pool)?.get(&resource)?.peak(slot)
    }

    /// Every series, by pool and resource.
    pub fn series(&self) -> impl Iterator<Item = (&str, Resource, &Series)> {
        self.pools.iter().flat_map(|(pool, by_resource)| {
            by_resource.iter().map(|(resource, series)| (pool.as_str(), *resource, series))
        })
    }

    /// Adds the peaks of consecutive slots, from `begin` on; of two peaks of one slot the higher one stays. Peaks before or
    /// after what a history can hold are left out.
    pub fn extend(
        &mut self,
        pool: &str,
        resource: Resource,
        begin: Slot,
        peaks: impl IntoIterator<Item = Option<u64>>,
    ) {
        let mut series = Series::default();
        let mut slot = begin;
        for peak in peaks {
            if let Some(peak) = peak {
                series.set(slot, rounded(resource, peak));
            }
            slot = slot.later(1);
        }
        if series.is_empty() {
            return;
        }
        let known = self.pools.entry(pool.to_owned()).or_default().entry(resource).or_default();
        for (slot, peak) in series.peaks() {
            if known.peak(slot).is_none_or(|known| known < peak) {
                known.set(slot, peak);
            }
        }
    }

    /// Drops the slots before `first` and after `last`.
    pub fn retain(&mut self, first: Slot, last: Slot) {
        for by_resource in self.pools.values_mut() {
            for series in by_resource.values_mut() {
                series.retain(first, last);
            }
            by_resource.retain(|_, series| !series.is_empty());
        }
        self.pools.retain(|_, by_resource| !by_resource.is_empty());
    }

    /// The first and the last slot with a peak; `None` where there is none at all.
    #[must_use]
    pub fn span(&self) -> Option<(Slot, Slot)> {
        let spans = || self.series().filter_map(|(_, _, series)| series.span());
        Some((spans().map(|(first, _)| first).min()?, spans().map(|(_, last)| last).max()?))
    }
}

/// An amount as a history holds it: memory in whole mebibytes, rounded up, so that the text stays short.
#[must_use]
pub fn rounded(resource: Resource, amount: u64) -> u64 {
    let unit = unit(resource);
    amount.min(LARGEST_PEAK).div_ceil(unit).saturating_mul(unit)
}

/// The unit of a resource's amounts in a history.
#[must_use]
pub const fn unit(resource: Resource) -> u64 {
    match resource {
        Resource::Memory => super::Bytes::MEBI.0,
        Resource::Cpu => 1,
    }
}
