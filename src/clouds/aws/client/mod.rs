//! Auto Scaling by the official client, and three requests to EC2.
//!
//! ```text
//!   environment --> connect: region, credentials
//!                      |
//!   requests: look, launch, set a size, terminate, standby --> call: bounded, tried again where that is safe
//!                      |                                           |
//!                   convert <-- the official client ----------> http: its transport
//!                   ec2_answer <-- ec2: stop, start, states ------^
//!                   shape_answer <-- shape: templates, types -----^
//! ```

mod call;
mod connect;
mod convert;
mod ec2;
mod ec2_answer;
mod http;
mod look;
mod request;
mod shape;
mod shape_answer;

use std::fmt;

use call::Caller;
pub(crate) use call::Pace;
pub(crate) use ec2::Deed;
pub(crate) use look::{ACTIVITIES, Listed};

/// A connection to Auto Scaling in one region.
pub(crate) struct Client {
    asg: aws_sdk_autoscaling::Client,
    ec2: ec2::Ec2,
    /// The region.
    pub(crate) region: String,
    caller: Caller,
}

impl Client {
    /// Whether no further change may be requested.
    pub(crate) fn is_over(&self) -> bool {
        !self.caller.clock.left().is_positive()
    }

    /// The timeouts.
    pub(crate) fn pace(&self) -> Pace {
        self.caller.pace
    }

    /// Waits between two reads. Returns whether there is time for another one.
    pub(crate) async fn pause(&self, duration: std::time::Duration) -> bool {
        self.caller.pause(duration).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asg: _, ec2: _, region, caller } = self;
        let pace = &caller.pace;
        formatter.debug_struct("Client").field("region", region).field("pace", pace).finish_non_exhaustive()
    }
}
