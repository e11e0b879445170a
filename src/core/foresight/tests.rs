use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::model::{
    Amounts, Assignment, Bytes, History, LARGEST_PEAK, Millicores, Resource, Slot, Snapshot, Window,
};
use crate::plan::fixture::cluster;
use crate::policy::{Foresight, Policy};

const GIBI: u64 = 1 << 30;

/// A Thursday.
const NINE: &str = "2026-01-29T09:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A history of the pool without a name, in GiB, from these times on, a value for each slot.
fn history(parts: &[(&str, &[Option<u64>])]) -> History {
    let mut history = History::default();
    for (time, peaks) in parts {
        let peaks = peaks.iter().map(|peak| peak.map(|gibi| gibi * GIBI));
        history.extend("", Resource::Memory, Slot::of(at(time)), peaks);
    }
    history
}

fn snapshot(now: &str, history: History) -> Snapshot {
    let plain = cluster(vec![], vec![]);
    Snapshot::new(at(now), plain.nodes().to_vec(), vec![], vec![], 1)
        .unwrap()
        .with_history(Some(Arc::new(history)))
}

fn policy(foresight: Foresight) -> Policy {
    Policy { resources: vec![Resource::Memory], foresight, ..Policy::default() }
}

fn asked(gibi: u64) -> Amounts {
    Amounts::pod(Bytes(gibi * GIBI), Millicores(0))
}

/// The expected memory if 10 GiB are requested.
fn expected(now: &str, history: History, foresight: Foresight) -> Option<Expected> {
    expect(&snapshot(now, history), &policy(foresight), "", &asked(10)).of(Resource::Memory).cloned()
}

fn forecast_of(parts: &[(&str, &[Option<u64>])]) -> Option<Forecast> {
    expected(NINE, history(parts), Foresight::default())?.forecast
}

#[test]
fn a_rise_is_the_highest_of_the_next_three_slots_less_the_slot_itself() {
    // One week ago; the neighbours of the slot see the same peak.
    let forecast =
        forecast_of(&[("2026-01-22T09:00:00Z", &[Some(10), Some(12), Some(11), Some(15), Some(40)])]);
    // 9:00 rises by 5, 9:05 by 28 (its next three reach 9:20), 8:55 was not seen.
    let expected =
        Forecast { rise: 28 * GIBI, rises: 2, highest: 28 * GIBI, learned_from: LearnedFrom::ThisHour };
    assert_eq!(forecast, Some(expected));
}

#[test]
fn demand_that_falls_is_no_rise_below_zero() {
    let forecast = forecast_of(&[("2026-01-22T09:00:00Z", &[Some(10), Some(2), Some(1)])]).unwrap();
    assert_eq!((forecast.rise, forecast.rises), (0, 2));
}

#[test]
fn nine_of_ten_rises_do_not_exceed_it() {
    // Rises of 1 to 21 over four weeks and three like weekdays, three each.
    let days = ["01-01", "01-08", "01-15", "01-22", "01-26", "01-27", "01-28"];
    let mut history = History::default();
    for (index, day) in days.iter().enumerate() {
        let begin = Slot::of(at(&format!("2026-{day}T08:55:00Z")));
        let first = u64::try_from(index).unwrap() * 3 + 1;
        // Every fourth slot is a peak above 0: each of the three slots before it has its own rise.
        let peaks = [Some(100 - first), Some(99 - first), Some(98 - first), Some(100)];
        history.extend("", Resource::Memory, begin, peaks.map(|peak| peak.map(|gibi| gibi * GIBI)));
    }
    let forecast = expected(NINE, history, Foresight::default()).unwrap().forecast.unwrap();
    // The index is (90 * 20 + 50) / 100 = 18 of 0 to 20.
    assert_eq!((forecast.rises, forecast.rise, forecast.highest), (21, 19 * GIBI, 21 * GIBI));
}

