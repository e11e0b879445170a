//! One user's server, from the moment somebody asks for it to the moment they leave.

use kube_rebalancer_core::model::{Bytes, Millicores};

use super::cluster::KindIndex;

/// A server that a user asks for.
///
/// What counts of `end` is the length: a user who had to wait for a node still works as long as they meant to, and
/// leaves that much later. Streams of sessions are in order of `start`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// When the user asks for it, in seconds since the simulation began.
    pub start: u64,
    /// When the user leaves if served at once, in seconds since the simulation began; not before `start`.
    pub end: u64,
    /// Memory that the server requests.
    pub memory: Bytes,
    /// Processor time that it requests.
    pub cpu: Millicores,
    /// What kind of user that is; the first, unless somebody has said otherwise.
    pub kind: KindIndex,
}

impl Session {
    /// How long the user works, in seconds.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}
