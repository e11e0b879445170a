//! kube-rebalancer.

pub mod settings;
