//! Section 6: the places of waiting pods, the nodes that are held for them, and the new nodes of section 5.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use kube_rebalancer_core::model::{Amounts, CreatedFor, Pod, is_extended_resource, size_key};
use kube_rebalancer_core::policy::{AdoptCordons, Policy};

use super::list::{Entry, Line};
use super::reach;
use super::shape::{self, Coming, Shape};
use super::words::{self, Class, Cordon};
use super::world::{Loose, Machine, State, World};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Entries that join part 1, in the order of the pods that need them.
    pub(crate) needed: Vec<Entry>,
    pub(crate) opened: BTreeSet<String>,
    pub(crate) tries: BTreeMap<Entry, (String, String)>,
}

/// Section 3: a reserved node that this program cordoned.
pub(crate) fn may_open(machine: &Machine<'_>, policy: &Policy) -> bool {
    match machine.cordon {
        Cordon::None => false,
        Cordon::Ours => true,
        Cordon::Others => {
            policy.adopt_cordons == AdoptCordons::Always
                && !machine.is_critical(policy)
                && !words::scale_down_disabled(machine.node)
        }
    }
}

struct Table<'w, 'a> {
    world: &'w World<'a>,
    pool: &'w str,
    /// The amounts that earlier waiting pods took.
    taken: BTreeMap<Entry, Amounts>,
    new: BTreeMap<Option<String>, usize>,
    places: Places,
}

pub(crate) fn place(world: &World<'_>, pool: &str, ready: &[&Machine<'_>], spare: &[Line]) -> Places {
    let mut table =
        Table { world, pool, taken: BTreeMap::new(), new: BTreeMap::new(), places: Places::default() };
    let mut waiting: Vec<&Loose<'_>> =
        world.loose.iter().filter(|loose| loose.waits && loose.pool.as_deref() == Some(pool)).collect();
    waiting.sort_by_key(|loose| {
        let requests = &loose.pod.requests;
        let extended = requests.further().any(|(name, _)| is_extended_resource(name));
        (
            !extended,
            Reverse(requests.memory),
            Reverse(requests.cpu),
            loose.pod.namespace.clone(),
            loose.pod.name.clone(),
        )
    });
    for loose in waiting {
        // A node that this run uncordons was not part of the scheduler's refusal, and a node that it cordons was.
        let mut served = ready.iter().filter(|machine| world.served.contains(machine.name()));
        let fits_serving = served.any(|machine| reach::fits_now(world, loose.pod, machine));
        let strange = fits_serving && loose.refused.is_some_and(|age| age >= SignedDuration::from_secs(30));
        if strange {
            if loose.refused.is_some_and(|age| age < HOUR) {
                table.hold(loose.pod, ready);
            } else {
                table.hold_one(loose.pod, ready);
            }
        } else {
            table.find_place(loose, ready, spare);
        }
    }
    table.places
}

/// Critical and pinned ones first, then the order of part 2; serving ones, then cordoned ones.
fn in_turn<'b, 'a>(world: &World<'_>, ready: &[&'b Machine<'a>], serving: bool) -> Vec<&'b Machine<'a>> {
    let policy = world.policy;
    let mut some: Vec<&Machine<'_>> = ready
        .iter()
        .copied()
        .filter(|machine| machine.usable(policy) && machine.serves(policy) == serving)
        .collect();
    some.sort_by_key(|machine| !(machine.is_critical(policy) || machine.is_pinned(policy)));
    some
}

impl Table<'_, '_> {
    fn room(&self, entry: &Entry, free: Amounts) -> Amounts {
        self.taken.get(entry).map_or(free.clone(), |taken| free.minus(taken))
    }

    fn take(&mut self, pod: &Pod, entry: Entry) {
        self.taken.entry(entry).or_default().add(&pod.requests);
    }

    fn need(&mut self, entry: Entry) {
        if !self.places.needed.contains(&entry) {
            self.places.needed.push(entry);
        }
    }

