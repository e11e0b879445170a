//! The nouns: a cluster as it was observed, in Kubernetes' words, holding only what a decision needs.

mod group;
mod label;
mod node;
mod pod;
mod quantity;
mod resources;
mod snapshot;

pub use group::{Instance, Membership, NodeGroup, NodeTemplate};
pub use label::{LabelSelector, Operator, Requirement};
pub use node::{Node, NodeResources, ReadyCondition, Taint, TaintEffect, annotation};
pub use pod::{Affinity, Constraints, Controller, Pod, SelectorTerm, Toleration, Unbound};
pub use quantity::{QuantityError, parse_bytes, parse_count, parse_millicores};
pub use resources::{Bytes, Millicores, Requests, TotalBytes};
pub use snapshot::{Binding, Snapshot, SnapshotError};

/// The index of a node in [`Snapshot::nodes`].
pub type NodeIndex = usize;
