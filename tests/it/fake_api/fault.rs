//! Scripted trouble: which request, and what goes wrong with it.

use std::fmt;
use std::sync::{Arc, Mutex};

use hyper::Method;

use super::call::Call;

/// When, with regard to the moment at which a request takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// It never takes effect.
    Before,
    /// It has taken effect, and the client is not told.
    After,
}

/// What goes wrong.
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

/// Which requests: all, or those of a method and of paths that contain a text; every one, the n-th, or those from the
/// n-th on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests {
    method: Option<Method>,
    path_contains: String,
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

    fn includes(&self, call: &Call) -> bool {
        self.method.as_ref().is_none_or(|method| *method == call.method)
            && call.path.contains(&self.path_contains)
    }
}

/// Something a test does when a request comes in; it may block.
pub(super) type Hook = Arc<Mutex<dyn FnMut(&Call) + Send>>;

#[derive(Clone)]
pub(super) enum Effect {
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
pub(super) struct Script(Vec<(Requests, usize, Effect)>);

impl Script {
    pub(super) fn add(&mut self, requests: Requests, effect: Effect) {
        self.0.push((requests, 0, effect));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Counts a request and says what is to happen with it.
    pub(super) fn count(&mut self, call: &Call) -> Vec<Effect> {
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
