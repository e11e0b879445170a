//! Reads the usage of pods from a Prometheus: one instant query for memory and one for CPU.
//!
//! ```text
//!   memory query --+--> vectors by namespace and pod --> samples (the port `UsageSource`)
//!   CPU query -----'
//! ```
//!
//! Each query is asked once, both at the same time, within [`LIMIT`]. Answers have a bound, and no redirect is followed. The
//! time of a sample is the time at which Prometheus evaluated the query by its own clock; Prometheus itself leaves out
//! series that are older than five minutes.

mod answer;
mod client;
mod scalar;

use std::time::Duration;

pub use answer::{BadAnswer, samples};
pub use client::Prometheus;

/// Working-set memory, which the kernel cannot reclaim, from the kubelets' metrics. A container that has just restarted
/// appears twice for a moment; the larger value counts.
pub const MEMORY_QUERY: &str = "sum by (namespace, pod) (max by (namespace, pod, container) \
                                (container_memory_working_set_bytes{container!=''}))";
/// Processor time of the last five minutes, from the same metrics.
pub const CPU_QUERY: &str = "sum by (namespace, pod) (max by (namespace, pod, container) \
                             (rate(container_cpu_usage_seconds_total{container!=''}[5m])))";

/// Maximum time of both queries together.
pub const LIMIT: Duration = Duration::from_secs(5);
