//! Drives a simulated cluster through time: its own events, the arrivals of users, and the runs of the autoscaler.

use super::autoscaler::{Autoscaler, Defect};
use super::world::World;

/// The end of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// The end of the scenario.
    End,
    /// The moment at which a user must wait for the first time, else the end of the scenario.
    FirstWait,
}

/// Maximum simulated time between two reports of progress, in seconds.
const STEP: u64 = 3600;

/// Runs a simulation, and reports the length of each step in seconds. At one time, events that free room are first, then users
/// arrive, then the autoscaler runs.
pub(super) fn run(
    world: &mut World<'_>,
    mut autoscaler: Option<&mut (dyn Autoscaler + Send)>,
    until: Until,
    progress: &dyn Fn(u64),
) -> Result<(), Defect> {
    let (sessions, length) = (&world.scenario.sessions, world.scenario.length);
    let mut coming = sessions.iter().enumerate().peekable();
    let interval = autoscaler.as_ref().map(|autoscaler| autoscaler.interval().max(1));
    let mut run_at = interval.map(|_| 0);
    let mut told = 0;
    loop {
        let arrival = coming.peek().map(|(_, session)| session.start);
        let next = [world.next_event(), arrival, run_at].into_iter().flatten().min();
        let Some(next) = next.filter(|next| *next < length) else { break };
        world.advance(next);
        world.settle();
        while let Some((id, session)) = coming.next_if(|(_, session)| session.start <= next) {
            world.arrive(id, session);
        }
        if until == Until::FirstWait && world.waiting().next().is_some() {
            return Ok(());
        }
        if run_at == Some(next) {
            if let Some(autoscaler) = &mut autoscaler {
                autoscaler.run(world)?;
            }
            run_at = interval.map(|interval| next.saturating_add(interval));
        }
        if next - told >= STEP {
            progress(next - told);
            told = next;
        }
    }
    world.advance(length);
    world.end();
    progress(length.saturating_sub(told));
    Ok(())
}
