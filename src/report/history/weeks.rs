//! A series of peaks as weeks that lie over each other, by local time.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use kube_rebalancer_core::foresight::{Forecast, forecast};
use kube_rebalancer_core::model::{History, Resource, Series, Slot};
use kube_rebalancer_core::policy::Foresight;

/// Slots of a week.
pub const PER_WEEK: usize = 7 * PER_DAY;
/// Slots of a day.
pub(super) const PER_DAY: usize = 24 * 12;

/// The peaks of one pool and resource.
#[derive(Clone, Debug)]
pub struct Weeks {
    /// The pool.
    pub pool: String,
    /// The resource.
    pub resource: Resource,
    /// The first and the last slot that has a peak.
    pub span: (Slot, Slot),
    /// The number of slots with a peak.
    pub known: usize,
    /// The highest peak of all.
    pub highest: u64,
    /// The weeks, oldest first.
    pub weeks: Vec<Week>,
    /// The expectation for each slot of the week that begins now, from Monday on.
    pub expected: Vec<Option<Forecast>>,
}

/// One week of peaks.
#[derive(Clone, Debug)]
pub struct Week {
    /// Its Monday.
    pub monday: Date,
    /// The peak of each slot from Monday's midnight on, `None` for a gap.
    pub peaks: Vec<Option<u64>>,
}

/// Every series of a history, by pool and resource.
#[must_use]
pub fn weeks(history: &History, foresight: &Foresight, from: Timestamp) -> Vec<Weeks> {
    let of = |(pool, resource, series): (&str, Resource, &Series)| {
        let span = series.span()?;
        let weeks = lay(series, &foresight.time_zone);
        Some(Weeks {
            pool: pool.to_owned(),
            resource,
            span,
            known: series.peaks().count(),
            highest: series.peaks().map(|(_, peak)| peak).max().unwrap_or(0),
            weeks,
            expected: expected(history, foresight, pool, resource, from),
        })
    };
    history.series().filter_map(of).collect()
}

/// The week and the slot of a time by local time; of an hour that a clock change repeats, both times.
fn place(time: Timestamp, zone: &TimeZone) -> Option<(Date, usize)> {
    let local = time.to_zoned(zone.clone());
    let day = local.weekday().to_monday_zero_offset();
    let monday = local.date().checked_sub(i64::from(day).days()).ok()?;
    let slots = i64::from(day) * 288 + i64::from(local.hour()) * 12 + i64::from(local.minute()) / 5;
    Some((monday, usize::try_from(slots).ok()?))
}

fn lay(series: &Series, zone: &TimeZone) -> Vec<Week> {
    let mut weeks: BTreeMap<Date, Vec<Option<u64>>> = BTreeMap::new();
    for (slot, peak) in series.peaks() {
        let Some((monday, index)) = place(slot.begins(), zone) else { continue };
        let peaks = weeks.entry(monday).or_insert_with(|| vec![None; PER_WEEK]);
        if let Some(known) = peaks.get_mut(index) {
            *known = (*known).max(Some(peak));
        }
    }
    weeks.into_iter().map(|(monday, peaks)| Week { monday, peaks }).collect()
}

fn expected(
    history: &History,
    foresight: &Foresight,
    pool: &str,
    resource: Resource,
    from: Timestamp,
) -> Vec<Option<Forecast>> {
    let mut expected = vec![None; PER_WEEK];
    if !foresight.forecast {
        return expected;
    }
    let first = Slot::of(from);
    for slot in (0..Slot::PER_WEEK).map(|slots| first.later(slots)) {
        let Some((_, index)) = place(slot.begins(), &foresight.time_zone) else { continue };
        if let Some(place) = expected.get_mut(index) {
            *place = forecast(history, foresight, pool, resource, slot.begins());
        }
    }
    expected
}
