//! One request, retried while that can help; its failure in one sentence.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use google_cloud_gax::error::Error;
use kube_rebalancer_ports::words::clean;
use kube_rebalancer_retry::{Failed, retry};
use tokio::time::{sleep, timeout};

use super::failure::Failure;
use crate::error::{ComputeError, ErrorKind};

/// Maximum number of tries of a request. With the pauses, that covers an outage of some eight seconds.
const TRIES: u32 = 6;
/// Maximum pause between two tries, even if the service requests a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The timeouts and pauses of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Maximum time of one try, including the token of the credentials.
    pub(super) attempt_timeout: Duration,
    /// The pause before the second try; each further one is twice as long.
    pub(super) first_pause: Duration,
}

/// The effect of a request.
#[derive(Clone, Copy, Debug)]
enum Effect {
    /// It only reads.
    None,
    /// It changes something, unless it fails early.
    Change,
    /// It reads the state of a change in progress.
    UnderWay,
}

/// A failed try.
#[derive(Debug)]
struct Tried {
    what: String,
    kind: ErrorKind,
    words: String,
}

impl fmt::Display for Tried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "cannot {}: {}", self.what, self.words)
    }
}

/// A request, with the facts for retries and messages.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The request, as it follows the word *cannot*.
    what: String,
    effect: Effect,
    pace: Pace,
    tries: u32,
}

impl Call {
    /// A request that changes nothing.
    pub(super) fn read(what: String, pace: Pace) -> Self {
        Self { what, effect: Effect::None, pace, tries: TRIES }
    }

    /// A request that changes something. It has a request id, so that a retry does not change it twice.
    pub(super) fn change(what: String, pace: Pace) -> Self {
        Self { what, effect: Effect::Change, pace, tries: TRIES }
    }

    /// Does not retry: the caller must read other objects first.
    pub(super) fn once(self) -> Self {
        Self { tries: 1, ..self }
    }

    /// The request for the state of this one.
    pub(super) fn follow_up(&self, operation: &str) -> Self {
        let what = format!("{}: cannot follow operation {operation}", self.what);
        Self { what, effect: Effect::UnderWay, pace: self.pace, tries: TRIES }
    }

    /// Makes the request.
    pub(super) async fn make<T, F>(&self, attempt: impl Fn() -> F + Send) -> Result<T, ComputeError>
    where
        T: Send,
        F: Future<Output = Result<T, Error>> + Send,
    {
        self.make_while(attempt, || async { Ok(()) }).await
    }

    /// Makes the request. Before every further try, `is_due` reads whether the request may be sent again.
    pub(super) async fn make_while<T, F, G>(
        &self,
        attempt: impl Fn() -> F + Send,
        is_due: impl Fn() -> G + Send,
    ) -> Result<T, ComputeError>
    where
        T: Send,
        F: Future<Output = Result<T, Error>> + Send,
        G: Future<Output = Result<(), ComputeError>> + Send,
    {
        let limit = self.pace.attempt_timeout;
        let tries = AtomicU32::new(0);
        let one_try = || {
            let is_again = tries.fetch_add(1, Ordering::Relaxed) > 0;
            let due = is_again.then(&is_due);
            let asked = attempt();
            async move {
                if let Some(due) = due
                    && let Err(error) = due.await
                {
                    return Err(self.tried(Failure::before(error)));
                }
                let failure = match timeout(limit, asked).await {
                    Ok(Ok(answer)) => return Ok(answer),
                    Ok(Err(error)) => Failure::of(&error),
                    Err(_) => Failure::silence(limit),
                };
                Err(self.tried(failure))
            }
        };
        let pace = kube_rebalancer_retry::Pace {
            tries: self.tries,
            first_pause: self.pace.first_pause,
            longest_pause: LONGEST_PAUSE,
            longest_asked: LONGEST_PAUSE,
        };
        // The caller bounds the whole request by the time of the run.
        let given_up = match retry(pace, one_try, |_| Duration::MAX, sleep).await {
            Ok(answer) => return Ok(answer),
            Err(given_up) => given_up,
        };
        let Tried { kind, words, .. } = given_up.error;
        let words = match given_up.tries {
            1 => words,
            tries => format!("{words} (tried {tries} times)"),
        };
        Err(self.failed(kind, !given_up.in_doubt, &words))
    }

    /// A failure in the form of the retry loop.
    fn tried(&self, failure: Failure) -> Failed<Tried> {
        let Failure { kind, may_pass, in_doubt, retry_after, words } = failure;
        let error = Tried { what: self.what.clone(), kind, words };
        Failed { error, in_doubt, retry_after: may_pass.then_some(retry_after) }
    }

    /// Refuses a change without a valid request id, whose retry Compute Engine could not recognize.
    pub(super) fn check_request_id(&self, text: &str) -> Result<(), ComputeError> {
        let lengths = text.split('-').map(str::len);
        let digits = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        let zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0'));
        if digits && !zero && lengths.eq([8, 4, 4, 4, 12]) {
            return Ok(());
        }
        Err(self.refused(&format!("`{text}` is no request id; expected a UUID other than zero")))
    }

    /// The error of a request that was not sent.
    pub(super) fn refused(&self, why: &str) -> ComputeError {
        self.failed(ErrorKind::Other, true, why)
    }

    /// The error of an answer that violates the API.
    pub(super) fn not_understood(&self, why: &str) -> ComputeError {
        self.failed(
            ErrorKind::Other,
            false,
            &format!("Compute Engine's answer is not understood: {}", clean(why)),
        )
    }

    /// The error of a change that may have happened, completely or in part.
    pub(super) fn unfinished(&self, kind: ErrorKind, why: &str) -> ComputeError {
        self.failed(kind, false, why)
    }

    fn failed(&self, kind: ErrorKind, unchanged: bool, words: &str) -> ComputeError {
        let message = format!("cannot {}: {words}", self.what);
        let unchanged = match self.effect {
            Effect::None => true,
            Effect::Change => unchanged,
            Effect::UnderWay => false,
        };
        ComputeError { kind, unchanged, message }
    }
}
