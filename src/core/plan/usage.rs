//! What pods used, beside what they request: what a choice counts, and what a report shows.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::Amounts;

/// Why a pod counts by its requests although a source of metrics was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unmeasured {
    /// The source does not know it.
    Missing,
    /// A container, or memory or processor time, is missing.
    Partial,
    /// The sample is older than five minutes, or has no time.
    Stale,
    /// The sample is from the future.
    Future,
    /// An amount is below zero.
    Negative,
    /// An amount is no number, or far more than the node has, or two of them.
    Absurd,
}

/// Writes it as it follows a number of pods: `without metrics`.
impl fmt::Display for Unmeasured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Missing => "without metrics",
            Self::Partial => "with a part of them",
            Self::Stale => "with old ones",
            Self::Future => "with ones from the future",
            Self::Negative => "with negative ones",
            Self::Absurd => "with impossible ones",
        })
    }
}

/// What pods used, beside what the same pods request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// The number of pods whose usage is known.
    pub measured: usize,
    /// What these pods request.
    pub requested: Amounts,
    /// What they used.
    pub used: Amounts,
    /// The number of pods that count by their requests, by the reason.
    pub unmeasured: BTreeMap<Unmeasured, usize>,
}

impl Used {
    /// Adds what other pods used.
    pub(super) fn add(&mut self, other: &Self) {
        self.measured += other.measured;
        self.requested.add(&other.requested);
        self.used.add(&other.used);
        for (why, pods) in &other.unmeasured {
            *self.unmeasured.entry(*why).or_default() += pods;
        }
    }

    /// The number of pods that count by their requests.
    #[must_use]
    pub fn unmeasured_pods(&self) -> usize {
        self.unmeasured.values().sum()
    }

    /// Counts a pod: by what it used, or by the reason why that is not believed.
    pub(super) fn count(&mut self, requests: &Amounts, judged: Result<&Amounts, Unmeasured>) {
        match judged {
            Ok(used) => {
                self.measured += 1;
                self.requested.add(requests);
                self.used.add(used);
            }
            Err(why) => *self.unmeasured.entry(why).or_default() += 1,
        }
    }
}

/// Pods of one node that are counted together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// What a choice counts, by `DEMAND`.
    pub(crate) counted: Amounts,
    /// What a report shows.
    pub(crate) told: Used,
}

/// What the bound pods of one node used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeUsage {
    /// Of the pods whose requests are the node's demand.
    pub(crate) demand: Counted,
    /// Of the daemons taken into account.
    pub(crate) daemons: Counted,
}
