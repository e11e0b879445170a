//! The command `simulate`: users and settings in, results of all policies out.

use std::io::Write;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::scope;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{World, calendar, history, read_settings};
use crate::cli::{By, OutputFormat, SettingFlags, SimulateArgs};
use crate::error::{Ending, Failure, written};
use crate::settings::Settings;
use crate::settings::catalog::ENTRIES;
use kube_rebalancer_core::model::History;
use kube_rebalancer_page::{Layout, count};
use kube_rebalancer_ports::Source;
use kube_rebalancer_simulate::cluster::Cluster;
use kube_rebalancer_simulate::panels::{panels, points_every};
use kube_rebalancer_simulate::report::{Facts, json, text};
use kube_rebalancer_simulate::scenario::Scenario;
use kube_rebalancer_simulate::session::Session;
use kube_rebalancer_simulate::trace::read::{Trace, TraceError};
use kube_rebalancer_simulate::users::people::people;
use kube_rebalancer_simulate::users::{Demand, MONDAY, Profile};
use kube_rebalancer_simulate::{Contender, Extras, Machine, Simulation, simulate, sum};

/// A longer simulation shows its progress.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn run(arguments: &SimulateArgs, world: &World, out: &mut dyn Write) -> Result<Ending, Failure> {
    let (settings, _) = read_settings(arguments.settings.clone(), world)?;
    let (mut scenarios, users) = scenarios(arguments)?;
    let [first, ..] = scenarios.as_slice() else { return Ok(Ending::Done) };
    if arguments.plot.is_some() && scenarios.len() > 1 {
        return Err(Failure::new(Ending::Usage, PlotOfSeveral));
    }
    let history = history::read(arguments.history.as_deref())?;
    let rivals = rivals(arguments, &settings, world)?;
    let first_day = first.start.to_zoned(TimeZone::UTC).weekday();
    let mut simulations = Vec::new();
    for scenario in &scenarios {
        scenario.check().map_err(|error| {
            Failure::new(Ending::Usage, error).with_hint("--node-memory and --node-cpu make larger nodes")
        })?;
        let contenders: Vec<Contender> =
            rivals.iter().map(|rival| rival.contender(history.clone(), scenario)).collect();
        let points_every = arguments.plot.as_ref().map(|_| points_every(scenario.length));
        let by_hour = arguments.by.map(|By::Hour| &settings.policy().foresight.time_zone);
        simulations.push(simulate_with_progress(scenario, &contenders, points_every, by_hour)?);
    }
    let (Some(simulation), Some(scenario)) = (sum(simulations), together(&mut scenarios)) else {
        return Ok(Ending::Done);
    };
    let shown = settings.for_report();
    let facts = Facts { version: env!("CARGO_PKG_VERSION"), users: &users, scenario, settings: &shown };
    let layout = Layout {
        width: world.terminal.width(),
        color: world.terminal.use_color(arguments.color, &world.environment),
        all_nodes: false,
    };
    written(match arguments.output {
        OutputFormat::Text => text::write(out, &simulation, &facts, layout),
        OutputFormat::Json => json::write(out, &simulation, &facts),
    })?;
    if let Some(plot) = &arguments.plot {
        // The report is written first, so that it survives a plot that cannot be written.
        written(out.flush())?;
        plot.write(&panels(&simulation), first_day)
            .map_err(|error| Failure::new(Ending::Incomplete, error))?;
    }
    Ok(Ending::Done)
}

/// Settings that are simulated on the same users.
struct Rival {
    name: String,
    /// Their difference to the main policy, in words.
    text: Option<String>,
    settings: Settings,
}

/// The settings as given, without foresight, and the ones to compare.
fn rivals(arguments: &SimulateArgs, settings: &Settings, world: &World) -> Result<Vec<Rival>, Failure> {
    let flags = &arguments.settings;
    let name = "kube-rebalancer".to_owned();
    let mut rivals = vec![Rival { name, text: None, settings: settings.clone() }];
    if let Some(settings) = without_foresight(settings, flags, world)? {
        rivals.push(Rival { name: "no foresight".to_owned(), text: Some(WITHOUT.to_owned()), settings });
    }
    for (index, text) in arguments.compare.iter().enumerate() {
        let settings = compared(text, flags, world)?;
        rivals.push(Rival { name: format!("compare {}", index + 1), text: Some(text.clone()), settings });
    }
    Ok(rivals)
}

impl Rival {
    fn contender(&self, history: Option<Arc<History>>, scenario: &Scenario) -> Contender {
        let length = SignedDuration::from_secs(i64::try_from(scenario.length).unwrap_or(i64::MAX));
        let end = scenario.start.saturating_add(length).unwrap_or(Timestamp::MAX);
        let known = calendar::read(&self.settings, scenario.start, end);
        for problem in &known.problems {
            log::warn!("{problem}");
        }
        Contender {
            name: self.name.clone(),
            settings: self.text.clone(),
            policy: self.settings.policy().clone(),
            run_timeout: self.settings.run_timeout(),
            history,
            calendar: known.windows,
        }
    }
}

/// The first of several scenarios with the users and the length of all, for reports.
fn together(scenarios: &mut [Scenario]) -> Option<&Scenario> {
    let (first, others) = scenarios.split_first_mut()?;
    for other in others {
        first.length = first.length.saturating_add(other.length);
        first.sessions.append(&mut other.sessions);
    }
    Some(first)
}

/// The settings without foresight and packing.
const WITHOUT: &str = "FORECAST=false STABILIZATION=0s SCHEDULE= CALENDAR= PACK=false";

