//! What a plan needs to know of each node, gathered in one walk over the pods.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::managed::unmanaged;
use super::notes::Warning;
use super::pods::{Classifier, Load, PodClass, loss};
use super::reason::{KeepReason, Loss};
use super::value::NodeState;
use crate::model::{Binding, Controller, Node, NodeIndex, Pod, Snapshot, annotation};
use crate::policy::{CapacitySource, Policy};
use crate::recheck::is_claimed;

/// A cluster, looked at through a policy.
#[derive(Debug)]
pub(crate) struct Survey<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) policy: &'a Policy,
    /// Parallel to the snapshot's nodes.
    pub(crate) nodes: Vec<NodeFacts<'a>>,
    /// Pods taken into account that are bound to no node and no daemons.
    pub(super) unbound: Vec<&'a Pod>,
    /// A pod bound to no node that would keep a node if it were: the scheduler may have promised it one already.
    pub(crate) may_bind_late: Option<&'a Pod>,
    pub(super) warnings: Vec<Warning>,
}

/// Whether a node can run pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    Ready,
    /// NotReady for less than `BOOT_GRACE`.
    Booting,
    /// NotReady for longer.
    Broken,
}

/// Who cordoned a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cordon {
    None,
    Ours,
    Others,
}

/// One node, looked at through a policy.
#[derive(Debug)]
pub(crate) struct NodeFacts<'a> {
    pub(crate) node: &'a Node,
    /// Why it is not managed; the pods of such a node are not looked at.
    pub(super) unmanaged: Option<KeepReason>,
    pub(super) readiness: Readiness,
    /// Since when it is NotReady.
    pub(super) not_ready_since: Option<Timestamp>,
    pub(crate) cordon: Cordon,
    pub(crate) scale_down_disabled: bool,
    /// Whether another run is about to delete it.
    pub(super) claimed: bool,
    /// When our own cordon was made, by its mark.
    pub(crate) marked_cordoned_at: Option<Timestamp>,
    /// When the control plane tainted it for its cordon.
    pub(crate) tainted_at: Option<Timestamp>,
    /// When it was cordoned, by our mark or by the taint that the control plane adds.
    pub(super) cordoned_at: Option<Timestamp>,
    pub(crate) empty_since: Option<Timestamp>,
    /// Bytes that the utilization divides by; 0 if unknown.
    pub(super) capacity: u128,
    /// Critical and dynamic pods.
    pub(super) occupants: usize,
    /// Bytes requested by them.
    pub(super) occupied: u128,
    /// Bytes requested by the daemons taken into account.
    pub(super) daemons: u128,
    /// The first occupant by name.
    pub(crate) occupant: Option<&'a Pod>,
    /// The first critical one by name.
    pub(crate) critical: Option<&'a Pod>,
    /// The first omitted pod by name that would be lost with the node, and why.
    pub(crate) loses: Option<(&'a Pod, Loss)>,
    /// The controllers that would recreate an omitted pod of this node elsewhere, by uid.
    pub(super) moves: BTreeMap<&'a str, &'a Controller>,
    /// Whether this run's own pod is on it.
    pub(crate) own: bool,
    /// Requests of all pods on the node.
    pub(super) load: Load,
    /// Requests of the pods that are there for the node's own sake.
    pub(super) daemon_load: Load,
    /// Requests of all pods but its occupants.
    pub(super) unoccupied_load: Load,
}

impl NodeFacts<'_> {
    pub(super) fn managed(&self) -> bool {
        self.unmanaged.is_none()
    }

    pub(super) fn ready(&self) -> bool {
        self.readiness == Readiness::Ready
    }

    /// Whether nobody would lose anything if the node went.
    pub(super) fn empty(&self) -> bool {
        self.occupants == 0 && self.loses.is_none()
    }

    /// Whether it must not be cordoned or deleted for what is on it or written on it.
    pub(super) fn protected(&self) -> bool {
        self.critical.is_some() || self.scale_down_disabled
    }

    /// Whether somebody else cordoned it for a reason that this run must not undo: it is left exactly as it is.
    pub(super) fn in_others_hands(&self, policy: &Policy) -> bool {
        self.cordon == Cordon::Others && (self.protected() || !policy.adopt_cordons)
    }

    pub(super) fn state(&self) -> NodeState {
        match (self.readiness, self.cordon) {
            (Readiness::Ready, Cordon::None) => NodeState::Serving,
            (Readiness::Ready, Cordon::Ours | Cordon::Others) => NodeState::Cordoned,
            (Readiness::Booting, _) => NodeState::Booting,
            (Readiness::Broken, _) => NodeState::Broken,
        }
    }
}

impl<'a> Survey<'a> {
    pub(crate) fn new(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        let mut warnings = Vec::new();
        let nodes =
            snapshot.nodes().iter().map(|node| look_at(node, snapshot, policy, &mut warnings)).collect();
        let mut survey = Self { snapshot, policy, nodes, unbound: Vec::new(), may_bind_late: None, warnings };
        survey.walk_pods();
        survey
    }

    /// The managed nodes with their index.
    pub(super) fn managed(&self) -> impl Iterator<Item = (NodeIndex, &NodeFacts<'a>)> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.managed())
    }

    /// How many managed nodes are in a state.
    pub(super) fn count(&self, state: NodeState) -> usize {
        self.managed().filter(|(_, node)| node.state() == state).count()
    }

