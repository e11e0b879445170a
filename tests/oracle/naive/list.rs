//! Section 5: the keep order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kube_rebalancer_core::model::{Amounts, Resource};

use super::demand;
use super::place::{self, Places};
use super::shape::{self, Coming};
use super::used::Count;
use super::words;
use super::world::{Machine, State, World};

/// An entry of the keep order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Entry {
    Node(String),
    Instance(String),
    /// One of the new nodes of a group.
    New(Option<String>, usize),
}

#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) entry: Entry,
    pub(crate) ready: bool,
    pub(crate) serves: bool,
    pub(crate) capacity: Amounts,
    pub(crate) daemons: Amounts,
    /// The amounts of them that the choice counts.
    pub(crate) daemons_used: Amounts,
}

#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) lines: Vec<Line>,
    pub(crate) part_one: usize,
    /// Reserved nodes that are uncordoned for waiting pods.
    pub(crate) opened: BTreeSet<String>,
    /// The pod UID and the group for which a new node is created.
    pub(crate) tries: BTreeMap<Entry, (String, String)>,
}

impl Line {
    pub(crate) fn of(machine: &Machine<'_>, world: &World<'_>) -> Self {
        Self {
            entry: Entry::Node(machine.name().to_owned()),
            ready: machine.state != State::Booting,
            serves: machine.serves(world.policy),
            capacity: machine.capacity.clone(),
            daemons: world.daemons(Count::Requests, machine),
            daemons_used: world.daemons(Count::Choice, machine),
        }
    }

    pub(crate) fn node(&self) -> Option<&str> {
        match &self.entry {
            Entry::Node(name) => Some(name),
            Entry::Instance(_) | Entry::New(..) => None,
        }
    }

    pub(crate) fn is_new(&self) -> bool {
        matches!(self.entry, Entry::New(..))
    }
}

/// The nodes that serve in a pool now.
pub(crate) fn serving(world: &World<'_>, pool: &str) -> Vec<Line> {
    let serving = world.in_pool(pool).filter(|machine| machine.serves(world.policy));
    serving.map(|machine| Line::of(machine, world)).collect()
}

/// The resource that decides `U(S0)`.
pub(crate) fn deciding(world: &World<'_>, pool: &str) -> Resource {
    let (asked, offered) =
        demand::sums(Count::Choice, &world.asked(Count::Choice, pool), serving(world, pool).iter());
    demand::utilization(world.policy, &asked, &offered).0
}

/// Unknown moments count as long ago.
fn older_first(moment: Option<Timestamp>) -> (bool, Option<Timestamp>) {
    (moment.is_none(), moment)
}

/// Ready candidates in the order of part 2.
pub(crate) fn ready_in_order<'b, 'a>(world: &'b World<'a>, pool: &'b str) -> Vec<&'b Machine<'a>> {
    let policy = world.policy;
    let decides = deciding(world, pool);
    let mut ready: Vec<&Machine<'_>> = world
        .in_pool(pool)
        .filter(|machine| machine.state == State::Ready && machine.is_candidate(policy))
        .collect();
    ready.sort_by_key(|machine| {
        (
            Reverse(machine.occupants(policy).filter(|pod| !machine.moves(pod)).count()),
            !machine.serves(policy),
            Reverse(machine.occupied(policy, decides)),
            Reverse(machine.node.created_at),
            machine.name(),
        )
    });
    ready
}

/// Booting nodes, then instances without a node.
pub(crate) fn booting(world: &World<'_>, pool: &str) -> Vec<Line> {
    let mut nodes: Vec<&Machine<'_>> = world
        .in_pool(pool)
        .filter(|machine| machine.state == State::Booting && machine.is_candidate(world.policy))
        .collect();
    nodes.sort_by_key(|machine| (older_first(machine.node.created_at), machine.name()));
    let mut lines: Vec<Line> = nodes.into_iter().map(|machine| Line::of(machine, world)).collect();
    let mut coming = Vec::new();
    for shape in &world.pools[pool] {
        let Some(group) = shape.group.as_deref().and_then(|name| world.group(name)) else { continue };
        for instance in group.instances.iter().filter(|one| !one.has_node) {
            if shape::coming(world, instance) == Coming::Booting {
                let line = Line {
                    entry: Entry::Instance(instance.name.clone()),
                    ready: false,
                    serves: false,
                    capacity: shape.capacity.clone(),
                    daemons: shape.daemons.clone(),
                    daemons_used: shape.daemons.clone(),
                };
                coming.push((older_first(instance.created_at), instance.name.clone(), line));
            }
        }
    }
    coming.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
    lines.extend(coming.into_iter().map(|(_, _, line)| line));
    lines
}

