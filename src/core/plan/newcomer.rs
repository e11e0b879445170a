//! What the youngest node of a group tells: whether a further one would be of use (sections 3 and 5).
//!
//! A new node that is reserved, that is not managed, or that does not become usable adds no capacity. So nothing else would
//! keep a run from asking for the next one a minute later.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::growth::{Group, GroupIndex};
use super::managed::unmanaged_by_labels;
use super::once::{pause_after, twice};
use super::reason::Elapsed;
use super::survey::{NodeFacts, Survey};
use super::value::NodeState;
use crate::model::{CreatedFor, Ledger, NodeGroup, NodeIndex};

/// The youngest node or instance of a group, where it shows what a further one is good for.
#[derive(Clone, Debug)]
struct Newcomer {
    created_at: Timestamp,
    /// Why it is of no use; `None` if it serves.
    useless: Option<String>,
}

/// All nodes of each group of the snapshot, managed or not.
pub(super) fn members_of_groups(survey: &Survey<'_>) -> BTreeMap<GroupIndex, Vec<NodeIndex>> {
    let known = survey.snapshot.groups();
    let mut members: BTreeMap<GroupIndex, Vec<NodeIndex>> = BTreeMap::new();
    for (index, facts) in survey.nodes.iter().enumerate() {
        let name = facts.node.group.as_deref();
        let group = name.and_then(|name| known.binary_search_by(|one| one.name.as_str().cmp(name)).ok());
        if let Some(group) = group {
            members.entry(group).or_default().push(index);
        }
    }
    members
}

/// Why the youngest node of a group keeps it from growing. `members` are all its nodes, managed or not; where no group is
/// known, the managed ones of the pool.
pub(super) fn speaks_against(
    survey: &Survey<'_>,
    group: Option<&NodeGroup>,
    members: &[NodeIndex],
) -> Option<String> {
    let Newcomer { created_at, useless } = youngest(survey, members)?;
    // Where no group is known, an older node may have come for any reason.
    let age = survey.snapshot.observed_at().duration_since(created_at);
    useless.filter(|_| group.is_some() || age < twice(survey.policy.boot_grace))
}

/// Notes the newcomer of a group once where it is of no use, and forgets earlier ones where it serves.
pub(super) fn note(survey: &Survey<'_>, group: &NodeGroup, members: &[NodeIndex], ledger: &mut Ledger) {
    let newcomers = [youngest(survey, members), never_registered(survey, group)];
    let Some(newcomer) = newcomers.into_iter().flatten().max_by_key(|one| one.created_at) else { return };
    let noted = ledger.useless.get(&group.name).copied();
    if noted.is_some_and(|noted| newcomer.created_at <= noted.at) {
        return;
    }
    if newcomer.useless.is_some() {
        let nodes = noted.map_or(0, |noted| noted.nodes).saturating_add(1);
        ledger.useless.insert(group.name.clone(), CreatedFor { nodes, at: survey.snapshot.observed_at() });
    } else {
        ledger.useless.remove(&group.name);
    }
}

/// Why a group is not grown after the useless nodes that earlier runs noted.
pub(super) fn backs_off(survey: &Survey<'_>, group: &Group<'_>) -> Option<String> {
    let CreatedFor { nodes, at } = *survey.snapshot.ledger()?.useless.get(group.name())?;
    let serves_since = |one: Newcomer| one.useless.is_none() && one.created_at > at;
    if youngest(survey, &group.members).is_some_and(serves_since) {
        return None;
    }
    let pause = pause_after(nodes, survey.policy);
    let passed = survey.snapshot.observed_at().duration_since(at).max(SignedDuration::ZERO);
    (nodes > 0 && passed < pause).then(|| {
        let noun = if nodes == 1 { "new node was" } else { "new nodes were" };
        format!("{nodes} {noun} of no use, the next follows after {}", Elapsed(pause))
    })
}

fn youngest(survey: &Survey<'_>, members: &[NodeIndex]) -> Option<Newcomer> {
    let facts = members.iter().filter_map(|index| survey.nodes.get(*index));
    // What a common node that boots is good for shows later.
    let tells = |facts: &&NodeFacts<'_>| facts.state != NodeState::Booting || !facts.common();
    let known = facts.filter(tells).filter(|facts| facts.node.created_at.is_some());
    let youngest = known.max_by_key(|facts| facts.node.created_at)?;
    let created_at = youngest.node.created_at?;
    let useless = why_useless(survey, youngest, created_at, members);
    (useless.is_some() || youngest.serves()).then_some(Newcomer { created_at, useless })
}

fn why_useless(
    survey: &Survey<'_>,
    youngest: &NodeFacts<'_>,
    created_at: Timestamp,
    members: &[NodeIndex],
) -> Option<String> {
    let name = &youngest.node.name;
    if unmanaged_by_labels(&youngest.node.labels, survey.policy).is_some() {
        return Some(format!("its youngest node, {name}, is not managed"));
    }
    if youngest.reserved.is_some() && has_common(survey, members) {
        return Some(format!("its youngest node, {name}, is reserved by its taints"));
    }
    let age = survey.snapshot.observed_at().duration_since(created_at);
    let unusable = match youngest.state {
        NodeState::Broken => true,
        // Omitted pods that fill it may go.
        NodeState::NotInUse => !youngest.without_capacity,
        _ => false,
    };
    (youngest.managed() && unusable && age < twice(survey.policy.boot_grace))
        .then(|| format!("its youngest node, {name}, has not become usable within BOOT_GRACE"))
}

pub(super) fn has_common(survey: &Survey<'_>, nodes: &[NodeIndex]) -> bool {
    nodes.iter().any(|index| survey.nodes.get(*index).is_some_and(|facts| facts.common()))
}

/// The youngest instance that did not become a node within `BOOT_GRACE`.
fn never_registered(survey: &Survey<'_>, group: &NodeGroup) -> Option<Newcomer> {
    let now = survey.snapshot.observed_at();
    let without_node = group.instances.iter().filter(|instance| !instance.has_node);
    let late = without_node.filter_map(|instance| Some((instance.created_at?, &instance.name)));
    let late = late.filter(|(created, _)| now.duration_since(*created) >= survey.policy.boot_grace);
    let (created_at, name) = late.max()?;
    let useless = Some(format!("instance {name} has had no node for longer than BOOT_GRACE"));
    Some(Newcomer { created_at, useless })
}
