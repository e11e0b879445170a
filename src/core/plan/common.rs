//! Decides which managed nodes are common, and which are reserved for pods that the pool mostly does not have (section 3).
//!
//! Lasting taints decide, because the users that are online at the moment must not turn nodes into capacity and back. So
//! most of the pool's pods must tolerate a node's lasting taints, and a judgement by few pods does not replace a recorded
//! one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::pools::PoolIndex;
use super::reach::{asks_for_windows, is_windows};
use super::reason::KeepReason;
use super::taints::{lasting, tolerates, written};
use crate::model::{
    Amounts, Constraints, FurtherAmounts, Labels, Ledger, Node, Pod, Taint, TaintEffect, TaintSet,
    is_extended_resource,
};
use crate::policy::{Policy, PoolName};

/// The judgement of each set of lasting taints in a pool.
pub(crate) type CommonTaints = BTreeMap<TaintSet, bool>;

/// The number of users' pods and placeholders with each set of constraints, by pool. Pods share their constraints, and they
/// come sorted, so most are counted by one comparison of addresses.
#[derive(Debug, Default)]
pub(super) struct Population<'a> {
    counts: Vec<(&'a Constraints, usize)>,
    /// The place of each pool's counts, by the address of the constraints.
    known: BTreeMap<(Option<PoolIndex>, usize), usize>,
    last: Option<(Option<PoolIndex>, &'a Constraints, usize)>,
}

impl<'a> Population<'a> {
    /// Counts a pod of a pool, or an unbound one, which may run in any pool.
    #[inline]
    pub(super) fn add(&mut self, pool: Option<PoolIndex>, pod: &'a Pod) {
        let constraints = &*pod.constraints;
        if let Some((last_pool, last, index)) = self.last
            && std::ptr::eq(last, constraints)
            && last_pool == pool
            && let Some((_, count)) = self.counts.get_mut(index)
        {
            *count += pod.count();
        } else {
            self.add_other(pool, constraints, pod.count());
        }
    }

    fn add_other(&mut self, pool: Option<PoolIndex>, constraints: &'a Constraints, pods: usize) {
        let address = std::ptr::from_ref(constraints).addr();
        let index = *self.known.entry((pool, address)).or_insert_with(|| {
            self.counts.push((constraints, 0));
            self.counts.len() - 1
        });
        self.last = Some((pool, constraints, index));
        if let Some((_, count)) = self.counts.get_mut(index) {
            *count += pods;
        }
    }

    /// Adds the pods of another population.
    pub(super) fn join(&mut self, other: &Self) {
        for ((pool, _), index) in &other.known {
            if let Some((constraints, count)) = other.counts.get(*index) {
                self.add_other(*pool, constraints, *count);
            }
        }
    }

    /// The constraints of the pods on a pool's nodes.
    pub(super) fn bound_to(&self, pool: PoolIndex) -> impl Iterator<Item = &'a Constraints> {
        let on_it = self.known.iter().filter(move |((of, _), _)| *of == Some(pool));
        on_it.filter_map(|(_, index)| self.counts.get(*index).map(|(constraints, _)| *constraints))
    }

    /// The constraints of the pods that a pool's nodes are judged by, with their numbers.
    pub(super) fn of(&self, pool: PoolIndex) -> impl Iterator<Item = (&'a Constraints, usize)> {
        let of_pool = self.known.iter().filter(move |((of, _), _)| of.is_none_or(|of| of == pool));
        of_pool.filter_map(|(_, index)| self.counts.get(*index).copied())
    }
}

/// A lasting taint: key, value, effect.
pub(super) type TaintRef<'n> = (&'n str, &'n str, TaintEffect);

/// The lasting properties of a node that keep pods away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lasting<'n> {
    taints: Vec<TaintRef<'n>>,
    windows: bool,
}

/// Zero to JupyterHub's taints of users' nodes, in the two spellings; each of its pods tolerates them.
const USERS: [&str; 2] = ["hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated"];

