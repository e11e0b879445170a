//! One walk over the nodes and one over the pods: everything that a plan needs to know of a cluster.

use std::collections::BTreeMap;

use super::actors::{autoscaler_of, deletion_delay};
use super::asked::{demand_of, reserved_demand};
use super::capacity::{Ceiling, Medians, without_omitted};
use super::classes::{Classifier, PodClass};
use super::common::{Judge, Population};
use super::devices::Devices;
use super::loss::{loss, loss_on};
use super::managed::unmanaged;
use super::notes::Warning;
use super::pools::Pools;
use super::reason::KeepReason;
use super::replicas;
use super::state::{Marks, bad_marks, is_claimed, not_ready_since, says_ready, scale_down_disabled, state};
use super::survey::{CommonTaints, Cordon, NodeFacts, OccupantKind, Survey, UnboundPod};
use super::value::NodeState;
use crate::model::{Amounts, Binding, Node, Pod, Resource, Snapshot, Volumes};
use crate::policy::Policy;

impl<'a> Survey<'a> {
    /// Looks at a cluster through a policy.
    pub(crate) fn new(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        let unmanaged: Vec<Option<KeepReason>> =
            snapshot.nodes().iter().map(|node| unmanaged(node, policy)).collect();
        let pools = Pools::new(snapshot, policy, &unmanaged);
        let nodes = snapshot.nodes().iter().zip(unmanaged).map(|(node, why)| {
            let pool = if why.is_none() || is_unreadable(why.as_ref()) { pools.of(node, policy) } else { 0 };
            NodeFacts::of(node, pool, why, snapshot, policy)
        });
        let mut walk = Walk::new(nodes.collect(), policy);
        walk.pods(snapshot);
        let Walk { mut nodes, population, unbound, may_bind_late, mut warnings, .. } = walk;
        let judged_common = judge_common(&pools, &mut nodes, &unbound, &population, snapshot, policy);
        look_at_states(&mut nodes, snapshot, policy, &mut warnings);
        for node in &mut nodes {
            node.demand = demand_of(node);
        }
        reserved_demand(&mut nodes, snapshot, policy);
        let live_pods = replicas::count(snapshot, &mut nodes);
        warn_of_nodes(&nodes, policy, &mut warnings);
        Self {
            snapshot,
            policy,
            nodes,
            pools: pools.names,
            group_pools: pools.of_groups,
            unbound,
            may_bind_late,
            judged_common,
            live_pods,
            warnings,
        }
    }
}

fn is_unreadable(why: Option<&KeepReason>) -> bool {
    matches!(why, Some(KeepReason::Unreadable { .. }))
}

