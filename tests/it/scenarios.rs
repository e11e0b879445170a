//! Small worlds, each with the report that a person would see and the actions that a person worked out by hand.
//!
//! ```text
//!   tests/scenarios/<name>/
//!     cluster.yaml   the world: first why it is there, then one object a line
//!     settings.env   NAME=value lines; AT is the time of the observation, not a setting
//!     expect.txt     what must come out, written by hand from the policy and never by the program
//!     report.txt     the text report; UPDATE_GOLDENS=1 cargo test writes it anew, to be reviewed
//!     pod-metrics.json   what the pods used, where that matters
//! ```
//!
//! An update of the reports cannot hide a wrong plan, because `expect.txt` states the same in another form.
//!
//! Situations from the field are in `tests/scenarios/field`. They have no report: an `answer.txt` states what is right for
//! an operator, in decisions and in words that matter.

mod answer;
mod difference;
mod expectation;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use kube_rebalancer::cli::Cli;
use kube_rebalancer::run::{self, World};
use kube_rebalancer::settings::Settings;
use kube_rebalancer::terminal::Terminal;
use kube_rebalancer_core::check::check_settled;
use kube_rebalancer_core::plan::{Action, plan};
use kube_rebalancer_kube::observe::{Observation, Reading, read_usage};
use serde_json::Value;

use answer::Answer;
use difference::difference;
use expectation::Expectation;

/// Below the root of the package, where tests run: the report names the file, so it must be the same everywhere.
const FOLDER: &str = "tests/scenarios";

/// The situations from the field.
const FIELD: &str = "tests/scenarios/field";

/// The only files of every situation from the field.
const FIELD_FILES: [&str; 3] = ["answer.txt", "cluster.yaml", "settings.env"];

/// The only files of every other scenario.
const FILES: [&str; 4] = ["cluster.yaml", "expect.txt", "report.txt", "settings.env"];

/// The file of the usage of the pods, if a scenario has one.
const USAGE: &str = "pod-metrics.json";

/// The time at which a world is observed, unless its settings give another one.
const AT: &str = "2026-01-15T09:00:00Z";

/// Maximum number of lines of a report.
const LONGEST_REPORT: usize = 60;

/// One folder.
struct Scenario {
    folder: PathBuf,
    at: String,
    settings: Vec<(String, String)>,
}

/// The output of a run and its exit code.
struct Ran {
    code: u8,
    out: String,
    failure: Option<String>,
}

impl Scenario {
    fn open(folder: PathBuf) -> Self {
        let text = fs::read_to_string(folder.join("settings.env")).unwrap();
        let (mut at, mut settings) = (AT.to_owned(), Vec::new());
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, value) = line.split_once('=').expect("NAME=value");
            match name {
                "AT" => value.clone_into(&mut at),
                _ => settings.push((name.to_owned(), value.to_owned())),
            }
        }
        Self { folder, at, settings }
    }

    fn name(&self) -> &str {
        self.folder.file_name().unwrap().to_str().unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// Runs the program like its `main`, except for the clock, the environment and the terminal.
    fn run(&self, cluster: &Path, output: &str) -> Ran {
        let cluster = cluster.to_str().unwrap();
        let mut arguments = vec!["kube-rebalancer", "--from", cluster, "--at", &self.at, "--output", output];
        let usage = self.file(USAGE);
        if usage.exists() {
            arguments.extend(["--pod-metrics", usage.to_str().unwrap()]);
        }
        let cli = Cli::try_parse_from(arguments).unwrap();
        let environment = self.settings.iter().map(|(name, value)| (name.into(), value.into()));
        let world = World {
            environment: environment.collect(),
            now: AT.parse().unwrap(),
            terminal: Terminal { is_terminal: false, columns: None },
            can_ask: false,
            ask: |_| false,
        };
        let mut out = Vec::new();
        let (code, failure) = match run::run(cli, &world, &mut out) {
            Ok(ending) => (ending.code(), None),
            Err(failure) => (failure.ending().code(), Some(format!("{failure}\n"))),
        };
        Ran { code, out: String::from_utf8(out).unwrap(), failure }
    }

    /// The plan as JSON, without the name of the file; null if there is none.
    fn json(&self, cluster: &Path) -> (u8, Value) {
        let ran = self.run(cluster, "json");
        if ran.out.is_empty() {
            return (ran.code, Value::Null);
        }
        let unnamed = ran.out.replace(cluster.to_str().unwrap(), "cluster.yaml");
        let mut plan: Value = serde_json::from_str(&unnamed).unwrap();
        plan.as_object_mut().unwrap().remove("source").unwrap();
        (ran.code, plan)
    }

    /// The output for a person: the report, then the failure if there is one.
    fn report(&self) -> String {
        let ran = self.run(&self.file("cluster.yaml"), "text");
        ran.out + &ran.failure.unwrap_or_default()
    }
}

