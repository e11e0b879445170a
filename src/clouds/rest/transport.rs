//! The connections of a run, and the tries of a request on them.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use kube_rebalancer_ports::words::root_cause;
use kube_rebalancer_ports::{Bounded, LONGEST_FAILURE, NOT_ASKED, SharedClock};
use kube_rebalancer_retry::{Failed, retry, retry_after};
use tokio::time::{sleep, timeout};

use crate::pace::Pace;
use crate::reply::{LONGEST, Reply, Silence};
use crate::request::Request;

/// Maximum pause between two tries, even if the service requests a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The connections, with their bounds.
pub struct Transport {
    client: reqwest::Client,
    clock: SharedClock,
    pace: Pace,
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Transport").field("pace", &self.pace).finish_non_exhaustive()
    }
}

/// The outcome of a try: an answer that another try would not change, or the failure of the last try.
enum Tried {
    Answer(Reply),
    Silent(Silence),
}

impl fmt::Display for Tried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(reply) => formatter.write_str(&reply.words()),
            Self::Silent(silence) => formatter.write_str(&silence.words),
        }
    }
}

impl Transport {
    /// Finishes a client that a cloud has given its certificates. It follows no redirect, because a redirect would give the
    /// token to another server.
    pub fn new(builder: reqwest::ClientBuilder, clock: SharedClock, pace: Pace) -> Result<Self, String> {
        let builder = builder
            .user_agent(concat!("kube-rebalancer/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(pace.connect);
        let client = builder.build().map_err(|error| root_cause(&error))?;
        Ok(Self { client, clock, pace })
    }

    /// Its timeouts and tries.
    #[must_use]
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// Whether no further change may be requested.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !self.clock.left().is_positive()
    }

    /// Waits, but not beyond the run's time. Returns whether there is time left.
    pub async fn pause(&self, pause: Duration) -> bool {
        let left = self.left(false);
        sleep(pause.min(left)).await;
        pause < left
    }

    fn left(&self, is_last: bool) -> Duration {
        let left = self.clock.left();
        let left = if left.is_positive() { left.unsigned_abs() } else { Duration::ZERO };
        if is_last { left.max(self.pace.last_look) } else { left }
    }

    /// Makes a request. A read is retried after every temporary failure; a change only after a failure that certainly
    /// changed nothing, and not if it is to be sent once.
    pub async fn make(&self, request: &Request) -> Result<Reply, Silence> {
        let pace = kube_rebalancer_retry::Pace {
            tries: if request.is_once { 1 } else { self.pace.tries },
            first_pause: self.pace.first_pause,
            longest_pause: LONGEST_PAUSE,
            longest_asked: LONGEST_PAUSE,
        };
        let one_try = || async {
            match self.once(request).await {
                Ok(reply) if !may_pass(request, reply.status) => Ok(reply),
                Ok(reply) => {
                    let retry_after = Some(retry_after(&reply.headers));
                    Err(Failed { error: Tried::Answer(reply), in_doubt: false, retry_after })
                }
                Err(silence) => {
                    let again = request.is_read || !silence.in_doubt;
                    let in_doubt = silence.in_doubt && !request.is_read;
                    let retry_after = again.then_some(Duration::ZERO);
                    Err(Failed { error: Tried::Silent(silence), in_doubt, retry_after })
                }
            }
        };
        match retry(pace, one_try, |_| self.left(request.is_last), sleep).await {
            Ok(reply) => Ok(reply),
            Err(given_up) => match given_up.error {
                Tried::Answer(reply) => Ok(reply),
                Tried::Silent(mut silence) => {
                    if given_up.tries > 1 {
                        silence.words = format!("{} (tried {} times)", silence.words, given_up.tries);
                    }
                    Err(silence)
                }
            },
        }
    }

    async fn once(&self, request: &Request) -> Result<Reply, Silence> {
        let limit = self.left(request.is_last).min(self.pace.attempt);
        if limit.is_zero() {
            return Err(Silence { in_doubt: false, words: NOT_ASKED.to_owned() });
        }
        timeout(limit, self.send(request)).await.unwrap_or_else(|_| {
            let words = format!("no answer within {}.{} s", limit.as_secs(), limit.subsec_millis() / 100);
            Err(Silence { in_doubt: true, words })
        })
    }

    async fn send(&self, request: &Request) -> Result<Reply, Silence> {
        let mut builder = self.client.request(request.method.clone(), &request.url);
        builder = builder.header(http::header::ACCEPT, "application/json").headers(request.headers.clone());
        if let Some((kind, body)) = &request.body {
            builder = builder.header(http::header::CONTENT_TYPE, *kind).body(body.clone());
        }
        let silence = |error: reqwest::Error| Silence {
            in_doubt: !error.is_connect() && !error.is_builder(),
            words: root_cause(&error),
        };
        let mut response = builder.send().await.map_err(silence)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let most = if status.is_success() { LONGEST } else { LONGEST_FAILURE };
        let mut body = Bounded::new(most);
        while let Some(bytes) = response.chunk().await.map_err(silence)? {
            if !body.push(&bytes) {
                break;
            }
        }
        if body.is_cut() && status.is_success() {
            let words = format!("the answer is longer than {most} bytes");
            return Err(Silence { in_doubt: true, words });
        }
        Ok(Reply { status, headers, body: body.into_bytes() })
    }
}

/// Whether another try may get another answer. A service that reports too many requests has not carried the request out.
fn may_pass(request: &Request, status: StatusCode) -> bool {
    match status.as_u16() {
        413 | 429 => true,
        408 | 500..=599 => request.is_read,
        _ => false,
    }
}
