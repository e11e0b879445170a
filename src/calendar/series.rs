//! The occurrences of one series of events, with its changed occurrences.

use std::collections::BTreeMap;
use std::sync::Arc;

use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarFrequency, ICalendarProperty, ICalendarRecurrenceRule,
    ICalendarValue,
};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{Assignment, Window};

use super::{MOST_WINDOWS, Reading, event};

/// Maximum number of occurrences of one series, from its first one on: 54 years of a daily one.
const MOST_OCCURRENCES: usize = 20_000;

/// Maximum number of parts of one list of a rule: the days of a year.
const MOST_PARTS: usize = 366;

/// Maximum number of times of one day.
const MOST_TIMES: usize = 48;

/// Maximum distance of a clock from UTC.
const FURTHEST: SignedDuration = SignedDuration::from_hours(48);

/// The assignments during an event.
struct Meaning {
    title: String,
    assignments: Arc<[Assignment]>,
    until: Option<PartialDateTime>,
    is_utc: bool,
}

/// Reads the windows of one series, as many as there is room for. An event with a problem is left out.
pub(super) fn read(
    zones: &[ICalendarComponent],
    events: Vec<ICalendarComponent>,
    reading: &Reading<'_>,
    windows: &mut Vec<Window>,
    left_out: &mut Vec<String>,
) {
    let mut calendar = ICalendar { components: zones.to_vec() };
    let mut meanings = BTreeMap::new();
    for mut event in events {
        let title = event::title(&event);
        let is_utc = event::is_utc(&event);
        let rule = bounded(&mut event, reading.until);
        let assignments = match event::assignments(&event, reading.has_pools) {
            Ok(_) if event::is_cancelled(&event) => Arc::default(),
            Ok(assignments) => assignments.into(),
            Err(problem) => {
                left_out.push(format!("event {title}: {problem}"));
                Arc::default()
            }
        };
        match rule {
            Ok(until) => {
                meanings.insert(calendar.components.len(), Meaning { title, assignments, until, is_utc });
                calendar.components.push(event);
            }
            Err(problem) => left_out.push(format!("event {title}: {problem}")),
        }
    }
    let expanded = calendar.expand_dates(Tz::Floating, MOST_OCCURRENCES);
    for error in expanded.errors {
        let meaning = usize::try_from(error.comp_id).ok().and_then(|id| meanings.get(&id));
        if let Some(Meaning { title, .. }) = meaning {
            left_out.push(format!("event {title}: {}", error.error));
        }
    }
    if expanded.events.len() >= MOST_OCCURRENCES
        && let Some(Meaning { title, .. }) = meanings.values().next()
    {
        left_out.push(format!("event {title}: only its first {MOST_OCCURRENCES} occurrences are read"));
    }
    for occurrence in expanded.events {
        let meaning = usize::try_from(occurrence.comp_id).ok().and_then(|id| meanings.get(&id));
        let Some(meaning) = meaning.filter(|meaning| !meaning.assignments.is_empty()) else { continue };
        // An event in UTC recurs without a zone.
        let is_floating = occurrence.start.timezone().is_floating() && !meaning.is_utc;
        let local = occurrence.start.naive_local().and_utc().timestamp();
        let (begin, end) = occurrence.timestamps();
        let time = |seconds| {
            if is_floating { at(seconds, reading.zone) } else { Timestamp::from_second(seconds).ok() }
        };
        let (Some(begin), Some(end)) = (time(begin), time(end)) else { continue };
        let is_asked_for = end > reading.from && begin < reading.until && begin < end;
        if is_asked_for && meaning.until.as_ref().is_none_or(|until| is_within(begin, local, until)) {
            let Meaning { title, assignments, .. } = meaning;
            if windows.len() >= MOST_WINDOWS {
                left_out.push(format!("event {title}: only {MOST_WINDOWS} occurrences are read"));
                return;
            }
            windows.push(Window { begin, end, name: title.clone(), assignments: Arc::clone(assignments) });
        }
    }
}

/// The time at which the wall clock shows this number of seconds since 1970; for a skipped hour, the time one hour later.
fn at(seconds: i64, zone: &TimeZone) -> Option<Timestamp> {
    let wall = Timestamp::from_second(seconds).ok()?.to_zoned(TimeZone::UTC).datetime();
    Some(zone.to_ambiguous_zoned(wall).compatible().ok()?.timestamp())
}

/// Whether an occurrence does not begin after `UNTIL`. `local` is `begin` by its own wall clock, in seconds since 1970.
fn is_within(begin: Timestamp, local: i64, until: &PartialDateTime) -> bool {
    let Some(last) = until.to_date_time() else { return true };
    let seconds = last.date_time.and_utc().timestamp();
    match last.offset {
        Some(offset) => begin.as_second() <= seconds.saturating_sub(offset.local_minus_utc().into()),
        None if until.hour.is_some() => local <= seconds,
        None => local < seconds.saturating_add(SignedDuration::from_hours(24).as_secs()),
    }
}

/// Bounds the cost of expanding an event, or returns why that is not possible. Its rule ends with the requested time; the
/// function returns the rule's own end.
fn bounded(event: &mut ICalendarComponent, until: Timestamp) -> Result<Option<PartialDateTime>, String> {
    // The sequence number of a change does not identify its occurrence.
    event.entries.retain(|entry| entry.name != ICalendarProperty::Sequence);
    let horizon = until.saturating_add(FURTHEST).unwrap_or(Timestamp::MAX).as_second();
    let mut own = None;
    for value in event.entries.iter_mut().flat_map(|entry| &mut entry.values) {
        if let ICalendarValue::RecurrenceRule(rule) = value {
            check(rule)?;
            own = rule.until.replace(PartialDateTime::from_naive_timestamp(horizon));
        }
    }
    Ok(own)
}

fn check(rule: &ICalendarRecurrenceRule) -> Result<(), String> {
    use ICalendarFrequency::{Daily, Hourly, Minutely, Monthly, Secondly, Weekly, Yearly};
    match rule.freq {
        Hourly | Minutely | Secondly => return Err("it recurs more often than daily".to_owned()),
        Yearly | Monthly | Weekly | Daily => {}
    }
    let times = [&rule.byhour, &rule.byminute, &rule.bysecond].map(|times| times.len().max(1));
    if times.iter().fold(1_usize, |all, times| all.saturating_mul(*times)) > MOST_TIMES {
        return Err(format!("it recurs more than {MOST_TIMES} times a day"));
    }
    let lists = [
        rule.byday.len(),
        rule.bymonthday.len(),
        rule.byyearday.len(),
        rule.byweekno.len(),
        rule.bymonth.len(),
        rule.bysetpos.len(),
    ];
    if lists.iter().any(|parts| *parts > MOST_PARTS) {
        return Err(format!("a list of its rule has more than {MOST_PARTS} parts"));
    }
    Ok(())
}
