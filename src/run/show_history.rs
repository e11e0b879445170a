//! The command `history`: shows the history of foresight from a file or a cluster.

use std::io::Write;

use jiff::Timestamp;
use kube_rebalancer_core::model::History;
use kube_rebalancer_core::policy::Drain;
use kube_rebalancer_kube::live::{ConnectOptions, Live, RunTime};
use kube_rebalancer_page::Layout;

use super::live::cannot_connect;
use super::{World, history, read_settings};
use crate::cli::{HistoryArgs, OutputFormat};
use crate::error::{Ending, Failure, written};
use crate::report::history::{Facts, write_json, write_text};
use crate::settings::Settings;

pub(super) fn run(arguments: &HistoryArgs, world: &World, out: &mut dyn Write) -> Result<Ending, Failure> {
    let (settings, _) = read_settings(arguments.settings.clone(), world)?;
    let file = history::read(arguments.history.as_deref())?;
    let (source, history, from) = if let (Some(name), Some(history)) = (&arguments.history, file) {
        let end = end(&history).unwrap_or(world.now);
        (name.to_string_lossy().into_owned(), history, end)
    } else {
        let (source, history) = of_cluster(arguments, &settings, world)?;
        (source, history.into(), world.now)
    };
    let foresight = &settings.policy().foresight;
    let from = arguments.at.unwrap_or(from);
    let version = env!("CARGO_PKG_VERSION");
    let facts = Facts { version, source: &source, history: &history, foresight, from };
    written(match arguments.output {
        OutputFormat::Text => {
            let layout = Layout {
                width: world.terminal.width(),
                color: world.terminal.use_color(arguments.color, &world.environment),
                all_nodes: false,
            };
            write_text(out, &facts, layout)
        }
        OutputFormat::Json => write_json(out, &facts),
    })?;
    #[cfg(feature = "simulate")]
    if let Some(plot) = &arguments.plot {
        written(out.flush())?;
        let panels = plot::panels(&facts);
        plot.write_weeks(&panels).map_err(|error| Failure::new(Ending::Incomplete, error))?;
    }
    Ok(Ending::Done)
}

/// The end of the last slot that has a peak.
fn end(history: &History) -> Option<Timestamp> {
    let (_, last) = history.span()?;
    Some(last.later(1).begins())
}

/// Reads the history that runs have stored beside the Lease.
fn of_cluster(
    arguments: &HistoryArgs,
    settings: &Settings,
    world: &World,
) -> Result<(String, History), Failure> {
    let failed = |error| Failure::new(Ending::NotObserved, error);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Ending::NotObserved, error))?;
    let options = ConnectOptions {
        context: arguments.context.clone(),
        identity: String::new(),
        namespace: settings.lease_namespace().to_owned(),
        lease_name: settings.lease_name().to_owned(),
        dry_run: true,
        label_keys: [].into(),
        drain: Drain::None,
        each_pod: false,
        own_pod: None,
    };
    let time = RunTime::new(world.now, settings.run_timeout());
    let read = runtime.block_on(async {
        let live = Live::connect(options, time).await.map_err(cannot_connect)?;
        Ok((live.target().to_string(), live.read_history().await.map_err(failed)?))
    });
    runtime.shutdown_background();
    read
}

/// The curves of a plot.
#[cfg(feature = "simulate")]
mod plot {
    use kube_rebalancer_core::model::{Resource, history_unit};
    use kube_rebalancer_simulate::plot::{WeekCurve, WeekPanel};

    use crate::report::history::{Facts, Weeks, weeks};

    pub(super) fn panels(facts: &Facts<'_>) -> Vec<WeekPanel> {
        weeks(facts.history, facts.foresight, facts.from).iter().map(panel).collect()
    }

    /// Memory in Gi, processor time in cores, both in thousandths.
    fn panel(of: &Weeks) -> WeekPanel {
        let scaled = |amount: u64| match of.resource {
            Resource::Memory => (amount / history_unit(of.resource)).saturating_mul(1000) / 1024,
            Resource::Cpu => amount,
        };
        let (name, unit) = match of.resource {
            Resource::Memory => ("memory", "Gi"),
            Resource::Cpu => ("processor time", "cores"),
        };
        let pool = if of.pool.is_empty() { String::new() } else { format!("pool {}: ", of.pool) };
        let curve = |week: &crate::report::history::Week| WeekCurve {
            name: week.monday.strftime("%-d %b").to_string(),
            values: week.peaks.iter().map(|peak| peak.map(scaled)).collect(),
        };
        WeekPanel {
            title: format!("{pool}{name} that users ask for, in {unit}"),
            weeks: of.weeks.iter().map(curve).collect(),
            expected: of.expected.iter().map(|one| one.map(|forecast| scaled(forecast.rise))).collect(),
        }
    }
}
