//! Decides: a function of the cluster and the policy, and of nothing else.
//!
//! ```text
//!   survey    what each node is and holds, in one walk over the pods
//!   grow      what new nodes would be like, and how many there may be
//!   waiting   where each waiting pod would go: those places must be kept, opened or created
//!   order     every candidate once, those that stay first
//!   choice    a prefix of that order
//!   settle    choice made again on its own outcome, until it changes nothing
//!   changes   the difference to what is: uncordon, grow, cordon
//!   delete    which of the nodes that stay cordoned go
//!   assemble  actions in order, and a verdict with a reason for every node
//! ```

mod action;
mod actors;
mod asked;
mod capacity;
mod classes;
mod common;
mod demand;
mod devices;
#[cfg(test)]
pub(crate) mod fixture;
mod late;
mod loss;
mod managed;
mod median;
mod notes;
mod pools;
mod reach;
mod reason;
mod replicas;
mod state;
mod survey;
mod taints;
mod utilization;
mod value;
mod walk;

pub use action::{Action, ActionKind, Effect, EventWords, KindFacts};
pub use classes::is_users;
pub use demand::Demand;
pub use managed::is_managed;
pub use notes::{Limit, Warning};
pub use reason::{
    CordonReason, DeleteReason, Elapsed, GrowReason, InstanceReason, KeepReason, Loss, MarkReason, Reason,
    Since, UncordonReason, UnmarkReason,
};
pub use utilization::{Ratio, Utilization};
pub use value::{
    After, Band, Before, NodeState, NodeVerdict, NoticeKind, Plan, PodNotice, PoolPlan, Refusal,
    TooManyBroken, Verdict,
};