    fn find_place(&mut self, loose: &Loose<'_>, ready: &[&Machine<'_>], spare: &[Line]) {
        let (world, pod) = (self.world, loose.pod);
        let policy = world.policy;
        for serving in [true, false] {
            for machine in in_turn(world, ready, serving) {
                let entry = Entry::Node(machine.name().to_owned());
                if reach::fits_now(world, pod, machine)
                    && pod.requests.fits(&self.room(&entry, machine.free()))
                {
                    self.take(pod, entry.clone());
                    return self.need(entry);
                }
            }
        }
        for open in [true, false] {
            for machine in
                world.in_pool(self.pool).filter(|machine| !machine.common && machine.usable(policy))
            {
                let usable = if open { machine.cordon == Cordon::None } else { may_open(machine, policy) };
                let entry = Entry::Node(machine.name().to_owned());
                if usable
                    && reach::fits_now(world, pod, machine)
                    && pod.requests.fits(&self.room(&entry, machine.free()))
                {
                    if !open {
                        self.places.opened.insert(machine.name().to_owned());
                    }
                    return self.take(pod, entry);
                }
            }
        }
        for line in spare.iter().filter(|line| !line.ready) {
            let (admitted, free) = match &line.entry {
                Entry::Node(name) => {
                    let machine = &world.machines[world.machine(name).unwrap()];
                    (reach::reaches(world, pod, machine), machine.free())
                }
                Entry::Instance(name) => {
                    let shape = self.shape_of_instance(name);
                    if !shape.known && !self.knows_a_growable_group() && self.reaches_something(pod) {
                        return self.need(line.entry.clone());
                    }
                    (reach::would_take_new(world, pod, shape), shape.room.clone())
                }
                Entry::New(..) => continue,
            };
            if admitted && pod.requests.fits(&self.room(&line.entry, free)) {
                self.take(pod, line.entry.clone());
                return self.need(line.entry.clone());
            }
        }
        self.find_new(loose);
    }

    /// Section 5: beside such a group no waiting pod gets its place on an instance of unknown size. Otherwise it may take any pod.
    fn knows_a_growable_group(&self) -> bool {
        self.world.pools[self.pool].iter().any(|shape| shape.growable && shape.known)
    }

    /// Whether a known place of the pool would take the pod without occupants.
    fn reaches_something(&self, pod: &Pod) -> bool {
        let world = self.world;
        let is_place = |machine: &&Machine<'_>| {
            machine.is_candidate(world.policy) || (!machine.common && machine.state == State::Ready)
        };
        let mut places = world.in_pool(self.pool).filter(is_place);
        places.any(|machine| reach::reaches(world, pod, machine))
            || world.pools[self.pool].iter().any(|shape| reach::would_take_new(world, pod, shape))
    }

    fn shape_of_instance(&self, name: &str) -> &Shape {
        let has = |shape: &&Shape| {
            let group = shape.group.as_deref().and_then(|group| self.world.group(group));
            group.is_some_and(|group| group.instances.iter().any(|one| !one.has_node && one.name == name))
        };
        self.world.pools[self.pool].iter().find(has).unwrap()
    }

    fn find_new(&mut self, loose: &Loose<'_>) {
        let (world, pod) = (self.world, loose.pod);
        let shapes: Vec<&Shape> = world.pools[self.pool]
            .iter()
            .filter(|shape| shape.growable && reach::would_take_new(world, pod, shape))
            .collect();
        for shape in &shapes {
            for number in 0..self.new.get(&shape.group).copied().unwrap_or(0) {
                let entry = Entry::New(shape.group.clone(), number);
                if pod.requests.fits(&self.room(&entry, shape.room.clone())) {
                    self.take(pod, entry.clone());
                    return self.need(entry);
                }
            }
        }
        let may: Vec<&Shape> =
            shapes.into_iter().filter(|shape| may_try(world, self.pool, loose, shape)).collect();
        let all: usize = self.new.values().sum();
        if let Some(shape) = next_group(world, &may, &self.new)
            && all < room(world, self.pool, shape.known, world.creations)
        {
            let number = self.new.entry(shape.group.clone()).or_default();
            let entry = Entry::New(shape.group.clone(), *number);
            *number += 1;
            let uid = pod.unbound.as_ref().map(|unbound| unbound.uid.to_string()).unwrap_or_default();
            self.places.tries.insert(entry.clone(), (uid, shape.group.clone().unwrap_or_default()));
            self.take(pod, entry.clone());
            self.need(entry);
        }
    }

    /// After an hour: the first serving node that it fits.
    fn hold_one(&mut self, pod: &Pod, ready: &[&Machine<'_>]) {
        let world = self.world;
        let served = in_turn(world, ready, false).into_iter();
        let served = served.filter(|machine| world.served.contains(machine.name()));
        let turn = in_turn(world, ready, true).into_iter().chain(served);
        let mut fit = turn.filter(|machine| reach::fits_now(world, pod, machine));
        if let Some(machine) = fit.next() {
            self.need(Entry::Node(machine.name().to_owned()));
        }
    }

    /// Section 6: nodes for a pod that the scheduler refuses for a reason that this program does not model.
    fn hold(&mut self, pod: &Pod, ready: &[&Machine<'_>]) {
        let world = self.world;
        let fit = |serving: bool| -> Vec<&Machine<'_>> {
            let turn = in_turn(world, ready, serving).into_iter();
            turn.filter(|machine| reach::fits_now(world, pod, machine)).collect()
        };
        let (serving, cordoned) = (fit(true), fit(false));
        let zones: BTreeSet<Option<&str>> =
            serving.iter().chain(&cordoned).map(|machine| machine.node.zone()).collect();
        let without = |machine: &&Machine<'_>| machine.occupants(world.policy).count() == 0;
        let some_empty = serving.iter().chain(&cordoned).any(without);
        for zone in zones {
            let here = |machine: &&&Machine<'_>| machine.node.zone() == zone;
            let empty = |machine: &&&Machine<'_>| {
                machine.node.zone() == zone && machine.occupants(world.policy).count() == 0
            };
            let first = serving.iter().find(here).or_else(|| cordoned.iter().find(here));
            let second = serving
                .iter()
                .find(here)
                .and_then(|_| serving.iter().find(empty).or_else(|| cordoned.iter().find(empty)))
                .or_else(|| serving.iter().rfind(here).filter(|_| !some_empty));
            for machine in [first, second].into_iter().flatten() {
                self.need(Entry::Node(machine.name().to_owned()));
            }
        }
    }
}

