//! The places for waiting pods, in the order in which they are tried. Section 6.
//!
//! ```text
//!   serving nodes -> cordoned candidates -> reserved nodes -> booting nodes and instances -> parked nodes -> new nodes
//! ```
//!
//! Critical and pinned nodes come first among the serving and among the cordoned ones, then the order of part 2.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fit::{Shape, template_admits};
use super::group::GroupIndex;
use super::growth::Growth;
use super::order::{
    Candidate, Cordons, booting_instances, booting_nodes, cordon, is_candidate, ready_candidates,
};
use super::parked::parked_nodes;
use super::pools::PoolIndex;
use super::reach::Site;
use super::state::Cordon;
use super::survey::{NodeFacts, Survey};
use super::taints::takes_nobody_now;
use super::template::Template;
use crate::model::{Amounts, FurtherAmounts, NodeIndex, Resource};

/// Requests of nominated pods by the node that they are nominated for.
pub(super) type Nominated = BTreeMap<NodeIndex, Amounts>;

/// The kind of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// A serving node.
    Serving,
    /// A cordoned candidate.
    Cordoned,
    /// A reserved node that is schedulable: a pod that fits it needs no action.
    Reserved,
    /// A reserved node under our own cordon.
    ReservedCordoned,
    /// A booting node or instance.
    Booting,
    /// A parked node.
    Parked,
    /// A node to be created.
    New,
}

/// A place for pods.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) at: Candidate,
    pub(super) stage: Stage,
    ground: Ground<'a>,
    /// The room that is free there now.
    free: Amounts,
    /// The room that is left after the pods placed so far.
    pub(super) left: Amounts,
}

/// The properties of a place, apart from its room.
#[derive(Clone, Copy, Debug)]
enum Ground<'a> {
    Node(Site<'a>),
    Template(&'a Template<'a>),
    /// Unknown, so any pod is admitted: a cluster that has shrunk to nothing must be able to grow again.
    Unknown,
}

impl<'a> Place<'a> {
    fn new(at: Candidate, stage: Stage, ground: Ground<'a>, free: Amounts) -> Self {
        Self { at, stage, ground, left: free.clone(), free }
    }

    /// Whether a pod fits the room that is left.
    pub(super) fn takes(&self, shape: Shape<'_>) -> bool {
        matches!(self.ground, Ground::Unknown) || (shape.fits(&self.left) && self.admits(shape))
    }

    /// Whether a pod fits the room that is free now, without regard to other waiting pods.
    pub(super) fn would_take_now(&self, shape: Shape<'_>) -> bool {
        shape.fits(&self.free) && self.admits(shape)
    }

    fn admits(&self, shape: Shape<'_>) -> bool {
        match self.ground {
            Ground::Node(site) => shape.is_admitted(site),
            Ground::Template(template) => template_admits(template, shape),
            Ground::Unknown => true,
        }
    }
}

/// The room that is free on a node now.
pub(super) fn free_now(facts: &NodeFacts<'_>, index: NodeIndex, nominated: &Nominated) -> Amounts {
    let free = facts.offer.clone().minus(&facts.load);
    nominated.get(&index).map_or(free.clone(), |more| free.minus(more))
}

