//! The records that runs keep for later ones, in a `ConfigMap` beside the Lease.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Amounts, TaintEffect};

/// A lasting taint, as the judgement of common nodes uses it: key, value and effect.
pub type LastingTaint = (String, String, TaintEffect);

/// A set of lasting taints, as one node carries it.
pub type TaintSet = BTreeSet<LastingTaint>;

/// The records of earlier runs. A run without permission to read it, or without the `ConfigMap`, has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By pool (the empty name where there are no pools): for each set of lasting taints, whether its nodes are common.
    pub common: BTreeMap<String, BTreeMap<TaintSet, bool>>,
    /// The nodes that were created for waiting pods, by pod UID and group; and the ones that came too small for pods with the same
    /// requests, by [`size_key`] and group.
    pub created_for: BTreeMap<(String, String), CreatedFor>,
    /// The groups whose youngest node turned out to be useless: the number of such nodes in a row, and when the last one
    /// was recorded.
    pub useless: BTreeMap<String, CreatedFor>,
}

/// Maximum time by which a stored time may be ahead of the clock of this run, because the clocks of two machines differ. A time
/// beyond it was written by a wrong clock, and its age would be zero until then.
pub const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The first word of a [`size_key`]; no UID has it.
const REQUESTS: &str = "requests ";

/// The key of all pods with these requests in [`Ledger::created_for`], in place of the UID of one.
#[must_use]
pub fn size_key(requests: &Amounts) -> String {
    let key = format!("{REQUESTS}memory={},cpu={}", requests.memory.0, requests.cpu.0);
    requests.further().fold(key, |key, (name, amount)| format!("{key},{name}={amount}"))
}

/// Whether a key is a [`size_key`].
#[must_use]
pub fn is_size_key(key: &str) -> bool {
    key.starts_with(REQUESTS)
}

impl Ledger {
    /// Drops the records of nodes that lie in the future: the clock of an API server was ahead. Otherwise no node would be
    /// created until then.
    #[must_use]
    pub fn without_future(mut self, now: Timestamp) -> Self {
        let is_past = |noted: &CreatedFor| noted.at.duration_since(now) <= CLOCK_SKEW;
        self.created_for.retain(|_, noted| is_past(noted));
        self.useless.retain(|_, noted| is_past(noted));
        self
    }
}

/// A number of nodes, from which the pause before the next one follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedFor {
    /// Number of nodes that were created for a pod, or were useless.
    pub nodes: u32,
    /// When the last one was requested, or was found useless.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_lies_in_the_future_is_dropped() {
        let now: Timestamp = "2026-01-15T09:00:00Z".parse().unwrap();
        let at = |seconds| CreatedFor { nodes: 1, at: now + SignedDuration::from_secs(seconds) };
        let ages = [-86_400, 0, 300, 301, 86_400];
        let ledger = Ledger {
            created_for: ages.map(|age| ((format!("uid {age}"), "z/users".to_owned()), at(age))).into(),
            useless: ages.map(|age| (format!("z/{age}"), at(age))).into(),
            ..Ledger::default()
        };
        let Ledger { created_for, useless, .. } = ledger.without_future(now);
        assert_eq!((created_for.len(), useless.len()), (3, 3));
        assert!(
            created_for
                .values()
                .chain(useless.values())
                .all(|noted| *noted != at(301) && *noted != at(86_400))
        );
    }
}
