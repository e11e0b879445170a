//! The forecast: how much demand rose at this hour in the last weeks.
//!
//! Measured on years of real sessions: rises that are added to the current demand forget a one-off event within minutes
//! of its end and follow a hub that grows, which levels of past weeks do not; nine of ten is better than the mean;
//! neighbours and like weekdays give enough rises to distinguish nine of ten from two of three. On the first day, where only the
//! last two hours are known, one short peak counts for up to two hours.

use jiff::civil::Weekday;
use jiff::{Timestamp, ToSpan, Zoned};

use crate::model::{History, Resource, Slot};
use crate::policy::Foresight;

/// Number of past weeks whose same time of the week counts.
const WEEKS: i64 = 4;

/// Number of slots before now whose rises count while no past day has this hour: two hours.
const RECENT: u32 = 24;

/// Minimum number of these rises, an hour of them: from fewer, users who have just come would be expected once more.
const RECENT_AT_LEAST: usize = 12;

/// The rise that nine of ten past rises do not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// The rise to be expected within the lead.
    pub rise: u64,
    /// Number of rises in the sample.
    pub rises: usize,
    /// The highest of them.
    pub highest: u64,
    /// The slots of the sample.
    pub learned_from: LearnedFrom,
}

/// The past slots from which a forecast is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LearnedFrom {
    /// The slots at this time of the week, and at this time of like weekdays.
    ThisHour,
    /// The slots at this time of any day of the last week, if there is no other one.
    AnyDay,
    /// The slots of the last two hours, if no past day has this hour.
    LastHours,
}

impl LearnedFrom {
    /// Its word in JSON reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ThisHour => "thisHour",
            Self::AnyDay => "anyDay",
            Self::LastHours => "lastHours",
        }
    }
}

/// Forecasts the rise of a pool's demand; `None` where there is nothing to learn from.
#[must_use]
pub fn forecast(
    history: &History,
    foresight: &Foresight,
    pool: &str,
    resource: Resource,
    now: Timestamp,
) -> Option<Forecast> {
    let local = now.to_zoned(foresight.time_zone.clone());
    let rises = Rises { history, pool, resource, lead: Slot::spanned(foresight.lead), now: Slot::of(now) };
    let like = like_days(local.weekday());
    let alike = (1..=WEEKS).map(|week| 7 * week).chain((1..=6).filter(|days| like(&local, *days)));
    rises
        .forecast(&local, alike, LearnedFrom::ThisHour)
        .or_else(|| rises.forecast(&local, 1..=7, LearnedFrom::AnyDay))
        .or_else(|| rises.of_the_last_hours())
}

/// Whether the day this number of days ago was like today: Monday to Thursday are alike, Friday, Saturday and Sunday only
/// themselves.
fn like_days(today: Weekday) -> impl Fn(&Zoned, i64) -> bool {
    let is_midweek = |day: Weekday| day.to_monday_zero_offset() < 4;
    move |local, days| {
        let day = local.date().checked_sub(days.days()).map(jiff::civil::Date::weekday);
        is_midweek(today) && day.is_ok_and(is_midweek)
    }
}

/// Rises of one pool and resource.
#[derive(Clone, Copy, Debug)]
struct Rises<'h> {
    history: &'h History,
    pool: &'h str,
    resource: Resource,
    /// Number of later slots that count.
    lead: u32,
    now: Slot,
}

impl Rises<'_> {
    /// The amount that nine of ten rises do not exceed, among the slots `days_ago` and their neighbours.
    fn forecast(
        self,
        local: &Zoned,
        days_ago: impl IntoIterator<Item = i64>,
        learned_from: LearnedFrom,
    ) -> Option<Forecast> {
        let mut rises = Vec::new();
        for days in days_ago {
            // The same local time of the day, also across a clock change.
            let Ok(then) = local.checked_sub(days.days()) else { continue };
            let slot = Slot::of(then.timestamp());
            let neighbours = [slot.earlier(1), slot, slot.later(1)];
            rises.extend(neighbours.into_iter().filter_map(|slot| self.rise(slot)));
        }
        nine_of_ten(rises, learned_from)
    }

    /// The same among the slots of the last two hours, if an hour of them is known.
    fn of_the_last_hours(self) -> Option<Forecast> {
        let slots = (1..=RECENT).map(|slots| self.now.earlier(slots));
        let rises: Vec<u64> = slots.filter_map(|slot| self.rise(slot)).collect();
        if rises.len() < RECENT_AT_LEAST { None } else { nine_of_ten(rises, LearnedFrom::LastHours) }
    }

    /// The difference between the highest of the next slots and this one; `None` for a gap.
    fn rise(self, slot: Slot) -> Option<u64> {
        let peak = |slot| self.history.peak(self.pool, self.resource, slot);
        let own = peak(slot)?;
        let next = (1..=self.lead).map(|slots| slot.later(slots)).take_while(|slot| *slot <= self.now);
        Some(next.filter_map(peak).max()?.saturating_sub(own))
    }
}

/// The rise that nine of ten of these do not exceed.
fn nine_of_ten(mut rises: Vec<u64>, learned_from: LearnedFrom) -> Option<Forecast> {
    rises.sort_unstable();
    let last = rises.len().checked_sub(1)?;
    let rise = *rises.get((90 * last + 50) / 100)?;
    Some(Forecast { rise, rises: rises.len(), highest: *rises.last()?, learned_from })
}
