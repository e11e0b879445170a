//! POLICY 5: every prefix is tried.

use kube_rebalancer_core::policy::Policy;

use super::list::{Entry, Order};
use super::world::World;

/// Ratios are in parts per million.
const MILLION: i128 = 1_000_000;

/// A set of entries, with its `W` and `C`.
#[derive(Clone, Debug)]
struct Choice {
    entries: Vec<Entry>,
    requested: i128,
    capacity: i128,
}

impl Choice {
    fn of(entries: Vec<Entry>, order: &Order) -> Self {
        let daemons: u128 = entries.iter().map(|entry| entry.daemons).sum();
        let capacity: u128 = entries.iter().map(|entry| entry.capacity).sum();
        Self {
            requested: i128::try_from(order.requested + daemons).unwrap(),
            capacity: i128::try_from(capacity).unwrap(),
            entries,
        }
    }

    /// `U <= bound`; with no capacity `U` is 0 if nothing is requested, else infinite.
    fn at_most(&self, bound: u32) -> bool {
        self.requested * MILLION <= self.capacity * i128::from(bound)
    }

    /// `U >= bound`, for a bound above 0.
    fn at_least(&self, bound: u32) -> bool {
        let nothing = self.requested == 0 && self.capacity == 0;
        !nothing && self.requested * MILLION >= self.capacity * i128::from(bound)
    }

    fn in_band(&self, policy: &Policy) -> bool {
        self.at_least(policy.min_utilization.0) && self.at_most(policy.max_utilization.0)
    }
}

/// Whether the utilization of the serving nodes is in the band.
pub(super) fn within_band(world: &World<'_>, order: &Order, policy: &Policy) -> bool {
    serving(world, order).in_band(policy)
}

/// `S0`.
fn serving(world: &World<'_>, order: &Order) -> Choice {
    let serves =
        |entry: &&Entry| world.serving().any(|machine| entry.node_name() == Some(&machine.node.name));
    Choice::of(order.entries.iter().filter(serves).cloned().collect(), order)
}

/// The part of these entries that serves right after the plan: what boots or is made comes on top of it.
fn ready_part(world: &World<'_>, entries: &[Entry], order: &Order) -> Choice {
    let ready = |name| world.machines.iter().any(|machine| machine.node.name == name && machine.ready);
    let entries = entries.iter().filter(|entry| entry.node_name().is_some_and(ready));
    Choice::of(entries.cloned().collect(), order)
}

pub(super) fn choose(world: &World<'_>, order: &Order, policy: &Policy) -> Vec<Entry> {
    let least = policy.min_nodes.min(order.entries.len()).max(order.must_keep);
    let most = policy.max_nodes.min(order.entries.len()).max(order.must_keep);
    let least = least.max(order.held.min(most));
    let prefixes = || (least..=most).map(|length| &order.entries[..length]);
    let now = serving(world, order);
    if now.in_band(policy) {
        let choices = prefixes().map(|prefix| (ready_part(world, prefix, order), prefix));
        let in_band = choices.filter(|(serves, _)| serves.in_band(policy));
        if let Some(prefix) = nearest(in_band, |serves| serves.capacity - now.capacity) {
            return prefix.to_vec();
        }
        let mut both = order.entries[..order.must_keep].to_vec();
        both.extend(
            now.entries.iter().filter(|entry| !order.entries[..order.must_keep].contains(entry)).cloned(),
        );
        if (least..=most).contains(&both.len()) && ready_part(world, &both, order).in_band(policy) {
            return both;
        }
    }
    let optimal = i128::from(policy.optimal_utilization.0);
    let choices = prefixes().map(|prefix| (Choice::of(prefix.to_vec(), order), prefix));
    let bearable = choices.filter(|(choice, _)| choice.at_most(policy.max_utilization.0));
    // |C - W / OPTIMAL|, multiplied by OPTIMAL: an exact fraction.
    let nearest = nearest(bearable, |choice| choice.capacity * optimal - choice.requested * MILLION);
    nearest.or_else(|| prefixes().next_back()).map(<[Entry]>::to_vec).unwrap_or_default()
}

/// The prefix with the smallest distance; of these the one with the larger capacity; of these the shortest.
fn nearest<'a>(
    choices: impl Iterator<Item = (Choice, &'a [Entry])>,
    distance: impl Fn(&Choice) -> i128,
) -> Option<&'a [Entry]> {
    let best =
        choices.min_by_key(|(choice, prefix)| (distance(choice).abs(), -choice.capacity, prefix.len()));
    best.map(|(_, prefix)| prefix)
}
