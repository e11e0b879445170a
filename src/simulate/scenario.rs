//! What is simulated, whatever the policy: users, machines, and how long things take.

use jiff::{SignedDuration, Timestamp};
use kube_rebalancer_core::model::Requests;

use super::machine::Machine;
use super::session::Session;

/// A cluster and its users.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The users, in the order in which they come.
    pub sessions: Vec<Session>,
    /// When the simulation begins.
    pub start: Timestamp,
    /// How long the simulation lasts, in seconds.
    pub length: u64,
    /// What a node is like.
    pub machine: Machine,
    /// Where the scheduler puts a pod.
    pub scheduler: Scheduler,
    /// Seconds from asking for a node until it is Ready.
    pub boot_time: u64,
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
    pub asked: Requests,
    /// What an empty node has.
    pub room: Requests,
}

impl Scenario {
    /// The time so many seconds after the simulation began.
    #[must_use]
    pub fn time(&self, seconds: u64) -> Timestamp {
        let since = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        self.start.checked_add(since).unwrap_or(Timestamp::MAX)
    }

    /// Checks that every user fits an empty node. Nobody could ever serve one who does not.
    pub fn check(&self) -> Result<(), TooLarge> {
        let room = self.machine.room();
        let fits = |asked: &Requests| asked.memory <= room.memory && asked.cpu <= room.cpu;
        let mut asked =
            self.sessions.iter().map(|session| Requests { memory: session.memory, cpu: session.cpu });
        asked.find(|asked| !fits(asked)).map_or(Ok(()), |asked| Err(TooLarge { asked, room }))
    }
}
