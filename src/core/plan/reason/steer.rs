//! The reasons why a node is to fill last, and why it no longer is.

use super::text::excerpt;
use super::words::{Reason, reasons};
use crate::model::Resource;

reasons! {
    /// The reason why a node is to fill last.
    SteerReason {
        /// The nodes before it in the keep order have enough room for the next pods.
        FillLast {
            /// The resource that decides.
            resource: Resource,
            /// The room that is enough.
            room: u64,
        } => ("the nodes to fill before it have at least {} of {resource} free", .resource.show(*.room)),
    }
}

reasons! {
    /// The reason why a node no longer fills last.
    UnsteerReason {
        /// The nodes before it in the keep order have too little room.
        Needed {
            /// The resource that decides.
            resource: Resource,
            /// The minimum room of nodes that fill first.
            room: u64,
        } => ("the nodes to fill before it have less than {} of {resource} free", .resource.show(*.room)),
        /// Another actor makes the scheduler avoid the node; with two such taints it would be the last of
        /// all.
        OthersTaint {
            /// The taint.
            taint: String,
        } => ("the taint {} of others makes the scheduler avoid it already", excerpt(.taint)),
        /// It is cordoned by this program, or reserved.
        OutOfService => ("it is cordoned or reserved, so it is filled neither first nor last"),
        /// `PACK` is off.
        PackOff => ("PACK=false: the scheduler alone decides which node fills first"),
    }
}