/// The same settings without foresight and packing, if they have any: the difference shows their effect.
fn without_foresight(
    settings: &Settings,
    flags: &SettingFlags,
    world: &World,
) -> Result<Option<Settings>, Failure> {
    let without = compared(WITHOUT, flags, world)?;
    let is_same = without.policy() == settings.policy() && settings.calendar().is_none();
    Ok((!is_same).then_some(without))
}

/// The settings of a `--compare`: the settings of the main policy, with some replaced.
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

/// Users, with their source.
struct Users {
    sessions: Vec<Session>,
    start: Timestamp,
    length: u64,
    words: String,
}

/// The clusters with their users, one for each trace, and the source of the users in words.
fn scenarios(arguments: &SimulateArgs) -> Result<(Vec<Scenario>, String), Failure> {
    if arguments.trace.is_empty() {
        let users = from_profile(arguments);
        let words = users.words.clone();
        return Ok((vec![scenario(arguments, users, arguments.profile)], words));
    }
    let mut words = Vec::new();
    let mut scenarios = Vec::new();
    for file in &arguments.trace {
        let users = from_trace(&Source::from(file.clone()), arguments.days)?;
        words.push(users.words.clone());
        // Real users use a cluster of one pool, regardless of the default profile.
        scenarios.push(scenario(arguments, users, Profile::default()));
    }
    Ok((scenarios, words.join("; ")))
}

fn scenario(arguments: &SimulateArgs, users: Users, profile: Profile) -> Scenario {
    let Users { sessions, start, length, .. } = users;
    let usual = profile.machine();
    let machine = Machine {
        memory: arguments.node_memory.unwrap_or(usual.memory),
        cpu: arguments.node_cpu.unwrap_or(usual.cpu),
    };
    // With one zone every node can use every disk.
    let people = if arguments.zones > 1 { people(&sessions, arguments.seed) } else { Vec::new() };
    Scenario {
        sessions,
        people,
        start,
        length,
        cluster: Cluster { zones: arguments.zones, ..profile.cluster(machine) },
        scheduler: arguments.scheduler,
        boot_time: arguments.boot_time,
        wake_time: arguments.wake_time,
        image_pull: arguments.image_pull,
        interval: arguments.interval,
        seed: arguments.seed,
    }
}

fn from_profile(arguments: &SimulateArgs) -> Users {
    let demand = Demand {
        profile: arguments.profile,
        users_per_day: arguments.users_per_day.unwrap_or(arguments.profile.users_per_day()),
        days: arguments.days.unwrap_or(7),
        seed: arguments.seed,
    };
    let sessions = demand.sessions();
    let how_many = match demand.profile {
        Profile::Class => format!("{} a weekday and a class of 60 at nine", demand.users_per_day),
        Profile::Timetable => {
            format!("{} on every hour from 8 to 17 of a weekday", demand.users_per_lesson())
        }
        Profile::Office | Profile::Steady | Profile::Cpu | Profile::Pools => {
            format!("{} a weekday", demand.users_per_day)
        }
    };
    let words = format!(
        "{} in {} from a Monday on: profile {}, {how_many}, seed {}",
        sessions.len(),
        days(demand.length()),
        demand.profile.word(),
        demand.seed
    );
    Users { sessions, start: MONDAY, length: demand.length(), words }
}

/// Takes users from a trace, in whole days: all of them, or the users who arrive within the first `first_days`.
fn from_trace(source: &Source, first_days: Option<u32>) -> Result<Users, Failure> {
    let failed = |error| Failure::new(Ending::NotObserved, error);
    let trace = Trace::open(source).map_err(failed)?;
    let start = trace.midnight();
    let cut = first_days.map(|days| u64::from(days) * DAY);
    let is_later = |session: &Session| cut.is_some_and(|cut| session.start >= cut);
    let within = trace.take_while(|session| !session.as_ref().is_ok_and(is_later));
    let sessions = within.collect::<Result<Vec<Session>, TraceError>>().map_err(failed)?;
    let end = sessions.iter().map(|session| session.end).max().unwrap_or(0);
    let length = cut.unwrap_or_else(|| end.div_ceil(DAY).max(1).saturating_mul(DAY));
    if length > MOST_DAYS * DAY {
        let (name, days) = (source.to_string(), length / DAY);
        return Err(Failure::new(Ending::NotObserved, TooLong { name, days }));
    }
    let words =
        format!("{} in {} from {} on: trace {source}", sessions.len(), days(length), start.strftime("%F"));
    Ok(Users { sessions, start, length, words })
}

/// Whole days, including a day that has begun.
fn days(seconds: u64) -> String {
    count(seconds.div_ceil(DAY), "day")
}

/// Simulates; if that takes long and standard error is a terminal, shows a progress bar.
fn simulate_with_progress(
    scenario: &Scenario,
    contenders: &[Contender],
    points_every: Option<u64>,
    by_hour: Option<&TimeZone>,
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
        let result = simulate(scenario, contenders, Extras { points_every, by_hour, progress: &progress });
        drop(ended);
        result
    });
    bar.finish_and_clear();
    result.map_err(|error| Failure::new(Ending::Incomplete, error).with_hint(DEFECT))
}

const DAY: u64 = 24 * 60 * 60;

/// Maximum number of days of a trace, as of a profile. A mistyped time exceeds it.
const MOST_DAYS: u64 = 366;

const DEFECT: &str = "that is a defect of this program: please report it with the command line";

#[derive(Debug, thiserror::Error)]
#[error("--plot draws one trace, and several are given")]
struct PlotOfSeveral;

#[derive(Debug, thiserror::Error)]
#[error("{name}: from the first start to the last end it is {days} days, expected at most {MOST_DAYS}")]
struct TooLong {
    name: String,
    days: u64,
}

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
