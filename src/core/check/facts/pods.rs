//! One walk over the pods, which adds each to the facts of its node.

use std::collections::BTreeSet;

use super::class::{
    Class, class, is_control_plane, is_lost_with, is_movable, is_omitted, is_own, is_recreated,
};
use super::common::{Voters, is_in_question};
use super::{NodeFacts, deciding};
use crate::model::{Amounts, Binding, NodeIndex, NodeResources, Pod, Resource, Snapshot, Volumes};
use crate::policy::Policy;

/// The resources by which a pod is too large for every node.
const RESOURCES: [Resource; 2] = [Resource::Memory, Resource::Cpu];

/// The results of the walk, apart from the nodes' facts.
pub(super) struct Counted<'a> {
    pub(super) voters: Voters<'a>,
    pub(super) unbound: Vec<&'a Pod>,
    pub(super) on_tainted: Vec<(NodeIndex, &'a Pod)>,
    pub(super) recreated: Vec<(NodeIndex, &'a Pod)>,
    /// The daemons, omitted ones too, if a node may boot or is parked.
    pub(super) daemons: Vec<(NodeIndex, &'a Pod)>,
}

pub(super) fn count<'a>(
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    nodes: &mut [NodeFacts<'a>],
) -> Counted<'a> {
    let mut counted = Counted {
        voters: Voters::default(),
        unbound: Vec::new(),
        on_tainted: Vec::new(),
        recreated: Vec::new(),
        daemons: Vec::new(),
    };
    let comes = nodes.iter().any(|node| node.managed && node.health.may_come());
    let in_question: Vec<bool> =
        nodes.iter().map(|node| node.managed && is_in_question(node, policy)).collect();
    let vote = in_question.contains(&true);
    let most = RESOURCES.map(|resource| most_offered(nodes, snapshot, resource));
    for (pod, binding) in snapshot.placed_pods() {
        match binding {
            Binding::Node(index) => {
                let Some(node) = nodes.get_mut(index) else { continue };
                let is_daemon = comes && class(pod, policy) == Class::Daemon && !is_own(pod, policy);
                if is_daemon {
                    counted.daemons.push((index, pod));
                }
                let class = add(node, pod, policy, snapshot.volumes());
                if class.is_some() && in_question.get(index) == Some(&true) {
                    counted.on_tainted.push((index, pod));
                }
                if class.is_none() && pod.ready && is_recreated(pod) {
                    counted.recreated.push((index, pod));
                }
                if let (true, true, Some(Class::Dynamic | Class::Placeholder)) = (vote, node.managed, class) {
                    counted.voters.add(Some(node.pool), pod);
                }
            }
            Binding::Unbound if !pod.deleting && !is_own(pod, policy) => {
                counted.unbound.push(pod);
                let class = class(pod, policy);
                if is_omitted(pod, policy) || class == Class::Daemon {
                    continue;
                }
                let gated = pod.unbound.as_ref().is_some_and(|unbound| unbound.gated);
                let fits_none = || RESOURCES.iter().zip(most).any(|(one, most)| pod.requests.of(*one) > most);
                if matches!(class, Class::Dynamic | Class::Placeholder) && !gated && !fits_none() {
                    counted.voters.add(None, pod);
                }
                let refused = pod.unbound.as_ref().is_some_and(|unbound| unbound.refusal.is_some());
                if refused && !gated && class != Class::Placeholder {
                    counted.voters.waiting.push(&pod.constraints);
                }
            }
            Binding::Unbound | Binding::UnknownNode => {}
        }
    }
    counted
}

/// The largest amount of a resource on a managed node or, by its template, a new node; without bound if one of them is unknown.
fn most_offered(nodes: &[NodeFacts<'_>], snapshot: &Snapshot, resource: Resource) -> u64 {
    let known = |allocatable: &NodeResources, capacity: &NodeResources| {
        allocatable.of(resource).or(capacity.of(resource)).unwrap_or(u64::MAX)
    };
    let mut sizes = Vec::new();
    for facts in nodes.iter().filter(|facts| facts.managed) {
        sizes.push(known(&facts.node.allocatable, &facts.node.capacity));
    }
    let has_node: BTreeSet<Option<&str>> = nodes.iter().map(|facts| facts.node.group.as_deref()).collect();
    for group in snapshot.groups() {
        match &group.template {
            Some(template) => sizes.push(known(&template.allocatable, &template.capacity)),
            None if has_node.contains(&Some(group.name.as_str())) => {}
            None => sizes.push(u64::MAX),
        }
    }
    sizes.into_iter().max().unwrap_or(u64::MAX)
}

/// Adds one bound pod to the facts of its node; returns the class of a pod that is taken into
/// account.
fn add<'a>(facts: &mut NodeFacts<'a>, pod: &'a Pod, policy: &Policy, volumes: &Volumes) -> Option<Class> {
    let class = class(pod, policy);
    let requests = bounded(pod, facts).times(pod.count());
    let own = is_own(pod, policy);
    let omitted = own || is_omitted(pod, policy);
    let leaves = own || class == Class::Placeholder || !omitted && class != Class::Daemon;
    let load = if leaves { &mut facts.displaceable_load } else { &mut facts.fixed_load };
    load.add(&pod.requests.times(pod.count()));
    if matches!(class, Class::Dynamic | Class::Critical) && !pod.claims.is_empty() {
        facts.claimant = Some(pod);
    }
    if own {
        facts.own = true;
        return None;
    }
    if class == Class::Daemon && is_control_plane(pod) {
        facts.lost_pod.get_or_insert(pod);
    }
    if omitted {
        if class != Class::Placeholder {
            facts.omitted.add(&requests);
        }
        let stays = matches!(class, Class::Dynamic | Class::Critical);
        if stays && is_lost_with(pod, facts.node, policy, volumes) {
            facts.lost_pod.get_or_insert(pod);
        } else if stays {
            facts.to_evict.get_or_insert(pod);
        }
        return None;
    }
    if !facts.managed {
        return Some(class);
    }
    match class {
        Class::Daemon => facts.daemons.add(&requests),
        Class::Placeholder => facts.placeholders.add(&requests),
        Class::Dynamic => facts.dynamic.add(&requests),
        Class::Critical => facts.critical.add(&requests),
    }
    if matches!(class, Class::Dynamic | Class::Critical) {
        facts.occupants += pod.count();
        facts.occupant.get_or_insert(pod);
        if class == Class::Critical && is_movable(pod, facts.node, policy, volumes) {
            facts.movable += 1;
            facts.to_evict.get_or_insert(pod);
        } else if class == Class::Critical {
            facts.critical_pod.get_or_insert(pod);
        }
    }
    Some(class)
}

/// The requests of a bound pod, at most the amounts of its node where these are known: a kubelet may report none.
fn bounded(pod: &Pod, facts: &NodeFacts<'_>) -> Amounts {
    let at_most = |resource| {
        let node = facts.node;
        let has = node.allocatable.of(resource).max(node.capacity.of(resource));
        pod.requests.of(resource).min(has.filter(|amount| *amount > 0).unwrap_or(u64::MAX))
    };
    deciding(at_most(Resource::Memory), at_most(Resource::Cpu))
}
