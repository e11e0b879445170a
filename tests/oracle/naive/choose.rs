//! Section 5: the choice, the passes, and cordons that never run ahead.

use std::collections::BTreeSet;

use kube_rebalancer_core::model::{Amounts, Resource};
use kube_rebalancer_core::policy::DemandSource;

use super::demand::{self, Ratio};
use super::list::{self, Line, Order};
use super::room;
use super::used::Count;
use super::words::Cordon;
use super::world::{State, World};

/// The choice of a pool in its last pass.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) order: Order,
    pub(crate) lines: Vec<Line>,
}

struct Weighed {
    capacity: u128,
    asked: u128,
    ratio: Ratio,
}

fn weigh<'b>(
    world: &World<'_>,
    by: Count,
    base: &Amounts,
    decides: Resource,
    lines: impl Iterator<Item = &'b Line>,
) -> Weighed {
    let (asked, offered) = demand::sums(by, base, lines);
    Weighed {
        capacity: u128::from(offered.of(decides)),
        asked: u128::from(asked.of(decides)),
        ratio: demand::utilization(world.policy, &asked, &offered).1,
    }
}

/// Whether the utilization of the serving nodes is inside the band.
pub(crate) fn inside(world: &World<'_>, pool: &str) -> bool {
    let bounds = world.bounds(pool);
    let serving = list::serving(world, pool);
    let (asked, offered) = demand::sums(Count::Choice, &world.asked(Count::Choice, pool), serving.iter());
    let ratio = demand::utilization(world.policy, &asked, &offered).1;
    ratio.at_least(bounds.min_utilization) && ratio.at_most(bounds.max_utilization)
}

/// Ready reserved nodes that take pods: they count for `MIN_NODES`.
pub(crate) fn ready_reserved(world: &World<'_>, pool: &str) -> usize {
    world
        .in_pool(pool)
        .filter(|machine| !machine.common && machine.state == State::Ready && machine.cordon == Cordon::None)
        .count()
}

/// The choice, filled up with serving nodes.
pub(crate) fn choose(world: &World<'_>, pool: &str, held: bool) -> Chosen {
    let (mut kept, mut named) = (Vec::new(), Vec::new());
    loop {
        let mut chosen = choose_by_demand(world, pool, held, &kept);
        match room::lost(world, pool, &chosen, &mut named) {
            Some(name) => kept.push(name),
            None => {
                fill_up(world, pool, &mut chosen);
                return chosen;
            }
        }
    }
}

/// Section 19: usage removes a node from service only if the others stay within the band by requests too.
fn fill_up(world: &World<'_>, pool: &str, chosen: &mut Chosen) {
    if world.policy.demand == DemandSource::Requests {
        return;
    }
    let bounds = world.bounds(pool);
    let base = world.asked(Count::Requests, pool);
    let decides = world.policy.resources[0];
    let is_chosen = |lines: &[Line], line: &Line| lines.iter().any(|one| one.entry == line.entry);
    for line in chosen.order.lines.iter().filter(|line| line.serves) {
        let full = bounds.max_nodes_set && chosen.lines.len() >= bounds.max_nodes;
        let ratio = weigh(world, Count::Requests, &base, decides, chosen.lines.iter()).ratio;
        if full || ratio.at_most(bounds.max_utilization) {
            return;
        }
        if !is_chosen(&chosen.lines, line) {
            chosen.lines.push(line.clone());
        }
    }
}

