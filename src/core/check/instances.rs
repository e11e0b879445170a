//! Section 3: an instance is deleted only if it has had twice the time to become a node, and is certainly none.

use std::collections::BTreeSet;

use super::facts::Facts;
use super::growth::{instance_age, is_ours, twice};
use super::violation::Violation;
use crate::model::{Instance, NodeGroup};
use crate::plan::{Action, Plan};

pub(super) fn check(facts: &Facts<'_>, plan: &Plan, found: &mut Vec<Violation>) {
    let mut seen = BTreeSet::new();
    for action in &plan.actions {
        let Action::DeleteInstance { pool, group: group_name, instance: name, .. } = action else { continue };
        let group = facts.snapshot.groups().iter().find(|group| group.name == *group_name);
        let instance = group.and_then(|group| group.instances.iter().find(|one| one.name == *name));
        let (Some(group), Some(instance)) = (group, instance) else {
            found.push(Violation::UnknownInstance { group: group_name.clone(), instance: name.clone() });
            continue;
        };
        let mut stays = |why: String| {
            found.push(Violation::InstanceStays { group: group_name.clone(), instance: name.clone(), why });
        };
        if !seen.insert((group_name, name)) {
            stays("which is deleted twice".to_owned());
        }
        for why in why_it_stays(facts, pool, group, instance) {
            stays(why);
        }
    }
}

fn why_it_stays(facts: &Facts<'_>, pool: &str, group: &NodeGroup, instance: &Instance) -> Vec<String> {
    let mut why = Vec::new();
    let mut check = |holds: bool, text: &str| {
        if !holds {
            why.push(text.to_owned());
        }
    };
    check(!instance.has_node, "on which a node runs");
    check(instance.surely_no_node, "which may be a node under another name");
    check(is_ours(facts, group), "of which no node is managed, while NODE_GROUPS is empty");
    check(facts.pool_of(group) == Some(pool), "which belongs to another pool");
    check(group.not_shrinkable.is_none(), "from which nothing must be deleted");
    let limit = twice(facts.policy.boot_grace);
    let old = instance_age(facts, instance).is_some_and(|age| age >= limit);
    check(old, "which is younger than twice BOOT_GRACE or of unknown age");
    why
}
