//! Properties of single objects: classes of pods, kinds of taints, ages.

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::{
    Affinity, Controller, Labels, Node, Pod, Requirement, Taint, TaintEffect, TaintSet, TolerableValue,
    Toleration, annotation, is_extended_resource, taint,
};
use kube_rebalancer_core::policy::Policy;

pub(crate) const OS: &str = "kubernetes.io/os";
pub(crate) const HOSTNAME: &str = "kubernetes.io/hostname";

/// Section 2: the classes of pods, first match wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Daemon,
    Dynamic,
    Placeholder,
    Critical,
}

pub(crate) fn class(pod: &Pod, policy: &Policy) -> Class {
    let user = pod.label_keys.iter().any(|key| policy.preemptible_labels.contains(&**key));
    let controller = pod.controller.as_deref();
    let static_pod = pod.mirror && controller.is_some_and(|owner| owner.kind == "Node");
    if controller.is_some_and(is_daemon_set) || (!user && (static_pod || pod.daemonset_pod)) {
        Class::Daemon
    } else if user {
        Class::Dynamic
    } else if pod.priority < 0 && pod.ends_at_once && controller.is_some_and(recreates) {
        Class::Placeholder
    } else {
        Class::Critical
    }
}

fn in_apps(controller: &Controller) -> bool {
    controller.group.as_deref().is_none_or(|group| group == "apps")
}

pub(crate) fn is_daemon_set(controller: &Controller) -> bool {
    controller.kind == "DaemonSet" && in_apps(controller)
}

pub(crate) fn recreates(controller: &Controller) -> bool {
    match controller.kind.as_str() {
        "ReplicaSet" | "StatefulSet" => in_apps(controller),
        "ReplicationController" => true,
        _ => false,
    }
}

/// Whether a filter omits the pod. This run's own pod is not omitted: it ends with the run.
pub(crate) fn omitted(pod: &Pod, policy: &Policy) -> bool {
    let filtered = policy.omit_namespaces.contains(&*pod.namespace)
        || pod.label_keys.iter().any(|key| policy.omit_labels.contains(&**key));
    filtered && !is_own(pod, policy)
}

pub(crate) fn is_own(pod: &Pod, policy: &Policy) -> bool {
    policy
        .own_pod
        .as_ref()
        .is_some_and(|(namespace, name)| *namespace == *pod.namespace && **name == *pod.name)
}

pub(crate) fn counts(pod: &Pod, policy: &Policy) -> bool {
    !omitted(pod, policy) && !is_own(pod, policy)
}

/// Section 2: managed nodes.
pub(crate) fn managed(node: &Node, policy: &Policy) -> bool {
    !node.deleting
        && node.unreadable.is_none()
        && may_be_managed(&node.labels, policy)
        && !node.taints.iter().any(|taint| of_control_plane(&taint.key))
        && !is_virtual(node)
        && !in_other_hands(node)
}

/// Whether a node has no machine.
pub(crate) fn is_virtual(node: &Node) -> bool {
    has_label_of_virtual(&node.labels) || node.taints.iter().any(|taint| of_virtual_node(&taint.key))
}

fn of_virtual_node(key: &str) -> bool {
    let prefixes = ["virtual-kubelet.io/", "virtual-node.interlink/", "eks.tke.cloud.tencent.com/eklet"];
    prefixes.iter().any(|prefix| key.starts_with(prefix))
}

fn has_label_of_virtual(labels: &Labels) -> bool {
    let is = |key: &str, value: &str| labels.get(key) == Some(value);
    is("type", "virtual-kubelet")
        || is("type", "kwok")
        || is("node-role.kubernetes.io/virtual-node", "")
        || is("node.kubernetes.io/instance-type", "eklet")
        || is("liqo.io/type", "virtual-node")
        || is("vcluster.loft.sh/fake-node", "true")
        || is("eks.amazonaws.com/compute-type", "fargate")
}

