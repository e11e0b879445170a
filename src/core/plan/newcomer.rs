//! Judges the youngest node of a group: whether a further one would be useful (sections 3 and 5).
//!
//! A new node that is reserved, not managed, or does not become usable adds no capacity. Without this rule the next run
//! would create another one a minute later.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::group::GroupIndex;
use super::managed::unmanaged_by_labels;
use super::pause::{pause_after, twice};
use super::reason::Elapsed;
use super::state::says_ready;
use super::survey::{NodeFacts, Survey};
use super::value::NodeState;
use crate::model::{CreatedFor, NodeGroup, NodeIndex};

/// The youngest node or instance of a group, if it shows whether a further one is useful.
#[derive(Clone, Debug)]
struct Newcomer {
    created_at: Timestamp,
    /// The reason why it is useless; `None` if it serves, or would without its cordon.
    useless: Option<Useless>,
}

/// The reason why a newcomer is useless.
#[derive(Clone, Debug)]
struct Useless {
    why: String,
    /// The time at which that was known at the latest: a node that never became usable is recorded late if runs are rare.
    known_at: Timestamp,
    /// Whether it keeps the group from growing without a record. An old node does not: a machine that never came up, or one
    /// that a person has tainted or labelled since it came.
    recent: bool,
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

/// The reason why the youngest node of a group keeps it from growing. `members` are all its nodes, managed or not; where
/// no group is known, the managed ones of the pool.
pub(super) fn speaks_against(survey: &Survey<'_>, members: &[NodeIndex]) -> Option<String> {
    let useless = youngest(survey, members)?.useless;
    useless.filter(|useless| useless.recent).map(|useless| useless.why)
}

/// The record of a group after its newcomer was judged: a useless one counts once, and one that serves and came after the
/// record clears it.
pub(super) fn noted(survey: &Survey<'_>, group: &NodeGroup, members: &[NodeIndex]) -> Option<CreatedFor> {
    let before = survey.snapshot.ledger()?.useless.get(&group.name).copied();
    let newcomers = [youngest(survey, members), never_registered(survey, group)];
    let newcomer = newcomers.into_iter().flatten().max_by_key(|one| one.created_at);
    let is_new = |one: &Newcomer| before.is_none_or(|before| one.created_at > before.at);
    match newcomer.filter(is_new) {
        Some(Newcomer { useless: Some(useless), .. }) => {
            let nodes = before.map_or(0, |before| before.nodes).saturating_add(1);
            Some(CreatedFor { nodes, at: useless.known_at })
        }
        Some(Newcomer { useless: None, .. }) => None,
        None => before,
    }
}

/// The reason why a group is not grown after the recorded useless nodes.
pub(super) fn backs_off(survey: &Survey<'_>, group: &NodeGroup, members: &[NodeIndex]) -> Option<String> {
    let CreatedFor { nodes, at } = noted(survey, group, members)?;
    let pause = pause_after(nodes, survey.policy);
    let passed = survey.snapshot.observed_at().duration_since(at).max(SignedDuration::ZERO);
    (nodes > 0 && passed < pause).then(|| {
        let noun = if nodes == 1 { "new node was" } else { "new nodes were" };
        format!("{nodes} {noun} of no use, the next follows after {}", Elapsed(pause))
    })
}

fn youngest(survey: &Survey<'_>, members: &[NodeIndex]) -> Option<Newcomer> {
    let facts = members.iter().filter_map(|index| survey.nodes.get(*index));
    // A booting common node, claimed or not, is judged later, and a parked one once it is woken. One that is being shut down
    // shows nothing about a new node.
    let tells = |facts: &&NodeFacts<'_>| {
        let off = matches!(facts.state, NodeState::Claimed | NodeState::NotInUse) && !says_ready(facts.node);
        let boots = facts.state == NodeState::Booting || off;
        !(boots || facts.state == NodeState::Parked) || !facts.common()
    };
    let known = facts.filter(tells).filter(|facts| facts.node.created_at.is_some());
    let youngest = known.max_by_key(|facts| facts.node.created_at)?;
    let created_at = youngest.node.created_at?;
    let useless = why_useless(survey, youngest, created_at, members);
    // A cordon does not make it useless.
    let of_use = youngest.ready() && youngest.common();
    (useless.is_some() || of_use).then_some(Newcomer { created_at, useless })
}

fn why_useless(
    survey: &Survey<'_>,
    youngest: &NodeFacts<'_>,
    created_at: Timestamp,
    members: &[NodeIndex],
) -> Option<Useless> {
    let name = &youngest.node.name;
    let now = survey.snapshot.observed_at();
    let limit = twice(survey.policy.boot_grace);
    let useless = |why| {
        let known_at = created_at.checked_add(limit).map_or(now, |at| at.min(now));
        Some(Useless { why, known_at, recent: now.duration_since(created_at) < limit })
    };
    if unmanaged_by_labels(&youngest.node.labels, survey.policy).is_some() {
        return useless(format!("its youngest node, {name}, is not managed"));
    }
    if youngest.reserved.is_some() && has_common(survey, members) {
        return useless(format!("its youngest node, {name}, is reserved by its taints"));
    }
    let never_usable = match youngest.state {
        NodeState::Broken => youngest.not_ready_since.unwrap_or(now).duration_since(created_at) < limit,
        // The omitted pods that fill it may end.
        NodeState::NotInUse => !youngest.without_capacity,
        NodeState::Serving
        | NodeState::Cordoned
        | NodeState::Booting
        | NodeState::UnderPressure
        | NodeState::Parked
        | NodeState::Claimed => false,
    };
    if !(youngest.managed() && never_usable) {
        return None;
    }
    useless(format!("its youngest node, {name}, has not become usable within BOOT_GRACE"))
}

pub(super) fn has_common(survey: &Survey<'_>, nodes: &[NodeIndex]) -> bool {
    nodes.iter().any(|index| survey.nodes.get(*index).is_some_and(super::survey::NodeFacts::common))
}

/// The youngest instance that did not become a node within `BOOT_GRACE`.
fn never_registered(survey: &Survey<'_>, group: &NodeGroup) -> Option<Newcomer> {
    let now = survey.snapshot.observed_at();
    let without_node = group.instances.iter().filter(|instance| !instance.has_node);
    let late = without_node.filter_map(|instance| Some((instance.created_at?, &instance.name)));
    let late = late.filter(|(created, _)| now.duration_since(*created) >= survey.policy.boot_grace);
    let (created_at, name) = late.max()?;
    let why = format!("instance {name} has had no node for longer than BOOT_GRACE");
    let useless = Some(Useless { why, known_at: now, recent: true });
    Some(Newcomer { created_at, useless })
}
