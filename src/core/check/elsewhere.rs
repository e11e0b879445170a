//! Section 2: an omitted pod for which no other node has room keeps its node, because nothing creates a node for it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::facts::{
    Class, Facts, NodeFacts, class, has_startup_taint, is_in_other_hands, is_omitted, is_virtual, pod_name,
    takes_pods_now, would_keep_a_node,
};
use super::reach::{Admission, volume_affinities};
use super::replicas::Replicas;
use super::violation::Violation;
use crate::model::{Amounts, Binding, Bond, NodeIndex, Pod};

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
            let kind = (std::sync::Arc::as_ptr(&pod.constraints), &pod.requests);
            seen.insert((kind, is_refused_for_unknown(pod, facts.snapshot.observed_at()), alone))
        };
        let unbound = facts.unbound.iter().copied().filter(|pod| moves(pod) && !gated(pod));
        let unbound = unbound.filter(is_new).collect();
        let stays = |(index, node): &(NodeIndex, &NodeFacts<'a>)| {
            let leaves = node.marks.claimed || node.node.deleting || is_in_other_hands(node.node);
            let takes_pods = takes_pods_now(node.node)
                && !has_startup_taint(node.node, facts.policy)
                && !is_virtual(node.node)
                && node.node.unreadable.is_none();
            node.health.says_ready && !leaves && !going.contains(index) && takes_pods
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
        let stranded = bound.clone().find(|pod| {
            let mover = Mover::of(pod, facts);
            let is_the_last = !replicas.has_another(pod);
            if is_the_last && pod.bound_by.is_some_and(|bond| bond != Bond::HostNetwork) {
                return true;
            }
            let has_room = self.open(facts).any(|place| mover.has_room_on(place, facts));
            let displaces = || self.open(facts).any(|place| mover.fits(place, facts));
            !has_room && (is_the_last || (pod.priority > 0 && displaces()))
        });
        let waits = |pod: &&'a Pod| {
            let mover = Mover::of(pod, facts);
            let refused = is_refused_for_unknown(pod, facts.snapshot.observed_at());
            let places = self.places(facts, |is_open| !(is_open && refused));
            mover.has_room_on(node, facts) && !places.into_iter().any(|place| mover.has_room_on(place, facts))
        };
        if let Some(pod) = stranded.or_else(|| self.unbound.iter().copied().find(waits)) {
            found.push(Violation::DeleteOfOnlyPlace { node: node.name(), pod: pod_name(pod) });
        } else if !self.have_room_together(facts, bound.filter(|pod| !replicas.has_another(pod))) {
            found.push(Violation::DeleteWithoutRoom { node: node.name() });
        }
    }

    /// Whether all these pods together fit the free room of the nodes that take pods.
    fn have_room_together(&self, facts: &Facts<'a>, pods: impl Iterator<Item = &'a Pod>) -> bool {
        let mut asked = Amounts::default();
        pods.for_each(|pod| asked.add(&pod.requests));
        let mut free = Amounts::default();
        self.open(facts).for_each(|node| free.add(&node.free()));
        asked == Amounts::default() || asked.fits(&free)
    }

    /// The nodes that stay and will be schedulable.
    fn open<'f>(&'f self, facts: &'f Facts<'a>) -> impl Iterator<Item = &'f NodeFacts<'a>> {
        self.places(facts, |is_open| is_open)
    }

    fn places<'f>(
        &'f self,
        facts: &'f Facts<'a>,
        counts: impl Fn(bool) -> bool + 'f,
    ) -> impl Iterator<Item = &'f NodeFacts<'a>> {
        let places = self.staying.iter().filter(move |(_, is_open)| counts(*is_open));
        places.filter_map(|(index, _)| facts.nodes.get(*index))
    }
}

/// Whether the scheduler refuses a pod, not for an hour yet, that is bound by more than this program knows of the nodes.
fn is_refused_for_unknown(pod: &Pod, now: Timestamp) -> bool {
    let Some(unbound) = pod.unbound.as_deref().filter(|unbound| unbound.refusal.is_some()) else {
        return false;
    };
    let is_young = |since: Timestamp| now.duration_since(since) < SignedDuration::from_hours(1);
    pod.bound_by.is_some() && unbound.refused_since().is_none_or(is_young)
}

/// A pod, with its rules prepared for many nodes.
struct Mover<'p> {
    pod: &'p Pod,
    admission: Admission<'p>,
}

impl<'p> Mover<'p> {
    fn of(pod: &'p Pod, facts: &Facts<'p>) -> Self {
        Self { pod, admission: facts.admission(pod) }
    }

    /// Whether the node admits the pod and has room for it beside all others.
    fn has_room_on(&self, node: &NodeFacts<'_>, facts: &Facts<'_>) -> bool {
        self.pod.requests.fits(&node.free()) && self.admission.admits(node, facts.policy)
    }

    /// Whether the node admits the pod and, without other pods, would hold it.
    fn fits(&self, node: &NodeFacts<'_>, facts: &Facts<'_>) -> bool {
        let offer = node.node.allocatable.offer(&node.node.capacity);
        self.pod.requests.fits(&offer) && self.admission.admits(node, facts.policy)
    }
}
