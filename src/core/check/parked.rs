//! Section 15: which nodes may be parked and woken, and how many may stay parked.

use super::facts::{Cordon, Facts, NodeFacts};
use super::steps::Steps;
use super::violation::{Direction, Violation};
use crate::model::{NodeGroup, NodeIndex};
use crate::plan::{Action, GrowReason, Plan};
use crate::policy::GiveBack;

pub(super) fn check(facts: &Facts<'_>, plan: &Plan, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    for (index, node) in facts.nodes.iter().enumerate() {
        match steps.on(index) {
            Some(Direction::Wake) => check_wake(facts, node, found),
            Some(Direction::Park) => check_park(facts, node, found),
            Some(Direction::Delete) if node.marks.woken_at.is_some() && node.health.is_booting() => {
                found.push(Violation::DeleteOfWoken { node: node.name() });
            }
            Some(Direction::Delete | Direction::Cordon | Direction::Uncordon) | None => {}
        }
    }
    check_number(facts, steps, found);
    check_woken_first(facts, plan, steps, found);
}

/// The group of a node, where it is known.
fn group_of<'f>(facts: &'f Facts<'_>, node: &NodeFacts<'_>) -> Option<&'f NodeGroup> {
    let name = node.node.group.as_ref()?;
    facts.snapshot.groups().iter().find(|group| group.name == *name)
}

/// The reason why a node cannot be woken; `None` if it can.
pub(super) fn why_not_wake(facts: &Facts<'_>, node: &NodeFacts<'_>) -> Option<String> {
    if !node.is_parked() {
        return Some("which is not parked".to_owned());
    }
    if node.marks.cordon != Cordon::Ours {
        return Some("which is not under our own cordon".to_owned());
    }
    if node.marks.claimed {
        return Some("which another run is about to delete".to_owned());
    }
    if let Some(why) = &node.node.outside {
        return Some(format!("which is in no node group: {why}"));
    }
    let group = group_of(facts, node)?;
    let why = group.not_wakeable.as_ref()?;
    Some(format!("whose node group {} cannot: {why}", group.name))
}

/// Whether a node is parked, and can be woken.
pub(super) fn is_wakeable(facts: &Facts<'_>, node: &NodeFacts<'_>) -> bool {
    node.is_parked() && why_not_wake(facts, node).is_none()
}

fn check_wake(facts: &Facts<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    let why = why_not_wake(facts, node);
    let why = why.or_else(|| node.reserved.then(|| "which is reserved for other pods".to_owned()));
    if let Some(why) = why {
        found.push(Violation::WakeUnfounded { node: node.name(), why });
    }
}

/// The rules of parking in addition to the rules of deletions, which apply too.
fn check_park(facts: &Facts<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    if facts.policy.give_back != GiveBack::Park {
        found.push(Violation::ParkNotWanted { node: node.name() });
    }
    if !node.health.says_ready {
        found.push(Violation::ParkOfUnready { node: node.name() });
    }
}

/// A node of a group that cannot park is not parked.
pub(super) fn check_group(facts: &Facts<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    let (group, why) = match group_of(facts, node) {
        Some(group) => (group.name.clone(), group.not_parkable.clone()),
        None => (String::new(), Some("none is known".to_owned())),
    };
    if let Some(why) = why {
        found.push(Violation::ParkInGroup { node: node.name(), group, why });
    }
}

/// `PARKED_MAX` bounds the number of parked nodes, and is the only reason to delete one.
fn check_number(facts: &Facts<'_>, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let allowed = facts.policy.parked_max.allows(facts.managed_count());
    let count = |wanted: &dyn Fn(NodeIndex, &NodeFacts<'_>) -> bool| {
        facts.nodes.iter().enumerate().filter(|(index, node)| wanted(*index, node)).count()
    };
    let parks = count(&|index, _| steps.on(index) == Some(Direction::Park));
    let stay = count(&|index, node| node.is_parked() && steps.on(index).is_none());
    let deleted: Vec<_> = facts
        .nodes
        .iter()
        .enumerate()
        .filter(|(index, node)| node.is_parked() && steps.on(*index) == Some(Direction::Delete))
        .collect();
    if parks > allowed {
        found.push(Violation::TooManyParked { parked: stay.saturating_add(parks), parks, allowed });
    }
    let parked = stay.saturating_add(parks).saturating_add(deleted.len());
    if let Some((_, node)) =
        deleted.first().filter(|_| parked.saturating_sub(deleted.len()) < allowed.min(parked))
    {
        found.push(Violation::DeleteOfParked { node: node.name(), parked, allowed });
    }
}

/// Parked nodes are woken before a node is created, unless a waiting pod needs a node of another kind.
fn check_woken_first(facts: &Facts<'_>, plan: &Plan, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    for action in &plan.actions {
        let Action::Grow { pool, from, to, reason, .. } = action else { continue };
        if matches!(reason, GrowReason::WaitingPods { .. }) {
            continue;
        }
        let left = facts.of_pool(pool).find(|(index, node)| {
            node.is_common() && is_wakeable(facts, node) && steps.on(*index) != Some(Direction::Wake)
        });
        if let Some((_, node)) = left {
            let new = usize::try_from(to.saturating_sub(*from)).unwrap_or(usize::MAX);
            found.push(Violation::GrowsBeforeWaking { pool: pool.clone(), new, node: node.name() });
        }
    }
}
