//! Section 3, reach: the nodes where a pod can run by selector, affinity, tolerations and operating
//! system.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::facts::NodeFacts;
use super::facts::taints::lasting;
use crate::model::{
    Affinity, Constraints, Node, NodeIndex, Operator, Pod, Requirement, SelectorTerm, Snapshot, Taint,
    Volumes,
};
use crate::policy::Policy;

const OS_LABELS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];

/// Whether one of the pod's tolerations covers the taint.
pub(super) fn tolerates(constraints: &Constraints, taint: &Taint) -> bool {
    constraints.tolerations.iter().any(|toleration| {
        toleration.key.as_ref().is_none_or(|key| *key == taint.key)
            && toleration.value.accepts(&taint.value)
            && toleration.effect.is_none_or(|effect| effect == taint.effect)
    })
}

/// Whether the node's operating system is Windows.
pub(super) fn is_windows(node: &Node) -> bool {
    OS_LABELS.iter().any(|key| node.labels.get(key).is_some_and(|os| os == "windows"))
}

/// Whether the pod runs on Windows nodes only.
pub(super) fn asks_for_windows(constraints: &Constraints) -> bool {
    let names_windows = |requirement: &Requirement| {
        OS_LABELS.contains(&requirement.key.as_str())
            && matches!(&requirement.operator, Operator::In(values) if values.iter().all(|os| os == "windows"))
    };
    OS_LABELS.iter().any(|key| constraints.node_selector.get(*key).is_some_and(|os| os == "windows"))
        || constraints.affinity.as_ref().is_some_and(|affinity| {
            !affinity.0.is_empty() && affinity.0.iter().all(|term| term.labels.iter().any(names_windows))
        })
}

/// The constraints of all pods, each prepared once: users write long ones, and thousands of pods share them.
#[derive(Debug)]
pub(super) struct Selections<'a> {
    by_address: RefCell<BTreeMap<*const Constraints, Rc<Selection<'a>>>>,
    /// The number of answers that may still be remembered.
    room: Rc<Cell<usize>>,
}

/// Maximum number of remembered answers, of one byte each.
const MOST_ANSWERS: usize = 8 << 20;

impl Default for Selections<'_> {
    fn default() -> Self {
        Self { by_address: RefCell::default(), room: Rc::new(Cell::new(MOST_ANSWERS)) }
    }
}

impl<'a> Selections<'a> {
    fn of(&self, pod: &'a Pod) -> Rc<Selection<'a>> {
        let mut known = self.by_address.borrow_mut();
        let new = || Rc::new(Selection::of(&pod.constraints, Rc::clone(&self.room)));
        Rc::clone(known.entry(Arc::as_ptr(&pod.constraints)).or_insert_with(new))
    }

    /// The rules of one pod, with the places of its volumes.
    pub(super) fn admission(&self, pod: &'a Pod, volumes: &'a Volumes) -> Admission<'a> {
        Admission { own: self.of(pod), volumes: affinities_in(volumes, pod).map(Required::of).collect() }
    }

    /// The same without the pod's volumes.
    pub(super) fn aside_of_volumes(&self, pod: &'a Pod) -> Admission<'a> {
        Admission { own: self.of(pod), volumes: Vec::new() }
    }
}

/// The constraints that pods share, prepared to be compared with many nodes.
#[derive(Debug)]
struct Selection<'a> {
    constraints: &'a Constraints,
    windows: bool,
    affinity: Option<Required<'a>>,
    /// Whether answers are remembered: they have more than [`SHORT`] parts.
    long: bool,
    /// The answers so far, by the index of the node.
    answers: RefCell<Vec<Option<bool>>>,
    room: Rc<Cell<usize>>,
}

/// The rules of one pod. It copies no constraints: thousands of pods may share very long ones.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    own: Rc<Selection<'a>>,
    /// The affinities of its volumes. A node must meet one term of each.
    volumes: Vec<Required<'a>>,
}

/// A required affinity.
#[derive(Debug)]
struct Required<'a> {
    affinity: &'a Affinity,
    /// The long lists of values, sorted, because users write tens of thousands.
    sorted: BTreeMap<*const Requirement, BTreeSet<&'a str>>,
}

/// Lists up to this length are searched unsorted. Answers about constraints with at most this number of parts are not remembered.
const SHORT: usize = 8;

impl Admission<'_> {
    /// Whether the node admits the pod, apart from its size. Taints that come and go do not count.
    pub(super) fn admits(&self, node: &NodeFacts<'_>, policy: &Policy) -> bool {
        self.own.admits(node, policy) && self.volumes.iter().all(|one| one.holds(node.node))
    }

    /// The same for a node that does not exist.
    pub(super) fn admits_new(&self, node: &Node, policy: &Policy) -> bool {
        self.own.meets(node, policy) && self.volumes.iter().all(|one| one.holds(node))
    }

    /// Whether two pods share the preparation of their constraints.
    #[cfg(test)]
    pub(super) fn shares_with(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.own, &other.own)
    }
}

