//! The outcome of each action.

use kube_rebalancer_core::recheck::Stale;

use crate::PortError;

/// The outcome of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Applied,
    /// The change was already in place.
    AlreadySo,
    /// The cloud refused it, and the run did something else in its place.
    Instead {
        /// The node that is woken, or the group that grows.
        by: Substitute,
        /// The reason why the action itself was not done.
        why: String,
    },
    /// A precondition no longer holds: it is left to the next run.
    Stale(Stale),
    /// It was left to the next run for another reason.
    Postponed(String),
    /// A cordon that was undone at once, because the node had got a critical pod in the meantime.
    TakenBack {
        /// `namespace/name`.
        pod: String,
    },
    /// It failed.
    Failed(PortError),
    /// It relies on an uncordon that was not done, so it was not tried.
    Blocked {
        /// The node that should have been uncordoned.
        uncordon: String,
    },
    /// It was not tried.
    NotTried(NotTried),
}

/// The substitute for an action that the cloud refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Substitute {
    /// This parked node is woken.
    #[error("node {0} is woken instead")]
    Node(String),
    /// This node group grows.
    #[error("node group {0} grows instead")]
    Group(String),
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeKind {
    /// Carried out.
    Applied,
    /// The change was already in place.
    AlreadySo,
    /// A precondition no longer held; left to the next run.
    Stale,
    /// It was tried, and failed.
    Failed,
    /// An earlier failure or the time limit came first.
    NotTried,
}

/// The reason why an action was not tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTried {
    /// There is no node group.
    #[error("no node group")]
    NoNodeGroup,
    /// The node groups could not be listed.
    #[error("the node groups could not be listed")]
    Unseen,
    /// A dry run cannot try changes of node groups.
    #[error("a change of a node group cannot be rehearsed")]
    Rehearsal,
    /// `RUN_TIMEOUT` has expired, or the run received a signal to stop.
    #[error("the run was stopped before its turn")]
    Stopped,
    /// The required second list of pods failed.
    #[error("the second list of pods failed")]
    NoSecondLook,
}

impl Outcome {
    /// How the action ended.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Applied | Self::Instead { .. } => OutcomeKind::Applied,
            Self::AlreadySo => OutcomeKind::AlreadySo,
            Self::Stale(_) | Self::Postponed(_) | Self::TakenBack { .. } => OutcomeKind::Stale,
            Self::Failed(_) => OutcomeKind::Failed,
            Self::NotTried(_) | Self::Blocked { .. } => OutcomeKind::NotTried,
        }
    }

    /// The sentence of the report; empty if the kind is enough.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Self::Applied | Self::AlreadySo => String::new(),
            Self::Instead { by, why } => format!("{by}: {why}"),
            Self::Stale(stale) => stale.to_string(),
            Self::Postponed(why) => why.clone(),
            Self::TakenBack { pod } => {
                format!("taken back: the critical pod {pod} was scheduled on it meanwhile")
            }
            Self::Failed(error) => error.to_string(),
            Self::Blocked { uncordon } => {
                format!("node {uncordon}, which was to take over, is not uncordoned")
            }
            Self::NotTried(why) => why.to_string(),
        }
    }

    /// Whether the exit code stays 0. An action that is left to the next run is no failure, nor is an action without a
    /// cloud.
    #[must_use]
    pub fn is_fine(&self) -> bool {
        match self {
            Self::Applied
            | Self::AlreadySo
            | Self::Instead { .. }
            | Self::Stale(_)
            | Self::Postponed(_)
            | Self::TakenBack { .. }
            | Self::Blocked { .. }
            | Self::NotTried(NotTried::NoNodeGroup | NotTried::Rehearsal) => true,
            Self::Failed(_) | Self::NotTried(_) => false,
        }
    }

    /// Whether the change is in place now.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Applied | Self::AlreadySo | Self::Instead { .. })
    }
}
