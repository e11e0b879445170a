//! Random clusters and settings: small numbers with many coincidences, because ties find the bugs.
//!
//! Every object is read from its own short string of bytes, where 0 always means "the plain case": so proptest's own
//! shrinking (drop an object, make a byte smaller) leads to the plainest cluster that still fails.

mod cluster;
mod objects;
mod settings;
mod show;

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::Snapshot;
use kube_rebalancer_core::policy::Policy;
use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) use cluster::Cluster;

/// When every random cluster is observed.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn ago(seconds: i64) -> Timestamp {
    NOW - SignedDuration::from_secs(seconds)
}

/// A string of bytes that decisions are read from; after its end, all bytes are 0.
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

    /// True so many times in a hundred; false for the byte 0.
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
}

impl World {
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.cluster.snapshot()
    }
}

/// Clusters of up to 12 nodes, now and then of 40.
pub(crate) fn worlds() -> impl Strategy<Value = World> {
    let object = || vec(any::<u8>(), 24);
    let nodes = prop_oneof![19 => vec(object(), 0..13), 1 => vec(object(), 13..41)];
    let pods = prop_oneof![1 => vec(object(), 0..8), 3 => vec(object(), 0..40)];
    let groups = prop_oneof![1 => vec(object(), 0..1), 1 => vec(object(), 1..4)];
    (vec(any::<u8>(), 32), nodes, pods, groups).prop_map(|(settings, nodes, pods, groups)| World {
        cluster: Cluster::read(&mut Bytes::new(&settings[16..]), &nodes, &pods, &groups),
        policy: settings::read(&mut Bytes::new(&settings[..16])),
    })
}

/// Clusters in which every node is alike, no daemon runs and no pod waits, as the rule of "more load" needs them; the
/// second is the first with one dynamic pod that asks for more.
pub(crate) fn plain_worlds() -> impl Strategy<Value = (World, World)> {
    let object = || vec(any::<u8>(), 24);
    (vec(any::<u8>(), 32), vec(object(), 1..13), vec(object(), 1..30), any::<u8>(), 1_u64..12).prop_map(
        |(settings, nodes, pods, which, more)| {
            let mut policy = settings::read(&mut Bytes::new(&settings[..16]));
            let cluster = Cluster::plain(&mut policy, &nodes, &pods);
            let mut fuller = cluster.clone();
            fuller.ask_for_more(usize::from(which), more);
            (World { cluster, policy: policy.clone() }, World { cluster: fuller, policy })
        },
    )
}
