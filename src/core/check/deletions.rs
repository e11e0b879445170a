//! Section 7: a node is deleted only if nothing is lost with it, and enough nodes remain.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::cordons::check_never_unschedulable;
use super::disks::check_disk;
use super::elsewhere::Movers;
use super::evictions::check_drained;
use super::facts::taints::lasting;
use super::facts::{Cordon, Facts, NodeFacts, age, pod_name};
use super::parked;
use super::replicas::Replicas;
use super::steps::Steps;
use super::violation::{Direction, Violation};
use super::waiting::Waiting;
use crate::model::{NodeIndex, Taint, annotation};
use crate::policy::AdoptCordons;

pub(super) fn check(facts: &Facts<'_>, steps: &Steps<'_>, found: &mut Vec<Violation>) {
    let deleted = steps.deleted();
    if deleted.is_empty() {
        return;
    }
    let is_open = |index, node: &NodeFacts<'_>| match steps.on(index) {
        None => !node.node.unschedulable,
        Some(direction) => direction == Direction::Uncordon,
    };
    let gate = Gate::new(facts, &deleted, is_open);
    for index in &deleted {
        let Some(node) = facts.nodes.get(*index) else { continue };
        let direction = steps.on(*index).unwrap_or(Direction::Delete);
        gate.judge(facts, (*index, node), direction, found);
        if node.marks.claimed {
            found.push(Violation::Claimed { node: node.name(), direction });
        }
        // While too few nodes serve, a Ready node that could serve at once stays.
        if node.health.says_ready {
            check_reserve(facts, steps, node, found);
        }
    }
    check_what_is_left(facts, &deleted, found);
    let managed = facts.managed_count();
    let allowed = facts.policy.max_deletions.allows(managed);
    if deleted.len() > allowed {
        found.push(Violation::TooManyDeletions { deletions: deleted.len(), allowed, managed });
    }
}

/// The rules on a deletion that depend only on the node and on waiting pods, not on other actions. They judge a planned
/// deletion, and again the cluster right before it.
#[derive(Debug)]
pub(super) struct Gate<'a> {
    replicas: Replicas<'a>,
    movers: Movers<'a>,
    waiting: Waiting<'a>,
}

