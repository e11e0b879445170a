//! Clusters in which every node is alike, no daemon runs and no pod waits, as the rule of "more load" needs them.

use kube_rebalancer_core::model::{LabelSelector, Resource};
use kube_rebalancer_core::policy::Budget;
use proptest::collection::vec;
use proptest::prelude::*;

use super::cluster::{Cluster, Traits};
use super::{Bytes, World, fate, node, pod, settings};

/// A world, and the same with one dynamic pod that asks for more.
pub(crate) fn plain_worlds() -> impl Strategy<Value = (World, World)> {
    let object = || vec(any::<u8>(), 24);
    (vec(any::<u8>(), 32), vec(object(), 1..13), vec(object(), 1..30), any::<usize>(), 1_u64..12).prop_map(
        |(bytes, nodes, pods, which, more)| {
            let mut policy = settings::read(&mut Bytes::new(&bytes), false);
            policy.max_cordons = Budget::Percent { percent: 100, at_least: 0 };
            policy.resources = vec![Resource::Memory];
            policy.node_selector = LabelSelector::default();
            let count = nodes.len();
            let cluster = Cluster {
                nodes: (0..).zip(&nodes).map(|(at, one)| node::plain(at, &mut Bytes::new(one))).collect(),
                pods: (0..).zip(&pods).map(|(at, one)| pod::plain(at, count, &mut Bytes::new(one))).collect(),
                groups: Vec::new(),
                pods_seen: pods.len(),
                volumes: Default::default(),
                stored: Default::default(),
                ledger: None,
                history: None,
                traits: Traits::default(),
            };
            let less = World { cluster, policy, fate: fate(&mut Bytes::new(&[])) };
            let mut more_asked = less.clone();
            // At most a node's size: for a pod that fits no node, no node is created.
            let memory = &mut more_asked.cluster.pods[which % pods.len()].requests.memory.0;
            *memory = (*memory + more).min(8);
            (less, more_asked)
        },
    )
}