/// Judges the nodes of each pool by their lasting taints, and notes on the reserved ones why they are.
fn judge_common<'a>(
    pools: &Pools,
    nodes: &mut [NodeFacts<'a>],
    unbound: &[UnboundPod<'a>],
    population: &Population<'a>,
    snapshot: &'a Snapshot,
    policy: &'a Policy,
) -> Vec<CommonTaints> {
    let refused = unbound.iter().filter(|unbound| {
        unbound.kind != OccupantKind::Placeholder
            && unbound.pod.unbound.as_ref().is_some_and(|one| one.refusal.is_some() && !one.gated)
    });
    let waiting: Vec<_> = refused.map(|unbound| &*unbound.pod.constraints).collect();
    let judge = Judge { policy, ledger: snapshot.ledger(), population, waiting: &waiting };
    let judged = pools.names.iter().enumerate().map(|(pool, name)| {
        let of_pool = || nodes.iter().enumerate().filter(|(_, node)| node.managed() && node.pool == pool);
        let indices: Vec<usize> = of_pool().map(|(index, _)| index).collect();
        let of_pool: Vec<&Node> = of_pool().map(|(_, node)| node.node).collect();
        (indices, judge.judge(pool, name, &of_pool))
    });
    let judged: Vec<_> = judged.collect();
    let mut noted = Vec::new();
    for (indices, judgement) in judged {
        for (index, why) in indices.into_iter().zip(judgement.reserved) {
            if let Some(node) = nodes.get_mut(index) {
                node.reserved = why;
            }
        }
        noted.push(judgement.noted);
    }
    noted
}

fn look_at_states(
    nodes: &mut [NodeFacts<'_>],
    snapshot: &Snapshot,
    policy: &Policy,
    warnings: &mut Vec<Warning>,
) {
    let medians = Medians::new(snapshot, policy);
    let devices = Devices::new(snapshot, policy);
    for facts in nodes {
        let (node, managed) = (facts.node, facts.managed());
        let (capacity, beyond) = medians.capacity(node, policy);
        facts.capacity = without_omitted(capacity, &facts.omitted_load, policy);
        let none_of = none_of(&facts.capacity, policy);
        let missing = devices.missing(node, policy).map(|name| format!("{name} has not come"));
        let lacks = missing.or_else(|| none_of.map(|resource| format!("no {resource} is left for its pods")));
        (facts.state, facts.impaired_by) = state(node, lacks, policy, snapshot.observed_at());
        if !managed {
            continue;
        }
        warnings.extend(beyond);
        warnings.extend(bad_marks(node));
    }
}

/// The first of the deciding resources that an amount has nothing of.
fn none_of(amounts: &Amounts, policy: &Policy) -> Option<Resource> {
    policy.resources.iter().copied().find(|resource| amounts.of(*resource) == 0)
}

/// Warns of what nodes have in common, once for all of them.
fn warn_of_nodes(nodes: &[NodeFacts<'_>], policy: &Policy, warnings: &mut Vec<Warning>) {
    let mut reserved: BTreeMap<Option<&str>, (&str, usize)> = BTreeMap::new();
    let mut not_in_use: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    let mut autoscalers: BTreeMap<&str, (&str, String)> = BTreeMap::new();
    for facts in nodes.iter().filter(|node| node.managed()) {
        let name = facts.node.name.as_str();
        if let Some(why) = &facts.reserved {
            reserved.entry(taint_of(why)).or_insert((name, 0)).1 += 1;
        }
        if let (NodeState::NotInUse, Some(what)) = (facts.state, &facts.impaired_by) {
            let reported = facts.capacity.clone().plus(&facts.omitted_load);
            match none_of(&reported, policy) {
                Some(resource) => warnings.push(Warning::NoCapacity { node: name.to_owned(), resource }),
                None => not_in_use.entry(what).or_insert((name, 0)).1 += 1,
            }
        }
        if let Some((actor, mark)) = autoscaler_of(facts.node) {
            autoscalers.entry(actor).or_insert((name, mark));
        }
    }
    warnings.extend(reserved.into_iter().map(|(taint, (node, nodes))| {
        let node = node.to_owned();
        match taint {
            Some(taint) => Warning::Reserved { taint: taint.to_owned(), node, nodes },
            None => Warning::ReservedWindows { node, nodes },
        }
    }));
    warnings.extend(not_in_use.into_iter().map(|(what, (node, nodes))| Warning::NotInUse {
        what: what.to_owned(),
        node: node.to_owned(),
        nodes,
    }));
    warnings.extend(autoscalers.into_iter().map(|(actor, (node, mark))| Warning::OtherAutoscaler {
        actor: actor.to_owned(),
        node: node.to_owned(),
        mark,
    }));
}

/// The taint that reserves a node; `None` where it is reserved for being a Windows node.
fn taint_of(why: &KeepReason) -> Option<&str> {
    if let KeepReason::Reserved { taint } | KeepReason::ReservedFor { taint } = why {
        Some(taint)
    } else {
        None
    }
}

/// Pods that have something in common: the first by name, and how many there are.
#[derive(Clone, Copy, Debug, Default)]
struct Counted<'a>(Option<(&'a Pod, usize)>);

impl<'a> Counted<'a> {
    fn add(&mut self, pod: &'a Pod) {
        self.0.get_or_insert((pod, 0)).1 += 1;
    }

    fn warning(self, warning: impl Fn(String, usize) -> Warning) -> Option<Warning> {
        self.0.map(|(pod, pods)| warning(pod.full_name(), pods))
    }
}

/// The walk over the pods.
#[derive(Debug)]
struct Walk<'a> {
    policy: &'a Policy,
    nodes: Vec<NodeFacts<'a>>,
    ceilings: Vec<Ceiling<'a>>,
    population: Population<'a>,
    unbound: Vec<UnboundPod<'a>>,
    may_bind_late: Vec<&'a Pod>,
    without_request: Counted<'a>,
    beyond_node: Counted<'a>,
    warnings: Vec<Warning>,
}

