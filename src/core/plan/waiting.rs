//! Pods that wait for a node: their demand, the pool of each, and the expected demand of future users.
//!
//! Utilization does not show fragmentation: at 75 % no node may have room for one more user. So each pod that the scheduler
//! could not place gets a place first ([`super::placing`]), and these places are kept, uncordoned or created.

use std::cmp::Reverse;
use std::collections::{BTreeMap, btree_map::Entry};

use jiff::SignedDuration;

use super::fit::{Shape, admits, free_of_occupants, template_admits};
use super::growth::Growth;
use super::homes::Homes;
use super::notes::Warning;
use super::nowhere;
use super::order::{Cordons, cordon};
use super::places::Nominated;
use super::pools::PoolIndex;
use super::reach::places_of;
use super::reason::Elapsed;
use super::state::Cordon;
use super::survey::{NodeFacts, OccupantKind, Survey, UnboundPod};
use crate::foresight::{Expectation, expect};
use crate::model::{Affinity, Amounts, NodeIndex, Pod, Unbound, Volumes};

/// The pods that are bound to no node.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    /// By pool: their total demand. A pod that could run nowhere does not count.
    pub(super) demand: Vec<Amounts>,
    /// By pool: the demand of future users that foresight expects.
    pub(super) expectations: Vec<Expectation>,
    /// By pool: the number of pods that the scheduler has refused.
    pub(super) refused: Vec<usize>,
    /// By pool: the refused ones that could run somewhere, in the order in which they get their places.
    pub(super) placeable: Vec<Vec<WaitingPod<'a>>>,
    /// The requests of nominated pods, by their nominated node.
    pub(super) nominated: Nominated,
    /// The Ready nodes, cordoned or not, that are nominated for pods, each with one of its pods.
    pub(super) nominees: BTreeMap<NodeIndex, String>,
    /// The pods in their first hour of waiting: no Ready node that would take one of them now is deleted.
    pub(super) first_hour: Vec<WaitingPod<'a>>,
    /// The refused pods for which a run does nothing, with the reason.
    pub(super) hopeless: Vec<(&'a Pod, String)>,
    pub(super) warnings: Vec<Warning>,
}

/// A waiting pod, with its constraints on nodes.
#[derive(Clone, Debug)]
pub(super) struct WaitingPod<'a> {
    pub(super) pod: &'a Pod,
    pub(super) unbound: &'a Unbound,
    /// The node affinities of its volumes, where they were looked up.
    volumes: Vec<&'a Affinity>,
    known_volumes: &'a Volumes,
    /// The node that the scheduler has nominated for it, if that node cannot take it now.
    misnominated: Option<NodeIndex>,
    /// The time for which the scheduler has refused it; `None` if it is not known.
    pub(super) age: Option<SignedDuration>,
}

/// The validity of the scheduler's nomination.
enum Nomination {
    /// The pod has no valid nomination.
    None,
    /// The pod counts as bound to its node.
    Holds,
    /// This node is cordoned or NotReady, so the pod waits.
    Fails(NodeIndex),
}

impl<'a> WaitingPod<'a> {
    fn new(survey: &Survey<'a>, pod: &'a Pod, unbound: &'a Unbound, known_volumes: &'a Volumes) -> Self {
        let since = unbound.refused_since();
        let age =
            since.map(|since| survey.snapshot.observed_at().duration_since(since).max(SignedDuration::ZERO));
        Self { pod, unbound, volumes: places_of(pod, known_volumes), known_volumes, misnominated: None, age }
    }

    pub(super) fn shape(&self) -> Shape<'_> {
        Shape { pod: self.pod, volumes: self.known_volumes, places: &self.volumes }
    }

    /// The node that the scheduler has nominated for it, once a plan has uncordoned that node: the pod then counts as bound
    /// and no longer waits.
    pub(super) fn settled_on(&self, survey: &Survey<'_>, cordons: &Cordons) -> Option<NodeIndex> {
        self.misnominated.filter(|index| {
            let is_ready = survey.nodes.get(*index).is_some_and(NodeFacts::ready);
            is_ready && cordon(cordons, *index) == Cordon::None
        })
    }

    /// The key that pods with the same possible places share, for remembering answers.
    pub(super) fn key(&self) -> ShapeKey<'a> {
        ShapeKey {
            requests: &self.pod.requests,
            constraints: std::sync::Arc::as_ptr(&self.pod.constraints).cast::<()>(),
            volumes: self.volumes.clone(),
        }
    }
}

