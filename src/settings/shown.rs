//! Text from outside, made fit for one line of a terminal.

use std::fmt;

/// A text that somebody else wrote, shown on one line: short, without control characters, in quotes where its limits
/// would not be clear otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    text: &'a str,
    width: usize,
    quoted: bool,
}

impl<'a> Shown<'a> {
    /// Shows at most so many characters of a text; in quotes only where it is not one plain word.
    pub(crate) fn new(text: &'a str, width: usize) -> Self {
        let plain = |letter: char| letter.is_ascii_graphic() && letter != '"' && letter != '\\';
        Self { text, width, quoted: !text.chars().all(plain) }
    }

    /// Shows it in quotes, whatever it is.
    pub(crate) fn quoted(self) -> Self {
        Self { quoted: true, ..self }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = if self.quoted { format!("{:?}", self.text) } else { self.text.to_owned() };
        if whole.chars().count() <= self.width {
            return formatter.write_str(&whole);
        }
        let start: String = whole.chars().take(self.width.saturating_sub(3)).collect();
        write!(formatter, "{start}...")
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
            ("abcdefghijklmnopqrstuvwxyz", "abcdefghijklm..."),
        ];
        for (text, expected) in cases {
            assert_eq!(Shown::new(text, 16).to_string(), expected);
        }
        assert_eq!(Shown::new("word", 16).quoted().to_string(), "\"word\"");
    }
}
