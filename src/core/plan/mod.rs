//! Decides: a function of the cluster and the policy, and of nothing else.

mod notes;
mod reason;
mod utilization;
mod value;

pub use notes::{Limit, Warning};
pub use reason::{
    CordonReason, DeleteReason, Elapsed, GrowReason, KeepReason, Loss, MarkReason, Reason, Since,
    UncordonReason, UnmarkReason,
};
pub use utilization::Utilization;
pub use value::{Action, After, Band, Before, NodeState, NodeVerdict, Plan, Refusal, TooManyBroken, Verdict};

use crate::model::Snapshot;
use crate::policy::Policy;

/// Decides what a run does with a cluster.
pub fn plan(_snapshot: &Snapshot, _policy: &Policy) -> Result<Plan, Refusal> {
    unimplemented!()
}
