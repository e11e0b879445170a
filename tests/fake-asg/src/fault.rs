//! What goes wrong with requests to Auto Scaling.

/// What goes wrong with a request.
pub type Fault = fake_http::Fault<Own>;

/// What goes wrong at Auto Scaling alone; not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// Status 400, where others have 429.
    Throttling,
    /// Status 500, and no more than that the group is changing.
    ResourceContention,
    /// Status 400: an activity of the group is under way.
    ScalingActivityInProgress,
}