impl<'n> Lasting<'n> {
    fn of(labels: &Labels, taints: &'n [Taint], policy: &'n Policy) -> Self {
        let mut taints: Vec<TaintRef<'_>> = lasting(taints, policy)
            .map(|taint| (taint.key.as_str(), taint.value.as_str(), taint.effect))
            .collect();
        taints.sort_unstable();
        taints.dedup();
        Self { taints, windows: is_windows(labels) }
    }

    /// Whether it keeps no pod away.
    fn is_nothing(&self) -> bool {
        self.taints.iter().all(is_users) && !self.windows
    }

    fn admits(&self, constraints: &Constraints) -> bool {
        self.taints.iter().all(|(key, value, effect)| tolerates(constraints, key, value, *effect))
            && (!self.windows || asks_for_windows(constraints))
    }

    /// The set by which the ledger knows the judgement.
    fn to_set(&self) -> TaintSet {
        let owned = |(key, value, effect): &TaintRef<'_>| ((*key).to_owned(), (*value).to_owned(), *effect);
        self.taints.iter().map(owned).collect()
    }
}

/// Whether it is a taint of Zero to JupyterHub's for users' nodes.
pub(super) fn is_users((key, value, _): &TaintRef<'_>) -> bool {
    USERS.contains(key) && *value == "user"
}

/// Whether a taint dedicates a node to pods that need its device, or to a hub's core.
fn is_special((key, value, _): &TaintRef<'_>, has_device: &dyn Fn(&str) -> bool) -> bool {
    if USERS.contains(key) { *value == "core" } else { is_extended_resource(key) && has_device(key) }
}

/// Whether a taint dedicates nodes to pods that need a device of theirs, or to a hub's core.
pub(super) fn dedicates(taint: &Taint, nodes: &[&Node]) -> bool {
    let has_device = |device: &str| nodes.iter().any(|node| node_has(node, device));
    is_special(&(&taint.key, &taint.value, taint.effect), &has_device)
}

/// Whether a node has the device that a taint guards. A plugin gives other names to parts of one and to shared ones, but
/// the taint keeps its name: the name of the resource begins with it (`nvidia.com/gpu.shared`), or it is of the same vendor
/// and the taint says `gpu` (`nvidia.com/mig-1g.10gb`).
fn node_has(node: &Node, device: &str) -> bool {
    let is_it = |name: &Arc<str>| is_of_device(name, device);
    let has = |further: Option<&Arc<FurtherAmounts>>| further.is_some_and(|map| map.keys().any(is_it));
    has(node.allocatable.further.as_ref()) || has(node.capacity.further.as_ref())
}

fn is_of_device(name: &str, device: &str) -> bool {
    let vendor = device.strip_suffix("gpu").filter(|vendor| vendor.ends_with('/'));
    name.starts_with(vendor.unwrap_or(device))
}

/// The input of a judgement, in addition to the nodes.
#[derive(Debug)]
pub(super) struct Judge<'a, 'p> {
    pub(super) policy: &'a Policy,
    pub(super) ledger: Option<&'a Ledger>,
    pub(super) population: &'p Population<'a>,
    /// The constraints of the pods that the scheduler has refused.
    pub(super) waiting: &'p [&'a Constraints],
}

/// The judgement of a pool.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// The reason why a node is reserved, parallel to the marked nodes.
    pub(super) reserved: Vec<Option<KeepReason>>,
    /// The judgement of each set of lasting taints: the recorded and the new ones.
    pub(super) noted: CommonTaints,
}