#[test]
fn like_weekdays_are_those_of_the_last_seven_days() {
    let rise: &[Option<u64>] = &[Some(1), Some(2)];
    let rises = |now: &str, day: &str| {
        let history = history(&[(&format!("{day}T09:00:00Z"), rise)]);
        expected(now, history, Foresight::default())
            .and_then(|expected| expected.forecast)
            .filter(|forecast| forecast.learned_from == LearnedFrom::ThisHour)
            .map(|forecast| forecast.rises)
    };
    // Thursday learns from Monday to Wednesday, not from Friday, Saturday and Sunday.
    assert_eq!(rises(NINE, "2026-01-26"), Some(1));
    assert_eq!(rises(NINE, "2026-01-28"), Some(1));
    assert_eq!(rises(NINE, "2026-01-25"), None, "Sunday");
    assert_eq!(rises(NINE, "2026-01-23"), None, "Friday");
    // A like weekday of the week before is too old; the same weekday is not, for four weeks.
    assert_eq!(rises(NINE, "2026-01-21"), None, "the Wednesday of last week");
    assert_eq!(rises(NINE, "2026-01-01"), Some(1), "four weeks ago");
    assert_eq!(rises("2026-01-30T09:00:00Z", "2026-01-29"), None, "Friday does not learn from Thursday");
    assert_eq!(rises("2026-01-30T09:00:00Z", "2026-01-23"), Some(1));
}

#[test]
fn without_a_like_day_any_day_of_the_last_week_tells() {
    let sunday = forecast_of(&[("2026-01-25T09:00:00Z", &[Some(1), Some(4)])]).unwrap();
    assert_eq!((sunday.rise, sunday.learned_from), (3 * GIBI, LearnedFrom::AnyDay));
    assert_eq!(forecast_of(&[("2026-01-18T09:00:00Z", &[Some(1), Some(4)])]), None, "eleven days ago");
}

#[test]
fn without_any_day_the_last_two_hours_tell() {
    // From 8:00 on: three rises of 3 among twelve, of which the one with the index (90 * 11 + 50) / 100 = 10 counts.
    let mut today = [Some(10); 13];
    today[6] = Some(13);
    let forecast = forecast_of(&[("2026-01-29T08:00:00Z", &today)]).unwrap();
    let rises =
        Forecast { rise: 3 * GIBI, rises: 12, highest: 3 * GIBI, learned_from: LearnedFrom::LastHours };
    assert_eq!(forecast, rises);
    assert_eq!(forecast_of(&[("2026-01-29T08:05:00Z", &today[1..])]), None, "less than an hour is known");
    // Nine of ten of twenty-four: the index is (90 * 23 + 50) / 100 = 21, and two rises are higher.
    let mut two_hours = [Some(1); 25];
    two_hours[24] = Some(4);
    two_hours[2] = Some(90);
    let forecast = forecast_of(&[("2026-01-29T07:00:00Z", &two_hours)]).unwrap();
    assert_eq!((forecast.rises, forecast.rise, forecast.highest), (24, 3 * GIBI, 89 * GIBI));
    assert_eq!(
        forecast_of(&[("2026-01-29T06:55:00Z", &[Some(1), Some(9)])]),
        None,
        "more than two hours ago"
    );
    // A day of the last week outweighs them.
    let days: [(&str, &[Option<u64>]); 2] =
        [("2026-01-29T08:00:00Z", &today), ("2026-01-25T09:00:00Z", &[Some(1), Some(2)])];
    assert_eq!(forecast_of(&days).unwrap().learned_from, LearnedFrom::AnyDay);
    let no_forecast = Foresight { forecast: false, ..Foresight::default() };
    let peak = expected(NINE, history(&[("2026-01-29T08:15:00Z", &today)]), no_forecast).unwrap();
    assert_eq!((peak.amount, peak.forecast), (3 * GIBI, None), "the peak of the last minutes");
}

#[test]
fn gaps_are_left_out() {
    let forecast = forecast_of(&[("2026-01-22T09:00:00Z", &[Some(10), None, None, Some(13)])]).unwrap();
    assert_eq!((forecast.rise, forecast.rises), (3 * GIBI, 1));
    assert_eq!(forecast_of(&[("2026-01-22T09:00:00Z", &[Some(10), None, None, None, Some(13)])]), None);
}

#[test]
fn the_stabilization_is_only_asked_where_no_past_week_tells() {
    let last_minutes: (&str, &[Option<u64>]) =
        ("2026-01-29T08:40:00Z", &[Some(99), Some(17), Some(14), Some(12), Some(10)]);
    let peak = expected(NINE, history(&[last_minutes]), Foresight::default()).unwrap();
    assert_eq!((peak.amount, peak.stabilization, peak.forecast), (7 * GIBI, Some(7 * GIBI), None));
    let known = [last_minutes, ("2026-01-22T09:00:00Z", &[Some(10), Some(11)])];
    let both = expected(NINE, history(&known), Foresight::default()).unwrap();
    assert_eq!((both.amount, both.stabilization), (GIBI, None));
    let no_forecast = Foresight { forecast: false, ..Foresight::default() };
    assert_eq!(expected(NINE, history(&known), no_forecast).unwrap().amount, 7 * GIBI);
    let off = Foresight { stabilization: SignedDuration::ZERO, ..Foresight::default() };
    assert_eq!(expected(NINE, history(&[last_minutes]), off), None);
    assert_eq!(expected(NINE, history(&known), Foresight::off()), None);
}

