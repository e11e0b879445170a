//! Section 4: the demand of each pool's pods, without the daemons of the serving nodes and without foresight.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::facts::{Class, Facts, Home, NodeFacts, class, deciding, is_omitted, takes_pods_now};
use super::growth;
use super::parked;
use super::reach::{Admission, volume_affinities};
use super::steps::Steps;
use super::violation::Direction;
use super::waiting::{is_as_good_as_on, is_waiting, nominated_node};
use crate::model::{Amounts, Constraints, Node, NodeGroup, Pod, Resource};
use crate::plan::NodeState;

/// The requests of each pool, and of the pods whose pool only the shape of new nodes tells.
#[derive(Debug)]
pub(super) struct Demand<'a> {
    of_pools: BTreeMap<&'a str, Amounts>,
    undecided: Vec<Undecided<'a>>,
}

/// The requests of equal pods that no existing node has room for now. By section 14 they belong to the first pool whose new
/// node takes them, else to the first that they reach. This checker does not know the shape of new nodes.
#[derive(Debug)]
struct Undecided<'a> {
    /// The pools that they may belong to, two at least.
    pools: Vec<&'a str>,
    requests: Amounts,
}

impl<'a> Demand<'a> {
    pub(super) fn of(facts: &Facts<'a>) -> Self {
        let of_pools = facts.pools().into_iter().map(|pool| (pool, deciding(0, 0))).collect();
        let mut demand = Self { of_pools, undecided: Vec::new() };
        for node in facts.managed().filter(|node| node.is_common()) {
            let stays = !node.node.unschedulable && node.health.keeps_its_users();
            if !stays {
                demand.add(node.pool, &node.dynamic.clone().plus(&node.critical));
            }
            demand.add(node.pool, &node.placeholders);
        }
        for (pool, amounts) in of_reserved_nodes(facts) {
            demand.add(pool, &amounts);
        }
        // By address, so in no order that says anything.
        let mut known: BTreeMap<Likeness<'_>, usize> = BTreeMap::new();
        for (pools, pod) in of_unbound(facts) {
            if let [pool] = pools {
                demand.add(pool, &deciding_of(pod));
                continue;
            }
            let at = *known.entry(likeness(facts, pod)).or_insert(demand.undecided.len());
            match demand.undecided.get_mut(at) {
                Some(alike) => alike.requests.add(&deciding_of(pod)),
                None => {
                    demand.undecided.push(Undecided { pools: pools.to_vec(), requests: deciding_of(pod) });
                }
            }
        }
        demand
    }

    fn add(&mut self, pool: &'a str, amounts: &Amounts) {
        self.of_pools.entry(pool).or_insert_with(|| deciding(0, 0)).add(amounts);
    }

    /// The requests of each pool, where equal undecided pods belong to a pool in which they break no rule, if there is one.
    /// `is_judged` names the pools of which the requests matter; `holds`, whether such a pool may have these requests.
    pub(super) fn decided(
        mut self,
        is_judged: impl Fn(&str) -> bool,
        holds: impl Fn(&str, &Amounts) -> bool,
    ) -> BTreeMap<&'a str, Amounts> {
        for Undecided { pools, requests } in std::mem::take(&mut self.undecided) {
            let with = |pool: &str| {
                let before = self.of_pools.get(pool).cloned();
                before.unwrap_or_else(|| deciding(0, 0)).plus(&requests)
            };
            let free = pools.iter().find(|pool| !is_judged(pool));
            let home = free.or_else(|| pools.iter().find(|pool| holds(pool, &with(pool))));
            if let Some(pool) = home.or(pools.first()) {
                self.add(pool, &requests);
            }
        }
        self.of_pools
    }

    /// The requests of each pool, where undecided pods belong to the first pool that they reach.
    pub(super) fn by_reach(self) -> BTreeMap<&'a str, Amounts> {
        self.decided(|_| true, |_, _| true)
    }
}

fn deciding_of(pod: &Pod) -> Amounts {
    deciding(pod.requests.of(Resource::Memory), pod.requests.of(Resource::Cpu))
}

