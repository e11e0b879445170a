//! E: the largest of what the forecast, the stabilization and the reserves say.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::forecast::{Forecast, forecast};
use super::in_force::{Notice, in_force};
use crate::model::{Amounts, Assignment, Bytes, History, Millicores, Resource, Slot, Snapshot, rounded};
use crate::policy::Policy;

/// What foresight expects of one pool, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The end of the lead.
    pub by: Timestamp,
    /// What is expected of each resource of `RESOURCES`, in that order; nothing where foresight has nothing to say.
    pub resources: Vec<Expected>,
    /// The highest minimum number of nodes of the schedule and the calendar, and where it is from.
    pub min_nodes: Option<(usize, Notice)>,
}

/// What is expected of one resource on top of what is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The resource.
    pub resource: Resource,
    /// E: the largest of the others.
    pub amount: u64,
    /// What past weeks say.
    pub forecast: Option<Forecast>,
    /// How much the peak of the last minutes was above what is asked for now.
    pub stabilization: Option<u64>,
    /// The largest reserve in force, and where it is from.
    pub reserve: Option<(u64, Notice)>,
}

impl Expectation {
    /// The amounts that come on top.
    #[must_use]
    pub fn amounts(&self) -> Amounts {
        let of = |resource| self.of(resource).map_or(0, |expected| expected.amount);
        let mut amounts = Amounts::pod(Bytes(of(Resource::Memory)), Millicores(of(Resource::Cpu)));
        amounts.pods = 0;
        amounts
    }

    /// What is expected of one resource.
    #[must_use]
    pub fn of(&self, resource: Resource) -> Option<&Expected> {
        self.resources.iter().find(|expected| expected.resource == resource)
    }
}

/// What foresight expects of a pool that asks for `asked` now, expectations and daemons left out.
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

/// Of several that are largest, the first.
fn first_of_largest<'n, N: Ord + Copy>(found: impl Iterator<Item = (N, &'n Notice)>) -> Option<(N, Notice)> {
    let first = found.enumerate().max_by_key(|(position, (number, _))| (*number, Reverse(*position)));
    first.map(|(_, (number, notice))| (number, notice.clone()))
}

/// What the history says: a forecast, or where there is none the stabilization.
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
    if let Some(forecast) = foresight.forecast.then(forecast).flatten() {
        return (Some(forecast), None);
    }
    if !foresight.stabilization.is_positive() {
        return (None, None);
    }
    let last = Slot::of(now);
    let slots = (0..=Slot::spanned(foresight.stabilization)).map(|slots| last.earlier(slots));
    let peak = slots.filter_map(|slot| history.peak(pool, resource, slot)).max();
    (None, peak.map(|peak| peak.saturating_sub(rounded(resource, asked))))
}
