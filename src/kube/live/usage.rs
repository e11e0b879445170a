//! Reads the usage of pods from `metrics.k8s.io`: the metrics-server, or another server of that API.

use kube_rebalancer_core::model::PodSample;
use kube_rebalancer_ports::{LONGEST_USAGE, MOST_SAMPLES, PortError, UsageSource, chain};

use super::Live;
use super::call::Call;
use super::cluster::escaped;
use crate::observe::{UsagePage, read_usage};

const PATH: &str = "/apis/metrics.k8s.io/v1beta1/pods";
/// The number of pods to request. The metrics-server answers with all of them, other servers may answer in pages.
const PAGE: usize = 500;

impl UsageSource for Live {
    async fn usage(&self) -> Result<Vec<PodSample>, PortError> {
        let mut samples = Vec::new();
        let mut from = String::new();
        let mut left = LONGEST_USAGE;
        loop {
            let call =
                Call::get(format!("{PATH}?limit={PAGE}{from}")).at_most(left).compressed().soon().once();
            let bytes = self.server.answer(&call).await?.bytes;
            left = left.saturating_sub(bytes.len());
            let failed = |why: String| PortError(format!("GET {PATH}: the answer {why}"));
            let UsagePage { samples: more, is_beyond, next } =
                read_usage(&bytes).map_err(|error| failed(chain(&error)))?;
            samples.extend(more);
            if is_beyond || samples.len() > MOST_SAMPLES {
                return Err(failed(format!("has more than {MOST_SAMPLES} pods")));
            }
            let Some(next) = next else { return Ok(samples) };
            let next = format!("&continue={}", escaped(&next));
            if next == from {
                return Err(failed("says that the next page is itself".to_owned()));
            }
            from = next;
        }
    }
}
