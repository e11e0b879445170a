//! The report of a plan, for people ([`text`]) and for programs ([`json`]).
//!
//! ```text
//!   Plan (what was decided) --+
//!   Facts (where it is from) -+--> text: 80 columns of printable ASCII
//!   Outcomes (what was done) -+--> json: kube-rebalancer/plan/v2, described by plan.v2.schema.json
//! ```
//!
//! Pure rendering into a [`std::io::Write`]: nothing here decides, or reads a terminal or the time.

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

/// The input of a report, in addition to the plan.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The version of this program.
    pub version: &'a str,
    /// The source of the snapshot: the kubeconfig context or the file names.
    pub source: &'a str,
    /// Whether the run ends with this report, so that nothing is changed.
    pub dry_run: bool,
    /// The policy that the plan was made with.
    pub policy: &'a Policy,
    /// Every resolved setting, in the order in which the documentation lists them.
    pub settings: &'a [Setting<'a>],
    /// Warnings from before the decision: unreadable or unusual facts.
    pub observed: &'a [String],
    /// The rules that the checker found broken; a plan with any of them is not carried out.
    pub violations: &'a [String],
    /// The outcome of each action, in the plan's order; `None` if nothing was carried out.
    pub outcomes: Option<&'a [Outcome]>,
}