/// Whether another program is at work on a node.
pub(crate) fn in_other_hands(node: &Node) -> bool {
    node.ends_by.is_some()
        || node.taints.iter().any(|taint| actors_taint(&taint.key))
        || node.annotations.iter().any(|(key, value)| actors_annotation(key, value))
        || node.labels.iter().any(|(key, value)| actors_label(key, value))
}

fn actors_annotation(key: &str, value: &str) -> bool {
    match key {
        annotation::REBOOT_IN_PROGRESS
        | annotation::HARVESTER_MAINTENANCE
        | annotation::DECKHOUSE_DRAINING
        | annotation::DECKHOUSE_DRAINED => true,
        annotation::FLATCAR_REBOOT
        | annotation::CONTAINER_LINUX_REBOOT
        | annotation::TALOS_CORDONED
        | annotation::GARDENER_DELETION => value == "true",
        annotation::MACHINE_CONFIG_STATE => value != "Done",
        annotation::SRIOV_STATE => value != "Idle",
        _ => key.starts_with("skyhook.nvidia.com/cordon_"),
    }
}

fn actors_label(key: &str, value: &str) -> bool {
    match key {
        "nvidia.com/gpu-driver-upgrade-state" | "nvidia.com/ofed-driver-upgrade-state" => {
            driver_is_upgraded(value)
        }
        "cloud.google.com/active-node-maintenance" => value == "ONGOING",
        "node.machine.sapcloud.io/selected-for-update" => value == "true",
        "dgxc.nvidia.com/nvsentinel-state" | "autoscaling.cast.ai/draining" => true,
        "kubernetes.azure.com/upgrade-status" => value == "Quarantined",
        _ => key.starts_with("aws-node-termination-handler/"),
    }
}

fn driver_is_upgraded(state: &str) -> bool {
    let steps = [
        "cordon",
        "wait-for-jobs",
        "pod-deletion",
        "drain",
        "node-maintenance",
        "post-maintenance",
        "pod-restart",
        "validation",
        "uncordon",
    ];
    state == "upgrade-failed" || steps.iter().any(|step| state == format!("{step}-required"))
}

/// The part of it that depends on labels; used for new nodes too.
pub(crate) fn may_be_managed(labels: &Labels, policy: &Policy) -> bool {
    let is = |key: &str, value: &str| labels.get(key).is_some_and(|found| found == value);
    !labels.keys().any(|key| policy.omit_labels.contains(key))
        && policy.node_selector.matches(labels)
        && policy.pool_label.as_ref().is_none_or(|label| labels.contains_key(label))
        && !labels.keys().any(of_control_plane)
        && !has_label_of_virtual(labels)
        && !is("kubernetes.io/role", "master")
        && !is("kubernetes.io/role", "control-plane")
}

fn of_control_plane(key: &str) -> bool {
    let roles = ["control-plane", "master", "controlplane", "etcd", "api-server", "arbiter"];
    key == "node.kubernetes.io/microk8s-controlplane"
        || roles.iter().any(|role| key == format!("node-role.kubernetes.io/{role}"))
}

fn actors_taint(key: &str) -> bool {
    let keys = [
        "ToBeDeletedByClusterAutoscaler",
        "ektopistis.io/drain",
        "node.dell.com/drain",
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
    ];
    let prefixes = ["aws-node-termination-handler/", "remediator.", "remediation.medik8s.io/"];
    keys.contains(&key) || prefixes.iter().any(|prefix| key.starts_with(prefix))
}

