//! The keep order: every candidate once, those that stay first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::grow::{Growth, MakerIndex};
use super::survey::{Cordon, NodeFacts, Readiness, Survey};
use super::waiting::{Placed, Placement};
use crate::model::NodeIndex;

/// Something that can be in service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// A node of the snapshot.
    Node(NodeIndex),
    /// An instance that boots: its index in [`Growth::booting`].
    Instance(usize),
    /// A node to be created by this maker.
    New(MakerIndex),
}

/// A candidate with what it adds to a choice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) candidate: Candidate,
    pub(super) capacity: u128,
    pub(super) daemons: u128,
    /// Whether it can serve right away.
    pub(super) ready: bool,
}

/// Why a candidate must be kept.
#[derive(Clone, Debug)]
pub(super) enum Must {
    /// It runs a critical pod.
    Critical,
    /// It is annotated to stay.
    ScaleDownDisabled,
    /// A waiting pod has room there.
    Waiting(Placed),
    /// Its zone has no other.
    Zone(String),
}

/// The keep order of POLICY section 5.
#[derive(Debug)]
pub(super) struct KeepOrder {
    pub(super) entries: Vec<Entry>,
    /// How many of the entries, from the first, must be kept.
    pub(super) must: usize,
    /// Why, for the nodes among those.
    pub(super) reasons: BTreeMap<NodeIndex, Must>,
    /// How many of the entries that must be kept are new nodes.
    pub(super) must_create: usize,
    /// How many of the entries, from the first, stay where `MAX_NODES` allows, because nothing is to move: those that
    /// must be kept and those that serve. Else 0.
    pub(super) held: usize,
}

/// Who cordons which node, as far as a plan has got: parallel to the snapshot's nodes.
pub(super) type Cordons = [Cordon];

/// Whether a node is a candidate: one that is broken, or that somebody else
/// keeps out of service or is about to delete, is not.
pub(super) fn is_candidate(survey: &Survey<'_>, index: NodeIndex) -> bool {
    survey.nodes.get(index).is_some_and(|facts| {
        facts.managed()
            && !facts.claimed
            && match facts.readiness {
                Readiness::Ready => !facts.in_others_hands(survey.policy),
                // A cordoned one cannot be uncordoned before it is Ready.
                Readiness::Booting => facts.cordon == Cordon::None,
                Readiness::Broken => false,
            }
    })
}

/// The Ready candidates: most occupants first, then serving before cordoned, then larger occupied request, then
/// newer, then name.
pub(super) fn ready_candidates(survey: &Survey<'_>, cordons: &Cordons) -> Vec<NodeIndex> {
    let mut ready: Vec<_> = survey
        .managed()
        .filter(|(index, facts)| facts.ready() && is_candidate(survey, *index))
        .map(|(index, facts)| {
            let cordoned = cordon(cordons, index) != Cordon::None;
            let key =
                (Reverse(facts.occupants), cordoned, Reverse(facts.occupied), Reverse(facts.node.created_at));
            (key, index)
        })
        .collect();
    ready.sort_unstable();
    ready.into_iter().map(|(_, index)| index).collect()
}

/// The booting nodes, older first (one of unknown age last), then name.
pub(super) fn booting_nodes(survey: &Survey<'_>) -> Vec<NodeIndex> {
    let mut booting: Vec<_> = survey
        .managed()
        .filter(|(index, facts)| facts.readiness == Readiness::Booting && is_candidate(survey, *index))
        .map(|(index, facts)| (facts.node.created_at.is_none(), facts.node.created_at, index))
        .collect();
    booting.sort_unstable();
    booting.into_iter().map(|(_, _, index)| index).collect()
}

/// The booting instances, older first (one that the cloud has not begun last), then name.
pub(super) fn booting_instances(growth: &Growth<'_>) -> Vec<usize> {
    let mut booting: Vec<_> = growth
        .booting
        .iter()
        .enumerate()
        .map(|(index, one)| {
            let created_at = one.instance.created_at;
            ((created_at.is_none(), created_at, one.instance.name.as_str(), one.maker), index)
        })
        .collect();
    booting.sort_unstable();
    booting.into_iter().map(|(_, index)| index).collect()
}

pub(super) fn cordon(cordons: &Cordons, index: NodeIndex) -> Cordon {
    cordons.get(index).copied().unwrap_or(Cordon::None)
}

