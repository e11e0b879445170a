//! A group as the planner sees it: its instances, including coming ones.

use std::collections::{BTreeMap, BTreeSet};

use kube_rebalancer_core::model::{Instance, NodeGroup};

use crate::listing::{InstanceState, ListedGroup, ListedInstance};
use crate::member::Member;

/// Maximum number of coming instances: more than any cloud creates in one group. A larger number is not trusted.
const MOST_COMING: u32 = 10_000;

/// The group with the instances that have a node or will get one. Requested instances that the group does not list yet
/// are coming: they count as instances without a name.
pub(crate) fn node_group<I: Ord>(
    group: &ListedGroup<I>,
    with_node: &BTreeSet<&I>,
    without_node: &BTreeMap<(String, String), Member<I>>,
) -> NodeGroup {
    let is_lost = |one: &ListedInstance<I>| {
        without_node.get(&(group.name.clone(), one.name.clone())).is_some_and(|lost| lost.instance == one.id)
    };
    let staying = || group.instances.iter().filter(|one| one.state != InstanceState::Leaving);
    let mut instances: Vec<Instance> =
        staying().filter_map(|one| instance(one, with_node.contains(&one.id), is_lost(one))).collect();
    let listed = u32::try_from(staying().count()).unwrap_or(u32::MAX);
    let coming = group.target_size.saturating_sub(listed);
    let unnamed =
        |number| Instance { name: format!("{} (coming, {number})", group.name), ..Instance::default() };
    instances.extend((1..=coming.min(MOST_COMING)).map(unnamed));
    // Such a group is not changed.
    let absurd = (coming > MOST_COMING).then(|| {
        format!(
            "its target size is {}, {coming} more than it lists; at most {MOST_COMING} are believed",
            group.target_size
        )
    });
    let forbidden = |why: &Option<String>| absurd.clone().or_else(|| why.clone());
    NodeGroup {
        name: group.name.clone(),
        zone: group.zone.clone(),
        zones: group.zones.clone(),
        target_size: group.target_size,
        instances,
        template: group.template.clone(),
        not_growable: forbidden(&group.not_growable),
        not_shrinkable: forbidden(&group.not_shrinkable),
        not_parkable: group.not_parkable.clone(),
        not_wakeable: group.not_wakeable.clone(),
    }
}

/// An instance of the model; `None` for one that neither has a node nor will get one by itself.
fn instance<I>(listed: &ListedInstance<I>, has_node: bool, surely_no_node: bool) -> Option<Instance> {
    if !has_node && listed.state == InstanceState::Asleep {
        return None;
    }
    Some(Instance {
        name: listed.name.clone(),
        has_node,
        created_at: listed.created_at,
        // An instance that became a node keeps the error of an earlier try.
        creation_error: listed.creation_error.clone().filter(|_| !has_node),
        surely_no_node,
    })
}
