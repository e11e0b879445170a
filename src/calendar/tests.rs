//! Calendars as Google, Outlook and people write them, and hostile ones.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kube_rebalancer_core::model::{Assignment, Resource};

use super::{BadCalendar, Calendar, LONGEST, MOST_ITEMS, MOST_LINES, MOST_WINDOWS, Reading, read};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Reads what lies between two times, on a clock two hours ahead of UTC.
fn between(events: &str, from: &str, until: &str) -> Calendar {
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    let reading = Reading { zone: &zone, from: at(from), until: at(until), has_pools: false };
    read(
        &format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", events.replace('\n', "\r\n")),
        &reading,
    )
    .unwrap()
}

/// The begin and the end of each window in January and February 2026, in UTC.
fn times(events: &str) -> Vec<(String, String)> {
    let calendar = between(events, "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z");
    assert_eq!(calendar.problems, Vec::<String>::new());
    let text = |time: Timestamp| time.to_string();
    calendar.windows.iter().map(|window| (text(window.begin), text(window.end))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(begin, end)| ((*begin).to_owned(), (*end).to_owned())).collect()
}

const EXAM: &str = "\
BEGIN:VEVENT
UID:exam
SUMMARY:Exam of physics
DTSTART;TZID=Europe/Berlin:20260112T090000
DTEND;TZID=Europe/Berlin:20260112T110000
DESCRIPTION:Room 5\\nMIN_NODES=6\\nRESERVE=cpu:20
END:VEVENT
";

#[test]
fn an_event_holds_the_assignments_of_its_description() {
    let calendar = between(EXAM, "2026-01-12T00:00:00Z", "2026-01-13T00:00:00Z");
    let [window] = calendar.windows.as_slice() else { unreachable!("{calendar:?}") };
    assert_eq!((window.begin, window.end), (at("2026-01-12T08:00:00Z"), at("2026-01-12T10:00:00Z")));
    assert_eq!(window.name, "Exam of physics");
    let expected = [
        Assignment::MinNodes { pool: None, nodes: 6 },
        Assignment::Reserve { pool: None, resource: Resource::Cpu, amount: 20_000 },
    ];
    assert_eq!(*window.assignments, expected);
    assert_eq!(between(EXAM, "2026-01-12T10:00:00Z", "2026-01-13T00:00:00Z").windows, []);
    assert_eq!(between(EXAM, "2026-01-12T00:00:00Z", "2026-01-12T08:00:00Z").windows, []);
}

#[test]
fn events_without_assignments_say_nothing() {
    let holiday = EXAM.replace("\\nMIN_NODES=6\\nRESERVE=cpu:20", "");
    let calendar = between(&holiday, "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z");
    assert_eq!(calendar, Calendar::default());
}

#[test]
fn times_are_those_of_their_zone_whatever_its_name() {
    let outlook = "\
BEGIN:VTIMEZONE
TZID:Central Time
X-LIC-LOCATION:America/Chicago
BEGIN:STANDARD
DTSTART:16011104T020000
TZOFFSETFROM:-0500
TZOFFSETTO:-0600
END:STANDARD
END:VTIMEZONE
";
    for (start, begin) in [
        ("DTSTART:20260112T090000Z", "2026-01-12T09:00:00Z"),
        ("DTSTART:20260112T090000", "2026-01-12T07:00:00Z"),
        ("DTSTART;TZID=America/New_York:20260112T090000", "2026-01-12T14:00:00Z"),
        ("DTSTART;TZID=W. Europe Standard Time:20260112T090000", "2026-01-12T08:00:00Z"),
        ("DTSTART;TZID=Central Time:20260112T090000", "2026-01-12T15:00:00Z"),
        ("DTSTART;TZID=Nowhere:20260112T090000", "2026-01-12T07:00:00Z"),
        ("DTSTART;VALUE=DATE:20260112", "2026-01-11T22:00:00Z"),
    ] {
        let event = format!(
            "{outlook}BEGIN:VEVENT\nUID:1\n{start}\nDURATION:PT1H\nDESCRIPTION:MIN_NODES=6\nEND:VEVENT\n"
        );
        let found = times(&event);
        assert_eq!(found.len(), 1, "{start}");
        assert_eq!(found[0].0, begin, "{start}");
    }
}

#[test]
fn a_day_is_a_day_of_the_clock() {
    let day = "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20260112\nDESCRIPTION:MIN_NODES=6\nEND:VEVENT\n";
    assert_eq!(times(day), pairs(&[("2026-01-11T22:00:00Z", "2026-01-12T22:00:00Z")]));
}

