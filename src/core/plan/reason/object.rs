//! The reasons why the Node object of a machine that is gone is deleted, and why one is not.

use jiff::Timestamp;

use super::text::excerpt;
use super::time::Since;
use super::words::{Reason, reasons};

reasons! {
    /// The reason why a Node object is deleted.
    ObjectReason {
        /// This program requested the deletion of its machine, and two runs found it gone.
        MachineGone {
            /// The machine.
            machine: String,
            /// The time at which the first run found it gone.
            since: Since,
        } => ("its machine {machine} is gone{since}, as two runs found, and nothing else removes the Node object"),
    }
}

/// The reason why the Node object of a machine that this program gave back stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectDoubt {
    /// Another actor cordoned it, or it is not cordoned.
    #[error("the cordon is not ours")]
    NotOurCordon,
    /// It runs on another machine than the one whose deletion was requested.
    #[error("the deletion of machine {} was asked for, and its machine is {}", excerpt(asked), excerpt(.now))]
    OtherMachine {
        /// The machine whose deletion was requested.
        asked: String,
        /// Its machine; empty if it names none.
        now: String,
    },
    /// Its kubelet reports that it is Ready.
    #[error("it is Ready")]
    Ready,
    /// It has no taint that marks it unreachable.
    #[error("it does not carry the taint node.kubernetes.io/unreachable")]
    Reachable,
    /// It was woken after that.
    #[error("it was woken")]
    Woken,
    /// Somebody decided that it stays: `scale-down-disabled`, or the mark of another autoscaler.
    #[error("{mark} keeps it")]
    ScaleDownDisabled {
        /// The key of the annotation or the label.
        mark: String,
    },
    /// Another program delays its deletion.
    #[error("the annotation {annotation} delays its deletion")]
    DeletionDelayed {
        /// The annotation.
        annotation: String,
    },
    /// A run claims it.
    #[error("a run is deleting it")]
    Claimed,
    /// Its instance is in a node group.
    #[error("its machine is in a node group")]
    InGroup,
    /// Another reason keeps it, such as a pod on it.
    #[error("{why}")]
    Kept {
        /// The reason.
        why: String,
    },
    /// It is the last node of its pool, and `NODE_GROUPS` names no group that could replace it.
    #[error("it is the last node, and NODE_GROUPS names no group that could replace it")]
    LastOfPool,
    /// Its provider found the machine.
    #[error("its machine is not gone: {}", excerpt(words))]
    Exists {
        /// The provider's message.
        words: String,
    },
    /// Its provider does not know.
    #[error("it is not known whether its machine is gone: {}", excerpt(words))]
    Unknown {
        /// The provider's message.
        words: String,
    },
    /// No provider was asked.
    #[error("it is not known whether its machine is gone: no provider was asked")]
    NotAsked,
    /// The note of an earlier run cannot be read.
    #[error("the note that its machine is gone cannot be read: `{}`", excerpt(value))]
    BadNote {
        /// The note.
        value: String,
    },
    /// The note of an earlier run names another machine.
    #[error("the note that its machine is gone is about {}", excerpt(machine))]
    NoteOfOther {
        /// The machine of the note.
        machine: String,
    },
    /// The note of an earlier run has a time in the future: a clock was wrong.
    #[error("the note that its machine is gone has the time {at:.0}, which is in the future")]
    NoteOfFuture {
        /// The time of the note.
        at: Timestamp,
    },
}
