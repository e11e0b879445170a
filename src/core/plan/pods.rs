//! One walk over the pods: adds each pod to its node, or to the unbound pods. Each half of the nodes has a walk of its own,
//! beside the other one; the first also has the pods without a node.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::capacity::Ceiling;
use super::classes::{Classifier, PodClass};
use super::common::Population;
use super::daemons::Daemons;
use super::elsewhere::is_bound_and_refused;
use super::evictable::{is_lost, is_movable};
use super::halves::of_changed_halves;
use super::managed::is_unreadable;
use super::notes::Warning;
use super::reach::{Likeness, likeness};
use super::survey::{NodeFacts, OccupantKind, UnboundPod};
use super::user_kinds::Kinds;
use crate::model::{Amounts, Binding, NodeIndex, NodeResources, Pod, Snapshot};
use crate::policy::Policy;

/// Pods with a common property: the first by name, and their number.
#[derive(Clone, Copy, Debug, Default)]
struct Counted<'a>(Option<(&'a Pod, usize)>);

impl<'a> Counted<'a> {
    fn add(&mut self, pod: &'a Pod) {
        self.0.get_or_insert((pod, 0)).1 += pod.count();
    }

    /// The pods of both, by the first of them.
    fn joined(self, other: Self) -> Self {
        let (Some((one, ones)), Some((two, twos))) = (self.0, other.0) else {
            return Self(self.0.or(other.0));
        };
        let name = |pod: &'a Pod| (&*pod.namespace, &*pod.name);
        Self(Some((if name(one) <= name(two) { one } else { two }, ones + twos)))
    }

    fn warning(self, warning: impl Fn(String, usize) -> Warning) -> Option<Warning> {
        self.0.map(|(pod, pods)| warning(pod.full_name(), pods))
    }
}

/// All that a walk over the pods finds, the facts of nodes aside.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    pub(super) population: Population<'a>,
    pub(super) unbound: Vec<UnboundPod<'a>>,
    pub(super) may_bind_late: Vec<&'a Pod>,
    pub(super) unplaced: Vec<&'a Pod>,
    pub(super) daemons: Daemons<'a>,
    pub(super) kinds: Kinds<'a>,
    without_request: Counted<'a>,
    beyond_node: Counted<'a>,
    critical_seen: bool,
    preemptible_seen: bool,
}

/// The walk over the pods of some nodes.
struct Walk<'w, 'a> {
    policy: &'a Policy,
    snapshot: &'a Snapshot,
    /// The nodes, and the index of the first.
    nodes: &'w mut [NodeFacts<'a>],
    begin: NodeIndex,
    ceilings: Vec<Ceiling<'a>>,
    /// The keys of the pods in `unplaced`, which has one of equal pods.
    unplaced_alike: BTreeSet<(Likeness<'a>, bool)>,
    found: Found<'a>,
}

/// Adds all pods to their nodes.
pub(super) fn add_pods<'a>(
    nodes: &mut [NodeFacts<'a>],
    snapshot: &'a Snapshot,
    policy: &'a Policy,
) -> Found<'a> {
    let largest = largest_offer(nodes, snapshot);
    let halves = of_changed_halves(nodes, |begin, nodes| {
        let walk = Walk {
            policy,
            snapshot,
            ceilings: nodes.iter().map(|facts| Ceiling::new(facts.node)).collect(),
            nodes,
            begin,
            unplaced_alike: BTreeSet::new(),
            found: Found::default(),
        };
        walk.pods(&largest)
    });
    halves.into_iter().reduce(Found::joined).unwrap_or_default()
}