/// On Mondays from nine to ten in Berlin: not on the 19th, moved on the 26th, cancelled on the 2nd, and at its old hour after
/// clocks have changed.
const LECTURE: &str = "\
BEGIN:VEVENT
UID:lecture
SUMMARY:Lecture
SEQUENCE:3
DTSTART;TZID=Europe/Berlin:20251006T090000
DTEND;TZID=Europe/Berlin:20251006T100000
RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20260209T080000Z
EXDATE;TZID=Europe/Berlin:20260119T090000
DESCRIPTION:MIN_NODES=6
END:VEVENT
BEGIN:VEVENT
UID:lecture
SEQUENCE:4
RECURRENCE-ID;TZID=Europe/Berlin:20260126T090000
SUMMARY:Lecture\\, moved
DTSTART;TZID=Europe/Berlin:20260127T140000
DTEND;TZID=Europe/Berlin:20260127T150000
DESCRIPTION:MIN_NODES=7
END:VEVENT
BEGIN:VEVENT
UID:lecture
RECURRENCE-ID:20260202T080000Z
STATUS:CANCELLED
DTSTART;TZID=Europe/Berlin:20260202T090000
DTEND;TZID=Europe/Berlin:20260202T100000
DESCRIPTION:MIN_NODES=6
END:VEVENT
";

#[test]
fn a_series_recurs_but_for_its_exceptions() {
    assert_eq!(
        times(LECTURE),
        pairs(&[
            ("2026-01-05T08:00:00Z", "2026-01-05T09:00:00Z"),
            ("2026-01-12T08:00:00Z", "2026-01-12T09:00:00Z"),
            ("2026-01-27T13:00:00Z", "2026-01-27T14:00:00Z"),
            // UNTIL is this occurrence's own begin, in UTC.
            ("2026-02-09T08:00:00Z", "2026-02-09T09:00:00Z"),
        ])
    );
    // In summer nine o'clock is seven in UTC.
    let october = between(LECTURE, "2025-10-01T00:00:00Z", "2025-11-01T00:00:00Z");
    let begins: Vec<String> = october.windows.iter().map(|window| window.begin.to_string()).collect();
    assert_eq!(
        begins,
        ["2025-10-06T07:00:00Z", "2025-10-13T07:00:00Z", "2025-10-20T07:00:00Z", "2025-10-27T08:00:00Z"]
    );
}

#[test]
fn an_end_of_a_series_counts_on_its_own_clock() {
    let until = |until: &str| {
        let event = format!(
            "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260112T233000\nDURATION:PT15M\nRRULE:FREQ=DAILY;UNTIL={until}\n\
             DESCRIPTION:MIN_NODES=6\nEND:VEVENT\n"
        );
        times(&event).len()
    };
    assert_eq!(until("20260113"), 2);
    assert_eq!(until("20260113T233000"), 2);
    assert_eq!(until("20260113T232959"), 1);
    assert_eq!(until("20260113T223000Z"), 2, "it is 23:30 in Berlin");
    assert_eq!(until("20260113T222959Z"), 1);
}

#[test]
fn a_series_in_utc_recurs_in_utc() {
    let event = "BEGIN:VEVENT\nUID:1\nDTSTART:20260112T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260114T090000Z\n\
                 EXDATE:20260113T090000Z\nDESCRIPTION:MIN_NODES=6\nEND:VEVENT\n";
    assert_eq!(
        times(event),
        pairs(&[
            ("2026-01-12T09:00:00Z", "2026-01-12T10:00:00Z"),
            ("2026-01-14T09:00:00Z", "2026-01-14T10:00:00Z"),
        ])
    );
}

#[test]
fn two_series_change_nothing_of_each_other() {
    let other = LECTURE.replace("UID:lecture", "UID:other").replace("EXDATE", "X-NOTHING");
    let both = format!("{LECTURE}{other}");
    assert_eq!(times(&both).len(), times(LECTURE).len() + times(&other).len());
    assert_eq!(times(&other).len(), times(LECTURE).len() + 1);
}

