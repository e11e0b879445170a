//! The reasons why a cordoned node becomes schedulable.

use super::evict::NotEvicted;
use super::text::{among, plural};
use super::time::{CordonAge, Since};
use super::words::{Reason, reasons};
use crate::plan::utilization::Utilization;
use crate::policy::PartsPerMillion;

reasons! {
    /// The reason why a cordoned node becomes schedulable.
    UncordonReason {
        /// A node under our own cordon got a critical pod; such a node is never unschedulable.
        CriticalPod {
            /// `namespace/name` of one of them.
            pod: String,
        } => ("it runs the critical pod {pod}"),
        /// A node under our own cordon has a critical pod that `DRAIN=movable` does not move.
        NotMovable {
            /// `namespace/name` of one of them.
            pod: String,
            /// The reason.
            why: NotEvicted,
        } => ("it runs the critical pod {pod}, which is not moved: {why}"),
        /// A node under our own cordon was annotated scale-down-disabled.
        ScaleDownDisabled {
            /// The key of the annotation or the label.
            mark: String,
        } => ("{mark} keeps it in service"),
        /// A pod that waits has room there.
        WaitingPod {
            /// `namespace/name` of one of them.
            pod: String,
            /// The number of pods.
            pods: usize,
        } => ("it has room for {}", among(*.pods, "waiting pod", .pod)),
        /// The scheduler has nominated the node for a pod.
        NominatedPod {
            /// `namespace/name`.
            pod: String,
        } => ("the scheduler has nominated it for pod {pod}"),
        /// A pod that the scheduler refuses for a reason that this program does not know may fit there.
        RefusedElsewhere {
            /// `namespace/name`.
            pod: String,
        } => ("pod {pod} fits nodes that take pods, but the scheduler refuses it there for another reason; this node may suit it"),
        /// No other node of its zone would serve.
        KeepZone {
            /// The zone.
            zone: String,
        } => ("KEEP_ZONES: no other node of zone {zone} would serve"),
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
        /// Its capacity is needed: it was chosen to serve, in place of other nodes or in addition to
        /// them.
        Needed {
            /// Its occupants.
            occupants: usize,
        } => ("its capacity is needed; it has {}", plural(*.occupants, "pod")),
        /// Another actor cordoned it, and `ADOPT_CORDONS` allows this run to uncordon it.
        AdoptedCordon {
            /// The reason why it is needed.
            why: Box<UncordonReason>,
            /// When it was cordoned, if known.
            cordoned: Since,
            /// The age of the cordon.
            age: CordonAge,
        } => ("{why}; the cordon is not ours and {age}, and ADOPT_CORDONS=true undoes it"),
    }
}
