//! The live pods of controllers that have a replica to lose (section 2).

use std::collections::BTreeMap;

use crate::model::{ControllerKey, NodeIndex};

/// The pods of the controllers that have an omitted Ready pod on a managed node.
pub(crate) type LivePods<'a> = BTreeMap<ControllerKey<'a>, OfController>;

/// The pods of a controller, on any node, omitted or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct OfController {
    /// The number of its pods.
    pub(super) pods: usize,
    /// The nodes of the live ones: Ready, not terminating, and on a Ready node that no run deletes and on
    /// which no other program works.
    pub(super) live_on: Vec<NodeIndex>,
}
