//! Reports a run to people and to monitoring: a webhook, a Slack channel, a file of metrics, a Pushgateway.
//!
//! ```text
//!   Plan, Outcomes --> Digest --+--> Told: what is new since the last message --> webhook, slack --> send
//!                               `--> metrics: text for Prometheus --> a file, send
//! ```
//!
//! The channel gets a message when a run changed something, when something failed, or when a problem is new. A
//! lasting warning is repeated once an hour. All receivers together cost a run at most [`send::LIMIT`], and none of
//! them can fail it.

mod digest;
pub mod metrics;
mod receivers;
mod send;
mod slack;
mod told;
mod webhook;

pub use digest::{Digest, PoolNumbers, Trouble};
pub use receivers::{Receivers, Secret};
pub use send::{LIMIT, Missed, Parcel, send};
pub use told::{MOST_BYTES, Told};

/// The messages to the receivers that people read.
#[must_use]
pub fn messages(digest: &Digest, receivers: &Receivers) -> Vec<Parcel> {
    let webhook = receivers.webhook.as_ref().map(|url| {
        let body = webhook::body(digest, receivers.dashboard.as_deref());
        let signature = receivers.webhook_key.as_ref().map(|key| webhook::signature(key, &body));
        Parcel::json("NOTIFY_URL", url, body, signature)
    });
    let slack = receivers.slack.as_ref().map(|url| {
        let body = slack::body(digest, receivers.dashboard.as_deref());
        Parcel::json("SLACK_WEBHOOK_URL", url, body, None)
    });
    webhook.into_iter().chain(slack).collect()
}

/// The parcel for the Pushgateway: it replaces the metrics of the previous run with the same Lease.
#[must_use]
pub fn pushed(metrics: &str, lease: &str, receivers: &Receivers) -> Option<Parcel> {
    let url = receivers.pushgateway.as_ref()?.expose().trim_end_matches('/');
    let url = Secret::from(format!("{url}/metrics/job/kube-rebalancer/lease/{lease}"));
    Some(Parcel::put_text("PUSHGATEWAY_URL", &url, metrics.to_owned()))
}
