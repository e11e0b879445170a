//! Reads the usage of pods from the source that `USAGE` names, or from a file.
//!
//! A source that fails stops no run: every pod then counts by its requests, and the report has the reason.

use std::ffi::OsStr;
use std::time::Duration;

use kube_rebalancer_core::model::PodSample;
use kube_rebalancer_kube::live::Live;
use kube_rebalancer_kube::observe::{BadUsage, read_usage};
use kube_rebalancer_ports::{LONGEST_USAGE, PortError, UsageSource as _};

use super::file;
use crate::error::{Ending, Failure};
use crate::settings::{Settings, UsageFrom};

/// Maximum time of a source.
const PATIENCE: Duration = Duration::from_secs(5);

/// The answer of a source.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The samples; `None` where no source was asked, or it failed.
    pub(super) samples: Option<Vec<PodSample>>,
    /// The problem, for the warnings of the report.
    pub(super) problem: Option<String>,
}

/// Asks the source that the settings name.
pub(super) async fn ask(settings: &Settings, live: &Live) -> Told {
    let asking = async {
        match settings.usage() {
            UsageFrom::Nothing => Ok(None),
            UsageFrom::MetricsServer => live.usage().await.map(Some),
            UsageFrom::Prometheus(prometheus) => prometheus.usage().await.map(Some),
        }
    };
    let late = || PortError(format!("it takes longer than {} s", PATIENCE.as_secs()));
    match tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err(late())) {
        Ok(samples) => Told { samples, problem: None },
        Err(error) => {
            let problem =
                format!("USAGE is not taken into account, every pod counts by its requests: {error}");
            Told { samples: None, problem: Some(problem) }
        }
    }
}

/// Reads the usage of pods from a file, if one is named.
pub(super) fn read(file: Option<&OsStr>, settings: &Settings) -> Result<Told, Failure> {
    let Some(file) = file else {
        let problem =
            "USAGE does not apply to a cluster from files: --pod-metrics FILE gives what its pods used";
        let asks = *settings.usage() != UsageFrom::Nothing;
        return Ok(Told { samples: None, problem: asks.then(|| problem.to_owned()) });
    };
    let name = || file.to_string_lossy().into_owned();
    let bytes = file::of_flag(file, LONGEST_USAGE)?;
    if bytes.len() > LONGEST_USAGE {
        return Err(Failure::new(Ending::NotObserved, TooLong { name: name() }));
    }
    let page = read_usage(&bytes)
        .map_err(|source| Failure::new(Ending::NotObserved, NoUsage { name: name(), source }))?;
    Ok(Told { samples: Some(page.samples), problem: None })
}

#[derive(Debug, thiserror::Error)]
#[error("{name}: it is longer than {} MiB", LONGEST_USAGE >> 20)]
struct TooLong {
    name: String,
}

#[derive(Debug, thiserror::Error)]
#[error("{name}: it has no usage")]
struct NoUsage {
    name: String,
    source: BadUsage,
}
