//! Text from outside, made fit for one line of a terminal.

use std::fmt;

/// A foreign text on one line: short, without control characters, in quotes if its end would not be clear.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    text: &'a str,
    width: usize,
    quoted: bool,
}

impl<'a> Shown<'a> {
    /// Shows at most `width` characters of a text, in quotes only if it is not one plain word.
    pub(crate) fn new(text: &'a str, width: usize) -> Self {
        let plain = |letter: char| letter.is_ascii_graphic() && letter != '"';
        Self { text, width, quoted: text.ends_with(':') || !text.chars().all(plain) }
    }

    /// Shows it in quotes in any case.
    pub(crate) fn quoted(self) -> Self {
        Self { quoted: true, ..self }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |text: &str| if self.quoted { format!("{text:?}") } else { text.to_owned() };
        let whole = show(self.text);
        if whole.chars().count() <= self.width {
            return formatter.write_str(&whole);
        }
        // The longest start that fits. Quoting may lengthen the text, so the length is only known afterwards.
        let ends = self.text.char_indices().map(|(end, _)| end).take(self.width).collect::<Vec<_>>();
        let starts = ends.into_iter().rev().filter_map(|end| self.text.get(..end)).map(show);
        let start = starts.into_iter().find(|start| start.chars().count() + 3 <= self.width);
        write!(formatter, "{}...", start.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_plain_and_everything_else_is_quoted() {
        let cases = [
            ("0.85", "0.85"),
            ("a:b=c", "a:b=c"),
            ("3 ", "\"3 \""),
            ("a\nb", "\"a\\nb\""),
            ("\u{1b}[31m", "\"\\u{1b}[31m\""),
            ("kube-system:", "\"kube-system:\""),
            ("5\\xff", "5\\xff"),
            ("abcdefghijklmnopqrstuvwxyz", "abcdefghijklm..."),
            ("several words", "\"several words\""),
            ("some more words in a row", "\"some more w\"..."),
            ("\n\n\n\n\n\n\n\n\n\n", "\"\\n\\n\\n\\n\\n\"..."),
        ];
        for (text, expected) in cases {
            assert_eq!(Shown::new(text, 16).to_string(), expected);
        }
        assert_eq!(Shown::new("word", 16).quoted().to_string(), "\"word\"");
    }
}
