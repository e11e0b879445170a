//! The report of a simulation: a table for people ([`text`]), JSON for programs ([`json`]).
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

/// The facts of a report beside the results.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The version of this program.
    pub version: &'a str,
    /// The source of the users: a profile with its numbers, or a file.
    pub users: &'a str,
    /// The simulated scenario.
    pub scenario: &'a Scenario,
    /// Every resolved setting, in the order in which the documentation lists them.
    pub settings: &'a [Setting<'a>],
}
