//! Schedules of an operator: weekly rules, and the events of a calendar.

use std::fmt;
use std::sync::Arc;

use jiff::civil::Weekday;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use super::Resource;

/// A minimum of nodes or a reserve during some time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assignment {
    /// At least this many nodes; `None`: in every pool.
    MinNodes {
        /// The pool.
        pool: Option<String>,
        /// The number of nodes.
        nodes: usize,
    },
    /// This amount in addition to the demand; `None`: without pools.
    Reserve {
        /// The pool.
        pool: Option<String>,
        /// The resource.
        resource: Resource,
        /// The amount.
        amount: u64,
    },
}

impl Assignment {
    /// The pool that it names.
    #[must_use]
    pub fn pool(&self) -> Option<&String> {
        match self {
            Self::MinNodes { pool, .. } | Self::Reserve { pool, .. } => pool.as_ref(),
        }
    }
}

/// A rule of `SCHEDULE`, which applies every week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The weekdays on which it begins.
    pub days: Weekdays,
    /// When it begins, in minutes of the day.
    pub begin: i64,
    /// When it ends, in minutes of the day: at most 24 hours. An end that is not later than the beginning is
    /// on the next day.
    pub end: i64,
    /// The assignments during that time.
    pub assignments: Vec<Assignment>,
}

/// A set of weekdays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weekdays([bool; 7]);

impl Weekdays {
    /// Adds a day, 0 for Monday.
    pub fn add(&mut self, day: usize) {
        if let Some(set) = self.0.get_mut(day % 7) {
            *set = true;
        }
    }

    /// Whether a day is one of them.
    #[must_use]
    pub fn contains(&self, day: Weekday) -> bool {
        let index = usize::try_from(day.to_monday_zero_offset()).unwrap_or(0);
        self.0.get(index).copied().unwrap_or(false)
    }
}

/// An event of a calendar, with its assignments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its title.
    pub name: String,
    /// The time at which it begins.
    pub begin: Timestamp,
    /// The time at which it ends; exclusive.
    pub end: Timestamp,
    /// The assignments during that time. All occurrences of an event share them.
    pub assignments: Arc<[Assignment]>,
}

impl Rule {
    /// Minutes of a day.
    pub const DAY: i64 = 24 * 60;

    /// When the rule began, or will begin within the lead, if it is in force at this time.
    #[must_use]
    pub fn in_force(&self, now: &Zoned, lead: SignedDuration) -> Option<Timestamp> {
        let early = now.timestamp().checked_add(lead).ok()?;
        // A rule over midnight began yesterday; one that begins early may be tomorrow's.
        let days_ahead = lead.as_hours() / 24 + 2;
        (-1..=days_ahead).find_map(|days| {
            let midnight = now.start_of_day().ok()?.checked_add(days.days()).ok()?;
            if !self.days.contains(midnight.weekday()) {
                return None;
            }
            let begin = at(&midnight, self.begin)?;
            let over_midnight = if self.end > self.begin { 0 } else { Self::DAY };
            let end = at(&midnight, self.end.saturating_add(over_midnight))?;
            (begin <= early && now.timestamp() < end).then_some(begin)
        })
    }
}

impl Window {
    /// Whether it is in force at this time, the lead before its beginning included.
    #[must_use]
    pub fn in_force(&self, now: Timestamp, lead: SignedDuration) -> bool {
        now.checked_add(lead).is_ok_and(|early| self.begin <= early) && now < self.end
    }
}

/// The time at which the wall clock shows `minutes` after midnight on this day.
fn at(midnight: &Zoned, minutes: i64) -> Option<Timestamp> {
    let time = midnight.datetime().date().to_datetime(jiff::civil::Time::midnight());
    let time = time.checked_add(minutes.minutes()).ok()?;
    Some(time.to_zoned(midnight.time_zone().clone()).ok()?.timestamp())
}

/// Writes it as `SCHEDULE` has it.
impl fmt::Display for Assignment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pool = self.pool().map(|pool| format!("{pool}=")).unwrap_or_default();
        match self {
            Self::MinNodes { nodes, .. } => write!(formatter, "MIN_NODES={pool}{nodes}"),
            Self::Reserve { resource, amount, .. } => {
                write!(formatter, "RESERVE={pool}{resource}:{}", resource.show(*amount))
            }
        }
    }
}
