//! Scripted trouble: which request, and what goes wrong with it.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::engine::OperationFailure;
use crate::http::Call;

/// When, with regard to the moment at which a request takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It never takes effect.
    Before,
    /// It has taken effect, and the client is not told.
    After,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 401, as for a token that has expired; not carried out.
    Unauthorized,
    /// 403 for want of a permission; not carried out.
    Forbidden,
    /// 403 for want of quota; not carried out.
    QuotaExceeded,
    /// 404; not carried out.
    NotFound,
    /// 409; not carried out.
    Conflict,
    /// 412; not carried out.
    PreconditionFailed,
    /// 429 with this Retry-After; not carried out.
    TooManyRequests {
        /// How long the client is to wait.
        retry_after_seconds: u32,
    },
    /// 500; not carried out.
    InternalError,
    /// 502 with a page for people, by something in front of Compute Engine: it had not yet passed the request on, or
    /// it lost the answer.
    BadGateway(Moment),
    /// 503; not carried out.
    Unavailable,
    /// Accepted; but the operation is done without having changed anything, and says so.
    OperationFails(OperationFailure),
    /// A good status, and a body that breaks off in the middle though the connection does not; carried out.
    MalformedJson,
    /// A good status, and JSON whose members are of other types than they should be; carried out.
    WrongTypes,
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
    /// Whether the request is not carried out. (If its operation fails, it is accepted.)
    pub(crate) fn prevents(&self) -> bool {
        match self {
            Self::Unauthorized
            | Self::Forbidden
            | Self::QuotaExceeded
            | Self::NotFound
            | Self::Conflict
            | Self::PreconditionFailed
            | Self::TooManyRequests { .. }
            | Self::InternalError
            | Self::Unavailable => true,
            Self::BadGateway(moment) | Self::Reset(moment) | Self::Hang(moment) => *moment == Moment::Before,
            Self::OperationFails(_)
            | Self::MalformedJson
            | Self::WrongTypes
            | Self::HalfBody
            | Self::Slow(_) => false,
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

#[derive(Debug, Clone, Copy, Default)]
enum Which {
    #[default]
    Every,
    Nth(usize),
    From(usize),
}

impl Requests {
    /// All of them, those for credentials too.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Those of a method, named as in the REST reference, such as `compute.instanceGroupManagers.resize`. Requests to
    /// the metadata server are called `metadata.` and the last part of their path, such as `metadata.token`.
    #[must_use]
    pub fn method(method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..Self::default() }
    }

    /// Only those to the group, instance or operation of this name.
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

    fn includes(&self, call: &Call) -> bool {
        self.method.as_ref().is_none_or(|method| *method == call.method)
            && self.target.as_ref().is_none_or(|target| call.target.as_ref() == Some(target))
    }
}

/// Something a test does when a request comes in; it may block.
pub(crate) type Hook = Arc<Mutex<dyn FnMut(&Call) + Send>>;

#[derive(Clone)]
pub(crate) enum Effect {
    Fault(Fault),
    Hook(Moment, Hook),
}

impl fmt::Debug for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => write!(formatter, "{fault:?}"),
            Self::Hook(moment, _) => write!(formatter, "a hook {moment:?}"),
        }
    }
}

/// The rules in the order in which they were made, each with its own count.
#[derive(Debug, Default)]
pub(crate) struct Script(Vec<(Requests, usize, Effect)>);

impl Script {
    pub(crate) fn add(&mut self, requests: Requests, effect: Effect) {
        self.0.push((requests, 0, effect));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Counts a request and says what is to happen with it.
    pub(crate) fn count(&mut self, call: &Call) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (requests, seen, effect) in self.0.iter_mut().filter(|(requests, ..)| requests.includes(call)) {
            *seen += 1;
            let included = match requests.which {
                Which::Every => true,
                Which::Nth(nth) => nth == *seen,
                Which::From(first) => first <= *seen,
            };
            if included {
                effects.push(effect.clone());
            }
        }
        effects
    }
}
