//! kube-rebalancer.

pub mod apply;
pub mod cli;
pub mod error;
pub mod live;
pub mod observe;
pub mod ports;
pub mod report;
pub mod run;
pub mod settings;
pub mod terminal;
