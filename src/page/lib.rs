//! The output of reports: pages of text, JSON documents, resolved settings.
//!
//! A page wraps at its width, colours if colours are wanted, and writes only clean text.

mod count;
pub mod json;
mod setting;

use std::io::{Result, Write};

use anstyle::{AnsiColor, Style};
use kube_rebalancer_core::plan::{Action, Effect, Verdict};

pub use count::count;
pub use kube_rebalancer_core::text::clean;
pub use setting::Setting;

/// The layout of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Columns; lines are wrapped there. Fewer than 72 count as 72.
    pub width: usize,
    /// Whether verbs are coloured.
    pub color: bool,
    /// Whether every node has its own row, also in a large cluster.
    pub all_nodes: bool,
}

/// 80 columns, no colour: right for a file or a log.
impl Default for Layout {
    fn default() -> Self {
        Self { width: 80, color: false, all_nodes: false }
    }
}

/// The look of a piece of text. The text has the same meaning without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// Headings.
    Bold,
    /// Nodes that stay as they are.
    Dim,
    /// Adds capacity.
    Green,
    /// Takes capacity out of service.
    Yellow,
    /// Deletes, or alarms.
    Red,
}

impl Tone {
    /// The tone of an action's verb.
    #[must_use]
    pub fn of_action(action: &Action) -> Self {
        match action.kind().facts().effect {
            Effect::Adds => Self::Green,
            Effect::Withdraws | Effect::Evicts => Self::Yellow,
            Effect::Deletes => Self::Red,
            Effect::Notes => Self::Plain,
        }
    }

    /// The tone of a verdict's verb.
    #[must_use]
    pub fn of_verdict(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Keep(_) => Self::Dim,
            Verdict::Uncordon(_) | Verdict::Wake(_) => Self::Green,
            Verdict::Cordon(_) | Verdict::Park(_) => Self::Yellow,
            Verdict::Delete(_) => Self::Red,
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Bold => Style::new().bold(),
            Self::Dim => Style::new().dimmed(),
            Self::Green => AnsiColor::Green.on_default(),
            Self::Yellow => AnsiColor::Yellow.on_default(),
            Self::Red => AnsiColor::Red.on_default(),
        }
    }
}

/// Text with a tone.
pub type Piece<'a> = (Tone, &'a str);

/// The output of a report. All text passes through [`Page::line`] or [`Page::paragraph`], which clean it.
#[expect(missing_debug_implementations, reason = "a writer shows nothing of itself")]
pub struct Page<'a> {
    out: &'a mut dyn Write,
    width: usize,
    color: bool,
}

impl<'a> Page<'a> {
    /// Minimum width. The figures of a table row can need 65 columns; a narrower terminal wraps by itself.
    const NARROWEST: usize = 72;

    /// An empty page.
    #[must_use]
    pub fn new(out: &'a mut dyn Write, layout: Layout) -> Self {
        Self { out, width: layout.width.max(Self::NARROWEST), color: layout.color }
    }

    /// Columns of the page.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// An empty line.
    pub fn blank(&mut self) -> Result<()> {
        writeln!(self.out)
    }

    /// A heading, with an empty line before it.
    pub fn heading(&mut self, text: &str) -> Result<()> {
        self.blank()?;
        self.paragraph(0, 2, (Tone::Plain, ""), (Tone::Bold, text))
    }

