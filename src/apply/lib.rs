//! Carries out a plan: in its order, each action judged again right before it is done.
//!
//! ```text
//!   uncordon -> grow -> cordon -> claim what is to be deleted
//!                                     |
//!                        every pod listed once more
//!                                     |
//!        take back cordons under critical pods -> delete, or drop the claim -> notes
//! ```
//!
//! Capacity is added first, so a run that dies midway leaves too much room, never too little. A failed action never
//! stops an independent one. What is judged at each step is the pure half's business
//! ([`kube_rebalancer_core::recheck`]); this module only asks and acts.

mod events;
mod nodes;
mod second_look;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use kube_rebalancer_core::model::{Node, Snapshot};
use kube_rebalancer_core::plan::{Action, Plan};
use kube_rebalancer_core::policy::Policy;

use kube_rebalancer_ports::{Clock, Cluster, GroupAnswer, NodeGroups, NotTried, Outcome, PortError};

/// How many requests are under way at once: enough to cordon a thousand nodes within a minute, few enough to stay far
/// below the API server's fair share for one client.
const PARALLEL: usize = 8;

/// Everything that carrying out a plan needs.
#[derive(Debug)]
pub struct Apply<'a, C, G, T> {
    /// What was decided.
    pub plan: &'a Plan,
    /// What it was decided on.
    pub snapshot: &'a Snapshot,
    /// The policy it was decided by.
    pub policy: &'a Policy,
    /// The cluster.
    pub cluster: &'a C,
    /// The cloud, or why nothing is grown and deleted.
    pub groups: Result<&'a G, NotTried>,
    /// The time.
    pub clock: &'a T,
}

/// What came of carrying out a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// One outcome for each action of the plan, in their order.
    pub outcomes: Vec<Outcome>,
    /// What failed beside the actions.
    pub problems: Vec<PortError>,
}

impl Applied {
    /// Whether everything is as the plan wants it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty() && self.outcomes.iter().all(Outcome::is_fine)
    }
}

/// How far a plan has been carried out.
#[derive(Debug, Default)]
struct Progress {
    /// By the action's index.
    outcomes: BTreeMap<usize, Outcome>,
    /// Nodes as the API server returned them with each patch: the freshest that is known of them.
    fresh: BTreeMap<String, Node>,
    problems: Vec<PortError>,
}

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Carries out the plan.
    pub async fn run(&self) -> Applied {
        let mut progress = Progress::default();
        self.each(Action::is_uncordon, &mut progress).await;
        self.grow(&mut progress).await;
        self.each(Action::is_cordon, &mut progress).await;
        self.look_again(&mut progress).await;
        self.each(Action::is_note, &mut progress).await;
        let Progress { mut outcomes, problems, .. } = progress;
        let outcome = |index| outcomes.remove(&index).unwrap_or(Outcome::NotTried(NotTried::Stopped));
        let outcomes: Vec<Outcome> = (0..self.plan.actions.len()).map(outcome).collect();
        self.tell(&outcomes).await;
        Applied { outcomes, problems }
    }

    /// Carries out the actions of one kind side by side; they are on different nodes.
    async fn each(&self, kind: impl Fn(&Action) -> bool, progress: &mut Progress) {
        let actions: Vec<(usize, &Action)> =
            self.plan.actions.iter().enumerate().filter(|(_, action)| kind(action)).collect();
        let mut running = stream::iter(actions)
            .map(|(index, action)| async move { (index, self.on_node(action).await) })
            .buffer_unordered(PARALLEL);
        while let Some((index, result)) = running.next().await {
            let outcome = match result {
                Ok(node) => {
                    progress.fresh.insert(node.name.clone(), node);
                    Outcome::Applied
                }
                Err(outcome) => outcome,
            };
            progress.outcomes.insert(index, outcome);
        }
    }

    /// Grows the groups one after the other: they are few, and each waits for its operation.
    async fn grow(&self, progress: &mut Progress) {
        for (index, action) in self.plan.actions.iter().enumerate() {
            let Action::Grow { group, from, to, .. } = action else { continue };
            let outcome = match (self.groups, group) {
                _ if self.stopped() => Outcome::NotTried(NotTried::Stopped),
                (Ok(groups), Some(group)) => answer(groups.grow(group, *from, *to).await),
                (Ok(_), None) => Outcome::NotTried(NotTried::NoNodeGroup),
                (Err(why), _) => Outcome::NotTried(why),
            };
            progress.outcomes.insert(index, outcome);
        }
    }

    fn indices(&self, kind: impl Fn(&Action) -> bool) -> impl Iterator<Item = usize> {
        self.plan.actions.iter().enumerate().filter(move |(_, action)| kind(action)).map(|(index, _)| index)
    }

    fn stopped(&self) -> bool {
        !self.clock.left().is_positive()
    }

    /// The node that the plan was made on.
    fn planned(&self, name: &str) -> Option<&Node> {
        let nodes = self.snapshot.nodes();
        let index = nodes.binary_search_by(|node| node.name.as_str().cmp(name)).ok()?;
        nodes.get(index)
    }
}

/// What an answer of a node group makes of an action. What has changed since the plan is left to the next run.
fn answer(answer: GroupAnswer) -> Outcome {
    match answer {
        GroupAnswer::Done => Outcome::Applied,
        GroupAnswer::AlreadySo => Outcome::AlreadySo,
        GroupAnswer::Conflict(why) | GroupAnswer::Refused(why) => Outcome::Postponed(why),
        GroupAnswer::Exhausted(why)
        | GroupAnswer::Quota(why)
        | GroupAnswer::Forbidden(why)
        | GroupAnswer::Gone(why)
        | GroupAnswer::Busy(why)
        | GroupAnswer::Failed(why)
        | GroupAnswer::InDoubt(why) => Outcome::Failed(PortError(why)),
    }
}
