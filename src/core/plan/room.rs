//! The room that nodes have left for pods that leave another one (sections 2 and 16).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::fit::{Shape, admits};
use super::places::Nominated;
use super::reach::places_of;
use super::survey::Survey;
use crate::model::{Amounts, NodeIndex, Pod};

/// The free room of the nodes as the scheduler sees it, while pods are placed one after the other.
#[derive(Debug)]
pub(super) struct Room<'s, 'a> {
    survey: &'s Survey<'a>,
    nominated: Nominated,
    /// The requests of the pods that were placed.
    taken: BTreeMap<NodeIndex, Amounts>,
}

impl<'s, 'a> Room<'s, 'a> {
    /// The room beside all pods of the nodes and the pods that are nominated for them.
    pub(super) fn new(survey: &'s Survey<'a>, nominated: Nominated) -> Self {
        Self { survey, nominated, taken: BTreeMap::new() }
    }

    /// Whether a node admits a pod and has room for it beside all others.
    pub(super) fn takes(&self, index: NodeIndex, pod: &Pod) -> bool {
        self.survey.nodes.get(index).is_some_and(|facts| {
            let mut further = self.nominated.get(&index).into_iter().chain(self.taken.get(&index)).peekable();
            let has_room = if further.peek().is_none() {
                pod.requests.fits_beside(&facts.load, &facts.offer)
            } else {
                pod.requests.fits_beside(&further.fold(facts.load.clone(), Amounts::plus), &facts.offer)
            };
            let volumes = self.survey.snapshot.volumes();
            has_room && admits(self.survey, facts, Shape { pod, volumes, places: &places_of(pod, volumes) })
        })
    }

    /// Places a pod on a node.
    pub(super) fn take(&mut self, index: NodeIndex, pod: &Pod) {
        self.taken.entry(index).or_default().add(&pod.requests);
    }

    /// The pods placed so far, to go back to.
    pub(super) fn state(&self) -> BTreeMap<NodeIndex, Amounts> {
        self.taken.clone()
    }

    /// Goes back to an earlier state.
    pub(super) fn restore(&mut self, state: BTreeMap<NodeIndex, Amounts>) {
        self.taken = state;
    }
}

/// The order in which the pods of a node are placed: the largest first, then by namespace and name.
pub(super) fn size(pod: &Pod) -> impl Ord {
    (Reverse(pod.requests.memory), Reverse(pod.requests.cpu), &pod.namespace, &pod.name)
}