/// Section 5, one try at a time: whether a waiting pod is a reason to create a node in this group.
fn may_try(world: &World<'_>, pool: &str, loose: &Loose<'_>, shape: &Shape) -> bool {
    let (policy, pod) = (world.policy, loose.pod);
    let grace = policy.boot_grace;
    let refused_at = pod.unbound.as_ref().and_then(|unbound| unbound.refused_since());
    let after_refusal = |created: Option<jiff::Timestamp>| {
        refused_at.is_some_and(|refused| created.is_none_or(|at| at > refused))
    };
    let disappoints = world.machines.iter().any(|machine| {
        let there = match &shape.group {
            Some(group) => machine.node.group.as_ref() == Some(group),
            None => machine.pool == pool && machine.common,
        };
        let Some(created) = machine.node.created_at.map(|at| words::age(world.now, at)) else { return false };
        let since_refusal = after_refusal(machine.node.created_at);
        there && created < grace && since_refusal && !reach::reaches(world, pod, machine)
    });
    let group = shape.group.as_deref().and_then(|name| world.group(name));
    let coming = group.is_some_and(|group| {
        group.instances.iter().any(|one| {
            let since_refusal = after_refusal(one.created_at);
            !one.has_node && shape::coming(world, one) == Coming::Booting && since_refusal
        })
    });
    // A booting node counts as coming too.
    let coming = coming
        || world.machines.iter().any(|machine| {
            let there = match &shape.group {
                Some(group) => machine.node.group.as_ref() == Some(group),
                None => machine.pool == pool && machine.common,
            };
            let created = machine.node.created_at;
            let young = created.is_some_and(|at| words::age(world.now, at) < grace);
            there && machine.state == State::Booting && young && after_refusal(created)
        });
    let uid = pod.unbound.as_ref().map(|unbound| unbound.uid.to_string()).unwrap_or_default();
    let noted = match world.snapshot.ledger() {
        None => loose.refused.is_none_or(|age| age < HOUR),
        Some(ledger) => match ledger.created_for.get(&(uid, shape.group.clone().unwrap_or_default())) {
            None => true,
            Some(note) => {
                let doubled = grace * 2_i32.pow(note.nodes.saturating_sub(1).min(16));
                words::age(world.now, note.at) >= doubled.min(SignedDuration::from_hours(24))
            }
        },
    };
    let small = shape.group.as_deref().and_then(|group| too_small(world, pod, group)).is_some_and(|note| {
        let doubled = grace * 2_i32.pow(note.nodes.saturating_sub(1).min(16));
        words::age(world.now, note.at) < doubled.min(SignedDuration::from_hours(24))
    });
    !disappoints && !coming && noted && !small
}

