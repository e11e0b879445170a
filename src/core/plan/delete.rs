//! Which cordoned nodes go, and why the others stay.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::notes::Limit;
use super::order::{Cordons, cordon};
use super::reason::{Elapsed, KeepReason};
use super::survey::{Cordon, NodeFacts, Survey};
use crate::model::NodeIndex;

/// What happens to the nodes that were cordoned when the run began and stay cordoned.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    /// Oldest cordon first.
    pub(super) delete: Vec<NodeIndex>,
    /// Why each of the others stays.
    pub(super) keep: BTreeMap<NodeIndex, KeepReason>,
    pub(super) limit: Option<Limit>,
}

/// What is left of the cluster while nodes are taken from it, one by one.
struct Remaining<'a> {
    nodes: usize,
    by_zone: BTreeMap<&'a str, usize>,
    controllers: BTreeSet<&'a str>,
}

impl Deletions {
    /// Deletes nothing: too many nodes are broken to trust the picture.
    pub(super) fn none(survey: &Survey<'_>, cordons: &Cordons) -> Self {
        let keep = |facts: &NodeFacts<'_>| stays(survey, facts).unwrap_or(KeepReason::TooManyBroken);
        let keep = cordoned(survey, cordons).map(|(index, facts)| (index, keep(facts))).collect();
        Self { keep, ..Self::default() }
    }

    /// `cordons` are those once the plan's cordons and uncordons are carried out.
    pub(super) fn new(survey: &Survey<'_>, cordons: &Cordons) -> Self {
        let serves = |&(index, facts): &(NodeIndex, &NodeFacts<'_>)| {
            facts.ready() && cordon(cordons, index) == Cordon::None
        };
        let serving = survey.managed().filter(serves).count();
        let mut cordoned: Vec<_> = cordoned(survey, cordons).collect();
        // A cordon of unknown age counts as younger than any other. The sort is stable: then by name.
        cordoned.sort_by_key(|(_, facts)| (facts.cordoned_at.is_none(), facts.cordoned_at));

        let mut remaining = Remaining::new(survey);
        let budget = survey.policy.max_deletions.allows(remaining.nodes);
        let (mut deletions, mut asked) = (Self::default(), 0);
        for (index, facts) in cordoned {
            let keep = stays(survey, facts).or_else(|| remaining.needs(survey, facts, serving));
            let keep = keep.or_else(|| {
                asked += 1;
                (deletions.delete.len() >= budget)
                    .then_some(KeepReason::DeletionBudget { max: survey.policy.max_deletions })
            });
            if let Some(reason) = keep {
                deletions.keep.insert(index, reason);
            } else {
                remaining.remove(facts);
                deletions.delete.push(index);
            }
        }
        let allowed = deletions.delete.len();
        deletions.limit = (asked > allowed).then_some(Limit::MaxDeletions { asked, allowed });
        deletions
    }
}

/// The nodes that are cordoned and stay so.
fn cordoned<'r, 'a>(
    survey: &'r Survey<'a>,
    cordons: &'r Cordons,
) -> impl Iterator<Item = (NodeIndex, &'r NodeFacts<'a>)> {
    let stays = |&(index, _): &(NodeIndex, _)| cordon(cordons, index) != Cordon::None;
    survey.managed().filter(|(_, facts)| facts.cordon != Cordon::None).filter(stays)
}

/// What on the node itself speaks against deleting it.
fn stays(survey: &Survey<'_>, facts: &NodeFacts<'_>) -> Option<KeepReason> {
    let policy = survey.policy;
    if facts.claimed {
        return Some(KeepReason::Claimed);
    }
    if facts.in_others_hands(policy) {
        return Some(KeepReason::CordonedByOthers);
    }
    if let Some(pod) = facts.critical {
        return Some(KeepReason::CriticalPod { pod: pod.full_name() });
    }
    if facts.scale_down_disabled {
        return Some(KeepReason::ScaleDownDisabled);
    }
    if let Some(pod) = facts.occupant {
        return Some(KeepReason::PodsRemaining { pods: facts.occupants, pod: pod.full_name() });
    }
    if let Some((pod, why)) = &facts.loses {
        return Some(KeepReason::LosesPod { pod: pod.full_name(), why: why.clone() });
    }
    if facts.own {
        return Some(KeepReason::OwnNode);
    }
    if let Some(why) = &facts.node.outside {
        return Some(KeepReason::NoNodeGroup { why: why.clone() });
    }
    if let Some((group, why)) = not_shrinkable(survey, facts) {
        return Some(KeepReason::GroupNotShrunk { group: group.to_owned(), why: why.to_owned() });
    }
    let empty_for = empty_for(survey, facts);
    (empty_for < policy.empty_grace).then_some(KeepReason::EmptyTooShort {
        empty_for: Elapsed(empty_for),
        grace: Elapsed(policy.empty_grace),
    })
}

/// The group of a node, and why nothing must be deleted from it.
fn not_shrinkable<'a>(survey: &Survey<'a>, facts: &NodeFacts<'_>) -> Option<(&'a str, &'a str)> {
    let groups = survey.snapshot.groups();
    let name = facts.node.group.as_deref()?;
    let index = groups.binary_search_by(|group| group.name.as_str().cmp(name)).ok()?;
    let group = groups.get(index)?;
    Some((&group.name, group.not_shrinkable.as_deref()?))
}

/// For how long a node has been seen empty; a mark from the future, made by a clock that was wrong, says nothing.
fn empty_for(survey: &Survey<'_>, facts: &NodeFacts<'_>) -> SignedDuration {
    let age = facts.empty_since.map(|since| survey.snapshot.observed_at().duration_since(since));
    age.unwrap_or_default().max(SignedDuration::ZERO)
}

impl<'a> Remaining<'a> {
    fn new(survey: &Survey<'a>) -> Self {
        let mut remaining = Self { nodes: 0, by_zone: BTreeMap::new(), controllers: BTreeSet::new() };
        for (_, facts) in survey.managed() {
            remaining.nodes += 1;
            if let Some(zone) = facts.node.zone() {
                *remaining.by_zone.entry(zone).or_default() += 1;
            }
        }
        remaining
    }

    /// What in the rest of the cluster speaks against deleting the node.
    fn needs(&self, survey: &Survey<'_>, facts: &NodeFacts<'_>, serving: usize) -> Option<KeepReason> {
        let policy = survey.policy;
        if facts.ready() && serving < policy.min_nodes {
            return Some(KeepReason::TooFewServing { serving, min: policy.min_nodes });
        }
        if let Some(zone) = facts.node.zone()
            && policy.keep_zones
            && self.by_zone.get(zone).is_some_and(|nodes| *nodes <= 1)
        {
            return Some(KeepReason::LastOfZone { zone: zone.to_owned() });
        }
        if self.nodes <= 1 && !policy.node_groups_named {
            return Some(KeepReason::LastOfCluster);
        }
        let shared = facts.moves.iter().find(|(uid, _)| self.controllers.contains(*uid));
        shared.map(|(_, controller)| KeepReason::SharedController {
            controller: format!("{}/{}", controller.kind, controller.name),
        })
    }

    fn remove(&mut self, facts: &NodeFacts<'a>) {
        self.nodes -= 1;
        if let Some(nodes) = facts.node.zone().and_then(|zone| self.by_zone.get_mut(zone)) {
            *nodes -= 1;
        }
        self.controllers.extend(facts.moves.keys());
    }
}