impl Found<'_> {
    /// The pods of both halves. Only the first has pods without a node.
    fn joined(mut self, other: Self) -> Self {
        self.population.join(&other.population);
        self.daemons.join(other.daemons);
        self.kinds.join(other.kinds);
        Self {
            without_request: self.without_request.joined(other.without_request),
            beyond_node: self.beyond_node.joined(other.beyond_node),
            critical_seen: self.critical_seen || other.critical_seen,
            preemptible_seen: self.preemptible_seen || other.preemptible_seen,
            ..self
        }
    }

    /// The warnings about pods.
    pub(super) fn warnings(&self, policy: &Policy) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if self.critical_seen && !self.preemptible_seen {
            let keys: Vec<&str> = policy.preemptible_labels.iter().map(String::as_str).collect();
            warnings.push(Warning::NoUserPods { keys: keys.join(":") });
        }
        let no_memory = |pod, pods| Warning::NoMemoryRequest { pod, pods };
        warnings.extend(self.without_request.warning(no_memory));
        warnings.extend(self.beyond_node.warning(|pod, pods| Warning::BeyondNode { pod, pods }));
        warnings
    }
}

impl<'a> Walk<'_, 'a> {
    fn pods(mut self, largest: &Amounts) -> Found<'a> {
        let mut classifier = Classifier::new(self.policy);
        let (start, end) = (self.begin, self.begin + self.nodes.len());
        for (pod, binding) in self.snapshot.placed_pods() {
            let at = match binding {
                // The pods of the other half.
                Binding::Node(index) if index < start || index >= end => continue,
                Binding::Unbound | Binding::UnknownNode if start > 0 => continue,
                Binding::Node(index) => Some(index - start),
                Binding::Unbound | Binding::UnknownNode => None,
            };
            let class = classifier.class(pod);
            self.found.critical_seen |= class == PodClass::Critical;
            match (at, binding) {
                (Some(at), _) => self.bound(pod, class, at),
                (None, Binding::Unbound) => self.unbound(pod, class, largest),
                (None, _) => {}
            }
        }
        self.found.preemptible_seen = classifier.preemptible_seen();
        self.found
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
            self.found.unbound.push(UnboundPod { pod, kind });
            if kind != OccupantKind::Critical && may_run {
                self.found.population.add(None, pod);
            }
        }
        let keeps_its_node = match class {
            PodClass::Critical | PodClass::Movable | PodClass::Dynamic => true,
            PodClass::Omitted => is_lost(pod, self.policy),
            PodClass::Daemon { .. } | PodClass::Placeholder { .. } | PodClass::Own => false,
        };
        if keeps_its_node && !gated {
            self.found.may_bind_late.push(pod);
        } else if class == PodClass::Omitted
            && !gated
            && likeness(pod).is_none_or(|one| {
                let refused = is_bound_and_refused(pod, self.snapshot.observed_at());
                self.unplaced_alike.insert((one, refused))
            })
        {
            self.found.unplaced.push(pod);
        }
    }

    /// Adds a pod to the node at this place of the half.
    fn bound(&mut self, pod: &'a Pod, class: PodClass, at: usize) {
        let volumes = self.snapshot.volumes();
        let (Some(facts), Some(ceiling)) = (self.nodes.get_mut(at), self.ceilings.get(at)) else { return };
        // The pods of a node that cannot be read count anyway.
        let unreadable = is_unreadable(facts.unmanaged.as_deref());
        if !facts.managed() && !unreadable {
            // An omitted pod of another node may have to fit there.
            facts.load.add(&of_all(pod, ceiling.cap(&pod.requests)));
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
            self.found.beyond_node.add(pod);
        }
        if let Some(kind) = kind
            && kind != OccupantKind::Critical
        {
            self.found.population.add(Some(facts.pool), pod);
        }
        if class == PodClass::Dynamic {
            self.found.kinds.add(facts.pool, facts.zone, pod);
        }
        if matches!(class, PodClass::Critical | PodClass::Movable | PodClass::Dynamic)
            && pod.requests.memory.0 == 0
        {
            self.found.without_request.add(pod);
        }
        facts.add(pod, class, &counted, (self.policy, volumes));
        if let PodClass::Daemon { counted } = class {
            self.found.daemons.add(pod, self.begin + at, counted);
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
