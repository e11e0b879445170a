//! The command line: its flags and commands, without their effects.
//!
//! The flags of the settings are made from the catalogue. Their values are passed on unchecked and validated together with
//! the environment's variables, by the same rules and with the same messages.

#[cfg(not(feature = "simulate"))]
mod absent;
mod history;
#[cfg(feature = "simulate")]
mod simulate;
#[cfg(feature = "simulate")]
mod trace;
mod values;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::builder::Styles;
use clap::{
    Arg, ArgMatches, Args, Command, CommandFactory as _, FromArgMatches, Parser, Subcommand, ValueEnum,
};
use clap_complete::Shell;
pub use history::HistoryArgs;
use jiff::Timestamp;
#[cfg(feature = "simulate")]
pub use simulate::{By, SimulateArgs};
#[cfg(feature = "simulate")]
pub use trace::TraceArgs;

#[cfg(not(feature = "simulate"))]
pub use absent::AbsentArgs;

use crate::settings::Pair;
use crate::settings::catalog::{ENTRIES, Entry};

/// Rebalance the nodes of a Kubernetes cluster, once
///
/// Reads all nodes and pods, decides which nodes to uncordon, create, cordon and delete so that requests fill the nodes to a
/// chosen degree, reports a reason for every node, and exits. It never evicts or deletes a user's pod.
///
/// It connects to the cluster of the kubeconfig's current context, or in a pod to the pod's own cluster, and applies the plan
/// there. With --from it reads a cluster from files and changes nothing.
#[derive(Clone, Debug, Parser)]
#[command(
    version,
    max_term_width = 80,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = overview(),
    after_long_help = EXIT_CODES,
)]
pub struct Cli {
    /// The command; none for a run.
    #[command(subcommand)]
    pub command: Option<Subcommands>,
    /// The flags of a run that are not settings.
    #[command(flatten)]
    pub run: RunArgs,
    /// The settings given as flags.
    #[command(flatten)]
    pub settings: SettingFlags,
}

/// The name of the program as a plugin of kubectl: `kubectl rebalancer` runs a program of this name.
pub const PLUGIN: &str = "kubectl-rebalancer";

impl Cli {
    /// Reads the command line of the process, the program's own name first. Wrong usage ends the process.
    #[must_use]
    pub fn of_process(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let command = Self::command_as(arguments.first().is_some_and(|name| is_plugin(name)));
        Self::from_arg_matches(&command.get_matches_from(arguments)).unwrap_or_else(|error| error.exit())
    }

    /// The definition of the command line, with the name that a person types.
    fn command_as(plugin: bool) -> Command {
        let command = Self::command();
        if plugin { command.bin_name(PLUGIN.replacen('-', " ", 1)) } else { command }
    }

    /// The settings given as flags, where the command takes any.
    #[must_use]
    pub fn setting_flags(&self) -> Option<&SettingFlags> {
        match &self.command {
            None => Some(&self.settings),
            Some(Subcommands::Settings(arguments)) => Some(&arguments.settings),
            Some(Subcommands::History(arguments)) => Some(&arguments.settings),
            #[cfg(feature = "simulate")]
            Some(Subcommands::Simulate(arguments)) => Some(&arguments.settings),
            #[cfg(feature = "simulate")]
            Some(Subcommands::Trace(arguments)) => Some(&arguments.settings),
            #[cfg(not(feature = "simulate"))]
            Some(Subcommands::Simulate(_) | Subcommands::Trace(_)) => None,
            Some(Subcommands::Schema | Subcommands::Completions { .. } | Subcommands::Man) => None,
        }
    }
}

/// Whether the program was started under the name of the plugin.
fn is_plugin(name: &OsStr) -> bool {
    Path::new(name).file_stem().is_some_and(|stem| stem == PLUGIN)
}

