//! Section 2: which nodes this program may act on.

use crate::model::{Node, Taint, annotation};
use crate::policy::Policy;

/// Labels and taints of control-plane nodes, after `node-role.kubernetes.io/`.
const CONTROL_PLANE_ROLES: [&str; 6] =
    ["control-plane", "master", "controlplane", "etcd", "api-server", "arbiter"];

/// Taints that another program sets on a node on which it works.
const TAINTS_OF_OTHER_ACTORS: [&str; 18] = [
    "ToBeDeletedByClusterAutoscaler",
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
    "atlassian.com/escalator",
    "atlassian.com/escalator-force",
    "cloud.google.com/impending-node-termination",
    "node.kubernetes.io/out-of-service",
    "node.cloudprovider.kubernetes.io/shutdown",
    "medik8s.io/drain",
    "medik8s.io/remediation",
    "medik8s.io/fence-agents-remediation",
    "kubevirt.io/drain",
    "cloud.google.com/maintenance-window-started",
    "autoscaling.cast.ai/draining",
    "amd-gpu-driver-upgrade",
    "amd-gpu-unhealthy",
    "ektopistis.io/drain",
    "node.dell.com/drain",
];

/// Annotations that mean it with any value, and further ones that mean it with the value `true`.
const ANNOTATIONS_OF_OTHER_ACTORS: [&str; 4] = [
    annotation::REBOOT_IN_PROGRESS,
    annotation::HARVESTER_MAINTENANCE,
    annotation::DECKHOUSE_DRAINING,
    annotation::DECKHOUSE_DRAINED,
];
const TRUE_ANNOTATIONS_OF_OTHER_ACTORS: [&str; 4] = [
    annotation::FLATCAR_REBOOT,
    annotation::CONTAINER_LINUX_REBOOT,
    annotation::TALOS_CORDONED,
    annotation::GARDENER_DELETION,
];

/// The taints among these that mean only that the machine is stopped.
const OF_A_STOPPED_MACHINE: [&str; 2] =
    ["node.kubernetes.io/out-of-service", "node.cloudprovider.kubernetes.io/shutdown"];

/// Prefixes of such taints.
const TAINT_PREFIXES_OF_OTHER_ACTORS: [&str; 3] =
    [TERMINATION_HANDLER, "remediator.", "remediation.medik8s.io/"];

/// The prefix of the taints and of the labels of AWS Node Termination Handler.
const TERMINATION_HANDLER: &str = "aws-node-termination-handler/";

/// Whether this program may act on a node at all.
pub(super) fn is_managed(node: &Node, policy: &Policy) -> bool {
    node.unreadable.is_none()
        && !node.deleting
        && !node.labels.keys().any(|key| policy.omit_labels.contains(key))
        && policy.node_selector.matches(&node.labels)
        && policy.pool_label.as_ref().is_none_or(|key| node.labels.contains_key(key))
        && !is_control_plane(node)
        && !is_virtual(node)
        && !is_in_other_hands(node)
}

fn is_control_plane(node: &Node) -> bool {
    let of_a_role = |key: &str| {
        key.strip_prefix("node-role.kubernetes.io/").is_some_and(|role| CONTROL_PLANE_ROLES.contains(&role))
    };
    let mut keys = node.labels.keys().chain(node.taints.iter().map(|taint| taint.key.as_str()));
    keys.any(|key| of_a_role(key) || key == "node.kubernetes.io/microk8s-controlplane")
        || node
            .labels
            .get("kubernetes.io/role")
            .is_some_and(|role| role == "master" || role == "control-plane")
}

pub(in crate::check) fn is_virtual(node: &Node) -> bool {
    let labelled = |key: &str, value: &str| node.labels.get(key).is_some_and(|one| one == value);
    labelled("type", "virtual-kubelet")
        || labelled("type", "kwok")
        || labelled("eks.amazonaws.com/compute-type", "fargate")
        || labelled("liqo.io/type", "virtual-node")
        || labelled("vcluster.loft.sh/fake-node", "true")
        || labelled("node-role.kubernetes.io/virtual-node", "")
        || labelled("node.kubernetes.io/instance-type", "eklet")
        || node.taints.iter().any(|taint| is_taint_of_a_virtual_node(&taint.key))
}

fn is_taint_of_a_virtual_node(key: &str) -> bool {
    key.starts_with("virtual-kubelet.io/")
        || key.starts_with("virtual-node.interlink/")
        || key.starts_with("eks.tke.cloud.tencent.com/eklet")
}

pub(in crate::check) fn is_in_other_hands(node: &Node) -> bool {
    let stopped_by_us = node.annotations.contains_key(annotation::PARKED_AT)
        || node.annotations.contains_key(annotation::WOKEN_AT);
    let tells = |taint: &&Taint| !(stopped_by_us && OF_A_STOPPED_MACHINE.contains(&taint.key.as_str()));
    let by_taint = node.taints.iter().filter(tells).any(|taint| {
        let key = taint.key.as_str();
        TAINTS_OF_OTHER_ACTORS.contains(&key)
            || TAINT_PREFIXES_OF_OTHER_ACTORS.iter().any(|prefix| key.starts_with(prefix))
    });
    let says = |key: &str, idle: &str| node.annotations.get(key).is_some_and(|value| value != idle);
    let is_true = |key: &&str| node.annotations.get(*key).is_some_and(|value| value == "true");
    by_taint
        || node.ends_by.is_some() && !stopped_by_us
        || node.annotations.keys().any(|key| key.starts_with(annotation::SKYHOOK_CORDON))
        || ANNOTATIONS_OF_OTHER_ACTORS.iter().any(|key| node.annotations.contains_key(*key))
        || TRUE_ANNOTATIONS_OF_OTHER_ACTORS.iter().any(is_true)
        || says(annotation::MACHINE_CONFIG_STATE, "Done")
        || says(annotation::SRIOV_STATE, "Idle")
        || node.labels.iter().any(|(key, value)| is_label_of_another_actor(key, value))
}

fn is_label_of_another_actor(key: &str, value: &str) -> bool {
    match key {
        "nvidia.com/gpu-driver-upgrade-state" | "nvidia.com/ofed-driver-upgrade-state" => {
            is_driver_upgrade(value)
        }
        "dgxc.nvidia.com/nvsentinel-state" | "autoscaling.cast.ai/draining" => true,
        "kubernetes.azure.com/upgrade-status" => value == "Quarantined",
        "cloud.google.com/active-node-maintenance" => value == "ONGOING",
        "node.machine.sapcloud.io/selected-for-update" => value == "true",
        _ => key.starts_with(TERMINATION_HANDLER),
    }
}

/// Whether an operator of drivers is at work on a node in this state of an upgrade: not before it begins, nor once it is done.
fn is_driver_upgrade(state: &str) -> bool {
    let waits_for_the_operator =
        state.strip_suffix("-required").is_some_and(|step| !step.is_empty() && step != "upgrade");
    waits_for_the_operator || state == "upgrade-failed"
}