impl<'a> Selection<'a> {
    fn of(constraints: &'a Constraints, room: Rc<Cell<usize>>) -> Self {
        Self {
            constraints,
            windows: asks_for_windows(constraints),
            affinity: constraints.affinity.as_ref().map(Required::of),
            long: parts(constraints).take(SHORT + 1).count() > SHORT,
            answers: RefCell::default(),
            room,
        }
    }

    fn admits(&self, node: &NodeFacts<'_>, policy: &Policy) -> bool {
        if !self.long && node.node.taints.len() <= SHORT {
            return self.meets(node.node, policy);
        }
        let known = self.answers.borrow().get(node.index).copied().flatten();
        known.unwrap_or_else(|| {
            let answer = self.meets(node.node, policy);
            self.remember(node.index, answer);
            answer
        })
    }

    fn remember(&self, index: NodeIndex, answer: bool) {
        let mut answers = self.answers.borrow_mut();
        let more = (index + 1).saturating_sub(answers.len());
        if let Some(left) = self.room.get().checked_sub(more) {
            self.room.set(left);
            let length = answers.len() + more;
            answers.resize(length, None);
            if let Some(place) = answers.get_mut(index) {
                *place = Some(answer);
            }
        }
    }

    fn meets(&self, node: &Node, policy: &Policy) -> bool {
        #[cfg(test)]
        MET.set(MET.get() + 1);
        self.constraints.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
            && self.affinity.as_ref().is_none_or(|affinity| affinity.holds(node))
            && lasting(node, policy).all(|taint| tolerates(self.constraints, taint))
            && (self.windows || !is_windows(node))
    }
}

#[cfg(test)]
thread_local! {
    /// The number of comparisons of constraints with a node on this thread.
    pub(super) static MET: Cell<usize> = const { Cell::new(0) };
}

/// One item for each part of the constraints that a comparison may have to read.
fn parts(constraints: &Constraints) -> impl Iterator<Item = ()> {
    let terms = constraints.affinity.iter().flat_map(|affinity| &affinity.0);
    let of_term = |term: &SelectorTerm| {
        let requirements = term.labels.iter().chain(&term.fields);
        1 + requirements.map(|one| 1 + listed(one).map_or(0, <[String]>::len)).sum::<usize>()
    };
    let terms = terms.flat_map(move |term| std::iter::repeat_n((), of_term(term)));
    let selected = constraints.node_selector.keys().map(|_| ());
    selected.chain(constraints.tolerations.iter().map(|_| ())).chain(terms)
}

/// The values that a requirement lists.
fn listed(requirement: &Requirement) -> Option<&[String]> {
    match &requirement.operator {
        Operator::In(values) | Operator::NotIn(values) => Some(values),
        Operator::Exists | Operator::DoesNotExist | Operator::Gt(_) | Operator::Lt(_) | Operator::Unknown => {
            None
        }
    }
}

/// The node affinities of the pod's bound volumes that were looked up.
pub(super) fn volume_affinities<'a>(
    pod: &'a Pod,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = &'a Affinity> {
    affinities_in(snapshot.volumes(), pod)
}

fn affinities_in<'a>(volumes: &'a Volumes, pod: &'a Pod) -> impl Iterator<Item = &'a Affinity> {
    let claims = if volumes.is_empty() { &[] } else { &*pod.claims };
    claims.iter().filter_map(move |claim| {
        volumes.get(&(pod.namespace.to_string(), claim.to_string())).and_then(Option::as_ref)
    })
}

impl<'a> Required<'a> {
    fn of(affinity: &'a Affinity) -> Self {
        let requirements = affinity.0.iter().flat_map(|term| term.labels.iter().chain(&term.fields));
        let long = requirements.filter_map(|one| Some((one, listed(one)?)));
        let long = long.filter(|(_, values)| values.len() > SHORT);
        let sorted =
            long.map(|(one, values)| (std::ptr::from_ref(one), values.iter().map(String::as_str).collect()));
        Self { affinity, sorted: sorted.collect() }
    }

    fn holds(&self, node: &Node) -> bool {
        self.affinity.0.iter().any(|term| self.is_met(term, node))
    }

    /// A term without requirements matches no node.
    fn is_met(&self, term: &SelectorTerm, node: &Node) -> bool {
        let label = |one: &Requirement| self.allows(one, node.labels.get(&one.key));
        let field = |one: &Requirement| one.key == "metadata.name" && self.allows(one, Some(&node.name));
        !(term.labels.is_empty() && term.fields.is_empty())
            && term.labels.iter().all(label)
            && term.fields.iter().all(field)
    }

    fn allows(&self, requirement: &Requirement, value: Option<&str>) -> bool {
        let sorted =
            if self.sorted.is_empty() { None } else { self.sorted.get(&std::ptr::from_ref(requirement)) };
        let Some(values) = sorted else { return requirement.matches_value(value) };
        let listed = value.is_some_and(|value| values.contains(value));
        if matches!(requirement.operator, Operator::In(_)) { listed } else { !listed }
    }
}
