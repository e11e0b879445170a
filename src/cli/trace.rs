//! The command line of `trace`.

use std::ffi::OsString;

use clap::Args;
use kube_rebalancer_core::model::{Bytes, Millicores, parse_bytes, parse_millicores};

use super::{INPUT, SettingFlags, values};

/// Flags of the command `trace`.
#[derive(Args, Clone, Debug)]
pub struct TraceArgs {
    /// Dumps of pods in JSON, two or more, each with its time in its name
    ///
    /// Outputs of `kubectl get pods -A -o json`, made every few minutes, in files such as
    /// pods-2026-01-15T09:00:00Z.json, pods-20260115T090000Z.json or pods-1768467600.json. The settings decide which
    /// pods belong to users, `PREEMPTIBLE_LABELS` above all. A pod's stay ends with the first dump without it, or
    /// earlier if a dump shows that it ended.
    #[arg(
        long,
        value_name = "FILE",
        value_parser = values::file(),
        num_args = 1..,
        required_unless_present = "jupyterhub_log",
        conflicts_with = "jupyterhub_log",
        help_heading = INPUT
    )]
    pub pods: Vec<OsString>,
    /// JupyterHub's log or event log, one file or several; - is standard input
    ///
    /// It reads the lines "User ada took 5.206 seconds to start", "Removing user ada from proxy (/user/ada/)" and "ada
    /// appears to have stopped while the Hub was down" of JupyterHub 0.9 to 5, and the events server-action. Their times
    /// are UTC.
    #[arg(long, value_name = "FILE", value_parser = values::file(), num_args = 1.., requires = "memory", help_heading = INPUT)]
    pub jupyterhub_log: Vec<OsString>,
    /// Memory that each server of the log requests, such as 2Gi
    #[arg(long, value_name = "QUANTITY", value_parser = parse_bytes, conflicts_with = "pods", help_heading = INPUT)]
    pub memory: Option<Bytes>,
    /// CPU that each server of the log requests, such as 500m
    #[arg(long, value_name = "QUANTITY", value_parser = parse_millicores, conflicts_with = "pods", help_heading = INPUT)]
    pub cpu: Option<Millicores>,
    /// Print a history for foresight in place of the rows
    ///
    /// The file is for --history of simulate and of runs from files. With `POOL_LABEL` set, name its pool with --pool.
    #[arg(long, help_heading = super::OUTPUT)]
    pub history: bool,
    /// The pool of the users, if there are several
    #[arg(long, value_name = "NAME", requires = "history", default_value = "", hide_default_value = true, help_heading = super::OUTPUT)]
    pub pool: String,
    /// The settings given as flags.
    #[command(flatten)]
    pub settings: SettingFlags,
}

pub(super) const EXAMPLES: &str = "\
Prints start,end,memory,cpu and a row for each server, in order of start:
  kube-rebalancer trace --pods pods-*.json > week.csv
  kubectl logs deploy/hub |
    kube-rebalancer trace --jupyterhub-log - --memory 2Gi > week.csv
With --history it prints what foresight learns from:
  kube-rebalancer trace --history --pods pods-*.json > weeks.history";
