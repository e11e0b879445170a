//! A request before it is sent: method, path, body, and the bounds of its answer.

use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE};
use http::{Method, Request};
use kube::client::Body;
use serde_json::Value;

use super::super::body;
use crate::observe::Encoding;
use kube_rebalancer_retry::Pace;

/// The pauses are long enough for a server that restarts (some 20 s). A pause that a server requests is respected,
/// within the time of the run.
pub(super) const PACE: Pace = Pace {
    tries: 7,
    first_pause: Duration::from_millis(250),
    longest_pause: Duration::from_secs(10),
    longest_asked: Duration::MAX,
};
/// Maximum time of one try: a page of 500 pods takes a busy server some seconds.
pub(super) const ONE_TRY: Duration = Duration::from_secs(30);
/// Maximum time of one try of an optional request.
const SOON: Duration = Duration::from_secs(5);
/// Number of tries of an optional request: one answer of a busy server must not decide.
const OPTIONAL_TRIES: u32 = 3;
/// Maximum time of a run's last requests past `RUN_TIMEOUT`.
const LAST_WORD: Duration = Duration::from_secs(2);
const JSON: &str = "application/json";
/// The API server's own encoding, which costs server and client less than JSON.
pub(super) const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// The encodings in order: a server that does not know the first answers in the second.
const PROTOBUF_OR_JSON: &str = "application/vnd.kubernetes.protobuf,application/json";

/// A request; its body is JSON.
#[derive(Clone, Debug)]
pub(in crate::live) struct Call {
    pub(super) method: Method,
    path: String,
    content_type: &'static str,
    accept: &'static str,
    body: Option<Value>,
    pub(super) tries: u32,
    /// The longest pause that the server may ask for.
    pub(super) longest_asked: Duration,
    /// The minimum time that it may take even if `RUN_TIMEOUT` has expired.
    pub(super) at_least: Duration,
    /// Maximum time of one try.
    pub(super) one_try: Duration,
    /// Maximum number of bytes of the answer.
    pub(super) most: usize,
    /// Whether the answer may be compressed.
    compressed: bool,
}

impl Call {
    pub(in crate::live) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, JSON, None)
    }

    pub(in crate::live) fn post(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::POST, path, JSON, Some(body))
    }

    pub(in crate::live) fn put(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PUT, path, JSON, Some(body))
    }

    pub(in crate::live) fn delete(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::DELETE, path, JSON, Some(body))
    }

    pub(in crate::live) fn merge_patch(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PATCH, path, "application/merge-patch+json", Some(body))
    }

    /// Sets the maximum length of the answer.
    pub(in crate::live) fn at_most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Requests an answer in this encoding. A server that does not know protobuf may answer in JSON anyway.
    pub(in crate::live) fn in_encoding(self, encoding: Encoding) -> Self {
        let accept = match encoding {
            Encoding::Json => JSON,
            Encoding::Protobuf => PROTOBUF_OR_JSON,
        };
        Self { accept, ..self }
    }

    /// Allows a compressed answer. The server compresses only large answers.
    pub(in crate::live) fn compressed(self) -> Self {
        Self { compressed: true, ..self }
    }

    /// Waits only a moment for each try: for optional requests.
    pub(in crate::live) fn soon(self) -> Self {
        Self { one_try: SOON, ..self }
    }

    /// Retries a little, and waits only a moment for each try: for requests without which a run goes on. It takes at most half a
    /// minute.
    pub(in crate::live) fn optional(self) -> Self {
        Self { tries: OPTIONAL_TRIES, longest_asked: SOON, ..self.soon() }
    }

    /// Does not retry: for requests that are not worth waiting for.
    pub(in crate::live) fn once(self) -> Self {
        Self { tries: 1, ..self }
    }

    /// Is still made when `RUN_TIMEOUT` has expired: for requests without which the next run would wait.
    pub(in crate::live) fn last_word(self) -> Self {
        Self { at_least: LAST_WORD, ..self }
    }

    fn new(method: Method, path: impl Into<String>, content_type: &'static str, body: Option<Value>) -> Self {
        Self {
            method,
            path: path.into(),
            content_type,
            accept: JSON,
            body,
            tries: PACE.tries,
            longest_asked: PACE.longest_asked,
            at_least: Duration::ZERO,
            one_try: ONE_TRY,
            most: body::LONGEST_OBJECT,
            compressed: false,
        }
    }

    /// The request without its query, for messages.
    pub(super) fn what(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }

    pub(super) fn request(&self) -> Result<Request<Body>, http::Error> {
        let body =
            self.body.as_ref().map_or_else(Body::empty, |body| Body::from(body.to_string().into_bytes()));
        let request = Request::builder()
            .method(self.method.clone())
            .uri(&self.path)
            .header(CONTENT_TYPE, self.content_type)
            .header(ACCEPT, self.accept);
        let request = if self.compressed { request.header(ACCEPT_ENCODING, body::GZIP) } else { request };
        request.body(body)
    }
}
