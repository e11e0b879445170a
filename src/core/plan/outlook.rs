//! Questions about the whole survey that the steps share.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::classes::{Classifier, PodClass};
use super::places::{Shape, template_admits};
use super::survey::{NodeFacts, PoolIndex, Survey};
use super::taints::tolerates;
use super::template::Template;
use crate::model::{Binding, Constraints, NodeIndex, Pod, Resource, Taint, TaintSet};

impl NodeFacts<'_> {
    /// What its critical and dynamic pods request of a resource.
    pub(super) fn occupied(&self, resource: Resource) -> u64 {
        self.critical_requests.of(resource).saturating_add(self.dynamic_requests.of(resource))
    }
}

impl<'a> Survey<'a> {
    /// The name of a pool; empty where there are no pools.
    pub(super) fn pool_name(&self, pool: PoolIndex) -> &str {
        self.pools.get(pool).map(String::as_str).unwrap_or_default()
    }

    /// The bound daemons on managed nodes, and whether each is taken into account.
    pub(super) fn bound_daemons(&self) -> impl Iterator<Item = (&'a Pod, NodeIndex, bool)> {
        let mut classifier = Classifier::new(self.policy);
        self.snapshot.placed_pods().filter_map(move |(pod, binding)| {
            let Binding::Node(index) = binding else { return None };
            // Most pods are users' bare pods; only a pod with a controller can be of a DaemonSet.
            pod.controller.as_ref()?;
            match classifier.class(pod) {
                PodClass::Daemon { counted } => Some((pod, index, counted)),
                _ => None,
            }
        })
    }

    /// Whether some user's pod or placeholder of a pool reaches a node of this kind, or there is none.
    pub(super) fn somebody_reaches(&self, pool: PoolIndex, template: &Template<'_>) -> bool {
        let mut classifier = Classifier::new(self.policy);
        let mut refused: BTreeSet<*const Constraints> = BTreeSet::new();
        let mut there_are_some = false;
        for (pod, binding) in self.snapshot.placed_pods() {
            let here = match binding {
                Binding::Unbound => !pod.deleting,
                Binding::Node(index) => {
                    self.nodes.get(index).is_some_and(|facts| facts.managed() && facts.pool == pool)
                }
                Binding::UnknownNode => false,
            };
            if !here || refused.contains(&Arc::as_ptr(&pod.constraints)) {
                continue;
            }
            if !matches!(classifier.class(pod), PodClass::Dynamic | PodClass::Placeholder { .. }) {
                continue;
            }
            there_are_some = true;
            let shape = Shape { pod, volumes: self.snapshot.volumes() };
            if !template_admits(template, shape) {
                if pod.claims.is_empty() {
                    refused.insert(Arc::as_ptr(&pod.constraints));
                }
            } else if shape.fits(&template.free) {
                return true;
            }
        }
        !there_are_some
    }

    /// Whether a node of this kind, of which the pool has none yet, would be reserved. A pool without nodes has nothing that
    /// such a node would differ from.
    pub(super) fn would_be_reserved(&self, pool: PoolIndex, template: &Template<'_>) -> bool {
        let of_users = |taint: &&Taint| {
            taint.value == "user"
                && matches!(taint.key.as_str(), "hub.jupyter.org/dedicated" | "hub.jupyter.org_dedicated")
        };
        let taints: Vec<&Taint> = template.taints.iter().filter(|taint| !of_users(taint)).collect();
        let nodes = self.of_pool(pool).count();
        if taints.is_empty() || (nodes == 0 && self.policy.pool_label.is_some()) {
            return false;
        }
        let special = |taint: &&Taint| {
            let core =
                matches!(taint.key.as_str(), "hub.jupyter.org/dedicated" | "hub.jupyter.org_dedicated");
            (core && taint.value == "core") || template.free.further_of(&taint.key) > 0
        };
        if taints.iter().any(special) {
            return true;
        }
        let set: TaintSet =
            taints.iter().map(|one| (one.key.clone(), one.value.clone(), one.effect)).collect();
        if let Some(common) = self.judged_common.get(pool).and_then(|judged| judged.get(&set)) {
            return !common;
        }
        nodes > 0 && !self.most_tolerate(pool, &taints)
    }

    /// Whether at least half of a pool's users' pods and placeholders tolerate these taints, and there are any.
    fn most_tolerate(&self, pool: PoolIndex, taints: &[&Taint]) -> bool {
        let mut classifier = Classifier::new(self.policy);
        let (mut pods, mut tolerating) = (0_usize, 0_usize);
        for (pod, binding) in self.snapshot.placed_pods() {
            let here = match binding {
                Binding::Unbound => !pod.deleting,
                Binding::Node(index) => {
                    self.nodes.get(index).is_some_and(|facts| facts.managed() && facts.pool == pool)
                }
                Binding::UnknownNode => false,
            };
            if here && matches!(classifier.class(pod), PodClass::Dynamic | PodClass::Placeholder { .. }) {
                pods += 1;
                let all = taints
                    .iter()
                    .all(|taint| tolerates(&pod.constraints, &taint.key, &taint.value, taint.effect));
                tolerating += usize::from(all);
            }
        }
        pods > 0 && tolerating.saturating_mul(2) >= pods
    }
}
