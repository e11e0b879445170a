//! The parts of sentences that several reasons share.

/// A count and its noun: `no pods`, `1 pod`, `3 pods`.
pub(in crate::plan) fn plural(count: usize, noun: &str) -> String {
    match count {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// One of several by name: `pod hub/a`, `3 pods, hub/a among them`.
pub(in crate::plan) fn among(count: usize, noun: &str, name: &str) -> String {
    if count == 1 { format!("{noun} {name}") } else { format!("{}, {name} among them", plural(count, noun)) }
}

/// The words for a pod that is being deleted, which may take for ever.
pub(in crate::plan) fn leaving(deleting: bool) -> &'static str {
    if deleting { ", which is being deleted" } else { "" }
}

/// Maximum length of a foreign text in a sentence. The scheduler's own messages are shorter.
const LONGEST_EXCERPT: usize = 512;

/// The beginning of a foreign text of any length, such as a message or an annotation's value.
pub(in crate::plan) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(LONGEST_EXCERPT) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// `2 nodes serve`.
pub(super) fn serve(nodes: usize) -> String {
    let verb = if nodes == 1 { "serves" } else { "serve" };
    format!("{} {verb}", plural(nodes, "node"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_elsewhere_is_cut() {
        assert_eq!(excerpt("0/3 nodes are available"), "0/3 nodes are available");
        let whole = "\u{e9}".repeat(512);
        assert_eq!(excerpt(&whole), whole);
        assert_eq!(excerpt(&"\u{e9}".repeat(1 << 20)), format!("{whole}..."));
    }
}