/// See [`WaitingPod::key`]. Equal pods mostly share their constraints; addresses are compared faster than contents, and a
/// missed match only costs a second computation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ShapeKey<'a> {
    requests: &'a Amounts,
    constraints: *const (),
    volumes: Vec<&'a Affinity>,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(survey: &'a Survey<'a>, growth: &Growth<'a>) -> Self {
        let pools = survey.pools.len();
        let mut waiting = Self {
            demand: vec![Amounts::default(); pools],
            expectations: Vec::new(),
            refused: vec![0; pools],
            placeable: vec![Vec::new(); pools],
            nominated: Nominated::new(),
            nominees: BTreeMap::new(),
            first_hour: Vec::new(),
            hopeless: Vec::new(),
            warnings: Vec::new(),
        };
        let mut rest = Vec::new();
        for &UnboundPod { pod, kind } in &survey.unbound {
            let Some(unbound) = pod.unbound.as_deref() else { continue };
            if kind == OccupantKind::Placeholder {
                rest.push((WaitingPod::new(survey, pod, unbound, survey.snapshot.volumes()), kind));
                continue;
            }
            let one = WaitingPod::new(survey, pod, unbound, survey.snapshot.volumes());
            if first_hour(survey, &one) {
                let usable = survey.snapshot.usable_volumes();
                waiting.first_hour.push(WaitingPod::new(survey, pod, unbound, usable));
            }
            match waiting.nominate(survey, &one, kind) {
                Nomination::Holds => {}
                Nomination::Fails(node) => {
                    rest.push((WaitingPod { misnominated: Some(node), ..one }, kind));
                }
                Nomination::None => rest.push((one, kind)),
            }
        }
        waiting.sort_out(survey, growth, rest);
        for (pool, demand) in waiting.demand.iter().enumerate() {
            let asked = survey.asked_of(pool).plus(demand);
            let name = survey.pool_name(pool);
            waiting.expectations.push(expect(survey.snapshot, survey.policy, name, &asked));
        }
        waiting
    }

    /// The requests of nominated pods by node, under these cordons: a node that the plan has uncordoned takes its pod.
    pub(super) fn nominated_under(&self, survey: &Survey<'_>, cordons: &Cordons) -> Nominated {
        let mut nominated = self.nominated.clone();
        for one in self.placeable.iter().flatten() {
            if let Some(index) = one.settled_on(survey, cordons) {
                nominated.entry(index).or_default().add(&one.pod.requests);
            }
        }
        nominated
    }

    /// The requests of the pods of other pools that a pool takes by uncordoning their nominated nodes. Their own pools
    /// count them as well, because the uncordon may fail.
    pub(super) fn arriving(
        &self,
        survey: &Survey<'_>,
        pool: PoolIndex,
        takes: impl Fn(NodeIndex) -> bool,
    ) -> Amounts {
        let mut arriving = Amounts::default();
        let others = self.placeable.iter().enumerate().filter(|(home, _)| *home != pool);
        for one in others.flat_map(|(_, pods)| pods) {
            let here = |index: &NodeIndex| {
                survey.nodes.get(*index).is_some_and(|facts| facts.pool == pool && facts.ready())
            };
            if one.misnominated.filter(here).is_some_and(&takes) {
                arriving.add(&one.pod.requests);
            }
        }
        arriving
    }

    /// Assigns a pod to the node that the scheduler has nominated for it, if that node can take it. A nomination for a node
    /// that is not managed, or that the pod does not reach, has no effect.
    fn nominate(&mut self, survey: &Survey<'_>, one: &WaitingPod<'_>, kind: OccupantKind) -> Nomination {
        let Some(name) = one.unbound.nominated.as_deref() else { return Nomination::None };
        let nodes = survey.snapshot.nodes();
        let index = nodes.binary_search_by(|node| node.name.as_str().cmp(name)).ok();
        let found = index.and_then(|index| Some((index, survey.nodes.get(index)?)));
        let Some((index, facts)) = found.filter(|(_, facts)| facts.managed() && !one.unbound.gated) else {
            return Nomination::None;
        };
        let reaches = |facts: &NodeFacts<'_>| {
            one.shape().fits(&free_of_occupants(facts)) && admits(survey, facts, one.shape())
        };
        if !reaches(facts) {
            return Nomination::None;
        }
        if !facts.ready() {
            // A place like others: if a Ready node takes the pod in this run, nobody needs this one.
            return Nomination::Fails(index);
        }
        self.nominees.entry(index).or_insert_with(|| one.pod.full_name());
        if facts.cordon != Cordon::None {
            return Nomination::Fails(index);
        }
        self.nominated.entry(index).or_default().add(&one.pod.requests);
        // As on a reserved node, a user's pod counts if it would reach a common one.
        let counts = facts.common()
            || (kind == OccupantKind::Dynamic && survey.common(facts.pool).any(|(_, other)| reaches(other)));
        if let Some(demand) = self.demand.get_mut(facts.pool).filter(|_| counts) {
            demand.add(&one.pod.requests);
        }
        Nomination::Holds
    }

    /// Adds up the demand of the pods of each pool, and orders the refused ones.
    fn sort_out(
        &mut self,
        survey: &'a Survey<'a>,
        growth: &Growth<'a>,
        pods: Vec<(WaitingPod<'a>, OccupantKind)>,
    ) {
        let homes = Homes::new(survey, growth, &self.nominated);
        let mut known: BTreeMap<ShapeKey<'a>, Option<PoolIndex>> = BTreeMap::new();
        let mut nowhere: BTreeMap<ShapeKey<'a>, String> = BTreeMap::new();
        let (mut set_aside, mut example) = (0, None);
        for (one, kind) in pods {
            let refused = (one.unbound.refusal.is_some() || one.misnominated.is_some())
                && kind != OccupantKind::Placeholder;
            if one.unbound.gated {
                if kind != OccupantKind::Placeholder {
                    self.warnings.push(Warning::Gated { pod: one.pod.full_name() });
                }
                continue;
            }
            if one.unbound.set_aside {
                set_aside += 1;
                if refused && let Some(count) = self.refused.first_mut() {
                    *count += 1;
                }
                example.get_or_insert(one.pod);
                continue;
            }
            let home = *known.entry(one.key()).or_insert_with(|| homes.of(one.shape()));
            let Some(pool) = home else {
                if kind != OccupantKind::Placeholder {
                    self.give_up(survey, growth, &one, refused, &mut nowhere);
                }
                continue;
            };
            if homes.fits_free_of_occupants(pool, one.shape())
                && let Some(demand) = self.demand.get_mut(pool)
            {
                demand.add(&one.pod.requests);
            }
            if !refused && kind != OccupantKind::Placeholder {
                self.warnings.extend(unanswered(survey, &one));
            }
            if refused {
                if let Some(count) = self.refused.get_mut(pool) {
                    *count += 1;
                }
                if let Some(list) = self.placeable.get_mut(pool) {
                    list.push(one);
                }
            }
        }
        if let Some(pod) = example {
            self.warnings.push(Warning::TooManyKinds { pod: pod.full_name(), pods: set_aside });
        }
        for list in &mut self.placeable {
            // Pods come sorted by namespace and name, and the sort is stable.
            list.sort_by_key(|one| {
                let requests = &one.pod.requests;
                (Reverse(asks_for_device(requests)), Reverse(requests.memory), Reverse(requests.cpu))
            });
        }
    }

    /// Adds a warning that no place would ever take a pod, and whether a reserved node would.
    fn give_up(
        &mut self,
        survey: &Survey<'_>,
        growth: &Growth<'_>,
        one: &WaitingPod<'a>,
        refused: bool,
        known: &mut BTreeMap<ShapeKey<'a>, String>,
    ) {
        let pod = one.pod.full_name();
        if refused && let Some(count) = self.refused.first_mut() {
            *count += 1;
        }
        let reserved = growth.groups.iter().find_map(|group| {
            let template = group.template.as_ref().filter(|_| !group.growable)?;
            let taint = template.taints.first()?;
            let fits = one.pod.requests.fits(&template.free) && template_admits(template, one.shape());
            fits.then(|| taint.key.clone())
        });
        let reserved = reserved.or_else(|| {
            survey.managed().find_map(|(_, facts)| {
                let taint = facts.node.taints.first().filter(|_| facts.reserved.is_some())?;
                let fits =
                    one.pod.requests.fits(&free_of_occupants(facts)) && admits(survey, facts, one.shape());
                fits.then(|| taint.key.clone())
            })
        });
        let warning = if let Some(taint) = reserved {
            Warning::NeedsReserved { pod, taint }
        } else {
            let room = known.len() < nowhere::MOST_EXPLAINED;
            let why = match known.entry(one.key()) {
                Entry::Occupied(known) => known.get().clone(),
                Entry::Vacant(new) if room => new.insert(nowhere::why(survey, growth, one.shape())).clone(),
                Entry::Vacant(_) => nowhere::UNEXPLAINED.to_owned(),
            };
            Warning::FitsNowhere { pod, why }
        };
        if refused {
            self.hopeless.push((one.pod, warning.to_string()));
        }
        self.warnings.push(warning);
    }
}