/// The commands; without one of them, the program runs.
#[derive(Clone, Debug, Subcommand)]
pub enum Subcommands {
    /// Print each setting with its value and the origin of the value
    #[command(
        max_term_width = 80,
        after_help = "The flags of all settings can be given too; see --help.",
        after_long_help = ""
    )]
    Settings(SettingsArgs),
    /// Show what foresight learned from past weeks, and what it expects
    #[command(
        max_term_width = 80,
        after_help = "The flags of all settings can be given too; see --help.",
        after_long_help = ""
    )]
    History(Box<HistoryArgs>),
    /// Simulate users on a cluster, and compare these settings with other policies
    #[cfg(feature = "simulate")]
    #[command(
        max_term_width = 80,
        after_help = "The flags of all settings can be given too; see --help.",
        after_long_help = ""
    )]
    Simulate(Box<SimulateArgs>),
    /// A command of other builds
    #[cfg(not(feature = "simulate"))]
    #[command(hide = true, disable_help_flag = true)]
    Simulate(AbsentArgs),
    /// Make a trace for simulate from dumps of pods or JupyterHub's log
    #[cfg(feature = "simulate")]
    #[command(max_term_width = 80, after_help = trace::EXAMPLES, after_long_help = trace::EXAMPLES)]
    Trace(TraceArgs),
    /// A command of other builds
    #[cfg(not(feature = "simulate"))]
    #[command(hide = true, disable_help_flag = true)]
    Trace(AbsentArgs),
    /// Print the JSON Schema of the JSON report
    Schema,
    /// Print the script by which a shell completes commands and flags
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// Flags of a run.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    /// Read the cluster from a file; - is standard input
    ///
    /// The file is the output of `kubectl get nodes,pods,pv -A -o json` (or yaml); pv are the persistent volumes. May be given
    /// several times, for nodes and pods in separate files.
    #[arg(long, value_name = "FILE", value_parser = values::file(), help_heading = INPUT)]
    pub from: Vec<OsString>,
    /// Time at which the file was written [default: now]
    ///
    /// An RFC 3339 time such as 2026-01-15T09:00:00Z. The ages of nodes, pods and cordons are counted up to it.
    #[arg(long, value_name = "TIME", value_parser = values::time, requires = "from", help_heading = INPUT)]
    pub at: Option<Timestamp>,
    /// Read the history of past weeks from a file; with --from
    ///
    /// `kube-rebalancer trace --history` writes one, from dumps of pods or a hub's log.
    #[arg(long, value_name = "FILE", value_parser = values::file(), requires = "from", hide_short_help = true, help_heading = INPUT)]
    pub history: Option<OsString>,
    /// Read the usage of the pods from a file; with --from
    ///
    /// Takes what `kubectl get --raw /apis/metrics.k8s.io/v1beta1/pods` prints, of the same moment as the cluster.
    #[arg(long, value_name = "FILE", value_parser = values::file(), requires = "from", hide_short_help = true, help_heading = INPUT)]
    pub pod_metrics: Option<OsString>,
    /// Use this kubeconfig context instead of the current one
    #[arg(long, value_name = "NAME", conflicts_with = "from", help_heading = INPUT)]
    pub context: Option<String>,
    /// Only print the plan; =server also lets the API server check every change
    ///
    /// A dry run changes nothing and asks no question. With --dry-run=server the API server receives the same patches, marked
    /// dryRun=All: it checks permissions, admission and versions, and stores none of them.
    #[arg(
        long,
        value_enum,
        value_name = "WHERE",
        num_args = 0..=1,
        default_missing_value = "client",
        hide_possible_values = true,
        conflicts_with = "from",
        help_heading = INPUT
    )]
    pub dry_run: Option<DryRun>,
    /// Format of the report [default: text]
    ///
    /// With `LOG_FORMAT=json` the plan is a record of the log; this flag prints it as well.
    #[arg(short, long, value_enum, value_name = "text|json", hide_possible_values = true, help_heading = OUTPUT)]
    pub output: Option<OutputFormat>,
    /// List every node, also of a large cluster
    ///
    /// Without it, more than forty nodes are grouped by verdict and reason.
    #[arg(long, help_heading = OUTPUT)]
    pub all_nodes: bool,
    /// Exit with code 5 if pods wait and this run cannot help them
    ///
    /// For alerts: the scheduler has refused the pods, this run makes no room for them, and no booting node has room.
    #[arg(long, hide_short_help = true, help_heading = OUTPUT)]
    pub exit_code_waiting: bool,
    /// When to use colors
    #[arg(long, value_enum, value_name = "auto|always|never", default_value_t, hide_possible_values = true, help_heading = OUTPUT)]
    pub color: ColorChoice,
}

/// Flags of the command `settings`.
#[derive(Args, Clone, Debug)]
pub struct SettingsArgs {
    /// Format of the settings
    #[arg(short, long, value_enum, value_name = "text|json", default_value_t, hide_possible_values = true, help_heading = OUTPUT)]
    pub output: OutputFormat,
    /// The settings given as flags.
    #[command(flatten)]
    pub settings: SettingFlags,
}

/// The format of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people
    #[default]
    Text,
    /// For programs; the format is stable
    Json,
}

/// The last stage of a run that changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// The plan
    Client,
    /// The API server, which checks every change and stores none
    Server,
}

/// When to use colors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The settings given as flags: the variable and the value of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingFlags(Vec<(&'static str, String)>);

