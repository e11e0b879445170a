//! The report: what a plan says, for people ([`text`]) and for programs ([`json`]).
//!
//! ```text
//!   Plan (what was decided) --+
//!   Facts (where it is from) -+--> text: 80 columns of printable ASCII
//!   Outcomes (what was done) -+--> json: kube-rebalancer/plan/v2, described by plan.v2.schema.json
//! ```
//!
//! Pure rendering into a [`std::io::Write`]: nothing here decides, reads a terminal or asks for the time.

mod actions;
mod amount;
mod band;
mod expected;
#[cfg(test)]
mod fixture;
mod groups;
mod header;
pub mod history;
pub mod json;
mod names;
mod notes;
mod sentence;
mod table;
pub mod text;
mod usage;

use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_page::Setting;
use kube_rebalancer_ports::Outcome;

pub use sentence::outcome;

/// What a report knows beside the plan.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The version of this program.
    pub version: &'a str,
    /// Where the snapshot is from: the kubeconfig context or the file names.
    pub source: &'a str,
    /// Whether the run ends with this report, so that nothing is changed.
    pub dry_run: bool,
    /// The policy that the plan was made with.
    pub policy: &'a Policy,
    /// Every resolved setting, in the order in which the documentation lists them.
    pub settings: &'a [Setting<'a>],
    /// What could not be seen, or looked odd, before anything was decided.
    pub observed: &'a [String],
    /// The rules that the checker found broken; a plan with any of them is not carried out.
    pub violations: &'a [String],
    /// What became of each action, in the plan's order; `None` where nothing was carried out.
    pub outcomes: Option<&'a [Outcome]>,
}
