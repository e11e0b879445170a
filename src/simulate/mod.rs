//! Simulates: what a policy would have cost in node-hours, and its users in waiting, before anything touches a cluster.

pub mod series;
pub mod session;
