//! One run, from start to end. The only place that knows all stages.
//!
//! ```text
//! arguments, environment --> settings --> observe --> plan --> check --> report
//! ```

use std::ffi::OsString;
use std::io::{self, Write};

use jiff::Timestamp;

use crate::cli::{Cli, OutputFormat, RunArgs, SettingFlags, SettingsArgs, Subcommands};
use crate::error::{Ending, Failure, written};
use crate::settings::{self, Pair, SettingWarning, Settings};
use crate::terminal::Terminal;

/// All that a run takes from the machine it is on, apart from the files it is given.
#[derive(Clone, Debug)]
pub struct World {
    /// The variables of the process.
    pub environment: Vec<(OsString, OsString)>,
    /// The time.
    pub now: Timestamp,
    /// Where standard output goes.
    pub terminal: Terminal,
}

/// Does what the command line asks for and writes the result.
pub fn run(cli: Cli, world: &World, out: &mut dyn Write) -> Result<Ending, Failure> {
    let Cli { command, run, settings } = cli; // taken apart, so that no new flag is forgotten
    let ending = match command {
        None => rebalance(&run, settings, world, out),
        Some(Subcommands::Settings(arguments)) => show_settings(arguments, world, out),
        Some(Subcommands::Schema) => show_schema(),
    }?;
    written(out.flush())?;
    Ok(ending)
}

fn rebalance(
    arguments: &RunArgs,
    flags: SettingFlags,
    world: &World,
    _out: &mut dyn Write,
) -> Result<Ending, Failure> {
    let (_settings, _warnings) = read_settings(flags, world)?;
    let RunArgs { from, at, output: _, all_nodes: _, color } = arguments;
    if from.is_empty() {
        return Err(Failure::new(Ending::Usage, NoInput).with_hint(FROM_KUBECTL));
    }
    if from.iter().filter(|file| *file == "-").count() > 1 {
        return Err(Failure::new(Ending::Usage, StandardInputTwice));
    }
    let _observed_at = at.unwrap_or(world.now);
    let _color = world.terminal.use_color(*color, &world.environment);

    // SEAM: observe -> plan -> check -> report go here and replace this failure.
    Err(Failure::new(Ending::Usage, NotBuilt { what: "a run" }))
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

fn show_schema() -> Result<Ending, Failure> {
    // SEAM: written(write_json(&report::json::schema(), out)) goes here and replaces this failure.
    Err(Failure::new(Ending::Usage, NotBuilt { what: "the JSON Schema" }))
}

/// Reads the settings, flags before variables, and warns of what is probably a mistake.
fn read_settings(flags: SettingFlags, world: &World) -> Result<(Settings, Vec<SettingWarning>), Failure> {
    let variables = world.environment.iter().cloned().map(Pair::from);
    let (settings, warnings) = Settings::from_pairs(variables.chain(flags.pairs())).map_err(|error| {
        Failure::new(Ending::Settings, error).with_hint("kube-rebalancer --help lists all settings")
    })?;
    for warning in &warnings {
        log::warn!("{warning}");
    }
    Ok((settings, warnings))
}

fn write_json(value: &serde_json::Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{value:#}")
}

/// What to do while a cluster can only be read from a file.
const FROM_KUBECTL: &str = "kubectl get nodes,pods -A -o json | kube-rebalancer --from -";

#[derive(Debug, thiserror::Error)]
#[error("--from is missing: a cluster is read from a file so far, a live one comes next")]
struct NoInput;

#[derive(Debug, thiserror::Error)]
#[error("--from - is given twice, but standard input can be read only once")]
struct StandardInputTwice;

#[derive(Debug, thiserror::Error)]
#[error("{what} is not part of this build yet")]
struct NotBuilt {
    what: &'static str,
}
