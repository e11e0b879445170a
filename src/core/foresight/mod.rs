//! Foresight: the demand that a pool will have in addition to its current one (section 12).
//!
//! ```text
//!   History --> forecast: rises of this hour in the last weeks ----+
//!          `--> stabilization, where there is none to learn from --+--> the largest: E
//!   SCHEDULE, CALENDAR --> reserves in force ----------------------+
//!                     `--> minimum numbers of nodes in force --> the bounds of the policy
//! ```
//!
//! Everything is exact and a function of the snapshot and the policy.

mod expectation;
mod forecast;
mod in_force;
mod parse;
#[cfg(test)]
mod tests;

pub use expectation::{Expectation, Expected, expect};
pub use forecast::{Forecast, LearnedFrom, forecast};
pub use in_force::{Notice, Origin};
pub use parse::{ScheduleError, parse_assignments, parse_schedule};
