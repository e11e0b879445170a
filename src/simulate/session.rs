//! One user's server, from the request until the user leaves.

use kube_rebalancer_core::model::{Bytes, Millicores};

use super::cluster::KindIndex;

/// A server that a user asks for.
///
/// Only the length counts, not `end` itself: a user who had to wait for a node works for the same time, and leaves
/// later by the waiting time. Streams of sessions are in order of `start`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// The time of the request, in seconds since the simulation began.
    pub start: u64,
    /// The time at which the user leaves if served at once, in seconds since the simulation began; not before
    /// `start`.
    pub end: u64,
    /// Memory that the server requests.
    pub memory: Bytes,
    /// Processor time that it requests.
    pub cpu: Millicores,
    /// The kind of the user; by default the first.
    pub kind: KindIndex,
}

impl Session {
    /// How long the user works, in seconds.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}