    /// One line that is not wrapped; for rows of a table.
    pub fn line(&mut self, indent: usize, pieces: &[Piece<'_>]) -> Result<()> {
        write!(self.out, "{:indent$}", "")?;
        for (tone, text) in pieces {
            self.piece(*tone, &clean(text))?;
        }
        writeln!(self.out)
    }

    /// A short lead and a text of any length, wrapped; lines after the first start at column `hang`. The lead is set
    /// off by a space, unless it ends with its own.
    pub fn paragraph(&mut self, indent: usize, hang: usize, lead: Piece<'_>, body: Piece<'_>) -> Result<()> {
        let (lead_tone, lead) = (lead.0, clean(lead.1));
        let (body_tone, body) = (body.0, clean(body.1));
        let gap = usize::from(!lead.is_empty() && !lead.ends_with(' '));
        let used = indent + lead.len() + gap;
        let lines = wrap(&body, self.width.saturating_sub(used), self.width.saturating_sub(hang));
        for (number, line) in lines.iter().enumerate() {
            if number == 0 {
                write!(self.out, "{:indent$}", "")?;
                if line.is_empty() {
                    self.piece(lead_tone, lead.trim_end())?;
                } else {
                    self.piece(lead_tone, &lead)?;
                    write!(self.out, "{:gap$}", "")?;
                }
            } else {
                write!(self.out, "{:hang$}", "")?;
            }
            self.piece(body_tone, line)?;
            writeln!(self.out)?;
        }
        Ok(())
    }

    fn piece(&mut self, tone: Tone, cleaned: &str) -> Result<()> {
        if self.color && tone != Tone::Plain && !cleaned.is_empty() {
            let style = tone.style();
            write!(self.out, "{style}{cleaned}{style:#}")
        } else {
            write!(self.out, "{cleaned}")
        }
    }
}

/// Breaks clean text at spaces into lines of at most `first`, then `rest` columns. A word that is longer than a whole
/// line is broken too: no line is ever longer than asked. At least one line, which may be empty.
fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let rest = rest.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut room = first;
    // Several spaces in a row are part of a name and stay, except where the line breaks.
    let mut gap = 0;
    for mut word in text.trim_matches(' ').split(' ') {
        if word.is_empty() && !text.is_empty() {
            gap += 1;
            continue;
        }
        if line.len() + gap + word.len() <= room {
            line.push_str(&" ".repeat(gap));
            line.push_str(word);
            gap = 1;
            continue;
        }
        gap = 1;
        if !line.is_empty() || room < rest {
            lines.push(std::mem::take(&mut line));
            room = rest;
        }
        while let Some((head, tail)) = word.split_at_checked(room).filter(|(_, tail)| !tail.is_empty()) {
            lines.push(head.to_owned());
            word = tail;
            room = rest;
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_spaces_and_long_words_anywhere() {
        for (text, first, rest, expected) in [
            ("", 5, 5, vec![""]),
            ("a b c", 5, 5, vec!["a b c"]),
            ("a b c", 3, 5, vec!["a b", "c"]),
            ("abcdef", 3, 4, vec!["", "abcd", "ef"]),
            ("x abcdefgh y", 4, 4, vec!["x", "abcd", "efgh", "y"]),
            ("abcdefgh", 4, 4, vec!["abcd", "efgh"]),
            ("abc", 0, 0, vec!["", "a", "b", "c"]),
            ("  spaces   stay ", 20, 20, vec!["spaces   stay"]),
            ("but not   here", 8, 8, vec!["but not", "here"]),
        ] {
            assert_eq!(wrap(text, first, rest), expected, "{text:?} at {first} and {rest}");
        }
    }

    fn paragraph(color: bool) -> String {
        let mut out = Vec::new();
        let mut page = Page::new(&mut out, Layout { width: 72, color, all_nodes: false });
        let body = "utilization 0.412 is below 0.65; with 0 pods it empties first\u{1b}[0m";
        page.paragraph(2, 10, (Tone::Yellow, "cordon:"), (Tone::Plain, body)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_paragraph_hangs_and_shows_escapes_instead_of_obeying_them() {
        let expected =
            "  cordon: utilization 0.412 is below 0.65; with 0 pods it empties\n          first\\u{1b}[0m\n";
        assert_eq!(paragraph(false), expected);
    }

    #[test]
    fn colour_surrounds_the_lead_and_changes_no_word() {
        let colored = paragraph(true);
        assert!(colored.starts_with("  \u{1b}[33mcordon:\u{1b}[0m utilization"), "{colored:?}");
        assert_eq!(colored.replace("\u{1b}[33m", "").replace("\u{1b}[0m", ""), paragraph(false));
    }
}
