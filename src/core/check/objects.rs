//! Section 16: a Node object is deleted only if this program gave its machine back, two runs found that machine gone, and the
//! node is empty.

use jiff::{SignedDuration, Timestamp};

use super::facts::{Cordon, Facts, NodeFacts};
use super::steps::Steps;
use super::violation::Violation;
use crate::model::annotation::{DELAY_DELETION, DELETION_ASKED, GONE_MACHINE, GONE_SINCE, WOKEN_AT};
use crate::model::{MachineFate, NodeIndex, Snapshot};
use crate::plan::{Action, MarkReason, Plan, UnmarkReason};
use crate::policy::Policy;

/// The minimum time between the two findings.
const APART: SignedDuration = SignedDuration::from_secs(120);

/// The taint that the control plane gives to a node whose kubelet is silent.
const SILENT: &str = "node.kubernetes.io/unreachable";

pub(super) fn check(facts: &Facts<'_>, plan: &Plan, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let mut gone: Vec<NodeIndex> = Vec::new();
    let mut unmarked = vec![false; facts.nodes.len()];
    for action in &plan.actions {
        let Some((index, node)) = action.node().and_then(|name| facts.find(name)).and_then(|index| {
            let node = facts.nodes.get(index)?;
            Some((index, node))
        }) else {
            continue;
        };
        let busy = steps.on(index).is_some().then_some("something else is done to it");
        match action {
            Action::DeleteObject { .. } => {
                let why = busy.or_else(|| refusal(facts, node)).or_else(|| unproven(facts, node));
                let why = why.or_else(|| gone.contains(&index).then_some("it is deleted twice"));
                found.extend(why.map(|why| Violation::ObjectDeleted { node: node.name(), why }));
                gone.push(index);
            }
            Action::Mark { reason: MarkReason::MachineGone, .. } => {
                let noted = carries_note(node).then_some("it is noted already");
                let why = busy.or_else(|| refusal(facts, node)).or(noted);
                found.extend(why.map(|why| Violation::GoneUnfounded { node: node.name(), why }));
            }
            Action::Unmark { reason, .. } => {
                if let Some(slot) = unmarked.get_mut(index) {
                    *slot = true;
                }
                let founded = match reason {
                    UnmarkReason::NotGivenBack { .. } => {
                        node.carries(DELETION_ASKED) && (node.node.group.is_some() || !is_asked_for(node))
                    }
                    UnmarkReason::NotProvenGone { .. } => carries_note(node),
                    UnmarkReason::Occupied | UnmarkReason::Uncordoned | UnmarkReason::ClaimOver => continue,
                };
                let proven = refusal(facts, node).is_none() && is_sound(facts, node);
                if proven || !founded {
                    let why = "its machine is gone, or it carries no such note";
                    found.push(Violation::UnmarkUnfounded { node: node.name(), why });
                }
            }
            Action::Uncordon { .. }
            | Action::Wake { .. }
            | Action::Grow { .. }
            | Action::Cordon { .. }
            | Action::Delete { .. }
            | Action::Park { .. }
            | Action::DeleteInstance { .. }
            | Action::Evict { .. }
            | Action::Mark { .. }
            | Action::Steer { .. }
            | Action::Unsteer { .. } => {}
        }
    }
    if plan.guard.is_some() {
        return; // that nothing is done then is another rule's
    }
    check_bounds(facts, &gone, found);
    for (index, node) in facts.nodes.iter().enumerate() {
        let written = steps.on(index).is_some() || unmarked.get(index) == Some(&true);
        let ours = node.managed && node.marks.cordon == Cordon::Ours && !node.marks.claimed;
        if facts.policy.delete_node_objects
            && ours
            && !written
            && carries_note(node)
            && node.carries(DELETION_ASKED)
            && (refusal(facts, node).is_some() || !is_sound(facts, node))
        {
            found.push(Violation::StaleGoneNote { node: node.name() });
        }
    }
}

/// The reason why the Node object of a node must stay, by the cluster right before its deletion; `None` if it may be deleted.
/// The snapshot has the provider's latest answer about the machine.
pub(super) fn stays(snapshot: &Snapshot, policy: &Policy, name: &str) -> Option<&'static str> {
    let facts = Facts::of(snapshot, policy);
    let node = facts.find(name).and_then(|index| facts.nodes.get(index));
    let Some(node) = node else { return Some("it is not in the snapshot") };
    if !node.managed {
        return Some("it is not managed");
    }
    refusal(&facts, node).or_else(|| unproven(&facts, node))
}

