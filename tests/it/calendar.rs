//! `CALENDAR`: events of an iCalendar file are in force in a run and in a simulation, and no file stops a run.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const EXAM: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:Exam of physics\r\n\
    DTSTART;TZID=Europe/Berlin:20260115T230000\r\nDTEND;TZID=Europe/Berlin:20260116T010000\r\n\
    RRULE:FREQ=WEEKLY;COUNT=3\r\nDESCRIPTION:MIN_NODES=5\\nRESERVE=60Gi\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

fn run(calendar: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .args(arguments)
        .env_clear()
        .env("CALENDAR", calendar)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    output
}

/// The plan of the example in the README, at a time.
fn plan(calendar: &Path, at: &str, more: &[&str]) -> String {
    let cluster = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/evening-at-a-hub/cluster.yaml");
    let mut arguments =
        vec!["--from", cluster, "--preemptible-labels", "hub.jupyter.org/username", "--at", at];
    arguments.extend(more);
    String::from_utf8(run(calendar, &arguments).stdout).unwrap()
}

/// A text in one line.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_event_is_in_force_from_its_lead_on_and_the_plan_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exams.ics");
    fs::write(&file, EXAM).unwrap();
    let text = joined(&plan(&file, "2026-01-15T22:00:00Z", &[]));
    let expected = "expected +60.0Gi by 22:15 (CALENDAR Exam of physics: 60.0Gi from 22:00; CALENDAR Exam of physics: 5 nodes from 22:00)";
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("then 5 nodes serve") || text.contains("5 serving"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&plan(&file, "2026-01-15T21:45:00Z", &["-o", "json"])).unwrap();
    let reserve = &json["pools"][0]["expectation"]["resources"][0]["reserve"];
    assert_eq!(reserve["event"], "Exam of physics", "{reserve}");
    let early = joined(&plan(&file, "2026-01-15T21:44:59Z", &[]));
    assert!(!early.contains("Exam of physics"), "{early}");
    // It recurs a week later, by the same clock.
    assert!(joined(&plan(&file, "2026-01-22T22:00:00Z", &[])).contains("CALENDAR Exam of physics"));
    assert!(!joined(&plan(&file, "2026-02-05T22:00:00Z", &[])).contains("CALENDAR Exam of physics"));
}

#[test]
fn no_calendar_stops_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exams.ics");
    let at = "2026-01-15T22:00:00Z";
    let text = joined(&plan(&file, at, &[]));
    assert!(
        text.contains("CALENDAR is not taken into account:") && text.contains("it cannot be read"),
        "{text}"
    );
    for (content, problem) in [
        (b"hello".to_vec(), "it holds no VCALENDAR"),
        (vec![b'x'; (4 << 20) + 1], "expected at most 4194304"),
        (b"\xff\xfe\x00".to_vec(), "it holds no VCALENDAR"),
        (
            EXAM.replace("MIN_NODES=5", "MIN_NODES=five").into_bytes(),
            "event Exam of physics: \"MIN_NODES=five\" is no assignment",
        ),
    ] {
        fs::write(&file, content).unwrap();
        let text = joined(&plan(&file, at, &[]));
        assert!(text.contains(problem), "{problem}: {text}");
    }
}

#[test]
fn a_simulation_has_the_events_of_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exams.ics");
    // The simulated week begins on its own Monday.
    let every_day = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20250101T030000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY\r\n\
        DESCRIPTION:MIN_NODES=40\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    fs::write(&file, every_day).unwrap();
    let output = run(
        &file,
        &["simulate", "--days", "1", "--users-per-day", "20", "--profile", "steady", "-o", "json"],
    );
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let peak = |name: &str| {
        let policies = json["policies"].as_array().unwrap();
        policies.iter().find(|policy| policy["name"] == name).unwrap()["peakNodes"].as_u64().unwrap()
    };
    assert_eq!(peak("kube-rebalancer"), 40);
    assert!(peak("no foresight") < 10);
}
