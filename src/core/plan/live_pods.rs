//! The live pods of controllers that have a replica to lose (section 2).

use std::collections::BTreeMap;

use crate::model::{NodeIndex, Pod};

/// A controller: its namespace, which is that of its pods, and its uid. Anybody may name the uid of another namespace's.
pub(crate) type ControllerKey<'a> = (&'a str, &'a str);

/// The pods of the controllers that have an omitted Ready pod on a managed node.
pub(crate) type LivePods<'a> = BTreeMap<ControllerKey<'a>, OfController>;

/// The controller of a pod.
pub(super) fn key(pod: &Pod) -> Option<ControllerKey<'_>> {
    Some((&*pod.namespace, pod.controller.as_ref()?.uid.as_str()))
}

/// The pods of a controller, on any node, omitted or not.
#[derive(Clone, Debug, Default)]
pub(crate) struct OfController {
    /// The number of its pods.
    pub(super) pods: usize,
    /// The nodes of the live ones: Ready, not terminating, and on a Ready node that no run deletes.
    pub(super) live_on: Vec<NodeIndex>,
}
