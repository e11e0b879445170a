//! Carries out a plan in its order, and judges each action again right before it.
//!
//! ```text
//!   finish wakings of earlier runs
//!     -> uncordon -> what relies on a missing uncordon is blocked -> wake (or in its place) -> grow -> cordon -> claim what is to go
//!                                     |
//!                        every pod listed once more
//!                                     |
//!        take back cordons under critical pods -> delete or park, or drop the claim -> evict -> delete Node objects -> notes
//! ```
//!
//! Capacity is added first, so an interrupted run leaves too much room, never too little. A failed action never stops an
//! independent one. [`kube_rebalancer_core::recheck`] makes the judgements; this crate only makes the requests.

mod events;
mod evict;
mod grow;
mod nodes;
mod objects;
mod rejoin;
mod second_look;
#[cfg(test)]
mod tests;
mod wake;

pub use rejoin::awaits_return;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use kube_rebalancer_core::dependence;
use kube_rebalancer_core::model::{Node, Snapshot};
use kube_rebalancer_core::plan::{Action, Plan};
use kube_rebalancer_core::policy::Policy;

use kube_rebalancer_ports::{
    Clock, Cluster, GroupAnswer, InstanceToDelete, NodeGroups, NotTried, Outcome, PortError, Substitute,
};

/// Maximum number of concurrent requests: enough to cordon a thousand nodes within a minute, few enough to stay far below the
/// API server's fair share for one client.
const PARALLEL: usize = 8;

/// The input for carrying out a plan.
#[derive(Debug)]
pub struct Apply<'a, C, G, T> {
    /// The plan.
    pub plan: &'a Plan,
    /// The snapshot that the plan was made from.
    pub snapshot: &'a Snapshot,
    /// The policy of the plan.
    pub policy: &'a Policy,
    /// The cluster.
    pub cluster: &'a C,
    /// The cloud, or the reason why groups and instances do not change.
    pub groups: Result<&'a G, NotTried>,
    /// The time.
    pub clock: &'a T,
}

/// The result of carrying out a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// One outcome for each action of the plan, in their order.
    pub outcomes: Vec<Outcome>,
    /// The failures apart from actions.
    pub problems: Vec<PortError>,
}

impl Applied {
    /// Whether everything is as the plan wants it.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.problems.is_empty() && self.outcomes.iter().all(Outcome::is_fine)
    }
}

