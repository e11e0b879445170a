//! Which managed nodes are common, and which are reserved for pods that the pool mostly does not have (section 3).
//!
//! The taints decide and not the capacity: who happens to be online must not turn nodes into capacity and back. So most of
//! the pool's pods must tolerate what is lasting about a node, and a judgement by few pods does not replace a kept one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::reach::{asks_for_windows, is_windows};
use super::reason::KeepReason;
use super::survey::{CommonTaints, PoolIndex};
use super::taints::{lasting, tolerates, written};
use crate::model::{Constraints, Ledger, Node, TaintEffect, is_extended_resource};
use crate::policy::{Policy, PoolName};

/// How many users' pods and placeholders have which constraints, by pool. Pods share their constraints, and they come
/// sorted, so most are counted by one pointer comparison.
#[derive(Debug, Default)]
pub(super) struct Population<'a> {
    counts: Vec<(&'a Constraints, usize)>,
    known: BTreeMap<(Option<PoolIndex>, *const Constraints), usize>,
    last: Option<(Option<PoolIndex>, *const Constraints, usize)>,
}

impl<'a> Population<'a> {
    /// Counts a pod of a pool, or an unbound one, which may go to any pool.
    pub(super) fn add(&mut self, pool: Option<PoolIndex>, constraints: &'a Arc<Constraints>) {
        let pointer = Arc::as_ptr(constraints);
        let index = match self.last {
            Some((last_pool, last, index)) if last_pool == pool && last == pointer => index,
            _ => *self.known.entry((pool, pointer)).or_insert_with(|| {
                self.counts.push((constraints, 0));
                self.counts.len() - 1
            }),
        };
        self.last = Some((pool, pointer, index));
        if let Some((_, count)) = self.counts.get_mut(index) {
            *count += 1;
        }
    }

    /// The constraints of the pods that a pool's nodes are judged by, with their numbers.
    fn of(&self, pool: PoolIndex) -> impl Iterator<Item = (&'a Constraints, usize)> {
        let of_pool = self.known.iter().filter(move |((of, _), _)| of.is_none_or(|of| of == pool));
        of_pool.filter_map(|(_, index)| self.counts.get(*index).copied())
    }
}

/// A lasting taint: key, value, effect.
type TaintRef<'n> = (&'n str, &'n str, TaintEffect);

/// What is lasting about a node that keeps pods away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lasting<'n> {
    taints: Vec<TaintRef<'n>>,
    windows: bool,
}

/// A Windows node keeps pods away as if it had this taint; so it is kept in the ledger.
const AS_WINDOWS: TaintRef<'static> = ("kubernetes.io/os", "windows", TaintEffect::NoSchedule);

/// Zero to JupyterHub's taints of users' nodes, in the two spellings; each of its pods tolerates them.
const USERS: [&str; 2] = ["hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated"];

impl<'n> Lasting<'n> {
    fn of(node: &'n Node, policy: &'n Policy) -> Self {
        let is_users = |taint: &TaintRef<'_>| USERS.contains(&taint.0) && taint.1 == "user";
        let mut taints: Vec<TaintRef<'_>> = lasting(&node.taints, policy)
            .map(|taint| (taint.key.as_str(), taint.value.as_str(), taint.effect))
            .filter(|taint| !is_users(taint))
            .collect();
        taints.sort_unstable();
        taints.dedup();
        Self { taints, windows: is_windows(&node.labels) }
    }

    fn is_nothing(&self) -> bool {
        self.taints.is_empty() && !self.windows
    }

    fn admits(&self, constraints: &Constraints) -> bool {
        self.taints.iter().all(|(key, value, effect)| tolerates(constraints, key, value, *effect))
            && (!self.windows || asks_for_windows(constraints))
    }

    fn to_set(&self) -> BTreeSet<(String, String, TaintEffect)> {
        let windows = self.windows.then_some(AS_WINDOWS);
        let all = self.taints.iter().copied().chain(windows);
        all.map(|(key, value, effect)| (key.to_owned(), value.to_owned(), effect)).collect()
    }
}

/// Whether a taint is there to keep a node for pods that need what only that node has: a device, or a hub's core.
fn is_special(taint: &TaintRef<'_>, node: &Node) -> bool {
    let (key, value, _) = taint;
    if USERS.contains(key) {
        return *value == "core";
    }
    let has = |further: Option<&Arc<_>>| {
        further.is_some_and(|map: &Arc<crate::model::FurtherAmounts>| map.contains_key(*key))
    };
    is_extended_resource(key)
        && (has(node.allocatable.further.as_ref()) || has(node.capacity.further.as_ref()))
}

