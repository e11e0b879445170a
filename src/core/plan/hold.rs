//! Pods that the scheduler refuses although they fit a serving node by the rules of section 6.
//!
//! The scheduler knows more than this program: a zonal disk, an anti-affinity, attached volumes, host ports. So a run
//! creates no node on a guess. Instead it holds, in each zone, one node that the pod fits and one without occupants; where all
//! nodes have occupants, the one with the fewest, which becomes free first.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::order::Candidate;
use super::places::{Place, Stage};
use super::survey::Survey;
use super::waiting::{ShapeKey, WaitingPod};
use crate::model::NodeIndex;

/// Once the scheduler has refused a pod for this long although it fits a serving node by these rules, it has another
/// reason. Before that it may not have tried again yet.
const OTHER_REASON: SignedDuration = SignedDuration::from_secs(30);

/// The nodes that are kept or uncordoned for a pod.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// The first serving node that the pod fits.
    pub(super) serving: NodeIndex,
    /// The first serving node that the pod fits once this plan is carried out.
    pub(super) serving_then: NodeIndex,
    /// The nodes to keep or uncordon, in the order of their zones.
    pub(super) nodes: Vec<NodeIndex>,
}

/// Computes held nodes; equal pods share the answer.
pub(super) struct Holds<'s, 'a> {
    survey: &'s Survey<'a>,
    /// The number of places that are serving or cordoned candidates; these come first.
    candidates: usize,
    known: BTreeMap<ShapeKey<'s>, Option<Held>>,
}

impl<'s, 'a> Holds<'s, 'a> {
    pub(super) fn new(survey: &'s Survey<'a>, places: &[Place<'_>]) -> Self {
        let is_candidate = |place: &&Place<'_>| matches!(place.stage, Stage::Serving | Stage::Cordoned);
        let candidates = places.iter().take_while(is_candidate).count();
        Self { survey, candidates, known: BTreeMap::new() }
    }

    /// The nodes that are held for a pod that was refused for another reason than its requests; `None` for any other pod.
    pub(super) fn of(&mut self, one: &WaitingPod<'s>, places: &[Place<'_>]) -> Option<Held> {
        if one.age.is_none_or(|age| age < OTHER_REASON) {
            return None;
        }
        let (survey, candidates) = (self.survey, self.candidates);
        let places = places.get(..candidates).unwrap_or_default();
        self.known.entry(one.key()).or_insert_with(|| held(survey, places, one)).clone()
    }
}

/// The first nodes of a zone that a pod fits.
#[derive(Debug, Default)]
struct InZone {
    serving: Option<NodeIndex>,
    last_serving: Option<NodeIndex>,
    cordoned: Option<NodeIndex>,
    free_serving: Option<NodeIndex>,
    free_cordoned: Option<NodeIndex>,
}

fn held(survey: &Survey<'_>, places: &[Place<'_>], one: &WaitingPod<'_>) -> Option<Held> {
    let mut zones: BTreeMap<Option<&str>, InZone> = BTreeMap::new();
    let mut first = None;
    let mut first_then = None;
    for place in places.iter().filter(|place| place.would_take_now(one.shape())) {
        let Candidate::Node(index) = place.at else { continue };
        let Some(facts) = survey.nodes.get(index) else { continue };
        // The refusal is about nodes that served when the run began: not about a node that this plan uncordons, but about
        // one that it cordons.
        if facts.serves() {
            first.get_or_insert(index);
        }
        let zone = zones.entry(facts.zone).or_default();
        let (any, free) = match place.stage {
            Stage::Serving => {
                first_then.get_or_insert(index);
                // Places come by their occupants, most of them first.
                zone.last_serving = Some(index);
                (&mut zone.serving, &mut zone.free_serving)
            }
            Stage::Cordoned
            | Stage::Reserved
            | Stage::ReservedCordoned
            | Stage::Booting
            | Stage::Parked
            | Stage::New => (&mut zone.cordoned, &mut zone.free_cordoned),
        };
        any.get_or_insert(index);
        if facts.occupants == 0 {
            free.get_or_insert(index);
        }
    }
    let serving = first?;
    let serving_then = first_then.unwrap_or(serving);
    // If MAX_NODES has no room for all of them, the serving node of a zone comes before the one to uncordon.
    let mut nodes = Vec::new();
    let none_free = zones.values().all(|zone| zone.free_serving.or(zone.free_cordoned).is_none());
    for zone in zones.values() {
        let first = zone.serving.or(zone.cordoned);
        let free = zone.free_serving.or(zone.free_cordoned).or(zone.last_serving.filter(|_| none_free));
        let free = free.filter(|_| zone.serving.is_some());
        nodes.extend(first.into_iter().chain(free.filter(|free| first != Some(*free))));
    }
    Some(Held { serving, serving_then, nodes })
}
