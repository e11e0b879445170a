//! Questions about the whole survey that the steps share.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::classes::{Classifier, PodClass};
use super::common::NewNode;
use super::fit::{Shape, template_admits};
use super::pools::PoolIndex;
use super::reach::places_of;
use super::survey::{NodeFacts, Survey};
use super::template::{Template, look_of};
use crate::model::{Amounts, Binding, Constraints, Node, NodeGroup, NodeIndex, Resource};

impl NodeFacts<'_> {
    /// The requests of its critical and dynamic pods for a resource.
    pub(super) fn occupied(&self, resource: Resource) -> u64 {
        self.critical_requests.of(resource).saturating_add(self.dynamic_requests.of(resource))
    }
}

impl Survey<'_> {
    /// The name of a pool; empty where there are no pools.
    pub(super) fn pool_name(&self, pool: PoolIndex) -> &str {
        self.pools.get(pool).map(String::as_str).unwrap_or_default()
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
            if !matches!(classifier.class(pod), PodClass::Dynamic | PodClass::Placeholder { counted: true }) {
                continue;
            }
            there_are_some = true;
            let volumes = self.snapshot.volumes();
            let shape = Shape { pod, volumes, places: &places_of(pod, volumes) };
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

    /// Whether a further node beside these nodes of its group would be reserved.
    pub(super) fn would_be_reserved(
        &self,
        pool: PoolIndex,
        template: &Template<'_>,
        nodes: &[NodeIndex],
    ) -> bool {
        let Some(site) = template.sites().next() else { return false };
        let kin: Vec<&Node> = nodes.iter().filter_map(|index| Some(self.nodes.get(*index)?.node)).collect();
        let (taints, offer) = (&template.taints, &template.offer);
        let new = NewNode { labels: site.labels, taints, offer, kin: &kin };
        self.would_reserve(pool, &new)
    }

    /// The same for a group of which nothing tells the size of a new node.
    pub(super) fn would_be_reserved_at_any_size(
        &self,
        pool: PoolIndex,
        group: Option<&NodeGroup>,
        nodes: &[NodeIndex],
    ) -> bool {
        let (labels, taints) = look_of(self, group, pool, nodes);
        let kin: Vec<&Node> = nodes.iter().filter_map(|index| Some(self.nodes.get(*index)?.node)).collect();
        let new = NewNode { labels: &labels, taints: &taints, offer: &Amounts::default(), kin: &kin };
        self.would_reserve(pool, &new)
    }
}
