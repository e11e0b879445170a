//! The reasons why a node becomes unschedulable.

use super::text::plural;
use super::time::Since;
use super::words::{Reason, reasons};
use crate::plan::utilization::Utilization;
use crate::policy::PartsPerMillion;

reasons! {
    /// The reason why a node becomes unschedulable.
    CordonReason {
        /// Less capacity is needed.
        BelowBand {
            /// Utilization now.
            utilization: Utilization,
            /// `MIN_UTILIZATION`.
            min: PartsPerMillion,
            /// Its occupants. A node with fewer occupants stays only for another reason.
            occupants: usize,
        } => ("utilization {utilization} is below {min}; it has {}", plural(*.occupants, "pod")),
        /// Its capacity is not needed: nodes that must be kept, or that have more pods, are enough.
        NotNeeded {
            /// Its occupants.
            occupants: usize,
        } => ("its capacity is not needed; it has {}", plural(*.occupants, "pod")),
        /// More nodes serve than may.
        MaxNodes {
            /// Serving now.
            serving: usize,
            /// `MAX_NODES`.
            max: usize,
        } => ("{serving} nodes serve, MAX_NODES is {max}"),
        /// It has been NotReady for longer than `BOOT_GRACE`.
        Broken {
            /// When that began, if known.
            since: Since,
        } => ("it is NotReady{since}"),
    }
}
