//! Deletes Node objects whose machines are gone, each judged again by a second look and a second answer of its provider.
//!
//! ```text
//!   pods listed, nodes read once more --> provider asked again --> judged twice --> Lease still ours? --> this node, in this version
//! ```

use std::collections::BTreeMap;

use kube_rebalancer_core::check;
use kube_rebalancer_core::model::Node;
use kube_rebalancer_core::plan::{Action, ActionKind};
use kube_rebalancer_core::recheck::{SecondLook, Stale};
use kube_rebalancer_ports::{
    Clock, Cluster, NodeGroups, NodeToDelete, NotTried, Outcome, PatchError, PortError,
};

use super::nodes::judged;
use super::{Apply, Progress, instance};

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Deletes the Node objects that the plan names.
    pub(super) async fn delete_objects(&self, progress: &mut Progress) {
        let planned: Vec<(usize, Node)> = self
            .indices(|action| action.kind() == ActionKind::DeleteObject)
            .filter_map(|index| {
                let name = self.plan.actions.get(index).and_then(Action::node)?;
                Some((index, self.planned(name)?.clone()))
            })
            .collect();
        if planned.is_empty() {
            return;
        }
        let all = |outcome: &Outcome, progress: &mut Progress| {
            progress.outcomes.extend(planned.iter().map(|(index, _)| (*index, outcome.clone())));
        };
        let groups = match self.groups {
            Ok(groups) => groups,
            Err(why) => return all(&Outcome::NotTried(why), progress),
        };
        if self.stopped() {
            return all(&Outcome::NotTried(NotTried::Stopped), progress);
        }
        let second = match self.second_snapshot(&planned, progress).await {
            Ok(second) => second,
            Err(error) => {
                progress.problems.push(error);
                return all(&Outcome::NotTried(NotTried::NoSecondLook), progress);
            }
        };
        let instances: Vec<_> = planned.iter().map(|(_, node)| instance(node)).collect();
        let fates = groups.fates(&instances).await;
        let names = planned.iter().map(|(_, node)| node.name.clone());
        let second = second.with_fates(names.zip(fates).collect::<BTreeMap<_, _>>());
        let look = SecondLook::new(&second, self.policy);
        for (index, node) in &planned {
            let refused = |why: &str| Outcome::Stale(Stale::Refused { why: why.to_owned() });
            let checked =
                || check::object(&second, self.policy, &node.name).map_or(Ok(()), |why| Err(refused(why)));
            let outcome = if progress.unread.contains(&node.name) {
                Outcome::NotTried(NotTried::NoSecondLook)
            } else if let Err(outcome) = judged(look.object(node)).and_then(|()| checked()) {
                outcome
            } else {
                let now = second.nodes().iter().find(|one| one.name == node.name);
                self.delete_object(now.unwrap_or(node)).await
            };
            progress.outcomes.insert(*index, outcome);
        }
    }

    /// Deletes one Node object in the version that was judged.
    async fn delete_object(&self, node: &Node) -> Outcome {
        if self.stopped() {
            return Outcome::NotTried(NotTried::Stopped);
        }
        if node.uid.is_empty() || node.resource_version.is_empty() {
            let text =
                format!("node {} has no UID or no version, so nothing proves which one it is", node.name);
            return Outcome::Failed(PortError(text));
        }
        if let Err(outcome) = self.leads().await {
            return outcome;
        }
        let doomed = NodeToDelete {
            name: node.name.clone(),
            uid: node.uid.clone(),
            resource_version: node.resource_version.clone(),
        };
        match self.cluster.delete_node(&doomed).await {
            Ok(()) => Outcome::Applied,
            Err(PatchError::Gone) => Outcome::AlreadySo,
            // Another writer may have had a reason; the next run looks again.
            Err(PatchError::Conflict) => Outcome::Postponed("the node changed meanwhile".to_owned()),
            Err(PatchError::Failed(error)) => Outcome::Failed(error),
        }
    }
}
