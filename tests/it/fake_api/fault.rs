//! Scripted faults: a rule selects requests, and they fail in a certain way.

pub(crate) use fake_http::Moment;
use fake_http::{Rule, Which};
use hyper::Method;

use super::call::Call;

/// The fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 500; not carried out.
    InternalError,
    /// 503; not carried out.
    Unavailable,
    /// 429 with this Retry-After, as plain text, as the real server's flow control sends it; not carried out.
    TooManyRequests { retry_after_seconds: u32 },
    /// 409, whatever the resource version; not carried out.
    Conflict,
    /// 403; not carried out.
    Forbidden,
    /// 404, whatever is there; not carried out.
    NotFound,
    /// 429 as the eviction API sends it where a budget allows nothing; not carried out.
    BudgetRefuses,
    /// 410 with the reason Expired; not carried out.
    ExpiredToken,
    /// A good status, and a body that breaks off in the middle though the connection does not; carried out.
    MalformedJson,
    /// A good status, and this body in the place of the right one, as a proxy in front of the server may send it; not
    /// carried out.
    Instead(&'static str),
    /// The connection closes in the middle of the body; carried out.
    HalfBody,
    /// The connection is reset, without any answer.
    Reset(Moment),
    /// There is never an answer.
    Hang(Moment),
}

/// A filter of requests: by method, by a text in the path, and by position (every request, the n-th, or the n-th and all
/// later ones).
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests {
    method: Option<Method>,
    path_contains: String,
    which: Which,
}

impl Requests {
    pub(crate) fn all() -> Self {
        Self::default()
    }

    pub(crate) fn of(method: Method, path_contains: &str) -> Self {
        Self { method: Some(method), path_contains: path_contains.to_owned(), which: Which::Every }
    }

    /// Only the n-th of them, counted from 1 and from when the rule was made.
    pub(crate) fn nth(mut self, n: usize) -> Self {
        self.which = Which::Nth(n);
        self
    }

    /// Only those from the n-th on, counted in the same way.
    pub(crate) fn since_nth(mut self, n: usize) -> Self {
        self.which = Which::From(n);
        self
    }
}

impl Rule<Call> for Requests {
    fn includes(&self, call: &Call) -> bool {
        self.method.as_ref().is_none_or(|method| *method == call.method)
            && call.path.contains(&self.path_contains)
    }

    fn which(&self) -> Which {
        self.which
    }
}