/// Users' pods and placeholders on reserved nodes that would reach a common node of their pool: they may come back there.
fn of_reserved_nodes<'a>(facts: &Facts<'a>) -> Vec<(&'a str, Amounts)> {
    let mut found = Vec::new();
    if !facts.managed().any(|node| node.reserved) {
        return found;
    }
    let mut fits = Fits::default();
    for (index, pod) in facts.on_tainted.iter().copied() {
        let Some(node) = facts.nodes.get(index).filter(|node| node.reserved) else { continue };
        let class = class(pod, facts.policy);
        let stays = class == Class::Dynamic && !node.node.unschedulable && node.health.keeps_its_users();
        if !matches!(class, Class::Dynamic | Class::Placeholder) || stays {
            continue;
        }
        if fits.anywhere(facts, pod, node.pool, NodeFacts::is_common) {
            let has = |resource| {
                let offered = node.node.allocatable.of(resource).max(node.node.capacity.of(resource));
                pod.requests.of(resource).min(offered.filter(|amount| *amount > 0).unwrap_or(u64::MAX))
            };
            let requests = deciding(has(Resource::Memory), has(Resource::Cpu));
            found.push((node.pool, requests.times(pod.count())));
        }
    }
    found
}

/// The unbound pods that would fit a candidate of their pool without occupants, with the pools that they may belong to.
///
/// A pod that only a new node would take is left out: no existing node could serve it, so it is no reason against a
/// cordon. So is a pod that may belong to a pool in which only a new node would take it.
fn of_unbound<'f, 'a>(facts: &'f Facts<'a>) -> Vec<(&'f [&'a str], &'a Pod)> {
    let mut fits = Fits::default();
    // As if it were bound: a critical pod with a nomination for a reserved node does not count.
    let stays_apart = |pod: &'a Pod| {
        class(pod, facts.policy) == Class::Critical
            && is_as_good_as_on(facts, pod).is_some_and(|node| node.reserved)
    };
    let mut fits_all = |pools: &[&'a str], pod: &'a Pod| {
        pools.iter().all(|pool| fits.anywhere(facts, pod, pool, |node| is_candidate(facts, node)))
    };
    let at_home = all_homes(facts).iter().map(|(pod, pools)| (&**pools, *pod));
    let at_home = at_home.filter(|(pools, pod)| !pools.is_empty() && !stays_apart(pod));
    at_home.filter(|(pools, pod)| fits_all(pools, pod)).collect()
}

/// The unbound pods that are taken into account, each with the pool that it belongs to: if only the shape of new nodes tells
/// which, with the first that it reaches.
fn homes<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (&'a Pod, Option<&'a str>)> {
    all_homes(facts).iter().map(|(pod, pools)| (*pod, pools.first().copied()))
}

/// The unbound pods that are taken into account, each with the pools that it may belong to. They are found once for all rules.
pub(super) fn all_homes<'f, 'a>(facts: &'f Facts<'a>) -> &'f [Home<'a>] {
    facts.homes.get_or_init(|| find_homes(facts))
}

fn find_homes<'a>(facts: &Facts<'a>) -> Vec<Home<'a>> {
    #[cfg(test)]
    SEARCHES.set(SEARCHES.get() + 1);
    let pools: Vec<&str> = facts.pools().into_iter().collect();
    let counts = |pod: &&Pod| {
        let left_out = pod.unbound.as_ref().is_some_and(|unbound| unbound.gated || unbound.set_aside);
        !left_out && !is_omitted(pod, facts.policy) && class(pod, facts.policy) != Class::Daemon
    };
    // A group without nodes may be the only part of its pool.
    let mut of_groups = facts.snapshot.groups().iter().filter_map(|group| facts.pool_of(group));
    let has_others = of_groups.any(|pool| !pools.contains(&pool));
    let nominated = nominated(facts, facts.unbound.iter().copied().filter(counts));
    let mut rooms: BTreeMap<Likeness<'a>, Rc<[&'a str]>> = BTreeMap::new();
    let mut only_pool = None;
    let mut found = Vec::new();
    for pod in facts.unbound.iter().copied().filter(counts) {
        let pools = match (pools.as_slice(), is_as_good_as_on(facts, pod)) {
            ([only], _) if !has_others => Rc::clone(only_pool.get_or_insert_with(|| Rc::from([*only]))),
            (_, Some(node)) => Rc::from([node.pool]),
            _ => {
                let room = rooms.entry(likeness(facts, pod));
                Rc::clone(room.or_insert_with(|| pools_of(facts, pod, &nominated).into()))
            }
        };
        found.push((pod, pools));
    }
    found
}