impl<'a> Walk<'a> {
    fn new(nodes: Vec<NodeFacts<'a>>, policy: &'a Policy) -> Self {
        Self {
            policy,
            ceilings: nodes.iter().map(|facts| Ceiling::new(facts.node)).collect(),
            nodes,
            population: Population::default(),
            unbound: Vec::new(),
            may_bind_late: Vec::new(),
            without_request: Counted::default(),
            beyond_node: Counted::default(),
            warnings: Vec::new(),
        }
    }

    fn pods(&mut self, snapshot: &'a Snapshot) {
        let mut classifier = Classifier::new(self.policy);
        let mut critical_seen = false;
        for (pod, binding) in snapshot.placed_pods() {
            let class = classifier.class(pod);
            critical_seen |= class == PodClass::Critical;
            match binding {
                Binding::UnknownNode => {}
                Binding::Unbound => self.unbound(pod, class),
                Binding::Node(index) => self.bound(pod, class, index, snapshot.volumes()),
            }
        }
        if critical_seen && !classifier.preemptible_seen() {
            self.warnings.push(Warning::NoUserPods);
        }
        let no_memory = |pod, pods| Warning::NoMemoryRequest { pod, pods };
        self.warnings.extend(self.without_request.warning(no_memory));
        self.warnings.extend(self.beyond_node.warning(|pod, pods| Warning::BeyondNode { pod, pods }));
    }

    fn unbound(&mut self, pod: &'a Pod, class: PodClass) {
        // The API server never binds a pod that is being deleted.
        if pod.deleting {
            return;
        }
        let kind = OccupantKind::of(class);
        if let Some(kind) = kind {
            self.unbound.push(UnboundPod { pod, kind });
            if kind != OccupantKind::Critical {
                self.population.add(None, &pod.constraints);
            }
        }
        let keeps_its_node = match class {
            PodClass::Critical | PodClass::Dynamic => true,
            PodClass::Omitted => loss(pod).is_some(),
            PodClass::Daemon { .. } | PodClass::Placeholder { .. } | PodClass::Own => false,
        };
        let gated = pod.unbound.as_ref().is_some_and(|unbound| unbound.gated);
        if keeps_its_node && !gated {
            self.may_bind_late.push(pod);
        }
    }

    fn bound(&mut self, pod: &'a Pod, class: PodClass, index: usize, volumes: &Volumes) {
        let (Some(facts), Some(ceiling)) = (self.nodes.get_mut(index), self.ceilings.get(index)) else {
            return;
        };
        // What is on a node that nobody can read is asked for all the same.
        let unreadable = is_unreadable(facts.unmanaged.as_ref());
        if !facts.managed() && !unreadable {
            return;
        }
        let counted = ceiling.cap(&pod.requests);
        let kind = OccupantKind::of(class);
        if unreadable {
            if let Some(kind) = kind {
                facts.requests_of(kind).add(&counted);
            }
            return;
        }
        if matches!(counted, std::borrow::Cow::Owned(_)) {
            self.beyond_node.add(pod);
        }
        if let Some(kind) = kind
            && kind != OccupantKind::Critical
        {
            self.population.add(Some(facts.pool), &pod.constraints);
        }
        if matches!(class, PodClass::Critical | PodClass::Dynamic) && pod.requests.memory.0 == 0 {
            self.without_request.add(pod);
        }
        facts.add(pod, class, &counted, volumes);
    }
}

