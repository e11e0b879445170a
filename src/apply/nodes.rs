//! One action on one node: a patch on the version that it was decided on, judged again after each conflict.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use kube_rebalancer_core::model::{Node, Taint, TaintEffect, annotation, taint};
use kube_rebalancer_core::plan::{Action, MarkReason, UnmarkReason};
use kube_rebalancer_core::recheck::{self, Judgement, Stale};

use super::{Apply, Progress};
use kube_rebalancer_ports::{
    Clock, Cluster, NodeGroups, NodePatch, NotTried, Outcome, PatchError, PortError,
};

/// Maximum number of tries of a patch on a node that keeps changing. A kubelet writes its status every few seconds at most,
/// so a third conflict in a row is not chance; the next run sees its cause.
pub(super) const TRIES: usize = 3;

/// The same for taking a cordon back: a critical node must not stay cordoned because its kubelet is busy starting the
/// very pod that made it critical.
pub(super) const TAKE_BACK_TRIES: usize = 20;

/// The time by which a claim outlasts its run, because a request may still be in flight.
const CLAIM_MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// Maximum duration of a claim, whatever `RUN_TIMEOUT` is. One of more than a day would not count.
const LONGEST_CLAIM: SignedDuration = SignedDuration::from_hours(23);

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Carries out an action on one node; returns the new state of the node.
    pub(super) async fn on_node(&self, action: &Action, so_far: &Progress) -> Result<Node, Outcome> {
        let Some(planned) = action.node().and_then(|name| self.planned(name)) else {
            return Err(Outcome::Stale(Stale::Gone));
        };
        let returning = so_far.returning.get(&planned.name);
        let judge = |now: &Node| {
            if self.stopped() {
                return Err(Outcome::NotTried(NotTried::Stopped));
            }
            judged(self.judge(action, planned, now))?;
            match (action, returning) {
                (Action::Unmark { reason: UnmarkReason::Uncordoned, .. }, Some(why))
                    if is_only_woken(now) =>
                {
                    Err(Outcome::Postponed(why.clone()))
                }
                _ => Ok(()),
            }
        };
        let patch = |now: &Node| self.patch_for(action, now, returning.is_some());
        // As an earlier patch of this run returned it.
        let seen = so_far.fresh.get(&planned.name).unwrap_or(planned);
        self.patch_judged(seen, TRIES, judge, patch).await
    }

    /// Patches a node on the version that was last seen. The first try relies on the plan's observation: the version shows
    /// whether it is still valid. After a conflict the node is read and judged again.
    pub(super) async fn patch_judged(
        &self,
        seen: &Node,
        tries: usize,
        judge: impl Fn(&Node) -> Result<(), Outcome>,
        patch: impl Fn(&Node) -> NodePatch,
    ) -> Result<Node, Outcome> {
        let mut now = seen.clone();
        for _ in 0..tries {
            judge(&now)?;
            let patch = NodePatch { resource_version: now.resource_version.clone(), ..patch(&now) };
            match self.cluster.patch(&seen.name, &patch).await {
                Ok(node) if node.name == seen.name && node.uid == now.uid => return Ok(node),
                Ok(node) => {
                    let (name, uid) = (&node.name, &node.uid);
                    let text =
                        format!("the answer to the patch of node {} is about {name} ({uid})", seen.name);
                    return Err(Outcome::Failed(PortError(text)));
                }
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
        let time = self.clock.now();
        match action {
            Action::Uncordon { .. } => recheck::uncordon(planned, now, self.policy, time),
            Action::Cordon { .. } => recheck::cordon(planned, now, self.policy, time),
            Action::Delete { .. } | Action::Park { .. } => recheck::claim(planned, now, self.policy, time),
            Action::Wake { .. } => recheck::wake(planned, now, self.policy, time),
            Action::Mark { reason: MarkReason::Empty, .. } => recheck::mark(planned, now, self.policy, time),
            Action::Mark { reason: MarkReason::MachineGone, .. } => {
                recheck::mark_gone(planned, now, self.policy, time)
            }
            Action::Unmark { reason, .. } => recheck::unmark(planned, now, self.policy, reason, time),
            Action::Steer { .. } => recheck::steer(planned, now, self.policy, time),
            Action::Unsteer { .. } => recheck::unsteer(planned, now, self.policy, time),
            Action::Grow { .. }
            | Action::DeleteInstance { .. }
            | Action::DeleteObject { .. }
            | Action::Evict { .. } => Judgement::AlreadySo,
        }
    }

    /// The patch for an action. `is_returning`: the node's return to service is not proven.
    fn patch_for(&self, action: &Action, node: &Node, is_returning: bool) -> NodePatch {
        let now = self.clock.now();
        let stamp = || Some(format!("{now:.0}"));
        match action {
            Action::Uncordon { .. } => self.no_marks_but_waking(node, Some(false), is_returning),
            Action::Cordon { .. } => {
                let mut patch = self.no_marks_but_waking(node, Some(true), is_returning);
                patch.annotations.insert(annotation::CORDONED_AT, stamp());
                patch.taints = without(node, |one| is_claims(one) || fills_last(one));
                patch
            }
            Action::Delete { .. } => {
                let mut patch = claim(node, self.claimed_until());
                patch.annotations.extend(no_gone_notes(node));
                if self.policy.delete_node_objects {
                    patch.annotations.insert(annotation::DELETION_ASKED, node.machine());
                }
                patch
            }
            // The mark is written before the request: if the run dies between them, another run judges the node by the mark.
            Action::Park { .. } => {
                let mut patch = claim(node, self.claimed_until());
                patch.annotations.extend([(annotation::PARKED_AT, stamp()), (annotation::WOKEN_AT, None)]);
                patch.annotations.extend(no_gone_notes(node));
                patch
            }
            Action::Wake { .. } => {
                let mut patch = no_claim(node);
                patch.annotations.extend([(annotation::PARKED_AT, None), (annotation::WOKEN_AT, stamp())]);
                patch
            }
            Action::Mark { reason: MarkReason::Empty, .. } => one(annotation::EMPTY_SINCE, stamp()),
            Action::Mark { reason: MarkReason::MachineGone, .. } => NodePatch {
                annotations: [(annotation::GONE_SINCE, stamp()), (annotation::GONE_MACHINE, node.machine())]
                    .into(),
                ..NodePatch::default()
            },
            Action::Unmark { reason: UnmarkReason::Uncordoned, .. } => {
                self.no_marks_but_waking(node, None, is_returning)
            }
            // The note on the requested deletion stays: by it a later run knows that this program gave the machine back.
            Action::Unmark { reason: UnmarkReason::ClaimOver, .. } => claim_over(node),
            Action::Unmark { reason: UnmarkReason::NotProvenGone { .. }, .. } => NodePatch {
                annotations: BTreeMap::from([
                    (annotation::GONE_SINCE, None),
                    (annotation::GONE_MACHINE, None),
                ]),
                ..NodePatch::default()
            },
            Action::Unmark { reason: UnmarkReason::NotGivenBack { .. }, .. } => {
                NodePatch { annotations: no_gone_notes(node).collect(), ..NodePatch::default() }
            }
            Action::Steer { .. } => steered(node),
            Action::Unsteer { .. } => NodePatch { taints: without(node, fills_last), ..NodePatch::default() },
            Action::Unmark { reason: UnmarkReason::Occupied, .. } => one(annotation::EMPTY_SINCE, None),
            // These change no node.
            Action::Grow { .. }
            | Action::Evict { .. }
            | Action::DeleteObject { .. }
            | Action::DeleteInstance { .. } => NodePatch::default(),
        }
    }
}

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Removes every note of ours as [`no_marks`]; with `is_returning` the mark of the waking stays, or replaces the mark of a
    /// parking: by it a later run finishes the return to service.
    pub(super) fn no_marks_but_waking(
        &self,
        node: &Node,
        unschedulable: Option<bool>,
        is_returning: bool,
    ) -> NodePatch {
        let mut patch = no_marks(node, unschedulable);
        if is_returning && patch.annotations.remove(annotation::WOKEN_AT).is_none() {
            patch.annotations.insert(annotation::WOKEN_AT, Some(format!("{:.0}", self.clock.now())));
        }
        patch
    }

    fn claimed_until(&self) -> String {
        let left = self.clock.left().saturating_add(CLAIM_MARGIN).min(LONGEST_CLAIM);
        let now = self.clock.now();
        let until = now.checked_add(left).unwrap_or(now);
        format!("{until:.0}")
    }
}

