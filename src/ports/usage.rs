//! A source of metrics: the usage of pods.

use kube_rebalancer_core::model::PodSample;

use crate::PortError;

/// Maximum number of bytes of all answers to one question together: enough for some 200,000 pods.
pub const LONGEST_USAGE: usize = 64 << 20;
/// Maximum number of samples from a source.
pub const MOST_SAMPLES: usize = 500_000;

/// The kind of the source of metrics.
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
    /// Reads the present usage of every pod. The samples are not validated yet, and a pod may have
    /// two.
    fn usage(&self) -> impl Future<Output = Result<Vec<PodSample>, PortError>> + Send;
}