/// All scenarios of a folder, by name.
fn scenarios(folder: &str) -> Vec<Scenario> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> =
        entries.filter(|path| path.is_dir() && *path != Path::new(FIELD)).collect();
    folders.sort();
    folders.into_iter().map(Scenario::open).collect()
}

/// Judges every scenario that has a report, and fails with all errors.
fn judge(what: impl Fn(&Scenario) -> Result<(), String>) {
    judge_of(&[FOLDER], what);
}

/// Judges every scenario, those from the field included.
fn judge_all(what: impl Fn(&Scenario) -> Result<(), String>) {
    judge_of(&[FOLDER, FIELD], what);
}

fn judge_of(folders: &[&str], what: impl Fn(&Scenario) -> Result<(), String>) {
    let found: Vec<String> = folders
        .iter()
        .flat_map(|folder| scenarios(folder))
        .filter_map(|scenario| what(&scenario).err().map(|found| format!("{}:\n{found}", scenario.name())))
        .collect();
    assert!(found.is_empty(), "{} scenarios differ\n\n{}", found.len(), found.join("\n"));
}

#[test]
fn the_plan_is_the_one_worked_out_by_hand() {
    judge(|scenario| {
        let (code, plan) = scenario.json(&scenario.file("cluster.yaml"));
        Expectation::parse(&scenario.read("expect.txt"))?.check(code, &plan)
    });
}

#[test]
fn a_situation_from_the_field_gets_its_right_answer() {
    judge_of(&[FIELD], |scenario| {
        let cluster = scenario.file("cluster.yaml");
        let (code, plan) = scenario.json(&cluster);
        let failure = scenario.run(&cluster, "json").failure.unwrap_or_default();
        Answer::parse(&scenario.read("answer.txt"))?.check(code, &plan, &failure)
    });
}

#[test]
fn the_report_is_the_one_reviewed() {
    #[expect(clippy::disallowed_methods, reason = "the one switch that lets a test write its goldens")]
    let update = std::env::var_os("UPDATE_GOLDENS").is_some();
    judge(|scenario| {
        let report = scenario.report();
        if update {
            fs::write(scenario.file("report.txt"), &report).unwrap();
        }
        difference(&scenario.read("report.txt"), &report).map_or(Ok(()), |difference| {
            Err(format!("{difference}UPDATE_GOLDENS=1 cargo test writes the new text; review it\n"))
        })
    });
}

#[test]
fn a_report_fits_80_columns_and_one_screen() {
    judge(|scenario| {
        let out = scenario.run(&scenario.file("cluster.yaml"), "text").out;
        let wide = out.lines().find(|line| line.chars().count() > 80);
        let lines = out.lines().count();
        match wide {
            Some(line) => Err(format!("more than 80 columns: {line}\n")),
            None if lines > LONGEST_REPORT => Err(format!("{lines} lines: make the world smaller\n")),
            None => Ok(()),
        }
    });
}

