//! Makes text from the cluster harmless: a name must not move the cursor, colour the screen or fake a line.

use std::borrow::Cow;

/// Escapes everything but printable ASCII, the way Rust writes it: `\n`, `\u{1b}`, `\u{e9}`.
///
/// Names in Kubernetes are DNS labels, so this changes only what is odd anyway. In return one character is one
/// column everywhere, without tables of character widths, and invisible or reordering characters are seen.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let escaped = text.chars().fold(String::with_capacity(text.len() + 16), |mut escaped, character| {
        match u8::try_from(character) {
            Ok(byte) if is_printable(byte) => escaped.push(character),
            Ok(_) | Err(_) => escaped.extend(character.escape_default()),
        }
        escaped
    });
    Cow::Owned(escaped)
}

fn is_printable(byte: u8) -> bool {
    byte == b' ' || byte.is_ascii_graphic()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        for (text, cleaned) in [
            ("gke-prod-0zc0", "gke-prod-0zc0"),
            ("two words", "two words"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\r\nb\tc", "a\\r\\nb\\tc"),
            ("c1 \u{9b}31m", "c1 \\u{9b}31m"),
            ("rtl \u{202e}", "rtl \\u{202e}"),
            ("caf\u{e9}", "caf\\u{e9}"),
            ("\u{7f}", "\\u{7f}"),
            ("", ""),
        ] {
            assert_eq!(clean(text), cleaned);
        }
    }

    #[test]
    fn cleaning_twice_changes_nothing_more() {
        let once = clean("\u{1b}\\u{1b}").into_owned();
        assert_eq!(clean(&once), once);
    }
}