pub(crate) fn is_startup(one: &Taint, policy: &Policy) -> bool {
    let key = one.key.as_str();
    let prefixes = ["startup-taint", "ignore-taint", "status-taint"];
    let whole = [
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node.cluster.x-k8s.io/uninitialized",
        "karpenter.sh/unregistered",
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/network-unavailable",
        "node.deckhouse.io/csi-not-bootstrapped",
        "k8s.ovn.org/network-unavailable",
        "skyhook.nvidia.com",
        "tke.cloud.tencent.com/eni-ip-unavailable",
    ];
    whole.contains(&key)
        || ((["/not-ready", "-not-ready", "/uninitialized", "-uninitialized"]
            .iter()
            .any(|end| key.ends_with(end))
            || key.starts_with("readiness.k8s.io/"))
            && one.effect != TaintEffect::PreferNoSchedule)
        || key.starts_with("nidhogg.uswitch.com/")
        || key.ends_with("agent-not-ready")
        || prefixes.iter().any(|word| key.starts_with(&format!("{word}.cluster-autoscaler.kubernetes.io/")))
        || policy.startup_taints.contains(key)
}

/// A taint of pressure, or the one of a cordon on a node without a cordon.
pub(crate) fn presses(one: &Taint, node: &Node) -> bool {
    let left = one.key == taint::UNSCHEDULABLE && !node.unschedulable;
    is_pressure(&one.key) || left && one.effect != TaintEffect::PreferNoSchedule
}

pub(crate) fn is_pressure(key: &str) -> bool {
    ["disk-pressure", "memory-pressure", "pid-pressure"]
        .iter()
        .any(|word| key.strip_prefix("node.kubernetes.io/") == Some(word))
}

/// A Ready node with one of these taints takes no pod now.
pub(crate) fn turns_away_now(key: &str) -> bool {
    let words = ["not-ready", "unreachable", "network-unavailable"];
    is_pressure(key) || words.iter().any(|word| key.strip_prefix("node.kubernetes.io/") == Some(word))
}

/// Section 3: temporary taints.
fn comes_and_goes(one: &Taint, policy: &Policy) -> bool {
    let key = one.key.as_str();
    key == taint::UNSCHEDULABLE || key == taint::DELETING || turns_away_now(key) || is_startup(one, policy)
}

pub(crate) fn is_lasting(taint: &Taint, policy: &Policy) -> bool {
    taint.effect != TaintEffect::PreferNoSchedule && !comes_and_goes(taint, policy)
}

pub(crate) fn lasting(taints: &[Taint], policy: &Policy) -> TaintSet {
    let lasting = taints.iter().filter(|taint| is_lasting(taint, policy));
    lasting.map(|taint| (taint.key.clone(), taint.value.clone(), taint.effect)).collect()
}

pub(crate) fn tolerates(tolerations: &[Toleration], key: &str, value: &str, effect: TaintEffect) -> bool {
    tolerations.iter().any(|one| {
        one.key.as_ref().is_none_or(|wanted| wanted == key)
            && match &one.value {
                TolerableValue::Any => true,
                TolerableValue::Equal(wanted) => wanted == value,
                TolerableValue::Above(bound) => value.parse::<i64>().is_ok_and(|number| number > *bound),
                TolerableValue::Below(bound) => value.parse::<i64>().is_ok_and(|number| number < *bound),
            }
            && one.effect.is_none_or(|wanted| wanted == effect)
    })
}

/// Whether a required node affinity admits a node of these labels and, where it has one already, this name.
pub(crate) fn affinity_admits(affinity: &Affinity, labels: &Labels, name: Option<&str>) -> bool {
    affinity.0.iter().any(|term| {
        let some = !term.labels.is_empty() || !term.fields.is_empty();
        let field = |one: &Requirement| one.key == "metadata.name" && one.matches_value(name);
        some && term.labels.iter().all(|one| one.matches(labels)) && term.fields.iter().all(field)
    })
}

/// Whether a pod requires Windows.
pub(crate) fn asks_for_windows(pod: &Pod) -> bool {
    use kube_rebalancer_core::model::Operator;
    let windows = |one: &Requirement| {
        one.key == OS
            && matches!(&one.operator, Operator::In(values) if values.iter().all(|value| value == "windows"))
    };
    pod.constraints.node_selector.get(OS).is_some_and(|os| os == "windows")
        || pod.constraints.affinity.as_ref().is_some_and(|affinity| {
            !affinity.0.is_empty() && affinity.0.iter().all(|term| term.labels.iter().any(windows))
        })
}

