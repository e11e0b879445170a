//! Decides which Node objects to delete because their machines are gone. Section 16.
//!
//! ```text
//!   given back, NotReady, empty, in no group, its provider proves the machine gone --> note it
//!   a later run finds all of that again -------------------------------------------> delete the Node object
//!   anything else -----------------------------------------------------------------> the Node stays, mostly without the note
//! ```

use std::collections::BTreeMap;

use super::action::Action;
use super::changes::Changes;
use super::delete::Deletions;
use super::given_back::{Proof, fate_doubt, has_gone_note, is_given_back, node_doubt, proof};
use super::reason::{KeepReason, MarkReason, ObjectDoubt, ObjectReason, Since, UnmarkReason};
use super::state::Cordon;
use super::survey::{NodeFacts, Survey};
use crate::model::NodeIndex;

/// The decisions on the Node objects of nodes that were given back.
#[derive(Debug, Default)]
pub(super) struct Objects {
    /// The deletions of Node objects, by name.
    pub(super) delete: Vec<Action>,
    /// The notes to write on the others, or to remove; one action a node.
    pub(super) notes: Vec<Action>,
    /// The reason why each of the others stays, if nothing else keeps it.
    pub(super) keep: BTreeMap<NodeIndex, KeepReason>,
}

impl Objects {
    pub(super) fn new(survey: &Survey<'_>, changes: &Changes, deletions: &Deletions) -> Self {
        let mut objects = Self::default();
        let policy = survey.policy;
        if !policy.delete_node_objects {
            return objects;
        }
        let budget = policy.max_deletions.allows(survey.managed().count());
        let mut left: Vec<usize> = vec![0; survey.pools.len()];
        for (_, facts) in survey.managed() {
            if let Some(count) = left.get_mut(facts.pool) {
                *count += 1;
            }
        }
        for (index, facts) in survey.managed().filter(|(_, facts)| is_given_back(facts.node)) {
            // Any other action on a node, or an uncordon, removes its notes. Under a cordon of others no note counts.
            let Some(kept) = deletions.keep.get(&index).filter(|_| facts.cordon == Cordon::Ours) else {
                continue;
            };
            if facts.claimed || facts.has_claim_note() || changes.wake.contains(&index) {
                continue;
            }
            let last = left.get(facts.pool).is_some_and(|nodes| *nodes <= 1) && !policy.node_groups_named;
            let since = match judge(survey, facts, kept, last) {
                Ok(Proof::First) => {
                    let node = facts.node.name.clone();
                    objects.notes.push(Action::Mark { node, reason: MarkReason::MachineGone });
                    objects.keep.insert(index, KeepReason::MachineGone { since: Since(None) });
                    continue;
                }
                Ok(Proof::Recent(since)) => {
                    objects.keep.insert(index, KeepReason::MachineGone { since: Since(Some(since)) });
                    continue;
                }
                Ok(Proof::Again(since)) => since,
                Err(why) => {
                    objects.doubt(index, facts, kept, why);
                    continue;
                }
            };
            if objects.delete.len() >= budget {
                objects.keep.insert(index, KeepReason::DeletionBudget { max: policy.max_deletions });
                continue;
            }
            if let Some(nodes) = left.get_mut(facts.pool) {
                *nodes -= 1;
            }
            let reason = ObjectReason::MachineGone {
                machine: facts.node.machine().unwrap_or_default(),
                since: Since(Some(since)),
            };
            objects.delete.push(Action::DeleteObject { node: facts.node.name.clone(), reason });
            objects.keep.insert(index, KeepReason::ObjectGoes { since: Since(Some(since)) });
        }
        objects
    }

    /// Keeps a Node object, and removes its notes.
    fn doubt(&mut self, index: NodeIndex, facts: &NodeFacts<'_>, kept: &KeepReason, why: ObjectDoubt) {
        let node = facts.node.name.clone();
        let ends = matches!(why, ObjectDoubt::InGroup | ObjectDoubt::OtherMachine { .. });
        if ends {
            self.notes.push(Action::Unmark { node, reason: UnmarkReason::NotGivenBack { why: why.clone() } });
        } else if has_gone_note(facts.node) && why != ObjectDoubt::LastOfPool {
            self.notes
                .push(Action::Unmark { node, reason: UnmarkReason::NotProvenGone { why: why.clone() } });
        }
        if matches!(kept, KeepReason::NoNodeGroup { .. }) {
            self.keep.insert(index, KeepReason::ObjectStays { why });
        }
    }
}

/// Whether the machine of a node that was given back is proven gone, for the first or the second time.
fn judge(
    survey: &Survey<'_>,
    facts: &NodeFacts<'_>,
    kept: &KeepReason,
    last: bool,
) -> Result<Proof, ObjectDoubt> {
    let now = survey.snapshot.observed_at();
    // This ends the request itself, so it is checked before the conditions that only end a proof.
    if facts.node.group.is_some() {
        return Err(ObjectDoubt::InGroup);
    }
    if let Some(why) = node_doubt(facts.node, now) {
        return Err(why);
    }
    // If no cloud answers, it is unknown whether the node is in a group: that does not end a proof for good.
    if facts.node.outside.is_none() {
        return Err(ObjectDoubt::NotAsked);
    }
    // Every reason not to give a node back keeps its Node object, above all a new pod.
    if !matches!(kept, KeepReason::NoNodeGroup { .. }) || !facts.empty() || facts.own {
        return Err(ObjectDoubt::Kept { why: kept.to_string() });
    }
    if let Some(why) = fate_doubt(survey.snapshot.fates().get(&facts.node.name)) {
        return Err(why);
    }
    let proof = proof(facts.node, now)?;
    // This only delays, so it is checked after the conditions that end a proof.
    if last { Err(ObjectDoubt::LastOfPool) } else { Ok(proof) }
}
