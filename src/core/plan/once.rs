//! One try at a time: when a waiting pod is no reason to create a further node in a group. Section 5.
//!
//! A node that was created for a pod and does not take it shows that this program's rules miss something. Without this
//! rule each run would create another one.

use jiff::{SignedDuration, Timestamp};

use super::fit::{admits, free_of_occupants};
use super::group::GroupIndex;
use super::growth::Growth;
use super::pause::pause_after;
use super::reason::Elapsed;
use super::survey::{NodeFacts, Survey};
use super::value::NodeState;
use super::waiting::{HOUR, WaitingPod};
use crate::model::{CreatedFor, size_key};

/// The reason why a group is not grown again for a pod; `None` if it may be.
pub(super) fn why_not_again(
    survey: &Survey<'_>,
    growth: &Growth<'_>,
    group: GroupIndex,
    one: &WaitingPod<'_>,
) -> Option<String> {
    let refused = one.unbound.refused_since()?;
    came_and_does_not_fit(survey, growth, group, one, refused)
        .or_else(|| still_coming(survey, growth, group, refused))
        .or_else(|| pause(survey, growth, group, one))
        .or_else(|| pause_by_size(survey, growth, group, one))
}

/// A young node that came since the refusal and would not take the pod even without its occupants.
fn came_and_does_not_fit(
    survey: &Survey<'_>,
    growth: &Growth<'_>,
    group: GroupIndex,
    one: &WaitingPod<'_>,
    refused: Timestamp,
) -> Option<String> {
    let now = survey.snapshot.observed_at();
    growth.groups.get(group)?.nodes.iter().filter_map(|index| survey.nodes.get(*index)).find_map(|facts| {
        let created = facts.began_at().filter(|began| *began > refused)?;
        let young = now.duration_since(created) < survey.policy.boot_grace;
        if !young || matches!(facts.state, NodeState::Booting | NodeState::Parked) {
            return None;
        }
        let name = &facts.node.name;
        if !admits(survey, facts, one.shape()) {
            return Some(format!("node {name}, which came since, does not admit it"));
        }
        let free = free_of_occupants(facts);
        let lacks = one.pod.requests.lacks(&free)?;
        Some(format!("node {name}, which came since, would not take it: {lacks}"))
    })
}

/// A machine that was requested since the refusal and is still booting.
fn still_coming(
    survey: &Survey<'_>,
    growth: &Growth<'_>,
    group: GroupIndex,
    refused: Timestamp,
) -> Option<String> {
    let now = survey.snapshot.observed_at();
    // An instance that the cloud has not begun was requested a moment ago.
    let since = |created: Option<Timestamp>| {
        created
            .is_none_or(|created| created > refused && now.duration_since(created) < survey.policy.boot_grace)
    };
    let mut instances = growth.booting.iter().filter(|one| one.group == group).map(|one| one.instance);
    if let Some(instance) = instances.find(|instance| since(instance.created_at)) {
        return Some(format!("instance {}, which was asked for since, still boots", instance.name));
    }
    let nodes = growth.groups.get(group)?.nodes.iter().filter_map(|index| survey.nodes.get(*index));
    let mut booting = nodes.filter(|facts| facts.state == NodeState::Booting && facts.began_at().is_some());
    let node = booting.find(|facts| since(facts.began_at()))?;
    Some(format!("node {}, which came since, still boots", node.node.name))
}

/// The pause after the nodes that were created for the pod.
fn pause(
    survey: &Survey<'_>,
    growth: &Growth<'_>,
    group: GroupIndex,
    one: &WaitingPod<'_>,
) -> Option<String> {
    let Some(ledger) = survey.snapshot.ledger() else {
        let long = one.age.is_some_and(|age| age >= HOUR);
        return long.then(|| {
            "it has waited for longer than an hour, and no ConfigMap keeps what was created for it".to_owned()
        });
    };
    let name = growth.groups.get(group)?.name().to_owned();
    let CreatedFor { nodes, at } = *ledger.created_for.get(&(one.unbound.uid.to_string(), name))?;
    let pause = pause_after(nodes, survey.policy);
    let passed = survey.snapshot.observed_at().duration_since(at).max(SignedDuration::ZERO);
    (nodes > 0 && passed < pause).then(|| {
        let noun = if nodes == 1 { "node was" } else { "nodes were" };
        format!("{nodes} {noun} created for it, the next follows after {}", Elapsed(pause))
    })
}

/// The pause after nodes of a group that were too small for pods with the same requests. The pod itself may have another UID at
/// each try: start timeouts and controllers replace pods.
fn pause_by_size(
    survey: &Survey<'_>,
    growth: &Growth<'_>,
    group: GroupIndex,
    one: &WaitingPod<'_>,
) -> Option<String> {
    let CreatedFor { nodes, at } = too_small(survey, growth, group, one)?;
    let pause = pause_after(nodes, survey.policy);
    let passed = survey.snapshot.observed_at().duration_since(at).max(SignedDuration::ZERO);
    (nodes > 0 && passed < pause).then(|| {
        let noun = if nodes == 1 { "new node was" } else { "new nodes were" };
        format!("{nodes} {noun} too small for such a pod, the next follows after {}", Elapsed(pause))
    })
}

/// The record of the nodes of a group that were too small for pods with these requests, once this run has added to it; `None`
/// where runs keep no records, and after a node that is large enough.
pub(super) fn too_small(
    survey: &Survey<'_>,
    growth: &Growth<'_>,
    group: GroupIndex,
    one: &WaitingPod<'_>,
) -> Option<CreatedFor> {
    let ledger = survey.snapshot.ledger()?;
    let group = growth.groups.get(group).filter(|group| group.group.is_some())?;
    let requests = &one.pod.requests;
    let before = ledger.created_for.get(&(size_key(requests), group.name().to_owned())).copied();
    let now = survey.snapshot.observed_at();
    let is_new = |facts: &&NodeFacts<'_>| {
        let began = facts.began_at().filter(|began| before.is_none_or(|before| *began > before.at));
        let young = began.is_some_and(|began| now.duration_since(began) < survey.policy.boot_grace);
        young && !matches!(facts.state, NodeState::Booting | NodeState::Parked)
    };
    let new = group.nodes.iter().filter_map(|index| survey.nodes.get(*index)).filter(is_new);
    // Other pods may be on it by now. The next new node is as large, and has its daemons alone.
    let holds = |facts: &NodeFacts<'_>| requests.fits(&facts.offer.clone().minus(&facts.daemon_load));
    let holds: Vec<bool> = new.map(holds).collect();
    if holds.is_empty() {
        return before;
    }
    let further = u32::try_from(holds.len()).unwrap_or(u32::MAX);
    let nodes = before.map_or(0, |before| before.nodes).saturating_add(further);
    (!holds.contains(&true)).then_some(CreatedFor { nodes, at: now })
}