impl KeepOrder {
    /// Orders all candidates, with as many nodes to be created as may be.
    ///
    /// `hold` puts every serving node before the cordoned ones, and keeps it where `MAX_NODES` allows.
    pub(super) fn new(
        survey: &Survey<'_>,
        growth: &Growth<'_>,
        cordons: &Cordons,
        placement: &Placement,
        hold: bool,
    ) -> Self {
        let mut ready = ready_candidates(survey, cordons);
        if hold {
            ready.sort_by_key(|index| cordon(cordons, *index) != Cordon::None);
        }
        let booting = booting_nodes(survey);
        let reasons = reasons(survey, cordons, placement, &ready);
        let first = |wanted: bool, among: &[NodeIndex]| -> Vec<Candidate> {
            let chosen = among.iter().filter(|index| reasons.contains_key(*index) == wanted);
            chosen.map(|index| Candidate::Node(*index)).collect()
        };
        let instances = booting_instances(growth);
        let needed = |wanted: bool| {
            let chosen = instances.iter().filter(move |index| placement.instances.contains(*index) == wanted);
            chosen.map(|index| Candidate::Instance(*index)).collect::<Vec<_>>()
        };
        let mut further = growth.order();
        for maker in &placement.new {
            // Those that waiting pods need are the first to be made.
            further.take(|index| index == *maker);
        }
        let must_create = placement.new.len();
        let spare =
            std::iter::from_fn(|| further.take(|_| true)).take(growth.allowed.saturating_sub(must_create));
        let must = [first(true, &ready), first(true, &booting), needed(true)].concat();
        let must_count = must.len() + must_create;
        let candidates = must
            .into_iter()
            .chain(placement.new.iter().copied().map(Candidate::New))
            .chain(first(false, &ready))
            .chain(first(false, &booting))
            .chain(needed(false))
            .chain(spare.map(Candidate::New));
        let entries = candidates.map(|candidate| entry(survey, growth, candidate)).collect();
        let serves =
            |index: &&NodeIndex| !reasons.contains_key(*index) && cordon(cordons, **index) == Cordon::None;
        let stay = if hold { must_count + ready.iter().filter(serves).count() } else { 0 };
        Self { entries, must: must_count, reasons, must_create, held: stay }
    }
}

/// What a candidate adds to a choice: by its own status, else by what its group's nodes are like.
pub(super) fn entry(survey: &Survey<'_>, growth: &Growth<'_>, candidate: Candidate) -> Entry {
    let shape = |maker: Option<MakerIndex>| {
        let shape = maker.and_then(|maker| growth.makers.get(maker)).and_then(|maker| maker.shape);
        shape.map_or((0, 0), |shape| (shape.capacity, shape.daemons))
    };
    let (capacity, daemons) = match candidate {
        Candidate::Node(index) => match survey.nodes.get(index) {
            Some(facts) if facts.capacity > 0 => (facts.capacity, facts.daemons),
            _ => shape(maker_of(survey, growth, index)),
        },
        Candidate::Instance(index) => shape(growth.booting.get(index).map(|one| one.maker)),
        Candidate::New(maker) => shape(Some(maker)),
    };
    let ready = match candidate {
        Candidate::Node(index) => survey.nodes.get(index).is_some_and(NodeFacts::ready),
        Candidate::Instance(_) | Candidate::New(_) => false,
    };
    Entry { candidate, capacity, daemons, ready }
}

/// What makes nodes like this one.
pub(super) fn maker_of(survey: &Survey<'_>, growth: &Growth<'_>, index: NodeIndex) -> Option<MakerIndex> {
    let group = survey.nodes.get(index)?.node.group.as_deref();
    growth.makers.iter().position(|maker| maker.name() == group)
}

fn reasons(
    survey: &Survey<'_>,
    cordons: &Cordons,
    placement: &Placement,
    ready: &[NodeIndex],
) -> BTreeMap<NodeIndex, Must> {
    let mut reasons: BTreeMap<NodeIndex, Must> = BTreeMap::new();
    for &index in ready {
        let Some(facts) = survey.nodes.get(index) else { continue };
        // Under somebody else's cordon such a node is no candidate, so here it serves or the cordon is ours.
        if facts.critical.is_some() {
            reasons.insert(index, Must::Critical);
        } else if facts.scale_down_disabled {
            reasons.insert(index, Must::ScaleDownDisabled);
        }
    }
    for (index, placed) in &placement.nodes {
        reasons.entry(*index).or_insert_with(|| Must::Waiting(placed.clone()));
    }
    if survey.policy.keep_zones {
        keep_zones(survey, cordons, ready, &mut reasons);
    }
    reasons
}

/// For each zone with a serving node (if none serves: with a managed node), its first Ready candidate, unless a Ready
/// one is kept already. A node that still boots does not count: users' disks in the zone need one that serves.
fn keep_zones(
    survey: &Survey<'_>,
    cordons: &Cordons,
    ready: &[NodeIndex],
    reasons: &mut BTreeMap<NodeIndex, Must>,
) {
    let zone = |index: NodeIndex| survey.nodes.get(index).and_then(|facts| facts.node.zone());
    let serving: BTreeSet<NodeIndex> = survey
        .managed()
        .filter(|(index, facts)| facts.ready() && cordon(cordons, *index) == Cordon::None)
        .map(|(index, _)| index)
        .collect();
    let zones: BTreeSet<&str> = survey
        .managed()
        .filter(|(index, _)| serving.is_empty() || serving.contains(index))
        .filter_map(|(index, _)| zone(index))
        .collect();
    let mut kept: BTreeSet<&str> =
        ready.iter().filter(|index| reasons.contains_key(*index)).filter_map(|index| zone(*index)).collect();
    for &index in ready {
        if let Some(zone) = zone(index).filter(|zone| zones.contains(zone))
            && kept.insert(zone)
        {
            reasons.insert(index, Must::Zone(zone.to_owned()));
        }
    }
}