#[cfg(test)]
thread_local! {
    /// The number of searches for the pools of all unbound pods on this thread.
    pub(super) static SEARCHES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The requests of the pods that count as bound to the node for which the scheduler has nominated them, by the node's name.
fn nominated<'a>(facts: &Facts<'a>, pods: impl Iterator<Item = &'a Pod>) -> BTreeMap<&'a str, Amounts> {
    let mut requests: BTreeMap<&str, Amounts> = BTreeMap::new();
    for pod in pods.filter(|pod| class(pod, facts.policy) != Class::Placeholder) {
        if let Some(node) = is_as_good_as_on(facts, pod) {
            requests.entry(&node.node.name).or_default().add(&pod.requests);
        }
    }
    requests
}

/// The requests of pods of other pools that a pool takes: the plan uncordons the node that the scheduler has nominated for
/// them. Their own pools count them too, because that uncordon may fail (section 6).
pub(super) fn arriving(facts: &Facts<'_>, steps: &Steps<'_>, pool: &str) -> Amounts {
    let mut sum = deciding(0, 0);
    let here: Vec<&NodeFacts<'_>> = facts
        .of_pool(pool)
        .filter(|(index, node)| {
            steps.on(*index) == Some(Direction::Uncordon) && steps.serves_after(*index, node)
        })
        .map(|(_, node)| node)
        .collect();
    if here.is_empty() {
        return sum;
    }
    for (pod, home) in homes(facts).filter(|(pod, _)| is_waiting(facts, pod)) {
        let comes_here =
            || nominated_node(facts, pod).is_some_and(|node| here.iter().any(|one| std::ptr::eq(*one, node)));
        if home != Some(pool) && comes_here() {
            sum.add(&deciding_of(pod));
        }
    }
    sum
}

/// Whether the node may serve after this run.
pub(super) fn is_candidate(facts: &Facts<'_>, node: &NodeFacts<'_>) -> bool {
    let usable = node.health.is_usable() && !node.cordon_must_stay(facts.policy);
    node.is_common() && (usable || node.boots() || parked::is_wakeable(facts, node))
}

/// The pool with the first place for an unbound pod: room on a serving node, on a cordoned candidate, on a reserved one (a
/// schedulable one before a cordoned one), a booting one, a parked one. Among equals, a pool without devices that it does not ask
/// for, then by name. If there is no such place, all pools that it reaches, in this order.
fn pools_of<'a>(facts: &Facts<'a>, pod: &'a Pod, nominated: &BTreeMap<&str, Amounts>) -> Vec<&'a str> {
    let admission = facts.admission(pod);
    let place = |node: &NodeFacts<'a>| {
        let free = node.free_once_up();
        let left = nominated.get(node.node.name.as_str()).map(|taken| free.clone().minus(taken));
        let room = pod.requests.fits(left.as_ref().unwrap_or(&free));
        let room_now = room && takes_pods_now(node.node);
        let comes = node.boots() || node.is_parked();
        if node.serves() && room_now {
            0
        } else if is_candidate(facts, node) && !comes && room_now {
            1
        } else if node.reserved && node.health.is_usable() && !node.node.unschedulable && room_now {
            2
        } else if node.reserved && node.health.is_usable() && !node.cordon_must_stay(facts.policy) && room_now
        {
            3
        } else if node.boots() && room {
            4
        } else if is_candidate(facts, node) && node.is_parked() && room {
            5
        } else {
            NO_PLACE
        }
    };
    let foreign_device = |pool: &str| {
        facts.of_pool(pool).filter(|(_, node)| node.is_common()).any(|(_, node)| {
            let offer = node.node.allocatable.offer(&node.node.capacity);
            offer.further().any(|(name, amount)| {
                amount > 0 && crate::model::is_extended_resource(name) && pod.requests.further_of(name) == 0
            })
        })
    };
    let foreign: BTreeSet<&str> = facts.pools().into_iter().filter(|pool| foreign_device(pool)).collect();
    // A broken node takes nobody, and shows nothing of a new one.
    let is_broken = |node: &NodeFacts<'_>| node.state() == Some(NodeState::Broken);
    let mut reached: Vec<_> = facts
        .managed()
        .filter(|node| !is_broken(node) && admission.admits(node, facts.policy))
        .filter(|node| pod.requests.fits(&node.free_of_occupants_once_up()))
        .map(|node| (place(node), foreign.contains(node.pool), node.pool))
        .collect();
    reached.sort_unstable();
    match reached.first() {
        Some((place, _, pool)) if *place < NO_PLACE => vec![*pool],
        None => Vec::new(),
        Some(_) => {
            let mut seen = BTreeSet::new();
            let by_node = reached.into_iter().map(|(_, _, pool)| pool);
            by_node.chain(by_templates(facts, pod, &admission)).filter(|pool| seen.insert(*pool)).collect()
        }
    }
}

