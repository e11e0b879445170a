//! What can go wrong with a cloud.

/// A failure, in a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CloudError {
    /// What it is.
    pub kind: Kind,
    /// One sentence: what was asked, what came back, in the cloud's own words where it gave any.
    pub message: String,
}

/// What a failure is, as far as it matters for what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A setting or a file is wrong.
    Setting,
    /// The credentials are not accepted, or do not permit it.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The cloud has no room.
    Exhausted,
    /// A quota is used up.
    Quota,
    /// The service has no time, or another change is under way.
    Busy,
    /// The state of the thing speaks against it.
    Refused,
    /// It may or may not have been done.
    Doubt,
    /// Anything else.
    Other,
}

impl CloudError {
    /// A failure of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// A setting or a file is wrong.
    pub fn setting(message: impl Into<String>) -> Self {
        Self::new(Kind::Setting, message)
    }
}