#[test]
fn a_peak_below_what_is_asked_for_now_expects_nothing() {
    let low = history(&[("2026-01-29T08:55:00Z", &[Some(3)])]);
    assert_eq!(expected(NINE, low, Foresight::default()).unwrap().amount, 0);
    // The history has whole mebibytes: less than one is no peak above the requests.
    let mut odd = History::default();
    odd.observe(at(NINE), "", Resource::Memory, 10 * GIBI + 1);
    let snapshot = snapshot(NINE, odd);
    let asked = Amounts::pod(Bytes(10 * GIBI + 1), Millicores(0));
    assert_eq!(expect(&snapshot, &policy(Foresight::default()), "", &asked).amounts().memory, Bytes(0));
}

#[test]
fn hours_are_compared_by_the_clock_on_the_wall() {
    // Central Europe, where summer time ends on the last Sunday of October: 9:00 is 7:00 UTC before and 8:00 UTC after.
    let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    let local = Foresight { time_zone: zone, ..Foresight::default() };
    let before = || history(&[("2026-10-22T07:00:00Z", &[Some(1), Some(5)])]);
    let now = "2026-10-29T08:00:00Z";
    assert_eq!(expected(now, before(), local).unwrap().amount, 4 * GIBI);
    assert_eq!(expected(now, before(), Foresight::default()), None, "in UTC nobody came at that hour");
}

#[test]
fn slots_after_now_teach_nothing() {
    // A file with the whole semester, and a dump of its second week.
    let forecast = forecast_of(&[
        ("2026-01-29T08:55:00Z", &[Some(1), Some(2), Some(90)]),
        ("2026-01-22T09:00:00Z", &[Some(1), Some(2)]),
    ]);
    assert_eq!(forecast.unwrap().rise, GIBI);
    let long = Foresight { lead: SignedDuration::from_hours(24 * 7 + 1), ..Foresight::default() };
    let parts: [(&str, &[Option<u64>]); 2] =
        [("2026-01-22T09:00:00Z", &[Some(1)]), ("2026-01-29T08:55:00Z", &[Some(2), Some(3), Some(90)])];
    assert_eq!(expected(NINE, history(&parts), long).unwrap().forecast.unwrap().highest, 2 * GIBI);
}

#[test]
fn a_history_at_its_extremes_expects_a_lot_and_breaks_nothing() {
    let mut extreme = History::default();
    extreme.extend(
        "",
        Resource::Memory,
        Slot::of(at("2026-01-22T08:55:00Z")),
        [Some(0), Some(0), Some(u64::MAX)],
    );
    let most = expected(NINE, extreme, Foresight::default()).unwrap();
    assert_eq!(most.amount, LARGEST_PEAK);
    for now in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
        let mut history = History::default();
        history.observe(now, "", Resource::Memory, GIBI);
        let snapshot =
            Snapshot::new(now, vec![], vec![], vec![], 1).unwrap().with_history(Some(Arc::new(history)));
        let expectation = expect(&snapshot, &policy(Foresight::default()), "", &asked(0));
        assert_eq!(expectation.amounts().memory, Bytes(GIBI), "{now}: the peak of the last minutes");
    }
}

fn scheduled(text: &str) -> Foresight {
    Foresight { schedule: parse_schedule(text).unwrap(), ..Foresight::off() }
}

/// The minimum number of nodes and the reserve of memory in GiB that are in force.
fn in_force_at(time: &str, foresight: &Foresight) -> (Option<usize>, u64) {
    let snapshot = Snapshot::new(at(time), vec![], vec![], vec![], 1).unwrap();
    let expectation = expect(&snapshot, &policy(foresight.clone()), "", &asked(0));
    (expectation.min_nodes.as_ref().map(|(nodes, _)| *nodes), expectation.amounts().memory.0 / GIBI)
}