impl OccupantKind {
    /// The kind of a class of pods that are taken into account, daemons aside.
    pub(super) fn of(class: PodClass) -> Option<Self> {
        match class {
            PodClass::Critical => Some(Self::Critical),
            PodClass::Dynamic => Some(Self::Dynamic),
            PodClass::Placeholder { counted: true } => Some(Self::Placeholder),
            PodClass::Placeholder { counted: false }
            | PodClass::Daemon { .. }
            | PodClass::Omitted
            | PodClass::Own => None,
        }
    }
}

impl<'a> NodeFacts<'a> {
    /// What a node shows by itself.
    fn of(
        node: &'a Node,
        pool: usize,
        unmanaged: Option<KeepReason>,
        snapshot: &Snapshot,
        policy: &Policy,
    ) -> Self {
        let marks = Marks::of(node);
        Self {
            node,
            pool,
            unmanaged,
            reserved: None,
            state: NodeState::Broken,
            says_ready: says_ready(node),
            not_ready_since: not_ready_since(node),
            impaired_by: None,
            cordon: marks.cordon,
            scale_down_disabled: scale_down_disabled(node),
            deletion_delayed: deletion_delay(node),
            claimed: is_claimed(node, snapshot.observed_at()),
            marked_cordoned_at: marks.marked_cordoned_at,
            tainted_at: marks.tainted_at,
            cordoned_at: marks.cordoned_at,
            empty_since: marks.empty_since,
            capacity: Amounts::default(),
            offer: node.allocatable.offer(&node.capacity),
            occupants: 0,
            critical_requests: Amounts::default(),
            dynamic_requests: Amounts::default(),
            placeholder_requests: Amounts::default(),
            daemons: Amounts::default(),
            demand: Amounts::default(),
            occupant: None,
            critical: None,
            loses: None,
            replicas: Vec::new(),
            moves: Vec::new(),
            own: policy.own_node.as_ref() == Some(&node.name),
            load: Amounts::default(),
            daemon_load: Amounts::default(),
            omitted_load: Amounts::default(),
            unoccupied_load: Amounts::default(),
        }
    }

    fn requests_of(&mut self, kind: OccupantKind) -> &mut Amounts {
        match kind {
            OccupantKind::Critical => &mut self.critical_requests,
            OccupantKind::Dynamic => &mut self.dynamic_requests,
            OccupantKind::Placeholder => &mut self.placeholder_requests,
        }
    }

    fn add(&mut self, pod: &'a Pod, class: PodClass, requests: &Amounts, volumes: &Volumes) {
        self.load.add(requests);
        if let Some(kind) = OccupantKind::of(class) {
            self.requests_of(kind).add(requests);
        }
        match class {
            PodClass::Critical | PodClass::Dynamic => {
                self.occupants += 1;
                self.occupant.get_or_insert(pod);
                if class == PodClass::Critical {
                    self.critical.get_or_insert(pod);
                }
                return;
            }
            PodClass::Placeholder { .. } => return,
            PodClass::Daemon { counted } => {
                self.daemon_load.add(requests);
                let sum = if counted { &mut self.daemons } else { &mut self.omitted_load };
                sum.add(requests);
            }
            PodClass::Omitted => {
                self.omitted_load.add(requests);
                // Once one is lost the node stays, and it does not matter what else is.
                if self.loses.is_none() {
                    match loss_on(pod, self.node, volumes) {
                        Some(why) => self.loses = Some((pod, why)),
                        None => self.moves.push(pod),
                    }
                }
            }
            // Its node is undeletable while this run lasts; the pod itself is about to end.
            PodClass::Own => self.own = true,
        }
        self.unoccupied_load.add(requests);
    }

    /// What a node has for users' and critical pods: all that is not taken by pods that come with it or are omitted.
    pub(crate) fn room_without_occupants(&self) -> Amounts {
        self.offer.clone().minus(&self.unoccupied_load)
    }

    /// Whether somebody cordoned it.
    pub(crate) fn cordoned(&self) -> bool {
        self.cordon != Cordon::None
    }
}

#[cfg(test)]
mod tests;
