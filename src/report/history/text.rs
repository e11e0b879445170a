//! The history for people: the highest of each day, and a week in figures.
//!
//! ```text
//!   day    5 Jan  12 Jan  expected in 15m, at most
//!   Mon   61.0Gi  64.0Gi  +12.0Gi at 08:50
//!
//!         0     3     6     9     12    15    18    21
//!   Mon   ...............135887766...
//!    more ...............221.........
//! ```

use std::io::{Result, Write};

use jiff::civil::Date;
use kube_rebalancer_core::foresight::Forecast;
use kube_rebalancer_page::{Layout, Page, Tone, count};

use super::super::amount::amount;
use super::Facts;
use super::weeks::{PER_DAY, Weeks, weeks};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// The column in which facts start.
const COLUMN: usize = 13;
/// Columns of a day's peak.
const CELL: usize = 10;
/// The number of slots for each figure of the plot: half an hour.
const FIGURE: usize = 6;
/// The labels of every third hour, above their figures.
const HOURS: &str = "      0     3     6     9     12    15    18    21";
/// Maximum number of weeks that a history can span.
const MOST_WEEKS: usize = 5;

/// Writes the report.
pub fn write(out: &mut dyn Write, facts: &Facts<'_>, layout: Layout) -> Result<()> {
    let page = &mut Page::new(out, layout);
    let name = format!("kube-rebalancer {}", facts.version);
    page.line(0, &[(Tone::Bold, &name), (Tone::Plain, ", history")])?;
    page.blank()?;
    fact(page, "source", facts.source)?;
    let all = weeks(facts.history, facts.foresight, facts.from);
    if all.is_empty() {
        return fact(page, "slots", "none yet: no run has recorded the requests");
    }
    let zone = facts.foresight.time_zone.iana_name().unwrap_or("the zone of TIME_ZONE");
    fact(page, "clock", zone)?;
    let expected = if facts.foresight.forecast {
        format!("in the week from {} on", clock(facts, facts.from))
    } else {
        "nothing: FORECAST is false".to_owned()
    };
    fact(page, "expected", &expected)?;
    for one in &all {
        series(page, facts, one)?;
    }
    Ok(())
}

fn series(page: &mut Page<'_>, facts: &Facts<'_>, weeks: &Weeks) -> Result<()> {
    let pool = if weeks.pool.is_empty() { String::new() } else { format!("pool {}, ", weeks.pool) };
    page.heading(&format!("{pool}{}", weeks.resource))?;
    let (first, last) = weeks.span;
    let slots = usize::try_from(last.number().saturating_sub(first.number())).unwrap_or(0) + 1;
    let span = format!(
        "{} to {}: {} of five minutes, {} of them known",
        clock(facts, first.begins()),
        clock(facts, last.later(1).begins()),
        count(slots, "slot"),
        weeks.known
    );
    fact(page, "slots", &span)?;
    fact(page, "highest", &amount(weeks.resource, weeks.highest))?;
    page.blank()?;
    table(page, facts, weeks)?;
    page.blank()?;
    plot(page, weeks)
}

/// The highest peak of each day, a column a week, and the highest expected rise of that day of the
/// week.
fn table(page: &mut Page<'_>, facts: &Facts<'_>, weeks: &Weeks) -> Result<()> {
    let shown = weeks.weeks.len().saturating_sub(MOST_WEEKS);
    let shown = weeks.weeks.get(shown..).unwrap_or_default();
    let mondays: String = shown.iter().map(|week| cell(&date(week.monday))).collect();
    let title = format!("{:<4}{mondays}  most expected in {:#}", "day", facts.foresight.lead);
    page.line(2, &[(Tone::Dim, &title)])?;
    for (index, day) in DAYS.iter().enumerate() {
        let cells = shown.iter().map(|week| {
            let highest = of_day(&week.peaks, index).iter().flatten().max();
            highest.map_or_else(|| "-".to_owned(), |peak| amount(weeks.resource, *peak))
        });
        let cells: String = cells.map(|text| cell(&text)).collect();
        let row = format!("{day:<4}{cells}  {}", expected(weeks, of_day(&weeks.expected, index)));
        page.line(2, &[(Tone::Plain, &row)])?;
    }
    Ok(())
}

fn expected(weeks: &Weeks, day: &[Option<Forecast>]) -> String {
    let mut highest: Option<(usize, &Forecast)> = None;
    for (index, forecast) in day.iter().enumerate().filter_map(|(index, one)| Some((index, one.as_ref()?))) {
        if highest.is_none_or(|(_, known)| known.rise < forecast.rise) {
            highest = Some((index, forecast));
        }
    }
    match highest {
        None => "nothing to learn from".to_owned(),
        Some((_, Forecast { rise: 0, .. })) => "nothing more".to_owned(),
        Some((index, forecast)) => format!(
            "+{} at {:02}:{:02}, of {}",
            amount(weeks.resource, forecast.rise),
            index / 12,
            index % 12 * 5,
            count(forecast.rises, "rise")
        ),
    }
}

/// A week in figures: tenths of the highest peak of all weeks, and below them the expected rises.
fn plot(page: &mut Page<'_>, weeks: &Weeks) -> Result<()> {
    let text = format!(
        "each figure is half an hour in tenths of {} (9: nine tenths and more, a dot: nothing or unknown); first its highest \
         peak in all weeks, below it what is expected more",
        amount(weeks.resource, weeks.highest)
    );
    page.paragraph(2, 2, (Tone::Plain, ""), (Tone::Dim, &text))?;
    page.line(2, &[(Tone::Dim, HOURS)])?;
    for (index, day) in DAYS.iter().enumerate() {
        let peaks = (0..PER_DAY).map(|slot| {
            let of_week = |week: &super::Week| of_day(&week.peaks, index).get(slot).copied().flatten();
            weeks.weeks.iter().filter_map(of_week).max()
        });
        let rises = of_day(&weeks.expected, index).iter().map(|one| one.map(|forecast| forecast.rise));
        page.line(2, &[(Tone::Plain, &format!("{day:<6}{}", figures(peaks, weeks.highest)))])?;
        page.line(2, &[(Tone::Green, &format!("{:<6}{}", " more", figures(rises, weeks.highest)))])?;
    }
    Ok(())
}

/// A figure for each half hour.
fn figures(slots: impl Iterator<Item = Option<u64>>, highest: u64) -> String {
    let slots: Vec<Option<u64>> = slots.collect();
    let figure = |half_hour: &[Option<u64>]| {
        let most = half_hour.iter().flatten().max().copied().filter(|most| *most > 0)?;
        let tenths = (u128::from(most) * 10).checked_div(u128::from(highest))?.min(9);
        char::from_digit(u32::try_from(tenths).ok()?, 10)
    };
    slots.chunks(FIGURE).map(|half_hour| figure(half_hour).unwrap_or('.')).collect()
}

/// The part of a week that belongs to one day.
fn of_day<Value>(week: &[Value], day: usize) -> &[Value] {
    week.get(day * PER_DAY..(day + 1) * PER_DAY).unwrap_or_default()
}

fn cell(text: &str) -> String {
    format!("{text:>CELL$}")
}

fn date(day: Date) -> String {
    day.strftime("%-d %b").to_string()
}

fn clock(facts: &Facts<'_>, time: jiff::Timestamp) -> String {
    time.to_zoned(facts.foresight.time_zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

fn fact(page: &mut Page<'_>, label: &str, text: &str) -> Result<()> {
    let label = format!("{label:<COLUMN$}");
    page.paragraph(0, COLUMN, (Tone::Dim, &label), (Tone::Plain, text))
}