impl SettingFlags {
    /// The same flags with some variables added or replaced.
    #[must_use]
    pub fn with(&self, given: &[(&'static str, String)]) -> Self {
        let is_replaced = |name: &str| given.iter().any(|(given, _)| *given == name);
        let kept = self.0.iter().filter(|(name, _)| !is_replaced(name)).cloned();
        Self(kept.chain(given.iter().cloned()).collect())
    }

    /// The flags as pairs, which take precedence over the environment's.
    pub fn pairs(self) -> impl Iterator<Item = Pair> {
        self.0.into_iter().map(|(variable, text)| Pair::flag(variable, text))
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |(entry, _): (&'static Entry, String)| {
            matches.get_one::<String>(entry.name).map(|text| (entry.name, text.clone()))
        };
        Ok(Self(flags().filter_map(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        command.args(flags().map(|(entry, flag)| {
            let default = if entry.default.is_empty() { "unset" } else { entry.default };
            let argument = if entry.name == "YES" {
                // `--yes` alone means true; `--yes=false` overrides the environment.
                Arg::new(entry.name).num_args(0..=1).require_equals(true).default_missing_value("true")
            } else {
                Arg::new(entry.name)
            };
            argument
                .long(flag)
                .value_name(entry.placeholder())
                // `--min-nodes -1` then fails with the reason why -1 is invalid, not with "unexpected argument".
                .allow_negative_numbers(true)
                .help_heading("Settings")
                .hide_short_help(true)
                // Also as the long help, because the manual page uses only that for arguments hidden from the short help.
                .help(entry.doc)
                .long_help(format!("{}\n[{}, default: {default}]", entry.doc, entry.name))
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// The settings that have a flag, with it.
fn flags() -> impl Iterator<Item = (&'static Entry, String)> {
    ENTRIES.iter().filter_map(|entry| Some((entry, entry.flag()?)))
}

const INPUT: &str = "Input";
const OUTPUT: &str = "Output";

const EXIT_CODES: &str = "\
Every setting is also an environment variable, MAX_NODES for --max-nodes; the
flag goes first. An empty value means the default.

Exit codes:
  0  done, or nothing to do; some actions may be left to the next run
  1  an action failed, or the node groups could not be listed
  2  the command line or a setting is wrong
  3  the cluster could not be read, or the plan was refused: nothing changed
  4  another run is at work
  5  with --exit-code-waiting: pods wait, and nothing that this run may do helps";

/// The width of the first column of settings in the short help.
const COLUMN: usize = 34;

/// The settings in two columns with their defaults, for the short help.
fn overview() -> String {
    let heading = Styles::styled();
    let heading = heading.get_header();
    let cells: Vec<_> = flags().map(|(entry, flag)| cell(&flag, entry.default)).collect();
    let (left, right) = cells.split_at(cells.len().div_ceil(2));
    let rows = left.iter().enumerate().map(|(index, left)| {
        let right = right.get(index).map_or("", String::as_str);
        format!("      {left:<COLUMN$}{right}").trim_end().to_owned()
    });
    let rows: Vec<_> = rows.collect();
    format!(
        "{heading}Settings{heading:#} (--help explains them; --max-nodes is also the variable MAX_NODES):\n{}",
        rows.join("\n")
    )
}

/// A flag with its default, if both fit the column.
fn cell(flag: &str, default: &str) -> String {
    let whole = format!("--{flag} {default}");
    if whole.len() < COLUMN { whole.trim_end().to_owned() } else { format!("--{flag}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(["kube-rebalancer"].iter().chain(arguments))
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_setting_that_an_operator_chooses_is_a_flag() {
        let mut arguments = Vec::new();
        for (_, flag) in flags() {
            arguments.push(format!("--{flag}=value of {flag}"));
        }
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let SettingFlags(given) = parse(&arguments).unwrap().settings;
        let expected: Vec<_> =
            flags().map(|(entry, flag)| (entry.name, format!("value of {flag}"))).collect();
        assert_eq!(given, expected);
    }

    #[test]
    fn flags_are_kept_as_they_are_typed() {
        let cli = parse(&["--min-nodes", "-1", "--max-nodes=", "--zone", "a b"]).unwrap();
        let expected = [("MIN_NODES", "-1"), ("MAX_NODES", ""), ("ZONE", "a b")];
        assert_eq!(cli.settings.0, expected.map(|(name, text)| (name, text.to_owned())));
    }

    #[test]
    fn a_dry_run_on_the_server_may_be_typed_with_or_without_an_equals_sign() {
        for (arguments, expected) in [
            (["--dry-run", "--all-nodes"].as_slice(), DryRun::Client),
            (&["--dry-run"], DryRun::Client),
            (&["--dry-run=server"], DryRun::Server),
            (&["--dry-run", "server"], DryRun::Server),
        ] {
            assert_eq!(parse(arguments).unwrap().run.dry_run, Some(expected), "{arguments:?}");
        }
        assert!(parse(&["--dry-run", "settings"]).is_err());
    }

    #[test]
    fn files_are_given_one_flag_each() {
        let cli = parse(&["--from", "nodes.json", "--from", "-", "--at", "2026-01-15T09:00:00Z"]).unwrap();
        assert_eq!(cli.run.from, ["nodes.json", "-"]);
        assert_eq!(cli.run.at, Some("2026-01-15T09:00:00Z".parse().unwrap()));
        assert!(parse(&["--at", "2026-01-15T09:00:00Z"]).is_err());
        assert!(parse(&["--from", "-", "--at", "yesterday"]).is_err());
    }

    #[test]
    fn help_fits_80_columns_and_the_short_one_a_screen() {
        let short = Cli::command().render_help().to_string();
        let long = Cli::command().render_long_help().to_string();
        // Every line of the settings has its second flag in the same column.
        let rows: Vec<_> = short.lines().skip_while(|line| !line.starts_with("Settings")).skip(1).collect();
        let (_, full) = rows.split_last().unwrap();
        for row in full {
            assert_eq!(row.get(39..42), Some(" --"), "{row}");
        }
        for line in short.lines().chain(long.lines()) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(short.lines().count() <= 72, "{} lines:\n{short}", short.lines().count());
    }
}
