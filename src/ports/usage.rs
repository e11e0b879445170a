//! A source of metrics: what pods used.

use kube_rebalancer_core::model::PodSample;

use crate::PortError;

/// Maximum number of bytes of all answers to one question together: what some 200,000 pods take.
pub const LONGEST_USAGE: usize = 64 << 20;
/// Maximum number of samples that a source hands over.
pub const MOST_SAMPLES: usize = 500_000;

/// Which source of metrics is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UsageKind {
    /// None.
    #[default]
    None,
    /// `metrics.k8s.io`, of the cluster's own API server.
    MetricsServer,
    /// A Prometheus.
    Prometheus,
}

/// A source of metrics.
pub trait UsageSource: Sync {
    /// What every pod used a moment ago. Nothing of it is judged yet, and a pod may have two samples.
    fn usage(&self) -> impl Future<Output = Result<Vec<PodSample>, PortError>> + Send;
}