fn choose_by_demand(world: &World<'_>, pool: &str, held: bool, kept: &[String]) -> Chosen {
    let bounds = world.bounds(pool);
    let base = world.asked(Count::Choice, pool);
    let order = list::order(world, pool, held, kept);
    let serving = list::serving(world, pool);
    let (asked, offered) = demand::sums(Count::Choice, &base, serving.iter());
    let (decides, _) = demand::utilization(world.policy, &asked, &offered);
    let all = &order.lines;

    let there = all.iter().rposition(|line| !line.is_new()).map_or(0, |last| last + 1);
    let reserved = ready_reserved(world, pool);
    let enough = |length: usize| {
        length >= bounds.min_nodes || (length >= there && length + reserved >= bounds.min_nodes)
    };
    let most =
        if bounds.max_nodes_set { bounds.max_nodes.min(all.len()).max(order.part_one) } else { all.len() };
    let least = (order.part_one..=most).find(|length| enough(*length)).unwrap_or(most);
    let lengths = least..=most;

    // The serving nodes, together with part 1.
    let mut stay: Vec<Line> = all[..order.part_one].to_vec();
    stay.extend(all[order.part_one..].iter().filter(|line| line.serves).cloned());
    let stay_fits = enough(stay.len()) && (!bounds.max_nodes_set || stay.len() <= most);

    if inside(world, pool) {
        let ready =
            |lines: &[Line]| -> Vec<Line> { lines.iter().filter(|line| line.ready).cloned().collect() };
        let goal = weigh(world, Count::Choice, &base, decides, serving.iter()).capacity;
        let in_band =
            |ratio: Ratio| ratio.at_least(bounds.min_utilization) && ratio.at_most(bounds.max_utilization);
        let mut best: Option<(u128, std::cmp::Reverse<u128>, usize)> = None;
        for length in lengths.clone() {
            let one = weigh(world, Count::Choice, &base, decides, ready(&all[..length]).iter());
            if in_band(one.ratio) {
                let key = (one.capacity.abs_diff(goal), std::cmp::Reverse(one.capacity), length);
                best = Some(best.map_or(key, |best| best.min(key)));
            }
        }
        if let Some((_, _, length)) = best {
            let lines = all[..length].to_vec();
            return Chosen { order, lines };
        }
        if stay_fits && in_band(weigh(world, Count::Choice, &base, decides, ready(&stay).iter()).ratio) {
            return Chosen { order, lines: stay };
        }
    }
    let optimal = u128::from(bounds.optimal_utilization.0);
    let mut best: Option<(u128, std::cmp::Reverse<u128>, usize)> = None;
    for length in lengths {
        let one = weigh(world, Count::Choice, &base, decides, all[..length].iter());
        if one.ratio.at_most(bounds.max_utilization) {
            let distance = (one.capacity * optimal).abs_diff(one.asked * 1_000_000);
            let key = (distance, std::cmp::Reverse(one.capacity), length);
            best = Some(best.map_or(key, |best| best.min(key)));
        }
    }
    let lines = match best {
        Some((_, _, length)) => all[..length].to_vec(),
        None => {
            let longest = all[..most].to_vec();
            let of = |lines: &[Line]| weigh(world, Count::Choice, &base, decides, lines.iter()).ratio;
            let no_larger = of(&stay).compare(of(&longest)) != std::cmp::Ordering::Greater;
            if stay_fits && no_larger { stay } else { longest }
        }
    };
    Chosen { order, lines }
}

/// The cordons that may be made now, in their order. `world` is the observed one.
///
/// Also returns the number of them that a set `MAX_NODES` requires.
pub(crate) fn cordons(world: &World<'_>, pool: &str, chosen: &Chosen) -> (Vec<String>, usize) {
    let bounds = world.bounds(pool);
    let arriving = world.arriving(pool, &uncordons(world, pool, chosen));
    let base = world.asked(Count::Requests, pool).plus(&arriving);
    let is_chosen = |name: &str| chosen.lines.iter().any(|line| line.node() == Some(name));
    let candidates = world.in_pool(pool).filter(|machine| machine.is_candidate(world.policy));
    let mut left: Vec<(String, Line)> = candidates
        .filter(|machine| machine.usable(world.policy))
        .filter(|machine| is_chosen(machine.name()) || machine.serves(world.policy))
        .map(|machine| (machine.name().to_owned(), Line::of(machine, world)))
        .collect();
    let mut cordons = Vec::new();
    let excess = if bounds.max_nodes_set { left.len().saturating_sub(bounds.max_nodes) } else { 0 };
    for line in chosen.order.lines.iter().rev() {
        let Some(name) = line.node().filter(|name| !is_chosen(name)) else { continue };
        let Some(machine) = world.machine(name).map(|at| &world.machines[at]) else { continue };
        if !machine.serves(world.policy) {
            continue;
        }
        let without: Vec<&Line> = left.iter().filter(|(one, _)| one != name).map(|(_, line)| line).collect();
        let (asked, offered) = demand::sums(Count::Requests, &base, without.iter().copied());
        let holds = demand::utilization(world.policy, &asked, &offered).1.at_most(bounds.max_utilization);
        let too_many = bounds.max_nodes_set && left.len() > bounds.max_nodes;
        if !too_many && (without.len() < bounds.min_nodes || !holds) {
            break;
        }
        left.retain(|(one, _)| one != name);
        cordons.push(name.to_owned());
    }
    let forced = excess.min(cordons.len());
    (cordons, forced)
}

/// Uncordons of a pool: candidates that are cordoned now and chosen in the end.
pub(crate) fn uncordons(world: &World<'_>, pool: &str, chosen: &Chosen) -> BTreeSet<String> {
    let cordoned = world.in_pool(pool).filter(|machine| machine.is_cordoned_candidate(world.policy));
    cordoned
        .map(|machine| machine.name().to_owned())
        .filter(|name| chosen.lines.iter().any(|line| line.node() == Some(name)))
        .collect()
}
