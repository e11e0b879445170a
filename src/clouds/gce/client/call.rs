//! One request, tried until it is answered or hopeless; its failure told in one sentence.

use std::fmt;
use std::time::Duration;

use google_cloud_gax::error::Error;
use kube_rebalancer_retry::{Failed, retry};
use tokio::time::{sleep, timeout};

use super::failure::Failure;
use super::words;
use crate::error::{ComputeError, ErrorKind};

/// How often a request is tried. With the pauses between, that is some eight seconds of a service that is away.
const TRIES: u32 = 6;
/// The longest pause between two tries, also where the service asks for more: the run has better things to do.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How patient a request is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// How long one try may take, the token of the credentials included.
    pub(super) attempt_timeout: Duration,
    /// The pause before the second try; each further one is twice as long.
    pub(super) first_pause: Duration,
}

/// What a request does to what there is.
#[derive(Clone, Copy, Debug)]
enum Effect {
    /// It only looks.
    None,
    /// It changes something, unless it fails early.
    Change,
    /// It looks at a change that is under way, whatever becomes of the look.
    UnderWay,
}

/// A try that came to nothing.
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

/// A request, as far as it matters for trying it and telling of it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// What is asked, behind the word *cannot*.
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

    /// A request that changes something. It carries a request id, so that trying it again does not change it twice.
    pub(super) fn change(what: String, pace: Pace) -> Self {
        Self { what, effect: Effect::Change, pace, tries: TRIES }
    }

    /// Does not try again: whoever asks has to look at something else first.
    pub(super) fn once(self) -> Self {
        Self { tries: 1, ..self }
    }

    /// The request that asks how this one is going.
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
        let limit = self.pace.attempt_timeout;
        let one_try = || {
            let answer = timeout(limit, attempt());
            async move {
                let failure = match answer.await {
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
        // The caller bounds the whole request by what is left of the run.
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

    /// A failure as the retry loop takes it.
    fn tried(&self, failure: Failure) -> Failed<Tried> {
        let Failure { kind, may_pass, in_doubt, retry_after, words } = failure;
        let error = Tried { what: self.what.clone(), kind, words };
        Failed { error, in_doubt, retry_after: may_pass.then_some(retry_after) }
    }

    /// Refuses a change to which Compute Engine would not know a retry.
    pub(super) fn check_request_id(&self, text: &str) -> Result<(), ComputeError> {
        let lengths = text.split('-').map(str::len);
        let digits = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        let zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0'));
        if digits && !zero && lengths.eq([8, 4, 4, 4, 12]) {
            return Ok(());
        }
        Err(self.refused(&format!("`{text}` is no request id; expected a UUID other than zero")))
    }

    /// The error of a request that we did not send.
    pub(super) fn refused(&self, why: &str) -> ComputeError {
        self.failed(ErrorKind::Other, true, why)
    }

    /// The error of an answer that is not what the API promises.
    pub(super) fn not_understood(&self, why: &str) -> ComputeError {
        self.failed(
            ErrorKind::Other,
            false,
            &format!("Compute Engine's answer is not understood: {}", words::clean(why)),
        )
    }

    /// The error of a change that may have happened, or has in part.
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
