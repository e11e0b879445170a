//! The cluster right after a plan: what it cordons and uncordons is done, what it grew boots, what it deletes is
//! still there.

use jiff::Timestamp;

use super::facts::Facts;
use crate::model::{Instance, Node, NodeGroup, NodeTemplate, Snapshot, SnapshotError, annotation};
use crate::plan::{Action, Plan};
use crate::policy::Policy;

/// The name of the group that stands for all managed nodes where no group is known.
const STAND_IN: &str = "(the managed nodes)";

/// The label that is never the same on two nodes.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// The taint that comes and goes with a cordon.
const CORDON_TAINT: &str = "node.kubernetes.io/unschedulable";

/// Builds the snapshot that a run right after this plan would see.
///
/// Where no node group is known, growth is shown by a group that all managed nodes belong to. Fails only if the
/// snapshot itself broke its invariants.
pub fn outcome(snapshot: &Snapshot, policy: &Policy, plan: &Plan) -> Result<Snapshot, SnapshotError> {
    let mut nodes = snapshot.nodes().to_vec();
    let mut groups = snapshot.groups().to_vec();
    for action in &plan.actions {
        let index =
            action.node().and_then(|name| nodes.binary_search_by(|node| node.name.as_str().cmp(name)).ok());
        if let Some(node) = index.and_then(|index| nodes.get_mut(index)) {
            act(node, action, snapshot.observed_at());
        }
        if let Action::Grow { group, from, to, .. } = action {
            if group.is_none() {
                groups.push(stand_in(snapshot, policy));
                for (node, facts) in nodes.iter_mut().zip(Facts::of(snapshot, policy).nodes) {
                    if facts.managed {
                        node.group = Some(STAND_IN.to_owned());
                    }
                }
            }
            let name = group.as_deref().unwrap_or(STAND_IN);
            if let Some(group) = groups.iter_mut().find(|group| group.name == name) {
                boot(group, to.saturating_sub(*from), snapshot.observed_at());
            }
        }
    }
    Snapshot::new(snapshot.observed_at(), nodes, snapshot.pods().to_vec(), groups, snapshot.pods_seen())
}

/// Writes on the node what the action's patch writes.
fn act(node: &mut Node, action: &Action, now: Timestamp) {
    match action {
        Action::Cordon { .. } => {
            node.unschedulable = true;
            node.annotations.remove(annotation::DELETING_UNTIL);
            node.annotations.remove(annotation::EMPTY_SINCE);
            node.annotations.insert(annotation::CORDONED_AT.to_owned(), now.to_string());
        }
        Action::Uncordon { .. } => {
            node.unschedulable = false;
            node.taints.retain(|taint| taint.key != CORDON_TAINT);
            node.annotations.remove(annotation::EMPTY_SINCE);
            node.annotations.remove(annotation::CORDONED_AT);
            node.annotations.remove(annotation::DELETING_UNTIL);
        }
        Action::Mark { .. } => {
            node.annotations.insert(annotation::EMPTY_SINCE.to_owned(), now.to_string());
        }
        Action::Unmark { .. } => {
            node.annotations.remove(annotation::EMPTY_SINCE);
            if !node.unschedulable {
                node.annotations.remove(annotation::CORDONED_AT);
                node.annotations.remove(annotation::DELETING_UNTIL);
            }
        }
        Action::Grow { .. } | Action::Delete { .. } => {}
    }
}

/// Adds instances that the cloud has just begun to create.
fn boot(group: &mut NodeGroup, new: u32, now: Timestamp) {
    group.target_size = group.target_size.saturating_add(new);
    let taken = group.instances.len();
    group.instances.extend((0..new).map(|number| Instance {
        name: format!("new-{taken}-{number}"),
        has_node: false,
        created_at: Some(now),
        creation_error: None,
    }));
}

/// The group of all managed nodes; a new one of it is like the newest that is there.
fn stand_in(snapshot: &Snapshot, policy: &Policy) -> NodeGroup {
    let facts = Facts::of(snapshot, policy);
    let managed: Vec<_> = facts.managed().collect();
    let newest = managed
        .iter()
        .filter(|facts| facts.capacity > 0)
        .max_by_key(|facts| (facts.node.created_at, std::cmp::Reverse(&facts.node.name)));
    NodeGroup {
        name: STAND_IN.to_owned(),
        zone: None,
        target_size: u32::try_from(managed.len()).unwrap_or(u32::MAX),
        instances: managed
            .iter()
            .map(|facts| Instance {
                name: facts.node.name.clone(),
                has_node: true,
                created_at: facts.node.created_at,
                creation_error: None,
            })
            .collect(),
        template: newest.map(|facts| NodeTemplate {
            allocatable: facts.node.allocatable,
            capacity: facts.node.capacity,
            labels: facts
                .node
                .labels
                .iter()
                .filter(|(key, _)| *key != HOSTNAME)
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            taints: facts.node.taints.clone(),
        }),
        not_growable: None,
        not_shrinkable: None,
    }
}
