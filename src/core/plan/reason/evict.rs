//! The reasons why a pod is evicted, and why one is not.

use super::loss::Loss;
use super::words::{Reason, reasons};

reasons! {
    /// The reason why a pod is evicted.
    EvictReason {
        /// An omitted pod whose node has no other pods than such ones.
        Omitted => ("its node is being drained, and its controller recreates this omitted pod elsewhere"),
        /// A movable pod: it counts, it is no user's, and its controller recreates it.
        Movable => ("its node is being drained, and its controller recreates it elsewhere"),
    }
}

/// The reason why a pod is not evicted, so that its node stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotEvicted {
    /// It is a user's, omitted or not.
    #[error("it carries a label key of PREEMPTIBLE_LABELS")]
    Users,
    /// It would be lost with its node.
    #[error("{0}")]
    Lost(Loss),
    /// The facts that its eviction needs are not known.
    #[error("its UID is not known")]
    Unread,
    /// It has a constraint on its nodes that this program does not account for.
    #[error("{what} restricts the nodes where it can run")]
    BoundBy {
        /// The constraint: a host port, a required pod affinity.
        what: &'static str,
    },
    /// The nodes that can use the volume of its claim are not known.
    #[error("the nodes that can use the volume of its claim {claim} are not known")]
    UnknownVolume {
        /// The claim's name.
        claim: String,
    },
    /// A budget allows no eviction now.
    #[error("PodDisruptionBudget {budget} allows no eviction now")]
    Budget {
        /// `namespace/name`.
        budget: String,
    },
    /// The API server evicts no pod that two budgets protect.
    #[error("two PodDisruptionBudgets protect it, {first} and {second}, and the eviction API refuses that")]
    TwoBudgets {
        /// `namespace/name`.
        first: String,
        /// `namespace/name`.
        second: String,
    },
    /// More budgets may protect it than a run compares.
    #[error("its namespace has more PodDisruptionBudgets that may protect it than a run compares")]
    TooManyBudgets,
    /// Another pod of its controller is not Ready.
    #[error("{pod}, another pod of its controller, is not Ready")]
    OtherReplica {
        /// `namespace/name`.
        pod: String,
    },
    /// A pod of its controller was evicted a moment ago, and the controller may not have created another
    /// yet.
    #[error("a pod of its controller was evicted from node {node} less than 30 s ago")]
    OtherEvicted {
        /// The node's name.
        node: String,
    },
    /// No node that stays in service has room for it beside the others.
    #[error("no node that stays in service has room for it")]
    NoRoom,
    /// With it, the nodes that stay would be above the band.
    #[error("with it the nodes that stay in service would be above MAX_UTILIZATION")]
    AboveBand,
    /// A waiting pod has precedence.
    #[error("pod {pod} waits for a node and takes precedence")]
    Waiting {
        /// `namespace/name`.
        pod: String,
    },
    /// Only nodes under a cordon of our own are drained.
    #[error("the cordon is not ours, and nothing is evicted under it")]
    OthersCordon,
    /// `MAX_EVICTIONS` is used up.
    #[error("MAX_EVICTIONS is {max}: left to the next run")]
    MaxEvictions {
        /// `MAX_EVICTIONS`.
        max: crate::policy::Budget,
    },
}
