//! The durations of steps.

use std::time::Duration;

/// The durations of Azure's steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Until a new instance runs.
    pub creating: Duration,
    /// Until a deleted one is gone.
    pub deleting: Duration,
    /// Until an instance is deallocated, or runs again.
    pub power: Duration,
}

impl Default for Timing {
    /// A moment each, so that every state can be seen.
    fn default() -> Self {
        let moment = Duration::from_millis(20);
        Self { creating: moment, deleting: moment, power: moment }
    }
}

impl Timing {
    /// The durations on Azure.
    #[must_use]
    pub fn lifelike() -> Self {
        Self {
            creating: Duration::from_secs(90),
            deleting: Duration::from_mins(2),
            power: Duration::from_secs(40),
        }
    }
}
