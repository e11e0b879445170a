//! How long things take.

use std::time::Duration;

/// How long the steps of Auto Scaling take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From a launch until the instance is in service.
    pub booting: Duration,
    /// From the end of its hooks until a terminated instance is gone.
    pub stopping: Duration,
    /// From a launch that failed until the group tries again.
    pub retry: Duration,
}

impl Default for Timing {
    /// A moment each, so that every state can be seen.
    fn default() -> Self {
        let moment = Duration::from_millis(20);
        Self { booting: moment, stopping: moment, retry: moment }
    }
}

impl Timing {
    /// As long as for a usual instance: two minutes to boot, one to go.
    #[must_use]
    pub fn lifelike() -> Self {
        Self {
            booting: Duration::from_mins(2),
            stopping: Duration::from_mins(1),
            retry: Duration::from_mins(1),
        }
    }
}
