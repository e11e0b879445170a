//! Decides which nodes a run may act on.

use super::actors::actor_on;
use super::reason::KeepReason;
use crate::model::{Labels, Node, Taint};
use crate::policy::Policy;

/// Labels and taints of control-plane nodes; they look empty on self-managed clusters and must never be deleted. A node
/// may carry the taint alone: the label is removed to let a load balancer use the node. The third and fourth are of the
/// Rancher Kubernetes Engine, the fifth of kops (nodes with an API server alone), the sixth of `OpenShift` (a member of etcd beside
/// two control planes), the last of `MicroK8s`.
const CONTROL_PLANE: [&str; 7] = [
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
    "node-role.kubernetes.io/controlplane",
    "node-role.kubernetes.io/etcd",
    "node-role.kubernetes.io/api-server",
    "node-role.kubernetes.io/arbiter",
    "node.kubernetes.io/microk8s-controlplane",
];

/// The former label of a node's role, before there were labels for each of them, and its values on the control plane.
const FORMER_ROLE: &str = "kubernetes.io/role";
const FORMER_ROLES: [&str; 2] = ["master", "control-plane"];

/// Labels, with their value, of nodes with no machine behind them. A virtual node of Liqo is another cluster; one of KWOK
/// runs nothing; the fake ones of vCluster are shown to a tenant in place of the host cluster's.
const VIRTUAL_LABELS: [(&str, &str); 7] = [
    ("type", "virtual-kubelet"),
    ("eks.amazonaws.com/compute-type", "fargate"),
    ("liqo.io/type", "virtual-node"),
    ("type", "kwok"),
    ("vcluster.loft.sh/fake-node", "true"),
    // Oracle's Kubernetes Engine; a label of a role has no value.
    ("node-role.kubernetes.io/virtual-node", ""),
    // Super nodes of Tencent's clusters.
    ("node.kubernetes.io/instance-type", "eklet"),
];

/// Taints of these prefixes are on nodes of Virtual Kubelet, of interLink and on Tencent's super nodes.
const VIRTUAL_TAINTS: [&str; 3] =
    ["virtual-kubelet.io/", "virtual-node.interlink/", "eks.tke.cloud.tencent.com/eklet"];

fn is_of_virtual_node(taint: &Taint) -> bool {
    VIRTUAL_TAINTS.iter().any(|prefix| taint.key.starts_with(prefix))
}

/// Whether a run may act on a node at all.
#[must_use]
pub fn is_managed(node: &Node, policy: &Policy) -> bool {
    unmanaged(node, policy).is_none()
}

/// The reason why a node is not managed; `None` if it is. The operator's settings come first, then the kind of the
/// node, then other programs that act on it.
pub(crate) fn unmanaged(node: &Node, policy: &Policy) -> Option<KeepReason> {
    if let Some(why) = unmanaged_by_labels(&node.labels, policy) {
        return Some(why);
    }
    if let Some(taint) = node.taints.iter().find(|taint| CONTROL_PLANE.contains(&taint.key.as_str())) {
        return Some(KeepReason::ControlPlane { label: taint.key.clone() });
    }
    if let Some(taint) = node.taints.iter().find(|taint| is_of_virtual_node(taint)) {
        return Some(KeepReason::VirtualNode { mark: taint.key.clone() });
    }
    if let Some(what) = &node.unreadable {
        return Some(KeepReason::Unreadable { what: what.clone() });
    }
    if node.deleting {
        return Some(KeepReason::BeingDeleted);
    }
    actor_on(node).map(|(actor, mark)| KeepReason::OtherActor { actor: actor.to_owned(), mark })
}

/// The reason why the labels of a node alone keep it from being managed. They are known of a node that does not exist
/// yet, too.
pub(super) fn unmanaged_by_labels(labels: &Labels, policy: &Policy) -> Option<KeepReason> {
    if let Some(label) = policy.omit_labels.iter().find(|label| labels.contains_key(label)) {
        return Some(KeepReason::OmittedLabel { label: label.clone() });
    }
    if !policy.node_selector.matches(labels) {
        return Some(KeepReason::NotSelected);
    }
    if let Some(label) = policy.pool_label.as_ref().filter(|label| !labels.contains_key(label)) {
        return Some(KeepReason::NoPool { label: label.clone() });
    }
    if let Some(label) = CONTROL_PLANE.iter().find(|label| labels.contains_key(label)) {
        return Some(KeepReason::ControlPlane { label: (*label).to_owned() });
    }
    if labels.get(FORMER_ROLE).is_some_and(|role| FORMER_ROLES.contains(&role)) {
        return Some(KeepReason::ControlPlane { label: FORMER_ROLE.to_owned() });
    }
    let mark = virtual_label(labels);
    mark.map(|(key, value)| KeepReason::VirtualNode {
        mark: if value.is_empty() { (*key).to_owned() } else { format!("{key}={value}") },
    })
}

