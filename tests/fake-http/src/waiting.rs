//! Waiting in tests: for something to become so, and on purpose. The only file of the tests that sleeps.

use std::time::{Duration, Instant};

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(10);

/// The condition that was not fulfilled in time.
#[derive(Debug, thiserror::Error)]
#[error("waited {waited:?} in vain until {description}")]
pub struct TimedOut {
    description: String,
    waited: Duration,
}

/// Asks again and again until there is an answer, for `timeout` at most.
pub fn until<T>(
    description: &str,
    timeout: Duration,
    mut ask: impl FnMut() -> Option<T>,
) -> Result<T, TimedOut> {
    let patience = Patience::new(timeout);
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        patience.check(description)?;
        take(INTERVAL);
    }
}

/// [`until`], where asking is asynchronous.
pub async fn until_async<T>(
    description: &str,
    timeout: Duration,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> Result<T, TimedOut> {
    let patience = Patience::new(timeout);
    loop {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        patience.check(description)?;
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Takes its time, as a slow answer does, and a thread between two looks.
pub fn take(time: Duration) {
    std::thread::sleep(time);
}

struct Patience {
    start: Instant,
    timeout: Duration,
}

impl Patience {
    #[expect(clippy::disallowed_methods, reason = "a test's patience is a matter of real time")]
    fn new(timeout: Duration) -> Self {
        Self { start: Instant::now(), timeout }
    }

    fn check(&self, description: &str) -> Result<(), TimedOut> {
        let waited = self.start.elapsed();
        if waited < self.timeout {
            return Ok(());
        }
        Err(TimedOut { description: description.to_owned(), waited })
    }
}
