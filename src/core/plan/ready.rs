//! The Ready candidates of each pool. They are sorted once: only cordons differ from one pass of a choice to the next.

use std::sync::OnceLock;

use super::pools::PoolIndex;
use crate::model::{NodeIndex, Resource};

/// The Ready candidates of each pool, for memory and for CPU, once they were needed.
#[derive(Debug, Default)]
pub(super) struct Ready(Vec<[OnceLock<Sorted>; 2]>);

/// Nodes with their staying occupants: most of these first, then larger occupied request, then newer, then name.
pub(super) type Sorted = Vec<(usize, NodeIndex)>;

impl Ready {
    /// None is sorted yet.
    pub(super) fn new(pools: usize) -> Self {
        Self((0..pools).map(|_| Default::default()).collect())
    }

    /// The candidates of a pool by a resource; sorted now if they were not needed before.
    pub(super) fn of(
        &self,
        pool: PoolIndex,
        resource: Resource,
        sort: impl FnOnce() -> Sorted,
    ) -> &[(usize, NodeIndex)] {
        let Some([memory, cpu]) = self.0.get(pool) else { return &[] };
        match resource {
            Resource::Memory => memory.get_or_init(sort),
            Resource::Cpu => cpu.get_or_init(sort),
        }
    }
}
