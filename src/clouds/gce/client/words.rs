//! Texts of libraries and servers, cleaned and shortened for one line of a message.

use std::error::Error;
use std::time::Duration;

use kube_rebalancer_core::secret::without_token;

/// Maximum length: one or two lines.
const LONGEST: usize = 300;

/// Text on one line, without control characters and without a token that it repeats, cut if it is too long.
pub(super) fn clean(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line = without_token(&words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "));
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", line.split_at(end).0),
        None => line,
    }
}

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

/// The last cause of an error, which has the reason. The client's other causes repeat each other.
pub(super) fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    clean(&cause.to_string())
}
