//! Section 2: the last live replica of a controller keeps its node, judged against all nodes that are to be deleted.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Class, Cordon, Facts, class, is_in_other_hands, is_omitted};
use crate::model::{Binding, Controller, ControllerKey, NodeIndex, Pod};

/// The controllers that have a Ready omitted pod on a node that is to be deleted.
#[derive(Debug, Default)]
pub(super) struct Replicas<'a> {
    /// By node: its Ready omitted pods that a controller recreates.
    on_going: BTreeMap<NodeIndex, Vec<(&'a Pod, &'a Controller)>>,
    /// The number of the pods of each of these controllers, and whether a Ready one is on a Ready node that stays.
    controllers: BTreeMap<ControllerKey<'a>, Count>,
    /// The same of each Deployment, by namespace and name: an update gives it more than one `ReplicaSet`.
    deployments: BTreeMap<(&'a str, &'a str), Count>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    pods: usize,
    live_elsewhere: bool,
}

impl<'a> Replicas<'a> {
    /// Walks over the pods, if a replica is on a node that is to be deleted.
    pub(super) fn of(facts: &Facts<'a>, going: &BTreeSet<NodeIndex>) -> Self {
        let mut replicas = Self::default();
        if going.is_empty() {
            return replicas;
        }
        for (index, pod) in facts.recreated.iter().copied() {
            if going.contains(&index)
                && let (Some(controller), Some(key)) = (pod.controller.as_deref(), pod.controller_key())
                && is_omitted(pod, facts.policy)
                && matches!(class(pod, facts.policy), Class::Dynamic | Class::Critical)
            {
                replicas.on_going.entry(index).or_default().push((pod, controller));
                replicas.controllers.entry(key).or_default();
                if let Some(deployment) = controller.deployment() {
                    replicas.deployments.entry((&pod.namespace, deployment)).or_default();
                }
            }
        }
        if replicas.controllers.is_empty() {
            return replicas;
        }
        for (pod, binding) in facts.snapshot.placed_pods() {
            let Some(controller) = pod.controller.as_deref() else { continue };
            let set = pod.controller_key().and_then(|key| replicas.controllers.get_mut(&key));
            let deployment = controller.deployment().map(|name| (&*pod.namespace, name));
            let deployment = deployment.and_then(|key| replicas.deployments.get_mut(&key));
            // A placeholder does no work: it is no replica.
            if (set.is_none() && deployment.is_none()) || class(pod, facts.policy) == Class::Placeholder {
                continue;
            }
            let is_live_on = |index: NodeIndex| {
                let node = facts.nodes.get(index);
                let holds_it = node.is_some_and(|node| {
                    let stays = !node.marks.claimed
                        && !node.node.deleting
                        && (node.marks.cordon != Cordon::Others
                            || node.marks.allows_deletion(facts.policy, facts.snapshot.observed_at()))
                        && (node.managed || !is_in_other_hands(node.node));
                    node.health.says_ready && stays
                });
                pod.ready && !pod.deleting && !going.contains(&index) && holds_it
            };
            let elsewhere = matches!(binding, Binding::Node(index) if is_live_on(index));
            for count in set.into_iter().chain(deployment) {
                count.pods += 1;
                count.live_elsewhere |= elsewhere;
            }
        }
        replicas
    }

    /// Whether another live replica of a Ready pod stays; a member of a StatefulSet has none.
    pub(super) fn has_another(&self, pod: &'a Pod) -> bool {
        let is_member = pod.controller.as_deref().is_some_and(|one| one.kind == "StatefulSet");
        pod.ready && !is_member && self.counts(pod).any(|count| count.live_elsewhere)
    }

    fn counts(&self, pod: &'a Pod) -> impl Iterator<Item = &Count> {
        let set = pod.controller_key().and_then(|key| self.controllers.get(&key));
        let deployment = pod.controller.as_deref().and_then(Controller::deployment);
        let deployment = deployment.and_then(|name| self.deployments.get(&(&*pod.namespace, name)));
        set.into_iter().chain(deployment)
    }

    /// A pod of this node whose controller would have no live pod left; its only pod does not keep a node.
    pub(super) fn last_on(&self, index: NodeIndex) -> Option<(&'a Pod, &'a Controller)> {
        let last = |(pod, _): &&(&Pod, &Controller)| {
            self.counts(pod).any(|count| count.pods >= 2 && !count.live_elsewhere)
        };
        self.on_going.get(&index)?.iter().find(last).copied()
    }
}
