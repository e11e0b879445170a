//! The faults of requests to Auto Scaling.

/// The fault of a request.
pub type Fault = fake_http::Fault<Own>;

/// A fault that only Auto Scaling has; the request is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// Status 400, where others have 429.
    Throttling,
    /// Status 500, and no more than that the group is changing.
    ResourceContention,
    /// Status 400: an activity of the group is under way.
    ScalingActivityInProgress,
}
