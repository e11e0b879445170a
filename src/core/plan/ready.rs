//! The Ready candidates of each pool. They are sorted once: only cordons differ from one pass of a choice to the next.

use std::cmp::Reverse;
use std::sync::OnceLock;

use super::order::{Cordons, cordon, is_candidate};
use super::pools::PoolIndex;
use super::state::Cordon;
use super::survey::Survey;
use crate::model::{NodeIndex, Resource};

/// The Ready candidates of each pool with their staying occupants, for memory and for CPU, once they were needed.
#[derive(Debug, Default)]
pub(super) struct Ready(Vec<[OnceLock<Sorted>; 2]>);

/// Most staying occupants first, then larger occupied request, then newer, then name.
type Sorted = Vec<(usize, NodeIndex)>;

impl Ready {
    /// None is sorted yet.
    pub(super) fn new(pools: usize) -> Self {
        Self((0..pools).map(|_| Default::default()).collect())
    }
}

/// The Ready candidates of a pool: most occupants first (movable ones do not count), then serving before cordoned, then larger
/// occupied request of the deciding resource, then newer, then name.
pub(super) fn ready_candidates(
    survey: &Survey<'_>,
    pool: PoolIndex,
    cordons: &Cordons,
    resource: Resource,
) -> Vec<NodeIndex> {
    let Some([memory, cpu]) = survey.ready.0.get(pool) else { return Vec::new() };
    let known = match resource {
        Resource::Memory => memory,
        Resource::Cpu => cpu,
    };
    let sorted = known.get_or_init(|| sorted(survey, pool, resource));
    let mut ready = Vec::with_capacity(sorted.len());
    for equal in sorted.chunk_by(|(left, _), (right, _)| left == right) {
        let all = || equal.iter().map(|(_, index)| *index);
        ready.extend(all().filter(|index| cordon(cordons, *index) == Cordon::None));
        ready.extend(all().filter(|index| cordon(cordons, *index) != Cordon::None));
    }
    ready
}

fn sorted(survey: &Survey<'_>, pool: PoolIndex, resource: Resource) -> Sorted {
    let mut ready: Vec<_> = survey
        .common(pool)
        .filter(|(_, facts)| facts.ready() && is_candidate(survey, facts))
        .map(|(index, facts)| {
            let key = (facts.staying_occupants(), facts.occupied(resource), facts.node.created_at);
            (Reverse(key), index)
        })
        .collect();
    ready.sort_unstable();
    ready.into_iter().map(|(Reverse((staying, ..)), index)| (staying, index)).collect()
}
