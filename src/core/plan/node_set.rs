//! A set of nodes of the snapshot.

use crate::model::NodeIndex;

/// A set of nodes, by their indices.
#[derive(Debug)]
pub(super) struct NodeSet(Vec<bool>);

impl NodeSet {
    /// The empty set of a cluster with this number of nodes.
    pub(super) fn none_of(nodes: usize) -> Self {
        Self(vec![false; nodes])
    }

    pub(super) fn insert(&mut self, index: NodeIndex) {
        if let Some(is_in) = self.0.get_mut(index) {
            *is_in = true;
        }
    }

    pub(super) fn contains(&self, index: NodeIndex) -> bool {
        self.0.get(index).copied().unwrap_or(false)
    }
}
