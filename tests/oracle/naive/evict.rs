//! Section 16: the evicted pods, whose nodes can then be deleted.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use kube_rebalancer_core::model::{Amounts, DisruptionBudget, Node, Pod, annotation};
use kube_rebalancer_core::policy::{AdoptCordons, CapacitySource, Drain};

use super::list::Line;
use super::used::Count;
use super::words::{self, Class, Cordon};
use super::world::{Machine, State, World};
use super::{Decision, delete, demand, reach};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MOMENT: SignedDuration = SignedDuration::from_secs(30);

/// Whether an omitted pod is neither a daemon nor a placeholder.
pub(crate) fn leaves(world: &World<'_>, pod: &Pod) -> bool {
    words::omitted(pod, world.policy) && !matches!(world.class(pod), Class::Daemon | Class::Placeholder)
}

/// Notes the critical pods that `DRAIN=movable` makes movable.
pub(crate) fn find_movable(world: &mut World<'_>) {
    if world.policy.drain != Drain::Movable {
        return;
    }
    for at in 0..world.machines.len() {
        let machine = &world.machines[at];
        let occupants = machine.occupants(world.policy);
        let critical = occupants.filter(|pod| world.class(pod) == Class::Critical);
        let movable = critical.filter(|pod| may_be_evicted(world, machine.node, pod)).collect();
        world.machines[at].movable = movable;
    }
}

/// Whether a pod may be evicted by its own properties.
fn may_be_evicted(world: &World<'_>, node: &Node, pod: &Pod) -> bool {
    let users = pod.label_keys.iter().any(|key| world.policy.preemptible_labels.contains(&**key));
    let looked_up =
        |claim: &str| world.snapshot.volumes().contains_key(&(pod.namespace.to_string(), claim.to_owned()));
    let known = pod.eviction.as_ref().is_some_and(|facts| !facts.uid.is_empty()) && pod.bound_by.is_none();
    !users
        && !pod.mirror
        && !matches!(world.class(pod), Class::Daemon | Class::Placeholder)
        && !words::is_own(pod, world.policy)
        && !delete::lost_on(world, node, pod)
        && known
        && pod.claims.iter().all(|claim| looked_up(claim))
}

/// The pods that must leave a node before its deletion.
fn to_leave<'a>(world: &World<'a>, machine: &Machine<'a>) -> Vec<&'a Pod> {
    let bound = machine.pods.iter().copied().filter(|pod| pod.node_name.is_some());
    let mut pods: Vec<&Pod> = bound.filter(|pod| machine.moves(pod) || leaves(world, pod)).collect();
    pods.sort_by_key(|pod| (&pod.namespace, &pod.name));
    pods
}

/// Whether a node is drained before its deletion: it is Ready, and has such pods.
pub(crate) fn is_drained_first(world: &World<'_>, machine: &Machine<'_>) -> bool {
    world.policy.drain != Drain::None && machine.is_ready && !to_leave(world, machine).is_empty()
}

/// The age of the last eviction from a node, and the controllers of the evicted pods.
fn evicted<'n>(world: &World<'_>, node: &'n Node) -> Option<(SignedDuration, Vec<&'n str>)> {
    let age = words::age(world.now, words::mark_of_ours(node, annotation::EVICTED_AT, world.now)?);
    let noted = node.annotations.get(annotation::EVICTED).map(String::as_str).unwrap_or_default();
    Some((age, noted.split(',').filter(|uid| !uid.is_empty()).take(100).collect()))
}

fn is_up(pod: &Pod) -> bool {
    pod.ready && !pod.deleting && pod.node_name.is_some()
}

/// Whether a pod that was evicted from a node is not running again yet.
pub(crate) fn awaits(world: &World<'_>, machine: &Machine<'_>) -> bool {
    let Some((age, of)) = evicted(world, machine.node).filter(|_| world.policy.drain != Drain::None) else {
        return false;
    };
    let concerned = |pod: &&Pod| pod.controller_key().is_some_and(|(_, uid)| of.contains(&uid));
    let down = world.snapshot.pods().iter().filter(concerned).any(|pod| !is_up(pod));
    age < MOMENT || (age < HOUR && down)
}

