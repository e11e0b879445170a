//! The command line of `history`.

use std::ffi::OsString;

use clap::Args;
use jiff::Timestamp;
#[cfg(feature = "simulate")]
use kube_rebalancer_simulate::plot::PlotFile;

use super::{ColorChoice, INPUT, OUTPUT, OutputFormat, SettingFlags, values};

/// Flags of the command `history`.
#[derive(Args, Clone, Debug)]
pub struct HistoryArgs {
    /// Show the history in this file, not the cluster's
    ///
    /// A history as `kube-rebalancer trace --history` makes it, or the key `history` of the `ConfigMap` beside the Lease.
    #[arg(long, value_name = "FILE", value_parser = values::file(), help_heading = INPUT)]
    pub history: Option<OsString>,
    /// Connect by this kubeconfig context, not the current one
    #[arg(long, value_name = "NAME", conflicts_with = "history", help_heading = INPUT)]
    pub context: Option<String>,
    /// Show what is expected in the week from this time on [default: now, or the end of the file]
    ///
    /// An RFC 3339 time such as 2026-01-15T09:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = values::time, help_heading = INPUT)]
    pub at: Option<Timestamp>,
    /// Draw past weeks over each other, with the expected amounts, as .svg or .png
    #[cfg(feature = "simulate")]
    #[arg(long, value_name = "FILE", value_parser = super::simulate::plot_file(), help_heading = OUTPUT)]
    pub plot: Option<PlotFile>,
    /// Format of the output
    #[arg(short, long, value_enum, value_name = "text|json", default_value_t, hide_possible_values = true, help_heading = OUTPUT)]
    pub output: OutputFormat,
    /// When to use colors
    #[arg(long, value_enum, value_name = "auto|always|never", default_value_t, hide_possible_values = true, help_heading = OUTPUT)]
    pub color: ColorChoice,
    /// The settings given as flags.
    #[command(flatten)]
    pub settings: SettingFlags,
}
