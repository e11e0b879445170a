//! Deletions, and undoing of cordons: all actions that are judged by the second list of pods.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kube_rebalancer_core::check;
use kube_rebalancer_core::model::{Node, Snapshot, StoredVolumes, annotation};
use kube_rebalancer_core::plan::{Action, ActionKind};
use kube_rebalancer_core::recheck::{self, SecondLook, Stale};
use kube_rebalancer_ports::{Clock, Cluster, GroupAnswer, NodeGroups, NotTried, Outcome, PortError};

use super::nodes::{TAKE_BACK_TRIES, TRIES, judged, no_claim, not_parked};
use super::{Apply, Progress, answer, instance};

/// Maximum number of tries of a deletion while the cloud is busy.
const DELETE_TRIES: usize = 3;

/// The pause before the next try with a busy cloud.
const PAUSE: Duration = Duration::from_secs(2);

/// A deletion in progress: the action's index, and the node as it was claimed.
type Claimed = (usize, Node);

/// Deletions that may have been carried out although no answer came, by the action's index, with the message of that try.
/// Such a node keeps its claim in any case: no pod must be bound to it.
type InDoubt = BTreeMap<usize, String>;

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Claims the nodes to delete, lists all pods once more, undoes cordons of nodes that got a critical pod in the
    /// meantime, and deletes the nodes that are still empty.
    pub(super) async fn look_again(&self, progress: &mut Progress) {
        match self.groups {
            Ok(_) => self.each(Action::gives_back, progress).await,
            Err(why) => {
                for index in self.indices(Action::gives_back) {
                    progress.outcomes.entry(index).or_insert(Outcome::NotTried(why));
                }
            }
        }
        // A failed request may still have taken effect, if its answer was lost.
        let was_sent = |outcome: &Outcome| matches!(outcome, Outcome::Applied | Outcome::Failed(_));
        let cordoned = self.indices_by_outcome(Action::is_cordon, was_sent, progress);
        let claimed =
            self.indices_by_outcome(Action::gives_back, |outcome| *outcome == Outcome::Applied, progress);
        let node = |index: &usize| Some((*index, self.node_of(*index, progress)?.clone()));
        let claimed: Vec<Claimed> = claimed.iter().filter_map(node).collect();
        if cordoned.is_empty() && claimed.is_empty() {
            return;
        }
        let second = match self.listed_again(progress).await {
            Ok(listed) => {
                // No volume and no node is read before this.
                if !cordoned.is_empty() {
                    self.take_back(&cordoned, &SecondLook::new(&listed, self.policy), progress).await;
                }
                self.with_volumes(listed, &claimed, progress).await
            }
            Err(error) => {
                // A critical pod may be on one of the cordoned nodes; the next run sees it. The exit code shows the
                // failure.
                progress.problems.push(error);
                for (index, _) in claimed {
                    self.drop_claim(index, Outcome::NotTried(NotTried::NoSecondLook), progress).await;
                }
                return;
            }
        };
        self.delete(claimed, second, progress).await;
    }

    /// The second snapshot for deletions.
    async fn second_with_volumes(
        &self,
        claimed: &[Claimed],
        progress: &mut Progress,
    ) -> Result<Snapshot, PortError> {
        let listed = self.listed_again(progress).await?;
        Ok(self.with_volumes(listed, claimed, progress).await)
    }

    /// The second snapshot without new volumes.
    pub(super) async fn second_snapshot(
        &self,
        claimed: &[Claimed],
        progress: &mut Progress,
    ) -> Result<Snapshot, PortError> {
        let listed = self.listed_again(progress).await?;
        let stored = self.snapshot.stored_volumes().clone();
        Ok(self.read_again(listed, claimed, progress).await.with_stored_volumes(stored))
    }

    /// Every pod, and the nodes after our own patches.
    ///
    /// The moment is the one before the list: a pod that it does not show may have come at any time after that.
    async fn listed_again(&self, progress: &Progress) -> Result<Snapshot, PortError> {
        let looked_at = self.clock.now();
        let list = self.cluster.pods().await?;
        let seen = self.snapshot.with_nodes(|node| progress.fresh.get(&node.name));
        let (nodes, groups) = (seen.nodes().to_vec(), self.snapshot.groups().to_vec());
        let second = Snapshot::new(looked_at, nodes, list.pods, groups, list.seen)
            .map_err(|error| PortError(format!("the second list of pods is not one cluster: {error}")))?;
        if second.pods_seen() == 0 {
            return Err(PortError("the second list shows not one pod: it proves nothing".to_owned()));
        }
        if let Some(vanished) = recheck::vanished(self.snapshot, &second) {
            return Err(PortError(vanished.to_string()));
        }
        let second = second.with_volumes(self.snapshot.volumes().clone());
        Ok(second.with_ledger(self.snapshot.ledger().cloned()))
    }

    /// The same pods with the stored volumes of now: a user who came and went since the plan was made may have left a home on
    /// a claimed node. They are listed after the pods and before the nodes are read.
    async fn with_volumes(&self, listed: Snapshot, claimed: &[Claimed], progress: &mut Progress) -> Snapshot {
        let planned = self.snapshot.stored_volumes();
        let stored = if claimed.is_empty() || **planned == StoredVolumes::NotListed {
            planned.clone()
        } else {
            self.cluster.volumes_again(listed.nodes()).await.into()
        };
        self.read_again(listed, claimed, progress).await.with_stored_volumes(stored)
    }

    /// The same pods with the claimed nodes read once more, after every list, so that an uncordon during a list is seen.
    async fn read_again(&self, listed: Snapshot, claimed: &[Claimed], progress: &mut Progress) -> Snapshot {
        let mut gone = BTreeSet::new();
        progress.unread.clear();
        for (_, node) in claimed {
            match self.cluster.node(&node.name).await {
                Ok(Some(now)) => drop(progress.fresh.insert(node.name.clone(), now)),
                Ok(None) => drop(gone.insert(node.name.clone())),
                // One node that cannot be read keeps its machine, and stops nothing else.
                Err(error) => {
                    progress.problems.push(error);
                    progress.unread.insert(node.name.clone());
                }
            }
        }
        listed.with_nodes(|node| progress.fresh.get(&node.name)).without_nodes(&gone)
    }

    /// Uncordons nodes that got a critical pod before the scheduler saw their cordon. This belongs to the cordon: a run
    /// that received a signal to stop still does it.
    async fn take_back(&self, cordoned: &[usize], look: &SecondLook<'_>, progress: &mut Progress) {
        for &index in cordoned {
            let Some(name) = self.plan.actions.get(index).and_then(Action::node) else { continue };
            let Some(pod) = look.critical_pod(name) else { continue };
            let node = match progress.fresh.get(name) {
                Some(node) => Ok(Some(node.clone())),
                None => self.cluster.node(name).await,
            };
            // The node is gone or cannot be read: the cordon's own failure remains the outcome.
            let Ok(Some(node)) = node else { continue };
            let is_returning = progress.returning.contains_key(name);
            let uncordon = |now: &Node| self.no_marks_but_waking(now, Some(false), is_returning);
            let judge = |now: &Node| judged(recheck::take_back(&node, now));
            let outcome = match self.patch_judged(&node, TAKE_BACK_TRIES, judge, uncordon).await {
                // The cordon was never made: its failure remains the outcome.
                Err(Outcome::AlreadySo) if progress.outcomes.get(&index) != Some(&Outcome::Applied) => {
                    continue;
                }
                Ok(_) | Err(Outcome::AlreadySo) => Outcome::TakenBack { pod },
                Err(Outcome::Failed(error)) => Outcome::Failed(PortError(format!(
                    "it is cordoned, the critical pod {pod} was scheduled on it meanwhile, and undoing the cordon failed: {error}"
                ))),
                Err(outcome) => outcome,
            };
            progress.outcomes.insert(index, outcome);
        }
    }

    /// Deletes claimed nodes, each judged again before every try: by the planner's account and by the checker's own rules.
    async fn delete(&self, mut open: Vec<Claimed>, mut snapshot: Snapshot, progress: &mut Progress) {
        let Ok(groups) = self.groups else { return };
        let mut in_doubt = InDoubt::new();
        for attempt in 1..=DELETE_TRIES {
            let going = self.still_to_delete(open, &snapshot, &in_doubt, progress).await;
            if going.is_empty() {
                return;
            }
            let answers = self.ask(groups, &going).await;
            open = Vec::new();
            for ((index, node), became) in going.into_iter().zip(answers) {
                if let GroupAnswer::InDoubt(words) = &became {
                    in_doubt.insert(index, words.clone());
                }
                if became.may_pass_later() && attempt < DELETE_TRIES && !self.stopped() {
                    open.push((index, node));
                    continue;
                }
                // A node that may be in deletion stays claimed: no other run must uncordon it.
                if matches!(became, GroupAnswer::Done | GroupAnswer::AlreadySo) {
                    progress.outcomes.insert(index, answer(became));
                } else {
                    self.give_up(index, answer(became), &in_doubt, progress).await;
                }
            }
            if open.is_empty() {
                return;
            }
            self.clock.pause(PAUSE).await;
            match self.second_with_volumes(&open, progress).await {
                Ok(now) => snapshot = now,
                Err(error) => {
                    progress.problems.push(error);
                    for (index, _) in std::mem::take(&mut open) {
                        let outcome = Outcome::NotTried(NotTried::NoSecondLook);
                        self.give_up(index, outcome, &in_doubt, progress).await;
                    }
                    return;
                }
            }
        }
    }

    /// The claimed nodes that may still be deleted; drops the claims on the others.
    async fn still_to_delete(
        &self,
        claimed: Vec<Claimed>,
        snapshot: &Snapshot,
        in_doubt: &InDoubt,
        progress: &mut Progress,
    ) -> Vec<Claimed> {
        let look = SecondLook::new(snapshot, self.policy);
        let all: BTreeSet<String> = claimed.iter().map(|(_, node)| node.name.clone()).collect();
        let mut going = Vec::new();
        for (index, node) in claimed {
            let judgement = if self.stopped() {
                Err(Outcome::NotTried(NotTried::Stopped))
            } else if progress.unread.contains(&node.name) {
                Err(Outcome::NotTried(NotTried::NoSecondLook))
            } else {
                let parks = self.parks(index);
                judged(look.delete(&node)).and_then(|()| self.second_keeper(snapshot, &node, &all, parks))
            };
            match judgement {
                Ok(()) => going.push((index, node)),
                Err(outcome) => self.give_up(index, outcome, in_doubt, progress).await,
            }
        }
        going
    }

    /// Ends a deletion that is given up, or whose result is unknown.
    async fn give_up(&self, index: usize, outcome: Outcome, in_doubt: &InDoubt, progress: &mut Progress) {
        match in_doubt.get(&index) {
            // The node is gone, so the deletion was done.
            Some(_) if outcome == Outcome::AlreadySo => {
                progress.outcomes.insert(index, outcome);
            }
            Some(words) => {
                progress.outcomes.insert(index, Outcome::Failed(PortError(words.clone())));
            }
            None => self.drop_claim(index, outcome, progress).await,
        }
    }

    /// Whether an action parks its node in place of deleting it.
    fn parks(&self, index: usize) -> bool {
        self.plan.actions.get(index).is_some_and(|action| action.kind() == ActionKind::Park)
    }

    /// Requests the deletion or parking of nodes; returns the answers.
    async fn ask(&self, groups: &G, going: &[Claimed]) -> Vec<GroupAnswer> {
        let (parked, deleted): (Vec<&Claimed>, Vec<&Claimed>) =
            going.iter().partition(|(index, _)| self.parks(*index));
        let instances = |some: &[&Claimed]| some.iter().map(|(_, node)| instance(node)).collect::<Vec<_>>();
        let mut answers: BTreeMap<usize, GroupAnswer> = BTreeMap::new();
        if !deleted.is_empty() {
            let said = groups.delete(&instances(&deleted)).await;
            answers.extend(deleted.iter().map(|(index, _)| *index).zip(said));
        }
        if !parked.is_empty() {
            let said = groups.park(&instances(&parked)).await;
            answers.extend(parked.iter().map(|(index, _)| *index).zip(said));
        }
        let missing =
            |node: &Node| GroupAnswer::Failed(format!("the cloud did not answer for node {}", node.name));
        going.iter().map(|(index, node)| answers.remove(index).unwrap_or_else(|| missing(node))).collect()
    }

    /// The checker's own judgement of a deletion.
    fn second_keeper(
        &self,
        snapshot: &Snapshot,
        node: &Node,
        going: &BTreeSet<String>,
        parks: bool,
    ) -> Result<(), Outcome> {
        let judge = if parks { check::parking } else { check::deletion };
        match judge(snapshot, self.policy, &node.name, going).first() {
            None => Ok(()),
            Some(violation) => Err(Outcome::Stale(Stale::Refused { why: violation.to_string() })),
        }
    }

    /// Removes the claim of a node at once: otherwise other runs would leave the node alone until the claim expires. A
    /// failure is only logged, because nothing else depends on it.
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
            let (parks, planned) = (self.parks(index), self.planned(&node.name));
            let undo = |now: &Node| if parks { not_parked(now, planned) } else { no_claim(now) };
            match self.patch_judged(&node, TRIES, is_ours, undo).await {
                Ok(node) => {
                    progress.fresh.insert(node.name.clone(), node);
                }
                Err(Outcome::Failed(error)) => {
                    log::warn!("the claim on node {} remains until it expires: {error}", node.name);
                }
                Err(_) => {}
            }
        }
        progress.outcomes.insert(index, outcome);
    }

    /// The actions of one kind with a certain outcome.
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
