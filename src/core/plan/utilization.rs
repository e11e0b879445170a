//! Requested over offered amounts, exact.

use std::cmp::Ordering;
use std::fmt;

use crate::model::{Amounts, Resource};
use crate::policy::{Bounds, PartsPerMillion};

/// A ratio that keeps both of its numbers. It is compared by cross-multiplication and never divided for a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratio {
    /// The amount requested.
    pub requested: u64,
    /// The amount offered.
    pub capacity: u64,
}

impl Ratio {
    /// Compares the ratio with a bound. Without capacity it is zero if nothing is requested, else infinite.
    #[must_use]
    pub fn compare(self, bound: PartsPerMillion) -> Ordering {
        if self.capacity == 0 {
            let requested_nothing = self.requested == 0 && bound.0 > 0;
            return if requested_nothing { Ordering::Less } else { Ordering::Greater };
        }
        let requested = u128::from(self.requested) * u128::from(PartsPerMillion::ONE.0);
        requested.cmp(&(u128::from(self.capacity) * u128::from(bound.0)))
    }

    /// Compares two ratios.
    #[must_use]
    pub fn compare_ratio(self, other: Self) -> Ordering {
        match (self.is_infinite(), other.is_infinite()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                // A ratio of nothing to nothing is zero.
                let (mine, theirs) = (self.capacity.max(1), other.capacity.max(1));
                (u128::from(self.requested) * u128::from(theirs))
                    .cmp(&(u128::from(other.requested) * u128::from(mine)))
            }
        }
    }

    /// The ratio in parts per million, rounded to the nearest; `None` if it is infinite. Only for display, not for
    /// decisions.
    #[must_use]
    pub fn parts_per_million(self) -> Option<u128> {
        if self.is_infinite() {
            return None;
        }
        let capacity = u128::from(self.capacity.max(1));
        Some((u128::from(self.requested) * u128::from(PartsPerMillion::ONE.0) + capacity / 2) / capacity)
    }

    fn is_infinite(self) -> bool {
        self.capacity == 0 && self.requested > 0
    }
}

/// Writes the ratio with three decimals (`0.412`), or `infinite`.
impl fmt::Display for Ratio {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts_per_million() {
            None => formatter.pad("infinite"),
            Some(parts) => {
                let permille = (parts + 500) / 1000;
                formatter.pad(&format!("{}.{:03}", permille / 1000, permille % 1000))
            }
        }
    }
}

/// The utilization of a set of nodes: the ratio of each resource of `RESOURCES`, the largest of which decides.
///
/// # Examples
///
/// ```
/// use kube_rebalancer_core::model::{Amounts, Bytes, Millicores, Resource};
/// use kube_rebalancer_core::plan::{Band, Utilization};
/// use kube_rebalancer_core::policy::Bounds;
///
/// let requested = Amounts::pod(Bytes(12 << 30), Millicores(3600));
/// let offered = Amounts::pod(Bytes(32 << 30), Millicores(4000));
/// let utilization = Utilization::new(&[Resource::Memory, Resource::Cpu], &requested, &offered);
/// assert_eq!(utilization.decides(), Resource::Cpu); // 0.375 of memory, 0.9 of cpu
/// assert_eq!(utilization.ratio().to_string(), "0.900");
/// assert_eq!(utilization.band(&Bounds::default()), Band::Above); // the band is 0.65 to 0.85
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utilization {
    first: (Resource, Ratio),
    second: Option<(Resource, Ratio)>,
}

impl Utilization {
    /// The utilization of `capacity` by `requested`, by the resources of `RESOURCES` in their order.
    #[must_use]
    pub fn new(resources: &[Resource], requested: &Amounts, capacity: &Amounts) -> Self {
        let ratio = |resource: Resource| {
            (resource, Ratio { requested: requested.of(resource), capacity: capacity.of(resource) })
        };
        let mut ratios = resources.iter().copied().map(ratio);
        let first = ratios.next().unwrap_or_else(|| ratio(Resource::Memory));
        Self { first, second: ratios.next() }
    }

    /// The ratios in the order of `RESOURCES`.
    pub fn ratios(&self) -> impl Iterator<Item = (Resource, Ratio)> {
        std::iter::once(self.first).chain(self.second)
    }

    /// The resource that decides: the one with the largest ratio, of equal ones the first.
    #[must_use]
    pub fn decides(&self) -> Resource {
        self.deciding().0
    }

    /// The largest ratio.
    #[must_use]
    pub fn ratio(&self) -> Ratio {
        self.deciding().1
    }

    /// Compares the largest ratio with a bound.
    #[must_use]
    pub fn compare(&self, bound: PartsPerMillion) -> Ordering {
        self.ratio().compare(bound)
    }

    /// The position of the utilization relative to a band.
    #[must_use]
    pub fn band(&self, bounds: &Bounds) -> Band {
        if self.compare(bounds.min_utilization) == Ordering::Less {
            Band::Below
        } else if self.compare(bounds.max_utilization) == Ordering::Greater {
            Band::Above
        } else {
            Band::Within
        }
    }

    fn deciding(&self) -> (Resource, Ratio) {
        match self.second {
            Some(second) if second.1.compare_ratio(self.first.1) == Ordering::Greater => second,
            _ => self.first,
        }
    }
}

/// Writes the largest ratio and its resource: `0.412 of memory`.
impl fmt::Display for Utilization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (resource, ratio) = self.deciding();
        formatter.pad(&format!("{ratio} of {resource}"))
    }
}

/// The position of a utilization; both bounds belong to the band.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// Below `MIN_UTILIZATION`.
    Below,
    /// In the band.
    Within,
    /// Above `MAX_UTILIZATION`.
    Above,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bytes, Millicores};

    #[test]
    fn nothing_over_nothing_is_zero_and_something_over_nothing_is_infinite() {
        let nothing = Ratio { requested: 0, capacity: 0 };
        assert_eq!(nothing.compare(PartsPerMillion(1)), Ordering::Less);
        assert_eq!(nothing.to_string(), "0.000");
        let infinite = Ratio { requested: 1, capacity: 0 };
        assert_eq!(infinite.compare(PartsPerMillion::ONE), Ordering::Greater);
        assert_eq!(infinite.to_string(), "infinite");
        assert_eq!(infinite.compare_ratio(nothing), Ordering::Greater);
    }

    #[test]
    fn a_bound_is_met_exactly_or_not_at_all() {
        let at = Ratio { requested: 85, capacity: 100 };
        assert_eq!(at.compare(PartsPerMillion(850_000)), Ordering::Equal);
        let over = Ratio { requested: 85 * (1 << 50) + 1, capacity: 100 * (1 << 50) };
        assert_eq!(over.compare(PartsPerMillion(850_000)), Ordering::Greater);
    }

    #[test]
    fn the_largest_ratio_decides_and_of_equal_ones_the_first() {
        let of = |memory, cpu| {
            let requested = Amounts::pod(Bytes(memory), Millicores(cpu));
            let capacity = Amounts::pod(Bytes(10), Millicores(1000));
            Utilization::new(&[Resource::Memory, Resource::Cpu], &requested, &capacity)
        };
        assert_eq!(of(4, 830).to_string(), "0.830 of cpu");
        assert_eq!(of(9, 830).to_string(), "0.900 of memory");
        assert_eq!(of(5, 500).decides(), Resource::Memory);
    }
}
