//! kube-rebalancer.

pub mod report;
pub mod settings;
