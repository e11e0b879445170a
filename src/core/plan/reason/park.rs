//! The reasons why the machine of a node is parked, and why a parked one is woken.

use super::text::{among, plural};
use super::time::{CordonAge, Since};
use super::words::{Reason, reasons};
use crate::plan::utilization::Utilization;
use crate::policy::{AdoptCordons, PartsPerMillion};

reasons! {
    /// The reason why a node is parked.
    ParkReason {
        /// It is under our own cordon, empty, and `EMPTY_GRACE` has passed.
        EmptyAndCordoned {
            /// When it was cordoned, if known.
            cordoned: Since,
            /// When a run first saw it empty, if known.
            empty: Since,
        } => ("it is empty{empty} and cordoned{cordoned}; its machine can be woken again"),
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
        } => ("it is empty{empty}; the cordon is not ours and {age}, and ADOPT_CORDONS={adopt} allows parking it"),
    }
}

reasons! {
    /// The reason why a parked node is woken.
    WakeReason {
        /// A pod that waits has room there.
        WaitingPod {
            /// `namespace/name` of one of them.
            pod: String,
            /// The number of pods.
            pods: usize,
        } => ("it has room for {}", among(*.pods, "waiting pod", .pod)),
        /// More capacity is needed.
        AboveBand {
            /// Utilization now.
            utilization: Utilization,
            /// `MAX_UTILIZATION`.
            max: PartsPerMillion,
        } => ("utilization {utilization} is above {max}"),
        /// Too few nodes serve.
        MinNodes {
            /// Serving now.
            serving: usize,
            /// `MIN_NODES`.
            min: usize,
        } => ("{} in service, MIN_NODES is {min}", plural(*.serving, "node")),
        /// Its capacity is needed.
        Needed {
            /// When it was parked, if known.
            parked: Since,
        } => ("its capacity is needed; it is parked{parked}"),
    }
}
