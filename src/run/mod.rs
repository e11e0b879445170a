//! One run, from start to end. Only this module knows all stages.
//!
//! ```text
//! arguments, environment --> settings --> observe --> plan --> check --> (apply) --> report
//!                                          |
//!                                 files: offline, a cluster: live
//! ```

mod bounded;
mod calendar;
pub mod clouds;
pub mod connections;
mod file;
mod history;
mod live;
mod offline;
mod show;
mod show_history;
#[cfg(feature = "simulate")]
mod simulate;
#[cfg(feature = "simulate")]
mod trace;
mod usage;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::CommandFactory as _;
use clap_complete::Shell;
use jiff::Timestamp;

use crate::cli::{Cli, OutputFormat, SettingFlags, SettingsArgs, Subcommands};
use crate::error::{Ending, Failure, written};
use crate::logs::LogFormat;
use crate::providers::PROVIDERS;
use crate::report;
use crate::settings::{self, Pair, SettingWarning, Settings};
use crate::terminal::Terminal;

/// The input of a run from its machine, apart from files.
#[derive(Clone, Debug)]
pub struct World {
    /// The variables of the process.
    pub environment: Vec<(OsString, OsString)>,
    /// The time.
    pub now: Timestamp,
    /// The target of standard output.
    pub terminal: Terminal,
    /// Whether a person at a terminal can be asked.
    pub can_ask: bool,
    /// Asks that person a question, and waits for yes or no.
    pub ask: fn(&str) -> bool,
}

/// The log format of this run. It is read first, because every other step may log something.
#[must_use]
pub fn log_format(cli: &Cli, world: &World) -> LogFormat {
    let variables = world.environment.iter().cloned().map(Pair::from);
    let flags = cli.setting_flags().cloned().unwrap_or_default();
    Settings::log_format_of(variables.chain(flags.pairs()))
}

/// Does what the command line asks for and writes the result.
pub fn run(cli: Cli, world: &World, out: &mut dyn Write) -> Result<Ending, Failure> {
    let Cli { command, run, settings } = cli; // taken apart, so that no new flag is forgotten
    let ending = match command {
        None if run.from.is_empty() => live::run(&run, settings, world, out),
        None => offline::run(&run, settings, world, out),
        Some(Subcommands::Settings(arguments)) => show_settings(arguments, world, out),
        #[cfg(feature = "simulate")]
        Some(Subcommands::Simulate(arguments)) => simulate::run(&arguments, world, out),
        Some(Subcommands::History(arguments)) => show_history::run(&arguments, world, out),
        Some(Subcommands::Schema) => show_schema(out),
        Some(Subcommands::Completions { shell }) => show_completions(shell, out),
        Some(Subcommands::Man) => show_manual(out),
        #[cfg(feature = "simulate")]
        Some(Subcommands::Trace(arguments)) => trace::run(arguments, world, out),
        #[cfg(not(feature = "simulate"))]
        Some(Subcommands::Simulate(_)) => Err(absent("simulate")),
        #[cfg(not(feature = "simulate"))]
        Some(Subcommands::Trace(_)) => Err(absent("trace")),
    }?;
    written(out.flush())?;
    Ok(ending)
}

fn show_settings(arguments: SettingsArgs, world: &World, out: &mut dyn Write) -> Result<Ending, Failure> {
    let SettingsArgs { output, settings } = arguments;
    let (settings, warnings) = read_settings(settings, world)?;
    written(match output {
        OutputFormat::Text => settings::show::text(&settings, out),
        OutputFormat::Json => write_json(&settings::show::json(&settings, &warnings), out),
    })?;
    Ok(Ending::Done)
}

fn show_schema(out: &mut dyn Write) -> Result<Ending, Failure> {
    written(write_json(&report::json::schema(), out))?;
    Ok(Ending::Done)
}

fn show_completions(shell: Shell, out: &mut dyn Write) -> Result<Ending, Failure> {
    // The generator panics if it cannot write; writing to a buffer cannot fail.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), env!("CARGO_PKG_NAME"), &mut script);
    written(out.write_all(&script))?;
    Ok(Ending::Done)
}

fn show_manual(mut out: &mut dyn Write) -> Result<Ending, Failure> {
    written(clap_mangen::Man::new(Cli::command()).render(&mut out))?;
    Ok(Ending::Done)
}

/// Reads the settings, flags before variables, and warns of probable mistakes.
fn read_settings(flags: SettingFlags, world: &World) -> Result<(Settings, Vec<SettingWarning>), Failure> {
    let variables = world.environment.iter().cloned().map(Pair::from);
    let hint = "kube-rebalancer --help lists all settings";
    let (settings, warnings) = Settings::from_pairs(variables.chain(flags.pairs()))
        .map_err(|error| Failure::new(Ending::Settings, error).with_hint(hint))?;
    clouds::check_provider(PROVIDERS, settings.cloud())
        .map_err(|error| Failure::new(Ending::Settings, error).with_hint(hint))?;
    for warning in &warnings {
        log::warn!("{warning}");
    }
    Ok((settings, warnings))
}

fn write_json(value: &serde_json::Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{value:#}")
}

#[cfg(not(feature = "simulate"))]
fn absent(command: &'static str) -> Failure {
    Failure::new(Ending::Usage, AbsentCommand { command })
}

#[cfg(not(feature = "simulate"))]
#[derive(Debug, thiserror::Error)]
#[error("this build has no command {command}: it was built without the feature simulate")]
struct AbsentCommand {
    command: &'static str,
}
