//! The meaning of a failed try: its kind, whether a retry may succeed, and whether it may have been carried out.

use std::time::Duration;

use google_cloud_gax::error::Error;
use google_cloud_gax::error::rpc::StatusDetails;
use http::header::RETRY_AFTER;

use super::http::{TooLarge, Undecoded};
use super::words;
use crate::error::{ComputeError, ErrorKind};
use kube_rebalancer_ports::words::{clean, root_cause};

/// The reason why a try failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    /// Whether another try may succeed.
    pub(super) may_pass: bool,
    /// Whether it may have been carried out anyway.
    pub(super) in_doubt: bool,
    /// The pause that the service requests.
    pub(super) retry_after: Duration,
    /// The message.
    pub(super) words: String,
}

impl Failure {
    /// Classifies an error of the client.
    pub(super) fn of(error: &Error) -> Self {
        let no_answer = |kind, may_pass, in_doubt, words| Self {
            kind,
            may_pass,
            in_doubt,
            retry_after: Duration::ZERO,
            words,
        };
        let cause = root_cause(error);
        if let Some(status) = error.http_status_code() {
            Self::answered(status, error)
        } else if error.is_connect() {
            let words = format!("no connection to Compute Engine: {cause}");
            no_answer(ErrorKind::Unavailable, true, false, words)
        } else if error.is_authentication() {
            let words = format!("no access token from Google: {cause}");
            no_answer(ErrorKind::Credentials, error.is_transient_and_before_rpc(), false, words)
        } else if error.is_binding() || error.is_serialization() {
            no_answer(ErrorKind::Other, false, false, format!("the request cannot be sent: {cause}"))
        } else if error.is_deserialization() {
            let words = format!("Compute Engine's answer cannot be read: {cause}");
            no_answer(ErrorKind::Unavailable, !is_too_large(error), true, words)
        } else {
            let words = format!("the connection to Compute Engine broke: {cause}");
            no_answer(ErrorKind::Unavailable, true, true, words)
        }
    }

    /// The read before a further try failed, or forbids it; the request was not sent again.
    pub(super) fn before(error: ComputeError) -> Self {
        Self {
            kind: error.kind,
            may_pass: error.kind == ErrorKind::Unavailable,
            in_doubt: false,
            retry_after: Duration::ZERO,
            words: error.message,
        }
    }

    /// No answer in time.
    pub(super) fn silence(limit: Duration) -> Self {
        Self {
            kind: ErrorKind::Unavailable,
            may_pass: true,
            in_doubt: true,
            retry_after: Duration::ZERO,
            words: words::silence(limit),
        }
    }

    /// Classifies an answer. A 4xx is a decision before any change, including a conflict (409) and a rate limit (429);
    /// but 408 comes from a proxy, and a 5xx may be returned after the request was processed.
    fn answered(status: u16, error: &Error) -> Self {
        let reasons = reasons(error);
        let kind = ErrorKind::of_answer(Some(status), reasons.iter().copied());
        let mut words = format!("Compute Engine answered {status}");
        if let Some(reason) = reasons.first() {
            words = format!("{words} ({})", clean(reason));
        }
        let message = match error.status() {
            Some(answer) => answer.message.clone(),
            None => error.http_payload().map(|body| words::of_page(body)).unwrap_or_default(),
        };
        Self {
            kind,
            may_pass: kind == ErrorKind::Unavailable,
            in_doubt: status == 408 || !(400..500).contains(&status),
            retry_after: retry_after(error),
            words: words::quoted(words, &message),
        }
    }
}

/// Whether an answer was too large: a retry would be as large and take as long.
fn is_too_large(error: &Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(link) = cause {
        if link.is::<TooLarge>() || matches!(link.downcast_ref(), Some(Undecoded::TooLarge(_))) {
            return true;
        }
        cause = link.source();
    }
    false
}

/// Compute Engine's reasons, in its classic and its newer form of errors. Empty ones are left out.
fn reasons(error: &Error) -> Vec<&str> {
    let details = error.status().map(|status| status.details.as_slice()).unwrap_or_default();
    let reasons = details.iter().filter_map(|detail| {
        if let StatusDetails::ErrorInfo(info) = detail { Some(info.reason.as_str()) } else { None }
    });
    reasons.filter(|reason| !reason.is_empty()).collect()
}

/// The seconds of a `Retry-After` header. A date counts as none: this program has no clock of its own.
fn retry_after(error: &Error) -> Duration {
    let seconds = || error.http_headers()?.get(RETRY_AFTER)?.to_str().ok()?.parse().ok();
    seconds().map(Duration::from_secs).unwrap_or_default()
}
