//! Decides which cordoned nodes are given back, and why the others stay. Section 7.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::changes::{Changes, serves_after};
use super::elsewhere::Elsewhere;
use super::evictable::unmovable;
use super::fit::admits;
use super::late::would_refuse;
use super::loss::{HostLabels, names_host};
use super::notes::Limit;
use super::order::cordon;
use super::parked::{all_parked, group_of, is_parkable};
use super::places::{Nominated, free_now};
use super::pools::PoolIndex;
use super::reason::{CordonAge, Elapsed, KeepReason, NotEvicted, Since};
use super::replicas::Replicas;
use super::settle::reserved_ready;
use super::state::{Cordon, pinned_by, tainted_lately};
use super::survey::{NodeFacts, Survey};
use super::taints::takes_nobody_now;
use super::value::NodeState;
use super::waiting::{Waiting, WaitingPod};
use crate::model::{Affinity, Amounts, Node, NodeIndex, STORAGE_LABELS, STORAGELESS, StoredVolumes};
use crate::policy::{Drain, Policy};

/// The decision on each node that was cordoned when the run began and stays cordoned.
#[derive(Debug, Default)]
pub(super) struct Deletions {
    /// The nodes that are given back, oldest cordon first, then the surplus parked nodes.
    pub(super) delete: Vec<NodeIndex>,
    /// The given-back nodes that are parked instead of deleted.
    pub(super) park: BTreeSet<NodeIndex>,
    /// The nodes that only evictable pods keep from being given back, oldest cordon first.
    pub(super) drain: Vec<NodeIndex>,
    /// The reason why each of the others stays.
    pub(super) keep: BTreeMap<NodeIndex, KeepReason>,
    pub(super) limit: Option<Limit>,
}

/// The remaining cluster while nodes are removed from it, one by one.
struct Remaining<'r, 'a> {
    survey: &'r Survey<'a>,
    changes: &'r Changes,
    first_hour: &'r [WaitingPod<'a>],
    nominated: &'r Nominated,
    replicas: Replicas<'r, 'a>,
    elsewhere: Elsewhere<'r, 'a>,
    /// By pool: managed nodes.
    nodes: Vec<usize>,
    /// By pool: managed nodes that serve or that a run can make serve.
    usable: Vec<usize>,
    /// By pool and zone: the number of common nodes, and of common nodes that serve or that a run can make serve.
    by_zone: BTreeMap<(PoolIndex, &'a str), (usize, usize)>,
    /// The zones of pools that lose a Ready common node.
    lost_ready: BTreeSet<(PoolIndex, &'a str)>,
    /// By pool: nodes that serve after the plan, and Ready reserved ones.
    serving: Vec<usize>,
    going: BTreeSet<NodeIndex>,
}

impl Deletions {
    /// Deletes nothing: too many nodes are broken to trust the observation.
    pub(super) fn none(survey: &Survey<'_>, changes: &Changes) -> Self {
        let keep = |index, facts: &NodeFacts<'_>| {
            stays(survey, index, facts, false).unwrap_or(KeepReason::TooManyBroken)
        };
        let keep = cordoned(survey, changes).map(|(index, facts)| (index, keep(index, facts))).collect();
        Self { keep, ..Self::default() }
    }

    pub(super) fn new<'a>(survey: &Survey<'a>, changes: &Changes, waiting: &Waiting<'a>) -> Self {
        let mut cordoned: Vec<_> = cordoned(survey, changes).collect();
        // A cordon of unknown age counts as younger than any other. The sort is stable: then by name.
        cordoned.sort_by_key(|(_, facts)| (facts.cordoned_at.is_none(), facts.cordoned_at));
        let mut remaining = Remaining::new(survey, changes, waiting);
        let budget = survey.policy.max_deletions.allows(survey.managed().count());
        let (mut deletions, mut asked) = (Self::default(), 0);
        let parked: Vec<NodeIndex> =
            all_parked(survey).into_iter().filter(|index| !changes.wake.contains(index)).collect();
        let parked_max = survey.policy.parked_max.allows(survey.managed().count());
        let mut judge = |index: NodeIndex, facts: &NodeFacts<'a>, deletions: &mut Self, parks: bool| {
            let keep = stays(survey, index, facts, parks).or_else(|| remaining.needs(index, facts));
            if keep.is_none() && facts.is_drained_first(survey.policy) {
                remaining.remove(index, facts);
                deletions.drain.push(index);
                return false;
            }
            let keep = keep.or_else(|| {
                asked += 1;
                (deletions.delete.len() >= budget)
                    .then_some(KeepReason::DeletionBudget { max: survey.policy.max_deletions })
            });
            if let Some(reason) = keep {
                deletions.keep.insert(index, reason);
                return false;
            }
            remaining.remove(index, facts);
            deletions.delete.push(index);
            true
        };
        for (index, facts) in cordoned.into_iter().filter(|(_, facts)| facts.state != NodeState::Parked) {
            let parks = is_parkable(survey, facts) && deletions.park.len() < parked_max;
            if judge(index, facts, &mut deletions, parks) && parks {
                deletions.park.insert(index);
            }
        }
        // The nodes that have been parked longest are deleted, until PARKED_MAX remain.
        let mut surplus = (parked.len() + deletions.park.len()).saturating_sub(parked_max);
        for index in parked {
            let Some(facts) = survey.nodes.get(index) else { continue };
            if surplus == 0 {
                let keep = stays(survey, index, facts, true);
                deletions.keep.insert(index, keep.unwrap_or_else(|| parked_reason(survey, facts)));
            } else if judge(index, facts, &mut deletions, false) {
                surplus -= 1;
            }
        }
        let allowed = deletions.delete.len();
        deletions.limit = (asked > allowed).then_some(Limit::MaxDeletions { asked, allowed });
        deletions
    }
}