/// What a judgement is made from, beside the nodes.
#[derive(Debug)]
pub(super) struct Judge<'a, 'p> {
    pub(super) policy: &'a Policy,
    pub(super) ledger: Option<&'a Ledger>,
    pub(super) population: &'p Population<'a>,
    /// The constraints of the pods that the scheduler has refused.
    pub(super) waiting: &'p [&'a Constraints],
}

/// What was judged of a pool.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// Why a node is reserved, parallel to the nodes judged.
    pub(super) reserved: Vec<Option<KeepReason>>,
    /// Which sets of lasting taints are common: what is kept, and what is judged anew.
    pub(super) noted: CommonTaints,
}

impl Judge<'_, '_> {
    /// Judges the managed nodes of a pool.
    pub(super) fn judge(&self, pool: PoolIndex, name: &PoolName, nodes: &[&Node]) -> Judgement {
        let kept = self.ledger.and_then(|ledger| ledger.common.get(name)).cloned().unwrap_or_default();
        let mut of_pool = OfPool { judge: self, pool, nodes: nodes.len(), kept, known: BTreeMap::new() };
        let all: Vec<Lasting<'_>> = nodes.iter().map(|node| Lasting::of(node, self.policy)).collect();
        let carried = count_carriers(&all);
        let verdicts: Vec<Verdict> = nodes
            .iter()
            .zip(all)
            .map(|(node, lasting)| {
                if lasting.is_nothing() {
                    return Verdict::Common;
                }
                of_pool.verdict(node, lasting, &carried)
            })
            .collect();
        let some_common = verdicts.contains(&Verdict::Common);
        let reserved = verdicts.into_iter().map(|verdict| match verdict {
            Verdict::Special(why) => Some(why),
            Verdict::Reserved(why) if some_common => Some(why),
            Verdict::Common | Verdict::Reserved(_) => None,
        });
        Judgement { reserved: reserved.collect(), noted: of_pool.kept }
    }
}

/// How many nodes carry each lasting taint.
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
    /// Reserved in any case: its taint keeps it for pods that need what only it has.
    Special(KeepReason),
}

struct OfPool<'j, 'a, 'p> {
    judge: &'j Judge<'a, 'p>,
    pool: PoolIndex,
    /// The number of managed nodes.
    nodes: usize,
    kept: CommonTaints,
    known: BTreeMap<Lasting<'j>, bool>,
}

impl<'j> OfPool<'j, '_, '_> {
    fn verdict(
        &mut self,
        node: &Node,
        mut lasting: Lasting<'j>,
        carried: &BTreeMap<TaintRef<'_>, usize>,
    ) -> Verdict {
        let everywhere = |taint: &TaintRef<'_>| carried.get(taint).is_some_and(|count| *count == self.nodes);
        let with_pools = self.judge.policy.pool_label.is_some();
        let awaited = |(key, value, effect): &TaintRef<'_>| {
            self.judge.waiting.iter().any(|constraints| tolerates(constraints, key, value, *effect))
        };
        // What the whole pool carries distinguishes no node of it.
        let harmless = |taint: &TaintRef<'_>| {
            everywhere(taint) && (with_pools || (is_special(taint, node) && awaited(taint)))
        };
        lasting.taints.retain(|taint| !harmless(taint));
        if let Some((key, value, effect)) = lasting.taints.iter().find(|taint| is_special(taint, node)) {
            return Verdict::Special(KeepReason::ReservedFor { taint: written(key, value, *effect) });
        }
        if lasting.is_nothing() || self.is_common(&lasting) {
            return Verdict::Common;
        }
        Verdict::Reserved(self.reason(&lasting))
    }

    /// Whether at least half of the pool's pods get along with what is lasting about a node, by the kept judgement where
    /// there are too few pods for a new one.
    fn is_common(&mut self, lasting: &Lasting<'j>) -> bool {
        if let Some(common) = self.known.get(lasting) {
            return *common;
        }
        let (mut admitted, mut pods) = (0_usize, 0_usize);
        for (constraints, count) in self.judge.population.of(self.pool) {
            pods += count;
            admitted += if lasting.admits(constraints) { count } else { 0 };
        }
        let set = lasting.to_set();
        let kept = self.kept.get(&set).copied().filter(|_| pods < self.nodes);
        let common = kept.unwrap_or(pods > 0 && admitted.saturating_mul(2) >= pods);
        if pods > 0 {
            self.kept.insert(set, common);
        }
        self.known.insert(lasting.clone(), common);
        common
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
