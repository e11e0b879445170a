//! Traces of real users for the simulation: made from dumps of pods or from JupyterHub's log, and read back.
//!
//! ```text
//!   dumps of pods, each with its time in its name --> pods ---+
//!                                                             +--> stays --> sorted --> write: start,end,memory,cpu
//!   lines of JupyterHub's log --> line --> event --> servers -+                          |
//!                                                               simulate <-- sessions <-- read
//! ```
//!
//! Neither source is complete. Assumptions are counted and printed on standard error.

mod columns;
mod dump_time;
mod history;
mod line;
mod pods;
pub mod read;
mod servers;
mod write;

use jiff::Timestamp;
use kube_rebalancer_core::model::{Amounts, Bytes, Millicores};

pub use history::history;
pub use pods::{PodsError, PodsSummary, from_pods};
pub use servers::{LogError, LogSummary, from_log};
pub use write::write;

/// One user's server, from the request until its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stay {
    /// The time of the request.
    pub start: Timestamp,
    /// The end; not before `start`.
    pub end: Timestamp,
    /// The memory that it requested.
    pub memory: Bytes,
    /// The processor time that it requested.
    pub cpu: Millicores,
}

impl Stay {
    /// A stay that does not end before it starts: the clocks of two machines may differ slightly.
    fn new(start: Timestamp, end: Timestamp, requests: &Amounts) -> Self {
        Self { start, end: end.max(start), memory: requests.memory, cpu: requests.cpu }
    }
}
