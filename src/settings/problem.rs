//! The problems of the settings. One error lists all of them.

use std::fmt;

use super::catalog::{Entry, HIDDEN};
use super::form::Complaint;
use super::origin::Origin;
use super::shown::Shown;

/// Maximum width of a problem's first line; a long value is shortened.
const WIDTH: usize = 80;
/// Minimum number of characters of a value that are shown.
const LEAST_VALUE: usize = 8;
/// Maximum width of a setting's name, or of a misspelt one.
const NAME_WIDTH: usize = 40;
/// The width that two settings with their values leave on a line.
const POOL_WIDTH: usize = 16;

/// All problems of the settings; at least one.
#[derive(Clone, Debug)]
pub struct SettingsError {
    /// The problems, in the order of the catalogue; problems between two settings come last.
    pub problems: Vec<Problem>,
    /// Probable mistakes in addition: a misspelt variable is often the cause of a problem.
    pub warnings: Vec<SettingWarning>,
}

impl std::error::Error for SettingsError {}

impl fmt::Display for SettingsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => formatter.write_str("a setting is not valid")?,
            count => write!(formatter, "{count} settings are not valid")?,
        }
        let problems = self.problems.iter().map(ToString::to_string);
        for text in problems.chain(self.warnings.iter().map(ToString::to_string)) {
            for line in text.lines() {
                write!(formatter, "\n  {line}")?;
            }
        }
        Ok(())
    }
}

/// A value in force for a pool, with its origin.
#[derive(Clone, Debug)]
pub struct ValueInForce {
    /// The setting.
    pub entry: &'static Entry,
    /// The value.
    pub text: String,
    /// The origin of the value.
    pub origin: Origin,
}

/// One problem. Its text has two lines: the problem, and the expected form.
#[derive(Clone, Debug)]
pub enum Problem {
    /// A value is not of the expected form.
    Value {
        /// The setting.
        entry: &'static Entry,
        /// Its value; bytes that are not text are escaped.
        value: String,
        /// The origin of the value.
        origin: Origin,
        /// The problem of the text.
        complaint: Complaint,
    },
    /// A variable is set more than once, in different letter case, so it is unknown which one was meant.
    GivenTwice {
        /// The setting.
        entry: &'static Entry,
        /// The variables, as they are written.
        names: Vec<String>,
    },
    /// Two values are valid, but the first exceeds the second.
    Order {
        /// The value that is too large, or whose limit is too small.
        lower: ValueInForce,
        /// The limit.
        upper: ValueInForce,
        /// The pool; `None` for the pools without overrides.
        pool: Option<String>,
    },
    /// The variables could not be read as a whole; no input is known that leads here.
    Unreadable(envy::Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { entry, value, origin, complaint } => {
                let (start, end) =
                    (format!("{}=", entry.name), format!("{}: {complaint}", source(entry, *origin)));
                let value = if entry.is_secret() { HIDDEN } else { value };
                let taken = 2 + start.chars().count() + end.chars().count();
                let value = Shown::new(value, WIDTH.saturating_sub(taken).max(LEAST_VALUE));
                write!(
                    formatter,
                    "{start}{value}{end}\n  expected {}{}",
                    entry.shape.expected,
                    default(entry)
                )
            }
            Self::GivenTwice { entry, names } => {
                let name = entry.name;
                write!(formatter, "{name} is given more than once: as {}", names.join(" and "))?;
                write!(formatter, "\n  expected one of them; the letter case makes no difference")
            }
            Self::Order { lower, upper, pool } => {
                let show = |setting: &ValueInForce| {
                    format!(
                        "{}={}{}",
                        setting.entry.name,
                        setting.text,
                        source(setting.entry, setting.origin)
                    )
                };
                write!(
                    formatter,
                    "{} is above {}{}\n  expected {} <= {} (defaults {} and {})",
                    show(lower),
                    show(upper),
                    pool.as_ref()
                        .map(|pool| format!(" in pool {}", Shown::new(pool, POOL_WIDTH)))
                        .unwrap_or_default(),
                    lower.entry.name,
                    upper.entry.name,
                    lower.entry.default,
                    upper.entry.default,
                )
            }
            Self::Unreadable(error) => write!(formatter, "the variables cannot be read: {error}"),
        }
    }
}

/// The origin of a value, in parentheses; empty for a variable, because the message starts with its name.
fn source(entry: &Entry, origin: Origin) -> String {
    match (origin, entry.flag()) {
        (Origin::Flag, Some(flag)) => format!(" (--{flag})"),
        (Origin::Default, _) => " (default)".to_owned(),
        (Origin::Flag | Origin::Environment, _) => String::new(),
    }
}

fn default(entry: &Entry) -> String {
    if entry.default.is_empty() { String::new() } else { format!(" (default {})", entry.default) }
}

/// A probable mistake in the variables, with which a run can continue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingWarning {
    /// A variable that is not a setting has nearly a setting's name.
    #[error("{} is not a setting and has no effect; did you mean {}?", Shown::new(given, NAME_WIDTH), meant.join(" or "))]
    Misspelt {
        /// The variable, as it is written.
        given: String,
        /// The settings with names nearest to it.
        meant: Vec<&'static str>,
    },
    /// A pod is identified by namespace and name; one of the two is not enough.
    #[error("{given} is set but {missing} is not: this run's own pod is not recognised")]
    HalfOfOwnPod {
        /// The variable that is set.
        given: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
}
