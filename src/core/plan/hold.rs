//! Pods that the scheduler refuses although they fit a serving node by this account. Section 6.
//!
//! The scheduler knows more than this account: a zonal disk, an anti-affinity, attached volumes, host ports. So no node is
//! created on a guess. Each zone offers such a pod one node that it fits and one that is free of occupants.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::order::Candidate;
use super::places::{Place, Stage};
use super::survey::Survey;
use super::waiting::{ShapeKey, WaitingPod};
use crate::model::NodeIndex;

/// Once the scheduler has refused a pod for this long although it fits a serving node by this account, it has another
/// reason. Before that it may just not have looked again.
const OTHER_REASON: SignedDuration = SignedDuration::from_secs(30);

/// What is kept or opened for a pod.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// The first serving node that the pod fits.
    pub(super) serving: NodeIndex,
    /// The same once this plan is carried out.
    pub(super) serving_then: NodeIndex,
    /// The nodes to keep or open, in the order of their zones.
    pub(super) nodes: Vec<NodeIndex>,
}

/// Answers for pods that are alike are the same.
pub(super) struct Holds<'s, 'a> {
    survey: &'s Survey<'a>,
    /// How many of the places are serving and cordoned candidates; they come first.
    candidates: usize,
    known: BTreeMap<ShapeKey<'s>, Option<Held>>,
}

impl<'s, 'a> Holds<'s, 'a> {
    pub(super) fn new(survey: &'s Survey<'a>, places: &[Place<'_>]) -> Self {
        let is_candidate = |place: &&Place<'_>| matches!(place.stage, Stage::Serving | Stage::Cordoned);
        let candidates = places.iter().take_while(is_candidate).count();
        Self { survey, candidates, known: BTreeMap::new() }
    }

    /// What is kept for a pod that has been refused for another reason than its requests; `None` for any other pod.
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
        // What the scheduler refused was a node that served when the run began: one that this plan uncordons had nothing to
        // do with it, and one that it cordons had.
        if facts.serves() {
            first.get_or_insert(index);
        }
        let zone = zones.entry(facts.zone).or_default();
        let (any, free) = match place.stage {
            Stage::Serving => {
                first_then.get_or_insert(index);
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
    // Where MAX_NODES leaves no room for all of them, the node that serves in a zone goes before the one that is opened.
    let mut nodes = Vec::new();
    for zone in zones.values() {
        let first = zone.serving.or(zone.cordoned);
        let free = zone.free_serving.or(zone.free_cordoned).filter(|_| zone.serving.is_some());
        nodes.extend(first.into_iter().chain(free.filter(|free| first != Some(*free))));
    }
    Some(Held { serving, serving_then, nodes })
}
