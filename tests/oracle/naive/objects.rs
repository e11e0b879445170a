//! Section 16: Node objects of machines that are gone.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use kube_rebalancer_core::model::{MachineFate, Node, annotation, taint};

use super::words::{self, Cordon};
use super::world::{Machine, World};
use super::{Decision, delete};

/// How far apart two findings are at least.
const APART: SignedDuration = SignedDuration::from_mins(2);

/// What is written on a node of its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Noted {
    Nothing,
    /// Found gone, less than two minutes ago.
    JustNow,
    /// Found gone by an earlier run.
    Before,
    /// It cannot be read, is of another machine, or of a time to come.
    Wrong,
}

/// How notes name the machine of a node.
fn machine_of(node: &Node) -> Option<String> {
    match node.provider_id.as_deref() {
        Some(id) => (!id.is_empty()).then(|| id.to_owned()),
        None => node.system_uuid.as_deref().filter(|id| !id.is_empty()).map(|id| format!("uuid:{id}")),
    }
}

fn carries_note(node: &Node) -> bool {
    node.annotations.contains_key(annotation::GONE_SINCE)
        || node.annotations.contains_key(annotation::GONE_MACHINE)
}

fn noted(world: &World<'_>, node: &Node) -> Noted {
    if !carries_note(node) {
        return Noted::Nothing;
    }
    let of_this = node.annotations.get(annotation::GONE_MACHINE) == machine_of(node).as_ref();
    match words::time(node, annotation::GONE_SINCE).map(|since| world.now.duration_since(since)) {
        Some(age) if of_this && age >= APART => Noted::Before,
        Some(age) if of_this && age >= SignedDuration::ZERO => Noted::JustNow,
        _ => Noted::Wrong,
    }
}

fn is_of_other(node: &Node) -> bool {
    let asked = node.annotations.get(annotation::DELETION_ASKED);
    asked.is_none() || asked != machine_of(node).as_ref()
}

/// Whether all of the node, and what its provider says, speaks for its machine being gone.
fn is_gone(world: &World<'_>, machine: &Machine<'_>) -> bool {
    let node = machine.node;
    machine.cordon == Cordon::Ours
        && !is_of_other(node)
        && !machine.is_ready
        && node.taints.iter().any(|one| one.key == taint::UNREACHABLE)
        && !node.annotations.contains_key(annotation::WOKEN_AT)
        && !words::scale_down_disabled(node)
        && !machine.delays_deletion()
        && node.group.is_none()
        && node.outside.is_some()
        && world.snapshot.fates().get(&node.name) == Some(&MachineFate::Gone)
        && is_empty(world, machine)
}

/// Whether nobody is on it, and nothing that nobody would start again.
fn is_empty(world: &World<'_>, machine: &Machine<'_>) -> bool {
    let policy = world.policy;
    let own = policy.own_node.as_ref() == Some(&machine.node.name)
        || machine.pods.iter().any(|pod| words::is_own(pod, policy));
    let lost = machine.pods.iter().any(|pod| delete::keeps_alone(world, machine.node, pod));
    !own && !lost && machine.occupants(policy).next().is_none()
}

/// Whether a node is nothing but its Node object: the guard of section 9 leaves it out.
pub(crate) fn is_only_object(world: &World<'_>, machine: &Machine<'_>) -> bool {
    world.policy.delete_node_objects && !machine.claimed && is_gone(world, machine)
}

/// Fills in which Node objects go, and which notes are written and removed, once the rest is decided.
pub(crate) fn decide(world: &World<'_>, decision: &mut Decision) {
    let policy = world.policy;
    if !policy.delete_node_objects {
        return;
    }
    let most = policy.max_deletions.allows(world.machines.len());
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for machine in &world.machines {
        *left.entry(&machine.pool).or_default() += 1;
    }
    for machine in &world.machines {
        let (node, name) = (machine.node, machine.name().to_owned());
        let given_back = node.annotations.contains_key(annotation::DELETION_ASKED);
        let busy = decision.uncordon.contains(&name) || decision.delete.contains(&name);
        // A claim only delays, running or over: a run that finds it over removes it.
        let claim = node.annotations.contains_key(annotation::DELETING_UNTIL)
            || node.taints.iter().any(|one| one.key == taint::DELETING);
        if !given_back || busy || claim || machine.cordon != Cordon::Ours {
            continue;
        }
        let last = left[machine.pool.as_str()] <= 1 && !policy.node_groups_named;
        let gone = is_gone(world, machine);
        match noted(world, node) {
            // The last node of a pool only waits.
            Noted::Nothing | Noted::Before if gone && last => {}
            Noted::Nothing if gone => drop(decision.gone.insert(name)),
            Noted::JustNow if gone => {}
            Noted::Before if gone => {
                if decision.objects.len() < most {
                    decision.objects.insert(name);
                    *left.get_mut(machine.pool.as_str()).unwrap() -= 1;
                }
            }
            Noted::Nothing if node.group.is_none() && !is_of_other(node) => {}
            Noted::Nothing | Noted::JustNow | Noted::Before | Noted::Wrong => {
                decision.not_gone.insert(name);
            }
        }
    }
}
