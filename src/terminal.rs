//! The properties of the terminal that a report needs.

use std::ffi::OsString;

use crate::cli::ColorChoice;

/// The target of standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Whether it is a terminal; if not, a file or a pipe.
    pub is_terminal: bool,
    /// Its width, if it is a terminal and reports one.
    pub columns: Option<u16>,
}

impl Terminal {
    /// The width of a report without a terminal, or without a known width.
    pub const DEFAULT_COLUMNS: u16 = 80;

    /// Maximum width of a report.
    #[must_use]
    pub fn width(self) -> usize {
        self.columns.unwrap_or(Self::DEFAULT_COLUMNS).into()
    }

    /// Whether to use colors. The command line takes precedence, then the environment: `NO_COLOR` (see
    /// no-color.org: unless empty) and a `TERM` that can show none.
    #[must_use]
    pub fn use_color(self, choice: ColorChoice, environment: &[(OsString, OsString)]) -> bool {
        let has = |name: &str, test: fn(&OsString) -> bool| {
            environment.iter().any(|(one, value)| one == name && test(value))
        };
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                self.is_terminal
                    && !has("NO_COLOR", |value| !value.is_empty())
                    && !has("TERM", |value| value == "dumb")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_goes_before_the_environment() {
        let terminal = Terminal { is_terminal: true, columns: Some(132) };
        let file = Terminal { is_terminal: false, columns: None };
        let cases = [
            (terminal, ColorChoice::Auto, vec![], true),
            (terminal, ColorChoice::Auto, vec![("NO_COLOR", "1")], false),
            (terminal, ColorChoice::Auto, vec![("NO_COLOR", "")], true),
            (terminal, ColorChoice::Auto, vec![("TERM", "dumb")], false),
            (terminal, ColorChoice::Auto, vec![("TERM", "xterm")], true),
            (terminal, ColorChoice::Always, vec![("NO_COLOR", "1")], true),
            (terminal, ColorChoice::Never, vec![], false),
            (file, ColorChoice::Auto, vec![], false),
            (file, ColorChoice::Always, vec![], true),
        ];
        for (terminal, choice, environment, expected) in cases {
            let pairs: Vec<_> = environment
                .iter()
                .map(|(name, value)| (OsString::from(name), OsString::from(value)))
                .collect();
            assert_eq!(terminal.use_color(choice, &pairs), expected, "{choice:?} {environment:?}");
        }
        assert_eq!((terminal.width(), file.width()), (132, 80));
    }
}
