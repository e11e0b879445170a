//! A planner for repeated runs: its actions and its notes.

use std::collections::BTreeMap;

use kube_rebalancer_core::model::{CreatedFor, Ledger, Snapshot, annotation};
use kube_rebalancer_core::plan::{Action, UnmarkReason};
use kube_rebalancer_core::policy::Policy;

use crate::naive::{self, Decision};

/// The actions of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    pub(super) decision: Decision,
    /// Annotations to write or to remove, by node.
    pub(super) notes: BTreeMap<String, Vec<(String, Option<String>)>>,
    pub(super) ledger: Option<Ledger>,
    /// The planner's actions with their reasons, for a person who reads a failure.
    pub(super) actions: Vec<Action>,
}

pub(crate) type Planner = fn(&Snapshot, &Policy) -> Option<Step>;

/// The naive planner; it notes cordoned nodes without pods, each node created for a pod, useless nodes and common taints.
pub(crate) fn naive(snapshot: &Snapshot, policy: &Policy) -> Option<Step> {
    let (decision, tries) = naive::decide_and_note(snapshot, policy)?;
    let mut notes: BTreeMap<String, Vec<(String, Option<String>)>> = BTreeMap::new();
    for node in snapshot.nodes().iter().filter(|node| node.unschedulable) {
        let busy = snapshot.pods().iter().any(|pod| {
            pod.node_name.as_deref() == Some(&node.name)
                && pod.controller.as_ref().is_none_or(|owner| owner.kind != "DaemonSet")
        });
        let noted = node.annotations.contains_key(annotation::EMPTY_SINCE);
        let value = match (busy, noted) {
            (false, false) => Some(snapshot.observed_at().to_string()),
            (true, true) => None,
            (false, true) | (true, false) => continue,
        };
        notes.insert(node.name.clone(), vec![(annotation::EMPTY_SINCE.to_owned(), value)]);
    }
    let mut ledger = snapshot.ledger().cloned().unwrap_or_default();
    for key in tries {
        let nodes = ledger.created_for.get(&key).map_or(0, |note| note.nodes) + 1;
        ledger.created_for.insert(key, CreatedFor { nodes, at: snapshot.observed_at() });
    }
    naive::note_newcomers(snapshot, policy, &mut ledger);
    naive::note_common(snapshot, policy, &mut ledger);
    Some(Step { decision, notes, ledger: Some(ledger), actions: Vec::new() })
}

/// The planner, with its notes.
pub(crate) fn planner(snapshot: &Snapshot, policy: &Policy) -> Option<Step> {
    let plan = kube_rebalancer_core::plan::plan(snapshot, policy).ok()?;
    let mut notes: BTreeMap<String, Vec<(String, Option<String>)>> = BTreeMap::new();
    for action in &plan.actions {
        match action {
            Action::Mark { node, .. } => {
                let value = Some(snapshot.observed_at().to_string());
                notes.insert(node.clone(), vec![(annotation::EMPTY_SINCE.to_owned(), value)]);
            }
            Action::Unmark { node, reason: UnmarkReason::Occupied } => {
                notes.insert(node.clone(), vec![(annotation::EMPTY_SINCE.to_owned(), None)]);
            }
            Action::Unmark { node, reason: UnmarkReason::ClaimOver } => {
                notes.insert(node.clone(), vec![(annotation::DELETING_UNTIL.to_owned(), None)]);
            }
            Action::Unmark { node, reason: UnmarkReason::Uncordoned } => {
                let keys = [annotation::EMPTY_SINCE, annotation::CORDONED_AT];
                notes.insert(node.clone(), keys.iter().map(|key| ((*key).to_owned(), None)).collect());
            }
            _ => {}
        }
    }
    let decision = crate::properties::decision(&plan);
    Some(Step { decision, notes, ledger: plan.ledger.clone(), actions: plan.actions })
}
