//! Section 3: which nodes are common, and which are reserved for other pods.

use std::collections::{BTreeMap, BTreeSet};

use super::NodeFacts;
use super::taints::lasting;
use crate::check::reach::{asks_for_windows, is_windows, tolerates};
use crate::model::{Constraints, Ledger, Pod, Taint, TaintSet};
use crate::policy::Policy;

/// The keys of JupyterHub's taints; some tools forbid a slash.
const DEDICATED: [&str; 2] = ["hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated"];

/// The pods by which taints are judged: dynamic ones and placeholders, counted by their constraints.
#[derive(Debug, Default)]
pub(super) struct Voters<'a> {
    /// The pods on each pool's nodes, by the address of the constraints that many pods share.
    bound: BTreeMap<&'a str, Ballot<'a>>,
    /// The unbound pods, which count in every pool.
    unbound: Ballot<'a>,
    /// The constraints of the pods that the scheduler refuses.
    pub(super) waiting: Vec<&'a Constraints>,
}

type Ballot<'a> = BTreeMap<*const Constraints, (&'a Constraints, usize)>;

impl<'a> Voters<'a> {
    pub(super) fn add(&mut self, pool: Option<&'a str>, pod: &'a Pod) {
        let constraints = &*pod.constraints;
        let ballot = match pool {
            Some(pool) => self.bound.entry(pool).or_default(),
            None => &mut self.unbound,
        };
        ballot.entry(std::ptr::from_ref(constraints)).or_insert((constraints, 0)).1 += pod.count();
    }

    fn of_pool(&self, pool: &str) -> impl Iterator<Item = (&'a Constraints, usize)> {
        self.bound.get(pool).into_iter().chain([&self.unbound]).flat_map(|ballot| ballot.values().copied())
    }
}

/// Whether the judgement of a node depends on pods.
pub(super) fn is_in_question(node: &NodeFacts<'_>, policy: &Policy) -> bool {
    is_windows(node.node) || lasting(node.node, policy).next().is_some()
}

/// Fills in which managed nodes are reserved.
pub(super) fn complete(
    nodes: &mut [NodeFacts<'_>],
    voters: &Voters<'_>,
    ledger: Option<&Ledger>,
    policy: &Policy,
) {
    let mut pools: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate().filter(|(_, node)| node.managed) {
        pools.entry(node.pool).or_default().push(index);
    }
    for (pool, members) in pools {
        let judged = judge_pool(nodes, pool, &members, voters, ledger, policy);
        let none_is_common = judged.iter().all(|one| !one.common);
        for (at, one) in members.iter().zip(judged) {
            if let Some(node) = nodes.get_mut(*at) {
                node.reserved = if none_is_common { one.special } else { !one.common };
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Judged {
    common: bool,
    /// Whether it carries a taint that keeps it reserved even where its pool has no common node.
    special: bool,
}

fn judge_pool(
    nodes: &[NodeFacts<'_>],
    pool: &str,
    members: &[usize],
    voters: &Voters<'_>,
    ledger: Option<&Ledger>,
    policy: &Policy,
) -> Vec<Judged> {
    let facts = || members.iter().filter_map(|at| nodes.get(*at));
    let mut carried_by: BTreeMap<&Taint, usize> = BTreeMap::new();
    for node in facts() {
        let distinct: BTreeSet<&Taint> = lasting(node.node, policy).collect();
        for taint in distinct {
            *carried_by.entry(taint).or_default() += 1;
        }
    }
    // The time of a taint does not matter.
    let mut carriers: BTreeMap<TaintSetKey<'_>, usize> = BTreeMap::new();
    for (taint, count) in carried_by {
        *carriers.entry(key_of(taint)).or_default() += count;
    }
    let everywhere =
        |taint: &Taint| carriers.get(&key_of(taint)).is_some_and(|count| *count >= members.len());
    let kept = ledger.and_then(|ledger| ledger.common.get(pool));
    let mut remembered: BTreeMap<(TaintSet, bool), bool> = BTreeMap::new();
    let mut waited_for: BTreeMap<TaintSetKey<'_>, bool> = BTreeMap::new();
    facts()
        .map(|node| {
            let taints: Vec<&Taint> = lasting(node.node, policy).collect();
            let windows = is_windows(node.node);
            let special: Vec<&Taint> =
                taints.iter().copied().filter(|taint| is_special(taint, node)).collect();
            let in_question: Vec<&Taint> = taints
                .iter()
                .copied()
                .filter(|taint| !is_for_users(taint))
                .filter(|taint| policy.pool_label.is_none() || !everywhere(taint))
                .collect();
            let welcome = special.iter().all(|taint| {
                everywhere(taint)
                    && (policy.pool_label.is_some()
                        || *waited_for
                            .entry(key_of(taint))
                            .or_insert_with(|| voters.waiting.iter().any(|pod| tolerates(pod, taint))))
            });
            let common = welcome
                && ((in_question.is_empty() && !windows)
                    || *remembered.entry((set_of(&taints), windows)).or_insert_with(|| {
                        by_majority(voters, pool, &in_question, windows, members.len(), || {
                            kept.and_then(|kept| kept.get(&set_of(&taints))).copied()
                        })
                    }));
            let by_pool = policy.pool_label.is_some() && welcome;
            Judged { common, special: !special.is_empty() && !by_pool }
        })
        .collect()
}

/// At least half of the pods, of which there is at least one. Few pods do not replace an earlier judgement by many.
fn by_majority(
    voters: &Voters<'_>,
    pool: &str,
    taints: &[&Taint],
    windows: bool,
    managed: usize,
    kept: impl Fn() -> Option<bool>,
) -> bool {
    let (mut all, mut welcome) = (0_usize, 0_usize);
    for (constraints, count) in voters.of_pool(pool) {
        all += count;
        let tolerated = taints.iter().all(|taint| tolerates(constraints, taint));
        if tolerated && (!windows || asks_for_windows(constraints)) {
            welcome += count;
        }
    }
    let judged = all > 0 && welcome * 2 >= all;
    // A recorded judgement has only taints, so none is recorded for Windows nodes.
    if all < managed && !windows { kept().unwrap_or(judged) } else { judged }
}

type TaintSetKey<'a> = (&'a str, &'a str, crate::model::TaintEffect);

fn key_of(taint: &Taint) -> TaintSetKey<'_> {
    (&taint.key, &taint.value, taint.effect)
}

fn set_of(taints: &[&Taint]) -> TaintSet {
    taints.iter().map(|taint| (taint.key.clone(), taint.value.clone(), taint.effect)).collect()
}

fn is_for_users(taint: &Taint) -> bool {
    DEDICATED.contains(&taint.key.as_str()) && taint.value == "user"
}

/// A taint that dedicates a node to users of its device, or to the hub itself.
fn is_special(taint: &Taint, node: &NodeFacts<'_>) -> bool {
    // A plugin may name the parts of a device differently: `nvidia.com/mig-1g.10gb` under the taint `nvidia.com/gpu`.
    let key = taint.key.as_str();
    let is_of_device = |name: &str| match key.rsplit_once('/') {
        Some((vendor, "gpu")) => name.split('/').next() == Some(vendor),
        Some(_) | None => name.starts_with(key),
    };
    let guards_device = || {
        crate::model::is_extended_resource(key)
            && [&node.node.allocatable, &node.node.capacity].iter().any(|resources| {
                resources
                    .further
                    .as_ref()
                    .is_some_and(|further| further.keys().any(|name| is_of_device(name)))
            })
    };
    (DEDICATED.contains(&taint.key.as_str()) && taint.value == "core") || guards_device()
}
