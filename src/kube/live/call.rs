//! One request to the API server: bounded in time, tried again where that can help, its failure told in one line.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::time::RunTime;
use kube_rebalancer_ports::PortError;

/// How often a request is tried. With the pauses between, a server that restarts (some 20 s) is waited for.
const TRIES: u32 = 7;
/// The first pause; each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause that we choose. One that a server asks for is kept, if the run lasts that long.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long a server that has never answered is tried to be connected to, so that a person learns of a wrong address
/// within ten seconds; to one that has answered in this run, the other limits apply.
const FIRST_CONTACT: Duration = Duration::from_secs(8);
/// How long one try may take: a page of 500 pods takes a busy server some seconds.
const ONE_TRY: Duration = Duration::from_secs(30);
/// How long the run's last word may take past `RUN_TIMEOUT`.
const LAST_WORD: Duration = Duration::from_secs(2);

/// The connection that everything goes through.
#[derive(Clone)]
pub(super) struct Server {
    client: Client,
    time: RunTime,
    /// The server's address, for messages.
    url: Arc<str>,
    /// Whether it has ever answered.
    reached: Arc<AtomicBool>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Server").field("time", &self.time).finish_non_exhaustive() // kube's client has no Debug
    }
}

/// A request; its body is JSON.
#[derive(Clone, Debug)]
pub(super) struct Call {
    method: Method,
    path: String,
    content_type: &'static str,
    body: Option<Value>,
    tries: u32,
    /// How long it may take even if the time of the run is over.
    at_least: Duration,
}

/// Why a request came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {message}")]
pub(super) struct CallError {
    /// The request, as method and path.
    what: String,
    /// The HTTP status, if the server answered.
    status: Option<StatusCode>,
    /// The server's words, or what happened instead of an answer.
    message: String,
    /// Whether it may have been carried out all the same: the answer to a try of it was lost, or the server broke down
    /// over it.
    in_doubt: bool,
}

impl CallError {
    /// The HTTP status of the last try, if the server answered.
    pub(super) fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Whether the server answered last that the object has changed or is there already.
    pub(super) fn is_conflict(&self) -> bool {
        self.status == Some(StatusCode::CONFLICT)
    }

    /// Whether it may have been carried out all the same, by this try or an earlier one.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }
}

impl From<CallError> for PortError {
    fn from(error: CallError) -> Self {
        Self(error.to_string())
    }
}

impl Call {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, "application/json", None)
    }

    pub(super) fn post(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::POST, path, "application/json", Some(body))
    }

    pub(super) fn put(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PUT, path, "application/json", Some(body))
    }

    pub(super) fn merge_patch(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PATCH, path, "application/merge-patch+json", Some(body))
    }

    /// Does not try again: for what is not worth waiting for.
    pub(super) fn once(self) -> Self {
        Self { tries: 1, ..self }
    }

    /// Is still made when the time of the run is over: for what keeps the next run waiting.
    pub(super) fn last_word(self) -> Self {
        Self { at_least: LAST_WORD, ..self }
    }

    fn new(method: Method, path: impl Into<String>, content_type: &'static str, body: Option<Value>) -> Self {
        Self { method, path: path.into(), content_type, body, tries: TRIES, at_least: Duration::ZERO }
    }

    /// The request without its query, for messages.
    fn what(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }

    fn request(&self) -> Result<Request<Body>, http::Error> {
        let body =
            self.body.as_ref().map_or_else(Body::empty, |body| Body::from(body.to_string().into_bytes()));
        Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(CONTENT_TYPE, self.content_type)
            .body(body)
    }
}

/// What a failed try means.
struct Failed {
    error: CallError,
    /// How long to wait at least before the next try; `None` if there is no point in one.
    retry_after: Option<Duration>,
}

impl Server {
    pub(super) fn new(client: Client, time: RunTime, url: &str) -> Self {
        Self { client, time, url: url.into(), reached: Arc::default() }
    }

