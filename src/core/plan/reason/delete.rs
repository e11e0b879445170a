//! The reasons why a node, or an instance without a node, is deleted.

use super::time::{CordonAge, Elapsed, Since};
use super::words::{Reason, reasons};
use crate::policy::{AdoptCordons, Budget};

reasons! {
    /// The reason why a node is deleted.
    DeleteReason {
        /// It is under our own cordon, empty, and `EMPTY_GRACE` has passed.
        EmptyAndCordoned {
            /// When it was cordoned, if known.
            cordoned: Since,
            /// When a run first saw it empty, if known.
            empty: Since,
        } => ("it is empty{empty} and cordoned{cordoned}"),
        /// The same under an old enough cordon of another actor.
        EmptyUnderAdoptedCordon {
            /// When it was cordoned, if known.
            cordoned: Since,
            /// When a run first saw it empty, if known.
            empty: Since,
            /// `ADOPT_CORDONS`.
            adopt: AdoptCordons,
            /// The age of the cordon.
            age: CordonAge,
        } => ("it is empty{empty}; the cordon is not ours and {age}, and ADOPT_CORDONS={adopt} allows the deletion"),
        /// More nodes are parked than `PARKED_MAX`, and it has been parked longest.
        ParkedMax {
            /// The time at which it was parked.
            parked: Since,
            /// `PARKED_MAX`.
            max: Budget,
        } => ("it is parked{parked}, and PARKED_MAX is {max}"),
    }
}

reasons! {
    /// The reason why an instance without a node is deleted.
    InstanceReason {
        /// It was created long ago, and no node of the cluster runs on it.
        NeverRegistered {
            /// The time at which it was created.
            created: Since,
            /// Twice `BOOT_GRACE`.
            limit: Elapsed,
        } => ("it was created{created} and has not become a node within {limit}"),
    }
}
