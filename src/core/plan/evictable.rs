//! Which pods may be evicted, by their own properties (section 16).

use super::loss::{loss, loss_on};
use super::reason::NotEvicted;
use crate::model::{EvictionFacts, Node, Pod, Volumes};
use crate::policy::{Drain, Policy};

/// Whether a critical pod is movable: its node may be cordoned, and the pod is evicted at the end.
pub(super) fn is_movable(pod: &Pod, node: &Node, policy: &Policy, volumes: &Volumes) -> bool {
    policy.drain == Drain::Movable && unmovable(pod, node, policy, volumes).is_none()
}

/// The reason why a pod must not be evicted from any node; `None` if it may. A pod without the facts that an
/// eviction needs stays.
pub(crate) fn unmovable(pod: &Pod, node: &Node, policy: &Policy, volumes: &Volumes) -> Option<NotEvicted> {
    if carries_users_label(pod, policy) {
        return Some(NotEvicted::Users);
    }
    if pod.mirror {
        // The kubelet restarts a pod from a file of its node there.
        return Some(NotEvicted::BoundBy { what: "a file of its node" });
    }
    if let Some(loss) = loss_on(pod, node, policy, volumes) {
        return Some(NotEvicted::Lost(loss));
    }
    if facts(pod).is_none() {
        return Some(NotEvicted::Unread);
    }
    if let Some(bond) = pod.bound_by {
        return Some(NotEvicted::BoundBy { what: bond.words() });
    }
    let unknown = |claim: &&str| !volumes.contains_key(&(pod.namespace.to_string(), (*claim).to_owned()));
    let mut claims = pod.claims.iter().map(|claim| &**claim);
    claims.find(unknown).map(|claim| NotEvicted::UnknownVolume { claim: claim.to_owned() })
}

/// Whether nothing recreates the pod, on whatever node it is.
pub(super) fn is_lost(pod: &Pod, policy: &Policy) -> bool {
    loss(pod, policy).is_some()
}

/// Whether a pod is a user's, omitted or not.
fn carries_users_label(pod: &Pod, policy: &Policy) -> bool {
    pod.label_keys.iter().any(|key| policy.preemptible_labels.contains(&**key))
}

/// The facts that an eviction needs, if they are known.
pub(super) fn facts(pod: &Pod) -> Option<&EvictionFacts> {
    pod.eviction.as_deref().filter(|facts| !facts.uid.is_empty())
}