fn virtual_label(labels: &Labels) -> Option<&'static (&'static str, &'static str)> {
    VIRTUAL_LABELS.iter().find(|(key, value)| labels.get(key) == Some(*value))
}

/// Whether a node has no machine behind it.
pub(super) fn is_virtual(node: &Node) -> bool {
    virtual_label(&node.labels).is_some() || node.taints.iter().any(is_of_virtual_node)
}

/// Whether a node is not managed because a part of it cannot be read.
pub(super) fn is_unreadable(why: Option<&KeepReason>) -> bool {
    matches!(why, Some(KeepReason::Unreadable { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LabelSelector, Operator, Requirement};
    use crate::plan::Reason;
    use crate::plan::fixture::{annotated, labelled, tainted};

    #[test]
    fn a_node_is_not_managed_for_what_it_is() {
        let policy = Policy::default();
        for (node, word) in [
            (labelled("node-role.kubernetes.io/control-plane", ""), "ControlPlane"),
            (labelled("node-role.kubernetes.io/master", ""), "ControlPlane"),
            (labelled("node-role.kubernetes.io/controlplane", "true"), "ControlPlane"),
            (labelled("node-role.kubernetes.io/etcd", "true"), "ControlPlane"),
            (labelled("node-role.kubernetes.io/api-server", ""), "ControlPlane"),
            (labelled("node.kubernetes.io/microk8s-controlplane", "x"), "ControlPlane"),
            (labelled("kubernetes.io/role", "master"), "ControlPlane"),
            (labelled("kubernetes.io/role", "control-plane"), "ControlPlane"),
            (tainted("node-role.kubernetes.io/control-plane"), "ControlPlane"),
            (tainted("node-role.kubernetes.io/etcd"), "ControlPlane"),
            (labelled("type", "virtual-kubelet"), "VirtualNode"),
            (labelled("eks.amazonaws.com/compute-type", "fargate"), "VirtualNode"),
            (labelled("liqo.io/type", "virtual-node"), "VirtualNode"),
            (labelled("type", "kwok"), "VirtualNode"),
            (labelled("vcluster.loft.sh/fake-node", "true"), "VirtualNode"),
            (tainted("virtual-kubelet.io/provider"), "VirtualNode"),
            (tainted("virtual-node.interlink/no-schedule"), "VirtualNode"),
            (tainted("eks.tke.cloud.tencent.com/eklet"), "VirtualNode"),
            (labelled("node-role.kubernetes.io/virtual-node", ""), "VirtualNode"),
            (labelled("node.kubernetes.io/instance-type", "eklet"), "VirtualNode"),
            (labelled("node-role.kubernetes.io/arbiter", ""), "ControlPlane"),
            (Node { unreadable: Some("status.capacity.cpu: x".into()), ..Node::default() }, "Unreadable"),
            (Node { deleting: true, ..Node::default() }, "BeingDeleted"),
            (tainted("karpenter.sh/disrupted"), "OtherActor"),
        ] {
            assert_eq!(unmanaged(&node, &policy).map(|why| why.word()), Some(word), "{node:?}");
        }
    }

    #[test]
    fn a_node_is_managed_unless_something_speaks_against_it() {
        let policy = Policy::default();
        for node in [
            Node::default(),
            labelled("type", "user"),
            labelled("kubernetes.io/role", "node"),
            labelled("eks.amazonaws.com/compute-type", "ec2"),
            annotated("delay-deletion.cluster-autoscaler.kubernetes.io/logs", "true"),
        ] {
            assert!(is_managed(&node, &policy), "{node:?}");
        }
    }

    #[test]
    fn the_settings_leave_nodes_out() {
        let selector = LabelSelector(vec![Requirement { key: "users".into(), operator: Operator::Exists }]);
        let policy = Policy {
            omit_labels: ["hands-off".to_owned()].into(),
            node_selector: selector,
            pool_label: Some("pool".into()),
            ..Policy::default()
        };
        let with = |keys: &[&str]| Node {
            labels: keys.iter().map(|key| ((*key).to_owned(), String::new())).collect(),
            ..Node::default()
        };
        for (node, word) in [
            (with(&["hands-off", "users", "pool"]), Some("OmittedLabel")),
            (with(&["pool"]), Some("NotSelected")),
            (with(&["users"]), Some("NoPool")),
            (with(&["users", "pool"]), None),
        ] {
            assert_eq!(unmanaged(&node, &policy).map(|why| why.word()), word, "{node:?}");
        }
    }
}