/// The outcome of an action for each judgement other than "go".
pub(super) fn judged(judgement: Judgement) -> Result<(), Outcome> {
    match judgement {
        Judgement::Go => Ok(()),
        Judgement::AlreadySo => Err(Outcome::AlreadySo),
        Judgement::Stale(stale) => Err(Outcome::Stale(stale)),
    }
}

/// Writes or removes one note.
fn one(key: &'static str, value: Option<String>) -> NodePatch {
    NodePatch { annotations: BTreeMap::from([(key, value)]), ..NodePatch::default() }
}

/// Claims a node for a deletion: the annotation, and the taint that `kubectl uncordon` does not remove.
fn claim(node: &Node, until: String) -> NodePatch {
    let taints = Some(with(node, is_claims, taint::DELETING, TaintEffect::NoSchedule));
    NodePatch { taints, ..one(annotation::DELETING_UNTIL, Some(until)) }
}

/// Removes a claim, annotation and taint together, with the note on the deletion: it was not requested, or is no longer
/// wanted.
pub(super) fn no_claim(node: &Node) -> NodePatch {
    let mut patch = claim_over(node);
    patch.annotations.extend(no_gone_notes(node));
    patch
}

/// Removes an expired claim, annotation and taint together.
fn claim_over(node: &Node) -> NodePatch {
    NodePatch { taints: without(node, is_claims), ..one(annotation::DELETING_UNTIL, None) }
}

