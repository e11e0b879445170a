//! The errors of a cloud.

/// A failure, with a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CloudError {
    /// Its kind.
    pub kind: Kind,
    /// One sentence: the request and the answer, with the cloud's message if there is one.
    pub message: String,
}

/// The kind of a failure, which decides the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A setting or a file is wrong.
    Setting,
    /// The credentials are not accepted, or do not permit it.
    Forbidden,
    /// There is no such object.
    NotFound,
    /// The cloud has no room.
    Exhausted,
    /// A quota is used up.
    Quota,
    /// The service is busy, or another change is in progress.
    Busy,
    /// The state of the object forbids it.
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
