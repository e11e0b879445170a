//! Section 2: the last live replica of a controller keeps its node, judged against all nodes that are to be deleted.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Class, Facts, class, is_omitted};
use crate::model::{Binding, Controller, ControllerKey, NodeIndex, Pod};

/// The controllers that have a Ready omitted pod on a node that is to be deleted.
#[derive(Debug, Default)]
pub(super) struct Replicas<'a> {
    /// By node: its Ready omitted pods that a controller recreates.
    on_going: BTreeMap<NodeIndex, Vec<(&'a Pod, &'a Controller)>>,
    /// The number of the pods of each of these controllers, and whether a Ready one is on a Ready node that stays.
    controllers: BTreeMap<ControllerKey<'a>, Count>,
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
            }
        }
        if replicas.controllers.is_empty() {
            return replicas;
        }
        for (pod, binding) in facts.snapshot.placed_pods() {
            let count = pod.controller_key().and_then(|key| replicas.controllers.get_mut(&key));
            let Some(count) = count else { continue };
            // A placeholder does no work: it is no replica.
            if class(pod, facts.policy) == Class::Placeholder {
                continue;
            }
            count.pods += 1;
            if let Binding::Node(index) = binding
                && pod.ready
                && !pod.deleting
                && !going.contains(&index)
                && facts.nodes.get(index).is_some_and(|node| node.health.says_ready)
            {
                count.live_elsewhere = true;
            }
        }
        replicas
    }

    /// A pod of this node whose controller would have no live pod left; its only pod does not keep a node.
    pub(super) fn last_on(&self, index: NodeIndex) -> Option<(&'a Pod, &'a Controller)> {
        let last = |(pod, _): &&(&Pod, &Controller)| {
            let count = pod.controller_key().and_then(|key| self.controllers.get(&key));
            count.is_some_and(|count| count.pods >= 2 && !count.live_elsewhere)
        };
        self.on_going.get(&index)?.iter().find(last).copied()
    }
}
