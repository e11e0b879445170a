//! The notes on a node whose machine this program gave back, and the node's own reasons to keep its Node object. Section 16.
//!
//! The planner and the second judgement share this, so that they cannot differ.

use jiff::{SignedDuration, Timestamp};

use super::actors::deletion_delay;
use super::managed::is_managed;
use super::reason::ObjectDoubt;
use super::state::{Cordon, Marks, is_claimed, pinned_by, says_ready};
use crate::model::{MachineFate, Node, Snapshot, annotation, taint};
use crate::policy::Policy;

/// The minimum time between the two proofs that a machine is gone. A cloud that misses a machine for a moment, while a part of
/// it restarts, lists it again by then.
pub const BETWEEN_PROOFS: SignedDuration = SignedDuration::from_mins(2);

/// Maximum number of machines that a run asks about.
const MOST_ASKED: usize = 100;

/// The record of earlier runs about a machine that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nothing: a proof now is the first one.
    First,
    /// The first proof is this young.
    Recent(Timestamp),
    /// The first proof is old enough: a proof now is the second one.
    Again(Timestamp),
}

/// Whether this program requested the deletion of the node's machine, according to a note on the node.
pub(crate) fn is_given_back(node: &Node) -> bool {
    node.annotations.contains_key(annotation::DELETION_ASKED)
}

/// Whether the node carries a note that its machine is gone.
pub(crate) fn has_gone_note(node: &Node) -> bool {
    [annotation::GONE_SINCE, annotation::GONE_MACHINE].iter().any(|key| node.annotations.contains_key(*key))
}

/// The reason why the Node object of a node that was given back must stay, by the node itself.
pub(crate) fn node_doubt(node: &Node, observed_at: Timestamp) -> Option<ObjectDoubt> {
    if Marks::of(node).cordon != Cordon::Ours {
        return Some(ObjectDoubt::NotOurCordon);
    }
    let asked = node.annotations.get(annotation::DELETION_ASKED);
    let now = node.machine();
    if asked.is_none() || asked != now.as_ref() {
        let (asked, now) = (asked.cloned().unwrap_or_default(), now.unwrap_or_default());
        return Some(ObjectDoubt::OtherMachine { asked, now });
    }
    if says_ready(node) {
        return Some(ObjectDoubt::Ready);
    }
    if !node.taints.iter().any(|one| one.key == taint::UNREACHABLE) {
        return Some(ObjectDoubt::Reachable);
    }
    if node.annotations.contains_key(annotation::WOKEN_AT) {
        return Some(ObjectDoubt::Woken);
    }
    if let Some(mark) = pinned_by(node) {
        return Some(ObjectDoubt::ScaleDownDisabled { mark: mark.to_owned() });
    }
    if let Some(annotation) = deletion_delay(node) {
        return Some(ObjectDoubt::DeletionDelayed { annotation: annotation.to_owned() });
    }
    is_claimed(node, observed_at).then_some(ObjectDoubt::Claimed)
}

/// The value of an earlier run's note: it must be complete, name this machine, and have an earlier time.
pub(crate) fn proof(node: &Node, observed_at: Timestamp) -> Result<Proof, ObjectDoubt> {
    let written = |key| node.annotations.get(key).cloned();
    let (since, machine) = match (written(annotation::GONE_SINCE), written(annotation::GONE_MACHINE)) {
        (None, None) => return Ok(Proof::First),
        (Some(since), Some(machine)) => (since, machine),
        (Some(value), None) | (None, Some(value)) => return Err(ObjectDoubt::BadNote { value }),
    };
    let Ok(since) = since.parse::<Timestamp>() else { return Err(ObjectDoubt::BadNote { value: since }) };
    if node.machine().as_ref() != Some(&machine) {
        return Err(ObjectDoubt::NoteOfOther { machine });
    }
    let age = observed_at.duration_since(since);
    if age.is_negative() {
        return Err(ObjectDoubt::NoteOfFuture { at: since });
    }
    Ok(if age < BETWEEN_PROOFS { Proof::Recent(since) } else { Proof::Again(since) })
}

/// The reason why a provider's answer keeps the Node object; `None` if it proves the machine gone.
pub(crate) fn fate_doubt(fate: Option<&MachineFate>) -> Option<ObjectDoubt> {
    match fate {
        Some(MachineFate::Gone) => None,
        Some(MachineFate::Exists(words)) => Some(ObjectDoubt::Exists { words: words.clone() }),
        Some(MachineFate::Unknown(words)) => Some(ObjectDoubt::Unknown { words: words.clone() }),
        None => Some(ObjectDoubt::NotAsked),
    }
}

/// Whether a node that this program gave back is only a Node object without a machine: any number of these is no breakdown.
pub(crate) fn is_only_object(node: &Node, snapshot: &Snapshot, policy: &Policy) -> bool {
    policy.delete_node_objects
        && is_given_back(node)
        && node.outside.is_some()
        && node_doubt(node, snapshot.observed_at()).is_none()
        && fate_doubt(snapshot.fates().get(&node.name)).is_none()
}

/// The nodes of a snapshot with its groups whose providers are to be asked whether their machines are gone. The nodes that an
/// earlier run noted come first.
#[must_use]
pub fn nodes_to_ask_about<'a>(snapshot: &'a Snapshot, policy: &Policy) -> Vec<&'a Node> {
    if !policy.delete_node_objects {
        return Vec::new();
    }
    let now = snapshot.observed_at();
    let asked = |node: &&Node| {
        is_given_back(node)
            && is_managed(node, policy)
            && node.outside.is_some()
            && node_doubt(node, now).is_none()
    };
    let mut nodes: Vec<&Node> = snapshot.nodes().iter().filter(asked).collect();
    nodes.sort_by_key(|node| !has_gone_note(node));
    nodes.truncate(MOST_ASKED);
    nodes
}
