//! The part of a simulation that does not depend on the policy: users, machines, and durations.

use jiff::{SignedDuration, Timestamp};

use super::cluster::{Cluster, Pool, PoolIndex};
use super::resources::Resources;
use super::session::Session;
use super::users::people::Person;

/// A cluster and its users.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The users, in the order in which they arrive.
    pub sessions: Vec<Session>,
    /// When the simulation begins.
    pub start: Timestamp,
    /// How long the simulation lasts, in seconds.
    pub length: u64,
    /// The pools of nodes, and the users that may run on them.
    pub cluster: Cluster,
    /// The owner of the disk of each session, if disks are zonal; else empty.
    pub people: Vec<Person>,
    /// The scheduler's choice of a node for a pod.
    pub scheduler: Scheduler,
    /// Seconds from the request for a node until it is Ready.
    pub boot_time: u64,
    /// Seconds from waking a parked node until it is Ready.
    pub wake_time: u64,
    /// Seconds that the first user of a node waits for the image.
    pub image_pull: u64,
    /// Seconds between two runs; positive.
    pub interval: u64,
    /// The seed of the random numbers.
    pub seed: u64,
}

/// The scheduler's choice of a node for a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Scheduler {
    /// On the emptiest node, as kube-scheduler does by default
    #[default]
    Spread,
    /// On the fullest node that takes it, as the user-scheduler of Zero to JupyterHub does
    Pack,
}

impl Scheduler {
    /// The word on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Spread => "spread",
            Self::Pack => "pack",
        }
    }
}

/// A user requests more than a node offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a user requests {} of memory and {} of processor time, but an empty node has {} and {} left for users",
    asked.memory, asked.cpu, room.memory, room.cpu
)]
pub struct TooLarge {
    /// The user's requests.
    pub asked: Resources,
    /// The room of an empty node on which the user's pod may run.
    pub room: Resources,
}

impl Scenario {
    /// The time `seconds` after the simulation began.
    #[must_use]
    pub fn time(&self, seconds: u64) -> Timestamp {
        let since = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        self.start.checked_add(since).unwrap_or(Timestamp::MAX)
    }

    /// The requests of a user.
    #[must_use]
    pub fn asked(&self, session: &Session) -> Resources {
        let gpus = self.cluster.kinds.get(session.kind).map_or(0, |kind| kind.gpus);
        Resources { memory: session.memory, cpu: session.cpu, gpus }
    }

    /// The pool of a user. A user that fits no pool counts for the first.
    pub(super) fn home(&self, session: &Session) -> PoolIndex {
        self.cluster.home(session.kind, self.asked(session)).unwrap_or(0)
    }

    /// Checks that every user fits an empty node. Otherwise the user would wait forever.
    pub fn check(&self) -> Result<(), TooLarge> {
        let fits = |session: &&Session| self.cluster.home(session.kind, self.asked(session)).is_some();
        let Some(session) = self.sessions.iter().find(|session| !fits(session)) else { return Ok(()) };
        let kind = self.cluster.kinds.get(session.kind);
        let reached = self.cluster.pools.iter().rfind(|pool| kind.is_some_and(|kind| pool.admits(kind)));
        let room = reached.map_or_else(Resources::default, Pool::room);
        Err(TooLarge { asked: self.asked(session), room })
    }
}
