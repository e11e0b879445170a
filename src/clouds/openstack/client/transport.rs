//! One request: bounded in time and size, tried again where that is safe.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use kube_rebalancer_ports::{Bounded, LONGEST_FAILURE, SharedClock, count_objects};
use kube_rebalancer_retry::{Failed, retry, retry_after};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::credentials::{Secret, Tls};
use crate::error::{CloudError, Kind};
use crate::words;

/// Maximum number of bytes of an answer, and of all pages of a list together.
pub(super) const LONGEST: usize = 64 << 20;
/// Maximum number of objects in an answer: a page of a thousand servers has some thirty thousand.
const MOST_OBJECTS: usize = 200_000;

/// How patient the client is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// The number of tries of a request that only looks.
    pub(crate) tries: u32,
    /// How long a connection may take to be made.
    pub(crate) connect: Duration,
    /// How long one try may take.
    pub(crate) attempt: Duration,
    /// The pause before the second try; each further one is twice as long.
    pub(crate) first_pause: Duration,
    /// How long a last look may take after the run's time.
    pub(crate) last_look: Duration,
    /// How long the scheduler is waited for.
    pub(crate) scheduling: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            tries: 5,
            connect: Duration::from_secs(4),
            attempt: Duration::from_secs(30),
            first_pause: Duration::from_millis(250),
            last_look: Duration::from_secs(5),
            scheduling: Duration::from_mins(1),
        }
    }
}

/// The longest pause between two tries, also where the service asks for more.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The connections, and what bounds them.
pub(crate) struct Transport {
    client: reqwest::Client,
    clock: SharedClock,
    pub(super) pace: Pace,
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Transport").field("pace", &self.pace).finish_non_exhaustive()
    }
}

/// A request.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) token: Option<Secret>,
    pub(super) version: Option<&'static str>,
    pub(super) body: Option<Value>,
    /// Whether it only looks.
    pub(super) is_read: bool,
    /// Whether it may still be sent when the run's time is over.
    pub(super) is_last: bool,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// No answer.
#[derive(Clone, Debug)]
pub(super) struct Silence {
    /// Whether the request may have been carried out all the same.
    pub(super) in_doubt: bool,
    /// What happened.
    pub(super) words: String,
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

impl Reply {
    /// The status and the service's words, in one sentence.
    pub(super) fn words(&self) -> String {
        let theirs = words::of_failure(&self.body);
        let status = self.status.as_u16();
        if theirs.is_empty() { format!("status {status}") } else { format!("status {status}: \"{theirs}\"") }
    }

    /// Its JSON.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self, what: &str) -> Result<T, CloudError> {
        let failed = |why: &str| {
            CloudError::new(Kind::Other, format!("cannot {what}: the answer is not understood: {why}"))
        };
        if count_objects(&self.body) > MOST_OBJECTS {
            return Err(failed(&format!("it has more than {MOST_OBJECTS} objects")));
        }
        serde_json::from_slice(&self.body).map_err(|error| failed(&words::clean(&error.to_string())))
    }
}

impl Transport {
    /// Makes the client; the certificates are read, so this may block.
    pub(crate) fn new(tls: &Tls, clock: SharedClock, pace: Pace) -> Result<Self, CloudError> {
        let read = |path: &std::path::Path| {
            std::fs::read(path)
                .map_err(|error| CloudError::setting(format!("cannot read {}: {error}", path.display())))
        };
        let agent = concat!("kube-rebalancer/", env!("CARGO_PKG_VERSION"));
        // A token that follows a redirect is a token given away.
        let mut builder = reqwest::Client::builder()
            .user_agent(agent)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(pace.connect);
        if let Some(path) = &tls.authorities {
            let found = reqwest::Certificate::from_pem_bundle(&read(path)?);
            let found = found.ok().filter(|all| !all.is_empty()).ok_or_else(|| no_certificate(path))?;
            builder = builder.tls_certs_merge(found);
        }
        if let Some((certificate, key)) = &tls.own {
            let mut pem = read(key)?;
            pem.push(b'\n');
            pem.extend(read(certificate)?);
            let identity = reqwest::Identity::from_pem(&pem).map_err(|_| no_certificate(certificate))?;
            builder = builder.identity(identity);
        }
        if tls.insecure {
            log::warn!("OpenStack's certificates are not checked: the credentials say so");
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        let client = builder.build().map_err(|error| {
            let why = words::root_cause(&error);
            CloudError::new(Kind::Other, format!("no connection to OpenStack can be made: {why}"))
        })?;
        Ok(Self { client, clock, pace })
    }

    /// The time.
    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// Whether no change may be asked for any more.
    pub(crate) fn is_over(&self) -> bool {
        !self.clock.left().is_positive()
    }

    /// Waits, but not beyond the run's time. Whether there is time left.
    pub(crate) async fn pause(&self, pause: Duration) -> bool {
        let left = self.left(false);
        sleep(pause.min(left)).await;
        pause < left
    }

    fn left(&self, is_last: bool) -> Duration {
        let left = self.clock.left();
        let left = if left.is_positive() { left.unsigned_abs() } else { Duration::ZERO };
        if is_last { left.max(self.pace.last_look) } else { left }
    }

    /// Makes a request. One that only looks is tried again after anything that may pass; one that changes something only
    /// after what certainly came to nothing.
    pub(super) async fn make(&self, request: &Request) -> Result<Reply, Silence> {
        let pace = kube_rebalancer_retry::Pace {
            tries: self.pace.tries,
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
            let words = "it was not asked for: RUN_TIMEOUT is over, or the run was told to stop".to_owned();
            return Err(Silence { in_doubt: false, words });
        }
        timeout(limit, self.send(request)).await.unwrap_or_else(|_| {
            let words = format!("no answer within {}.{} s", limit.as_secs(), limit.subsec_millis() / 100);
            Err(Silence { in_doubt: true, words })
        })
    }

    async fn send(&self, request: &Request) -> Result<Reply, Silence> {
        let mut builder = self.client.request(request.method.clone(), &request.url);
        builder = builder.header(http::header::ACCEPT, "application/json");
        if let Some(Secret(token)) = &request.token {
            builder = builder.header("X-Auth-Token", token);
        }
        if let Some(version) = request.version {
            builder = builder.header("OpenStack-API-Version", version);
        }
        if let Some(body) = &request.body {
            builder = builder.header(http::header::CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let silence = |error: reqwest::Error| Silence {
            in_doubt: !error.is_connect() && !error.is_builder(),
            words: words::root_cause(&error),
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

/// Whether another try may get another answer. A service that has too many requests carried none of them out.
fn may_pass(request: &Request, status: StatusCode) -> bool {
    match status.as_u16() {
        413 | 429 => true,
        408 | 500..=599 => request.is_read,
        _ => false,
    }
}

fn no_certificate(path: &std::path::Path) -> CloudError {
    CloudError::setting(format!("{} holds no certificate in PEM form", path.display()))
}
