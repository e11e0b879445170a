//! What a run must never do.

/// The program did what it promises never to do. That is a defect of this program, so the simulation ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenPromise {
    /// A node was deleted that somebody was on.
    #[error("node {node} was deleted with {users} users on it")]
    DeletedUnderUsers {
        /// The node.
        node: String,
        /// How many were on it.
        users: usize,
    },
    /// A node was deleted under a critical pod.
    #[error("node {node} was deleted with a critical pod on it")]
    DeletedCritical {
        /// The node.
        node: String,
    },
    /// A node was cordoned under a critical pod.
    #[error("node {node} was cordoned with a critical pod on it")]
    CordonedCritical {
        /// The node.
        node: String,
    },
    /// A node was parked that somebody was on, or that took new users.
    #[error("node {node} was parked with {users} users on it, cordoned: {cordoned}")]
    ParkedUnderUsers {
        /// The node.
        node: String,
        /// How many were on it.
        users: usize,
        /// Whether it was cordoned.
        cordoned: bool,
    },
    /// A node was deleted that took new users.
    #[error("node {node} was deleted though it was not cordoned")]
    DeletedSchedulable {
        /// The node.
        node: String,
    },
}
