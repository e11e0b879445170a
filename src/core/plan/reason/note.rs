//! Why notes are written on a node, and removed.

use super::object::ObjectDoubt;
use super::words::{Reason, reasons};

reasons! {
    /// The reason why a note is written.
    MarkReason {
        /// It is empty, and stays for now.
        Empty => ("it is empty and not deleted yet"),
        /// Its machine was given back, and its provider proves it gone for the first time.
        MachineGone => ("its machine, which was given back, is gone; another run confirms that before it deletes the Node object"),
    }
}

reasons! {
    /// Why notes are removed.
    UnmarkReason {
        /// It is no longer empty.
        Occupied => ("it is no longer empty"),
        /// A person uncordoned it, which takes precedence.
        Uncordoned => ("it is schedulable, but still carries marks of an earlier cordon"),
        /// The claim of an earlier run has expired.
        ClaimOver => ("the claim of an earlier run has expired"),
        /// The machine whose deletion was requested is not gone, or the node has another machine.
        NotGivenBack {
            /// The reason why its Node object stays.
            why: ObjectDoubt,
        } => ("it no longer counts as given back: {why}"),
        /// An earlier run found its machine gone, but this run does not.
        NotProvenGone {
            /// The reason why its Node object stays.
            why: ObjectDoubt,
        } => ("its machine is no longer proven gone: {why}"),
    }
}
