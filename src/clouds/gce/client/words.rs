//! Texts of libraries and servers, cleaned and shortened for one line of a message.

use std::time::Duration;

use kube_rebalancer_ports::words::clean;

/// No answer in time.
pub(super) fn silence(limit: Duration) -> String {
    format!("no answer within {:.1} s", limit.as_secs_f32())
}

/// Our message, followed by the service's message if there is one.
pub(super) fn quoted(ours: String, theirs: &str) -> String {
    let theirs = clean(theirs);
    if theirs.is_empty() { ours } else { format!("{ours}: \"{theirs}\"") }
}

/// The message of an answer that is no error of the API; empty for a page for browsers.
pub(super) fn of_page(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.starts_with('<') { String::new() } else { text.to_owned() }
}
