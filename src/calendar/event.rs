//! Reads one event: its title and its assignments.

use calcard::icalendar::{ICalendarComponent, ICalendarProperty, ICalendarStatus, ICalendarValue};
use kube_rebalancer_core::foresight::parse_assignments;
use kube_rebalancer_core::model::Assignment;

/// The longest title that is shown, in characters.
const LONGEST_TITLE: usize = 60;

/// Maximum length of a description that is read, in bytes.
const LONGEST_DESCRIPTION: usize = 64 * 1024;

/// Maximum number of assignments of an event: the three kinds for each of ten pools. All are in force at once, so more
/// would only cost time.
const MOST_ASSIGNMENTS: usize = 32;

/// Whether an event has a word that may begin an assignment; most have none, and are skipped.
pub(super) fn may_assign(event: &ICalendarComponent) -> bool {
    let text = text(event, &ICalendarProperty::Description).to_ascii_uppercase();
    ["MIN_NODES=", "RESERVE="].iter().any(|word| text.contains(word))
}

/// The assignments of an event, or why it has no valid ones.
pub(super) fn assignments(event: &ICalendarComponent, has_pools: bool) -> Result<Vec<Assignment>, String> {
    let text = text(event, &ICalendarProperty::Description);
    if text.len() > LONGEST_DESCRIPTION {
        return Err("its description is too long".to_owned());
    }
    let found = parse_assignments(&without_tags(&text)).map_err(|error| error.to_string())?;
    if found.len() > MOST_ASSIGNMENTS {
        return Err(format!("it has {} assignments, expected at most {MOST_ASSIGNMENTS}", found.len()));
    }
    for assignment in &found {
        match (assignment.pool(), has_pools) {
            (Some(pool), false) => return Err(format!("it names the pool {pool}, and POOL_LABEL is unset")),
            (None, true) if matches!(assignment, Assignment::Reserve { .. }) => {
                return Err(format!("{assignment} names no pool, and POOL_LABEL is set"));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Whether an event begins by the clock of UTC: its time ends with `Z`.
pub(super) fn is_utc(event: &ICalendarComponent) -> bool {
    let values = event.property(&ICalendarProperty::Dtstart).map(|entry| entry.values.as_slice());
    let start = match values.and_then(<[ICalendarValue]>::first) {
        Some(ICalendarValue::PartialDateTime(start)) => start.to_date_time(),
        _ => None,
    };
    start.is_some_and(|start| start.offset.is_some())
}

/// Whether an event, or one occurrence of it, was cancelled.
pub(super) fn is_cancelled(event: &ICalendarComponent) -> bool {
    event.status() == Some(&ICalendarStatus::Cancelled)
}

/// The title as it is shown.
pub(super) fn title(event: &ICalendarComponent) -> String {
    let title = text(event, &ICalendarProperty::Summary);
    let mut words = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        return "without a title".to_owned();
    }
    if let Some((end, _)) = words.char_indices().nth(LONGEST_TITLE) {
        words.truncate(end);
    }
    words
}

fn text(event: &ICalendarComponent, property: &ICalendarProperty) -> String {
    let values = event.property(property).map(|entry| entry.values.as_slice()).unwrap_or_default();
    values.iter().filter_map(|value| value.as_text()).collect::<Vec<_>>().join(",")
}

/// A description in HTML, as Google writes them, without its tags.
fn without_tags(text: &str) -> String {
    let mut plain = String::new();
    let mut is_tag = false;
    for letter in text.chars() {
        match letter {
            '<' => is_tag = true,
            '>' if is_tag => {
                is_tag = false;
                plain.push(' ');
            }
            _ if is_tag => {}
            _ => plain.push(letter),
        }
    }
    plain.replace("&nbsp;", " ")
}
