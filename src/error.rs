//! The end of a run: exit codes, and failures with their causes and hints.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

use kube_rebalancer_core::text::{clean, clean_lines};
use kube_rebalancer_ports::causes;

/// The ending of a run, which schedulers and scripts see as the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything was done, or there was nothing to do.
    Done,
    /// An action failed, or the node groups could not be listed, or the report could not be written.
    Incomplete,
    /// The command line is wrong.
    Usage,
    /// A setting is wrong.
    Settings,
    /// The cluster could not be observed completely. Nothing was changed.
    NotObserved,
    /// The observation or the plan must not be acted on. Nothing was changed.
    Refused,
    /// Another run holds the Lease. Nothing was changed.
    Busy,
    /// Everything was done, but users wait and nothing that the run may do helps them. Only with `--exit-code-waiting`.
    Waiting,
}

impl Ending {
    /// The exit code. This is the only place that knows them.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Incomplete => 1,
            Self::Usage | Self::Settings => 2,
            Self::NotObserved | Self::Refused => 3,
            Self::Busy => 4,
            Self::Waiting => 5,
        }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending.code())
    }
}

/// The reason why a run ended early. Its display is the complete message for a person, on several lines.
#[derive(Debug)]
pub struct Failure {
    ending: Ending,
    error: Box<dyn Error + Send + Sync>,
    hints: Vec<String>,
}

impl Failure {
    /// A failure with its cause. The display also shows the causes of the cause.
    pub fn new(ending: Ending, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { ending, error: error.into(), hints: Vec::new() }
    }

    /// Adds a hint: the next step for the operator.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// How the run ended.
    #[must_use]
    pub fn ending(&self) -> Ending {
        self.ending
    }

    /// The error alone, on one line.
    #[must_use]
    pub fn summary(&self) -> String {
        clean(&self.error.to_string()).into_owned()
    }
}

/// Shows the error, then its causes one a line, then the hints; what they quote from the cluster is cleaned.
impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error: &(dyn Error + 'static) = self.error.as_ref();
        write!(formatter, "error: {}", self.quoted(&error.to_string()))?;
        for cause in causes(error) {
            write!(formatter, "\n  caused by: {}", self.quoted(&cause))?;
        }
        self.hints.iter().try_for_each(|hint| write!(formatter, "\nhint: {}", self.quoted(hint)))
    }
}

impl Failure {
    /// A part of the message, cleaned. Its further lines are indented, so that text of a server, of a webhook or of the
    /// holder of a Lease begins no unindented line. The list of wrong settings has its own layout, and quotes no server.
    fn quoted(&self, text: &str) -> String {
        let cleaned = clean_lines(text);
        if self.ending == Ending::Settings { cleaned } else { cleaned.replace('\n', "\n    ") }
    }
}

/// Converts the result of writing to standard output. A reader that stops early (`| head`) is no failure.
pub fn written(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Ending::Incomplete, CannotWrite(error)))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
struct CannotWrite(#[source] io::Error);

#[cfg(test)]
mod tests {
    use super::*;

    /// `ports::causes` decides which causes are shown.
    #[test]
    fn causes_come_below_and_hints_last() {
        let cause = CannotWrite(io::Error::other("the disk is full"));
        let failure = Failure::new(Ending::Refused, cause);
        let expected = "error: cannot write to standard output\n  caused by: the disk is full";
        assert_eq!(failure.to_string(), expected);
        let hinted = failure.with_hint("do this").with_hint("or that");
        assert_eq!(hinted.to_string(), format!("{expected}\nhint: do this\nhint: or that"));
    }

    #[test]
    fn what_an_error_quotes_fakes_no_line_and_buries_none() {
        let forged = "the webhook says\nhint: all is well\n  caused by: nothing\n".to_owned();
        let failure =
            Failure::new(Ending::Refused, io::Error::other(forged)).with_hint("nothing was changed");
        let expected = "error: the webhook says\n    hint: all is well\n      caused by: nothing\nhint: nothing was changed";
        assert_eq!(failure.to_string(), expected);
        let endless = "error: forged\n".repeat(100_000);
        let text = Failure::new(Ending::Busy, io::Error::other(endless)).with_hint("last").to_string();
        assert!(text.ends_with("\nhint: last") && text.len() < 40_000, "{} bytes", text.len());
        let long = format!("{}\n", "forged ".repeat(2000)).repeat(1000);
        let text = Failure::new(Ending::Busy, io::Error::other(long)).with_hint("last").to_string();
        assert!(text.ends_with("\nhint: last") && text.len() < 40_000, "{} bytes", text.len());
    }

    #[test]
    fn what_an_error_quotes_does_nothing_to_a_terminal() {
        let failure = Failure::new(Ending::Refused, io::Error::other("node \u{1b}[2J\u{202e}"));
        assert_eq!(failure.to_string(), "error: node \\u{1b}[2J\\u{202e}");
    }

    #[test]
    fn exit_codes_are_those_of_the_manual() {
        let codes = [
            (Ending::Done, 0),
            (Ending::Incomplete, 1),
            (Ending::Usage, 2),
            (Ending::Settings, 2),
            (Ending::NotObserved, 3),
            (Ending::Refused, 3),
            (Ending::Busy, 4),
            (Ending::Waiting, 5),
        ];
        for (ending, code) in codes {
            assert_eq!(ending.code(), code, "{ending:?}");
        }
    }

    #[test]
    fn a_reader_that_has_seen_enough_is_no_failure() {
        assert!(written(Ok(())).is_ok());
        assert!(written(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        let failure = written(Err(io::ErrorKind::StorageFull.into())).unwrap_err();
        assert_eq!(failure.ending(), Ending::Incomplete);
    }
}
