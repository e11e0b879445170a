//! Scripted trouble: which request, and what goes wrong with it.

use std::time::Duration;

use fake_http::{Moment, Rule, Which};

use crate::call::Call;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 401, as for a token that has expired; not carried out.
    Unauthorized,
    /// 403, by policy; not carried out.
    Forbidden,
    /// 404; not carried out.
    NotFound,
    /// 409 while another task is under way; not carried out.
    Conflict,
    /// 429 with this Retry-After; not carried out.
    TooManyRequests {
        /// How long the client is to wait.
        retry_after_seconds: u32,
    },
    /// 500; not carried out.
    InternalError,
    /// 502 with a page for people, by something in front of the service: it had not yet passed the request on, or it lost
    /// the answer.
    BadGateway(Moment),
    /// 503; not carried out.
    Unavailable,
    /// A good status, and a body that breaks off in the middle though the connection does not; carried out.
    MalformedJson,
    /// A good status, and JSON whose members are of other types than they should be; carried out.
    WrongTypes,
    /// A good status, and a body without end; carried out.
    Endless,
    /// The connection closes in the middle of the body; carried out.
    HalfBody,
    /// Carried out at once, answered so much later.
    Slow(Duration),
    /// The connection is reset, without any answer.
    Reset(Moment),
    /// There is never an answer.
    Hang(Moment),
}

impl Fault {
    /// Whether the request is not carried out.
    pub(crate) fn prevents(&self) -> bool {
        match self {
            Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::Conflict
            | Self::TooManyRequests { .. }
            | Self::InternalError
            | Self::Unavailable => true,
            Self::BadGateway(moment) | Self::Reset(moment) | Self::Hang(moment) => *moment == Moment::Before,
            Self::MalformedJson | Self::WrongTypes | Self::Endless | Self::HalfBody | Self::Slow(_) => false,
        }
    }
}

/// Which requests: all, or those of a method; every one, the n-th, or those from the n-th on.
#[derive(Debug, Clone, Default)]
pub struct Requests {
    method: Option<String>,
    target: Option<String>,
    which: Which,
}

impl Requests {
    /// All of them, those for tokens too.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Those of a method: see [`Call::method`].
    #[must_use]
    pub fn method(method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..Self::default() }
    }

    /// Only those to the server of this ID.
    #[must_use]
    pub fn of(mut self, target: &str) -> Self {
        self.target = Some(target.to_owned());
        self
    }

    /// Only the n-th of them, counted from 1 and from when the rule was made.
    #[must_use]
    pub fn nth(mut self, n: usize) -> Self {
        self.which = Which::Nth(n);
        self
    }

    /// Only those from the n-th on, counted in the same way.
    #[must_use]
    pub fn since_nth(mut self, n: usize) -> Self {
        self.which = Which::From(n);
        self
    }
}

impl Rule for Requests {
    type Call = Call;
    type Fault = Fault;

    fn includes(&self, call: &Call) -> bool {
        self.method.as_ref().is_none_or(|method| *method == call.method)
            && self.target.as_ref().is_none_or(|target| call.target.as_ref() == Some(target))
    }

    fn which(&self) -> Which {
        self.which
    }
}
