//! The receivers of messages and metrics, and the secrets for them.

use std::fmt;
use std::path::PathBuf;

/// The receivers of a run's messages and metrics; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receivers {
    /// `NOTIFY_URL`: the receiver of the JSON message.
    pub webhook: Option<Secret>,
    /// `NOTIFY_SECRET`: the key that signs it.
    pub webhook_key: Option<Secret>,
    /// `SLACK_WEBHOOK_URL`.
    pub slack: Option<Secret>,
    /// `DASHBOARD_URL`: a link that the messages carry.
    pub dashboard: Option<String>,
    /// `METRICS_FILE`.
    pub metrics_file: Option<PathBuf>,
    /// `PUSHGATEWAY_URL`.
    pub pushgateway: Option<Secret>,
}

impl Receivers {
    /// Whether there is no receiver of messages. Metrics may still be needed.
    #[must_use]
    pub fn no_channel(&self) -> bool {
        self.webhook.is_none() && self.slack.is_none()
    }

    /// Whether there is no receiver of metrics.
    #[must_use]
    pub fn no_metrics(&self) -> bool {
        self.metrics_file.is_none() && self.pushgateway.is_none()
    }
}

/// A text that is not written anywhere: a key, or an address with a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_in_the_debug_output() {
        let receivers = Receivers {
            slack: Some(Secret::from("https://hooks.example.com/T0/B0/s3cr3t".to_owned())),
            ..Receivers::default()
        };
        assert!(!format!("{receivers:?}").contains("s3cr3t"));
        assert!(!receivers.no_channel() && receivers.no_metrics());
    }
}
