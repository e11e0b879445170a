//! One walk over the pods: adds each pod to its node, or to the unbound pods.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::capacity::Ceiling;
use super::classes::{Classifier, PodClass};
use super::common::Population;
use super::evictable::{is_lost, is_movable};
use super::managed::is_unreadable;
use super::notes::Warning;
use super::reach::{Likeness, likeness};
use super::survey::{NodeFacts, OccupantKind, UnboundPod};
use crate::model::{Amounts, Binding, NodeIndex, NodeResources, Pod, Snapshot, Volumes};
use crate::policy::Policy;

/// Pods with a common property: the first by name, and their number.
#[derive(Clone, Copy, Debug, Default)]
struct Counted<'a>(Option<(&'a Pod, usize)>);

impl<'a> Counted<'a> {
    fn add(&mut self, pod: &'a Pod) {
        self.0.get_or_insert((pod, 0)).1 += pod.count();
    }

    fn warning(self, warning: impl Fn(String, usize) -> Warning) -> Option<Warning> {
        self.0.map(|(pod, pods)| warning(pod.full_name(), pods))
    }
}

/// The walk over the pods.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    policy: &'a Policy,
    pub(super) nodes: Vec<NodeFacts<'a>>,
    ceilings: Vec<Ceiling<'a>>,
    pub(super) population: Population<'a>,
    pub(super) unbound: Vec<UnboundPod<'a>>,
    pub(super) may_bind_late: Vec<&'a Pod>,
    pub(super) unplaced: Vec<&'a Pod>,
    /// The keys of the pods in `unplaced`, which has one of equal pods.
    unplaced_alike: BTreeSet<Likeness<'a>>,
    pub(super) bound_daemons: Vec<(&'a Pod, NodeIndex, bool)>,
    without_request: Counted<'a>,
    beyond_node: Counted<'a>,
    pub(super) warnings: Vec<Warning>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(nodes: Vec<NodeFacts<'a>>, policy: &'a Policy) -> Self {
        Self {
            policy,
            ceilings: nodes.iter().map(|facts| Ceiling::new(facts.node)).collect(),
            nodes,
            population: Population::default(),
            unbound: Vec::new(),
            may_bind_late: Vec::new(),
            unplaced: Vec::new(),
            unplaced_alike: BTreeSet::new(),
            bound_daemons: Vec::new(),
            without_request: Counted::default(),
            beyond_node: Counted::default(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn pods(&mut self, snapshot: &'a Snapshot) {
        let mut classifier = Classifier::new(self.policy);
        let mut critical_seen = false;
        let largest = largest_offer(&self.nodes, snapshot);
        for (pod, binding) in snapshot.placed_pods() {
            let class = classifier.class(pod);
            critical_seen |= class == PodClass::Critical;
            match binding {
                Binding::UnknownNode => {}
                Binding::Unbound => self.unbound(pod, class, &largest),
                Binding::Node(index) => self.bound(pod, class, index, snapshot.volumes()),
            }
        }
        if critical_seen && !classifier.preemptible_seen() {
            let keys: Vec<&str> = self.policy.preemptible_labels.iter().map(String::as_str).collect();
            self.warnings.push(Warning::NoUserPods { keys: keys.join(":") });
        }
        let no_memory = |pod, pods| Warning::NoMemoryRequest { pod, pods };
        self.warnings.extend(self.without_request.warning(no_memory));
        self.warnings.extend(self.beyond_node.warning(|pod, pods| Warning::BeyondNode { pod, pods }));
    }

    fn unbound(&mut self, pod: &'a Pod, class: PodClass, largest: &Amounts) {
        // The API server never binds a pod that is being deleted.
        if pod.deleting {
            return;
        }
        let gated = pod.unbound.as_ref().is_some_and(|unbound| unbound.gated);
        let may_run = !gated && pod.requests.memory <= largest.memory && pod.requests.cpu <= largest.cpu;
        let kind = OccupantKind::of(class);
        if let Some(kind) = kind {
            self.unbound.push(UnboundPod { pod, kind });
            if kind != OccupantKind::Critical && may_run {
                self.population.add(None, pod);
            }
        }
        let keeps_its_node = match class {
            PodClass::Critical | PodClass::Movable | PodClass::Dynamic => true,
            PodClass::Omitted => is_lost(pod, self.policy),
            PodClass::Daemon { .. } | PodClass::Placeholder { .. } | PodClass::Own => false,
        };
        if keeps_its_node && !gated {
            self.may_bind_late.push(pod);
        } else if class == PodClass::Omitted
            && !gated
            && likeness(pod).is_none_or(|one| self.unplaced_alike.insert(one))
        {
            self.unplaced.push(pod);
        }
    }

    fn bound(&mut self, pod: &'a Pod, class: PodClass, index: NodeIndex, volumes: &Volumes) {
        let (Some(facts), Some(ceiling)) = (self.nodes.get_mut(index), self.ceilings.get(index)) else {
            return;
        };
        // The pods of a node that cannot be read count anyway.
        let unreadable = is_unreadable(facts.unmanaged.as_deref());
        if !facts.managed() && !unreadable {
            return;
        }
        let movable = class == PodClass::Critical && is_movable(pod, facts.node, self.policy, volumes);
        let class = if movable { PodClass::Movable } else { class };
        let counted = ceiling.cap(&pod.requests);
        let is_capped = matches!(counted, Cow::Owned(_));
        let counted = of_all(pod, counted);
        let kind = OccupantKind::of(class);
        if unreadable {
            if let Some(kind) = kind {
                facts.requests_of(kind).add(&counted);
            }
            return;
        }
        if is_capped {
            self.beyond_node.add(pod);
        }
        if let Some(kind) = kind
            && kind != OccupantKind::Critical
        {
            self.population.add(Some(facts.pool), pod);
        }
        if matches!(class, PodClass::Critical | PodClass::Movable | PodClass::Dynamic)
            && pod.requests.memory.0 == 0
        {
            self.without_request.add(pod);
        }
        facts.add(pod, class, &counted, (self.policy, volumes));
        if let PodClass::Daemon { counted } = class
            && pod.controller.is_some()
        {
            self.bound_daemons.push((pod, index, counted));
        }
    }
}

/// The largest memory and CPU of a managed node and of a node that a group may create: a pod that requests more cannot run.
/// An unknown amount has no bound.
fn largest_offer(nodes: &[NodeFacts<'_>], snapshot: &Snapshot) -> Amounts {
    let with_nodes: BTreeSet<&str> = nodes.iter().filter_map(|facts| facts.node.group.as_deref()).collect();
    let unknown = || NodeResources::default().offer(&NodeResources::default());
    let of_groups = snapshot.groups().iter().filter_map(|group| match &group.template {
        Some(template) => Some(template.allocatable.offer(&template.capacity)),
        None if with_nodes.contains(group.name.as_str()) => None,
        None => Some(unknown()),
    });
    let of_nodes = nodes.iter().filter(|facts| facts.managed()).map(|facts| facts.offer.clone());
    let largest = of_nodes.chain(of_groups).reduce(|mut largest, offer| {
        largest.memory = largest.memory.max(offer.memory);
        largest.cpu = largest.cpu.max(offer.cpu);
        largest
    });
    largest.unwrap_or_else(unknown)
}

/// The requests of all pods that a pod counts for.
pub(super) fn of_all<'p>(pod: &Pod, requests: Cow<'p, Amounts>) -> Cow<'p, Amounts> {
    if pod.alike.is_empty() { requests } else { Cow::Owned(requests.times(pod.count())) }
}

impl OccupantKind {
    /// The kind of a class of pods that are taken into account, daemons aside.
    pub(super) fn of(class: PodClass) -> Option<Self> {
        match class {
            // The requests of an occupant count, whether it is movable or not.
            PodClass::Critical | PodClass::Movable => Some(Self::Critical),
            PodClass::Dynamic => Some(Self::Dynamic),
            PodClass::Placeholder { counted: true } => Some(Self::Placeholder),
            PodClass::Placeholder { counted: false }
            | PodClass::Daemon { .. }
            | PodClass::Omitted
            | PodClass::Own => None,
        }
    }
}