#[test]
fn a_description_may_be_html() {
    let html = EXAM.replace(
        "Room 5\\nMIN_NODES=6\\nRESERVE=cpu:20",
        "<p>Room 5</p><b>MIN_NODES=6</b><br>RESERVE=60Gi&nbsp;",
    );
    let calendar = between(&html, "2026-01-12T00:00:00Z", "2026-01-13T00:00:00Z");
    assert_eq!(calendar.problems, Vec::<String>::new());
    assert_eq!(calendar.windows[0].assignments.len(), 2);
}

#[test]
fn what_is_wrong_with_an_event_leaves_out_that_event() {
    let wrong = EXAM.replace("UID:exam", "UID:wrong").replace("MIN_NODES=6", "MIN_NODES=six");
    let calendar = between(&format!("{EXAM}{wrong}"), "2026-01-12T00:00:00Z", "2026-01-13T00:00:00Z");
    assert_eq!(calendar.windows.len(), 1);
    assert_eq!(calendar.problems, ["event Exam of physics: \"MIN_NODES=six\" is no assignment"]);
    let pool = EXAM.replace("RESERVE=cpu:20", "RESERVE=user=60Gi");
    let calendar = between(&pool, "2026-01-12T00:00:00Z", "2026-01-13T00:00:00Z");
    assert_eq!(calendar.problems, ["event Exam of physics: it names the pool user, and POOL_LABEL is unset"]);
    let zone = TimeZone::UTC;
    let (from, until) = (at("2026-01-12T00:00:00Z"), at("2026-01-13T00:00:00Z"));
    let reading = Reading { zone: &zone, from, until, has_pools: true };
    let problems = read(&format!("BEGIN:VCALENDAR\n{EXAM}END:VCALENDAR\n"), &reading).unwrap().problems;
    assert_eq!(problems.len(), 1, "with pools a reserve names one: {problems:?}");
    let read = read(&format!("BEGIN:VCALENDAR\n{pool}END:VCALENDAR\n"), &reading).unwrap();
    assert_eq!((read.windows.len(), read.problems.len()), (1, 0));
}

#[test]
fn what_is_no_calendar_is_an_error() {
    let zone = TimeZone::UTC;
    let reading = Reading { zone: &zone, from: Timestamp::MIN, until: Timestamp::MAX, has_pools: false };
    for text in ["", "hello", "{}", "BEGIN:VCARD\r\nEND:VCARD\r\n", "\u{0}\u{1}"] {
        assert_eq!(read(text, &reading), Err(BadCalendar::NoCalendar), "{text:?}");
    }
    let long = "x".repeat(LONGEST + 1);
    assert_eq!(read(&long, &reading), Err(BadCalendar::TooLong(LONGEST + 1)));
    let with = |lines: &str| read(&format!("BEGIN:VCALENDAR\r\n{lines}END:VCALENDAR\r\n"), &reading);
    let lines = |number: usize| with(&"X:1\r\n".repeat(number));
    assert_eq!(lines(MOST_LINES - 1), Err(BadCalendar::TooManyLines(MOST_LINES + 1)));
    assert!(lines(MOST_LINES - 2).is_ok());
    let continued = format!("X:1\r\n{}", " 1\r\n".repeat(MOST_LINES));
    assert!(with(&continued).is_ok(), "a long description has many lines");
    let items = |number: usize| with(&format!("X:1{}\r\n", ",1".repeat(number)));
    assert_eq!(items(MOST_ITEMS + 1), Err(BadCalendar::TooManyItems(MOST_ITEMS + 1)));
    assert!(items(MOST_ITEMS).is_ok());
}

/// None of these takes long, and each is named.
#[test]
fn hostile_events_are_left_out() {
    let event = |start: &str, rule: &str| {
        format!(
            "BEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART:{start}\nDURATION:PT1H\nRRULE:{rule}\nDESCRIPTION:MIN_NODES=6\nEND:VEVENT\n"
        )
    };
    let many = |part: &str| vec![part; 100_000].join(",");
    for (start, rule, problem) in [
        ("20260101T000000Z", "FREQ=SECONDLY".to_owned(), "more often than daily"),
        ("20260101T000000Z", "FREQ=HOURLY".to_owned(), "more often than daily"),
        ("20260101T000000Z", format!("FREQ=YEARLY;BYYEARDAY={}", many("1")), "more than 366 parts"),
        ("20260101T000000Z", format!("FREQ=DAILY;BYMINUTE={}", many("1")), "more than 48 times a day"),
        ("19000101T000000Z", "FREQ=DAILY".to_owned(), "only its first 20000 occurrences"),
    ] {
        let calendar = between(&event(start, &rule), "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z");
        assert!(
            calendar.problems.iter().any(|one| one.contains(problem)),
            "{rule:.40}: {:?}",
            calendar.problems
        );
        assert_eq!(calendar.windows, [], "{rule:.40}");
    }
    // A date that never occurs is no error, and takes bounded time.
    for rule in [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=65535;BYMONTHDAY=31;BYMONTH=2",
        "FREQ=DAILY;COUNT=0",
    ] {
        let found = between(&event("00010101T000000Z", rule), "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z");
        assert_eq!(found.windows, [], "{rule}");
    }
}