    /// Makes a request and returns the body of the answer.
    ///
    /// Everything that is sent here may be sent twice: reads, patches and updates that name the version they were made
    /// from, and creations that fail if the object is there. If the answer to the first was lost, the second is refused
    /// with a conflict, which is [in doubt](CallError::is_in_doubt).
    pub(super) async fn call(&self, call: &Call) -> Result<String, CallError> {
        let mut pause = FIRST_PAUSE;
        let mut tried = 0;
        let mut in_doubt = false;
        loop {
            tried += 1;
            let Failed { mut error, retry_after } = match self.one_try(call).await {
                Ok(body) => return Ok(body),
                Err(failed) => failed,
            };
            in_doubt |= error.in_doubt;
            error.in_doubt = in_doubt;
            let Some(at_least) = retry_after.filter(|_| tried < call.tries) else { return Err(error) };
            // Jitter: several clients that were turned away together must not come back together.
            let jittered = pause / 2 + pause * fastrand::u32(0..=1000) / 2000;
            let wait = jittered.max(at_least);
            if wait >= self.patience(&error) {
                return Err(error);
            }
            log::info!("trying again in {} ms: {error}", wait.as_millis());
            sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// How much longer this failure may be tried to pass.
    fn patience(&self, error: &CallError) -> Duration {
        let left = self.time.left();
        let was_sent = error.in_doubt || self.reached.load(Ordering::Relaxed);
        if was_sent { left } else { left.min(FIRST_CONTACT.saturating_sub(self.time.passed())) }
    }

    async fn one_try(&self, call: &Call) -> Result<String, Failed> {
        let what = call.what();
        let no_answer = |message: String, in_doubt, retry_after| Failed {
            error: CallError { what: what.clone(), status: None, message, in_doubt },
            retry_after,
        };
        let request = call.request().map_err(|error| no_answer(error.to_string(), false, None))?;
        let bound = ONE_TRY.min(self.time.left().max(call.at_least));
        if bound.is_zero() {
            return Err(no_answer("not sent: RUN_TIMEOUT is over".to_owned(), false, None));
        }
        let answer = timeout(bound, async {
            let response = self.client.send(request).await?;
            let (parts, body) = response.into_parts();
            let bytes = body.collect_bytes().await?;
            Ok::<_, kube::Error>(Response::from_parts(parts, bytes))
        });
        let response = match answer.await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let retry = may_pass(&error).then_some(Duration::ZERO);
                let message = told(&error);
                let Some(message) = message.strip_prefix(NOT_CONNECTED) else {
                    return Err(no_answer(message, true, retry));
                };
                let what = format!("no connection to {}", self.url);
                let error = CallError { what, status: None, message: message.to_owned(), in_doubt: false };
                return Err(Failed { error, retry_after: retry });
            }
            Err(_) => {
                let message = format!("no answer within {:.1} s", bound.as_secs_f32());
                return Err(no_answer(message, true, Some(Duration::ZERO)));
            }
        };
        self.reached.store(true, Ordering::Relaxed);
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        if let Some(date) = header(DATE) {
            self.time.server_says(date, Instant::now());
        }
        let seconds = header(RETRY_AFTER).and_then(|value| value.parse().ok()).map(Duration::from_secs);
        let status = response.status();
        let text = String::from_utf8_lossy(response.body()).into_owned();
        if status.is_success() {
            if call.method != Method::GET && serde_json::from_str::<IgnoredAny>(&text).is_err() {
                return Err(no_answer("the answer broke off".to_owned(), true, Some(Duration::ZERO)));
            }
            return Ok(text);
        }
        let transient = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
        let message = if status == StatusCode::UNAUTHORIZED {
            format!("{status}: the API server does not accept these credentials, which may have expired")
        } else {
            format!("{status}: {}", words(&text))
        };
        let error = CallError { what, status: Some(status), message, in_doubt: status.is_server_error() };
        Err(Failed { error, retry_after: transient.then(|| seconds.unwrap_or_default()) })
    }
}

/// Hyper's words for a request that was never sent.
const NOT_CONNECTED: &str = "client error (Connect): ";

/// The server's own words: the message of its `Status`, or the first line of whatever it is (a proxy's page, say).
fn words(body: &str) -> String {
    /// As much as fits a line or two.
    const LONGEST: usize = 300;
    #[derive(Deserialize)]
    struct Status {
        message: String,
    }
    let message = serde_json::from_str(body).map(|Status { message }| message);
    let message = message.unwrap_or_else(|_| body.lines().next().unwrap_or_default().to_owned());
    message.chars().take(LONGEST).collect()
}

/// Whether a failure without an answer may pass: everything but what is wrong with the request, the credentials or the
/// certificates.
fn may_pass(error: &kube::Error) -> bool {
    let lasting = chain(error).to_lowercase();
    let certificate =
        ["certificate", "invalidcertificate", "unknownissuer"].iter().any(|word| lasting.contains(word));
    matches!(error, kube::Error::Service(_) | kube::Error::HyperError(_)) && !certificate
}

/// A failure on one line, without the client's own word for everything that fails below it.
fn told(error: &kube::Error) -> String {
    if let kube::Error::Service(cause) = error { chain(cause.as_ref()) } else { chain(error) }
}

/// An error with its causes on one line, without those that repeat what stands before them.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    for cause in causes.map(ToString::to_string) {
        if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line
}