/// Whether a node serves, or a run can make it serve: by an uncordon, or by waking it.
fn is_usable(facts: &NodeFacts<'_>, policy: &Policy) -> bool {
    facts.state == NodeState::Parked || (facts.ready() && !facts.in_others_hands(policy))
}

/// The nodes that are cordoned and stay so.
fn cordoned<'r, 'a>(
    survey: &'r Survey<'a>,
    changes: &'r Changes,
) -> impl Iterator<Item = (NodeIndex, &'r NodeFacts<'a>)> {
    let stays = |&(index, _): &(NodeIndex, _)| {
        cordon(&changes.cordons, index) != Cordon::None && !changes.wake.contains(&index)
    };
    survey.managed().filter(|(_, facts)| facts.cordon != Cordon::None).filter(stays)
}

/// The reason why a parked node stays parked.
fn parked_reason(survey: &Survey<'_>, facts: &NodeFacts<'_>) -> KeepReason {
    let cannot = group_of(survey, facts).and_then(|group| Some((group, group.not_wakeable.as_ref()?)));
    match cannot {
        Some((group, why)) => KeepReason::CannotWake { group: group.name.clone(), why: why.clone() },
        None => KeepReason::Parked { parked: Since(facts.parked_at) },
    }
}

/// The reason why the node itself must not be given back: parked or deleted.
fn stays(survey: &Survey<'_>, index: NodeIndex, facts: &NodeFacts<'_>, parks: bool) -> Option<KeepReason> {
    let policy = survey.policy;
    if facts.claimed {
        return Some(KeepReason::Claimed);
    }
    // A woken node is to serve; whether it can, is known once it is Ready.
    if facts.state == NodeState::Booting && facts.woken_at.is_some() {
        return Some(KeepReason::Woken { woken: Since(facts.woken_at) });
    }
    // A node that others cordoned is not uncordoned, and is deleted only if it is empty and the cordon is old enough.
    if facts.in_others_hands(policy)
        && (facts.protected()
            || !facts.empty()
            || !facts.cordon_adopted(policy, survey.snapshot.observed_at()))
    {
        let age = CordonAge::at(survey.snapshot.observed_at(), facts.cordoned_at);
        let (cordoned, adopt) = (Since(facts.cordoned_at), policy.adopt_cordons);
        return Some(KeepReason::CordonedByOthers { cordoned, adopt, age });
    }
    if let Some(reason) = critical(survey, facts) {
        return Some(reason);
    }
    if let Some(mark) = pinned_by(facts.node) {
        return Some(KeepReason::ScaleDownDisabled { mark: mark.to_owned() });
    }
    let only_movable = facts.says_ready && facts.movable.len() == facts.occupants;
    if let Some(pod) = facts.occupant.filter(|_| !only_movable) {
        return Some(KeepReason::PodsRemaining {
            pods: facts.occupants,
            pod: pod.full_name(),
            deleting: pod.deleting,
        });
    }
    if let Some((pod, why)) = facts.loses.as_deref() {
        return Some(KeepReason::LosesPod { pod: pod.full_name(), why: why.clone() });
    }
    if facts.own {
        return Some(KeepReason::OwnNode);
    }
    if let Some(annotation) = facts.deletion_delayed {
        return Some(KeepReason::DeletionDelayed { annotation: annotation.to_owned() });
    }
    if let Some(why) = &facts.node.outside {
        return Some(KeepReason::NoNodeGroup { why: why.clone() });
    }
    if let Some(taint) = tainted_lately(facts.node, policy, survey.snapshot.observed_at()) {
        let age = CordonAge::at(survey.snapshot.observed_at(), taint.added_at);
        let (taint, adopt) = (taint.key.clone(), policy.adopt_cordons);
        return Some(KeepReason::TaintedByOthers { taint, adopt, age });
    }
    if let Some(node) = facts.twin {
        return Some(KeepReason::SharedMachine { node: node.to_owned() });
    }
    if facts.state == NodeState::Parked && parks {
        return None;
    }
    if let Some(reason) = volume_on_disk(survey, facts) {
        return Some(reason);
    }
    if let Some((group, why)) = not_shrinkable(survey, facts).filter(|_| !parks) {
        return Some(KeepReason::GroupNotShrunk { group: group.to_owned(), why: why.to_owned() });
    }
    if let Some(reason) = facts.awaits.as_deref() {
        return Some(reason.clone());
    }
    if let Some(reason) = still_mounted(survey, facts) {
        return Some(reason);
    }
    let empty_for = empty_for(survey, facts);
    // EMPTY_GRACE of a node that is still to be drained has not begun.
    if facts.empty() && empty_for < policy.empty_grace {
        let (empty_for, grace) = (Elapsed(empty_for), Elapsed(policy.empty_grace));
        return Some(KeepReason::EmptyTooShort { empty_for, grace });
    }
    would_refuse(survey, index)
}

