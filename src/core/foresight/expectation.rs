//! E: the largest of forecast, stabilization and reserves.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::forecast::{Forecast, LearnedFrom, forecast};
use super::in_force::{Notice, in_force};
use crate::model::{Amounts, Assignment, Bytes, History, Millicores, Resource, Slot, Snapshot, rounded};
use crate::policy::Policy;

/// The demand that foresight expects of one pool, with its sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The end of the lead.
    pub by: Timestamp,
    /// The expectation for each resource of `RESOURCES`, in that order; empty if foresight expects nothing.
    pub resources: Vec<Expected>,
    /// The highest minimum number of nodes of the schedule and the calendar, with its origin.
    pub min_nodes: Option<(usize, Notice)>,
}

/// The expected demand for one resource, in addition to the current demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The resource.
    pub resource: Resource,
    /// E: the largest of the three below.
    pub amount: u64,
    /// The forecast from past rises.
    pub forecast: Option<Forecast>,
    /// The difference between the peak of the last minutes and the current demand.
    pub stabilization: Option<u64>,
    /// The largest reserve in force, with its origin.
    pub reserve: Option<(u64, Notice)>,
}

impl Expectation {
    /// The expected amounts of all resources.
    #[must_use]
    pub fn amounts(&self) -> Amounts {
        let of = |resource| self.of(resource).map_or(0, |expected| expected.amount);
        let mut amounts = Amounts::pod(Bytes(of(Resource::Memory)), Millicores(of(Resource::Cpu)));
        amounts.pods = 0;
        amounts
    }

    /// The expectation for one resource.
    #[must_use]
    pub fn of(&self, resource: Resource) -> Option<&Expected> {
        self.resources.iter().find(|expected| expected.resource == resource)
    }
}

/// The expectation for a pool whose current demand is `asked`, without expectations and daemons.
#[must_use]
pub fn expect(snapshot: &Snapshot, policy: &Policy, pool: &str, asked: &Amounts) -> Expectation {
    let now = snapshot.observed_at();
    let notices = in_force(snapshot, policy);
    let concerned = || notices.iter().filter(|notice| notice.concerns(pool));
    let resources = policy.resources.iter().filter_map(|resource| {
        let history = snapshot.history().map(|history| (&**history, asked.of(*resource)));
        let (forecast, stabilization) = learned(history, policy, pool, *resource, now);
        let reserves = concerned().filter_map(|notice| match notice.assignment {
            Assignment::Reserve { resource: of, amount, .. } if of == *resource => Some((amount, notice)),
            Assignment::Reserve { .. } | Assignment::MinNodes { .. } => None,
        });
        let reserve = first_of_largest(reserves);
        let known =
            [forecast.map(|one| one.rise), stabilization, reserve.as_ref().map(|(amount, _)| *amount)];
        let amount = known.into_iter().flatten().max()?;
        Some(Expected { resource: *resource, amount, forecast, stabilization, reserve })
    });
    let minima = concerned().filter_map(|notice| match notice.assignment {
        Assignment::MinNodes { nodes, .. } => Some((nodes, notice)),
        Assignment::Reserve { .. } => None,
    });
    Expectation {
        by: now.checked_add(policy.foresight.lead).unwrap_or(Timestamp::MAX),
        resources: resources.collect(),
        min_nodes: first_of_largest(minima),
    }
}

/// The first of several equal maxima.
fn first_of_largest<'n, N: Ord + Copy>(found: impl Iterator<Item = (N, &'n Notice)>) -> Option<(N, Notice)> {
    let first = found.enumerate().max_by_key(|(position, (number, _))| (*number, Reverse(*position)));
    first.map(|(_, (number, notice))| (number, notice.clone()))
}

/// The forecast from the history, and where no past day has this hour, the stabilization.
fn learned(
    history: Option<(&History, u64)>,
    policy: &Policy,
    pool: &str,
    resource: Resource,
    now: Timestamp,
) -> (Option<Forecast>, Option<u64>) {
    let Some((history, asked)) = history else { return (None, None) };
    let foresight = &policy.foresight;
    let forecast = || forecast(history, foresight, pool, resource, now);
    let forecast = foresight.forecast.then(forecast).flatten();
    let of_past_days = forecast.is_some_and(|one| one.learned_from != LearnedFrom::LastHours);
    if of_past_days || !foresight.stabilization.is_positive() {
        return (forecast, None);
    }
    let last = Slot::of(now);
    let slots = (0..=Slot::spanned(foresight.stabilization)).map(|slots| last.earlier(slots));
    let peak = slots.filter_map(|slot| history.peak(pool, resource, slot)).max();
    (forecast, peak.map(|peak| peak.saturating_sub(rounded(resource, asked))))
}
