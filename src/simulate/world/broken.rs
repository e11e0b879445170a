//! Changes that a run must never make.

/// A broken promise of this program. It is a defect, so the simulation ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenPromise {
    /// A node with users was deleted.
    #[error("node {node} was deleted with {users} users on it")]
    DeletedUnderUsers {
        /// The node.
        node: String,
        /// The number of its users.
        users: usize,
    },
    /// A node with a critical pod was deleted.
    #[error("node {node} was deleted with a critical pod on it")]
    DeletedCritical {
        /// The node.
        node: String,
    },
    /// A node with a critical pod was cordoned.
    #[error("node {node} was cordoned with a critical pod on it")]
    CordonedCritical {
        /// The node.
        node: String,
    },
    /// A node was parked that had users, or that took new users.
    #[error("node {node} was parked with {users} users on it, cordoned: {cordoned}")]
    ParkedUnderUsers {
        /// The node.
        node: String,
        /// The number of its users.
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