/// Whether a pod, omitted or not, is in its first hour of waiting for a node.
fn somebody_waits(world: &World<'_>) -> bool {
    world.snapshot.pods().iter().any(|pod| {
        let Some(unbound) = pod.unbound.as_deref().filter(|_| pod.node_name.is_none()) else { return false };
        let since = unbound.refused_since().or(unbound.created_at);
        let first_hour = since.is_none_or(|since| words::age(world.now, since) < HOUR);
        let waits =
            matches!(world.class(pod), Class::Critical | Class::Dynamic) && !words::is_own(pod, world.policy);
        let room = |machine: &Machine<'_>| {
            let missing = machine.missing_daemons.0.clone().plus(&machine.beyond);
            pod.requests.fits(&machine.free_of_occupants(world.policy).plus(&missing))
        };
        let fits = || world.machines.iter().any(|one| reach::admitted_by(world, pod, one) && room(one));
        waits && first_hour && !unbound.gated && !pod.deleting && fits()
    })
}

fn budgets<'a>(world: &World<'a>, pod: &Pod) -> Vec<&'a DisruptionBudget> {
    let protects = |budget: &&DisruptionBudget| {
        pod.eviction.as_ref().is_some_and(|facts| budget.protects(&pod.namespace, &facts.labels))
    };
    world.snapshot.budgets().iter().filter(protects).collect()
}

/// The budgets that are used up while nodes are drained one by one.
struct Purse<'w, 'a> {
    world: &'w World<'a>,
    /// The nodes that take evicted pods, with their free amounts.
    places: Vec<(&'w Machine<'a>, Amounts)>,
    /// The amounts that omitted pods take from the nodes of a pool.
    moved: BTreeMap<String, Amounts>,
    /// The nodes that serve after this run, by pool.
    serving: BTreeMap<String, Vec<Line>>,
    taken: Vec<&'a Pod>,
}

/// The evictions of these nodes, which would be deleted if their last pods were elsewhere.
pub(crate) fn evictions<'w, 'a>(
    world: &'w World<'a>,
    decision: &Decision,
    drained: &[&'w Machine<'a>],
) -> BTreeSet<(String, String, String)> {
    let mut evict = BTreeSet::new();
    if somebody_waits(world) {
        return evict;
    }
    let open = |machine: &Machine<'_>| {
        let name = machine.name();
        let uncordoned = machine.cordon == Cordon::None || decision.uncordon.contains(name);
        uncordoned && !decision.cordon.contains(name)
    };
    let takes = |machine: &&Machine<'_>| {
        let reserved = !machine.common && machine.state == State::Ready && machine.cordon == Cordon::None;
        let serves = machine.common && machine.usable(world.policy) && open(machine);
        (serves || reserved) && !machine.turns_away()
    };
    let serves = |machine: &&Machine<'_>| machine.common && machine.usable(world.policy) && open(machine);
    let mut serving: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for machine in world.machines.iter().filter(serves) {
        serving.entry(machine.pool.clone()).or_default().push(Line::of(machine, world));
    }
    let places = world.machines.iter().filter(takes).map(|machine| (machine, machine.free())).collect();
    let mut purse = Purse { world, places, moved: BTreeMap::new(), serving, taken: Vec::new() };
    let most = world.policy.max_evictions.allows(world.machines.len());
    let mut order: Vec<&Machine<'_>> = drained.to_vec();
    order.sort_by_key(|machine| !machine.node.annotations.contains_key(annotation::EVICTED_AT));
    for machine in order {
        let pods = to_leave(world, machine).into_iter().filter(|pod| !pod.deleting).collect::<Vec<_>>();
        if !may_be_drained(world, machine, &pods) || !purse.puts_elsewhere(machine, &pods) {
            continue;
        }
        for pod in pods {
            if evict.len() < most && purse.lets_go(pod) {
                purse.taken.push(pod);
                let (namespace, name) = (pod.namespace.to_string(), pod.name.to_string());
                evict.insert((machine.name().to_owned(), namespace, name));
            }
        }
    }
    evict
}

