//! How patient a client is.

use std::time::Duration;

/// How patient a client is.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The number of tries of a request that only looks.
    pub tries: u32,
    /// How long a connection may take to be made.
    pub connect: Duration,
    /// How long one try may take.
    pub attempt: Duration,
    /// The pause before the second try; each further one is twice as long.
    pub first_pause: Duration,
    /// How long a last look may take after the run's time.
    pub last_look: Duration,
    /// How long a change that was accepted is watched.
    pub watching: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            tries: 5,
            connect: Duration::from_secs(4),
            attempt: Duration::from_secs(30),
            first_pause: Duration::from_millis(250),
            last_look: Duration::from_secs(5),
            watching: Duration::from_mins(1),
        }
    }
}
