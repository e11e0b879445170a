//! One request, tried until it is answered or hopeless; its failure told in one sentence.

use std::time::Duration;

use google_cloud_gax::error::Error;
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
        let mut pause = self.pace.first_pause;
        let mut tried = 0;
        let mut in_doubt = false;
        loop {
            tried += 1;
            let failure = match timeout(self.pace.attempt_timeout, attempt()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => Failure::of(&error),
                Err(_) => Failure::silence(self.pace.attempt_timeout),
            };
            // An earlier try may have been carried out although a later one never left this machine.
            in_doubt |= failure.in_doubt;
            if !failure.may_pass || tried >= self.tries {
                let words = if tried > 1 {
                    format!("{} (tried {tried} times)", failure.words)
                } else {
                    failure.words
                };
                return Err(self.failed(failure.kind, !in_doubt, &words));
            }
            let wait = wait(pause, fastrand::u32(0..=1000), failure.retry_after);
            log::info!("trying again in {} ms to {}: {}", wait.as_millis(), self.what, failure.words);
            sleep(wait).await;
            pause *= 2;
        }
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

/// How long to wait before the next try. Jitter, in thousandths: several clients that were turned away together must
/// not come back together.
fn wait(pause: Duration, jitter: u32, asked_for: Duration) -> Duration {
    let jittered = pause / 2 + pause * jitter / 2000;
    jittered.max(asked_for).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_at_least_what_is_asked_for_and_never_long() {
        // Milliseconds: our own pause, the jitter, what the service asks for, and what comes of it.
        let cases = [
            (400, 0, 0, 200),
            (400, 500, 0, 300),
            (400, 1000, 0, 400),
            (400, 1000, 7_000, 7_000),
            (8_000, 1000, 7_000, 8_000),
            (400, 0, 3_600_000, 10_000),
            (40_000, 1000, 0, 10_000),
        ];
        for (pause, jitter, asked_for, expected) in cases {
            let found = wait(Duration::from_millis(pause), jitter, Duration::from_millis(asked_for));
            assert_eq!(found, Duration::from_millis(expected), "{pause} {jitter} {asked_for}");
        }
    }
}