pub(crate) fn is_windows(labels: &Labels) -> bool {
    labels.get(OS).is_some_and(|os| os == "windows")
}

/// The extended resources that a node has.
pub(crate) fn extended(node: &Node) -> Vec<String> {
    let all = [&node.allocatable.further, &node.capacity.further];
    let names = all.into_iter().flatten().flat_map(|map| map.iter());
    let mut names: Vec<String> = names
        .filter(|(name, amount)| **amount > 0 && is_extended_resource(name))
        .map(|(name, _)| name.to_string())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The age of a moment; a future moment has age zero.
pub(crate) fn age(now: Timestamp, then: Timestamp) -> SignedDuration {
    now.duration_since(then).max(SignedDuration::ZERO)
}

pub(crate) fn time(node: &Node, key: &str) -> Option<Timestamp> {
    node.annotations.get(key)?.parse().ok()
}

/// Section 10: a mark more than five minutes ahead counts as absent.
pub(crate) fn mark_of_ours(node: &Node, key: &str, now: Timestamp) -> Option<Timestamp> {
    time(node, key).filter(|at| at.duration_since(now) <= SignedDuration::from_mins(5))
}

/// Section 3: when a node became NotReady. A kubelet's clock may be wrong; the control plane's taint cannot be.
pub(crate) fn not_ready_since(node: &Node, now: Timestamp) -> Option<Timestamp> {
    let ahead = |at: &Timestamp| at.duration_since(now) > SignedDuration::from_mins(5);
    let mut times: Vec<Timestamp> = Vec::new();
    times.extend(node.ready.and_then(|condition| condition.since));
    for one in &node.taints {
        if one.key == "node.kubernetes.io/not-ready" || one.key == taint::UNREACHABLE {
            times.extend(one.added_at);
        }
    }
    times.retain(|at| !ahead(at));
    times.into_iter().min().or(node.created_at)
}

pub(crate) fn empty_since(node: &Node, now: Timestamp) -> Option<Timestamp> {
    mark_of_ours(node, annotation::EMPTY_SINCE, now)
}

/// Section 5: the owner of a cordon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cordon {
    None,
    Ours,
    Others,
}

pub(crate) fn cordon_taint_time(node: &Node) -> Option<Timestamp> {
    node.taints.iter().find(|one| one.key == taint::UNSCHEDULABLE)?.added_at
}

pub(crate) fn cordon(node: &Node) -> Cordon {
    let mark = time(node, annotation::CORDONED_AT);
    match (node.unschedulable, mark) {
        (false, _) => Cordon::None,
        (true, None) => Cordon::Others,
        (true, Some(mark)) => {
            let later = mark + SignedDuration::from_mins(5);
            if cordon_taint_time(node).is_some_and(|taint| taint > later) {
                Cordon::Others
            } else {
                Cordon::Ours
            }
        }
    }
}

/// Section 2: a node that somebody pinned.
pub(crate) fn scale_down_disabled(node: &Node) -> bool {
    let value = |key: &str| node.annotations.get(key).map_or("", String::as_str);
    value(annotation::SCALE_DOWN_DISABLED) == "true"
        || value(annotation::DO_NOT_DISRUPT) == "true"
        || value(annotation::DO_NOT_DISRUPT).chars().next().is_some_and(|first| first.is_ascii_digit())
        || !value(annotation::NO_DELETE).is_empty()
        || value(annotation::DO_NOT_CONSOLIDATE) == "true"
        || value(annotation::REMOVAL_DISABLED) == "true"
        || node.labels.get(annotation::REMOVAL_DISABLED).is_some_and(|value| value == "true")
}

/// Section 8: a valid claim; a claim for more than a day does not count.
pub(crate) fn claimed(node: &Node, now: Timestamp) -> bool {
    time(node, annotation::DELETING_UNTIL)
        .is_some_and(|until| until > now && now.duration_until(until) <= SignedDuration::from_hours(24))
}
