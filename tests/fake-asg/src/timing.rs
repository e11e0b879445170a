//! The durations of steps.

use std::time::Duration;

/// The durations of the steps of Auto Scaling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From a launch until the instance is in service.
    pub booting: Duration,
    /// From the end of its hooks until a terminated instance is gone.
    pub stopping: Duration,
    /// From a launch that failed until the group tries again.
    pub retry: Duration,
    /// From a request to enter or to leave standby until the instance has done it.
    pub standby: Duration,
    /// From a request to stop or to start an instance until it has done it.
    pub power: Duration,
}

impl Default for Timing {
    /// A moment each, so that every state can be seen.
    fn default() -> Self {
        let moment = Duration::from_millis(20);
        Self { booting: moment, stopping: moment, retry: moment, standby: moment, power: moment }
    }
}

impl Timing {
    /// The same for the first three, and nothing for the others: an instance is stopped or started at the next read.
    #[must_use]
    pub fn slow_and_at_once(duration: Duration) -> Self {
        let at_once = Duration::ZERO;
        Self { booting: duration, stopping: duration, retry: duration, standby: at_once, power: at_once }
    }

    /// The durations of a usual instance: two minutes to boot, one to terminate.
    #[must_use]
    pub fn lifelike() -> Self {
        Self {
            booting: Duration::from_mins(2),
            stopping: Duration::from_mins(1),
            retry: Duration::from_mins(1),
            standby: Duration::from_secs(5),
            power: Duration::from_secs(20),
        }
    }
}
