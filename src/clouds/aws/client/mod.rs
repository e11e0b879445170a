//! Auto Scaling by the official client.
//!
//! ```text
//!   environment --> connect: region, credentials
//!                      |
//!   requests: look, launch, set a size, terminate --> call: bounded, tried again where that is safe
//!                      |                                  |
//!                   convert <-- the official client --> http: its transport
//! ```

mod call;
mod connect;
mod convert;
mod http;
mod look;
mod request;

use std::fmt;

use call::Caller;
pub(crate) use call::Pace;

/// A connection to Auto Scaling in one region.
pub(crate) struct Client {
    asg: aws_sdk_autoscaling::Client,
    /// The region.
    pub(crate) region: String,
    caller: Caller,
}

impl Client {
    /// Whether no further change may be requested.
    pub(crate) fn is_over(&self) -> bool {
        !self.caller.clock.left().is_positive()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asg: _, region, caller } = self;
        let pace = &caller.pace;
        formatter.debug_struct("Client").field("region", region).field("pace", pace).finish_non_exhaustive()
    }
}