impl<'a> Gate<'a> {
    /// `is_open` tells whether a node will be schedulable.
    pub(super) fn new(
        facts: &Facts<'a>,
        going: &BTreeSet<NodeIndex>,
        is_open: impl Fn(NodeIndex, &NodeFacts<'a>) -> bool,
    ) -> Self {
        let (replicas, movers) = (Replicas::of(facts, going), Movers::of(facts, going, is_open));
        Self { replicas, movers, waiting: Waiting::of(facts) }
    }

    pub(super) fn judge(
        &self,
        facts: &Facts<'a>,
        (index, node): (NodeIndex, &NodeFacts<'a>),
        direction: Direction,
        found: &mut Vec<Violation>,
    ) {
        check_hands(facts, node, direction, found);
        match direction {
            Direction::Park => parked::check_group(facts, node, found),
            Direction::Delete | Direction::Cordon | Direction::Uncordon | Direction::Wake => {
                check_group(facts, node, found);
            }
        }
        check_empty(facts, node, found);
        check_disk(facts, node, found);
        check_drained(facts, node, found);
        if let Some((pod, controller)) = self.replicas.last_on(index) {
            let controller = format!("{} {}/{}", controller.kind, pod.namespace, controller.name);
            let pod = pod_name(pod);
            found.push(Violation::DeleteOfLastReplica { node: node.name(), pod, controller });
        }
        self.movers.speak_against(facts, (index, node), &self.replicas, found);
        self.waiting.speaks_against(facts, node, found);
    }
}

/// Whether this run may delete the node at all.
fn check_hands(facts: &Facts<'_>, node: &NodeFacts<'_>, direction: Direction, found: &mut Vec<Violation>) {
    let policy = facts.policy;
    check_never_unschedulable(node, direction, found);
    if node.marks.cordon == Cordon::None {
        found.push(Violation::DeleteOfSchedulable { node: node.name() });
    } else if !node.marks.allows_deletion(policy, facts.snapshot.observed_at()) {
        found.push(Violation::CordonedByOthers { node: node.name(), direction, adopt: policy.adopt_cordons });
    }
    if let Some(taint) = taint_of_others(facts, node) {
        found.push(Violation::TaintedByOthers { node: node.name(), direction, taint });
    }
    if node.own {
        found.push(Violation::DeleteOfOwnNode { node: node.name() });
    }
    let delays = node.node.annotations.keys().find(|key| key.starts_with(annotation::DELAY_DELETION));
    if let Some(annotation) = delays {
        found.push(Violation::DeletionDelayed { node: node.name(), annotation: annotation.clone() });
    }
    let machine = node.node.machine();
    let others = facts.snapshot.nodes().iter().filter(|other| other.name != node.node.name);
    if let Some(other) = others.filter(|_| machine.is_some()).find(|other| other.machine() == machine) {
        found.push(Violation::DeleteOfSharedMachine { node: node.name(), other: other.name.clone() });
    }
    if let Some(why) = &node.node.outside {
        found.push(Violation::DeleteOutsideGroups { node: node.name(), why: why.clone() });
    }
}

/// The key of a taint that was added after our own cordon, for a shorter time than a cordon of others must be old.
fn taint_of_others(facts: &Facts<'_>, node: &NodeFacts<'_>) -> Option<String> {
    let cordoned_at = node.marks.since().filter(|_| node.marks.cordon == Cordon::Ours)?;
    let now = facts.snapshot.observed_at();
    let young = |added_at| match facts.policy.adopt_cordons {
        AdoptCordons::Always => false,
        AdoptCordons::Never => true,
        AdoptCordons::After(least) => age(now, added_at) < least,
    };
    let keeps = |taint: &&Taint| taint.added_at.is_some_and(|at| at > cordoned_at && young(at));
    lasting(node.node, facts.policy).find(keeps).map(|taint| taint.key.clone())
}

/// Whether anything may be deleted from its group.
fn check_group(facts: &Facts<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    let groups = facts.snapshot.groups().iter();
    for group in groups.filter(|group| node.node.group.as_ref() == Some(&group.name)) {
        if let Some(why) = &group.not_shrinkable {
            found.push(Violation::DeleteFromGroup {
                node: node.name(),
                group: group.name.clone(),
                why: why.clone(),
            });
        }
    }
}

/// Whether it is empty, and has been for long enough.
fn check_empty(facts: &Facts<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    if let Some(pod) = node.occupant {
        let (occupants, pod) = (node.occupants, pod_name(pod));
        found.push(Violation::DeleteOfOccupied { node: node.name(), occupants, pod });
    }
    if let Some(pod) = node.lost_pod {
        found.push(Violation::DeleteLosesPod { node: node.name(), pod: pod_name(pod) });
    }
    let now = facts.snapshot.observed_at();
    let empty_for = node.marks.empty_since.map_or(SignedDuration::ZERO, |since| age(now, since));
    if let Some(volume) = &node.node.volume_in_use
        && node.health.says_ready
        && node.claimant.is_none()
        && empty_for < SignedDuration::from_mins(10)
    {
        found.push(Violation::DeleteWithMount { node: node.name(), volume: volume.to_string() });
    }
    let grace = facts.policy.empty_grace;
    if empty_for < grace {
        found.push(Violation::DeleteTooEarly {
            node: node.name(),
            empty_seconds: empty_for.as_secs(),
            grace_seconds: grace.as_secs(),
        });
    }
}

/// A Ready node is deleted only if enough others serve in its pool, and the pool does not grow.
fn check_reserve(facts: &Facts<'_>, steps: &Steps<'_>, node: &NodeFacts<'_>, found: &mut Vec<Violation>) {
    if steps.new_nodes_in(node.pool) > 0 || steps.woken_in(facts, node.pool) > 0 {
        found.push(Violation::DeleteWhileGrowing { node: node.name(), pool: node.pool.to_owned() });
    }
    let stays = |(index, one): &(NodeIndex, &NodeFacts<'_>)| {
        let reserved = one.reserved
            && one.health.says_ready
            && !matches!(steps.on(*index), Some(Direction::Delete | Direction::Park));
        steps.serves_after(*index, one) || reserved
    };
    let serving = facts.of_pool(node.pool).filter(stays).count();
    let min = facts.policy.bounds_of(node.pool).min_nodes;
    if serving < min {
        found.push(Violation::DeleteOfReserve { node: node.name(), serving, min });
    }
}

/// What a zone or a pool has of nodes, and what of them goes.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    stay: usize,
    go: usize,
    usable_stay: usize,
    usable_go: usize,
}

impl Left {
    /// Adds a node. `spared` is whether a deletion of it counts.
    fn add(&mut self, facts: &Facts<'_>, node: &NodeFacts<'_>, is_deleted: bool, spared: bool) {
        let serves_or_could = node.health.is_usable() && !node.cordon_must_stay(facts.policy);
        let usable = usize::from(serves_or_could || node.is_parked());
        if !is_deleted {
            self.stay += 1;
            self.usable_stay += usable;
        } else if spared {
            self.go += 1;
            self.usable_go += if node.health.says_ready { usable } else { 0 };
        }
    }

    /// Whether the last node goes, or the last that could serve.
    fn loses_the_last(self) -> bool {
        (self.stay == 0 && self.go > 0) || (self.usable_stay == 0 && self.usable_go > 0)
    }
}

/// The last common node of a zone stays with `KEEP_ZONES`; the last of a pool, unless `NODE_GROUPS` names groups. A node that
/// could serve is the last one if no other could.
fn check_what_is_left(facts: &Facts<'_>, deleted: &BTreeSet<NodeIndex>, found: &mut Vec<Violation>) {
    for pool in facts.pools() {
        let mut of_pool = Left::default();
        let mut zones: BTreeMap<&str, Left> = BTreeMap::new();
        for (index, node) in facts.of_pool(pool) {
            let is_deleted = deleted.contains(&index);
            of_pool.add(facts, node, is_deleted, true);
            // A node that is not Ready serves no disk, and where groups are named the zone can grow again without it.
            let spared = node.health.says_ready || !facts.policy.node_groups_named;
            if let Some(zone) = node.node.zone().filter(|_| node.is_common()) {
                zones.entry(zone).or_default().add(facts, node, is_deleted, spared);
            }
        }
        if of_pool.loses_the_last() && !facts.policy.node_groups_named {
            found.push(Violation::PoolDeleted { pool: pool.to_owned(), deleted: of_pool.go });
        }
        let keeps = facts.policy.bounds_of(pool).keep_zones;
        for (zone, left) in zones.into_iter().filter(|(_, left)| keeps && left.loses_the_last()) {
            let (pool, zone) = (pool.to_owned(), zone.to_owned());
            found.push(Violation::ZoneDeleted { pool, zone, deleted: left.go });
        }
    }
}
