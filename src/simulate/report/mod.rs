//! What a simulation has shown: for people a table ([`text`]), for programs JSON ([`json`]).
//!
//! ```text
//!   Facts (what was simulated) ---+--> text: 80 columns
//!   Simulation (what came of it) -+--> json: kube-rebalancer/simulate/v1
//! ```

mod hours;
pub mod json;
mod line;
mod pools;
#[cfg(test)]
mod tests;
pub mod text;

use super::scenario::Scenario;
use kube_rebalancer_page::Setting;

/// What a report knows beside the results.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The version of this program.
    pub version: &'a str,
    /// Where the users are from: a profile with its numbers, or a file.
    pub users: &'a str,
    /// What was simulated.
    pub scenario: &'a Scenario,
    /// Every resolved setting, in the order in which the documentation lists them.
    pub settings: &'a [Setting<'a>],
}
