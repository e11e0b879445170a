//! The pure half of kube-rebalancer: what a cluster is, what a run decides, and whether a plan may be carried out.
//!
//! ```text
//!   model (nouns, units) <--- plan (decides) ---> Plan
//!     ^    ^                                       |
//!     |    +--- check (judges, shares no code) <---+
//!   policy (the settings that take part in a decision)
//!
//!   foresight (what the plan and the checker expect: a function of history, schedule and calendar)
//!
//!   recheck (what still holds of a plan when the turn of an action comes)
//!
//!   text, secret (what a person may safely read of it)
//! ```
//!
//! Nothing here does input or output, or reads a clock, the environment or a random number: the crate depends on no
//! library that could. The same snapshot and policy always give the same plan, byte for byte.

pub mod check;
pub mod dependence;
pub mod foresight;
pub mod model;
pub mod plan;
pub mod policy;
pub mod recheck;
pub mod secret;
pub mod text;

#[cfg(test)]
mod whole;
