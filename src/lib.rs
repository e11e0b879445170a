//! kube-rebalancer.

pub mod cli;
pub mod error;
pub mod observe;
pub mod report;
pub mod run;
pub mod settings;
pub mod terminal;
