//! The bounds of a run: deadlines, signals, and the handling of panics.
//!
//! ```text
//!   work ----------------> its result
//!   RUN_TIMEOUT, and some seconds for what is under way --> given up, the Lease is given back
//!   first signal: nothing new is started, seconds later --> the same
//!   second signal, or work that does not let go of its thread --> the process ends
//! ```

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use kube_rebalancer_kube::live::RunTime;
use log::Level;
use tokio::sync::oneshot;

use crate::error::Ending;

/// The reason why a run did not end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum GivenUp {
    /// `RUN_TIMEOUT` expired.
    #[error("the run was given up: RUN_TIMEOUT has expired")]
    Late,
    /// It received a signal to stop and did not stop in time.
    #[error("the run was given up: after a signal to stop, the requests in flight took too long")]
    Stopped,
    /// It received a second signal to stop.
    #[error("the run was aborted: a second signal to stop arrived")]
    StoppedTwice,
    /// It panicked.
    #[error("the run was given up: this program has a defect, which the log shows above")]
    Panicked,
}

impl GivenUp {
    /// The reason why a run has no more time.
    pub(super) fn of(time: &RunTime) -> Self {
        if time.is_stopped() { Self::Stopped } else { Self::Late }
    }
}

/// The time that a run that was given up may take to end the process by itself.
const LAST: Duration = Duration::from_millis(250);

/// Does work within the time of the run.
pub(super) async fn run<T>(time: &RunTime, work: impl Future<Output = T>) -> Result<T, GivenUp> {
    let (tell, stopped_twice) = oneshot::channel();
    tokio::spawn(stop_on_signals(time.clone(), tell));
    tokio::spawn(end_when_long_over(time.clone()));
    let over = async {
        time.over().await;
        GivenUp::of(time)
    };
    within(over, stopped_twice, work).await
}

async fn within<T>(
    over: impl Future<Output = GivenUp>,
    stopped_twice: oneshot::Receiver<()>,
    work: impl Future<Output = T>,
) -> Result<T, GivenUp> {
    let stopped_twice = async {
        // The listener has ended, so there is no second signal.
        if stopped_twice.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        done = AssertUnwindSafe(work).catch_unwind() => done.map_err(|_| GivenUp::Panicked),
        why = over => Err(why),
        () = stopped_twice => Err(GivenUp::StoppedTwice),
    }
}

/// Tells the run to start nothing new at the first signal, and to end at the second.
async fn stop_on_signals(time: RunTime, tell: oneshot::Sender<()>) {
    let Some(mut signals) = Signals::new() else { return };
    signals.next().await;
    time.stop();
    say(Level::Warn, "a signal to stop arrived: actions in progress are finished, no new ones are started");
    signals.next().await;
    tell.send(()).ok();
    tokio::time::sleep(LAST).await;
    end("a second signal to stop arrived: the process ends").await;
}

/// Ends the process if the run does not end: nothing else can if a library blocks the thread.
async fn end_when_long_over(time: RunTime) {
    time.long_over().await;
    tokio::time::sleep(LAST).await;
    end("the run does not end, so the process exits: actions in progress may have been carried out").await;
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the thread that could return from main does not"
)]
async fn end(why: &'static str) {
    say(Level::Error, why);
    tokio::time::sleep(LAST).await;
    std::process::exit(Ending::Incomplete.code().into());
}

/// Logs on a separate thread, because a write blocks if standard error is not read.
fn say(level: Level, words: &'static str) {
    std::thread::spawn(move || log::log!(level, "{words}"));
}

/// The signals by which people and machines end a process.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    /// The signal of a hang-up; none under `nohup`, with which a run outlives its terminal.
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Option<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hang_up = if hang_up_is_ignored() { None } else { signal(SignalKind::hangup()).ok() };
        Some(Self {
            terminate: signal(SignalKind::terminate()).ok()?,
            interrupt: signal(SignalKind::interrupt()).ok()?,
            hang_up,
        })
    }

    async fn next(&mut self) {
        let hung_up = async {
            match &mut self.hang_up {
                Some(signal) => {
                    signal.recv().await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = hung_up => {}
        }
    }
}

/// Whether this process was started with hang-ups ignored, as `nohup` does. Only Linux reports this.
#[cfg(unix)]
fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Option<Self> {
        Some(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn work_that_does_not_end_is_given_up() {
        let (_tell, stopped_twice) = oneshot::channel();
        let ended = within(ready(GivenUp::Late), stopped_twice, pending::<()>()).await;
        assert_eq!(ended, Err(GivenUp::Late));

        let (tell, stopped_twice) = oneshot::channel();
        tell.send(()).unwrap();
        assert_eq!(within(pending(), stopped_twice, pending::<()>()).await, Err(GivenUp::StoppedTwice));
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_and_work_that_ends_is_a_result() {
        let (_tell, stopped_twice) = oneshot::channel();
        let panics = async { assert_eq!(1, 2, "a library's defect") };
        assert_eq!(within(pending(), stopped_twice, panics).await, Err(GivenUp::Panicked));

        let (tell, stopped_twice) = oneshot::channel();
        drop(tell); // no signals can be listened to
        assert_eq!(within(pending(), stopped_twice, ready(7)).await, Ok(7));
    }
}
