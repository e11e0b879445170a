//! Pods that wait for a node: what they ask for, and where each would go.
//!
//! Utilization is blind to fragmentation: at 75 % no node may have room for one more user. So each pod that the
//! scheduler could not place is placed here first, and the places it needs are kept, opened or created.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::fit::{Room, Site};
use super::grow::{Growth, MakerIndex, offered};
use super::notes::Warning;
use super::order::{
    Candidate, Cordons, booting_instances, booting_nodes, cordon, is_candidate, maker_of, ready_candidates,
};
use super::survey::{Cordon, NodeFacts, Survey};
use crate::model::{Constraints, NodeIndex, Pod, Requests, Unbound};

/// The pods that are bound to no node.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    /// Memory that they ask for together; what could run nowhere asks for nothing.
    pub(super) demand: u128,
    /// How many the scheduler has marked unschedulable.
    pub(super) marked: usize,
    /// Those of them that could run somewhere: largest first.
    placeable: Vec<(&'a Pod, &'a Unbound)>,
    pub(super) warnings: Vec<Warning>,
}

/// Pods that got a place: one of them, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// `namespace/name`.
    pub(super) pod: String,
    pub(super) pods: usize,
}

/// Where the waiting pods would go.
#[derive(Debug, Default)]
pub(super) struct Placement {
    /// Nodes of the snapshot that take some.
    pub(super) nodes: BTreeMap<NodeIndex, Placed>,
    /// Booting instances that take some.
    pub(super) instances: BTreeSet<usize>,
    /// New nodes that take some, by what makes them; no more than may be created.
    pub(super) new: Vec<MakerIndex>,
    /// The pods on those.
    pub(super) on_new: Option<Placed>,
    /// How many new nodes they would need if any number could be created.
    pub(super) new_needed: usize,
    pub(super) warnings: Vec<Warning>,
}

/// What decides where a pod may go; pods that are alike in it are decided once.
type Shape<'a> = (Requests, &'a Constraints);

/// A place, and what is left of it.
#[derive(Debug)]
struct Spot<'a> {
    candidate: Candidate,
    /// `None` where nothing tells: then it takes any pod.
    site: Option<Site<'a>>,
    room: Room,
}

impl Spot<'_> {
    fn takes(&self, requests: Requests, constraints: &Constraints) -> bool {
        self.room.holds(requests) && self.site.is_none_or(|site| site.admits(constraints))
    }
}

impl<'a> Waiting<'a> {
    pub(super) fn new(survey: &Survey<'a>, growth: &Growth<'a>) -> Self {
        let empty: Vec<Spot<'_>> = (0..survey.nodes.len())
            .filter(|index| is_candidate(survey, *index))
            .filter_map(|index| node_spot(survey, growth, index, |facts| facts.unoccupied_load))
            .collect();
        // An instance of which nothing tells what it will be like is assumed to take any pod.
        let unknown_boots = growth
            .booting
            .iter()
            .any(|one| growth.makers.get(one.maker).is_some_and(|maker| maker.shape.is_none()));
        let mut known: BTreeMap<Shape<'_>, bool> = BTreeMap::new();
        let mut waiting = Self { demand: 0, marked: 0, placeable: Vec::new(), warnings: Vec::new() };
        for &pod in &survey.unbound {
            let Some(unbound) = pod.unbound.as_deref() else { continue };
            if unbound.gated {
                waiting.warnings.push(Warning::Gated { pod: pod.full_name() });
                continue;
            }
            waiting.marked += usize::from(unbound.unschedulable.is_some());
            let (requests, constraints) = (pod.requests, &*unbound.constraints);
            let fits = *known.entry((requests, constraints)).or_insert_with(|| {
                empty.iter().any(|spot| spot.takes(requests, constraints))
                    || growth.makers.iter().any(|maker| maker.would_take(requests, constraints))
                    || unknown_boots
            });
            if !fits {
                waiting.warnings.push(Warning::FitsNowhere { pod: pod.full_name() });
                continue;
            }
            waiting.demand += u128::from(requests.memory.0);
            if unbound.unschedulable.is_some() {
                waiting.placeable.push((pod, unbound));
            }
        }
        // Pods come sorted by name, and the sort is stable.
        waiting.placeable.sort_by_key(|(pod, _)| (Reverse(pod.requests.memory), Reverse(pod.requests.cpu)));
        waiting
    }

