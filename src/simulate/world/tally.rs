//! What a policy is judged by, counted as it happens.

use kube_rebalancer_core::model::Bytes;

use super::node::SimulatedNode;
use crate::series::Point;

/// What has happened so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Everybody who has asked for a server.
    pub(crate) users: usize,
    /// How long those waited who had to wait for a node: seconds from asking until running.
    pub(crate) waits: Vec<u64>,
    pub(crate) cordons: usize,
    pub(crate) uncordons: usize,
    pub(crate) created: usize,
    pub(crate) deletions: usize,
    /// Users whose node was deleted under them.
    pub(crate) lost: usize,
    pub(crate) runs: usize,
    /// Plans that a run right after them would have corrected.
    pub(crate) unsettled: usize,
    /// The most nodes there were at one time.
    pub(crate) peak: usize,
    /// Instances times seconds.
    pub(crate) node_seconds: u128,
    /// Requested memory times seconds.
    pub(crate) requested: u128,
    /// Memory of the nodes that take users, times seconds.
    pub(crate) offered: u128,
    now: Now,
    plot: Option<Sampler>,
}

/// The cluster at one moment.
#[derive(Clone, Copy, Debug, Default)]
struct Now {
    instances: usize,
    serving: u32,
    cordoned: u32,
    booting: u32,
    waiting: u32,
    requested: u64,
    /// Memory of the nodes that take users.
    offered: u128,
}

/// Takes a point for a plot at regular times.
#[derive(Debug, Default)]
struct Sampler {
    every: u64,
    node_at_optimum: u64,
    next: u64,
    /// The most who waited at one time since the last point.
    waiting: u32,
    points: Vec<Point>,
}

impl Tally {
    /// Takes a point for a plot every so many seconds. So much memory fills a node to the optimum.
    pub(crate) fn sample(&mut self, every: u64, node_at_optimum: u64) {
        self.plot = Some(Sampler { every: every.max(1), node_at_optimum, ..Sampler::default() });
    }

    /// The points so far, and a last one for now.
    pub(crate) fn points(&mut self, at: u64) -> Vec<Point> {
        let Some(mut plot) = self.plot.take() else { return Vec::new() };
        if plot.points.last().is_none_or(|point| point.at < at) {
            let last = plot.point(at, self.now);
            plot.points.push(last);
        }
        plot.points
    }

    /// Time passes, and nothing changes meanwhile.
    pub(super) fn pass(&mut self, from: u64, to: u64) {
        let now = self.now;
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
        self.requested += seconds * u128::from(now.requested);
        self.offered += seconds * now.offered;
    }

    /// The nodes have changed.
    pub(super) fn count(&mut self, nodes: &[SimulatedNode], offered: Bytes) {
        let now = &mut self.now;
        (now.serving, now.cordoned, now.booting) = (0, 0, 0);
        for node in nodes {
            *match (node.ready, node.is_cordoned()) {
                (false, _) => &mut now.booting,
                (true, true) => &mut now.cordoned,
                (true, false) => &mut now.serving,
            } += 1;
        }
        now.instances = nodes.len();
        now.offered = u128::from(now.serving) * u128::from(offered.0);
        self.peak = self.peak.max(nodes.len());
    }

    /// Somebody asks for memory.
    pub(super) fn ask(&mut self, memory: Bytes) {
        self.now.requested += memory.0;
    }

    /// Somebody has gone.
    pub(super) fn go(&mut self, memory: Bytes) {
        self.now.requested = self.now.requested.saturating_sub(memory.0);
    }

    /// Memory that is asked for.
    pub(super) fn demand(&self) -> u64 {
        self.now.requested
    }

    /// So many wait now.
    pub(super) fn wait(&mut self, waiting: usize) {
        self.now.waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
    }

    /// Somebody waited so long.
    pub(super) fn served_late(&mut self, seconds: u64) {
        self.waits.push(seconds);
    }
}

impl Sampler {
    fn point(&self, at: u64, now: Now) -> Point {
        let Now { serving, cordoned, booting, requested, waiting, .. } = now;
        Point {
            at,
            workload: requested,
            node_at_optimum: self.node_at_optimum,
            serving,
            cordoned,
            booting,
            waiting: self.waiting.max(waiting),
        }
    }
}
