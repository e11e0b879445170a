//! What pods used, as a Prometheus knows it: one instant query for memory and one for processor time.
//!
//! ```text
//!   memory query --+--> vectors by namespace and pod --> samples (the port `UsageSource`)
//!   CPU query -----'
//! ```
//!
//! Each query is asked once, both at the same time, within [`LIMIT`]. Answers have a bound, and no redirect is followed. The
//! time of a sample is the time at which Prometheus evaluated the query by its own clock; Prometheus leaves out what it has
//! not seen for five minutes by itself.

mod answer;
mod client;

use std::time::Duration;

pub use answer::{BadAnswer, samples};
pub use client::Prometheus;

/// Memory in use, as the kernel cannot take it back, from the kubelets' metrics. A container that has just started anew is
/// there twice for a moment; the larger one counts.
pub const MEMORY_QUERY: &str = "sum by (namespace, pod) (max by (namespace, pod, container) \
                                (container_memory_working_set_bytes{container!=''}))";
/// Processor time of the last five minutes, from the same metrics.
pub const CPU_QUERY: &str = "sum by (namespace, pod) (max by (namespace, pod, container) \
                             (rate(container_cpu_usage_seconds_total{container!=''}[5m])))";

/// How long both queries together may take.
pub const LIMIT: Duration = Duration::from_secs(5);
