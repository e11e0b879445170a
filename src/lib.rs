//! kube-rebalancer.
