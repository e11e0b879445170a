//! The settings: read once, all of them checked before anything else happens.
//!
//! ```text
//! pairs --> env (text by setting) --> form (text to value) --> Settings --> Policy
//!                                       |
//!   catalog (name, default, doc) -------+--> show (table, JSON), README, flags
//! ```
//!
//! All problems are collected and reported together, each with name, value, what was expected and the default.

mod bounds;
pub mod catalog;
mod env;
mod form;
mod problem;
mod read;
pub mod show;
mod shown;
mod spelling;
mod value;

use jiff::SignedDuration;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_page::Setting;
use kube_rebalancer_ports::CloudScope;

use crate::logs::LogFormat;

pub use env::{Origin, Pair};
pub use form::{Complaint, JsonKind, SelectorError, Shape};
pub use problem::{Problem, SettingWarning, SettingsError, ValueInForce};
pub use value::ResolvedSetting;

/// Validated settings: every value is of its form, and
/// `0 < MIN_UTILIZATION <= OPTIMAL_UTILIZATION <= MAX_UTILIZATION <= 1` and `MIN_NODES <= MAX_NODES`, in every pool.
#[derive(Clone, Debug)]
pub struct Settings {
    policy: Policy,
    cloud: CloudScope,
    run_timeout: SignedDuration,
    yes: bool,
    lease_namespace: String,
    lease_name: String,
    log_format: LogFormat,
    values: Vec<ResolvedSetting>,
}

impl Settings {
    /// Reads settings from name/value pairs, in any order: variables as `(name, value)` and flags as [`Pair::flag`].
    ///
    /// A variable that is no setting is left alone, as an environment is full of them; one that is nearly a setting is
    /// a warning.
    pub fn from_pairs<P: Into<Pair>>(
        pairs: impl IntoIterator<Item = P>,
    ) -> Result<(Self, Vec<SettingWarning>), SettingsError> {
        let collected = env::collect(pairs.into_iter().map(Into::into)).map_err(|error| SettingsError {
            problems: vec![Problem::Unreadable(error)],
            warnings: Vec::new(),
        })?;
        read::settings(collected)
    }

    /// The settings that take part in a decision.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Where to look for node groups.
    #[must_use]
    pub fn cloud(&self) -> &CloudScope {
        &self.cloud
    }

    /// How long the whole run may take, from the start of the process.
    #[must_use]
    pub fn run_timeout(&self) -> SignedDuration {
        self.run_timeout
    }

    /// Whether the plan is carried out without asking.
    #[must_use]
    pub fn yes(&self) -> bool {
        self.yes
    }

    /// Where the Lease is. The same for a CronJob and for a laptop, else they would not keep out of each other's way.
    #[must_use]
    pub fn lease_namespace(&self) -> &str {
        &self.lease_namespace
    }

    /// What the Lease is called. Runs over different nodes take different names.
    #[must_use]
    pub fn lease_name(&self) -> &str {
        &self.lease_name
    }

    /// How the log is written.
    #[must_use]
    pub fn log_format(&self) -> LogFormat {
        self.log_format
    }

    /// The same before the settings are read, as reading them may log something. Where it cannot be read it is the
    /// default, and [`Self::from_pairs`] says what is wrong.
    pub fn log_format_of<P: Into<Pair>>(pairs: impl IntoIterator<Item = P>) -> LogFormat {
        let collected = env::collect(pairs.into_iter().map(Into::into)).ok();
        let text = collected.and_then(|collected| collected.raw.log_format);
        text.and_then(|text| (catalog::LOG_FORMAT.form.read)(&text).ok()).unwrap_or_default()
    }

    /// Every setting with its value and where that came from, in the catalogue's order.
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