impl<'a, 'p> Judge<'a, 'p> {
    /// Judges the managed nodes of a pool. `marked` are those with taints or Windows; the others keep no pod away.
    pub(super) fn judge(
        &self,
        pool: PoolIndex,
        name: &PoolName,
        nodes: usize,
        marked: &[&Node],
    ) -> Judgement {
        let all = self.lasting(marked);
        let carried = count_carriers(&all);
        let mut of_pool = self.of_pool(pool, name, nodes);
        let verdicts: Vec<Verdict> = marked
            .iter()
            .zip(all)
            .map(|(node, lasting)| {
                if lasting.is_nothing() {
                    return Verdict::Common;
                }
                of_pool.verdict(lasting, &|device| node_has(node, device), &carried)
            })
            .collect();
        let some_common = marked.len() < nodes || verdicts.contains(&Verdict::Common);
        let reserved = verdicts.into_iter().map(|verdict| match verdict {
            Verdict::Special(why) => Some(why),
            Verdict::Reserved(why) if some_common => Some(why),
            Verdict::Common | Verdict::Reserved(_) => None,
        });
        Judgement { reserved: reserved.collect(), noted: of_pool.noted }
    }

    /// Whether a node that does not exist yet would be reserved beside these managed nodes of a pool.
    pub(super) fn would_reserve(
        &self,
        pool: PoolIndex,
        name: &PoolName,
        nodes: &[&Node],
        new: &NewNode<'_>,
    ) -> bool {
        let lasting = Lasting::of(new.labels, new.taints, self.policy);
        if lasting.is_nothing() {
            return false;
        }
        let all = self.lasting(nodes);
        let carried = count_carriers(&all);
        let mut of_pool = self.of_pool(pool, name, nodes.len());
        let has_device = |device: &str| {
            new.offer.further().any(|(name, amount)| amount > 0 && is_of_device(name, device))
                || new.kin.iter().any(|node| node_has(node, device))
        };
        match of_pool.verdict(lasting, &has_device, &carried) {
            Verdict::Common => false,
            Verdict::Special(_) => true,
            // Where no node is common by itself, all are, and so is a new one.
            Verdict::Reserved(_) => nodes.iter().zip(all).any(|(node, lasting)| {
                lasting.is_nothing()
                    || of_pool.verdict(lasting, &|device| node_has(node, device), &carried) == Verdict::Common
            }),
        }
    }

    fn lasting<'n>(&self, nodes: &[&'n Node]) -> Vec<Lasting<'n>>
    where
        'a: 'n,
    {
        nodes.iter().map(|node| Lasting::of(&node.labels, &node.taints, self.policy)).collect()
    }

    fn of_pool<'n>(&self, pool: PoolIndex, name: &PoolName, nodes: usize) -> OfPool<'_, 'n, 'a, 'p> {
        let kept = self.ledger.and_then(|ledger| ledger.common.get(name)).cloned().unwrap_or_default();
        let (known, awaited) = (BTreeMap::new(), BTreeMap::new());
        OfPool { judge: self, pool, nodes, noted: kept.clone(), kept, known, awaited }
    }
}

/// A node that does not exist yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewNode<'n> {
    pub(super) labels: &'n Labels,
    pub(super) taints: &'n [Taint],
    /// Its expected amounts.
    pub(super) offer: &'n Amounts,
    /// The nodes of its group. A device of one of them, whatever its state is, shows what their taint is for.
    pub(super) kin: &'n [&'n Node],
}

/// The number of nodes with each lasting taint.
fn count_carriers<'n>(all: &[Lasting<'n>]) -> BTreeMap<TaintRef<'n>, usize> {
    let mut carried = BTreeMap::new();
    for taint in all.iter().flat_map(|lasting| &lasting.taints) {
        *carried.entry(*taint).or_default() += 1;
    }
    carried
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Common,
    /// Common after all if no node of the pool is.
    Reserved(KeepReason),
    /// Reserved in any case: its taint dedicates it to other pods.
    Special(KeepReason),
}

