//! One run, from start to end. The only place that knows all stages.
//!
//! ```text
//! arguments, environment --> settings --> observe --> plan --> check --> report
//! ```

use std::ffi::OsString;
use std::io::{self, Write};

use jiff::Timestamp;
use kube_rebalancer_core::check::{check, check_settled};
use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_core::plan;

use crate::cli::{Cli, OutputFormat, RunArgs, SettingFlags, SettingsArgs, Subcommands};
use crate::error::{Ending, Failure, written};
use crate::observe::{self, Source};
use crate::report::text::Layout;
use crate::report::{self, Facts};
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
        Some(Subcommands::Schema) => show_schema(out),
    }?;
    written(out.flush())?;
    Ok(ending)
}

fn rebalance(
    arguments: &RunArgs,
    flags: SettingFlags,
    world: &World,
    out: &mut dyn Write,
) -> Result<Ending, Failure> {
    let (settings, _) = read_settings(flags, world)?;
    let RunArgs { from, at, output, all_nodes, color } = arguments;
    if from.is_empty() {
        return Err(Failure::new(Ending::Usage, NoInput).with_hint(FROM_KUBECTL));
    }
    if from.iter().filter(|file| *file == "-").count() > 1 {
        return Err(Failure::new(Ending::Usage, StandardInputTwice));
    }
    let sources: Vec<Source> = from.iter().cloned().map(Source::from).collect();
    let observation = observe::read(&sources, at.unwrap_or(world.now))
        .map_err(|error| Failure::new(Ending::NotObserved, error))?;
    for warning in &observation.warnings {
        log::warn!("{warning}");
    }
    let names: Vec<String> = sources.iter().map(ToString::to_string).collect();
    let show = Show {
        settings: &settings,
        source: &names.join(", "),
        output: *output,
        layout: Layout {
            width: world.terminal.width(),
            color: world.terminal.use_color(*color, &world.environment),
            all_nodes: *all_nodes,
        },
    };
    decide(&observation.snapshot, &show, out)
}

/// How a report is to be written, and what it says of where it is from.
struct Show<'a> {
    settings: &'a Settings,
    source: &'a str,
    output: OutputFormat,
    layout: Layout,
}

fn decide(snapshot: &Snapshot, show: &Show<'_>, out: &mut dyn Write) -> Result<Ending, Failure> {
    let policy = show.settings.policy();
    let values = show.settings.values();
    let values: Vec<report::Setting<'_>> = values
        .iter()
        .map(|setting| report::Setting {
            name: setting.entry.name,
            text: &setting.text,
            json: setting.json(),
            is_default: setting.text == setting.entry.default,
        })
        .collect();
    let mut facts = Facts {
        version: env!("CARGO_PKG_VERSION"),
        source: show.source,
        dry_run: true,
        policy,
        settings: &values,
        violations: &[],
        outcomes: None,
    };
    let plan = match plan::plan(snapshot, policy) {
        Ok(plan) => plan,
        Err(refusal) => {
            // A program that waits for a plan gets none; what is wrong stands on standard error.
            if show.output == OutputFormat::Text {
                written(report::text::write_refusal(out, &refusal, &facts, show.layout))?;
            }
            return Err(Failure::new(Ending::Refused, refusal));
        }
    };
    // A plan that is not final is better than none: the next run goes on from there.
    if let Some(unsettled) = check_settled(snapshot, policy, &plan, plan::plan) {
        log::warn!("{unsettled}");
    }
    let violations: Vec<String> = check(snapshot, policy, &plan).iter().map(ToString::to_string).collect();
    facts.violations = &violations;
    written(match show.output {
        OutputFormat::Text => report::text::write(out, &plan, &facts, show.layout),
        OutputFormat::Json => report::json::write(out, &plan, &facts),
    })?;
    let trusted = violations.is_empty() && plan.guard.is_none();
    Ok(if trusted { Ending::Done } else { Ending::Refused })
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
