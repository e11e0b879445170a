//! HTTP with a bound on every answer. Google's own transport reads answers without a bound.

use std::fmt;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use kube_rebalancer_ports::{Bounded, LONGEST_FAILURE, count_objects, count_values};
use serde::de::DeserializeOwned;

/// Maximum number of bytes of an answer. A page of 500 groups has some two million; an instance or a template has half a
/// million of metadata at most.
pub(super) const LONGEST: usize = 8 << 20;
/// Maximum number of objects in an answer. A page of 500 groups has some ten thousand.
pub(super) const MOST_OBJECTS: usize = 50_000;
/// Maximum number of values in an answer: Google's types keep those of fields that they do not know. A page of 500 groups has
/// some thirty thousand.
pub(super) const MOST_VALUES: usize = 250_000;
/// Maximum time of making a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The read part of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// An answer exceeds a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooLarge {
    /// It has too many bytes.
    Bytes,
    /// It has too many objects.
    Objects,
    /// It has too many values.
    Values,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes => write!(formatter, "it is longer than {LONGEST} bytes"),
            Self::Objects => write!(formatter, "it has more than {MOST_OBJECTS} objects"),
            Self::Values => write!(formatter, "it has more than {MOST_VALUES} values"),
        }
    }
}

impl std::error::Error for TooLarge {}

/// The reason why an answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// It did not arrive.
    #[error(transparent)]
    Broken(#[from] reqwest::Error),
    /// It is too large.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// A client that follows no redirect, because a redirect would give the token to another server.
pub(super) fn client() -> reqwest::ClientBuilder {
    let agent = concat!("kube-rebalancer/", env!("CARGO_PKG_VERSION"));
    reqwest::Client::builder()
        .user_agent(agent)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
}

/// Sends a request and reads the answer, of a failure only the beginning.
pub(super) async fn ask(request: reqwest::RequestBuilder) -> Result<Answer, Unreadable> {
    let mut response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Bounded::new(if status.is_success() { LONGEST } else { LONGEST_FAILURE });
    while let Some(bytes) = response.chunk().await? {
        if !body.push(&bytes) {
            break;
        }
    }
    if body.is_cut() && status.is_success() {
        return Err(TooLarge::Bytes.into());
    }
    Ok(Answer { status, headers, body: body.into_bytes() })
}

/// Why JSON is not decoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Undecoded {
    /// It has too many objects or values.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// It is not valid JSON of the expected form.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// Decodes JSON with a bounded number of objects and values.
pub(super) fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, Undecoded> {
    if count_objects(json) > MOST_OBJECTS {
        return Err(TooLarge::Objects.into());
    }
    if count_values(json) > MOST_VALUES {
        return Err(TooLarge::Values.into());
    }
    Ok(serde_json::from_slice(json)?)
}
