//! POLICY 3, 5 and 7: which groups may grow, and by how much.

use std::collections::BTreeSet;

use super::facts::Facts;
use super::steps::{Growth, Steps};
use super::violation::Violation;
use crate::model::{Instance, NodeGroup};

/// How a growth without a group is written.
const NO_GROUP: &str = "(none)";

pub(super) fn check(facts: &Facts<'_>, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let mut seen = BTreeSet::new();
    for growth in &steps.growths {
        let name = growth.group.unwrap_or(NO_GROUP);
        if !seen.insert(growth.group) {
            found.push(Violation::GrownTwice { group: name.to_owned() });
        }
        if growth.to <= growth.from {
            found.push(Violation::DoesNotGrow { group: name.to_owned(), from: growth.from, to: growth.to });
        }
        check_from(facts, *growth, name, found);
    }
    let new = steps.new_nodes();
    let managed = facts.managed_count();
    let instances = facts.snapshot.groups().iter().flat_map(without_node).count();
    let max = facts.policy.max_nodes;
    if new > 0 && managed.saturating_add(instances).saturating_add(new) > max {
        found.push(Violation::TooManyNodes { new, managed, instances, max });
    }
}

/// A growth starts at the size that there is: at the group's, else at the number of managed nodes.
fn check_from(facts: &Facts<'_>, growth: Growth<'_>, name: &str, found: &mut Vec<Violation>) {
    let groups = facts.snapshot.groups();
    let size = match growth.group {
        None if groups.is_empty() => u32::try_from(facts.managed_count()).unwrap_or(u32::MAX),
        None => {
            found.push(Violation::GroupNotNamed { groups: groups.len() });
            return;
        }
        Some(name) => {
            let Ok(index) = groups.binary_search_by(|group| group.name.as_str().cmp(name)) else {
                found.push(Violation::UnknownGroup { group: name.to_owned() });
                return;
            };
            let Some(group) = groups.get(index) else { return };
            check_growable(facts, group, found);
            group.target_size
        }
    };
    if growth.from != size {
        found.push(Violation::GrowsFromElsewhere { group: name.to_owned(), from: growth.from, size });
    }
}

/// A group that fails to make instances, or that something else scales, is left alone; so is one whose nodes this
/// program does not manage: it would never see what it created, and create more, run after run.
fn check_growable(facts: &Facts<'_>, group: &NodeGroup, found: &mut Vec<Violation>) {
    let mut refuse = |why: String| found.push(Violation::NotGrowable { group: group.name.clone(), why });
    if let Some(why) = &group.not_growable {
        refuse(why.clone());
    }
    if let Some(instance) = without_node(group).find(|instance| !is_booting(facts, instance)) {
        refuse(format!("its instance {} did not become a node in time", instance.name));
    }
    let managed = facts.managed().any(|node| node.node.group.as_deref() == Some(group.name.as_str()));
    if !managed && !facts.policy.node_groups_named {
        found.push(Violation::GroupNotManaged { group: group.name.clone() });
    }
}

/// Instances that may still become nodes.
pub(super) fn booting_instances(facts: &Facts<'_>) -> usize {
    let groups = facts.snapshot.groups().iter();
    groups.flat_map(without_node).filter(|instance| is_booting(facts, instance)).count()
}

fn without_node(group: &NodeGroup) -> impl Iterator<Item = &Instance> {
    group.instances.iter().filter(|instance| !instance.has_node)
}

/// An instance that the cloud has not begun to create has not begun to be late either.
fn is_booting(facts: &Facts<'_>, instance: &Instance) -> bool {
    let in_time = instance.created_at.is_none_or(|created| facts.age(created) < facts.policy.boot_grace);
    instance.creation_error.is_none() && in_time
}
