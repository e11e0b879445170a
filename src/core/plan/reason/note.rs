//! Why notes are written on a node, and removed.

use super::words::{Reason, reasons};

reasons! {
    /// Why a note is written.
    MarkReason {
        /// It is empty, and stays for now.
        Empty => ("it is empty and not deleted yet"),
    }
}

reasons! {
    /// Why notes are removed.
    UnmarkReason {
        /// It is no longer empty.
        Occupied => ("it is no longer empty"),
        /// Somebody uncordoned it by hand: their word wins.
        Uncordoned => ("it is schedulable, but still carries marks of an earlier cordon"),
        /// The claim of an earlier run is over.
        ClaimOver => ("the claim of an earlier run is over"),
    }
}
