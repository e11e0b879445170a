//! The time of a run: the API server's clock, and the rest of `RUN_TIMEOUT`.
//!
//! ```text
//!   start --> RUN_TIMEOUT: nothing new is sent --> LATE: what is under way is given up --> WATCH: the process ends
//!   stop  --> GRACE: no request is on its way ---> MARGIN: the same ---------------------> WATCH
//! ```
//!
//! The time that a person takes at the prompt does not count.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use kube_rebalancer_ports::Clock;

/// The time that a run has after a signal to stop to finish the requests in flight.
const GRACE: Duration = Duration::from_secs(5);
/// Maximum time of the rest of such a run, such as its report.
const MARGIN: Duration = Duration::from_secs(2);
/// Maximum time of a run beyond `RUN_TIMEOUT`: for answers of the cloud, which show what was done, and for its report.
const LATE: Duration = Duration::from_secs(10);
/// Maximum time of releasing the Lease, after that. With `GRACE` and `MARGIN` it is less than the ten seconds after which
/// people and machines send the next signal.
const WATCH: Duration = Duration::from_secs(2);
/// The interval at which the time is checked: a stop may come at any moment.
const TICK: Duration = Duration::from_millis(50);

/// The time of a run. Clones share it.
#[derive(Clone, Debug)]
pub struct RunTime {
    started: Instant,
    timeout: Duration,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    /// A moment by the server's clock, with the same moment by the process's clock.
    known: (Timestamp, Instant),
    /// The time of the first signal to stop.
    stopped: Option<Instant>,
    /// The total time for which a person has thought about questions.
    thought: Duration,
    /// When the present question was asked, if there is one.
    asked: Option<Instant>,
}

impl RunTime {
    /// Starts the time of a run. Until the server reports its time, the machine's clock is used.
    #[must_use]
    pub fn new(now: Timestamp, timeout: SignedDuration) -> Self {
        let started = Instant::now();
        let shared = Shared { known: (now, started), stopped: None, thought: Duration::ZERO, asked: None };
        Self { started, timeout: timeout.unsigned_abs(), shared: Arc::new(Mutex::new(shared)) }
    }

    /// Tells the run to start nothing new.
    pub fn stop(&self) {
        self.with(|shared| shared.stopped = shared.stopped.or_else(|| Some(Instant::now())));
    }

    /// Whether the run received a signal to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.with(|shared| shared.stopped.is_some())
    }

    /// Stops the clock while a person is asked, until [`Self::answered`].
    pub fn asked(&self) {
        self.with(|shared| shared.asked = Some(Instant::now()));
    }

    /// Starts the clock again after the answer.
    pub fn answered(&self) {
        self.with(|shared| {
            let thought = shared.asked.take().map(|asked| asked.elapsed()).unwrap_or_default();
            shared.thought = shared.thought.saturating_add(thought);
        });
    }

    /// The time that the run has taken.
    #[must_use]
    pub fn passed(&self) -> Duration {
        self.moment().passed
    }

    /// The time that requests may still take. After a signal to stop, a run still finishes the requests in flight within
    /// a short time.
    pub(super) fn left(&self) -> Duration {
        self.moment().left(self.timeout)
    }

    fn moment(&self) -> Moment {
        let (thought, asked, stopped) = self.with(|shared| (shared.thought, shared.asked, shared.stopped));
        let thinks = asked.map(|asked| asked.elapsed()).unwrap_or_default();
        Moment {
            passed: self.started.elapsed().saturating_sub(thought).saturating_sub(thinks),
            since_stop: stopped.map(|stopped| stopped.elapsed()),
        }
    }

    /// Waits until a run has gone on for `late` after `RUN_TIMEOUT`, or for `stopped` after a signal to stop.
    async fn beyond(&self, late: Duration, stopped: Duration) {
        while !self.moment().is_beyond(self.timeout.saturating_add(late), stopped) {
            tokio::time::sleep(TICK).await;
        }
    }

    /// Waits until requests in flight must be given up.
    pub async fn over(&self) {
        self.beyond(LATE, GRACE + MARGIN).await;
    }

    /// Waits until the time of the last request has expired, too.
    pub async fn long_over(&self) {
        self.beyond(LATE + WATCH, GRACE + MARGIN + WATCH).await;
    }

    /// Waits until the time of the run is used up.
    pub async fn used_up(&self) {
        self.beyond(Duration::ZERO, GRACE).await;
    }

    /// Waits until no request may be in flight, except one that may take `at_least` this time.
    pub(super) async fn no_more(&self, at_least: Duration) {
        tokio::time::sleep(at_least).await;
        self.used_up().await;
    }

    /// Sleeps, but not beyond the time that is left.
    pub(super) async fn sleep(&self, duration: Duration) {
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            () = self.used_up() => {}
        }
    }

    /// Takes the time of an answer's `Date` header. It has whole seconds, cut off, so the real time may be up to a second
    /// later; the later time is used, so that a cordon's mark is never earlier than the cordon.
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

