//! The durations of steps.

use std::time::Duration;

/// The durations of Nova's steps. Each step begins when the one before has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Each of the three steps of shelving: powering off, uploading, offloading.
    pub shelving: Duration,
    /// Until the scheduler has found a host for a shelved server, or found none.
    pub scheduling: Duration,
    /// Until it is spawned there and runs.
    pub spawning: Duration,
    /// Stopping, starting, deleting.
    pub power: Duration,
}

impl Default for Timing {
    /// A moment each, so that every state can be seen.
    fn default() -> Self {
        let moment = Duration::from_millis(20);
        Self { shelving: moment, scheduling: moment, spawning: moment, power: moment }
    }
}

impl Timing {
    /// The durations on a cloud with local disks: three minutes to shelve, about four to unshelve.
    #[must_use]
    pub fn lifelike() -> Self {
        Self {
            shelving: Duration::from_mins(1),
            scheduling: Duration::from_secs(3),
            spawning: Duration::from_mins(4),
            power: Duration::from_secs(20),
        }
    }
}
