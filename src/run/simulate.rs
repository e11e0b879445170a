//! The command `simulate`: users and settings in, results of all policies out.

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::scope;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::civil::Weekday;

use super::{World, read_settings};
use crate::cli::{OutputFormat, SettingFlags, SimulateArgs};
use crate::error::{Ending, Failure, written};
use crate::observe::Source;
use crate::report::Setting;
use crate::report::text::Layout;
use crate::settings::Settings;
use crate::settings::catalog::ENTRIES;
use crate::simulate::panels::{panels, points_every};
use crate::simulate::report::{Facts, json, text};
use crate::simulate::scenario::Scenario;
use crate::simulate::session::Session;
use crate::simulate::users::trace::Trace;
use crate::simulate::users::{Demand, Profile};
use crate::simulate::{Contender, Extras, Machine, Simulation, simulate};

/// A simulation that takes longer shows how far it is.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn run(arguments: &SimulateArgs, world: &World, out: &mut dyn Write) -> Result<Ending, Failure> {
    let (settings, _) = read_settings(arguments.settings.clone(), world)?;
    let mut contenders = vec![contender("kube-rebalancer".to_owned(), None, &settings)];
    for (index, text) in arguments.compare.iter().enumerate() {
        let compared = compared(text, &arguments.settings, world)?;
        contenders.push(contender(format!("compare {}", index + 1), Some(text.clone()), &compared));
    }
    let users = users(arguments)?;
    let scenario = scenario(arguments, users.sessions, users.length);
    scenario.check().map_err(|error| {
        Failure::new(Ending::Usage, error).with_hint("--node-memory and --node-cpu make larger nodes")
    })?;
    let points_every = arguments.plot.as_ref().map(|_| points_every(scenario.length));
    let simulation = simulate_with_progress(&scenario, &contenders, points_every)?;
    if let Some(file) = &arguments.plot {
        file.write(&panels(&simulation), users.first_day)
            .map_err(|error| Failure::new(Ending::Incomplete, error))?;
    }
    let shown: Vec<Setting<'_>> = settings
        .values()
        .iter()
        .map(|setting| Setting {
            name: setting.entry.name,
            text: &setting.text,
            json: setting.json(),
            is_default: setting.text == setting.entry.default,
        })
        .collect();
    let facts = Facts {
        version: env!("CARGO_PKG_VERSION"),
        users: &users.words,
        scenario: &scenario,
        settings: &shown,
    };
    let layout = Layout {
        width: world.terminal.width(),
        color: world.terminal.use_color(arguments.color, &world.environment),
        all_nodes: false,
    };
    written(match arguments.output {
        OutputFormat::Text => text::write(out, &simulation, &facts, layout),
        OutputFormat::Json => json::write(out, &simulation, &facts),
    })?;
    Ok(Ending::Done)
}

fn contender(name: String, settings: Option<String>, resolved: &Settings) -> Contender {
    Contender { name, settings, policy: resolved.policy().clone(), run_timeout: resolved.run_timeout() }
}

/// The settings of a `--compare`: those of the main policy, with some replaced.
fn compared(text: &str, flags: &SettingFlags, world: &World) -> Result<Settings, Failure> {
    let mut replaced = Vec::new();
    for pair in text.split_whitespace() {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| Failure::new(Ending::Usage, NotAPair { pair: pair.to_owned() }))?;
        let entry = ENTRIES
            .iter()
            .find(|entry| entry.name == name && entry.flag().is_some())
            .ok_or_else(|| Failure::new(Ending::Usage, NoSetting { name: name.to_owned() }))?;
        replaced.push((entry.name, value.to_owned()));
    }
    let (settings, _) = read_settings(flags.with(&replaced), world)
        .map_err(|failure| failure.with_hint(format!("it is in --compare '{text}'")))?;
    Ok(settings)
}

/// Who comes.
struct Users {
    sessions: Vec<Session>,
    /// How long to look, in seconds.
    length: u64,
    /// The day with which that begins.
    first_day: Weekday,
    /// Where they are from.
    words: String,
}