/// Three assignments for each of ten pools fit.
#[test]
fn an_event_with_more_assignments_than_the_bound_is_left_out() {
    let event = |many: usize| EXAM.replace("MIN_NODES=6\\nRESERVE=cpu:20", &"MIN_NODES=6\\n".repeat(many));
    let read = |many| between(&event(many), "2026-01-12T00:00:00Z", "2026-01-13T00:00:00Z");
    assert_eq!(read(32).windows[0].assignments.len(), 32);
    assert_eq!(read(32).problems, Vec::<String>::new());
    let calendar = read(33);
    assert_eq!(calendar.windows, []);
    assert_eq!(calendar.problems, ["event Exam of physics: it has 33 assignments, expected at most 32"]);
}

/// A daily event of 82 years: most of its occurrences overlap.
#[test]
fn the_occurrences_of_a_series_share_its_assignments_and_are_bounded() {
    let event = "BEGIN:VEVENT\nUID:1\nSUMMARY:x\nDTSTART:19800101T000000Z\nDURATION:P30000D\nRRULE:FREQ=DAILY\n\
                 DESCRIPTION:MIN_NODES=6\nEND:VEVENT\n";
    let calendar = between(event, "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z");
    assert_eq!(calendar.windows.len(), MOST_WINDOWS);
    assert_eq!(calendar.problems, ["event x: only 10000 occurrences are read"]);
    let first = &calendar.windows[0].assignments;
    assert!(calendar.windows.iter().all(|window| Arc::ptr_eq(first, &window.assignments)));
    // Occurrences that are over do not count towards the bound: 59 are left of some 16,860.
    let short = event.replace("P30000D", "P1D");
    assert_eq!(between(&short, "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z").windows.len(), 59);
}

#[test]
fn ends_of_time_and_nonsense_are_no_panic() {
    for line in [
        "DTSTART:00000000T000000",
        "DTSTART:99991231T235959Z",
        "DTSTART:20260112T250000",
        "DTSTART;VALUE=DATE:20260230",
        "DTSTART:20260112T090000Z\nDTEND:20250112T090000Z",
        "DTSTART:20260112T090000Z\nDURATION:-P9999999999W",
        "DTSTART:20260112T090000Z\nDURATION:P4294967295D",
        "DTSTART:20260112T090000Z\nRRULE:",
        "DTSTART:20260112T090000Z\nRRULE:FREQ=WEEKLY;INTERVAL=0",
        "DTSTART:20260112T090000Z\nRRULE:FREQ=MONTHLY;BYDAY=99MO,-99TU;BYSETPOS=-400",
        "DTSTART:20260112T090000Z\nRDATE:20260113T090000Z,nonsense",
        "DTSTART:20260112T090000Z\nRRULE:FREQ=DAILY\nEXDATE:nonsense",
        "RECURRENCE-ID:20260112T090000Z",
        "",
    ] {
        let event = format!("BEGIN:VEVENT\nUID:1\n{line}\nDESCRIPTION:MIN_NODES=6\nEND:VEVENT\n");
        for (from, until) in [
            ("-009999-01-02T01:59:59Z", "9999-12-30T22:00:00Z"),
            ("2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ] {
            between(&event, from, until);
        }
    }
    let deep = "BEGIN:VEVENT\n".repeat(50_000);
    between(&deep, "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z");
}

#[test]
fn the_first_problems_are_named_and_the_others_counted() {
    let wrong = |number: u32| {
        EXAM.replace("UID:exam", &format!("UID:{number}")).replace("MIN_NODES=6", "MIN_NODES=six")
    };
    let events: String = (0..8).map(wrong).collect();
    let calendar = between(&events, "2026-01-12T00:00:00Z", "2026-01-13T00:00:00Z");
    assert_eq!(calendar.problems.len(), 6);
    assert_eq!(calendar.problems[5], "3 more problems");
}
