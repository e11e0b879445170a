//! Requested memory over offered memory, exact.

use std::cmp::Ordering;
use std::fmt;

use super::value::Band;
use crate::policy::{PartsPerMillion, Policy};

/// A ratio that keeps both of its numbers; compared by cross-multiplication, never divided for a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Utilization {
    /// Bytes requested.
    pub requested: u128,
    /// Bytes offered.
    pub capacity: u128,
}

impl Utilization {
    /// Compares the ratio with a bound. With nothing offered it is zero if nothing is requested, else infinite.
    ///
    /// The products cannot overflow: a sum over a million objects is below 2^83 and a bound below 2^20.
    #[must_use]
    pub fn compare(self, bound: PartsPerMillion) -> Ordering {
        if self.capacity == 0 {
            let requested_nothing = self.requested == 0 && bound.0 > 0;
            return if requested_nothing { Ordering::Less } else { Ordering::Greater };
        }
        let requested = self.requested * u128::from(PartsPerMillion::ONE.0);
        requested.cmp(&(self.capacity * u128::from(bound.0)))
    }

    /// Where the ratio lies in the policy's band.
    #[must_use]
    pub fn band(self, policy: &Policy) -> Band {
        if self.compare(policy.min_utilization) == Ordering::Less {
            Band::Below
        } else if self.compare(policy.max_utilization) == Ordering::Greater {
            Band::Above
        } else {
            Band::Within
        }
    }

    /// The ratio in parts per million, rounded to the nearest; `None` if it is infinite. For showing, not deciding.
    #[must_use]
    pub fn parts_per_million(self) -> Option<u128> {
        match (self.requested, self.capacity) {
            (0, 0) => Some(0),
            (_, 0) => None,
            (requested, capacity) => {
                Some((requested * u128::from(PartsPerMillion::ONE.0) + capacity / 2) / capacity)
            }
        }
    }
}

/// Writes the ratio with three decimals (`0.412`), or `infinite`.
impl fmt::Display for Utilization {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_over_nothing_is_zero_and_something_over_nothing_is_infinite() {
        let nothing = Utilization { requested: 0, capacity: 0 };
        assert_eq!(nothing.compare(PartsPerMillion(1)), Ordering::Less);
        assert_eq!(nothing.to_string(), "0.000");
        let infinite = Utilization { requested: 1, capacity: 0 };
        assert_eq!(infinite.compare(PartsPerMillion::ONE), Ordering::Greater);
        assert_eq!(infinite.to_string(), "infinite");
    }

    #[test]
    fn a_bound_is_met_exactly_or_not_at_all() {
        let at = Utilization { requested: 85, capacity: 100 };
        assert_eq!(at.compare(PartsPerMillion(850_000)), Ordering::Equal);
        let over = Utilization { requested: 85 * (1 << 60) + 1, capacity: 100 * (1 << 60) };
        assert_eq!(over.compare(PartsPerMillion(850_000)), Ordering::Greater);
    }
}
