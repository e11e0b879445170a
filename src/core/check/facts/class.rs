//! Section 2: the classes of pods, and the omitted pods that nothing would recreate.

use crate::model::{
    Affinity, Controller, Node, Operator, Pod, Volumes, is_of_the_host_of_its_pod, session_label,
};
use crate::policy::{Drain, Policy};

/// The API groups of `DaemonSet`, `ReplicaSet` and `StatefulSet`; before Kubernetes 1.9 the first two were in `extensions`.
const APPS: &[&str] = &["apps", "extensions"];

/// The API group of the first kinds.
const CORE: &[&str] = &[""];

/// The class of a pod. The first that matches wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Class {
    /// It comes and goes with its node.
    Daemon,
    /// A user's pod: keeps its node from being deleted.
    Dynamic,
    /// A reserve that any user's pod may displace.
    Placeholder,
    /// Keeps its node from being cordoned.
    Critical,
}

/// The class of a pod, omitted or not.
pub(in crate::check) fn class(pod: &Pod, policy: &Policy) -> Class {
    let kind = |kind, groups| pod.controller.as_ref().is_some_and(|owner| is_of_kind(owner, kind, groups));
    let dynamic = pod.label_keys.iter().any(|key| policy.preemptible_labels.contains(&**key));
    if kind("DaemonSet", APPS) {
        Class::Daemon
    } else if dynamic {
        Class::Dynamic
    } else if (pod.mirror && kind("Node", CORE)) || pod.daemonset_pod {
        Class::Daemon
    } else if pod.priority < 0 && pod.ends_at_once && is_recreated(pod) {
        Class::Placeholder
    } else {
        Class::Critical
    }
}

/// Whether a pod is omitted.
pub(in crate::check) fn is_omitted(pod: &Pod, policy: &Policy) -> bool {
    policy.omit_namespaces.contains(&*pod.namespace)
        || pod.label_keys.iter().any(|key| policy.omit_labels.contains(&**key))
}

/// Whether a pod is this run's own.
pub(in crate::check) fn is_own(pod: &Pod, policy: &Policy) -> bool {
    policy
        .own_pod
        .as_ref()
        .is_some_and(|(namespace, name)| *pod.namespace == **namespace && *pod.name == **name)
}

/// Whether a pod would keep a node that it is bound to: as an occupant, or because nothing would recreate it.
pub(in crate::check) fn would_keep_a_node(pod: &Pod, policy: &Policy) -> bool {
    if is_own(pod, policy) {
        return false;
    }
    match class(pod, policy) {
        Class::Daemon | Class::Placeholder => false,
        Class::Dynamic | Class::Critical => !is_omitted(pod, policy) || is_lost_anywhere(pod, policy),
    }
}

/// Whether it is the static pod of an etcd or of an API server.
pub(super) fn is_control_plane(pod: &Pod) -> bool {
    let begins = |word: &str| pod.name.starts_with(word);
    let of_cluster = matches!(&*pod.namespace, "kube-system" | "openshift-etcd" | "openshift-kube-apiserver");
    pod.mirror && of_cluster && (begins("etcd-") || begins("kube-apiserver-"))
}

/// Whether an omitted pod would be lost with this node, last live replicas aside.
pub(super) fn is_lost_with(pod: &Pod, node: &Node, policy: &Policy, volumes: &Volumes) -> bool {
    is_lost_anywhere(pod, policy) || uses_volume_of(pod, node, volumes)
}

/// Whether the pod's controller recreates it elsewhere.
pub(in crate::check) fn is_recreated(pod: &Pod) -> bool {
    pod.controller.as_ref().is_some_and(|owner| {
        is_of_kind(owner, "ReplicaSet", APPS)
            || is_of_kind(owner, "StatefulSet", APPS)
            || is_of_kind(owner, "ReplicationController", CORE)
    })
}

/// Whether a pod would be lost with any node: nothing recreates it, an annotation forbids it, or its data would be lost.
fn is_lost_anywhere(pod: &Pod, policy: &Policy) -> bool {
    let expendable = policy.drain != Drain::None
        && policy.drain_empty_dir
        && pod.eviction.as_ref().is_some_and(|facts| facts.only_empty_dirs);
    !is_recreated(pod)
        || class(pod, policy) == Class::Dynamic
        || session_label(pod).is_some()
        || pod.safe_to_evict == Some(false)
        || pod.do_not_disrupt.is_some()
        || (pod.local_volume.is_some() && pod.safe_to_evict != Some(true) && !expendable)
}

/// Section 16: whether a pod may be evicted from this node, apart from its class: its controller recreates it elsewhere
/// without loss, and it has no constraint that this program does not account for.
pub(in crate::check) fn is_evictable(pod: &Pod, node: &Node, policy: &Policy, volumes: &Volumes) -> bool {
    let known = |claim: &str| volumes.contains_key(&(pod.namespace.to_string(), claim.to_owned()));
    let users = pod.label_keys.iter().any(|key| policy.preemptible_labels.contains(&**key));
    let facts = pod.bound_by.is_none() && pod.eviction.as_ref().is_some_and(|facts| !facts.uid.is_empty());
    policy.drain != Drain::None
        && facts
        && !users
        && !pod.mirror
        && !is_lost_with(pod, node, policy, volumes)
        && pod.claims.iter().all(|claim| known(claim))
}

/// Section 16: whether a critical pod is movable, so that it does not keep its node from being cordoned.
pub(super) fn is_movable(pod: &Pod, node: &Node, policy: &Policy, volumes: &Volumes) -> bool {
    policy.drain == Drain::Movable && is_evictable(pod, node, policy, volumes)
}

/// A controller without a group comes from a file that does not name one: its kind decides.
fn is_of_kind(owner: &Controller, kind: &str, groups: &[&str]) -> bool {
    owner.kind == kind && owner.group.as_deref().is_none_or(|own| groups.contains(&own))
}

/// Whether one of the pod's claims is bound to a volume whose node affinity names this host, or which is on whichever host the
/// pod runs.
fn uses_volume_of(pod: &Pod, node: &Node, volumes: &Volumes) -> bool {
    !volumes.is_empty()
        && pod.claims.iter().any(|claim| {
            let key = (pod.namespace.to_string(), claim.to_string());
            let affinity = volumes.get(&key).and_then(Option::as_ref);
            affinity.is_some_and(|affinity| names_host(affinity, node) || is_of_the_host_of_its_pod(affinity))
        })
}

/// Drivers name hosts by different labels, so the value decides, not the key.
pub(in crate::check) fn names_host(affinity: &Affinity, node: &Node) -> bool {
    let hostname = node.labels.get("kubernetes.io/hostname").unwrap_or(&node.name);
    affinity.0.iter().flat_map(|term| term.labels.iter().chain(&term.fields)).any(|requirement| {
        match &requirement.operator {
            Operator::In(values) => values.iter().any(|value| *value == node.name || value == hostname),
            Operator::NotIn(_)
            | Operator::Exists
            | Operator::DoesNotExist
            | Operator::Gt(_)
            | Operator::Lt(_)
            | Operator::Unknown => false,
        }
    })
}
