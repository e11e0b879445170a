//! Section 3: taints that come and go, and lasting taints.

use crate::model::{Node, Taint, TaintEffect, taint};
use crate::policy::Policy;

/// The taints of a node's conditions and of a cordon.
const OF_CONDITIONS: [&str; 7] = [
    taint::UNSCHEDULABLE,
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/network-unavailable",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/pid-pressure",
];

/// The taints of a machine that is stopped. Only a node that this program parked is managed under them.
const OF_A_STOPPED_MACHINE: [&str; 2] =
    ["node.kubernetes.io/out-of-service", "node.cloudprovider.kubernetes.io/shutdown"];

/// The kinds of startup taints that Cluster Autoscaler knows by prefix.
const STARTUP_PREFIXES: [&str; 3] = ["startup-taint.", "ignore-taint.", "status-taint."];

/// Startup taints that are known by their whole key.
const STARTUP: [&str; 7] = [
    "karpenter.sh/unregistered",
    "node.cloudprovider.kubernetes.io/uninitialized",
    "node.cluster.x-k8s.io/uninitialized",
    "node.deckhouse.io/csi-not-bootstrapped",
    "k8s.ovn.org/network-unavailable",
    "skyhook.nvidia.com",
    "tke.cloud.tencent.com/eni-ip-unavailable",
];

/// Whether a node loses the taint once it is ready for use. The taints of a Ready node's conditions keep pods away in the
/// same way.
pub(in crate::check) fn is_startup(one: &Taint, policy: &Policy) -> bool {
    let key = one.key.as_str();
    let soft = one.effect == TaintEffect::PreferNoSchedule;
    STARTUP.contains(&key)
        || is_of_readiness(key)
        || key.ends_with("agent-not-ready")
        || !soft && is_not_yet_ready(key)
        || !soft && key.starts_with("readiness.k8s.io/")
        || key.starts_with("nidhogg.uswitch.com/")
        || STARTUP_PREFIXES.iter().any(|prefix| {
            key.strip_prefix(prefix).is_some_and(|rest| rest.starts_with("cluster-autoscaler.kubernetes.io/"))
        })
        || policy.startup_taints.contains(key)
}

/// Whether the name of a taint is `not-ready` or `uninitialized`, or ends in one of them after a hyphen.
fn is_not_yet_ready(key: &str) -> bool {
    ["not-ready", "uninitialized"]
        .iter()
        .any(|word| ["/", "-"].iter().any(|before| key.ends_with(&format!("{before}{word}"))))
}

/// Whether the control plane sets it on a node that is not Ready, and takes it away some seconds after the node is.
pub(in crate::check) fn is_of_readiness(key: &str) -> bool {
    keeps_everybody_out(key) && !is_pressure(key)
}

/// Whether it is a pressure taint of the kubelet.
fn is_pressure(key: &str) -> bool {
    key.starts_with("node.kubernetes.io/") && key.ends_with("-pressure")
}

/// Whether a node carries a pressure taint, or is tainted like a cordoned one without being cordoned.
pub(in crate::check) fn is_pressed(node: &Node) -> bool {
    let cordoned_by_taint =
        |one: &Taint| one.key == taint::UNSCHEDULABLE && one.effect != TaintEffect::PreferNoSchedule;
    node.taints.iter().any(|one| is_pressure(&one.key) || !node.unschedulable && cordoned_by_taint(one))
}

/// Whether a Ready node with this taint takes no pods now.
fn keeps_everybody_out(key: &str) -> bool {
    key != taint::UNSCHEDULABLE && OF_CONDITIONS.contains(&key)
}

/// Whether a node takes pods now, apart from its cordon.
pub(in crate::check) fn takes_pods_now(node: &Node) -> bool {
    !is_pressed(node) && !node.taints.iter().any(|taint| keeps_everybody_out(&taint.key))
}

/// Whether a node is not ready for use yet, or again.
pub(in crate::check) fn has_startup_taint(node: &Node, policy: &Policy) -> bool {
    node.taints.iter().any(|taint| is_startup(taint, policy))
}

/// Whether the taint is lasting: it dedicates the node to certain pods.
pub(in crate::check) fn is_lasting(taint: &Taint, policy: &Policy) -> bool {
    let binds = match taint.effect {
        TaintEffect::NoSchedule | TaintEffect::NoExecute => true,
        TaintEffect::PreferNoSchedule => false,
    };
    let key = taint.key.as_str();
    binds
        && !OF_CONDITIONS.contains(&key)
        && !OF_A_STOPPED_MACHINE.contains(&key)
        && key != taint::DELETING
        && !is_startup(taint, policy)
}

/// The lasting taints of a node.
pub(in crate::check) fn lasting<'a>(node: &'a Node, policy: &'a Policy) -> impl Iterator<Item = &'a Taint> {
    node.taints.iter().filter(|taint| is_lasting(taint, policy))
}