/// The places of a pool that exist, in order.
pub(super) fn places<'s>(
    survey: &'s Survey<'_>,
    growth: &'s Growth<'_>,
    pool: PoolIndex,
    cordons: &Cordons,
    resource: Resource,
    nominated: &Nominated,
) -> Vec<Place<'s>> {
    let ready = ready_candidates(survey, pool, cordons, resource);
    let facts = |index: NodeIndex| survey.nodes.get(index);
    let node = |index: NodeIndex, stage: Stage| {
        let facts = facts(index).filter(|facts| !takes_nobody_now(facts.node))?;
        Some(Place::new(
            Candidate::Node(index),
            stage,
            Ground::Node(survey.site(facts)),
            free_now(facts, index, nominated),
        ))
    };
    let kept = |index: &NodeIndex| facts(*index).is_some_and(NodeFacts::protected);
    let mut found = Vec::with_capacity(ready.len());
    for (stage, cordoned) in [(Stage::Serving, false), (Stage::Cordoned, true)] {
        for first in [true, false] {
            let these = ready.iter().copied().filter(|index| {
                (cordon(cordons, *index) != Cordon::None) == cordoned && kept(index) == first
            });
            found.extend(these.filter_map(|index| node(index, stage)));
        }
    }
    for (stage, cordoned) in [(Stage::Reserved, false), (Stage::ReservedCordoned, true)] {
        let reserved = survey.of_pool(pool).filter(|(_, facts)| {
            facts.reserved.is_some()
                && facts.ready()
                && !facts.claimed
                && !facts.in_others_hands(survey.policy)
                && (facts.cordon != Cordon::None) == cordoned
        });
        found.extend(reserved.filter_map(|(index, _)| node(index, stage)));
    }
    found.extend(
        booting_nodes(survey, pool).into_iter().filter_map(|index| booting_node(survey, growth, index)),
    );
    // If the nodes of a group that can grow are known, an unknown instance is no place.
    let known = growth.growable(pool).any(|(_, group)| group.template.is_some());
    found.extend(booting_instances(growth, pool).into_iter().filter_map(|index| {
        let group = growth.booting.get(index)?.group;
        if known && growth.groups.get(group)?.template.is_none() {
            return None;
        }
        Some(Place { at: Candidate::Instance(index), stage: Stage::Booting, ..new_place(growth, group) })
    }));
    found.extend(parked_nodes(survey, pool).into_iter().filter_map(|index| {
        let place = booting_node(survey, growth, index)?;
        Some(Place { stage: Stage::Parked, ..place })
    }));
    found
}

/// A node that does not exist yet as a place.
pub(super) fn new_place<'s>(growth: &'s Growth<'_>, group: GroupIndex) -> Place<'s> {
    let template = growth.groups.get(group).and_then(|group| group.template.as_ref());
    let (ground, free) = match template {
        Some(template) => (Ground::Template(template), template.free.clone()),
        None => (Ground::Unknown, without_bound()),
    };
    Place::new(Candidate::New(group), Stage::New, ground, free)
}

/// A booting node as a place.
pub(super) fn booting_node<'s>(
    survey: &'s Survey<'_>,
    growth: &'s Growth<'_>,
    index: NodeIndex,
) -> Option<Place<'s>> {
    let load = &survey.nodes.get(index)?.load;
    booting_node_under(survey, growth, index, load)
}

/// A booting node as a place, without its occupants.
pub(super) fn booting_node_free_of_occupants<'s>(
    survey: &'s Survey<'_>,
    growth: &'s Growth<'_>,
    index: NodeIndex,
) -> Option<Place<'s>> {
    let load = survey.nodes.get(index)?.unoccupied_load();
    booting_node_under(survey, growth, index, &load)
}

/// A booting node as a place, with these requests on it: per resource, the larger of what is free by its own status, as far as
/// that is believed, and by its group's template.
fn booting_node_under<'s>(
    survey: &'s Survey<'_>,
    growth: &'s Growth<'_>,
    index: NodeIndex,
    load: &Amounts,
) -> Option<Place<'s>> {
    let facts = survey.nodes.get(index).filter(|facts| is_candidate(survey, facts))?;
    let group = growth.group_of(survey, index);
    let reports = facts.node.allocatable.memory.or(facts.node.capacity.memory).is_some();
    let median = group.and_then(|group| growth.groups.get(group)?.template.as_ref());
    // The median of others is for what nothing else tells.
    let template = median.filter(|_| !reports || growth.has_template(group));
    let missing = growth.missing_daemons(group, index);
    let to_come = missing.counted.plus(&missing.omitted);
    let typical = group.and_then(|group| growth.groups.get(group)?.typical.as_ref());
    let offer = typical.map_or_else(|| facts.offer.clone(), |typical| typical.bound(&facts.offer));
    let own = if reports { offer.minus(load).minus(&to_come) } else { Amounts::default() };
    let free = match template {
        // Pods that tolerate its startup taint may run there already.
        Some(template) => own.larger(&template.offer.clone().minus(load).minus(&to_come)),
        None if reports => own.larger(&devices_to_come(facts, median)),
        None => without_bound(),
    };
    Some(Place::new(Candidate::Node(index), Stage::Booting, Ground::Node(survey.site(facts)), free))
}

/// The devices that the other nodes of its group have and that a node does not report yet.
fn devices_to_come(facts: &NodeFacts<'_>, median: Option<&Template<'_>>) -> Amounts {
    let further = median.into_iter().flat_map(|median| median.free.further());
    let to_come = further.filter(|(name, _)| facts.offer.further_of(name) == 0);
    let to_come: FurtherAmounts = to_come.map(|(name, amount)| (name.clone(), amount)).collect();
    Amounts::default().with_further(Some(Arc::new(to_come)))
}

