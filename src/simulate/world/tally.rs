//! Counts the numbers of a policy's result during the simulation.

use super::node::SimulatedNode;
use crate::cluster::{Cluster, KindIndex, PoolIndex};
use crate::fill::Fill;
use crate::resources::{Resource, Resources};
use crate::series::Point;

/// The counts so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The number of users who requested a server.
    pub(crate) users: usize,
    /// The waiting times of users who had to wait for a node: seconds from the request until the server ran.
    pub(crate) waits: Vec<u64>,
    /// The time of the request of each of these users.
    pub(crate) asked: Vec<u64>,
    /// The same for each kind of users.
    pub(crate) kinds: Vec<KindTally>,
    pub(crate) cordons: usize,
    pub(crate) uncordons: usize,
    pub(crate) created: usize,
    pub(crate) deletions: usize,
    /// How often a machine was parked.
    pub(crate) parks: usize,
    /// Users whose node was deleted under them.
    pub(crate) lost: usize,
    pub(crate) runs: usize,
    /// Plans that a second run immediately afterwards would have corrected.
    pub(crate) unsettled: usize,
    /// Maximum number of nodes at one time.
    pub(crate) peak: usize,
    /// Instances times seconds.
    pub(crate) node_seconds: u128,
    /// The requests of users (and of the hub if it runs among them) times seconds, for each resource of
    /// [`Resource::ALL`].
    pub(crate) requested: [u128; 3],
    /// The resources of the nodes that take users, times seconds.
    pub(crate) offered: [u128; 3],
    now: Now,
    plot: Option<Sampler>,
}

/// One kind of users.
#[derive(Clone, Debug, Default)]
pub(crate) struct KindTally {
    /// The number of users of this kind who requested a server.
    pub(crate) users: usize,
    /// The waiting times of users of this kind who had to wait for a node.
    pub(crate) waits: Vec<u64>,
}

/// The cluster at one moment.
#[derive(Clone, Debug, Default)]
struct Now {
    instances: usize,
    serving: u32,
    fill_last: u32,
    cordoned: u32,
    booting: u32,
    parked: u32,
    waiting: u32,
    /// Memory of all users and the hub.
    memory: u64,
    /// The requests in each pool; without the hub if it has a separate node.
    asked: Vec<Resources>,
    /// The additional amount that the last run expected of each pool.
    expected: Vec<Resources>,
    /// The requests in all pools, by resource.
    requested: [u128; 3],
    /// The resources of the nodes that take users.
    offered: [u128; 3],
}

/// Takes a point for a plot at regular times.
#[derive(Debug, Default)]
struct Sampler {
    every: u64,
    fill: Fill,
    next: u64,
    /// Maximum number of users who waited at one time since the last point.
    waiting: u32,
    points: Vec<Point>,
}

