//! The records that runs keep for later ones, in a `ConfigMap` beside the Lease.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::TaintEffect;

/// A lasting taint, as the judgement of common nodes uses it: key, value and effect.
pub type LastingTaint = (String, String, TaintEffect);

/// A set of lasting taints, as one node carries it.
pub type TaintSet = BTreeSet<LastingTaint>;

/// The records of earlier runs. A run without permission to read it, or without the `ConfigMap`, has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By pool (the empty name where there are no pools): for each set of lasting taints, whether its nodes are common.
    pub common: BTreeMap<String, BTreeMap<TaintSet, bool>>,
    /// The nodes that were created for waiting pods, by pod UID and group.
    pub created_for: BTreeMap<(String, String), CreatedFor>,
    /// The groups whose youngest node turned out to be useless: the number of such nodes in a row, and when the last one
    /// was recorded.
    pub useless: BTreeMap<String, CreatedFor>,
}

/// A number of nodes, from which the pause before the next one follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedFor {
    /// Number of nodes that were created for a pod, or were useless.
    pub nodes: u32,
    /// When the last one was requested, or was found useless.
    pub at: Timestamp,
}
