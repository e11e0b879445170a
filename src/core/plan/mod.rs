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
mod assemble;
mod changes;
mod choice;
mod delete;
mod demand;
mod fit;
mod grow;
mod managed;
mod notes;
mod order;
mod pods;
mod reason;
mod settle;
mod survey;
mod utilization;
mod value;
mod verdict;
mod waiting;

pub use managed::is_managed;
pub(crate) use managed::unmanaged;
pub use notes::{Limit, Warning};
pub use pods::is_users;
pub use action::{Action, ActionKind, Effect, EventWords, KindFacts};
pub use demand::Demand;
pub use reason::{
    CordonReason, DeleteReason, Elapsed, GrowReason, InstanceReason, KeepReason, Loss, MarkReason, Reason,
    Since, UncordonReason, UnmarkReason,
};
pub(crate) use survey::{Cordon, NodeFacts, Survey};
pub use utilization::{Ratio, Utilization};
pub use value::{
    After, Band, Before, NodeState, NodeVerdict, NoticeKind, Plan, PodNotice, PoolPlan, Refusal, TooManyBroken,
    Verdict,
};

use crate::model::Snapshot;
use crate::policy::Policy;

/// Decides what a run does with a cluster.
///
/// # Errors
///
/// Refuses where what was observed cannot be the whole truth; then nothing may be changed.
pub fn plan(snapshot: &Snapshot, policy: &Policy) -> Result<Plan, Refusal> {
    let survey = survey::Survey::new(snapshot, policy);
    refuse(&survey)?;
    let mut growth = grow::Growth::new(&survey);
    let waiting = waiting::Waiting::new(&survey, &growth);
    let before = assemble::before(&survey, &growth, &waiting);
    let band = before.utilization.band(policy);
    let guard = guard(&before, policy);
    if guard.is_some() {
        // Nothing will be created, so what is there must make up for it.
        growth.allowed = 0;
    }
    let mut changes = changes::Changes::new(&survey, &growth, &waiting, band);
    if guard.is_some() {
        changes.only_uncordon();
    }
    let deletions = match guard {
        Some(_) => delete::Deletions::none(&survey, &changes.cordons),
        None => delete::Deletions::new(&survey, &changes.cordons),
    };
    let run = assemble::Run { survey: &survey, growth: &growth, before, band, changes, deletions, guard };
    Ok(run.plan(waiting.warnings))
}

fn refuse(survey: &survey::Survey<'_>) -> Result<(), Refusal> {
    let nodes = survey.nodes.len();
    if survey.managed().next().is_none() && !survey.policy.node_groups_named {
        return Err(Refusal::NoManagedNode { nodes });
    }
    if nodes > 0 && survey.snapshot.pods_seen() == 0 {
        return Err(Refusal::NoPodVisible { nodes });
    }
    Ok(())
}

fn guard(before: &Before, policy: &Policy) -> Option<TooManyBroken> {
    let Before { broken, managed, .. } = *before;
    let (max_percent, ok_nodes) = (policy.max_unready_percent, policy.ok_unready_nodes);
    let share = broken.saturating_mul(100);
    let bound = managed.saturating_mul(usize::try_from(max_percent).unwrap_or(usize::MAX));
    (broken > 0 && share > bound && broken >= ok_nodes).then_some(TooManyBroken {
        broken,
        managed,
        max_percent,
        ok_nodes,
    })
}