/// The removal of the notes for the deletion of a Node object, as far as the node carries them.
fn no_gone_notes(node: &Node) -> impl Iterator<Item = (&'static str, Option<String>)> {
    let notes = [annotation::DELETION_ASKED, annotation::GONE_SINCE, annotation::GONE_MACHINE];
    notes.into_iter().filter(|key| node.annotations.contains_key(*key)).map(|key| (key, None))
}

/// Makes the scheduler fill a node last.
fn steered(node: &Node) -> NodePatch {
    let taints = Some(with(node, fills_last, taint::FILL_LAST, TaintEffect::PreferNoSchedule));
    NodePatch { taints, ..NodePatch::default() }
}

/// Ends the parking of a node that does not park: removes claim and mark together. The marks of an earlier parking or
/// waking, which `planned` has, are put back: its machine may be between two steps.
pub(super) fn not_parked(node: &Node, planned: Option<&Node>) -> NodePatch {
    let mut patch = no_claim(node);
    patch.annotations.insert(annotation::PARKED_AT, None);
    for key in [annotation::PARKED_AT, annotation::WOKEN_AT] {
        if let Some(earlier) = planned.and_then(|node| node.annotations.get(key)) {
            patch.annotations.insert(key, Some(earlier.clone()));
        }
    }
    patch
}

/// Whether the mark of a waking is the only note of ours on a node.
fn is_only_woken(node: &Node) -> bool {
    let others = annotation::NOTES.into_iter().chain([annotation::DELETING_UNTIL]);
    others.filter(|key| *key != annotation::WOKEN_AT).all(|key| !node.annotations.contains_key(key))
        && !node.taints.iter().any(is_claims)
}

/// Removes every note of ours, a claim included, and sets whether the node is schedulable.
fn no_marks(node: &Node, unschedulable: Option<bool>) -> NodePatch {
    let marks = [annotation::CORDONED_AT, annotation::EMPTY_SINCE, annotation::DELETING_UNTIL];
    // A patch removes the rarer notes only where the node carries them.
    let is_carried = |key: &&str| !marks.contains(key) && node.annotations.contains_key(*key);
    let others = annotation::NOTES.into_iter().filter(is_carried);
    NodePatch {
        unschedulable,
        annotations: marks.into_iter().chain(others).map(|key| (key, None)).collect(),
        taints: without(node, is_claims),
        ..NodePatch::default()
    }
}

/// Whether a taint is a claim's.
fn is_claims(one: &Taint) -> bool {
    one.key == taint::DELETING
}

/// Whether a taint makes the scheduler fill a node last.
fn fills_last(one: &Taint) -> bool {
    one.key == taint::FILL_LAST && one.effect == TaintEffect::PreferNoSchedule
}

/// The taints of a node without some of ours; `None` where it carries none of them, so that the patch leaves the list alone.
fn without(node: &Node, ours: impl Fn(&Taint) -> bool) -> Option<Vec<Taint>> {
    node.taints.iter().any(&ours).then(|| node.taints.iter().filter(|one| !ours(one)).cloned().collect())
}

/// The taints of a node with a new one of ours instead of its existing ones of ours. All other taints stay unchanged.
fn with(node: &Node, ours: impl Fn(&Taint) -> bool, key: &str, effect: TaintEffect) -> Vec<Taint> {
    let mut taints: Vec<Taint> = node.taints.iter().filter(|one| !ours(one)).cloned().collect();
    taints.push(Taint { key: key.to_owned(), value: String::new(), effect, added_at: None });
    taints
}
