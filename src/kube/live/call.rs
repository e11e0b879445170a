//! One request to the API server: bounded in time, retried if that can help, with its failure on one line.

mod request;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::time::{Instant, timeout};

use super::body;
use super::credentials::{Credentials, CredentialsError};
use super::secrets;
use super::time::RunTime;
use crate::observe::{Encoding, status_message};
use kube_rebalancer_core::secret::without_user;
use kube_rebalancer_ports::words::without_tokens;
use kube_rebalancer_ports::{Clock as _, PortError, chain};
use kube_rebalancer_retry::{Failed, GivenUp, Pace, retry, retry_after};

pub(super) use request::Call;
use request::{ONE_TRY, PACE, PROTOBUF};

/// Maximum time of connecting to a server that has never answered, so that a person learns of a wrong address within
/// ten seconds; for a server that has answered in this run, the other limits apply.
const FIRST_CONTACT: Duration = Duration::from_secs(8);

/// The connection for all requests.
#[derive(Clone)]
pub(super) struct Server {
    client: Client,
    time: RunTime,
    /// The server's address, for messages.
    url: Arc<str>,
    /// The source of tokens.
    credentials: Arc<Credentials>,
    /// Whether the server has ever answered.
    reached: Arc<AtomicBool>,
    buffers: Arc<body::Buffers>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Server").field("time", &self.time).finish_non_exhaustive() // kube's client has no Debug
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) encoding: Encoding,
}

/// An answer that is parsed while it arrives.
pub(super) struct Pieces {
    pub(super) headers: HeaderMap,
    pub(super) encoding: Encoding,
    pub(super) body: Body,
}

/// The reason why a request failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {message}")]
pub(super) struct CallError {
    /// The request, as method and path.
    what: String,
    /// The HTTP status, if the server answered.
    status: Option<StatusCode>,
    /// The server's message, or the failure without an answer.
    message: String,
    /// Whether it may have been carried out anyway: the answer to a try was lost, or the server failed internally.
    in_doubt: bool,
    /// Whether the answer exceeded its bound.
    too_long: bool,
}

impl CallError {
    /// Whether the answer exceeded its bound.
    pub(super) fn is_too_long(&self) -> bool {
        self.too_long
    }

    /// The HTTP status of the last try, if the server answered.
    pub(super) fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// Whether the API server itself says that there is no such object. A proxy that knows no such path says nothing about it.
    pub(super) fn is_no_object(&self, resource: &str, name: &str) -> bool {
        self.status == Some(StatusCode::NOT_FOUND)
            && self.message.contains(&format!("{resource} \"{name}\" not found"))
    }

    /// Whether the last answer was that the object has changed or exists already.
    pub(super) fn is_conflict(&self) -> bool {
        self.status == Some(StatusCode::CONFLICT)
    }

    /// Whether it may have been carried out anyway, by the last try or an earlier one.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }
}

impl From<CallError> for PortError {
    fn from(error: CallError) -> Self {
        Self(error.to_string())
    }
}

