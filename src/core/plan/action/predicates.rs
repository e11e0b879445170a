//! The predicates of an action that the planner, the checker and the reports use.

use super::{Action, ActionKind, Effect};

impl Action {
    /// Whether it makes a node schedulable.
    #[must_use]
    pub fn is_uncordon(&self) -> bool {
        self.kind() == ActionKind::Uncordon
    }

    /// Whether it makes a node unschedulable.
    #[must_use]
    pub fn is_cordon(&self) -> bool {
        self.kind() == ActionKind::Cordon
    }

    /// Whether it deletes a node.
    #[must_use]
    pub fn is_delete(&self) -> bool {
        self.kind() == ActionKind::Delete
    }

    /// Whether it wakes a parked node.
    #[must_use]
    pub fn is_wake(&self) -> bool {
        self.kind() == ActionKind::Wake
    }

    /// Whether it deletes or parks a node: both need the same proofs.
    #[must_use]
    pub fn gives_back(&self) -> bool {
        matches!(self.kind(), ActionKind::Delete | ActionKind::Park)
    }

    /// Whether it evicts a pod.
    #[must_use]
    pub fn is_eviction(&self) -> bool {
        self.kind() == ActionKind::Evict
    }

    /// Whether it only writes or removes notes, or a taint that keeps no pod away, on a node.
    #[must_use]
    pub fn is_note(&self) -> bool {
        self.kind().facts().effect == Effect::Notes
    }
}
