//! Makes text from the cluster harmless wherever a person reads it, on a terminal, in a log or in an event: a name must not
//! move the cursor, colour the screen, fake a line, or bury the rest under a megabyte.

use std::borrow::Cow;

/// The longest word that is written whole. A pod's namespace and name have 317 characters at most.
const LONGEST_WORD: usize = 512;
/// The longest text that is written whole: about a hundred lines.
const LONGEST_TEXT: usize = 8192;
/// More lines than any message of this program has.
const MOST_LINES: usize = 200;
/// The longest text of several lines that is written whole: every setting wrong at once has less.
const LONGEST_LINES: usize = 32_768;
/// The replacement of omitted text.
const ELLIPSIS: &str = "...";

/// Escapes everything but printable ASCII, the way Rust writes it (`\n`, `\u{1b}`, `\u{e9}`), and cuts words and texts
/// that are longer than anything legitimate.
///
/// Names in Kubernetes are DNS labels, so this changes only unusual names. In return one character is one column
/// everywhere, without tables of character widths, and invisible or reordering characters become visible.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_WORD && text.bytes().all(is_printable) {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::new();
    for (number, word) in text.split(' ').enumerate() {
        if number > 0 {
            cleaned.push(' ');
        }
        push_word(&mut cleaned, word);
        if cut(&mut cleaned, 0, LONGEST_TEXT) {
            break;
        }
    }
    Cow::Owned(cleaned)
}

/// The same line by line, for texts that have several: an error with its causes and hints.
#[must_use]
pub fn clean_lines(text: &str) -> String {
    let mut lines: Vec<Cow<'_, str>> = Vec::new();
    let mut room = LONGEST_LINES;
    for (number, line) in text.lines().enumerate() {
        let line = clean(line);
        if number == MOST_LINES || line.len() > room {
            lines.push(Cow::Borrowed(ELLIPSIS));
            break;
        }
        room -= line.len();
        lines.push(line);
    }
    lines.join("\n")
}

/// Adds a word without spaces, escaped and cut.
fn push_word(cleaned: &mut String, word: &str) {
    let start = cleaned.len();
    for character in word.chars() {
        match u8::try_from(character) {
            Ok(byte) if is_printable(byte) => cleaned.push(character),
            Ok(_) | Err(_) => cleaned.extend(character.escape_default()),
        }
        if cut(cleaned, start, LONGEST_WORD) {
            break;
        }
    }
}

/// Cuts the text from `start` on if it is too long, and returns whether it did. Cleaned text is ASCII, so every position is
/// the start of a character.
fn cut(cleaned: &mut String, start: usize, longest: usize) -> bool {
    let too_long = cleaned.len() - start > longest;
    if too_long {
        cleaned.truncate(start + longest - ELLIPSIS.len());
        cleaned.push_str(ELLIPSIS);
    }
    too_long
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
            (" \n ", " \\n "),
            ("", ""),
        ] {
            assert_eq!(clean(text), cleaned);
        }
    }

    #[test]
    fn cleaning_twice_changes_nothing_more() {
        let megabyte = "\u{1b}".repeat(1 << 20);
        let many_words = "ab ".repeat(1 << 20);
        for text in ["\u{1b}\\u{1b}", &megabyte, &many_words] {
            let once = clean(text).into_owned();
            assert_eq!(clean(&once), once);
        }
    }

    #[test]
    fn a_word_is_cut_only_where_no_name_is_that_long() {
        let longest = "n".repeat(512);
        let text = format!("pod {longest} waits, and says no more");
        assert_eq!(clean(&text), text);
        let longer = format!("pod {longest}n waits");
        assert_eq!(clean(&longer), format!("pod {}... waits", "n".repeat(509)));
        let escaped = format!("{} waits", "\n".repeat(1 << 20));
        assert_eq!(clean(&escaped), format!("{}\\... waits", "\\n".repeat(254)));
    }

    #[test]
    fn lines_stay_lines_up_to_a_number() {
        assert_eq!(clean_lines("error: a\u{1b}\n  caused by: b\n"), "error: a\\u{1b}\n  caused by: b");
        let all = ["x"; 200].join("\n");
        assert_eq!(clean_lines(&all), all);
        assert_eq!(clean_lines(&"x\n".repeat(1 << 20)), format!("{all}\n..."));
    }

    #[test]
    fn a_text_is_cut_however_short_its_words_are() {
        let text = "ab ".repeat(1 << 20);
        // 8189 characters are 2729 times `ab ` and two more.
        assert_eq!(clean(&text), format!("{}ab...", "ab ".repeat(2729)));
        assert_eq!(clean(&" ".repeat(1 << 20)).len(), 8192);
    }
}
