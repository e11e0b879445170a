//! Random clusters, a second planner, and what must be true of every plan.

#![expect(dead_code, reason = "while it grows")]

mod generate;
mod naive;
mod running_on;
