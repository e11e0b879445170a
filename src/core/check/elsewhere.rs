//! Section 2: an omitted pod that no other node would take keeps its node, because nothing creates a node for it.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{
    Class, Facts, NodeFacts, class, is_in_other_hands, is_omitted, pod_name, takes_pods_now,
    would_keep_a_node,
};
use super::reach::{Admission, volume_affinities};
use super::replicas::Replicas;
use super::violation::Violation;
use crate::model::{Binding, NodeIndex, Pod};

/// The omitted pods that controllers recreate: on the nodes that are to be deleted, and without a node.
#[derive(Debug)]
pub(super) struct Movers<'a> {
    on_going: BTreeMap<NodeIndex, Vec<&'a Pod>>,
    unbound: Vec<&'a Pod>,
    /// The nodes that stay, and whether they will be schedulable.
    staying: Vec<(NodeIndex, bool)>,
}

impl<'a> Movers<'a> {
    pub(super) fn of(
        facts: &Facts<'a>,
        going: &BTreeSet<NodeIndex>,
        is_open: impl Fn(NodeIndex, &NodeFacts<'a>) -> bool,
    ) -> Self {
        let moves = |pod: &Pod| {
            is_omitted(pod, facts.policy)
                && matches!(class(pod, facts.policy), Class::Dynamic | Class::Critical)
                && !pod.deleting
                && !would_keep_a_node(pod, facts.policy)
        };
        let mut on_going: BTreeMap<NodeIndex, Vec<&Pod>> = BTreeMap::new();
        for (pod, binding) in facts.snapshot.placed_pods() {
            if let Binding::Node(index) = binding
                && going.contains(&index)
                && moves(pod)
            {
                on_going.entry(index).or_default().push(pod);
            }
        }
        let gated = |pod: &Pod| pod.unbound.as_ref().is_some_and(|unbound| unbound.gated);
        // Equal pods are one, unless a volume of theirs has a place.
        let mut seen = BTreeSet::new();
        let is_new = |pod: &&'a Pod| {
            let placed = volume_affinities(pod, facts.snapshot).next().is_some();
            let alone = placed.then_some((&*pod.namespace, &*pod.name));
            seen.insert((std::sync::Arc::as_ptr(&pod.constraints), &pod.requests, alone))
        };
        let unbound = facts.unbound.iter().copied().filter(|pod| moves(pod) && !gated(pod));
        let unbound = unbound.filter(is_new).collect();
        let stays = |(index, node): &(NodeIndex, &NodeFacts<'a>)| {
            let leaves = node.marks.claimed || node.node.deleting || is_in_other_hands(node.node);
            node.health.says_ready && !leaves && !going.contains(index) && takes_pods_now(node.node)
        };
        let nodes = facts.nodes.iter().enumerate().filter(stays);
        let staying = nodes.map(|(index, node)| (index, is_open(index, node))).collect();
        Self { on_going, unbound, staying }
    }

    /// Adds a violation if one of them could start on this node alone.
    pub(super) fn speak_against(
        &self,
        facts: &Facts<'a>,
        (index, node): (NodeIndex, &NodeFacts<'a>),
        replicas: &Replicas<'a>,
        found: &mut Vec<Violation>,
    ) {
        if !node.health.says_ready || node.lost_pod.is_some() {
            return;
        }
        let bound = self.on_going.get(&index).into_iter().flatten().copied();
        let mut bound = bound.filter(|pod| !replicas.has_another(pod));
        let stranded = bound.find(|pod| !self.have_a_place_for(&Mover::of(pod, facts), facts, true));
        let waits = |pod: &&Pod| {
            let mover = Mover::of(pod, facts);
            mover.fits(node, facts) && !self.have_a_place_for(&mover, facts, false)
        };
        if let Some(pod) = stranded.or_else(|| self.unbound.iter().copied().find(waits)) {
            found.push(Violation::DeleteOfOnlyPlace { node: node.name(), pod: pod_name(pod) });
        }
    }

    fn have_a_place_for(&self, mover: &Mover<'_>, facts: &Facts<'a>, only_open: bool) -> bool {
        let places = self.staying.iter().filter(|(_, is_open)| *is_open || !only_open);
        let mut nodes = places.filter_map(|(index, _)| facts.nodes.get(*index));
        nodes.any(|node| mover.fits(node, facts))
    }
}

/// A pod, with its rules prepared for many nodes.
struct Mover<'p> {
    pod: &'p Pod,
    admission: Admission<'p>,
}

impl<'p> Mover<'p> {
    fn of(pod: &'p Pod, facts: &Facts<'p>) -> Self {
        Self { pod, admission: Admission::of(pod, facts.snapshot) }
    }

    /// Whether the node admits the pod and, without other pods, would hold it.
    fn fits(&self, node: &NodeFacts<'_>, facts: &Facts<'_>) -> bool {
        let offer = node.node.allocatable.offer(&node.node.capacity);
        self.pod.requests.fits(&offer) && self.admission.admits(node.node, facts.policy)
    }
}
