//! The settings: a run reads them once, and validates all of them before any other step.
//!
//! ```text
//! pairs --> env (text by setting) --> form (text to value) --> Settings --> Policy
//!                                       |
//!   catalog (name, default, doc) -------+--> show (table, JSON), docs, flags
//! ```
//!
//! All problems are collected and reported together, each with name, value, expected form and default.

mod bounds;
pub mod catalog;
mod env;
mod form;
mod origin;
mod problem;
mod read;
mod reader;
pub mod show;
mod shown;
mod spelling;
mod validated;
mod value;

use crate::logs::LogFormat;

pub use env::Pair;
pub use form::{Complaint, JsonKind, SelectorError, Shape};
pub use origin::Origin;
pub use problem::{Problem, SettingWarning, SettingsError, ValueInForce};
pub use validated::{Settings, UsageFrom};
pub use value::ResolvedSetting;

impl Settings {
    /// Reads settings from name/value pairs, in any order: variables as `(name, value)` and flags as [`Pair::flag`].
    ///
    /// Variables that are no settings are ignored, because every environment has many; a variable that is nearly a setting
    /// causes a warning.
    pub fn from_pairs<P: Into<Pair>>(
        pairs: impl IntoIterator<Item = P>,
    ) -> Result<(Self, Vec<SettingWarning>), SettingsError> {
        let collected = env::collect(pairs.into_iter().map(Into::into)).map_err(|error| SettingsError {
            problems: vec![Problem::Unreadable(error)],
            warnings: Vec::new(),
        })?;
        read::settings(collected)
    }

    /// The format of the log before the settings are read, because reading them may log something. If it is not valid it is the
    /// default, and [`Self::from_pairs`] reports the problem.
    pub fn log_format_of<P: Into<Pair>>(pairs: impl IntoIterator<Item = P>) -> LogFormat {
        let collected = env::collect(pairs.into_iter().map(Into::into)).ok();
        let text = collected.and_then(|collected| collected.raw.log_format);
        text.and_then(|text| (catalog::LOG_FORMAT.form.read)(&text).ok()).unwrap_or_default()
    }
}