/// Section 5: the nodes of a group that were too small for pods with the same requests, and the ones that came since.
fn too_small(world: &World<'_>, pod: &Pod, group: &str) -> Option<CreatedFor> {
    let key = (size_key(&pod.requests), group.to_owned());
    let before = world.snapshot.ledger()?.created_for.get(&key).copied();
    let came = world.machines.iter().filter(|machine| {
        let at = machine.node.created_at.filter(|at| before.is_none_or(|note| *at > note.at));
        let young = at.is_some_and(|at| words::age(world.now, at) < world.policy.boot_grace);
        machine.node.group.as_deref() == Some(group) && machine.state != State::Booting && young
    });
    let came: Vec<&Machine<'_>> = came.collect();
    // Other pods may be on it by now, and the next node has its daemons alone.
    let room = |machine: &Machine<'_>| {
        let daemons = machine.pods.iter().filter(|one| words::class(one, world.policy) == Class::Daemon);
        daemons.fold(machine.offer(), |free, daemon| free.minus(&daemon.requests))
    };
    if came.iter().any(|machine| pod.requests.fits(&room(machine))) {
        return None;
    }
    let further = u32::try_from(came.len()).unwrap();
    let nodes = before.map_or(0, |note| note.nodes) + further;
    if came.is_empty() { before } else { Some(CreatedFor { nodes, at: world.now }) }
}

/// The number of nodes that may be created in a pool, bounded by `MAX_NODES`, unknown sizes and this number.
pub(crate) fn room(world: &World<'_>, pool: &str, known: bool, creations: usize) -> usize {
    let bounds = world.bounds(pool);
    let exists = |machine: &&Machine<'_>| !super::objects::is_only_object(world, machine);
    let common = world.in_pool(pool).filter(|machine| machine.common).filter(exists).count();
    let instances: usize = world.pools[pool]
        .iter()
        .filter_map(|shape| world.group(shape.group.as_deref()?))
        .map(|group| group.instances.iter().filter(|one| !one.has_node).count())
        .sum();
    // The nodes of its groups that are no capacity count too, except in groups that have no others and do not
    // grow.
    let ours = |name: &String| {
        let grows = world.pools[pool].iter().any(|one| one.growable && one.group.as_ref() == Some(name));
        let part = world.in_pool(pool).any(|one| one.common && one.node.group.as_ref() == Some(name));
        world.pools[pool].iter().any(|one| one.group.as_ref() == Some(name)) && (grows || part)
    };
    let others = world.snapshot.nodes().iter().filter(|node| node.group.as_ref().is_some_and(ours));
    let others = others.filter(|node| world.machine(&node.name).is_none_or(|at| !world.machines[at].common));
    let there = common + others.count() + instances;
    let room = bounds.max_nodes.saturating_sub(there).min(creations);
    if known {
        return room;
    }
    let serving = world.in_pool(pool).filter(|machine| machine.serves(world.policy)).count();
    if super::list::booting(world, pool).is_empty() {
        room.min(bounds.min_nodes.saturating_sub(serving).max(1))
    } else {
        0
    }
}

