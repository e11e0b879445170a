//! kube-rebalancer.

pub mod observe;
pub mod report;
pub mod settings;
