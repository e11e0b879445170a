//! What can go wrong with Compute Engine.

/// A failure of a request to Compute Engine, told for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ComputeError {
    /// What it is.
    pub kind: ErrorKind,
    /// Whether it is certain that the request changed nothing. An answer that was lost says nothing about the change.
    pub unchanged: bool,
    /// One sentence: what was asked, what came back, in Compute Engine's own words where it said something.
    pub message: String,
}

/// What a failure is, as far as it matters for what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// There are no credentials, or they are not accepted.
    Credentials,
    /// They do not permit this.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// A quota is used up, or there are no more machines of that kind in that zone.
    Exhausted,
    /// The service did not answer, or asked to come back later.
    Unavailable,
    /// Anything else.
    Other,
}