#[test]
fn a_schedule_is_in_force_on_its_days_and_begins_early() {
    let foresight =
        scheduled("Mon-Fri 08:45-18:00 MIN_NODES=6; Tue,Thu 09:50-11:00 RESERVE=60Gi MIN_NODES=8");
    for (time, expected) in [
        ("2026-01-29T08:29:59Z", (None, 0)),
        ("2026-01-29T08:30:00Z", (Some(6), 0)), // 15 minutes early
        ("2026-01-29T09:34:00Z", (Some(6), 0)),
        ("2026-01-29T09:35:00Z", (Some(8), 60)),
        ("2026-01-29T11:00:00Z", (Some(6), 0)),
        ("2026-01-29T18:00:00Z", (None, 0)),
        ("2026-01-28T10:00:00Z", (Some(6), 0)), // a Wednesday
        ("2026-01-31T10:00:00Z", (None, 0)),    // a Saturday
    ] {
        assert_eq!(in_force_at(time, &foresight), expected, "{time}");
    }
}

#[test]
fn a_schedule_goes_over_midnight_and_over_the_end_of_the_week() {
    let foresight = scheduled(
        "Fri-Mon 22:00-02:00 MIN_NODES=4; Wed 00:00-24:00 MIN_NODES=5; Mon 00:05-01:00 RESERVE=1Gi",
    );
    for (time, expected) in [
        ("2026-01-31T01:59:00Z", Some(4)), // Saturday, begun on Friday
        ("2026-01-31T02:00:00Z", None),
        ("2026-01-27T01:00:00Z", Some(4)), // Tuesday, begun on Monday
        ("2026-01-27T22:30:00Z", None),    // Tuesday
        ("2026-01-27T23:45:00Z", Some(5)), // Wednesday begins early
        ("2026-01-28T23:59:00Z", Some(5)),
        ("2026-01-29T00:00:00Z", None),
    ] {
        assert_eq!(in_force_at(time, &foresight).0, expected, "{time}");
    }
    // Monday's five past midnight begins on Sunday evening.
    assert_eq!(in_force_at("2026-01-25T23:50:00Z", &foresight).1, 1);
    assert_eq!(in_force_at("2026-01-25T23:49:00Z", &foresight).1, 0);
}

#[test]
fn texts_that_are_no_schedule_name_the_part_that_is_wrong() {
    for (text, part) in [
        ("Mon-Fri 08:45-18:00", "lacks days, times or assignments"),
        ("Mo 08:45-18:00 MIN_NODES=6", "\"Mo\" is no weekday"),
        ("Mon, 08:45-18:00 MIN_NODES=6", "\"\" is no weekday"),
        ("Mon 8.45-18:00 MIN_NODES=6", "\"8.45-18:00\" is no pair of times"),
        ("Mon 08:45-24:01 MIN_NODES=6", "no pair of times"),
        ("Mon 08:60-09:00 MIN_NODES=6", "no pair of times"),
        ("Mon 08:45-08:45 MIN_NODES=6", "no pair of times"),
        ("Mon 24:00-08:45 MIN_NODES=6", "no pair of times"),
        ("Mon 08:45-18:00 MAX_NODES=6", "\"MAX_NODES=6\" is no assignment"),
        ("Mon 08:45-18:00 MIN_NODES=-6", "no assignment"),
        ("Mon 08:45-18:00 MIN_NODES=99999999999", "no assignment"),
        ("Mon 08:45-18:00 RESERVE=", "no assignment"),
        ("Mon 08:45-18:00 RESERVE==1Gi", "no assignment"),
        ("Mon 08:45-18:00 RESERVE=gpu:1", "no assignment"),
        ("Mon 08:45-18:00 RESERVE=-1Gi", "no assignment"),
    ] {
        let error = parse_schedule(text).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    assert_eq!(parse_schedule(" ; ").unwrap(), []);
}

#[test]
fn assignments_name_pools_and_resources() {
    let text =
        "Lecture in room 5. MIN_NODES=3:gpu=2, RESERVE=cpu:20 RESERVE=user=60Gi RESERVE=user=cpu:1500m";
    let words: Vec<String> = parse_assignments(text).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "MIN_NODES=3",
            "MIN_NODES=gpu=2",
            "RESERVE=cpu:20",
            "RESERVE=user=memory:60Gi",
            "RESERVE=user=cpu:1500m"
        ]
    );
    assert!(parse_assignments("MIN_NODES=many").is_err());
    assert_eq!(parse_assignments("nothing of that kind").unwrap(), []);
}

