//! Which requests a rule is about, where requests have a method and a target.

use crate::{Rule, Which};

/// A request with the names of its method and its target.
pub trait Named {
    /// The name of the method, as the documentation of the service has it.
    fn method(&self) -> &str;
    /// Its target, if it has exactly one.
    fn target(&self) -> Option<&str>;
}

/// A filter of requests: by method, by target, and by position (every request, the n-th, or the n-th and all later ones).
#[derive(Debug, Clone, Default)]
pub struct Requests {
    method: Option<String>,
    target: Option<String>,
    which: Which,
}

impl Requests {
    /// All of them, those for credentials too.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// All requests of a method: see the `method` of the fake's calls.
    #[must_use]
    pub fn method(method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..Self::default() }
    }

    /// Only those about the thing of this name or ID.
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

impl<Call: Named> Rule<Call> for Requests {
    fn includes(&self, call: &Call) -> bool {
        self.method.as_ref().is_none_or(|method| method == call.method())
            && self.target.as_ref().is_none_or(|target| call.target() == Some(target))
    }

    fn which(&self) -> Which {
        self.which
    }
}
