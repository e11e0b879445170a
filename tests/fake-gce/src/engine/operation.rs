//! Operations, which requests start.

use jiff::Timestamp;

use super::path::{InstancePath, OperationPath};

/// Its progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OperationStatus {
    Pending,
    Running,
    Done,
}

/// The reason of a failed operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationFailure {
    /// Its `httpErrorStatusCode`.
    pub status: u16,
    /// Its code, such as `QUOTA_EXCEEDED`.
    pub code: String,
    /// A sentence.
    pub message: String,
}

/// An instance that a request named and that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skipped {
    pub(crate) instance: InstancePath,
    pub(crate) why: String,
}

/// An operation.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) path: OperationPath,
    pub(crate) id: u64,
    /// Such as `compute.instanceGroupManagers.resize`.
    pub(crate) kind: &'static str,
    /// Its target: a path.
    pub(crate) target: String,
    pub(crate) target_id: u64,
    pub(crate) request_id: Option<String>,
    pub(crate) status: OperationStatus,
    pub(crate) inserted: Timestamp,
    pub(crate) started: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    /// Its warnings.
    pub(crate) skipped: Vec<Skipped>,
    /// Shows once it is done.
    pub(crate) failure: Option<OperationFailure>,
}