#[test]
fn a_scheduled_minimum_raises_the_one_of_the_settings_up_to_max_nodes() {
    let min = |text: &str, pool: &str| {
        let mut policy = policy(scheduled(text));
        policy.bounds.max_nodes = 10;
        let gpu = crate::policy::Bounds { min_nodes: 0, ..policy.bounds };
        policy.pool_bounds.insert("gpu".to_owned(), gpu);
        let snapshot = Snapshot::new(at(NINE), vec![], vec![], vec![], 1).unwrap();
        policy.in_force(&snapshot).bounds_of(pool).min_nodes
    };
    let daily = |assignment: &str| format!("Mon-Sun 00:00-24:00 {assignment}");
    assert_eq!(min("", ""), 3);
    assert_eq!(min(&daily("MIN_NODES=6"), ""), 6);
    assert_eq!(min(&daily("MIN_NODES=2"), ""), 3, "it never lowers");
    assert_eq!(min(&daily("MIN_NODES=60"), ""), 10, "MAX_NODES");
    assert_eq!(min(&daily("MIN_NODES=6"), "gpu"), 6);
    assert_eq!(min(&daily("MIN_NODES=gpu=2"), "gpu"), 2);
    assert_eq!(min(&daily("MIN_NODES=gpu=2"), ""), 3);
    assert_eq!(min(&daily("MIN_NODES=other=7"), "other"), 7);
}

#[test]
fn a_reserve_is_of_its_pool_and_the_largest_of_all_counts() {
    let foresight = Foresight {
        schedule: parse_schedule("Mon-Sun 00:00-24:00 RESERVE=user=5Gi; Thu 09:00-10:00 RESERVE=user=7Gi")
            .unwrap(),
        ..Foresight::default()
    };
    let mut known = History::default();
    let slot = Slot::of(at("2026-01-22T09:00:00Z"));
    known.extend("user", Resource::Memory, slot, [Some(GIBI), Some(7 * GIBI)]);
    let expectation = expect(&snapshot(NINE, known.clone()), &policy(foresight.clone()), "user", &asked(1));
    assert_eq!(expectation.amounts().memory, Bytes(7 * GIBI));
    let other = expect(&snapshot(NINE, known.clone()), &policy(foresight.clone()), "gpu", &asked(1));
    assert_eq!(other.amounts().memory, Bytes(0));
    known.extend("user", Resource::Memory, slot, [None, Some(20 * GIBI)]);
    let risen = expect(&snapshot(NINE, known), &policy(foresight), "user", &asked(1));
    assert_eq!(risen.amounts().memory, Bytes(19 * GIBI), "the forecast is larger than the reserve");
}

#[test]
fn an_event_of_a_calendar_holds_from_the_lead_before_it_to_its_end() {
    let reserve = Assignment::Reserve { pool: None, resource: Resource::Memory, amount: 9 * GIBI };
    let window = Window {
        name: "Exam".to_owned(),
        begin: at("2026-01-29T10:00:00Z"),
        end: at("2026-01-29T12:00:00Z"),
        assignments: [reserve].into(),
    };
    for (time, gibi) in [("09:44:00", 0), ("09:45:00", 9), ("11:59:59", 9), ("12:00:00", 0)] {
        let time = at(&format!("2026-01-29T{time}Z"));
        let snapshot =
            Snapshot::new(time, vec![], vec![], vec![], 1).unwrap().with_calendar([window.clone()].into());
        let expectation = expect(&snapshot, &policy(Foresight::off()), "", &asked(0));
        assert_eq!(expectation.amounts().memory, Bytes(gibi * GIBI), "{time}");
        if let Some((_, notice)) = expectation.of(Resource::Memory).and_then(|one| one.reserve.clone()) {
            assert_eq!(notice.origin, Origin::Calendar { event: "Exam".to_owned() });
        }
    }
}

#[test]
fn of_equal_assignments_in_force_the_first_one_counts() {
    let assign = |nodes| Assignment::MinNodes { pool: None, nodes };
    let window = |begin, nodes: [usize; 2]| Window {
        name: "Exam".to_owned(),
        begin: at(begin),
        end: at("2026-01-30T00:00:00Z"),
        assignments: nodes.map(assign).into(),
    };
    let windows = [window("2026-01-28T00:00:00Z", [3, 3]), window("2026-01-29T00:00:00Z", [3, 4])];
    let now = Snapshot::new(at(NINE), vec![], vec![], vec![], 1).unwrap().with_calendar(windows.into());
    let found = super::in_force::in_force(&now, &policy(Foresight::off()));
    let found: Vec<_> = found.iter().map(|one| (one.assignment.clone(), one.begin)).collect();
    assert_eq!(found, [(assign(3), at("2026-01-28T00:00:00Z")), (assign(4), at("2026-01-29T00:00:00Z"))]);
}