    /// Places the pods, each on the first place that takes it: serving nodes in keep order, then booting ones, then
    /// cordoned candidates in keep order, then a new node.
    pub(super) fn place(&self, survey: &Survey<'a>, growth: &Growth<'a>, cordons: &Cordons) -> Placement {
        let mut placement = Placement::default();
        if self.placeable.is_empty() {
            return placement;
        }
        let mut spots = spots(survey, growth, cordons);
        let mut further = growth.order();
        // Room only ever shrinks, so a pod may start looking where the last one like it found its place.
        let mut starts: BTreeMap<Shape<'_>, usize> = BTreeMap::new();
        let mut created = 0;
        for (pod, unbound) in &self.placeable {
            let (requests, constraints) = (pod.requests, &*unbound.constraints);
            let start = starts.entry((requests, constraints)).or_insert(0);
            let found = spots.iter().skip(*start).position(|spot| spot.takes(requests, constraints));
            *start = found.map_or(spots.len(), |offset| *start + offset);
            if found.is_none() {
                let suits = |maker: MakerIndex| {
                    growth.makers.get(maker).is_some_and(|maker| maker.would_take(requests, constraints))
                };
                let Some(maker) = further.take(suits) else {
                    placement.warnings.push(Warning::NoRoom { pod: pod.full_name() });
                    continue;
                };
                spots.push(new_spot(growth, maker));
                created += 1;
            }
            let Some(spot) = spots.get_mut(*start) else { continue };
            spot.room.take(requests);
            match spot.candidate {
                Candidate::Node(index) => {
                    count(placement.nodes.entry(index).or_insert_with(|| placed(pod)));
                    let serves = survey
                        .nodes
                        .get(index)
                        .is_some_and(|facts| facts.ready() && facts.cordon == Cordon::None);
                    if serves {
                        placement.warnings.push(Warning::RefusedByScheduler {
                            pod: pod.full_name(),
                            node: survey
                                .nodes
                                .get(index)
                                .map(|facts| facts.node.name.clone())
                                .unwrap_or_default(),
                            message: unbound.unschedulable.clone().unwrap_or_default(),
                        });
                    }
                }
                Candidate::Instance(index) => {
                    placement.instances.insert(index);
                }
                Candidate::New(maker) => {
                    if found.is_none() && created <= growth.allowed {
                        placement.new.push(maker);
                    }
                    count(placement.on_new.get_or_insert_with(|| placed(pod)));
                }
            }
        }
        placement.new_needed = created;
        placement
    }
}

fn placed(pod: &Pod) -> Placed {
    Placed { pod: pod.full_name(), pods: 0 }
}

fn count(placed: &mut Placed) {
    placed.pods += 1;
}

/// The places there are, in the order in which they are tried.
fn spots<'a>(survey: &Survey<'a>, growth: &Growth<'a>, cordons: &Cordons) -> Vec<Spot<'a>> {
    let ready = ready_candidates(survey, cordons);
    let of = |index: &NodeIndex| node_spot(survey, growth, *index, |facts| facts.load);
    // What must be kept stands first in the keep order.
    let kept = |index: &&NodeIndex| survey.nodes.get(**index).is_some_and(NodeFacts::protected);
    let by_cordon = |cordoned: bool| {
        let some: Vec<NodeIndex> = ready
            .iter()
            .copied()
            .filter(|index| (cordon(cordons, *index) != Cordon::None) == cordoned)
            .collect();
        let first = some.iter().filter(kept).copied();
        first.chain(some.iter().filter(|index| !kept(index)).copied()).collect::<Vec<NodeIndex>>()
    };
    let mut spots: Vec<Spot<'_>> = by_cordon(false).iter().filter_map(of).collect();
    spots.extend(booting_nodes(survey).iter().filter_map(of));
    spots.extend(booting_instances(growth).into_iter().filter_map(|index| {
        let maker = growth.booting.get(index)?.maker;
        Some(Spot { candidate: Candidate::Instance(index), ..new_spot(growth, maker) })
    }));
    spots.extend(by_cordon(true).iter().filter_map(of));
    spots
}

/// A node as a place, less a part of what is on it. A node that has not told its size yet is like its group's nodes.
fn node_spot<'a>(
    survey: &Survey<'a>,
    growth: &Growth<'a>,
    index: NodeIndex,
    load: impl Fn(&NodeFacts<'a>) -> super::pods::Load,
) -> Option<Spot<'a>> {
    let facts = survey.nodes.get(index)?;
    let site = Site { name: Some(&facts.node.name), labels: &facts.node.labels, taints: &facts.node.taints };
    let candidate = Candidate::Node(index);
    if facts.capacity == 0
        && let Some(maker) = maker_of(survey, growth, index)
    {
        return Some(Spot { site: Some(site), candidate, ..new_spot(growth, maker) });
    }
    let room = Room::new(offered(facts.node.allocatable, facts.node.capacity), load(facts));
    Some(Spot { candidate, site: Some(site), room })
}

/// A node that does not exist yet as a place.
fn new_spot<'a>(growth: &Growth<'a>, maker: MakerIndex) -> Spot<'a> {
    let shape = growth.makers.get(maker).and_then(|maker| maker.shape);
    Spot {
        candidate: Candidate::New(maker),
        site: shape.map(|shape| shape.site()),
        room: shape.map(|shape| shape.room()).unwrap_or_default(),
    }
}
