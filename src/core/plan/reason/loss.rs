//! The reasons why an omitted pod would be lost with its node.

/// The reason why an omitted pod would be lost with its node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// It has no controller.
    #[error("it has no controller")]
    NoController,
    /// Its controller does not recreate it.
    #[error("its controller, of kind {kind}, does not start it again elsewhere")]
    NotRecreated {
        /// The controller's kind.
        kind: String,
    },
    /// It is a user's: another pod in its place has not what is in its memory.
    #[error("it is a user's pod: a label of PREEMPTIBLE_LABELS is on it")]
    OfAUser,
    /// It is a part of a user's session by the label of a known platform: what is in its memory would be lost.
    #[error("it is a part of a user's session: the label {label} is on it")]
    OfASession {
        /// The label's key.
        label: &'static str,
    },
    /// An annotation or a label forbids it.
    #[error("it is marked {annotation}")]
    NotToBeMoved {
        /// The annotation or label, as `key=value`.
        annotation: String,
    },
    /// Its data is on the node's own disk.
    #[error("its volume {volume} is on the node's own disk")]
    LocalVolume {
        /// The volume's name.
        volume: String,
    },
    /// Its data is in an `emptyDir` on the node's own disk, which `DRAIN_EMPTY_DIR` would give up.
    #[error(
        "its emptyDir {volume} is on the node's own disk; DRAIN_EMPTY_DIR=true or {volume} in the annotation \
         cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes lets it go"
    )]
    EmptyDir {
        /// The volume's name.
        volume: String,
    },
    /// The volume of its claim can only be used on this node.
    #[error("the volume of its claim {claim} can only be used on this node")]
    LocalClaim {
        /// The claim's name.
        claim: String,
    },
    /// No other node would take it.
    #[error("no other node that takes pods has room for it and would take it")]
    NowhereElse,
    /// The program does not know whether another node would take it.
    #[error("{what} binds it, so it may not start on another node")]
    BoundBy {
        /// The constraint.
        what: &'static str,
    },
    /// Without room elsewhere, the scheduler would evict pods of lower priority for it.
    #[error("no other node has room for it, and by its priority it would displace pods there")]
    WouldPreempt,
    /// It has no node, and no other one would take it.
    #[error("it waits, and no other node has room for it; uncordon this node or change the pod")]
    WaitsForIt,
    /// It is a static pod of the control plane.
    #[error("it is a part of the control plane")]
    ControlPlane,
    /// No other replica of its controller is Ready elsewhere.
    #[error("it is the last Ready replica of {controller} outside of nodes that go")]
    LastReplica {
        /// `Kind namespace/name`.
        controller: String,
    },
}
