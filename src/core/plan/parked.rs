//! Parked nodes: which may be woken, and how many may stay parked. Section 15.

use super::pools::PoolIndex;
use super::state::Cordon;
use super::survey::{NodeFacts, Survey};
use super::value::NodeState;
use crate::model::{NodeGroup, NodeIndex};
use crate::policy::GiveBack;

/// The group of a node, where it is known.
pub(super) fn group_of<'a>(survey: &Survey<'a>, facts: &NodeFacts<'_>) -> Option<&'a NodeGroup> {
    let groups = survey.snapshot.groups();
    let name = facts.node.group.as_deref()?;
    let index = groups.binary_search_by(|group| group.name.as_str().cmp(name)).ok()?;
    groups.get(index)
}

/// Whether a parked node may be woken: its machine is known, and its group can.
pub(super) fn is_wakeable(survey: &Survey<'_>, facts: &NodeFacts<'_>) -> bool {
    facts.state == NodeState::Parked
        && facts.cordon == Cordon::Ours
        && facts.node.outside.is_none()
        && group_of(survey, facts).is_none_or(|group| group.not_wakeable.is_none())
}

/// Whether an empty cordoned node is parked in place of being deleted. A NotReady node is deleted: nothing shows that its
/// machine would work once it is woken.
pub(super) fn is_parkable(survey: &Survey<'_>, facts: &NodeFacts<'_>) -> bool {
    survey.policy.give_back == GiveBack::Park
        && facts.ready()
        && group_of(survey, facts).is_some_and(|group| group.not_parkable.is_none())
}

/// The parked nodes of a pool that may be woken, the longest parked first, then by name.
pub(super) fn parked_nodes(survey: &Survey<'_>, pool: PoolIndex) -> Vec<NodeIndex> {
    if !survey.may_wake {
        return Vec::new();
    }
    let mut parked: Vec<_> = survey
        .common(pool)
        .filter(|(_, facts)| !facts.claimed && is_wakeable(survey, facts))
        .map(|(index, facts)| (facts.parked_at, index))
        .collect();
    parked.sort_unstable();
    parked.into_iter().map(|(_, index)| index).collect()
}

/// All parked nodes, the longest parked first, then by name.
pub(super) fn all_parked(survey: &Survey<'_>) -> Vec<NodeIndex> {
    let is_parked = |(_, facts): &(NodeIndex, &NodeFacts<'_>)| facts.state == NodeState::Parked;
    let mut parked: Vec<_> =
        survey.managed().filter(is_parked).map(|(index, facts)| (facts.parked_at, index)).collect();
    parked.sort_unstable();
    parked.into_iter().map(|(_, index)| index).collect()
}
