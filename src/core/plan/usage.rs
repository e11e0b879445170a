//! The usage of pods beside their requests: the amounts that a choice counts and a report shows.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::Amounts;

/// The reason why a pod counts by its requests although a source of metrics was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unmeasured {
    /// The source has no sample of it.
    Missing,
    /// A container, or memory or processor time, is missing.
    Partial,
    /// The sample is older than five minutes, or has no time.
    Stale,
    /// The sample is from the future.
    Future,
    /// An amount is below zero.
    Negative,
    /// An amount is no number, occurs twice, or is far more than the node has.
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

/// The usage of pods, beside the requests of the same pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// The number of pods whose usage is known.
    pub measured: usize,
    /// The requests of these pods.
    pub requested: Amounts,
    /// The usage of these pods.
    pub used: Amounts,
    /// The number of pods that count by their requests, by the reason.
    pub unmeasured: BTreeMap<Unmeasured, usize>,
}

impl Used {
    /// Adds the usage of other pods.
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

    /// Counts a pod: by its usage, or by the reason why its sample does not count.
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
    /// The amount that a choice counts, by `DEMAND`.
    pub(crate) counted: Amounts,
    /// The amounts that a report shows.
    pub(crate) told: Used,
}

/// The usage of one node's bound pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeUsage {
    /// The usage of the pods whose requests are the node's demand.
    pub(crate) demand: Counted,
    /// The usage of the daemons taken into account.
    pub(crate) daemons: Counted,
}
