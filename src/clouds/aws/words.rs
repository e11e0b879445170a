//! Foreign messages, shortened to one line.

use std::error::Error;

/// Maximum length: one or two lines.
const LONGEST: usize = 300;

/// Text on one line, without control characters, cut if it is too long.
pub(crate) fn clean(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", line.split_at(end).0),
        None => line,
    }
}

/// The last cause of an error, which has the reason.
pub(crate) fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    clean(&cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_one_line_of_bounded_length() {
        assert_eq!(clean(" a\n\tb\u{1b}[0m  c "), "a b [0m c");
        assert_eq!(clean(&"x".repeat(400)).len(), 303);
    }
}
