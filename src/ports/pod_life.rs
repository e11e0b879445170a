//! The life of a pod, as one observation of the cluster shows it. Only traces use it, not plans.

use jiff::Timestamp;
use kube_rebalancer_core::model::Pod;

/// A pod with its beginning and, if that is known, its end. Unlike in a snapshot, it may have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodLife {
    /// The pod.
    pub pod: Pod,
    /// `metadata.uid`; `namespace/name` where a file has none.
    pub uid: String,
    /// `metadata.creationTimestamp`: when it was requested.
    pub created_at: Timestamp,
    /// `metadata.deletionTimestamp`: when the pod will be gone at the latest, if it is being deleted.
    pub deleting_until: Option<Timestamp>,
    /// Whether it is over.
    pub end: End,
}

/// The end of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It has not ended.
    NotYet,
    /// It has ended (`Succeeded` or `Failed`), at this time if known: the time at which its condition `Ready`
    /// became false.
    Over(Option<Timestamp>),
}