/// The reason why the node's machine does not count as gone now.
fn refusal(facts: &Facts<'_>, node: &NodeFacts<'_>) -> Option<&'static str> {
    let written = &node.node.annotations;
    Some(if !facts.policy.delete_node_objects {
        "DELETE_NODE_OBJECTS is false"
    } else if node.marks.cordon != Cordon::Ours {
        "it is not under a cordon of our own"
    } else if node.marks.claimed {
        "a run is about to delete its machine"
    } else if !is_asked_for(node) {
        "this program did not ask for the deletion of its machine"
    } else if node.health.says_ready {
        "it is Ready"
    } else if !node.node.taints.iter().any(|one| one.key == SILENT) {
        "it is not unreachable"
    } else if node.carries(WOKEN_AT) {
        "it was woken"
    } else if node.scale_down_disabled() || written.keys().any(|key| key.starts_with(DELAY_DELETION)) {
        "it is annotated to stay"
    } else if node.node.group.is_some() || node.node.outside.is_none() {
        "its machine is in a node group, or nobody looked"
    } else if !node.is_empty() || node.critical_pod.is_some() || node.own {
        "somebody is on it"
    } else if facts.snapshot.fates().get(&node.node.name) != Some(&MachineFate::Gone) {
        "its provider does not prove its machine gone"
    } else {
        return None;
    })
}

/// The reason why no earlier run has validly found the machine gone.
fn unproven(facts: &Facts<'_>, node: &NodeFacts<'_>) -> Option<&'static str> {
    match noted(node) {
        None => Some("no earlier run found its machine gone"),
        Some(since) if facts.snapshot.observed_at().duration_since(since) < APART => {
            Some("the run that found its machine gone is not two minutes ago")
        }
        Some(_) => None,
    }
}

/// Whether the note on its machine may be true: complete, about this machine, and not from the future.
fn is_sound(facts: &Facts<'_>, node: &NodeFacts<'_>) -> bool {
    !carries_note(node) || noted(node).is_some_and(|since| since <= facts.snapshot.observed_at())
}

fn carries_note(node: &NodeFacts<'_>) -> bool {
    node.carries(GONE_SINCE) || node.carries(GONE_MACHINE)
}

/// The time at which an earlier run found this machine gone.
fn noted(node: &NodeFacts<'_>) -> Option<Timestamp> {
    let written = &node.node.annotations;
    let of_this = written.get(GONE_MACHINE).is_some_and(|noted| machine(node).as_ref() == Some(noted));
    if of_this { written.get(GONE_SINCE)?.parse().ok() } else { None }
}

/// Whether this program requested the deletion of the node's present machine.
fn is_asked_for(node: &NodeFacts<'_>) -> bool {
    let asked = node.node.annotations.get(DELETION_ASKED);
    asked.is_some() && asked == machine(node).as_ref()
}

/// The name of a node's machine in marks.
fn machine(node: &NodeFacts<'_>) -> Option<String> {
    let uuid = || node.node.system_uuid.as_ref().filter(|uuid| !uuid.is_empty());
    match &node.node.provider_id {
        Some(id) => (!id.is_empty()).then(|| id.clone()),
        None => uuid().map(|uuid| format!("uuid:{uuid}")),
    }
}

/// `MAX_DELETIONS` bounds Node objects too, and no pool loses its last node unless `NODE_GROUPS` names groups.
fn check_bounds(facts: &Facts<'_>, gone: &[NodeIndex], found: &mut Vec<Violation>) {
    let managed = facts.managed_count();
    let allowed = facts.policy.max_deletions.allows(managed);
    if gone.len() > allowed {
        found.push(Violation::TooManyDeletions { deletions: gone.len(), allowed, managed });
    }
    for pool in facts.pools() {
        let of_pool = || facts.of_pool(pool).filter(|(index, _)| gone.contains(index)).count();
        if !facts.policy.node_groups_named && of_pool() > 0 && of_pool() >= facts.of_pool(pool).count() {
            found.push(Violation::PoolDeleted { pool: pool.to_owned(), deleted: of_pool() });
        }
    }
}

/// Whether a node is only a Node object without a machine: the guard of section 9 does not count it.
pub(super) fn is_only_object(facts: &Facts<'_>, node: &NodeFacts<'_>) -> bool {
    let pods = node.occupants > 0 || node.lost_pod.is_some() || node.own;
    node.managed && !pods && refusal(facts, node).is_none()
}
