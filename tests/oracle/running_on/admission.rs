//! The nodes that a scheduler lets a pod on, by taints, selectors, affinities and volumes.

use std::collections::BTreeSet;
use std::sync::Arc;

use kube_rebalancer_core::model::taint::UNSCHEDULABLE;
use kube_rebalancer_core::model::{Affinity, Node, Pod, SelectorTerm, Taint, TaintEffect};

use crate::generate::Cluster;

fn tolerates(pod: &Pod, taint: &Taint) -> bool {
    pod.constraints.tolerations.iter().any(|one| {
        one.key.as_ref().is_none_or(|key| *key == taint.key)
            && one.value.accepts(&taint.value)
            && one.effect.is_none_or(|effect| effect == taint.effect)
    })
}

pub(super) fn ignores_cordons(pod: &Pod) -> bool {
    tolerates(
        pod,
        &Taint {
            key: UNSCHEDULABLE.to_owned(),
            value: String::new(),
            effect: TaintEffect::NoSchedule,
            added_at: None,
        },
    )
}

/// Whether taints, selector, affinity and volumes admit the pod by the scheduler's rules.
pub(super) fn lets_in(cluster: &Cluster, pod: &Pod, node: &Node) -> bool {
    let hard = |taint: &&Taint| taint.effect != TaintEffect::PreferNoSchedule;
    let term = |term: &SelectorTerm| {
        let any = !(term.labels.is_empty() && term.fields.is_empty());
        any && term.labels.iter().all(|one| one.matches(&node.labels))
            && term.fields.iter().all(|one| one.key == "metadata.name" && one.matches_value(Some(&node.name)))
    };
    let affinity = |affinity: &Affinity| affinity.0.iter().any(term);
    let volume = |claim: &str| {
        let found = cluster.volumes.get(&(pod.namespace.to_string(), claim.to_owned()));
        found.and_then(Option::as_ref).is_none_or(affinity)
    };
    let windows = node.labels.get("kubernetes.io/os").is_some_and(|os| os == "windows");
    let constraints: &Arc<_> = &pod.constraints;
    node.taints.iter().filter(hard).all(|taint| tolerates(pod, taint))
        && constraints.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
        && constraints.affinity.as_ref().is_none_or(affinity)
        && pod.claims.iter().all(|claim| volume(claim))
        && (!windows || constraints.node_selector.contains_key("kubernetes.io/os"))
}

/// Whether a pod waits that no Ready node would take, even uncordoned and with daemons alone.
pub(super) fn somebody_fits_nowhere(cluster: &Cluster) -> bool {
    let is_daemon = |pod: &Pod| pod.controller.as_ref().is_some_and(|owner| owner.kind == "DaemonSet");
    let waits = |pod: &&Pod| pod.unbound.as_ref().is_some_and(|one| !one.gated) && !is_daemon(pod);
    let would_take = |node: &Node, pod: &Pod| {
        let mut free = node.allocatable.offer(&node.capacity);
        let here = |other: &&Pod| other.node_name.as_deref() == Some(&*node.name) && is_daemon(other);
        cluster.pods.iter().filter(here).for_each(|other| free.take(&other.requests));
        let mut open = node.clone();
        open.taints.retain(|taint| taint.key != UNSCHEDULABLE);
        node.ready.is_some_and(|condition| condition.ready)
            && pod.requests.fits(&free)
            && lets_in(cluster, pod, &open)
    };
    let mut waiting = cluster.pods.iter().filter(waits);
    waiting.any(|pod| !cluster.nodes.iter().any(|node| would_take(node, pod)))
}

/// Whether pods came to a node that a run has just uncordoned, and a pod that the scheduler had refused before the run would
/// fit there without them and still waits.
pub(super) fn takes_the_room_of_another(
    cluster: &Cluster,
    before: &[Pod],
    uncordoned: &BTreeSet<String>,
) -> bool {
    fn name(pod: &Pod) -> (&str, &str) {
        (&pod.namespace, &pod.name)
    }
    let unbound = || before.iter().filter(|pod| pod.unbound.is_some());
    let came: BTreeSet<_> = unbound().map(name).collect();
    let refused = unbound().filter(|pod| pod.unbound.as_ref().is_some_and(|one| one.refusal.is_some()));
    let refused: BTreeSet<_> = refused.map(name).collect();
    let waits = |pod: &&Pod| pod.unbound.is_some() && refused.contains(&name(pod));
    let takes = |node: &Node| {
        let mut free = node.allocatable.offer(&node.capacity);
        let here: Vec<&Pod> =
            cluster.pods.iter().filter(|pod| pod.node_name.as_deref() == Some(&*node.name)).collect();
        let (new, old): (Vec<&Pod>, Vec<&Pod>) = here.into_iter().partition(|pod| came.contains(&name(pod)));
        for pod in old {
            free.take(&pod.requests);
        }
        let mut left = free.clone();
        for pod in new {
            left.take(&pod.requests);
        }
        let mut waiting = cluster.pods.iter().filter(waits);
        waiting
            .any(|pod| lets_in(cluster, pod, node) && pod.requests.fits(&free) && !pod.requests.fits(&left))
    };
    cluster.nodes.iter().filter(|node| uncordoned.contains(&node.name)).any(takes)
}
