//! Adds several simulations: the semesters of a hub, or several hubs.

use crate::Simulation;
use crate::result::{PolicyResult, Waits};

/// The sum of simulations of the same policies. Times and numbers are added, a maximum is the maximum of all, and
/// percentiles cover all users. Points of plots are left out.
#[must_use]
pub fn sum(simulations: Vec<Simulation>) -> Option<Simulation> {
    let mut simulations = simulations.into_iter();
    let mut sum = simulations.next()?;
    for more in simulations {
        sum.floor.node_seconds += more.floor.node_seconds;
        sum.floor.peak_nodes = sum.floor.peak_nodes.max(more.floor.peak_nodes);
        sum.floor.peak_users = sum.floor.peak_users.max(more.floor.peak_users);
        sum.floor.peak_memory = sum.floor.peak_memory.max(more.floor.peak_memory);
        for (result, more) in sum.results.iter_mut().zip(more.results) {
            add(result, more);
        }
        if let (Some(hours), Some(more)) = (&mut sum.hours, &more.hours) {
            hours.add(more);
        }
    }
    Some(sum)
}

fn add(result: &mut PolicyResult, more: PolicyResult) {
    result.node_seconds += more.node_seconds;
    result.utilization.part += more.utilization.part;
    result.utilization.whole += more.utilization.whole;
    result.users += more.users;
    result.waited += more.waited;
    result.late.extend(more.late);
    let mut waits: Vec<u64> = result.late.iter().map(|late| late.seconds).collect();
    result.wait = Waits::new(&mut waits);
    result.cordons += more.cordons;
    result.uncordons += more.uncordons;
    result.created += more.created;
    result.deletions += more.deletions;
    result.parks += more.parks;
    result.peak_nodes = result.peak_nodes.max(more.peak_nodes);
    result.lost += more.lost;
    result.runs += more.runs;
    result.unsettled += more.unsettled;
    result.points.clear();
}
