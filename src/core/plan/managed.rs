//! Which nodes a run may act on at all.

use super::reason::KeepReason;
use crate::model::{Node, annotation};
use crate::policy::Policy;

/// Taints by which another actor says that a node is in its hands.
const FOREIGN_TAINTS: [&str; 5] = [
    "ToBeDeletedByClusterAutoscaler",
    "karpenter.sh/disrupted",
    "atlassian.com/escalator",
    "cloud.google.com/impending-node-termination",
    "node.cloudprovider.kubernetes.io/shutdown",
];

/// Labels of control-plane nodes; they look empty on self-managed clusters and must never be deleted.
const CONTROL_PLANE_LABELS: [&str; 2] =
    ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// Whether a run may act on a node at all.
#[must_use]
pub fn is_managed(node: &Node, policy: &Policy) -> bool {
    unmanaged(node, policy).is_none()
}

/// Why a node is not managed; `None` if it is.
pub(crate) fn unmanaged(node: &Node, policy: &Policy) -> Option<KeepReason> {
    if let Some(label) = policy.omit_labels.iter().find(|label| node.labels.contains_key(*label)) {
        return Some(KeepReason::OmittedLabel { label: label.clone() });
    }
    if !policy.node_selector.matches(&node.labels) {
        return Some(KeepReason::NotSelected);
    }
    if CONTROL_PLANE_LABELS.iter().any(|label| node.labels.contains_key(*label)) {
        return Some(KeepReason::ControlPlane);
    }
    if node.deleting {
        return Some(KeepReason::BeingDeleted);
    }
    let taint = node.taints.iter().find(|taint| FOREIGN_TAINTS.contains(&taint.key.as_str()));
    if let Some(taint) = taint {
        return Some(KeepReason::OtherActor { mark: taint.key.clone() });
    }
    if node.annotations.contains_key(annotation::REBOOT_IN_PROGRESS) {
        return Some(KeepReason::OtherActor { mark: annotation::REBOOT_IN_PROGRESS.to_owned() });
    }
    None
}
