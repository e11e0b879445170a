//! The command `trace`: reads the files of the command line, and writes the rows.

use std::ffi::OsString;
use std::io::Write;

use kube_rebalancer_core::model::Amounts;

use super::{World, read_settings};
use crate::cli::TraceArgs;
use crate::error::{Ending, Failure, written};
use kube_rebalancer_kube::observe::read_lives;
use kube_rebalancer_ports::Source;
use kube_rebalancer_simulate::trace::{self, Stay};

pub(super) fn run(arguments: TraceArgs, world: &World, out: &mut dyn Write) -> Result<Ending, Failure> {
    let TraceArgs { pods, jupyterhub_log, memory, cpu, history, pool, settings } = arguments;
    let (settings, _) = read_settings(settings, world)?;
    let stays = if pods.is_empty() {
        let requests = Amounts::pod(memory.unwrap_or_default(), cpu.unwrap_or_default());
        let read = trace::from_log(&sources(jupyterhub_log), &requests);
        told(read.map_err(|error| Failure::new(Ending::NotObserved, error))?)
    } else {
        let policy = settings.policy();
        if policy.preemptible_labels.is_empty() {
            return Err(Failure::new(Ending::Settings, NobodyIsAUser)
                .with_hint("on Zero to JupyterHub: --preemptible-labels hub.jupyter.org/username"));
        }
        let read = trace::from_pods(&sources(pods), policy, read_lives);
        told(read.map_err(|error| Failure::new(Ending::NotObserved, error))?)
    };
    if history {
        let text = kube_rebalancer_history::encode(&trace::history(&stays, &pool));
        written(text.and_then(|text| out.write_all(text.as_bytes())))?;
        return Ok(Ending::Done);
    }
    written(trace::write(stays, out))?;
    Ok(Ending::Done)
}

fn sources(files: Vec<OsString>) -> Vec<Source> {
    files.into_iter().map(Source::from).collect()
}

/// Logs what was found and what had to be assumed.
fn told((stays, summary): (Vec<Stay>, impl std::fmt::Display)) -> Vec<Stay> {
    log::info!("{summary}");
    stays
}

#[derive(Debug, thiserror::Error)]
#[error("PREEMPTIBLE_LABELS is unset, so no pod is a user's, expected the label keys of users' pods")]
struct NobodyIsAUser;