impl Tally {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let kinds = vec![KindTally::default(); cluster.kinds.len()];
        let asked = vec![Resources::default(); cluster.pools.len()];
        Self { kinds, now: Now { asked, ..Now::default() }, ..Self::default() }
    }

    /// Takes a point for a plot each `every` seconds.
    pub(crate) fn sample(&mut self, every: u64, fill: Fill) {
        self.plot = Some(Sampler { every: every.max(1), fill, ..Sampler::default() });
    }

    /// The points so far, and a last one for this moment.
    pub(crate) fn points(&mut self, at: u64) -> Vec<Point> {
        let Some(mut plot) = self.plot.take() else { return Vec::new() };
        if plot.points.last().is_none_or(|point| point.at < at) {
            let last = plot.point(at, &self.now);
            plot.points.push(last);
        }
        plot.points
    }

    /// Counts a time in which nothing changes.
    pub(super) fn pass(&mut self, from: u64, to: u64) {
        let now = &self.now;
        if let Some(plot) = &mut self.plot {
            plot.waiting = plot.waiting.max(now.waiting);
            while plot.next < to {
                let point = plot.point(plot.next, now);
                plot.points.push(point);
                plot.next = plot.next.saturating_add(plot.every);
                plot.waiting = now.waiting;
            }
        }
        let seconds = u128::from(to.saturating_sub(from));
        self.node_seconds += seconds * u128::try_from(now.instances).unwrap_or(0);
        let requested = self.requested.iter_mut().zip(now.requested);
        for (integral, amount) in requested.chain(self.offered.iter_mut().zip(now.offered)) {
            *integral += seconds * amount;
        }
    }

    /// Counts the nodes after a change. `groups` has what a node of each group offers its users; `None` for
    /// the hub's group.
    pub(super) fn count(&mut self, nodes: &[SimulatedNode], groups: &[Option<Resources>]) {
        let now = &mut self.now;
        (now.serving, now.cordoned, now.booting, now.offered) = (0, 0, 0, [0; 3]);
        now.fill_last = 0;
        now.parked = u32::try_from(nodes.iter().filter(|node| node.parked).count()).unwrap_or(u32::MAX);
        for node in nodes.iter().filter(|node| !node.parked) {
            let Some(offered) = groups.get(node.group).copied().flatten() else { continue };
            *match (node.ready, node.is_cordoned()) {
                (false, _) => &mut now.booting,
                (true, true) => &mut now.cordoned,
                (true, false) => &mut now.serving,
            } += 1;
            now.fill_last += u32::from(node.ready && !node.is_cordoned() && node.fills_last());
            if node.serves() {
                for (sum, resource) in now.offered.iter_mut().zip(Resource::ALL) {
                    *sum += u128::from(offered.of(resource));
                }
            }
        }
        // A parked machine costs next to nothing.
        now.instances = nodes.iter().filter(|node| !node.parked).count();
        self.peak = self.peak.max(now.instances);
    }

    /// Sets the amount that a run expects of each pool in addition to the requests.
    pub(crate) fn expect(&mut self, expected: Vec<Resources>) {
        self.now.expected = expected;
    }

    /// Adds the hub's requests to the first pool, unless the hub has a separate node.
    pub(super) fn ask_for_hub(&mut self, cluster: &Cluster, hub: Resources) {
        match cluster.core {
            Some(_) => self.now.memory += hub.memory.0,
            None => self.ask(0, hub),
        }
    }

    /// Counts a user who arrives.
    pub(super) fn come(&mut self, kind: KindIndex) {
        self.users += 1;
        if let Some(kind) = self.kinds.get_mut(kind) {
            kind.users += 1;
        }
    }

    /// Adds an amount to the requests of a pool.
    pub(super) fn ask(&mut self, pool: PoolIndex, amount: Resources) {
        self.now.memory += amount.memory.0;
        self.change(pool, |asked| asked.plus(amount));
    }

    /// Removes the amount of a departed user.
    pub(super) fn go(&mut self, pool: PoolIndex, amount: Resources) {
        self.now.memory = self.now.memory.saturating_sub(amount.memory.0);
        self.change(pool, |asked| asked.less(amount));
    }

    fn change(&mut self, pool: PoolIndex, change: impl Fn(Resources) -> Resources) {
        let now = &mut self.now;
        let Some(asked) = now.asked.get_mut(pool) else { return };
        let (before, after) = (*asked, change(*asked));
        *asked = after;
        for (sum, resource) in now.requested.iter_mut().zip(Resource::ALL) {
            *sum = (*sum + u128::from(after.of(resource))).saturating_sub(u128::from(before.of(resource)));
        }
    }

    /// The requested memory, with the hub's.
    pub(super) fn demand(&self) -> u64 {
        self.now.memory
    }

    /// Sets the number of users who wait now.
    pub(super) fn wait(&mut self, waiting: usize) {
        self.now.waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
    }

    /// Counts a user who requested a server at that time, and their waiting time.
    pub(super) fn served_late(&mut self, kind: KindIndex, asked: u64, seconds: u64) {
        self.waits.push(seconds);
        self.asked.push(asked);
        if let Some(kind) = self.kinds.get_mut(kind) {
            kind.waits.push(seconds);
        }
    }
}

impl Sampler {
    fn point(&self, at: u64, now: &Now) -> Point {
        let expected = now.expected.iter().copied().chain(std::iter::repeat(Resources::default()));
        let expected: Vec<Resources> =
            now.asked.iter().zip(expected).map(|(asked, expected)| asked.plus(expected)).collect();
        Point {
            at,
            workload: self.fill.workload(&now.asked),
            expected: self.fill.workload(&expected),
            node_at_optimum: self.fill.unit(),
            serving: now.serving,
            fill_last: now.fill_last,
            cordoned: now.cordoned,
            booting: now.booting,
            parked: now.parked,
            waiting: self.waiting.max(now.waiting),
        }
    }
}
