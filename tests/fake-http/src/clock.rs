//! The time of a fake: this machine's, or one that a test sets by hand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use crate::lock;

/// A clock. Its copies show the same time.
#[derive(Debug, Clone)]
pub struct Clock(Option<Arc<Mutex<Timestamp>>>);

impl Clock {
    /// This machine's clock.
    #[must_use]
    pub fn real() -> Self {
        Self(None)
    }

    /// A clock that only [`Self::advance`] moves.
    #[must_use]
    pub fn by_hand(start: Timestamp) -> Self {
        Self(Some(Arc::new(Mutex::new(start))))
    }

    /// The time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where a fake looks at a clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(time) => *lock(time),
            None => Timestamp::now(),
        }
    }

    /// Moves a clock that is set by hand. A real clock is not affected.
    pub fn advance(&self, by: Duration) {
        if let Some(time) = &self.0 {
            let mut time = lock(time);
            *time = after(*time, by);
        }
    }
}

/// The time after a duration; at most the end of time.
#[must_use]
pub fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}