/// How long an empty node waits for its kubelet to unmount the volumes of the pods that left. After six
/// minutes the control plane detaches a volume even if it is still mounted, so a longer wait gains nothing.
const UNMOUNT: SignedDuration = SignedDuration::from_mins(10);

/// A volume that the kubelet has not unmounted, although no pod is left there that would own it, as the reason to keep the
/// node.
pub(crate) fn still_mounted(survey: &Survey<'_>, facts: &NodeFacts<'_>) -> Option<KeepReason> {
    let volume = facts.node.volume_in_use.as_deref()?;
    let waits = facts.says_ready && !facts.has_claims && empty_for(survey, facts) < UNMOUNT;
    waits.then(|| KeepReason::VolumeInUse { volume: volume.to_owned() })
}

/// The critical pod of a node, and with DRAIN=movable the reason why it is not evicted.
pub(super) fn critical(survey: &Survey<'_>, facts: &NodeFacts<'_>) -> Option<KeepReason> {
    let pod = facts.critical?.full_name();
    Some(match not_moved(survey, facts) {
        Some(why) => KeepReason::NotMovable { pod, why },
        None => KeepReason::CriticalPod { pod },
    })
}

/// The reason why DRAIN=movable does not move the critical pod of a node.
pub(super) fn not_moved(survey: &Survey<'_>, facts: &NodeFacts<'_>) -> Option<NotEvicted> {
    let (pod, policy) = (facts.critical?, survey.policy);
    match policy.drain {
        Drain::Movable => unmovable(pod, facts.node, policy, survey.snapshot.volumes()),
        Drain::None | Drain::Omitted => None,
    }
}

