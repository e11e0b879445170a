//! Random clusters and settings: small numbers with many coincidences, because ties find the bugs.
//!
//! Every object is read from its own short string of bytes, where 0 always means "the plain case": so proptest's own
//! shrinking (drop an object, make a byte smaller) leads to the plainest cluster that still fails.

mod cluster;
mod dump;
mod group;
mod node;
mod past;
mod plain;
mod pod;
mod settings;
mod show;
mod smaller;

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_core::policy::Policy;
use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) use cluster::Cluster;
pub(crate) use plain::plain_worlds;
pub(crate) use smaller::smallest;

/// The time at which every random cluster is observed.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn ago(seconds: i64) -> Timestamp {
    NOW - SignedDuration::from_secs(seconds)
}

/// A string of bytes, the source of random decisions; after its end, all bytes are 0.
#[derive(Debug)]
struct Bytes<'a>(std::slice::Iter<'a, u8>);

impl<'a> Bytes<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    /// A number below the bound; every one about equally often.
    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % bound
    }

    /// True in `percent` of a hundred draws; false for the byte 0.
    fn chance(&mut self, percent: usize) -> bool {
        let byte = usize::from(self.0.next().copied().unwrap_or(0));
        byte * 100 >= (100 - percent) * 256
    }

    /// One of these; the first for the byte 0.
    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// A whole world to plan for.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) policy: Policy,
    /// The events in it between runs.
    pub(crate) fate: Fate,
}

/// The outcomes that no plan decides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fate {
    /// Seconds between two runs.
    pub(crate) step: i64,
    /// Runs that an instance takes to become a Ready node.
    pub(crate) boots: usize,
    /// The outcome of a new node.
    pub(crate) turns_out: TurnsOut,
    /// One in this number of unbound pods fits no node in reality; 0: all pods may fit.
    pub(crate) stubborn: usize,
    /// Whether the scheduler spreads pods over nodes or packs them.
    pub(crate) spreads: bool,
}

/// The outcome of a new node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TurnsOut {
    AsPromised,
    Smaller,
    Tainted,
    WithoutDevice,
    NeverReady,
    NeverANode,
    StuckInStartup,
}

impl World {
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.cluster.snapshot()
    }
}

fn fate(bytes: &mut Bytes<'_>) -> Fate {
    Fate {
        step: bytes.pick(&[60, 60, 300, 900]),
        boots: bytes.pick(&[1, 2, 3]),
        turns_out: bytes.pick(&[
            TurnsOut::AsPromised,
            TurnsOut::AsPromised,
            TurnsOut::AsPromised,
            TurnsOut::Smaller,
            TurnsOut::Tainted,
            TurnsOut::WithoutDevice,
            TurnsOut::NeverReady,
            TurnsOut::NeverANode,
            TurnsOut::StuckInStartup,
        ]),
        stubborn: bytes.pick(&[0, 0, 1, 3]),
        spreads: !bytes.chance(30),
    }
}

/// Clusters of up to 12 nodes, now and then of 40.
pub(crate) fn worlds() -> impl Strategy<Value = World> {
    let object = || vec(any::<u8>(), 32);
    let nodes = prop_oneof![19 => vec(object(), 0..13), 1 => vec(object(), 13..41)];
    let pods = prop_oneof![1 => vec(object(), 0..8), 3 => vec(object(), 0..40)];
    let groups = prop_oneof![1 => vec(object(), 0..1), 2 => vec(object(), 1..5)];
    (vec(any::<u8>(), 64), nodes, pods, groups, vec(any::<u8>(), 40)).prop_map(
        |(settings, nodes, pods, groups, past)| {
            let (first, second) = settings.split_at(32);
            let mut cluster = Cluster::read(&mut Bytes::new(&second[8..]), &nodes, &pods, &groups);
            cluster.history = past::read(&mut Bytes::new(&past), &cluster.nodes);
            World {
                policy: settings::read(&mut Bytes::new(first), cluster.traits.pools),
                fate: fate(&mut Bytes::new(&second[..8])),
                cluster,
            }
        },
    )
}