struct OfPool<'j, 'n, 'a, 'p> {
    judge: &'j Judge<'a, 'p>,
    pool: PoolIndex,
    /// The number of managed nodes.
    nodes: usize,
    /// The judgements of earlier runs.
    kept: CommonTaints,
    /// The same, with the judgements of this run.
    noted: CommonTaints,
    /// The reason why the lasting properties of a node reserve it, if they do.
    known: BTreeMap<Lasting<'n>, Option<KeepReason>>,
    /// By taint, whether a waiting pod tolerates it: thousands of pods are asked once.
    awaited: BTreeMap<TaintRef<'n>, bool>,
}

impl<'n> OfPool<'_, 'n, '_, '_> {
    fn verdict(
        &mut self,
        mut lasting: Lasting<'n>,
        has_device: &dyn Fn(&str) -> bool,
        carried: &BTreeMap<TaintRef<'_>, usize>,
    ) -> Verdict {
        let nodes = self.nodes;
        let everywhere = |taint: &TaintRef<'_>| carried.get(taint).copied().unwrap_or(0) == nodes;
        let with_pools = self.judge.policy.pool_label.is_some();
        let whole = lasting.clone();
        // With pools, a taint of the whole pool distinguishes none of its nodes.
        lasting.taints.retain(|taint| !(with_pools && everywhere(taint)));
        let special = lasting.taints.iter().find(|taint| is_special(taint, has_device)).copied();
        let mut specials = lasting.taints.iter().filter(|taint| is_special(taint, has_device));
        let welcome = specials.all(|taint| everywhere(taint) && self.is_awaited(*taint));
        lasting.taints.retain(|taint| !is_users(taint));
        let reason = if lasting.is_nothing() { None } else { self.reserved(&lasting, whole) };
        match (special, reason) {
            (_, None) if welcome => Verdict::Common,
            (Some((key, value, effect)), _) => {
                Verdict::Special(KeepReason::ReservedFor { taint: written(key, value, effect) })
            }
            (None, None) => Verdict::Common,
            (None, Some(why)) => Verdict::Reserved(why),
        }
    }

    fn is_awaited(&mut self, taint: TaintRef<'n>) -> bool {
        let (key, value, effect) = taint;
        let waiting = self.judge.waiting;
        let ask = || waiting.iter().any(|constraints| tolerates(constraints, key, value, effect));
        *self.awaited.entry(taint).or_insert_with(ask)
    }

    /// The reason why the lasting properties of a node reserve it, unless at least half of the pool's pods tolerate them.
    /// With too few pods for a new judgement, the recorded one holds.
    fn reserved(&mut self, lasting: &Lasting<'n>, whole: Lasting<'n>) -> Option<KeepReason> {
        if let Some(known) = self.known.get(&whole) {
            return known.clone();
        }
        let (mut admitted, mut pods) = (0_usize, 0_usize);
        for (constraints, count) in self.judge.population.of(self.pool) {
            pods += count;
            admitted += if lasting.admits(constraints) { count } else { 0 };
        }
        let set = whole.to_set();
        // A set of taints does not include Windows, so no judgement of such nodes is recorded.
        let kept = self.kept.get(&set).copied().filter(|_| pods < self.nodes && !lasting.windows);
        let common = kept.unwrap_or(pods > 0 && admitted.saturating_mul(2) >= pods);
        if pods > 0 && !lasting.windows {
            self.noted.insert(set, common);
        }
        let reason = (!common).then(|| self.reason(lasting));
        self.known.insert(whole, reason.clone());
        reason
    }

    /// Names the taint that the fewest pods tolerate.
    fn reason(&self, lasting: &Lasting<'_>) -> KeepReason {
        let tolerating = |(key, value, effect): &TaintRef<'_>| -> usize {
            let pods = self.judge.population.of(self.pool);
            pods.filter(|(one, _)| tolerates(one, key, value, *effect)).map(|(_, count)| count).sum()
        };
        match lasting.taints.iter().min_by_key(|taint| tolerating(taint)) {
            Some((key, value, effect)) => KeepReason::Reserved { taint: written(key, value, *effect) },
            None => KeepReason::ReservedWindows,
        }
    }
}

#[cfg(test)]
mod tests;
