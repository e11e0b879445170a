//! A cluster of fixed size: for each pool the smallest number of nodes with which no user waits.

use super::autoscaler::Defect;
use super::engine::{Until, run};
use super::floor::least_nodes;
use super::scenario::Scenario;
use super::world::World;

/// Finds the number of nodes of each pool. Users of different pools do not compete, so each pool is searched with its own
/// users alone. Together they draw other random numbers, and the scheduler may choose another node for a user: a pool in
/// which a user then waits gets another node.
pub(super) fn smallest(scenario: &Scenario) -> Result<Vec<u32>, Defect> {
    let least = least_nodes(scenario);
    let [only] = least.as_slice() else { return of_several_pools(scenario, &least) };
    let enough = |nodes: u32| Ok(waits(scenario, &[nodes])?.is_none());
    Ok(vec![search(u32::try_from(*only).unwrap_or(u32::MAX).max(1), enough)?])
}

fn of_several_pools(scenario: &Scenario, least: &[u64]) -> Result<Vec<u32>, Defect> {
    let mut sizes = vec![0; least.len()];
    for (pool, least) in least.iter().enumerate().filter(|(pool, _)| scenario.cluster.core != Some(*pool)) {
        let of_pool = users_of(scenario, pool);
        let with = |nodes: u32| [vec![0; pool], vec![nodes]].concat();
        let enough = |nodes: u32| Ok(waits(&of_pool, &with(nodes))?.is_none());
        if let (Some(size), false) = (sizes.get_mut(pool), of_pool.sessions.is_empty()) {
            *size = search(u32::try_from(*least).unwrap_or(u32::MAX).max(1), enough)?;
        }
    }
    while let Some(pool) = waits(scenario, &sizes)? {
        let Some(size) = sizes.get_mut(pool) else { break };
        *size = size.saturating_add(1);
    }
    Ok(sizes)
}

/// The same cluster with the users of one pool.
fn users_of(scenario: &Scenario, pool: usize) -> Scenario {
    let theirs: Vec<usize> = scenario
        .sessions
        .iter()
        .enumerate()
        .filter(|(_, session)| scenario.home(session) == pool)
        .map(|(index, _)| index)
        .collect();
    let sessions = theirs.iter().filter_map(|index| scenario.sessions.get(*index)).copied().collect();
    let people = theirs.iter().filter_map(|index| scenario.people.get(*index)).copied().collect();
    Scenario { sessions, people, ..scenario.clone() }
}

/// Finds the smallest number that is enough, not below `least`: first in growing steps, then by bisection between the
/// largest number that was not enough and the smallest that was.
fn search(least: u32, is_enough: impl Fn(u32) -> Result<bool, Defect>) -> Result<u32, Defect> {
    let (mut too_few, mut enough, mut step) = (least - 1, least, 1);
    while !is_enough(enough)? {
        too_few = enough;
        enough = enough.saturating_add(step);
        step = step.saturating_mul(2);
    }
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        if is_enough(middle)? {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    Ok(enough)
}

/// The pool of the first user who waits with this number of nodes in each pool, if any user waits.
fn waits(scenario: &Scenario, nodes: &[u32]) -> Result<Option<usize>, Defect> {
    let mut world = World::with_pools(scenario, nodes, "");
    run(&mut world, None, Until::FirstWait, &|_| {})?;
    let first = world.waiting().next();
    Ok(first.map(|wish| scenario.cluster.home(wish.kind, wish.asked).unwrap_or(0)))
}