#[test]
fn the_checker_accepts_the_plan_of_every_scenario() {
    judge_all(|scenario| {
        let (_, plan) = scenario.json(&scenario.file("cluster.yaml"));
        let violations = &plan["violations"]; // null where there is no plan
        let none = violations.is_null() || violations.as_array().is_some_and(Vec::is_empty);
        if none { Ok(()) } else { Err(format!("{violations:#}\n")) }
    });
}

/// In production this is only logged, because a plan that is not final is better than none. A plan that creates nodes, or
/// that a limit cuts, has a successor.
#[test]
fn planning_again_on_the_outcome_changes_nothing() {
    judge_all(|scenario| {
        let Ok((settings, _)) = Settings::from_pairs(scenario.settings.clone()) else { return Ok(()) };
        let mut reading = Reading::default();
        let at = scenario.at.parse().unwrap();
        let read = reading.add_input("cluster.yaml", scenario.read("cluster.yaml").as_bytes());
        let observation = read.ok().and_then(|()| reading.finish(at).ok());
        let Some(Observation { snapshot, .. }) = observation else { return Ok(()) }; // that it is refused is expected
        let usage = fs::read(scenario.file(USAGE)).ok().map(|json| read_usage(&json).unwrap().samples);
        let snapshot = snapshot.with_usage(usage);
        let Ok(first) = plan(&snapshot, settings.policy()) else { return Ok(()) };
        let field = scenario.folder.parent() == Some(Path::new(FIELD));
        let grows = first.actions.iter().any(|action| matches!(action, Action::Grow { .. }));
        if field && (grows || !first.limits.is_empty()) {
            return Ok(());
        }
        let unsettled = check_settled(&snapshot, settings.policy(), &first, plan);
        unsettled.map_or(Ok(()), |violation| Err(format!("{violation}\n")))
    });
}

/// Each object is a line, so a world is reversed by reversing its lines.
#[test]
fn the_order_of_the_objects_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    judge_all(|scenario| {
        let text = scenario.read("cluster.yaml");
        let (objects, head): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("- "));
        let turned: Vec<&str> = head.into_iter().chain(objects.into_iter().rev()).collect();
        let file = folder.path().join(scenario.name());
        fs::write(&file, turned.join("\n")).unwrap();
        let (upright, turned) = (scenario.json(&scenario.file("cluster.yaml")), scenario.json(&file));
        let text = |(code, plan): (u8, Value)| format!("exit {code}\n{plan:#}\n");
        difference(&text(upright), &text(turned)).map_or(Ok(()), Err)
    });
}

#[test]
fn every_folder_is_whole_and_says_why_it_is_there() {
    judge_all(|scenario| {
        let field = scenario.folder.parent() == Some(Path::new(FIELD));
        let files = if field { FIELD_FILES.as_slice() } else { FILES.as_slice() };
        let expected: BTreeSet<OsString> = files.iter().map(OsString::from).collect();
        let entries = fs::read_dir(&scenario.folder).unwrap();
        let mut files: BTreeSet<OsString> = entries.map(|entry| entry.unwrap().file_name()).collect();
        files.remove(&OsString::from(USAGE));
        if files != expected {
            return Err(format!("has {files:?}, expected {expected:?}\n"));
        }
        let text = scenario.read("cluster.yaml");
        let why = text.lines().take_while(|line| line.starts_with("# ")).count();
        let broken = text.lines().find(|line| line.starts_with(' '));
        match (why, broken) {
            (0, _) => Err("cluster.yaml must begin with why it is there, as a comment\n".to_owned()),
            (_, Some(line)) => Err(format!("an object must be one line: {line}\n")),
            (_, None) => Ok(()),
        }
    });
}

#[test]
fn the_readme_shows_the_report_of_its_example() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let report = std::fs::read_to_string(folder.join("tests/scenarios/evening-at-a-hub/report.txt")).unwrap();
    assert!(
        readme.contains(&format!("```text\n{report}```")),
        "README.md shows another report than report.txt"
    );
}