    fn walk_pods(&mut self) {
        let mut classifier = Classifier::new(self.policy);
        let mut without_request: Option<(&Pod, usize)> = None;
        for (pod, binding) in self.snapshot.placed_pods() {
            let class = classifier.class(pod);
            match binding {
                Binding::UnknownNode => {}
                Binding::Unbound => {
                    let occupant = matches!(class, PodClass::Critical | PodClass::Dynamic);
                    if occupant {
                        self.unbound.push(pod);
                    }
                    let gated = pod.unbound.as_ref().is_some_and(|unbound| unbound.gated);
                    if !gated && (occupant || (class == PodClass::Omitted && loss(pod).is_some())) {
                        self.may_bind_late.get_or_insert(pod);
                    }
                }
                Binding::Node(index) => {
                    let Some(node) = self.nodes.get_mut(index).filter(|node| node.managed()) else {
                        continue;
                    };
                    node.add(pod, class);
                    if matches!(class, PodClass::Critical | PodClass::Dynamic) && pod.requests.memory.0 == 0 {
                        without_request.get_or_insert((pod, 0)).1 += 1;
                    }
                }
            }
        }
        if let Some((pod, pods)) = without_request {
            self.warnings.push(Warning::NoMemoryRequest { pod: pod.full_name(), pods });
        }
    }
}

impl<'a> NodeFacts<'a> {
    fn add(&mut self, pod: &'a Pod, class: PodClass) {
        self.load.add(pod.requests);
        match class {
            PodClass::Critical | PodClass::Dynamic => {
                self.occupants += 1;
                self.occupied += u128::from(pod.requests.memory.0);
                self.occupant.get_or_insert(pod);
                if class == PodClass::Critical {
                    self.critical.get_or_insert(pod);
                }
                return;
            }
            PodClass::Daemon { counted } => {
                self.daemon_load.add(pod.requests);
                if counted {
                    self.daemons += u128::from(pod.requests.memory.0);
                }
            }
            PodClass::Omitted => match loss(pod) {
                Some(why) => {
                    self.loses.get_or_insert((pod, why));
                }
                None => {
                    self.moves.extend(pod.controller.as_deref().map(|one| (one.uid.as_str(), one)));
                }
            },
            // Its node is undeletable while this run lasts; the pod itself is about to end.
            PodClass::Own => self.own = true,
        }
        self.unoccupied_load.add(pod.requests);
    }
}

fn look_at<'a>(
    node: &'a Node,
    snapshot: &Snapshot,
    policy: &Policy,
    warnings: &mut Vec<Warning>,
) -> NodeFacts<'a> {
    let unmanaged = unmanaged(node, policy);
    let capacity = match policy.capacity {
        // The API server itself takes a missing allocatable from capacity.
        CapacitySource::Allocatable => node.allocatable.memory.or(node.capacity.memory),
        CapacitySource::Capacity => node.capacity.memory,
    }
    .map_or(0, |bytes| u128::from(bytes.0));
    let says_ready = node.ready.is_some_and(|condition| condition.ready);
    if says_ready && capacity == 0 && unmanaged.is_none() {
        warnings.push(Warning::NoCapacity { node: node.name.clone() });
    }
    let not_ready_since = node.ready.map_or(node.created_at, |condition| condition.since.or(node.created_at));
    let readiness = if says_ready && capacity > 0 {
        Readiness::Ready
    } else if not_ready_since
        .is_some_and(|since| snapshot.observed_at().duration_since(since) < policy.boot_grace)
    {
        Readiness::Booting
    } else {
        Readiness::Broken
    };
    let mut mark = |key: &str| {
        let value = node.annotations.get(key)?;
        let moment = value.parse::<Timestamp>().ok();
        if moment.is_none() && unmanaged.is_none() {
            let (node, annotation) = (node.name.clone(), key.to_owned());
            warnings.push(Warning::BadMark { node, annotation, value: value.clone() });
        }
        moment
    };
    let (marked_cordoned_at, empty_since) = (mark(annotation::CORDONED_AT), mark(annotation::EMPTY_SINCE));
    let taint = node.taints.iter().find(|taint| taint.key == "node.kubernetes.io/unschedulable");
    let tainted_at = taint.and_then(|taint| taint.added_at);
    NodeFacts {
        node,
        unmanaged,
        readiness,
        not_ready_since,
        cordon: match (node.unschedulable, node.annotations.contains_key(annotation::CORDONED_AT)) {
            (false, _) => Cordon::None,
            (true, true) => Cordon::Ours,
            (true, false) => Cordon::Others,
        },
        scale_down_disabled: node
            .annotations
            .get(annotation::SCALE_DOWN_DISABLED)
            .is_some_and(|value| value == "true"),
        claimed: node.unschedulable && is_claimed(node, snapshot.observed_at()),
        marked_cordoned_at,
        tainted_at,
        cordoned_at: marked_cordoned_at.or(tainted_at),
        empty_since,
        capacity,
        occupants: 0,
        occupied: 0,
        daemons: 0,
        occupant: None,
        critical: None,
        loses: None,
        moves: BTreeMap::new(),
        own: policy.own_node.as_ref() == Some(&node.name),
        load: Load::default(),
        daemon_load: Load::default(),
        unoccupied_load: Load::default(),
    }
}