/// The warning of a pod that its scheduler neither binds nor refuses: it fails, is down, or no scheduler has that name.
fn unanswered(survey: &Survey<'_>, one: &WaitingPod<'_>) -> Option<Warning> {
    let age = survey.snapshot.observed_at().duration_since(one.unbound.created_at?);
    let (pod, waited) = (one.pod.full_name(), Elapsed(age));
    let warning = match &one.unbound.failure {
        Some(message) => Warning::SchedulerFails { pod, age: waited, message: message.clone() },
        None => Warning::Unanswered { pod, age: waited },
    };
    (age >= UNANSWERED).then_some(warning)
}

/// A scheduler answers within seconds; it may wait up to this time for a volume.
const UNANSWERED: SignedDuration = SignedDuration::from_mins(10);

fn asks_for_device(requests: &Amounts) -> bool {
    requests.further().any(|(name, _)| crate::model::is_extended_resource(name))
}

/// Whether a pod is in its first hour of waiting: since its refusal, else since its creation; of unknown age it is. A pod with
/// a scheduling gate does not wait for a node.
fn first_hour(survey: &Survey<'_>, one: &WaitingPod<'_>) -> bool {
    if one.unbound.gated {
        return false;
    }
    let created = one.unbound.created_at;
    let created =
        created.map(|at| survey.snapshot.observed_at().duration_since(at).max(SignedDuration::ZERO));
    one.age.or(created).is_none_or(|age| age < HOUR)
}

/// After this time a waiting pod gets a warning, and a run holds no further nodes for it.
pub(super) const HOUR: SignedDuration = SignedDuration::from_hours(1);
