//! Wakes parked nodes: the mark goes first, then the request, so that a run that dies between them leaves a node that boots
//! or, if it does not, is broken after `BOOT_GRACE`, and the next one is taken.

use kube_rebalancer_core::model::{Node, annotation};
use kube_rebalancer_core::plan::Action;
use kube_rebalancer_ports::{Clock, Cluster, GroupAnswer, NodeGroups, NodePatch, NotTried, Outcome};

use super::nodes::TRIES;
use super::{Apply, Progress, answer, instance};

impl<C: Cluster, G: NodeGroups, T: Clock> Apply<'_, C, G, T> {
    /// Marks what is to be woken and asks for it. Where the cloud refuses, the node is marked as parked again, behind the
    /// others, so that the next run takes another one.
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
        self.each(Action::is_wake, progress).await;
        let marked: Vec<(usize, Node)> = self
            .indices(Action::is_wake)
            .filter(|index| progress.outcomes.get(index) == Some(&Outcome::Applied))
            .filter_map(|index| {
                let name = self.plan.actions.get(index)?.node()?;
                Some((index, progress.fresh.get(name)?.clone()))
            })
            .collect();
        if marked.is_empty() {
            return;
        }
        let stopped = self.stopped();
        let answers = if stopped {
            Vec::new()
        } else {
            let instances: Vec<_> = marked.iter().map(|(_, node)| instance(node)).collect();
            groups.wake(&instances).await
        };
        let mut answers = answers.into_iter();
        for (index, node) in marked {
            let became = answers.next();
            let sleeps =
                !matches!(became, Some(GroupAnswer::Done | GroupAnswer::AlreadySo | GroupAnswer::InDoubt(_)));
            let outcome = match became {
                Some(became) => answer(became),
                None if stopped => Outcome::NotTried(NotTried::Stopped),
                None => {
                    answer(GroupAnswer::Failed(format!("the cloud did not answer for node {}", node.name)))
                }
            };
            if sleeps {
                self.park_again(&node, progress).await;
            }
            progress.outcomes.insert(index, outcome);
        }
    }

    /// Takes the mark of waking back. If that fails, the node is broken after `BOOT_GRACE`, and another one is taken.
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
                log::warn!("node {} stays marked as woken, and was not woken: {error}", node.name);
            }
            Err(_) => {}
        }
    }
}
