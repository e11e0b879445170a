//! A cluster whose size never changes: the smallest in which nobody has to wait.

use super::autoscaler::Wrong;
use super::engine::{Until, run};
use super::scenario::Scenario;
use super::world::World;

/// Finds the size, by trying sizes from the least that could be enough: first in growing steps, then by halving what is
/// between the largest that was not enough and the smallest that was.
pub(super) fn smallest(scenario: &Scenario, peak_memory: u64) -> Result<u32, Wrong> {
    let node = scenario.machine.offered().memory.0.max(1);
    let least = u32::try_from(peak_memory.div_ceil(node)).unwrap_or(u32::MAX).max(1);
    let (mut too_few, mut enough, mut step) = (least - 1, least, 1);
    while !is_enough(scenario, enough)? {
        too_few = enough;
        enough = enough.saturating_add(step);
        step = step.saturating_mul(2);
    }
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        if is_enough(scenario, middle)? {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    Ok(enough)
}

fn is_enough(scenario: &Scenario, nodes: u32) -> Result<bool, Wrong> {
    let mut world = World::new(scenario, nodes, "");
    run(&mut world, None, Until::FirstWait, &|_| {})?;
    Ok(world.waiting().next().is_none() && world.tally.waits.is_empty())
}
