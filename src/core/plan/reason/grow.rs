//! The reasons why a node group grows.

use super::text::{among, plural};
use super::words::{Reason, reasons};
use crate::plan::utilization::Utilization;
use crate::policy::PartsPerMillion;

reasons! {
    /// The reason why a node group grows.
    GrowReason {
        /// Pods wait, and no existing node has room.
        WaitingPods {
            /// `namespace/name` of one of them.
            pod: String,
            /// The number of pods that need the new nodes.
            pods: usize,
        } => ("no node has room for {}", among(*.pods, "waiting pod", .pod)),
        /// More capacity is needed than exists.
        AboveBand {
            /// Utilization now.
            utilization: Utilization,
            /// `MAX_UTILIZATION`.
            max: PartsPerMillion,
        } => ("utilization {utilization} is above {max}, and the existing nodes are not enough"),
        /// There are too few nodes.
        MinNodes {
            /// Nodes that serve or boot after the plan without the new ones.
            nodes: usize,
            /// `MIN_NODES`.
            min: usize,
        } => ("only {} can serve, MIN_NODES is {min}", plural(*.nodes, "node")),
    }
}
