//! Section 3: the nodes that a pod reaches, and the nodes that would take it.

use kube_rebalancer_core::model::{Labels, Pod, Taint};

use super::shape::Shape;
use super::words;
use super::world::{Machine, World};

/// Whether selector, affinity, tolerations, volumes and operating system admit the pod; size aside.
pub(crate) fn admits(
    world: &World<'_>,
    pod: &Pod,
    labels: &Labels,
    name: Option<&str>,
    taints: &[Taint],
) -> bool {
    admits_aside_of_volumes(world, pod, labels, name, taints) && volumes_admit(world, pod, labels, name)
}

fn volumes_admit(world: &World<'_>, pod: &Pod, labels: &Labels, name: Option<&str>) -> bool {
    pod.claims.iter().all(|claim| {
        match world.snapshot.volumes().get(&(pod.namespace.to_string(), claim.to_string())) {
            Some(Some(affinity)) => words::affinity_admits(affinity, labels, name),
            Some(None) | None => true,
        }
    })
}

fn admits_aside_of_volumes(
    world: &World<'_>,
    pod: &Pod,
    labels: &Labels,
    name: Option<&str>,
    taints: &[Taint],
) -> bool {
    let constraints = &pod.constraints;
    constraints.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        && constraints.affinity.as_ref().is_none_or(|affinity| words::affinity_admits(affinity, labels, name))
        && (!words::is_windows(labels) || words::asks_for_windows(pod))
        && taints
            .iter()
            .filter(|taint| words::is_lasting(taint, world.policy))
            .all(|taint| words::tolerates(&constraints.tolerations, &taint.key, &taint.value, taint.effect))
}

pub(crate) fn admitted_by(world: &World<'_>, pod: &Pod, machine: &Machine<'_>) -> bool {
    admits(world, pod, &machine.node.labels, Some(machine.name()), machine.taints())
}

/// The same without volumes: the condition of section 8 for late binds.
pub(crate) fn may_be_bound(world: &World<'_>, pod: &Pod, machine: &Machine<'_>) -> bool {
    admits_aside_of_volumes(world, pod, &machine.node.labels, Some(machine.name()), machine.taints())
}

/// Whether the pod reaches a node: it is admitted, and the node without occupants would hold it.
pub(crate) fn reaches(world: &World<'_>, pod: &Pod, machine: &Machine<'_>) -> bool {
    admitted_by(world, pod, machine) && pod.requests.fits(&machine.free_of_occupants(world.policy))
}

/// Whether a node takes the pod with its free amounts.
pub(crate) fn fits_now(world: &World<'_>, pod: &Pod, machine: &Machine<'_>) -> bool {
    !machine.turns_away() && reaches(world, pod, machine) && pod.requests.fits(&machine.free())
}

pub(crate) fn admitted_by_new(world: &World<'_>, pod: &Pod, shape: &Shape) -> bool {
    shape.labels.iter().any(|labels| admits(world, pod, labels, None, &shape.taints))
}

/// Whether a new node would take the pod.
pub(crate) fn would_take_new(world: &World<'_>, pod: &Pod, shape: &Shape) -> bool {
    shape.known && admitted_by_new(world, pod, shape) && pod.requests.fits(&shape.room)
}
