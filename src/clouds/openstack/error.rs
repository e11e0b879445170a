//! What can go wrong with OpenStack.

/// A failure, told for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct CloudError {
    /// What it is.
    pub(crate) kind: Kind,
    /// One sentence: what was asked, what came back, in the cloud's own words where it gave any.
    pub(crate) message: String,
}

/// What a failure is, as far as it matters for what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A setting or a file is wrong.
    Setting,
    /// The credentials are not accepted, or do not permit it.
    Forbidden,
    /// There is no such server.
    NotFound,
    /// No host has room.
    Exhausted,
    /// A quota is used up.
    Quota,
    /// The service has no time, or another task is under way on the server.
    Busy,
    /// The server is in a state that speaks against it.
    Refused,
    /// It may or may not have been done.
    Doubt,
    /// Anything else.
    Other,
}

impl CloudError {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn setting(message: impl Into<String>) -> Self {
        Self::new(Kind::Setting, message)
    }
}
