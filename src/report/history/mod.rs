//! The history of foresight and its expectations: for people, for programs, and as curves of a plot.
//!
//! ```text
//!   History --> weeks (peaks by the clock on the wall, one week over the other; what is expected in the next) --+--> text
//!                                                                                                              `--> json
//! ```

mod json;
#[cfg(test)]
mod tests;
mod text;
mod weeks;

use jiff::Timestamp;
use kube_rebalancer_core::model::History;
use kube_rebalancer_core::policy::Foresight;

pub use json::write as write_json;
pub use text::write as write_text;
pub use weeks::{PER_WEEK, Week, Weeks, weeks};

/// A history, with the input of its expectations.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The version of this program.
    pub version: &'a str,
    /// The source of the history.
    pub source: &'a str,
    /// The history.
    pub history: &'a History,
    /// The settings of foresight.
    pub foresight: &'a Foresight,
    /// The beginning of the week of expectations.
    pub from: Timestamp,
}
