//! The bound daemons on managed nodes, by their controllers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{Amounts, Controller, ControllerKey, NodeIndex, Pod};

/// A daemon on a node, and whether it is taken into account.
pub(super) type BoundDaemon<'a> = (NodeIndex, &'a Amounts, bool);

/// The bound daemons. The daemons of a node are in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Daemons<'a> {
    /// The place of the daemons of each controller. A kubelet is the controller of one node's static pods alone.
    known: BTreeMap<(ControllerKey<'a>, bool), usize>,
    bound: Vec<Vec<BoundDaemon<'a>>>,
    /// The controller of the last pod, its namespace, and their place: neighbours mostly share both.
    last: Option<(&'a Arc<Controller>, &'a Arc<str>, usize)>,
}

impl<'a> Daemons<'a> {
    /// Adds a daemon that has a controller.
    pub(super) fn add(&mut self, pod: &'a Pod, node: NodeIndex, counted: bool) {
        let Some(controller) = &pod.controller else { return };
        let place = match self.last {
            Some((last, namespace, place))
                if Arc::ptr_eq(last, controller) && Arc::ptr_eq(namespace, &pod.namespace) =>
            {
                place
            }
            _ => {
                let key = (&*pod.namespace, controller.uid.as_str());
                self.place((key, controller.kind == "Node"))
            }
        };
        self.last = Some((controller, &pod.namespace, place));
        if let Some(bound) = self.bound.get_mut(place) {
            bound.push((node, &pod.requests, counted));
        }
    }

    /// Adds the daemons of other nodes.
    pub(super) fn join(&mut self, mut other: Self) {
        for (key, theirs) in other.known {
            let place = self.place(key);
            if let (Some(bound), Some(theirs)) = (self.bound.get_mut(place), other.bound.get_mut(theirs)) {
                bound.append(theirs);
            }
        }
    }

    fn place(&mut self, key: (ControllerKey<'a>, bool)) -> usize {
        *self.known.entry(key).or_insert_with(|| {
            self.bound.push(Vec::new());
            self.bound.len() - 1
        })
    }

    /// The daemons of each controller.
    pub(super) fn all(&self) -> impl Iterator<Item = (ControllerKey<'a>, &[BoundDaemon<'a>])> {
        self.known
            .iter()
            .filter_map(|((controller, _), place)| Some((*controller, self.bound.get(*place)?.as_slice())))
    }

    /// The first daemon by name of each controller on each of its nodes; without static pods. Sorted by controller, and by node.
    pub(super) fn one_a_node(&self) -> impl Iterator<Item = (ControllerKey<'a>, Vec<BoundDaemon<'a>>)> {
        let everywhere = self.known.iter().filter(|((_, of_one_node), _)| !of_one_node);
        everywhere.filter_map(|((controller, _), place)| {
            let mut bound = self.bound.get(*place)?.clone();
            // A stable sort: the first by name stays the first of its node.
            bound.sort_by_key(|(node, ..)| *node);
            bound.dedup_by_key(|(node, ..)| *node);
            Some((*controller, bound))
        })
    }
}
