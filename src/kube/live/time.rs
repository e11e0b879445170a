//! Time as a run knows it: the API server's clock, and what is left of `RUN_TIMEOUT`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use kube_rebalancer_ports::Clock;

/// The time of a run. Clones share it.
#[derive(Clone, Debug)]
pub struct RunTime {
    started: Instant,
    timeout: Duration,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    /// A moment by the server's clock, and when that was.
    known: (Timestamp, Instant),
    stopped: bool,
}

impl RunTime {
    /// Starts the time of a run. Until the server says what time it is, the machine's clock is believed.
    #[must_use]
    pub fn new(now: Timestamp, timeout: SignedDuration) -> Self {
        let started = Instant::now();
        Self {
            started,
            timeout: timeout.unsigned_abs(),
            shared: Arc::new(Mutex::new(Shared { known: (now, started), stopped: false })),
        }
    }

    /// Tells the run to start nothing new.
    pub fn stop(&self) {
        self.with(|shared| shared.stopped = true);
    }

    /// Whether the run was told to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.with(|shared| shared.stopped)
    }

    /// How long the run has taken.
    pub(super) fn passed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How long requests may still take. Told to stop, a run still finishes what it has begun.
    pub(super) fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.passed())
    }

    /// Takes over what an answer's `Date` header says. It has whole seconds, cut off, so the moment may be up to a second
    /// later; the later one is taken, so that a cordon's mark is never earlier than the cordon.
    pub(super) fn server_says(&self, date: &str, received: Instant) {
        if let Ok(zoned) = rfc2822::parse(date)
            && let Ok(moment) = zoned.timestamp().checked_add(SignedDuration::from_secs(1))
        {
            self.with(|shared| shared.known = (moment, received));
        }
    }

    fn with<R>(&self, look: impl FnOnce(&mut Shared) -> R) -> R {
        look(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for RunTime {
    fn now(&self) -> Timestamp {
        let (moment, at) = self.with(|shared| shared.known);
        let passed = SignedDuration::try_from(at.elapsed()).unwrap_or_default();
        moment.checked_add(passed).unwrap_or(moment)
    }

    fn left(&self) -> SignedDuration {
        if self.is_stopped() {
            return SignedDuration::ZERO;
        }
        SignedDuration::try_from(self.left()).unwrap_or_default()
    }

    async fn pause(&self, duration: Duration) {
        tokio::time::sleep(duration.min(self.left())).await;
    }
}
