//! The timeouts and tries of a client.

use std::time::Duration;

/// The timeouts and tries of a client.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The number of tries of a request that only reads.
    pub tries: u32,
    /// Maximum time of making a connection.
    pub connect: Duration,
    /// Maximum time of one try.
    pub attempt: Duration,
    /// The pause before the second try; each further one is twice as long.
    pub first_pause: Duration,
    /// Maximum time of a last read after the run's time.
    pub last_look: Duration,
    /// Maximum time of watching an accepted change.
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