/// The volume whose data would be lost with a node, as the reason to keep the node.
pub(crate) fn volume_on_disk(survey: &Survey<'_>, facts: &NodeFacts<'_>) -> Option<KeepReason> {
    if let Some((key, value)) = storage_label(facts.node) {
        return Some(KeepReason::StoresData { label: format!("{key}={value}") });
    }
    match &**survey.snapshot.stored_volumes() {
        StoredVolumes::NotListed => None,
        StoredVolumes::Listed(volumes) => {
            let mut labels = HostLabels::new(survey.snapshot.nodes());
            let mut is_on_it =
                |affinity: &Affinity| names_host(affinity, facts.node) || labels.names(affinity, facts.node);
            let on_it = volumes.iter().find(|volume| is_on_it(&volume.affinity))?;
            Some(KeepReason::StoresVolume { volume: on_it.described() })
        }
        StoredVolumes::Unknown { why } => Some(KeepReason::VolumesUnknown { why: why.clone() }),
    }
}

/// The label by which storage daemons use the disks of a node.
fn storage_label(node: &Node) -> Option<(&'static str, &'static str)> {
    let has = |(key, value): &(&str, &str)| node.labels.get(key) == Some(*value);
    STORAGE_LABELS.into_iter().find(has).filter(|_| !has(&STORAGELESS))
}

/// The group of a node, and why nothing must be deleted from it.
fn not_shrinkable<'a>(survey: &Survey<'a>, facts: &NodeFacts<'_>) -> Option<(&'a str, &'a str)> {
    let group = group_of(survey, facts)?;
    Some((&group.name, group.not_shrinkable.as_deref()?))
}

/// For how long a node has been seen empty; a mark from the future, made by a clock that was wrong, proves nothing.
fn empty_for(survey: &Survey<'_>, facts: &NodeFacts<'_>) -> SignedDuration {
    let age = facts.empty_since.map(|since| survey.snapshot.observed_at().duration_since(since));
    age.unwrap_or_default().max(SignedDuration::ZERO)
}

impl<'r, 'a> Remaining<'r, 'a> {
    fn new(survey: &'r Survey<'a>, changes: &'r Changes, waiting: &'r Waiting<'a>) -> Self {
        let pools = survey.pools.len();
        let mut remaining = Self {
            survey,
            changes,
            first_hour: &waiting.first_hour,
            nominated: &waiting.nominated,
            replicas: Replicas::new(survey),
            elsewhere: Elsewhere::new(survey, waiting.nominated.clone()),
            nodes: vec![0; pools],
            usable: vec![0; pools],
            by_zone: BTreeMap::new(),
            lost_ready: BTreeSet::new(),
            serving: vec![0; pools],
            going: BTreeSet::new(),
        };
        for (index, facts) in survey.managed() {
            let serves = serves_after(changes, facts, index) || reserved_ready(facts);
            let usable = is_usable(facts, survey.policy);
            let counts = [
                (&mut remaining.nodes, true),
                (&mut remaining.usable, usable),
                (&mut remaining.serving, serves),
            ];
            for (counts, one) in counts {
                if let Some(count) = counts.get_mut(facts.pool) {
                    *count += usize::from(one);
                }
            }
            if let Some(zone) = facts.zone.filter(|_| facts.common()) {
                let (all, of_use) = remaining.by_zone.entry((facts.pool, zone)).or_default();
                *all += 1;
                *of_use += usize::from(usable);
            }
        }
        remaining
    }