/// The progress of a run in time.
#[derive(Clone, Copy, Debug)]
struct Moment {
    /// The time that it has taken, without the time at the prompt.
    passed: Duration,
    /// The time since the signal to stop.
    since_stop: Option<Duration>,
}

impl Moment {
    fn left(self, timeout: Duration) -> Duration {
        let left = timeout.saturating_sub(self.passed);
        self.since_stop.map_or(left, |since| GRACE.saturating_sub(since).min(left))
    }

    fn is_beyond(self, late: Duration, stopped: Duration) -> bool {
        self.passed >= late || self.since_stop.is_some_and(|since| since >= stopped)
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
        self.sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn told_to_stop_a_run_has_little_time_left_and_never_more_than_before() {
        let minute = seconds(60);
        for (passed, since_stop, left) in [
            (10, None, 50),
            (60, None, 0),
            (70, None, 0),
            (10, Some(0), 5),
            (10, Some(2), 3),
            (10, Some(5), 0),
            (58, Some(1), 2),
        ] {
            let moment = Moment { passed: seconds(passed), since_stop: since_stop.map(seconds) };
            assert_eq!(moment.left(minute), seconds(left), "{moment:?}");
        }
    }

    #[test]
    fn a_stop_ends_the_process_within_ten_seconds() {
        let stopped = Moment { passed: seconds(10), since_stop: Some(seconds(9)) };
        assert!(stopped.is_beyond(seconds(3600), GRACE + MARGIN + WATCH));
        let goes_on = Moment { passed: seconds(10), since_stop: None };
        assert!(!goes_on.is_beyond(seconds(60), GRACE));
        assert!(goes_on.is_beyond(seconds(10), GRACE));
    }

    #[test]
    fn the_time_at_the_prompt_does_not_count() {
        let time = RunTime::new("2026-01-15T09:00:00Z".parse().unwrap(), SignedDuration::from_secs(600));
        let Some(an_hour_ago) = Instant::now().checked_sub(seconds(3600)) else { return };
        let time = RunTime { started: an_hour_ago, ..time };
        assert_eq!(time.left(), Duration::ZERO);
        time.with(|shared| shared.asked = Some(an_hour_ago));
        assert!(time.left() > seconds(300));
        time.answered();
        assert!(time.left() > seconds(300));
    }

    #[test]
    fn a_second_stop_gives_no_more_time() {
        let time = RunTime::new("2026-01-15T09:00:00Z".parse().unwrap(), SignedDuration::from_secs(600));
        assert!(!time.is_stopped());
        time.stop();
        let first = time.with(|shared| shared.stopped);
        time.stop();
        assert_eq!(time.with(|shared| shared.stopped), first);
        assert_eq!(Clock::left(&time), SignedDuration::ZERO);
    }
}
