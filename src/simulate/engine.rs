//! Drives a simulated cluster through time: what happens by itself, users who come, runs of what scales the cluster.

use super::autoscaler::{Autoscaler, Defect};
use super::world::World;

/// How long to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// To the end.
    End,
    /// Until somebody has to wait, or else to the end.
    FirstWait,
}

/// The longest simulated time between two reports of progress, in seconds.
const STEP: u64 = 3600;

/// Runs a simulation, and tells of each step how many seconds it had. Whatever happens at one time, room is made first, then users come, then the autoscaler looks.
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