/// Section 7: the zone with fewest managed nodes, then by name.
fn next_group<'b>(
    world: &World<'_>,
    shapes: &[&'b Shape],
    new: &BTreeMap<Option<String>, usize>,
) -> Option<&'b Shape> {
    let made = |group: &Option<String>| new.get(group).copied().unwrap_or(0);
    let on_their_way = |group: &Option<String>| {
        let group = group.as_deref().and_then(|name| world.group(name));
        group.map_or(0, |group| group.instances.iter().filter(|one| !one.has_node).count())
    };
    shapes.iter().copied().min_by_key(|shape| {
        let zone = shape.zone.as_deref();
        // A group without a zone of its own counts by its own nodes.
        if zone.is_none() {
            let members = world.machines.iter().filter(|machine| machine.node.group == shape.group);
            let there = members.count() + on_their_way(&shape.group);
            return (!shape.known, there + made(&shape.group), shape.group.clone());
        }
        let there = world.machines.iter().filter(|machine| machine.node.zone() == zone).count();
        let in_zone = world.snapshot.groups().iter().filter(|other| other.zone.as_deref() == zone);
        let coming: usize = in_zone
            .map(|other| {
                let group = Some(other.name.clone());
                made(&group) + on_their_way(&group)
            })
            .sum();
        (!shape.known, there + coming, shape.group.clone())
    })
}

impl Places {
    /// The new nodes that waiting pods need.
    pub(crate) fn new_lines(&self, world: &World<'_>, pool: &str) -> Vec<Line> {
        let mut lines = Vec::new();
        for entry in &self.needed {
            if let Entry::New(group, number) = entry {
                let shape = world.pools[pool].iter().find(|shape| shape.group == *group).unwrap();
                lines.push(new_line(shape, *number));
            }
        }
        lines
    }
}

fn new_line(shape: &Shape, number: usize) -> Line {
    Line {
        entry: Entry::New(shape.group.clone(), number),
        ready: false,
        serves: false,
        capacity: shape.capacity.clone(),
        daemons: shape.daemons.clone(),
        daemons_used: shape.daemons.clone(),
    }
}

/// Part 4 beyond what waiting pods need.
pub(crate) fn further_new_nodes(world: &World<'_>, pool: &str, made: &[Line]) -> Vec<Line> {
    let growable: Vec<&Shape> = world.pools[pool].iter().filter(|shape| shape.growable).collect();
    let mut new: BTreeMap<Option<String>, usize> = BTreeMap::new();
    for line in made {
        if let Entry::New(group, _) = &line.entry {
            *new.entry(group.clone()).or_default() += 1;
        }
    }
    let mut lines = Vec::new();
    while let Some(shape) = next_group(world, &growable, &new)
        && made.len() + lines.len() < room(world, pool, shape.known, world.creations)
    {
        let number = new.entry(shape.group.clone()).or_default();
        lines.push(new_line(shape, *number));
        *number += 1;
    }
    lines
}

/// Whether a node takes the pod now, for the rule that no such node is deleted.
pub(crate) fn takes_now(world: &World<'_>, pod: &Pod, machine: &Machine<'_>) -> bool {
    machine.is_ready && reach::fits_now(world, pod, machine)
}