/// The progress of carrying out a plan.
#[derive(Debug, Default)]
struct Progress {
    /// The outcomes by the action's index.
    outcomes: BTreeMap<usize, Outcome>,
    /// Nodes as the API server returned them with each patch: their latest known state.
    fresh: BTreeMap<String, Node>,
    /// The claimed nodes that the last look could not read.
    unread: BTreeSet<String>,
    /// The nodes whose return to service is not proven, and why.
    returning: BTreeMap<String, String>,
    /// The number of nodes that each group creates in place of parked nodes or of another group.
    grown: BTreeMap<String, u32>,
    problems: Vec<PortError>,
}

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Carries out the plan.
    pub async fn run(&self) -> Applied {
        let mut progress = Progress::default();
        self.rejoin(&mut progress).await;
        self.each(Action::is_uncordon, &mut progress).await;
        self.block(&mut progress);
        self.wake(&mut progress).await;
        self.grow(&mut progress).await;
        self.remember(&progress).await;
        self.each(Action::is_cordon, &mut progress).await;
        self.look_again(&mut progress).await;
        self.delete_instances(&mut progress).await;
        self.evict(&mut progress).await;
        self.delete_objects(&mut progress).await;
        self.each(Action::is_note, &mut progress).await;
        let Progress { mut outcomes, problems, .. } = progress;
        let outcome = |index| outcomes.remove(&index).unwrap_or(Outcome::NotTried(NotTried::Stopped));
        let outcomes: Vec<Outcome> = (0..self.plan.actions.len()).map(outcome).collect();
        self.tell(&outcomes).await;
        self.notify(&outcomes).await;
        Applied { outcomes, problems }
    }

    /// Carries out the actions of one kind side by side; they are on different nodes.
    async fn each(&self, kind: impl Fn(&Action) -> bool, progress: &mut Progress) {
        let open = |index: &usize| !progress.outcomes.contains_key(index);
        let actions: Vec<(usize, &Action)> = self
            .plan
            .actions
            .iter()
            .enumerate()
            .filter(|(index, action)| kind(action) && open(index))
            .collect();
        let so_far: &Progress = progress;
        let results: Vec<_> = stream::iter(actions)
            .map(|(index, action)| async move { (index, self.on_node(action, so_far).await) })
            .buffer_unordered(PARALLEL)
            .collect()
            .await;
        for (index, result) in results {
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

    /// Determines which cordons and deletions are not tried because an uncordon that they rely on was not done.
    fn block(&self, progress: &mut Progress) {
        let missing: BTreeSet<String> = self
            .indices(Action::is_uncordon)
            .filter(|index| !progress.outcomes.get(index).is_some_and(Outcome::is_done))
            .filter_map(|index| Some(self.plan.actions.get(index)?.node()?.to_owned()))
            .collect();
        if missing.is_empty() {
            return;
        }
        let now = self.snapshot.with_nodes(|node| progress.fresh.get(&node.name));
        for (index, uncordon) in dependence::blocked(self.plan, &now, self.policy, &missing) {
            progress.outcomes.insert(index, Outcome::Blocked { uncordon });
        }
    }

    /// Deletes instances that never became a node.
    async fn delete_instances(&self, progress: &mut Progress) {
        for (index, action) in self.plan.actions.iter().enumerate() {
            let Action::DeleteInstance { group, instance, .. } = action else { continue };
            let outcome = match self.groups {
                _ if self.stopped() => Outcome::NotTried(NotTried::Stopped),
                Ok(groups) => match self.nodes_now().await {
                    Ok(nodes) => answer(groups.delete_instance(group, instance, &nodes).await),
                    Err(error) => {
                        progress.problems.push(error);
                        Outcome::NotTried(NotTried::NoSecondLook)
                    }
                },
                Err(why) => Outcome::NotTried(why),
            };
            progress.outcomes.insert(index, outcome);
        }
    }

    /// Lists all nodes again: since the plan was made, an instance that never registered may have become a node with a user.
    async fn nodes_now(&self) -> Result<Vec<Node>, PortError> {
        let nodes = self.cluster.nodes().await?;
        let (before, now) = (self.snapshot.nodes().len(), nodes.len());
        if now.saturating_mul(2) < before {
            let text = format!("the second list of nodes has {now} of {before} nodes: it proves nothing");
            return Err(PortError(text));
        }
        Ok(nodes)
    }

    fn indices(&self, kind: impl Fn(&Action) -> bool) -> impl Iterator<Item = usize> {
        self.plan.actions.iter().enumerate().filter(move |(_, action)| kind(action)).map(|(index, _)| index)
    }

    fn stopped(&self) -> bool {
        !self.clock.left().is_positive()
    }

    /// The node as the plan saw it.
    fn planned(&self, name: &str) -> Option<&Node> {
        let nodes = self.snapshot.nodes();
        let index = nodes.binary_search_by(|node| node.name.as_str().cmp(name)).ok()?;
        nodes.get(index)
    }
}

/// The instance of a node, by its identifiers.
fn instance(node: &Node) -> InstanceToDelete {
    InstanceToDelete {
        node: node.name.clone(),
        provider_id: node.provider_id.clone(),
        system_uuid: node.system_uuid.clone(),
    }
}

/// The outcome of an action by the answer of its node group. An action whose group has changed since the plan is left to the
/// next run.
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

/// The outcome of an action with a substitute, after the action's own outcome.
fn in_place(first: &Outcome, by: Substitute, outcome: &Outcome) -> Outcome {
    let why = first.message();
    let name = match (&by, outcome) {
        // Another client has grown it: the next run counts these nodes as coming.
        (Substitute::Group(name), Outcome::AlreadySo) => {
            return Outcome::Postponed(format!("{why}; node group {name} has grown meanwhile"));
        }
        (_, outcome) if outcome.is_done() => return Outcome::Instead { by, why },
        (Substitute::Node(name), _) => format!("node {name}"),
        (Substitute::Group(name), _) => format!("node group {name}"),
    };
    Outcome::Failed(PortError(format!("{why}; in place of it, {name}: {}", outcome.message())))
}
