//! Judges: whether a plan may be carried out, by rules that share no code with the planner.
//!
//! ```text
//!   snapshot + policy --> facts (what each node is) --+
//!                                                     +--> rules --> Vec<Violation>
//!   plan ---------------> steps (what it does) -------+
//! ```
//!
//! It runs in production before anything is touched, and after every planner test. Everything here is derived from
//! `POLICY.md` alone; of `plan` only the value types are used, so a mistake must be made twice to pass.

mod book_keeping;
mod cordons;
mod deletions;
mod facts;
mod growth;
mod guard;
mod outcome;
mod settled;
mod steps;
mod verdicts;
mod violation;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

pub use outcome::outcome;
pub use settled::{check_settled, cut_short};
pub use violation::{Direction, Violation};

use facts::Facts;
use steps::Steps;

use crate::model::Snapshot;
use crate::plan::Plan;
use crate::policy::Policy;

/// Everything that speaks against carrying out the plan; nothing, if it is sound.
///
/// Linear in the pods and n log n in the nodes. That planning again changes nothing is asked by [`check_settled`].
#[must_use]
pub fn check(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> Vec<Violation> {
    let facts = Facts::of(snapshot, policy);
    let mut found = Vec::new();
    let steps = Steps::of(&facts, plan, &mut found);
    guard::check(&facts, plan, &mut found);
    verdicts::check(&facts, plan, &mut found);
    cordons::check(&facts, &steps, &mut found);
    growth::check(&facts, &steps, &mut found);
    deletions::check(&facts, &steps, &mut found);
    book_keeping::check(&facts, plan, &steps, &mut found);
    found
}
