//! Reads `SCHEDULE`, and the assignments in an event's description.
//!
//! ```text
//!   schedule   ::= rule { ";" rule }
//!   rule       ::= days time "-" time assignment { assignment }      Mon-Fri 08:45-18:00 MIN_NODES=6
//!   days       ::= day [ "-" day ] { "," day [ "-" day ] }           Tue,Thu
//!   assignment ::= "MIN_NODES=" number { ":" pool "=" number }       MIN_NODES=6:gpu=2, MIN_NODES=gpu=2
//!                | "RESERVE=" [ pool "=" ] [ resource ":" ] quantity  RESERVE=60Gi, RESERVE=user=cpu:20
//! ```

use crate::model::{Assignment, Resource, Rule, Weekdays, parse_bytes, parse_millicores};

/// The reason why a text is no schedule. Each variant holds the wrong part, shortened to a few words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A rule has too few words.
    #[error("{0:?} lacks days, times or assignments")]
    Rule(String),
    /// A word is no day.
    #[error("{0:?} is no weekday")]
    Day(String),
    /// A word is no span of times.
    #[error("{0:?} is no pair of times")]
    Times(String),
    /// A word is no assignment.
    #[error("{0:?} is no assignment")]
    Assignment(String),
}

/// The beginning of a text, short enough for a line of a terminal.
fn short(text: &str) -> String {
    text.chars().take(24).collect()
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Reads a schedule. An empty text and an empty rule are allowed and have no effect.
pub fn parse_schedule(text: &str) -> Result<Vec<Rule>, ScheduleError> {
    text.split(';').map(str::trim).filter(|rule| !rule.is_empty()).map(rule).collect()
}

/// Reads the assignments of a text, which may have other words. A word that begins like an assignment must be one.
pub fn parse_assignments(text: &str) -> Result<Vec<Assignment>, ScheduleError> {
    let mut found = Vec::new();
    for word in text.split([' ', '\t', '\r', '\n', ';', ',']).filter(|word| is_assignment(word)) {
        found.extend(assignment(word)?);
    }
    Ok(found)
}

fn is_assignment(word: &str) -> bool {
    word.starts_with("MIN_NODES=") || word.starts_with("RESERVE=")
}

fn rule(text: &str) -> Result<Rule, ScheduleError> {
    let mut words = text.split_whitespace();
    let (Some(days), Some(times), Some(first)) = (words.next(), words.next(), words.next()) else {
        return Err(ScheduleError::Rule(short(text)));
    };
    let days = weekdays(days)?;
    let (begin, end) = pair_of_times(times).ok_or_else(|| ScheduleError::Times(short(times)))?;
    let mut assignments = Vec::new();
    for word in std::iter::once(first).chain(words) {
        assignments.extend(assignment(word)?);
    }
    Ok(Rule { days, begin, end, assignments })
}

fn weekdays(text: &str) -> Result<Weekdays, ScheduleError> {
    let day = |text: &str| {
        let lower = text.to_ascii_lowercase();
        let known = DAYS.iter().position(|day| *day == lower);
        known.ok_or_else(|| ScheduleError::Day(short(text)))
    };
    let mut days = Weekdays::default();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        // Fri-Mon spans the end of the week.
        let last = if last < first { last + 7 } else { last };
        (first..=last).for_each(|day| days.add(day));
    }
    Ok(days)
}

fn pair_of_times(text: &str) -> Option<(i64, i64)> {
    let (begin, end) = text.split_once('-')?;
    let (begin, end) = (time(begin)?, time(end)?);
    (begin < Rule::DAY && begin != end).then_some((begin, end))
}

/// Minutes of the day.
fn time(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() <= 2 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i64>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes).filter(|_| minutes.len() == 2)?);
    let time = hours * 60 + minutes;
    (minutes < 60 && time <= Rule::DAY).then_some(time)
}

fn assignment(word: &str) -> Result<Vec<Assignment>, ScheduleError> {
    let read = || {
        let (name, value) = word.split_once('=')?;
        match name {
            "MIN_NODES" => value.split(':').map(min_nodes).collect(),
            "RESERVE" => Some(vec![reserve(value)?]),
            _ => None,
        }
    };
    read().ok_or_else(|| ScheduleError::Assignment(short(word)))
}

/// The pool before an equals sign, and the rest.
fn pooled(text: &str) -> Option<(Option<String>, &str)> {
    match text.split_once('=') {
        Some(("", _)) => None,
        Some((pool, rest)) => Some((Some(pool.to_owned()), rest)),
        None => Some((None, text)),
    }
}

fn min_nodes(text: &str) -> Option<Assignment> {
    let (pool, nodes) = pooled(text)?;
    let nodes: u32 = nodes.parse().ok().filter(|_| nodes.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(Assignment::MinNodes { pool, nodes: usize::try_from(nodes).ok()? })
}

fn reserve(text: &str) -> Option<Assignment> {
    let (pool, amount) = pooled(text)?;
    let (resource, amount) = match amount.split_once(':') {
        Some(("cpu", cores)) => (Resource::Cpu, parse_millicores(cores).ok()?.0),
        Some(("memory", bytes)) => (Resource::Memory, parse_bytes(bytes).ok()?.0),
        Some(_) => return None,
        None => (Resource::Memory, parse_bytes(amount).ok()?.0),
    };
    Some(Assignment::Reserve { pool, resource, amount })
}
