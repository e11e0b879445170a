//! Waiting for something to become so, instead of sleeping and hoping.

use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(25);

/// What did not happen in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {waited:?} in vain until {description}")]
pub(crate) struct TimedOut {
    description: String,
    waited: Duration,
}

/// Asks again and again until there is an answer, for `timeout` at most.
#[expect(clippy::disallowed_methods, reason = "a test's patience is a matter of real time")]
pub(crate) fn until<T>(
    description: &str,
    timeout: Duration,
    mut ask: impl FnMut() -> Option<T>,
) -> Result<T, TimedOut> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        let waited = start.elapsed();
        if waited >= timeout {
            return Err(TimedOut { description: description.to_owned(), waited });
        }
        std::thread::sleep(INTERVAL);
    }
}
