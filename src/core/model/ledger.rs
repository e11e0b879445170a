//! What runs remember between them, in a `ConfigMap` beside the Lease.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::TaintEffect;

/// A lasting taint as it takes part in the judgement which nodes are common: key, value and effect.
pub type LastingTaint = (String, String, TaintEffect);

/// A set of lasting taints, as one node carries it.
pub type TaintSet = BTreeSet<LastingTaint>;

/// What earlier runs noted. A run without permission to read it, or without the `ConfigMap`, has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By pool (the empty name where there are no pools): for each set of lasting taints, whether its nodes are common.
    pub common: BTreeMap<String, BTreeMap<TaintSet, bool>>,
    /// The nodes that were created for waiting pods, by pod UID and group.
    pub created_for: BTreeMap<(String, String), CreatedFor>,
    /// The groups of which the youngest node turned out to be of no use: how many such nodes came one after another, and
    /// when the last one was noted.
    pub useless: BTreeMap<String, CreatedFor>,
}

/// A number of nodes, which the pause before the next one follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedFor {
    /// How many nodes were created for a pod, or were of no use.
    pub nodes: u32,
    /// When the last one was asked for, or was seen to be of no use.
    pub at: Timestamp,
}