/// Whether all pods of a node permit its drain.
fn may_be_drained(world: &World<'_>, machine: &Machine<'_>, pods: &[&Pod]) -> bool {
    let ours = machine.cordon == Cordon::Ours || world.policy.adopt_cordons == AdoptCordons::Always;
    ours && pods.iter().all(|pod| {
        let budgets = budgets(world, pod);
        let allowed = match budgets.as_slice() {
            [] => true,
            [one] => one.allowed > 0 || (one.unready_at_any_time && !pod.ready),
            [_, _, ..] => false,
        };
        allowed && may_be_evicted(world, machine.node, pod)
    })
}

impl<'a> Purse<'_, 'a> {
    /// Places all pods of a node on other nodes of its pool, if there is room for all.
    fn puts_elsewhere(&mut self, from: &Machine<'_>, pods: &[&Pod]) -> bool {
        let world = self.world;
        let (mut places, mut moved) = (self.places.clone(), self.moved.clone());
        let mut pods = pods.to_vec();
        pods.sort_by_key(|pod| (Reverse(pod.requests.memory), Reverse(pod.requests.cpu)));
        let of_pool = moved.entry(from.pool.clone()).or_default();
        for pod in pods {
            let place = places.iter_mut().find(|(machine, free)| {
                machine.pool == from.pool
                    && pod.requests.fits(free)
                    && reach::admitted_by(world, pod, machine)
            });
            let Some((machine, free)) = place else { return false };
            free.take(&pod.requests);
            if machine.common && words::omitted(pod, world.policy) {
                of_pool.add(&pod.requests);
            }
        }
        if *of_pool != Amounts::default() && self.is_above(&from.pool, of_pool) {
            return false;
        }
        (self.places, self.moved) = (places, moved);
        true
    }

    /// Whether the serving nodes would be above the band without the amounts that omitted pods
    /// take.
    fn is_above(&self, pool: &str, moved: &Amounts) -> bool {
        let lines = self.serving.get(pool).map(Vec::as_slice).unwrap_or_default();
        let base = self.world.asked(Count::Requests, pool);
        let (asked, mut offered) = demand::sums(Count::Requests, &base, lines.iter());
        if self.world.policy.capacity == CapacitySource::Allocatable {
            offered.take(moved);
        }
        let ratio = demand::utilization(self.world.policy, &asked, &offered).1;
        !ratio.at_most(self.world.bounds(pool).max_utilization)
    }

    /// Whether a pod may be evicted in addition to the evictions of this run so far.
    fn lets_go(&self, pod: &'a Pod) -> bool {
        let of = pod.controller_key();
        let others = self.world.snapshot.pods().iter();
        let mut others = others.filter(|other| !std::ptr::eq(*other, pod) && other.controller_key() == of);
        let recent = self.world.snapshot.nodes().iter().filter_map(|node| evicted(self.world, node));
        let mut recent = recent.filter(|(age, _)| *age < MOMENT);
        let free = |budget: &DisruptionBudget, one: &Pod| budget.unready_at_any_time && !one.ready;
        let spent = budgets(self.world, pod).into_iter().filter(|budget| !free(budget, pod)).any(|budget| {
            let taken = self.taken.iter().filter(|one| budgets(self.world, one).contains(&budget));
            taken.filter(|one| !free(budget, one)).count() >= usize::try_from(budget.allowed).unwrap()
        });
        !spent
            && !self.taken.iter().any(|one| one.controller_key() == of)
            && others.all(is_up)
            && !recent.any(|(_, noted)| of.is_some_and(|(_, uid)| noted.contains(&uid)))
    }
}
