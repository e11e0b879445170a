//! Deleting, and taking back: everything that is judged on the second list of pods.

use std::collections::BTreeMap;

use kube_rebalancer_core::model::{Node, Snapshot, annotation};
use kube_rebalancer_core::plan::Action;
use kube_rebalancer_core::recheck::{self, SecondLook};

use super::nodes::{TAKE_BACK_TRIES, TRIES, judged, no_marks};
use super::{Apply, Progress, answer};
use kube_rebalancer_ports::{
    Clock, Cluster, GroupAnswer, InstanceToDelete, NodeGroups, NodePatch, NotTried, Outcome, PortError,
};

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Claims what is to be deleted, lists all pods once more, takes back cordons that a critical pod has come under
    /// meanwhile, and deletes what is still empty.
    pub(super) async fn look_again(&self, progress: &mut Progress) {
        match self.groups {
            Ok(_) => self.each(Action::is_delete, progress).await,
            Err(why) => {
                for index in self.indices(Action::is_delete) {
                    progress.outcomes.insert(index, Outcome::NotTried(why));
                }
            }
        }
        // One that failed may have been carried out all the same, if its answer was lost.
        let was_sent = |outcome: &Outcome| matches!(outcome, Outcome::Applied | Outcome::Failed(_));
        let cordoned = self.indices_by_outcome(Action::is_cordon, was_sent, progress);
        let claimed =
            self.indices_by_outcome(Action::is_delete, |outcome| *outcome == Outcome::Applied, progress);
        if cordoned.is_empty() && claimed.is_empty() {
            return;
        }
        match self.second_snapshot(progress).await {
            Ok(snapshot) => {
                let look = SecondLook::new(&snapshot, self.policy);
                self.take_back(&cordoned, &look, progress).await;
                self.delete(&claimed, &look, progress).await;
            }
            Err(error) => {
                // A critical pod may have come under one of the cordons; the next run sees it. The exit code tells.
                progress.problems.push(error);
                for index in claimed {
                    self.drop_claim(index, Outcome::NotTried(NotTried::NoSecondLook), progress).await;
                }
            }
        }
    }

    /// The nodes as they are after our own patches, and every pod.
    async fn second_snapshot(&self, progress: &Progress) -> Result<Snapshot, PortError> {
        // The moment before the list: what it does not show may have come at any time after that.
        let looked_at = self.clock.now();
        let list = self.cluster.pods().await?;
        let fresh = |node: &Node| progress.fresh.get(&node.name).unwrap_or(node).clone();
        let nodes = self.snapshot.nodes().iter().map(fresh).collect();
        let groups = self.snapshot.groups().to_vec();
        Snapshot::new(looked_at, nodes, list.pods, groups, list.seen)
            .map_err(|error| PortError(format!("the second list of pods is not one cluster: {error}")))
    }

    /// Makes nodes schedulable again that got a critical pod before their cordon was seen by the scheduler. This belongs
    /// to the cordon: a run that was told to stop meanwhile still does it.
    async fn take_back(&self, cordoned: &[usize], look: &SecondLook<'_>, progress: &mut Progress) {
        for &index in cordoned {
            let Some(name) = self.plan.actions.get(index).and_then(Action::node) else { continue };
            let Some(pod) = look.critical_pod(name) else { continue };
            let node = match progress.fresh.get(name) {
                Some(node) => Ok(Some(node.clone())),
                None => self.cluster.node(name).await,
            };
            // Not there, or not to be read: the cordon's own failure stands.
            let Ok(Some(node)) = node else { continue };
            let uncordon =
                || NodePatch { unschedulable: Some(false), annotations: no_marks(), ..NodePatch::default() };
            let judge = |now: &Node| judged(recheck::take_back(&node, now));
            let outcome = match self.patch_judged(&node, TAKE_BACK_TRIES, judge, uncordon).await {
                // It never came about: its failure stands.
                Err(Outcome::AlreadySo) if progress.outcomes.get(&index) != Some(&Outcome::Applied) => {
                    continue;
                }
                Ok(_) | Err(Outcome::AlreadySo) => Outcome::TakenBack { pod },
                Err(Outcome::Failed(error)) => Outcome::Failed(PortError(format!(
                    "it is cordoned, the critical pod {pod} had come meanwhile, and taking it back failed: {error}"
                ))),
                Err(outcome) => outcome,
            };
            progress.outcomes.insert(index, outcome);
        }
    }

    async fn delete(&self, claimed: &[usize], look: &SecondLook<'_>, progress: &mut Progress) {
        let mut going = Vec::new();
        for &index in claimed {
            let Some(node) = self.node_of(index, progress).cloned() else { continue };
            let judgement = if self.stopped() {
                Err(Outcome::NotTried(NotTried::Stopped))
            } else {
                judged(look.delete(&node))
            };
            match judgement {
                Ok(()) => going.push((index, node)),
                Err(outcome) => self.drop_claim(index, outcome, progress).await,
            }
        }
        let (Ok(groups), false) = (self.groups, going.is_empty()) else { return };
        let instances: Vec<InstanceToDelete> = going
            .iter()
            .map(|(_, node)| InstanceToDelete {
                node: node.name.clone(),
                provider_id: node.provider_id.clone(),
            })
            .collect();
        let answers = groups.delete(&instances).await;
        for (position, (index, node)) in going.into_iter().enumerate() {
            let missing = || GroupAnswer::Failed(format!("the cloud did not answer for node {}", node.name));
            let became = answers.get(position).cloned().unwrap_or_else(missing);
            // What may be on its way out stays claimed: no other run must uncordon it.
            let may_go = matches!(became, GroupAnswer::InDoubt(_));
            let outcome = answer(became);
            if outcome.is_fine() || may_go {
                progress.outcomes.insert(index, outcome);
            } else {
                self.drop_claim(index, outcome, progress).await;
            }
        }
    }

    /// Gives a claimed node free again, at once: other runs would leave it alone until the claim runs out. Whether that
    /// works changes nothing else, so a failure is only logged.
    async fn drop_claim(&self, index: usize, outcome: Outcome, progress: &mut Progress) {
        if let Some(node) = self.node_of(index, progress).cloned() {
            let claim = |node: &Node| node.annotations.get(annotation::DELETING_UNTIL).cloned();
            let is_ours = |now: &Node| {
                if now.uid == node.uid && claim(now) == claim(&node) {
                    Ok(())
                } else {
                    Err(Outcome::AlreadySo)
                }
            };
            let free = || NodePatch {
                annotations: BTreeMap::from([(annotation::DELETING_UNTIL, None)]),
                ..NodePatch::default()
            };
            match self.patch_judged(&node, TRIES, is_ours, free).await {
                Ok(node) => {
                    progress.fresh.insert(node.name.clone(), node);
                }
                Err(Outcome::Failed(error)) => {
                    log::warn!("the claim on node {} stays until it runs out: {error}", node.name);
                }
                Err(_) => {}
            }
        }
        progress.outcomes.insert(index, outcome);
    }

    /// The actions of one kind that have come to a certain end.
    fn indices_by_outcome(
        &self,
        kind: impl Fn(&Action) -> bool,
        end: impl Fn(&Outcome) -> bool,
        progress: &Progress,
    ) -> Vec<usize> {
        self.indices(kind).filter(|index| progress.outcomes.get(index).is_some_and(&end)).collect()
    }

    /// The node of an action as it was last seen.
    fn node_of<'p>(&self, index: usize, progress: &'p Progress) -> Option<&'p Node> {
        progress.fresh.get(self.plan.actions.get(index)?.node()?)
    }
}
