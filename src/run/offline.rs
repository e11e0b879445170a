//! A run on a cluster from files: always a dry run.

use std::io::Write;

use super::show::{Decided, Show};
use super::{World, calendar, history, read_settings, usage};
use crate::cli::{RunArgs, SettingFlags};
use crate::error::{Ending, Failure};
use kube_rebalancer_kube::observe;
use kube_rebalancer_ports::Source;

pub(super) fn run(
    arguments: &RunArgs,
    flags: SettingFlags,
    world: &World,
    out: &mut dyn Write,
) -> Result<Ending, Failure> {
    let (settings, _) = read_settings(flags, world)?;
    if arguments.from.iter().filter(|file| *file == "-").count() > 1 {
        return Err(Failure::new(Ending::Usage, StandardInputTwice));
    }
    let history = history::read(arguments.history.as_deref())?;
    let told = usage::read(arguments.pod_metrics.as_deref(), &settings)?;
    let sources: Vec<Source> = arguments.from.iter().cloned().map(Source::from).collect();
    let names: Vec<String> = sources.iter().map(ToString::to_string).collect();
    let mut show = Show::new(&settings, arguments, world, names.join(", "));
    let at = arguments.at.unwrap_or(world.now);
    let observation = match observe::read(&sources, at) {
        Ok(observation) => observation,
        Err(error) => {
            show.not_observed(&error, out)?;
            return Err(Failure::new(Ending::NotObserved, error));
        }
    };
    for warning in &observation.warnings {
        log::warn!("{warning}");
    }
    let known = calendar::around(&settings, at);
    show.observed = known.problems;
    show.observed.extend(told.problem);
    let snapshot = observation.snapshot.with_history(history).with_calendar(known.windows);
    let snapshot = snapshot.with_usage(told.samples);
    let unreported = settings.policy().unreported(snapshot.nodes());
    let settings = settings.clone().without(&unreported);
    show.settings = &settings;
    show.observed.extend(unreported.iter().map(|resource| {
        format!("no node of the input reports {resource}, so it takes no part in the utilization")
    }));
    let mut decided = match Decided::new(&snapshot, &settings) {
        Ok(decided) => decided,
        Err(refusal) => {
            show.refusal(&refusal, out)?;
            return Err(Failure::new(Ending::Refused, refusal));
        }
    };
    decided.plan.warnings.extend(observation.plan_warnings);
    show.plan(&decided, None, out)?;
    show.log(&decided, None)?;
    if !decided.is_trusted() {
        return Ok(Ending::Refused);
    }
    decided.ending_of(arguments)
}

#[derive(Debug, thiserror::Error)]
#[error("--from - is given twice, but standard input can be read only once")]
struct StandardInputTwice;
