//! The one loop that retries a request, for API servers and clouds.
//!
//! ```text
//!   try --> an answer: done
//!    ^  \-> Failed: hopeless, or all tries used, or no time left --> GivenUp
//!    |             else a pause: doubled each time, jittered, at least what the server asks for
//!    \----------------/
//! ```
//!
//! A request is in doubt once a try may have been carried out without an answer; a later try that certainly had no
//! effect does not change that. The loop has no clock: the caller provides the time that is left, and sleeps.

mod header;
mod pace;

pub use header::retry_after;
pub use pace::Pace;

use std::fmt::Display;
use std::time::Duration;

/// A failed try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed<E> {
    /// The error.
    pub error: E,
    /// Whether the request may have been carried out anyway.
    pub in_doubt: bool,
    /// The minimum pause before the next try; `None` if no other try can succeed.
    pub retry_after: Option<Duration>,
}

/// A request that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp<E> {
    /// The error of the last try.
    pub error: E,
    /// Whether the last try or an earlier one may still have taken effect.
    pub in_doubt: bool,
    /// Number of tries.
    pub tries: u32,
}

/// Tries a request until it is answered, hopeless, or out of tries or time.
///
/// `left` is the time that the request may still take, given whether it is in doubt. A pause of that length or
/// longer is not begun: the present error is more useful than a timeout.
pub async fn retry<T, E, Try, Sleep>(
    pace: Pace,
    attempt: impl Fn() -> Try,
    left: impl Fn(bool) -> Duration,
    sleep: impl Fn(Duration) -> Sleep,
) -> Result<T, GivenUp<E>>
where
    E: Display,
    Try: Future<Output = Result<T, Failed<E>>>,
    Sleep: Future<Output = ()>,
{
    let mut tries = 0;
    let mut in_doubt = false;
    loop {
        let failed = match attempt().await {
            Ok(answer) => return Ok(answer),
            Err(failed) => failed,
        };
        tries += 1;
        in_doubt |= failed.in_doubt;
        let given_up = |error| GivenUp { error, in_doubt, tries };
        let Some(at_least) = failed.retry_after.filter(|_| tries < pace.tries) else {
            return Err(given_up(failed.error));
        };
        let pause = pace.pause(tries, fastrand::u32(0..=Pace::JITTER), at_least);
        if pause >= left(in_doubt) {
            return Err(given_up(failed.error));
        }
        log::info!("trying again in {} ms: {}", pause.as_millis(), failed.error);
        sleep(pause).await;
    }
}

#[cfg(test)]
mod tests;
