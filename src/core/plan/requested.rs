//! The nodes that only the requests of pods keep, if `DEMAND` counts something else. Section 19.
//!
//! The scheduler counts requests. So a choice by usage is extended with nodes that serve now, down the keep order, until it is
//! enough by requests too: otherwise the rule on replacements would hold back each cordon, and the next run would choose again.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::ahead::{Share, Standing};
use super::order::{Candidate, Entry};
use super::survey::Survey;
use super::utilization::Utilization;
use crate::model::{Amounts, NodeIndex};
use crate::policy::{Bounds, DemandSource};

/// A pool without one of the nodes that only requests keep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Without {
    /// Nodes that would serve.
    pub(super) serving: usize,
    /// Their utilization by requests.
    pub(super) utilization: Utilization,
}

/// Adds to the chosen entries the serving nodes that requests need, up to `most` entries in all. `requested` is the part of the
/// requests that does not depend on the serving nodes.
pub(super) fn keep_for_requests<'e>(
    survey: &Survey<'_>,
    bounds: &Bounds,
    requested: Amounts,
    order: &'e [Entry],
    chosen: &mut Vec<&'e Entry>,
    serves: impl Fn(Candidate) -> bool,
    most: usize,
) -> BTreeMap<NodeIndex, Without> {
    if survey.policy.demand == DemandSource::Requests || survey.snapshot.usage().is_none() {
        return BTreeMap::new();
    }
    let share = |entry: &Entry| match entry.candidate {
        Candidate::Node(index) if entry.ready => {
            let facts = survey.nodes.get(index)?;
            Some((index, Share { capacity: &facts.capacity, daemons: &facts.daemons }))
        }
        Candidate::Node(_) | Candidate::Instance(_) | Candidate::New(_) => None,
    };
    let mut standing = Standing::new(bounds, &survey.policy.resources, requested);
    for (_, share) in chosen.iter().copied().filter_map(share) {
        standing.add(share);
    }
    let mut kept = Vec::new();
    let already: BTreeSet<Candidate> = chosen.iter().map(|entry| entry.candidate).collect();
    for entry in order.iter().filter(|entry| serves(entry.candidate)) {
        let enough = standing.utilization().compare(bounds.max_utilization) != Ordering::Greater;
        if enough || chosen.len() >= most {
            break;
        }
        if let Some((index, share)) = share(entry).filter(|_| !already.contains(&entry.candidate)) {
            standing.add(share);
            kept.push((index, share));
            chosen.push(entry);
        }
    }
    let without = |share| {
        let mut left = standing.clone();
        left.without(share);
        Without { serving: left.serving, utilization: left.utilization() }
    };
    kept.into_iter().map(|(index, share)| (index, without(share))).collect()
}