fn users(arguments: &SimulateArgs) -> Result<Users, Failure> {
    match &arguments.trace {
        Some(file) => from_trace(&Source::from(file.clone())),
        None => Ok(from_profile(arguments)),
    }
}

fn from_profile(arguments: &SimulateArgs) -> Users {
    let demand = Demand {
        profile: arguments.profile,
        users_per_day: arguments.users_per_day,
        days: arguments.days,
        seed: arguments.seed,
    };
    let sessions = demand.sessions();
    let class = match demand.profile {
        Profile::Class => " and a class of 60 at nine",
        Profile::Office | Profile::Steady => "",
    };
    let words = format!(
        "{} in {} from a Monday on: profile {}, {} a weekday{class}, seed {}",
        sessions.len(),
        days(demand.days.into()),
        demand.profile.word(),
        demand.users_per_day,
        demand.seed
    );
    Users { sessions, length: demand.length(), first_day: Weekday::Monday, words }
}

/// Whole days, until the last user has left.
fn from_trace(source: &Source) -> Result<Users, Failure> {
    let failed = |error| Failure::new(Ending::NotObserved, error);
    let trace = Trace::open(source).map_err(failed)?;
    let (first_day, date) = (trace.first_day(), trace.midnight().strftime("%F").to_string());
    let sessions = trace.collect::<Result<Vec<Session>, _>>().map_err(failed)?;
    let end = sessions.iter().map(|session| session.end).max().unwrap_or_default();
    let count = end.div_ceil(DAY).max(1);
    if count > MOST_DAYS {
        return Err(Failure::new(Ending::NotObserved, TooLong { name: source.to_string(), days: count }));
    }
    let words = format!("{} in {} from {date} on: trace {source}", sessions.len(), days(count));
    Ok(Users { sessions, length: count * DAY, first_day, words })
}

fn days(count: u64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

const DAY: u64 = 24 * 60 * 60;

/// As many days of a trace are simulated, as of a profile. A time that was mistyped shows here.
const MOST_DAYS: u64 = 366;

#[derive(Debug, thiserror::Error)]
#[error("{name}: from the first start to the last end it is {days} days, expected at most {MOST_DAYS}")]
struct TooLong {
    name: String,
    days: u64,
}

/// The cluster and its users.
fn scenario(arguments: &SimulateArgs, sessions: Vec<Session>, length: u64) -> Scenario {
    Scenario {
        sessions,
        length,
        machine: Machine { memory: arguments.node_memory, cpu: arguments.node_cpu },
        scheduler: arguments.scheduler,
        boot_time: arguments.boot_time,
        image_pull: arguments.image_pull,
        interval: arguments.interval,
        seed: arguments.seed,
    }
}

/// Simulates; if that takes long, and standard error is a terminal, with a bar there.
fn simulate_with_progress(
    scenario: &Scenario,
    contenders: &[Contender],
    points_every: Option<u64>,
) -> Result<Simulation, Failure> {
    let steps = Extras::steps(scenario, contenders.len());
    let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::hidden());
    if let Ok(style) = ProgressStyle::with_template("simulating {wide_bar} {percent:>3} %  {eta} left") {
        bar.set_style(style);
    }
    let (ended, waits) = channel::<()>();
    let result = scope(|threads| {
        let bar = &bar;
        threads.spawn(move || {
            if waits.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
        });
        let progress = |seconds: u64| bar.inc(seconds);
        let result = simulate(scenario, contenders, Extras { points_every, progress: &progress });
        drop(ended);
        result
    });
    bar.finish_and_clear();
    result.map_err(|error| Failure::new(Ending::Incomplete, error).with_hint(DEFECT))
}

const DEFECT: &str = "that is a defect of this program: please report it with the command line";

#[derive(Debug, thiserror::Error)]
#[error("--compare: '{pair}' is no setting with a value, such as MAX_UTILIZATION=0.9")]
struct NotAPair {
    pair: String,
}

#[derive(Debug, thiserror::Error)]
#[error("--compare: there is no setting {name}")]
struct NoSetting {
    name: String,
}
