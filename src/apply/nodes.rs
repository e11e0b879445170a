//! One action on one node: a patch on the version that it was decided on, judged again after each conflict.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use kube_rebalancer_core::model::{Node, annotation};
use kube_rebalancer_core::plan::{Action, UnmarkReason};
use kube_rebalancer_core::recheck::{self, Judgement, Stale};

use super::Apply;
use kube_rebalancer_ports::{
    Clock, Cluster, NodeGroups, NodePatch, NotTried, Outcome, PatchError, PortError,
};

/// How often a patch is tried on a node that keeps changing. A kubelet writes its status every few seconds at most, so
/// a third conflict in a row is not chance; the next run sees what it was.
pub(super) const TRIES: usize = 3;

/// The same for taking a cordon back: a critical node must not stay cordoned because its kubelet is busy starting the
/// very pod that made it critical.
pub(super) const TAKE_BACK_TRIES: usize = 20;

/// A claim outlasts its run by as long as a request may still be on its way.
const CLAIM_MARGIN: SignedDuration = SignedDuration::from_secs(60);

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Carries out an action on one node; returns the node as it is then.
    pub(super) async fn on_node(&self, action: &Action) -> Result<Node, Outcome> {
        let Some(planned) = action.node().and_then(|name| self.planned(name)) else {
            return Err(Outcome::Stale(Stale::Gone));
        };
        let judge = |now: &Node| {
            if self.stopped() {
                return Err(Outcome::NotTried(NotTried::Stopped));
            }
            judged(self.judge(action, planned, now))
        };
        self.patch_judged(planned, TRIES, judge, || self.patch_for(action)).await
    }

    /// Patches a node on the version it was last seen in. The first try trusts the observation that the plan was made
    /// from: the version says whether it still holds. After a conflict the node is read and judged again.
    pub(super) async fn patch_judged(
        &self,
        seen: &Node,
        tries: usize,
        judge: impl Fn(&Node) -> Result<(), Outcome>,
        patch: impl Fn() -> NodePatch,
    ) -> Result<Node, Outcome> {
        let mut now = seen.clone();
        for _ in 0..tries {
            judge(&now)?;
            let patch = NodePatch { resource_version: now.resource_version.clone(), ..patch() };
            match self.cluster.patch(&seen.name, &patch).await {
                Ok(node) => return Ok(node),
                Err(PatchError::Gone) => return Err(Outcome::Stale(Stale::Gone)),
                Err(PatchError::Failed(error)) => return Err(Outcome::Failed(error)),
                Err(PatchError::Conflict) => match self.cluster.node(&seen.name).await {
                    Ok(Some(node)) => now = node,
                    Ok(None) => return Err(Outcome::Stale(Stale::Gone)),
                    Err(error) => return Err(Outcome::Failed(error)),
                },
            }
        }
        let text = format!("node {} changed {tries} times while it was being patched", seen.name);
        Err(Outcome::Failed(PortError(text)))
    }

    fn judge(&self, action: &Action, planned: &Node, now: &Node) -> Judgement {
        match action {
            Action::Uncordon { .. } => recheck::uncordon(planned, now, self.policy, self.clock.now()),
            Action::Cordon { .. } => recheck::cordon(planned, now, self.policy),
            Action::Delete { .. } => recheck::claim(planned, now, self.policy, self.clock.now()),
            Action::Mark { .. } => recheck::mark(planned, now, self.policy),
            Action::Unmark { reason, .. } => recheck::unmark(planned, now, self.policy, reason),
            Action::Grow { .. } => Judgement::AlreadySo,
        }
    }

    fn patch_for(&self, action: &Action) -> NodePatch {
        let now = self.clock.now();
        let stamp = || Some(format!("{now:.0}"));
        let (unschedulable, annotations) = match action {
            Action::Uncordon { .. } => (Some(false), no_marks()),
            Action::Cordon { .. } => {
                let mut marks = no_marks();
                marks.insert(annotation::CORDONED_AT, stamp());
                (Some(true), marks)
            }
            Action::Delete { .. } => {
                let left = self.clock.left().saturating_add(CLAIM_MARGIN);
                let until = now.checked_add(left).unwrap_or(now);
                (None, BTreeMap::from([(annotation::DELETING_UNTIL, Some(format!("{until:.0}")))]))
            }
            Action::Mark { .. } => (None, BTreeMap::from([(annotation::EMPTY_SINCE, stamp())])),
            Action::Unmark { reason: UnmarkReason::Uncordoned, .. } => (None, no_marks()),
            Action::Unmark { reason: UnmarkReason::Occupied, .. } | Action::Grow { .. } => {
                (None, BTreeMap::from([(annotation::EMPTY_SINCE, None)]))
            }
        };
        NodePatch { resource_version: String::new(), unschedulable, annotations }
    }
}

/// What a judgement other than "go" makes of an action.
pub(super) fn judged(judgement: Judgement) -> Result<(), Outcome> {
    match judgement {
        Judgement::Go => Ok(()),
        Judgement::AlreadySo => Err(Outcome::AlreadySo),
        Judgement::Stale(stale) => Err(Outcome::Stale(stale)),
    }
}

/// Removes every note of ours.
pub(super) fn no_marks() -> BTreeMap<&'static str, Option<String>> {
    [annotation::CORDONED_AT, annotation::EMPTY_SINCE, annotation::DELETING_UNTIL]
        .map(|key| (key, None))
        .into()
}