/// Room for any pod that requests no device.
fn without_bound() -> Amounts {
    let mut room = Amounts::default();
    (room.memory.0, room.cpu.0, room.pods) = (u64::MAX, u64::MAX, u64::MAX);
    room
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Ledger, Node, NodeGroup, Pod, ReadyCondition, SchedulerRefusal, Snapshot, Unbound};
    use crate::plan::fixture::{Build, ago, cluster, node, now, pod};
    use crate::plan::{Action, plan};
    use crate::policy::Policy;

    fn gpus(count: u64) -> Arc<FurtherAmounts> {
        Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), count)]))
    }

    fn with_gpu(mut pod: Pod) -> Pod {
        pod.requests = pod.requests.with_further(Some(gpus(1)));
        pod
    }

    #[test]
    fn nothing_is_created_for_a_user_whom_the_devices_to_come_of_a_booting_node_will_serve() {
        let user = |name: &str| with_gpu(pod(&format!("hub/{name}")).labelled("user").asking(1, 100));
        let full = |name: &str| {
            let mut node = node(name);
            (node.allocatable.further, node.created_at) = (Some(gpus(1)), Some(ago(86_400)));
            node
        };
        let refusal = SchedulerRefusal { message: "".into(), since: Some(ago(20)) };
        let waits = Unbound { refusal: Some(refusal), created_at: Some(ago(20)), ..Unbound::default() };
        let gina = Pod { unbound: Some(Box::new(waits)), ..user("gina") };
        let grows = |boots: Option<Node>| {
            let nodes = [full("g1"), full("g2")].into_iter().chain(boots).collect();
            let pods = vec![user("ada").on("g1"), user("ben").on("g2"), gina.clone()];
            let policy = Policy { preemptible_labels: ["user".to_owned()].into(), ..Policy::default() };
            let actions = plan(&cluster(nodes, pods), &policy).unwrap().actions;
            actions.iter().any(|action| matches!(action, Action::Grow { .. }))
        };
        // It is Ready for a minute; its GPU is not registered yet.
        let boots = Node { created_at: Some(ago(60)), ..node("g3") };
        assert!(!grows(Some(boots)));
        assert!(grows(None));
    }

    #[test]
    fn a_kubelet_that_boots_and_reports_far_too_much_takes_no_more_than_its_group_s_nodes() {
        let user = |name: &str| pod(&format!("hub/{name}")).labelled("user").asking(20, 100);
        let in_group = |node: Node| Node { group: Some("z/a".to_owned()), ..node };
        let refusal = SchedulerRefusal { message: "".into(), since: Some(ago(20)) };
        let waits = |name: &str| {
            let (uid, created_at) = (format!("uid-{name}").into(), Some(ago(20)));
            let unbound = Unbound { uid, refusal: Some(refusal.clone()), created_at, ..Unbound::default() };
            Pod { unbound: Some(Box::new(unbound)), ..user(name) }
        };
        let created = |gibibytes: u64, waiting: usize| {
            let mut boots = Node { created_at: Some(ago(60)), ..in_group(node("n3")) };
            boots.ready = Some(ReadyCondition { ready: false, since: Some(ago(60)) });
            boots.allocatable.memory = Some(crate::model::Bytes(gibibytes << 30));
            let nodes = vec![in_group(node("n1")), in_group(node("n2")), boots];
            let mut pods = vec![user("ada").on("n1"), user("ben").on("n2")];
            pods.extend((0..waiting).map(|at| waits(&format!("w{at}"))));
            let (seen, group) =
                (pods.len(), NodeGroup { name: "z/a".to_owned(), target_size: 3, ..NodeGroup::default() });
            let snapshot = Snapshot::new(now(), nodes, pods, vec![group], seen).unwrap();
            let policy = Policy { preemptible_labels: ["user".to_owned()].into(), ..Policy::default() };
            let plan = plan(&snapshot.with_ledger(Some(Ledger::default())), &policy).unwrap();
            let created = |action: &Action| {
                let Action::Grow { from, to, .. } = action else { return None };
                Some(to - from)
            };
            plan.actions.iter().find_map(created)
        };
        assert_eq!(created(32, 1), None, "it has room for one");
        assert_eq!(created(128, 5), None, "four times is believed");
        assert_eq!(created(9000, 5), Some(4));
    }
}
