//! Reads schedules from an iCalendar file (section 12): events whose description has assignments such as `MIN_NODES=6` or
//! `RESERVE=60Gi`.
//!
//! ```text
//!   text --> components (calcard) --> events by UID --> occurrences (calcard) --> Windows around the time of a run
//! ```
//!
//! Recurrences, exceptions, moved and cancelled occurrences, and time zones count. A file may be hostile: all reading is
//! bounded, and an event that exceeds a bound is left out and named.

mod event;
mod series;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use calcard::icalendar::{ICalendar, ICalendarComponent, ICalendarComponentType};
use calcard::{Entry, Parser};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use kube_rebalancer_core::model::Window;

/// The longest text, in bytes: more than a `ConfigMap` holds.
pub const LONGEST: usize = 4 << 20;

/// Maximum number of lines, those apart that continue one: a parsed line takes a hundred times the memory of a short one. A
/// thousand events with reminders, attendees and time zones have a third of this.
const MOST_LINES: usize = 100_000;

/// Maximum number of lists' items and of parameters, at most one for each comma and semicolon.
const MOST_ITEMS: usize = 300_000;

/// Maximum number of series of events. Those without assignments do not count.
const MOST_SERIES: usize = 1000;

/// Maximum number of time zones.
const MOST_ZONES: usize = 100;

/// Maximum number of windows of all series.
const MOST_WINDOWS: usize = 10_000;

/// Maximum number of problems that are named.
const MOST_PROBLEMS: usize = 5;

/// The parameters of reading a calendar.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    /// The time zone of times without a known time zone.
    pub zone: &'a TimeZone,
    /// Windows that end before this time are left out.
    pub from: Timestamp,
    /// Windows that begin after this time are left out.
    pub until: Timestamp,
    /// Whether there are pools: then a reserve must name one, otherwise it must not.
    pub has_pools: bool,
}

/// The result of reading a calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// The windows of time with their assignments, by begin.
    pub windows: Vec<Window>,
    /// Which events were left out, and why.
    pub problems: Vec<String>,
}

/// The reason why a text is no calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCalendar {
    /// It is too long.
    #[error("it has {0} bytes, expected at most {LONGEST}")]
    TooLong(usize),
    /// It has too many lines.
    #[error("it has {0} lines, expected at most {MOST_LINES}")]
    TooManyLines(usize),
    /// It has too many lists.
    #[error("it has {0} commas and semicolons, expected at most {MOST_ITEMS}")]
    TooManyItems(usize),
    /// It is no calendar.
    #[error("it holds no VCALENDAR")]
    NoCalendar,
}

/// Reads a calendar.
pub fn read(text: &str, reading: &Reading<'_>) -> Result<Calendar, BadCalendar> {
    if text.len() > LONGEST {
        return Err(BadCalendar::TooLong(text.len()));
    }
    let lines =
        text.split(['\r', '\n']).filter(|line| !line.is_empty() && !line.starts_with([' ', '\t'])).count();
    if lines > MOST_LINES {
        return Err(BadCalendar::TooManyLines(lines));
    }
    let items = text.bytes().filter(|byte| matches!(byte, b',' | b';')).count();
    if items > MOST_ITEMS {
        return Err(BadCalendar::TooManyItems(items));
    }
    let mut found = Found::default();
    let mut parser = Parser::new(text);
    loop {
        let entry = parser.entry();
        if entry == Entry::Eof {
            break;
        }
        if let Entry::ICalendar(calendar) = entry {
            found.add(calendar);
        }
    }
    if !found.is_calendar {
        return Err(BadCalendar::NoCalendar);
    }
    Ok(found.read(reading))
}

/// The components of a file that count.
#[derive(Default)]
struct Found {
    is_calendar: bool,
    zones: Vec<ICalendarComponent>,
    /// The events of one UID are a series with its changed occurrences. An event without UID is a series of its own.
    series: BTreeMap<(String, usize), Vec<ICalendarComponent>>,
}

impl Found {
    fn add(&mut self, calendar: ICalendar) {
        for component in calendar.components {
            let kind = &component.component_type;
            if *kind == ICalendarComponentType::VCalendar {
                self.is_calendar = true;
            } else if *kind == ICalendarComponentType::VTimezone && self.zones.len() < MOST_ZONES {
                self.zones.push(component);
            } else if *kind == ICalendarComponentType::VEvent {
                let key = match component.uid() {
                    Some(uid) => (uid.to_owned(), 0),
                    None => (String::new(), self.series.len() + 1),
                };
                self.series.entry(key).or_default().push(component);
            }
        }
    }

    fn read(self, reading: &Reading<'_>) -> Calendar {
        let mut calendar = Calendar::default();
        let mut left_out = Vec::new();
        let counted = self.series.into_values().filter(|events| events.iter().any(event::may_assign));
        for (number, events) in counted.enumerate() {
            if number == MOST_SERIES {
                left_out
                    .push(format!("only the first {MOST_SERIES} series of events with assignments are read"));
                break;
            }
            if calendar.windows.len() >= MOST_WINDOWS {
                left_out.push(format!("only the first {number} series of events with assignments are read"));
                break;
            }
            series::read(&self.zones, events, reading, &mut calendar.windows, &mut left_out);
        }
        calendar.windows.sort_by(|left, right| {
            (left.begin, left.end, &left.name).cmp(&(right.begin, right.end, &right.name))
        });
        let more = left_out.len().saturating_sub(MOST_PROBLEMS);
        left_out.truncate(MOST_PROBLEMS);
        if more > 0 {
            left_out.push(format!("{more} more problems"));
        }
        calendar.problems = left_out;
        calendar
    }
}
