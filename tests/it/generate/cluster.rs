//! Random clusters, as lists of objects that can be shuffled before they become a snapshot.

use kube_rebalancer_core::model::{Instance, Node, NodeGroup, Pod, Requests, Snapshot};
use kube_rebalancer_core::policy::{Budget, Policy};

use super::objects::{self, Shape};
use super::{Bytes, NOW};

/// What a server would list.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) pods: Vec<Pod>,
    pub(crate) groups: Vec<NodeGroup>,
    pub(crate) pods_seen: usize,
}

impl Cluster {
    pub(super) fn read(
        bytes: &mut Bytes<'_>,
        nodes: &[Vec<u8>],
        pods: &[Vec<u8>],
        groups: &[Vec<u8>],
    ) -> Self {
        let shape = Shape::read(bytes, nodes.len(), groups.len());
        let mut cluster = Self {
            nodes: (0..).zip(nodes).map(|(at, node)| shape.node(at, &mut Bytes::new(node))).collect(),
            pods: (0..).zip(pods).map(|(at, pod)| shape.pod(at, &mut Bytes::new(pod))).collect(),
            groups: (0..).zip(groups).map(|(at, group)| shape.group(at, &mut Bytes::new(group))).collect(),
            pods_seen: pods.len() + bytes.pick(&[1, 1, 0]),
        };
        cluster.count_instances();
        cluster
    }

    /// Alike nodes in service, under our cordon or booting; dynamic pods and a few critical ones on them.
    pub(super) fn plain(policy: &mut Policy, nodes: &[Vec<u8>], pods: &[Vec<u8>]) -> Self {
        policy.max_cordons = Budget::Percent(100);
        let count = nodes.len();
        Self {
            nodes: (0..)
                .zip(nodes)
                .map(|(at, node)| objects::plain_node(at, &mut Bytes::new(node)))
                .collect(),
            pods: (0..)
                .zip(pods)
                .map(|(at, pod)| objects::plain_pod(at, count, &mut Bytes::new(pod)))
                .collect(),
            groups: Vec::new(),
            pods_seen: pods.len(),
        }
    }

    /// Makes one pod ask for more memory.
    pub(super) fn ask_for_more(&mut self, which: usize, more: u64) {
        let count = self.pods.len();
        let Requests { memory, .. } = &mut self.pods[which % count].requests;
        memory.0 += more;
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let Self { nodes, pods, groups, pods_seen } = self.clone();
        Snapshot::new(NOW, nodes, pods, groups, pods_seen).unwrap()
    }

    /// A group lists the instances of its nodes too.
    fn count_instances(&mut self) {
        for group in &mut self.groups {
            let members = self.nodes.iter().filter(|node| node.group.as_ref() == Some(&group.name));
            group.instances.extend(members.map(|node| Instance {
                name: node.name.clone(),
                has_node: true,
                created_at: node.created_at,
                creation_error: None,
            }));
            group.target_size += u32::try_from(group.instances.len()).unwrap();
        }
    }
}
