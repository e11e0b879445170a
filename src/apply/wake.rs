//! Wakes parked nodes: writes the mark before the request, so that an interrupted run leaves a node that boots or, if it
//! does not, is broken after `BOOT_GRACE`, and a later run wakes the next one.
//!
//! ```text
//!   planned nodes --> mark, ask --> refused? --> mark as parked again --> the next parked node of its list, once more
//!                                                                    \-> none left: a group of its list creates one
//! ```
//!
//! A request without an answer may have succeeded, so it is not repeated elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use kube_rebalancer_core::model::{Ledger, Node, annotation};
use kube_rebalancer_core::plan::{Action, GroupSize, WakeInstead};
use kube_rebalancer_ports::{
    Clock, Cluster, GroupAnswer, NodeGroups, NodePatch, NotTried, Outcome, Substitute,
};

use super::nodes::TRIES;
use super::{Apply, PARALLEL, Progress, answer, in_place, instance};

/// A node to be woken for an action of the plan: its own node, or one in place of it.
#[derive(Debug)]
struct Try {
    index: usize,
    /// The action on the node that is tried.
    action: Action,
}

/// The result of a try.
#[derive(Debug)]
enum Became {
    /// This is the final outcome.
    Settled(Outcome),
    /// The cloud does not wake the node; another may be woken.
    Sleeps(Outcome),
}

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Wakes the nodes of the plan. In place of a node that the cloud does not wake, tries the next one of the action's
    /// list, and then its groups.
    pub(super) async fn wake(&self, progress: &mut Progress) {
        let groups = match self.groups {
            Ok(groups) => groups,
            Err(why) => {
                for index in self.indices(Action::is_wake) {
                    progress.outcomes.entry(index).or_insert(Outcome::NotTried(why));
                }
                return;
            }
        };
        let action = |index| Some(Try { index, action: self.plan.actions.get(index)?.clone() });
        let mut tries: Vec<Try> = self.indices(Action::is_wake).filter_map(action).collect();
        let mut spent: BTreeSet<String> = BTreeSet::new();
        let mut refused: BTreeSet<usize> = BTreeSet::new();
        while !tries.is_empty() {
            for (one, became) in self.try_each(groups, tries, progress).await {
                match became {
                    Became::Settled(outcome) => {
                        refused.remove(&one.index);
                        self.settle(&one, outcome, progress);
                    }
                    Became::Sleeps(outcome) => {
                        progress.outcomes.entry(one.index).or_insert(outcome);
                        refused.insert(one.index);
                    }
                }
            }
            tries = if self.stopped() { Vec::new() } else { self.next_tries(&refused, &mut spent) };
        }
        self.grow_instead(groups, &refused, progress).await;
    }

    /// Records the outcome of a try. An outcome in place of the action's own node includes the reason.
    fn settle(&self, one: &Try, outcome: Outcome, progress: &mut Progress) {
        let own = self.plan.actions.get(one.index).and_then(Action::node);
        let name = one.action.node().unwrap_or_default();
        let outcome = match progress.outcomes.get(&one.index) {
            Some(first) if own != Some(name) => in_place(first, Substitute::Node(name.to_owned()), &outcome),
            _ => outcome,
        };
        progress.outcomes.insert(one.index, outcome);
    }

    /// The next node for each action whose node the cloud did not wake; none is tried twice.
    fn next_tries(&self, refused: &BTreeSet<usize>, spent: &mut BTreeSet<String>) -> Vec<Try> {
        let mut tries = Vec::new();
        for index in refused {
            let Some(Action::Wake { instead, reason, .. }) = self.plan.actions.get(*index) else { continue };
            let Some(node) = instead.nodes.iter().find(|node| !spent.contains(*node)) else { continue };
            spent.insert(node.clone());
            let action =
                Action::Wake { node: node.clone(), instead: WakeInstead::default(), reason: reason.clone() };
            tries.push(Try { index: *index, action });
        }
        tries
    }

    /// Marks the nodes side by side, and asks the cloud for all that are marked.
    async fn try_each(&self, groups: &G, tries: Vec<Try>, progress: &mut Progress) -> Vec<(Try, Became)> {
        let so_far: &Progress = progress;
        let results: Vec<(Try, Result<Node, Outcome>)> = stream::iter(tries)
            .map(|one| async move {
                let marked = self.on_node(&one.action, so_far).await;
                (one, marked)
            })
            .buffered(PARALLEL)
            .collect()
            .await;
        let mut became = Vec::new();
        let mut marked: Vec<(Try, Node)> = Vec::new();
        for (one, result) in results {
            match result {
                Ok(node) => marked.push((one, node)),
                Err(outcome) if self.is_planned(&one) => became.push((one, Became::Settled(outcome))),
                // The node is no longer as planned; the next one may be.
                Err(outcome) => became.push((one, Became::Sleeps(outcome))),
            }
        }
        let stopped = self.stopped();
        let answers = if stopped || marked.is_empty() {
            Vec::new()
        } else {
            let instances: Vec<_> = marked.iter().map(|(_, node)| instance(node)).collect();
            groups.wake(&instances).await
        };
        let mut answers = answers.into_iter();
        for (one, node) in marked {
            progress.fresh.insert(node.name.clone(), node.clone());
            let ended = match answers.next() {
                // Somebody else started its machine, or its kubelet only says that it is parked. Its mark stays: it boots, or
                // is broken after `BOOT_GRACE`.
                Some(GroupAnswer::AlreadySo) if node.ready.is_none_or(|ready| !ready.ready) => {
                    Became::Sleeps(Outcome::Postponed(
                        "its machine runs already, and the node is not Ready".to_owned(),
                    ))
                }
                Some(said @ (GroupAnswer::Done | GroupAnswer::AlreadySo | GroupAnswer::InDoubt(_))) => {
                    Became::Settled(answer(said))
                }
                said => {
                    self.park_again(&node, progress).await;
                    match said {
                        Some(said) => Became::Sleeps(answer(said)),
                        None if stopped => Became::Settled(Outcome::NotTried(NotTried::Stopped)),
                        None => Became::Sleeps(answer(GroupAnswer::Failed(format!(
                            "the cloud did not answer for node {}",
                            node.name
                        )))),
                    }
                }
            };
            became.push((one, ended));
        }
        became
    }

    fn is_planned(&self, one: &Try) -> bool {
        self.plan.actions.get(one.index).and_then(Action::node) == one.action.node()
    }

    /// Lets groups create nodes if no parked node is woken: one request for all actions with the same list.
    async fn grow_instead(&self, groups: &G, refused: &BTreeSet<usize>, progress: &mut Progress) {
        let mut by_list: Vec<(&[GroupSize], Vec<usize>)> = Vec::new();
        for index in refused {
            let Some(Action::Wake { instead, .. }) = self.plan.actions.get(*index) else { continue };
            if instead.groups.is_empty() {
                continue;
            }
            match by_list.iter_mut().find(|(list, _)| *list == instead.groups.as_slice()) {
                Some((_, indices)) => indices.push(*index),
                None => by_list.push((&instead.groups, vec![*index])),
            }
        }
        for (list, indices) in by_list {
            let nodes = u32::try_from(indices.len()).unwrap_or(u32::MAX);
            for other in list {
                if self.stopped() {
                    return;
                }
                let from = other.size.saturating_add(progress.grown.get(&other.group).copied().unwrap_or(0));
                let said = groups.grow(&other.group, from, from.saturating_add(nodes)).await;
                let next = said.tries_another_group();
                if said == GroupAnswer::Done {
                    *progress.grown.entry(other.group.clone()).or_default() += nodes;
                }
                let outcome = answer(said);
                for index in &indices {
                    let by = Substitute::Group(other.group.clone());
                    if let Some(first) = progress.outcomes.get_mut(index).filter(|_| !next) {
                        *first = in_place(first, by, &outcome);
                    }
                }
                if !next {
                    break;
                }
            }
        }
    }

    /// Records the nodes that were created for waiting pods in place of a parked one.
    pub(super) fn note_created(&self, progress: &Progress, ledger: &mut Ledger) {
        let mut noted: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for (index, action) in self.plan.actions.iter().enumerate() {
            let Action::Wake { instead, .. } = action else { continue };
            let Some(Outcome::Instead { by: Substitute::Group(group), .. }) = progress.outcomes.get(&index)
            else {
                continue;
            };
            for uid in &instead.pods {
                *noted.entry((uid, group)).or_default() += 1;
            }
        }
        for ((uid, group), nodes) in noted {
            self.created_by(group, [(uid.to_owned(), nodes)], ledger);
        }
    }

    /// Replaces the mark of waking by the mark of parking. If that fails, the node is broken after `BOOT_GRACE`, and a
    /// later run wakes another one.
    async fn park_again(&self, node: &Node, progress: &mut Progress) {
        let woken = |node: &Node| node.annotations.get(annotation::WOKEN_AT).cloned();
        let is_ours = |now: &Node| {
            if now.uid == node.uid && woken(now) == woken(node) { Ok(()) } else { Err(Outcome::AlreadySo) }
        };
        let stamp = Some(format!("{:.0}", self.clock.now()));
        let patch = |_: &Node| NodePatch {
            annotations: [(annotation::WOKEN_AT, None), (annotation::PARKED_AT, stamp.clone())].into(),
            ..NodePatch::default()
        };
        match self.patch_judged(node, TRIES, is_ours, patch).await {
            Ok(node) => drop(progress.fresh.insert(node.name.clone(), node)),
            Err(Outcome::Failed(error)) => {
                log::warn!("node {} is still annotated as woken, but was not woken: {error}", node.name);
            }
            Err(_) => {}
        }
    }
}
