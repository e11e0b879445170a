//! Lets the clouds finish what earlier runs began: a machine that runs but is not yet back in its group. It comes before the
//! uncordons, so that no user starts on a machine that its group does not count.
//!
//! ```text
//!   marked as woken, or parked and to be uncordoned --> rejoin --> nothing to finish: the marks may go
//!                                                             \-> anything else: the node keeps, or gets, the mark of a waking
//! ```
//!
//! The mark stays on a node that takes users, too. Then the plan of every run has an action that removes it, so that every run
//! comes here again.

use std::collections::BTreeSet;

use kube_rebalancer_core::model::{Node, Snapshot, annotation};
use kube_rebalancer_core::plan::{Action, is_managed};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{Clock, Cluster, GroupAnswer, InstanceToDelete, NodeGroups, NotTried};

use super::{Apply, Progress, instance};

/// Whether there is a node whose waking may have to be finished, so that a run carries out a plan without actions too.
#[must_use]
pub fn awaits_return(snapshot: &Snapshot, policy: &Policy) -> bool {
    snapshot.nodes().iter().any(|node| is_woken(node) && is_managed(node, policy))
}

fn is_woken(node: &Node) -> bool {
    node.annotations.contains_key(annotation::WOKEN_AT)
}

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Names the nodes to their clouds, and records the ones whose return to service is not proven. A failure is only logged,
    /// because nothing waits for it.
    pub(super) async fn rejoin(&self, progress: &mut Progress) {
        let nodes: Vec<InstanceToDelete> = self.half_woken().map(instance).collect();
        let unproven = |why: &str| nodes.iter().map(|node| (node.node.clone(), why.to_owned())).collect();
        let groups = match self.groups {
            _ if nodes.is_empty() => return,
            Ok(_) if self.stopped() => {
                progress.returning = unproven(&words(&NotTried::Stopped));
                return;
            }
            Ok(groups) => groups,
            // No cloud has anything to finish.
            Err(NotTried::NoNodeGroup) => return,
            Err(why) => {
                progress.returning = unproven(&words(&why));
                return;
            }
        };
        let mut answers = groups.rejoin(&nodes).await.into_iter();
        for node in nodes {
            let name = node.node;
            let why = match answers.next() {
                Some(None) => continue,
                Some(Some(GroupAnswer::Done | GroupAnswer::AlreadySo)) => {
                    log::info!("node {name}: its cloud goes on with the waking that an earlier run began");
                    "its return to service is under way; a later run verifies it".to_owned()
                }
                Some(Some(other)) => {
                    let why = words(&other.words().unwrap_or_default());
                    log::warn!("node {name}: {why}");
                    why
                }
                None => words(&"the cloud did not answer"),
            };
            progress.returning.insert(name, why);
        }
    }

    /// The nodes whose waking may not be finished: the ones with its mark, and of the nodes to uncordon the ones with a mark of
    /// parking.
    fn half_woken(&self) -> impl Iterator<Item = &Node> {
        let uncordons: BTreeSet<&str> = self
            .indices(Action::is_uncordon)
            .filter_map(|index| self.plan.actions.get(index)?.node())
            .collect();
        let is_parked = |node: &Node| node.annotations.contains_key(annotation::PARKED_AT);
        let nodes = self.snapshot.nodes().iter().filter(|node| is_managed(node, self.policy));
        nodes
            .filter(move |node| is_woken(node) || (is_parked(node) && uncordons.contains(node.name.as_str())))
    }
}

fn words(why: &impl std::fmt::Display) -> String {
    format!("its return to service, which an earlier run began, is not finished: {why}")
}
