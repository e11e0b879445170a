//! The durations of steps.

use std::time::Duration;

/// The durations of steps. The default keeps a test short; [`Timing::lifelike`] resembles Compute Engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// From a request until its operation is `DONE`; for the first half it is `PENDING`, then `RUNNING`.
    pub operation: Duration,
    /// From the decision to create an instance until it exists. Until then it has neither id nor status.
    pub place: Duration,
    /// From then until it is `RUNNING`; for the first half it is `PROVISIONING`, then `STAGING`.
    pub boot: Duration,
    /// From then until its group has no more to do with it; so long its action is `VERIFYING`.
    pub verify: Duration,
    /// From the decision to delete an instance until it is gone.
    pub delete: Duration,
    /// From an attempt to create an instance that failed until the next.
    pub retry: Duration,
    /// From a change of a regional group until it evens out its zones.
    pub redistribute: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let moment = Duration::from_millis(20);
        Self {
            operation: moment,
            place: moment,
            boot: moment,
            verify: moment,
            delete: moment,
            retry: moment,
            redistribute: moment,
        }
    }
}

impl Timing {
    /// Seconds and minutes, as with Google.
    #[must_use]
    pub fn lifelike() -> Self {
        Self {
            operation: Duration::from_secs(4),
            place: Duration::from_secs(5),
            boot: Duration::from_secs(30),
            verify: Duration::from_secs(2),
            delete: Duration::from_secs(45),
            retry: Duration::from_mins(1),
            redistribute: Duration::from_mins(1),
        }
    }

    /// Nothing takes any time: whatever a request sets going has happened by the next.
    #[must_use]
    pub fn instant() -> Self {
        Self {
            operation: Duration::ZERO,
            place: Duration::ZERO,
            boot: Duration::ZERO,
            verify: Duration::ZERO,
            delete: Duration::ZERO,
            retry: Duration::from_millis(1),
            redistribute: Duration::ZERO,
        }
    }
}