    /// The reason why the rest of the cluster needs the node.
    fn needs(&self, index: NodeIndex, facts: &NodeFacts<'a>) -> Option<KeepReason> {
        let policy = self.survey.policy;
        let bounds = policy.bounds_of(self.survey.pool_name(facts.pool));
        let of_pool = |counts: &[usize]| counts.get(facts.pool).copied().unwrap_or(0);
        if facts.says_ready {
            let (serving, min) = (of_pool(&self.serving), bounds.min_nodes);
            if serving < min {
                return Some(KeepReason::TooFewServing { serving, min });
            }
            if self.changes.created(facts.pool) > 0 {
                return Some(KeepReason::PoolGrows);
            }
            if self.changes.woken(facts.pool) > 0 {
                return Some(KeepReason::PoolWakes);
            }
            let free = free_now(facts, index, self.nominated);
            if let Some(one) = self.first_hour.iter().find(|one| self.would_take(facts, &free, one)) {
                return Some(KeepReason::FitsWaitingPod { pod: one.pod.full_name() });
            }
        }
        // A broken node does not replace one that could serve.
        let is_of_use = is_usable(facts, policy);
        let is_last = |all: usize, usable: usize| all <= 1 || (is_of_use && usable <= 1);
        // A node that is not Ready serves no disk. But the zone's group may be discovered only by it, and a Ready node of its
        // zone may be deleted in this run only because this one stays.
        if let Some(zone) = facts.zone
            && bounds.keep_zones
            && (facts.says_ready
                || !policy.node_groups_named
                || self.lost_ready.contains(&(facts.pool, zone)))
            && facts.common()
            && self.by_zone.get(&(facts.pool, zone)).is_some_and(|(all, usable)| is_last(*all, *usable))
        {
            return Some(KeepReason::LastOfZone { zone: zone.to_owned() });
        }
        if is_last(of_pool(&self.nodes), of_pool(&self.usable)) && !policy.node_groups_named {
            return Some(KeepReason::LastOfPool);
        }
        // Its pods are evicted first, one of each controller at a time, so their replicas are judged there.
        if facts.is_drained_first(policy) {
            return None;
        }
        let beside = || self.replicas.would_lose_beside(index, &self.going);
        let alone = || {
            let takes = |one: NodeIndex| cordon(&self.changes.cordons, one) == Cordon::None;
            self.elsewhere.only_here(index, takes, &self.going)
        };
        let (pod, why) = self.replicas.would_lose(index, &self.going).or_else(beside).or_else(alone)?;
        Some(KeepReason::LosesPod { pod: pod.full_name(), why })
    }

    /// Whether a node would take a waiting pod now, its cordon aside.
    fn would_take(&self, facts: &NodeFacts<'_>, free: &Amounts, one: &WaitingPod<'_>) -> bool {
        one.pod.requests.fits(free)
            && !takes_nobody_now(facts.node)
            && admits(self.survey, facts, one.shape())
    }

    fn remove(&mut self, index: NodeIndex, facts: &NodeFacts<'a>) {
        let usable = usize::from(is_usable(facts, self.survey.policy));
        for (counts, one) in [(&mut self.nodes, 1), (&mut self.usable, usable)] {
            if let Some(nodes) = counts.get_mut(facts.pool) {
                *nodes -= one;
            }
        }
        if let Some(zone) = facts.zone.filter(|_| facts.common()) {
            if let Some((all, of_use)) = self.by_zone.get_mut(&(facts.pool, zone)) {
                *all -= 1;
                *of_use -= usable;
            }
            if facts.says_ready {
                self.lost_ready.insert((facts.pool, zone));
            }
        }
        self.elsewhere.delete(index);
        self.going.insert(index);
    }
}
