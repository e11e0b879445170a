//! The settings once all of them are valid.

use jiff::SignedDuration;
use kube_rebalancer_core::model::Resource;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_notify::Receivers;
use kube_rebalancer_page::Setting;
use kube_rebalancer_ports::CloudScope;
use kube_rebalancer_prometheus::Prometheus;

use super::value::ResolvedSetting;
use crate::logs::LogFormat;

/// The source of pods' usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageFrom {
    /// Nowhere.
    Nothing,
    /// `metrics.k8s.io`, of the cluster's own API server.
    MetricsServer,
    /// This Prometheus.
    Prometheus(Prometheus),
}

/// Validated settings: every value is of its form, and
/// `0 < MIN_UTILIZATION <= OPTIMAL_UTILIZATION <= MAX_UTILIZATION <= 1` and `MIN_NODES <= MAX_NODES`, in every pool.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) policy: Policy,
    pub(super) cloud: CloudScope,
    pub(super) receivers: Receivers,
    pub(super) usage: UsageFrom,
    pub(super) calendar: Option<String>,
    pub(super) run_timeout: SignedDuration,
    pub(super) yes: bool,
    pub(super) lease_namespace: String,
    pub(super) lease_name: String,
    pub(super) log_format: LogFormat,
    pub(super) values: Vec<ResolvedSetting>,
}

impl Settings {
    /// The settings that take part in a decision.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The same settings, with fewer [`resources`](Policy::resources).
    #[must_use]
    pub fn without(mut self, resources: &[Resource]) -> Self {
        self.policy.resources.retain(|resource| !resources.contains(resource));
        self
    }

    /// The scope in which to look for node groups.
    #[must_use]
    pub fn cloud(&self) -> &CloudScope {
        &self.cloud
    }

    /// The receivers of messages and metrics.
    #[must_use]
    pub fn receivers(&self) -> &Receivers {
        &self.receivers
    }

    /// The source of pods' usage.
    #[must_use]
    pub fn usage(&self) -> &UsageFrom {
        &self.usage
    }

    /// The iCalendar file.
    #[must_use]
    pub fn calendar(&self) -> Option<&str> {
        self.calendar.as_deref()
    }

    /// Maximum time of the whole run, from the start of the process.
    #[must_use]
    pub fn run_timeout(&self) -> SignedDuration {
        self.run_timeout
    }

    /// Whether the plan is carried out without asking.
    #[must_use]
    pub fn yes(&self) -> bool {
        self.yes
    }

    /// The namespace of the Lease. It must be the same for a CronJob and for a laptop, otherwise their runs would not
    /// exclude each other.
    #[must_use]
    pub fn lease_namespace(&self) -> &str {
        &self.lease_namespace
    }

    /// The name of the Lease. Runs that manage different nodes use different names.
    #[must_use]
    pub fn lease_name(&self) -> &str {
        &self.lease_name
    }

    /// The format of the log.
    #[must_use]
    pub fn log_format(&self) -> LogFormat {
        self.log_format
    }

    /// Every setting with its value and the origin of the value, in the catalogue's order.
    #[must_use]
    pub fn values(&self) -> &[ResolvedSetting] {
        &self.values
    }

    /// Every setting as reports show it.
    #[must_use]
    pub fn for_report(&self) -> Vec<Setting<'_>> {
        self.values.iter().map(ResolvedSetting::for_report).collect()
    }
}