/// The failure of a request without an answer.
#[derive(Debug, thiserror::Error)]
enum Broken {
    /// The request was not sent.
    #[error(transparent)]
    NoToken(#[from] CredentialsError),
    /// It was sent, or could not be sent.
    #[error(transparent)]
    Connection(#[from] kube::Error),
}

impl Server {
    pub(super) fn new(client: Client, time: RunTime, url: &str, credentials: Credentials) -> Self {
        Self {
            client,
            time,
            url: url.into(),
            credentials: credentials.into(),
            reached: Arc::default(),
            buffers: Arc::default(),
        }
    }

    /// Makes a request and returns the text of the answer.
    pub(super) async fn call(&self, call: &Call) -> Result<String, CallError> {
        Ok(body::text(self.answer(call).await?.bytes))
    }

    /// Makes a request and returns the body of the answer.
    ///
    /// Every request here may be sent twice: reads, patches and updates that name the version they were made from, and
    /// creations that fail if the object exists. If the answer to the first was lost, the second is refused with a
    /// conflict, which is [in doubt](CallError::is_in_doubt).
    pub(super) async fn answer(&self, call: &Call) -> Result<Answer, CallError> {
        let pace = Pace { tries: call.tries, longest_asked: call.longest_asked, ..PACE };
        let answer = retry(
            pace,
            || self.one_try(call),
            |in_doubt| self.patience(in_doubt),
            |pause| self.time.sleep(pause),
        )
        .await;
        answer.map_err(|GivenUp { error, in_doubt, .. }| CallError { in_doubt, ..error })
    }

    /// The memory of parsed answers.
    pub(super) fn buffers(&self) -> Arc<body::Buffers> {
        Arc::clone(&self.buffers)
    }

    /// The time that is left for retries.
    fn patience(&self, in_doubt: bool) -> Duration {
        let left = RunTime::left(&self.time);
        let was_sent = in_doubt || self.reached.load(Ordering::Relaxed);
        if was_sent { left } else { left.min(FIRST_CONTACT.saturating_sub(self.time.passed())) }
    }

    /// Makes a request once and returns the answer piece by piece while it arrives.
    pub(super) async fn pieces(&self, call: &Call) -> Result<Pieces, CallError> {
        let failed = |status, message| CallError {
            what: call.what(),
            status,
            message,
            in_doubt: false,
            too_long: false,
        };
        let request = call.request().map_err(|error| failed(None, error.to_string()))?;
        let sent = self.in_time(self.send(request)).await.map_err(|words| failed(None, words))?;
        let response = sent.map_err(|broken| match broken {
            Broken::NoToken(error) => failed(None, error.to_string()),
            Broken::Connection(error) => failed(None, told(&error)),
        })?;
        let (parts, body) = response.into_parts();
        self.reached.store(true, Ordering::Relaxed);
        self.note_date(&parts.headers);
        if !parts.status.is_success() {
            return Err(failed(Some(parts.status), parts.status.to_string()));
        }
        Ok(Pieces { encoding: encoding_of(&parts.headers), headers: parts.headers, body })
    }

    /// Waits for a result within the time of a try and of the run.
    pub(super) async fn in_time<T>(&self, what: impl Future<Output = T>) -> Result<T, String> {
        let bound = ONE_TRY.min(RunTime::left(&self.time));
        tokio::select! {
            answer = timeout(bound, what) => {
                answer.map_err(|_| format!("nothing came within {:.1} s", bound.as_secs_f32()))
            }
            () = self.time.no_more(Duration::ZERO) => Err("the run had to stop".to_owned()),
        }
    }

    /// Sends a request with the current credentials.
    async fn send(&self, mut request: Request<Body>) -> Result<Response<Body>, Broken> {
        if let Some(header) = self.credentials.header(self.time.now()).await? {
            request.headers_mut().insert(AUTHORIZATION, header);
        }
        Ok(self.client.send(request).await?)
    }

    fn note_date(&self, headers: &HeaderMap) {
        if let Some(date) = headers.get(DATE).and_then(|value| value.to_str().ok()) {
            self.time.server_says(date, Instant::now());
        }
    }

    async fn one_try(&self, call: &Call) -> Result<Answer, Failed<CallError>> {
        let what = call.what();
        let no_answer = |message: String, in_doubt, retry_after| Failed {
            error: CallError { what: what.clone(), status: None, message, in_doubt, too_long: false },
            in_doubt,
            retry_after,
        };
        let request = call.request().map_err(|error| no_answer(error.to_string(), false, None))?;
        let bound = call.one_try.min(RunTime::left(&self.time).max(call.at_least));
        if bound.is_zero() {
            return Err(no_answer("not sent: RUN_TIMEOUT has expired".to_owned(), false, None));
        }
        let answer = timeout(bound, async {
            let response = self.send(request).await?;
            let (parts, body) = response.into_parts();
            let body = if parts.status.is_success() {
                body::whole(body, &parts.headers, call.most, &self.buffers).await?
            } else {
                Ok(body::beginning(body).await?)
            };
            Ok::<_, Broken>(Response::from_parts(parts, body))
        });
        let answer = async {
            tokio::select! {
                answer = answer => answer.ok(),
                () = self.time.no_more(call.at_least) => None,
            }
        };
        let response = match answer.await {
            Some(Ok(response)) => response,
            Some(Err(Broken::NoToken(error))) => return Err(no_answer(error.to_string(), false, None)),
            Some(Err(Broken::Connection(error))) => {
                let retry_after = may_pass(&error).then_some(Duration::ZERO);
                let message = told(&error);
                let Some(message) = message.strip_prefix(NOT_CONNECTED) else {
                    return Err(no_answer(message, true, retry_after));
                };
                let what = format!("no connection to {}", self.url);
                let error = CallError {
                    what,
                    status: None,
                    message: message.to_owned(),
                    in_doubt: false,
                    too_long: false,
                };
                return Err(Failed { error, in_doubt: false, retry_after });
            }
            None => {
                let message = if self.time.is_stopped() {
                    "no answer before the run had to stop".to_owned()
                } else {
                    format!("no answer within {:.1} s", bound.as_secs_f32())
                };
                return Err(no_answer(message, true, Some(Duration::ZERO)));
            }
        };
        self.reached.store(true, Ordering::Relaxed);
        self.note_date(response.headers());
        let asked_for = retry_after(response.headers());
        let status = response.status();
        let encoding = encoding_of(response.headers());
        let Ok(bytes) = response.into_body() else {
            let message = format!("the answer is longer than {} MiB", call.most >> 20);
            let in_doubt = call.method != Method::GET;
            let error = CallError { what, status: None, message, in_doubt, too_long: true };
            return Err(Failed { error, in_doubt, retry_after: None });
        };
        if status.is_success() {
            if call.method != Method::GET && serde_json::from_slice::<IgnoredAny>(&bytes).is_err() {
                return Err(no_answer("the answer broke off".to_owned(), true, Some(Duration::ZERO)));
            }
            return Ok(Answer { bytes, encoding });
        }
        let transient = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
        let message = if status == StatusCode::UNAUTHORIZED {
            format!("{status}: the API server does not accept these credentials, which may have expired")
        } else {
            format!("{status}: {}", words(bytes, encoding))
        };
        let in_doubt = status.is_server_error();
        let error = CallError { what, status: Some(status), message, in_doubt, too_long: false };
        Err(Failed { error, in_doubt, retry_after: transient.then_some(asked_for) })
    }
}

/// Hyper's message for a request that was never sent.
const NOT_CONNECTED: &str = "client error (Connect): ";

/// The encoding of an answer, by its headers.
fn encoding_of(headers: &HeaderMap) -> Encoding {
    let written = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = written.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(PROTOBUF) { Encoding::Protobuf } else { Encoding::Json }
}

/// The server's message: the message of its `Status`, or the first line of any other text (for example a proxy's
/// page).
fn words(body: Vec<u8>, encoding: Encoding) -> String {
    /// Maximum length: one or two lines.
    const LONGEST: usize = 300;
    #[derive(Deserialize)]
    struct Status {
        message: String,
    }
    let message = match encoding {
        Encoding::Json => serde_json::from_slice(&body).ok().map(|Status { message }| message),
        Encoding::Protobuf => status_message(&body),
    };
    let first_line = || body::text(body).lines().next().unwrap_or_default().to_owned();
    let message = message.unwrap_or_else(first_line);
    without_tokens(&message).chars().take(LONGEST).collect()
}

/// Whether a failure without an answer may be temporary: all failures except problems of the request, the credentials
/// or the certificates.
fn may_pass(error: &kube::Error) -> bool {
    let lasting = chain(error).to_lowercase();
    let certificate =
        ["certificate", "invalidcertificate", "unknownissuer"].iter().any(|word| lasting.contains(word));
    let credentials = secrets::credentials(error).is_some();
    matches!(error, kube::Error::Service(_) | kube::Error::HyperError(_)) && !certificate && !credentials
}

/// A failure on one line, without the client's generic prefix and without credentials.
fn told(error: &kube::Error) -> String {
    if let Some(words) = secrets::credentials(error) {
        return words;
    }
    let text = if let kube::Error::Service(cause) = error { chain(cause.as_ref()) } else { chain(error) };
    without_user(&text)
}