/// The rank of a node without room.
const NO_PLACE: u8 = 6;

/// The pools of groups that can grow and whose template would take a pod.
fn by_templates<'a>(facts: &Facts<'a>, pod: &Pod, admission: &Admission<'_>) -> Vec<&'a str> {
    let snapshot = facts.snapshot;
    let takes = |group: &NodeGroup| {
        let template = group.template.as_ref().filter(|one| group.not_growable.is_none() && !one.only_size);
        template.is_some_and(|template| {
            let node = |zone: Option<&String>| {
                let mut labels = template.labels.clone();
                if let Some(zone) = zone {
                    labels.insert(ZONE.to_owned(), zone.clone());
                }
                Node { labels, taints: template.taints.clone(), ..Node::default() }
            };
            let zones = group.zone.iter().chain(&group.zones).map(Some);
            let mut nodes = zones.chain(group.zone.is_none().then_some(None)).map(node);
            pod.requests.fits(&template.allocatable.offer(&template.capacity))
                && nodes.any(|node| admission.admits_new(&node, facts.policy))
        })
    };
    let groups = snapshot.groups().iter().filter(|group| growth::is_ours(facts, group) && takes(group));
    groups.filter_map(|group| facts.pool_of(group)).collect()
}

/// The label that names a node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";

type Likeness<'a> = (*const Constraints, &'a Amounts, Option<(&'a str, &'a str)>);

/// A key that is equal for pods that fit the same nodes.
pub(super) fn likeness<'a>(facts: &Facts<'a>, pod: &'a Pod) -> Likeness<'a> {
    let placed = volume_affinities(pod, facts.snapshot).next().is_some();
    let alone = placed.then_some((&*pod.namespace, &*pod.name));
    (std::sync::Arc::as_ptr(&pod.constraints), &pod.requests, alone)
}

/// Computes which pods fit a node of a pool without occupants, once for equal pods.
#[derive(Default)]
struct Fits<'a> {
    known: BTreeMap<(&'a str, Likeness<'a>), bool>,
}

impl<'a> Fits<'a> {
    fn anywhere(
        &mut self,
        facts: &Facts<'a>,
        pod: &'a Pod,
        pool: &'a str,
        node_counts: impl Fn(&NodeFacts<'a>) -> bool,
    ) -> bool {
        *self.known.entry((pool, likeness(facts, pod))).or_insert_with(|| {
            let admission = facts.admission(pod);
            facts.of_pool(pool).any(|(_, node)| {
                node_counts(node)
                    && admission.admits(node, facts.policy)
                    && pod.requests.fits(&node.free_of_occupants_once_up())
            })
        })
    }
}