/// Nodes whose only reason to be in part 1 is their own.
fn must_stay(machine: &Machine<'_>, world: &World<'_>) -> bool {
    let kept = machine.is_critical(world.policy) || words::scale_down_disabled(machine.node);
    machine.state == State::Ready && kept
}

/// The order; `held` keeps the serving nodes, up to a set `MAX_NODES`. `kept` are the nodes with the last room for users.
pub(crate) fn order(world: &World<'_>, pool: &str, held: bool, kept: &[String]) -> Order {
    let bounds = world.bounds(pool);
    let mut ready = ready_in_order(world, pool);
    if held {
        ready.sort_by_key(|machine| !machine.serves(world.policy));
    }
    let mut first: Vec<Line> = ready
        .iter()
        .filter(|machine| must_stay(machine, world))
        .map(|machine| Line::of(machine, world))
        .collect();

    let mut spare: Vec<Line> = ready.iter().map(|machine| Line::of(machine, world)).collect();
    spare.extend(booting(world, pool));
    let nominated =
        world.in_pool(pool).filter(|machine| machine.nominated && machine.is_candidate(world.policy));
    let nominated = nominated.map(|machine| Entry::Node(machine.name().to_owned()));
    let mut places: Places = place::place(world, pool, &ready, &spare);
    // Nodes first, then instances without a node, then new ones; each in the order of the pods.
    places.needed.sort_by_key(|entry| match entry {
        Entry::Node(_) => 0,
        Entry::Instance(_) => 1,
        Entry::New(..) => 2,
    });
    places.needed.splice(0..0, nominated);
    spare.extend(places.new_lines(world, pool));
    for entry in &places.needed {
        let joined = first.iter().any(|line| line.entry == *entry);
        let full = bounds.max_nodes_set && first.len() >= bounds.max_nodes;
        if !joined
            && !full
            && let Some(line) = spare.iter().find(|line| line.entry == *entry)
        {
            first.push(line.clone());
        }
    }
    for machine in kept.iter().filter_map(|name| ready.iter().find(|machine| machine.name() == name)) {
        let line = Line::of(machine, world);
        let full = bounds.max_nodes_set && first.len() >= bounds.max_nodes;
        if !full && !first.iter().any(|one| one.entry == line.entry) {
            first.push(line);
        }
    }
    if bounds.keep_zones {
        let zone_of = |line: &Line| {
            let at = line.node().and_then(|name| world.machine(name))?;
            world.machines[at].node.zone().map(str::to_owned)
        };
        for zone in zones_to_keep(world, pool) {
            let kept = first.iter().any(|line| line.ready && zone_of(line).as_ref() == Some(&zone));
            let next = ready.iter().find(|machine| machine.node.zone() == Some(zone.as_str()));
            if !kept && let Some(machine) = next {
                first.push(Line::of(machine, world));
            }
        }
    }
    // Serving nodes are kept, within a set MAX_NODES: a pool above it still shrinks.
    for machine in ready.iter().filter(|machine| held && machine.serves(world.policy)) {
        let line = Line::of(machine, world);
        let full = bounds.max_nodes_set && first.len() >= bounds.max_nodes;
        if !full && !first.iter().any(|one| one.entry == line.entry) {
            first.push(line);
        }
    }
    let part_one = first.len();
    let mut lines = first;
    let rest: Vec<Line> = spare
        .into_iter()
        .filter(|line| !line.is_new() && !lines.iter().any(|one| one.entry == line.entry))
        .collect();
    lines.extend(rest);
    let made: Vec<Line> = lines.iter().filter(|line| line.is_new()).cloned().collect();
    lines.extend(place::further_new_nodes(world, pool, &made));
    Order { lines, part_one, opened: places.opened, tries: places.tries }
}

fn zones_to_keep(world: &World<'_>, pool: &str) -> BTreeSet<String> {
    let zones = |wanted: &dyn Fn(&Machine<'_>) -> bool| -> BTreeSet<String> {
        let machines = world.in_pool(pool).filter(|machine| wanted(machine));
        machines.filter_map(|machine| machine.node.zone().map(str::to_owned)).collect()
    };
    if world.in_pool(pool).any(|machine| machine.serves(world.policy)) {
        zones(&|machine| machine.serves(world.policy))
    } else {
        zones(&|machine| machine.common)
    }
}
