//! What is simulated, whatever the policy: users, machines, and how long things take.

use jiff::{SignedDuration, Timestamp};

use super::cluster::{Cluster, Pool, PoolIndex};
use super::resources::Resources;
use super::session::Session;
use super::users::people::Person;

/// A cluster and its users.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The users, in the order in which they come.
    pub sessions: Vec<Session>,
    /// When the simulation begins.
    pub start: Timestamp,
    /// How long the simulation lasts, in seconds.
    pub length: u64,
    /// What nodes are like, and which of them users reach.
    pub cluster: Cluster,
    /// Whose disk each of the users has, where disks are zonal; empty where they are not.
    pub people: Vec<Person>,
    /// Where the scheduler puts a pod.
    pub scheduler: Scheduler,
    /// Seconds from asking for a node until it is Ready.
    pub boot_time: u64,
    /// Seconds from waking a parked node until it is Ready.
    pub wake_time: u64,
    /// Seconds that the first user of a node waits for the image.
    pub image_pull: u64,
    /// Seconds between two runs; positive.
    pub interval: u64,
    /// Where random numbers start.
    pub seed: u64,
}

/// Where the scheduler puts a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Scheduler {
    /// On the emptiest node, as kube-scheduler does by default
    #[default]
    Spread,
    /// On the fullest node that takes it, as the user-scheduler of Zero to `JupyterHub` does
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

/// Somebody asks for more than a node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a user asks for {} of memory and {} of processor time, but an empty node has {} and {} left for users",
    asked.memory, asked.cpu, room.memory, room.cpu
)]
pub struct TooLarge {
    /// What the user asks for.
    pub asked: Resources,
    /// The room of an empty node that the user's pod can reach.
    pub room: Resources,
}

impl Scenario {
    /// The time `seconds` after the simulation began.
    #[must_use]
    pub fn time(&self, seconds: u64) -> Timestamp {
        let since = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        self.start.checked_add(since).unwrap_or(Timestamp::MAX)
    }

    /// What a user asks for.
    #[must_use]
    pub fn asked(&self, session: &Session) -> Resources {
        let gpus = self.cluster.kinds.get(session.kind).map_or(0, |kind| kind.gpus);
        Resources { memory: session.memory, cpu: session.cpu, gpus }
    }

    /// The pool that a user is for. One who fits nowhere counts for the first.
    pub(super) fn home(&self, session: &Session) -> PoolIndex {
        self.cluster.home(session.kind, self.asked(session)).unwrap_or(0)
    }

    /// Checks that every user fits an empty node. Nobody could ever serve one who does not.
    pub fn check(&self) -> Result<(), TooLarge> {
        let fits = |session: &&Session| self.cluster.home(session.kind, self.asked(session)).is_some();
        let Some(session) = self.sessions.iter().find(|session| !fits(session)) else { return Ok(()) };
        let kind = self.cluster.kinds.get(session.kind);
        let reached = self.cluster.pools.iter().rfind(|pool| kind.is_some_and(|kind| pool.admits(kind)));
        let room = reached.map_or_else(Resources::default, Pool::room);
        Err(TooLarge { asked: self.asked(session), room })
    }
}
