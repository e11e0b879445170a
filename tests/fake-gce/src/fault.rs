//! The faults that only requests to Compute Engine have.

use crate::engine::OperationFailure;

/// The fault of a request.
pub type Fault = fake_http::Fault<OwnFault>;

/// A fault that only Compute Engine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnFault {
    /// 403 for want of quota; not carried out.
    QuotaExceeded,
    /// 412; not carried out.
    PreconditionFailed,
    /// Accepted; but the operation is done without having changed anything, and its error names the failure.
    OperationFails(OperationFailure),
}
