//! Where a run looks for node groups.

use std::collections::BTreeSet;

/// Where to look for node groups; what is unset is found from the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloudScope {
    /// `PROJECT`.
    pub project: Option<String>,
    /// `ZONE`.
    pub zone: Option<String>,
    /// `NODE_GROUPS`: names of managed instance groups, or parts of names.
    pub node_groups: BTreeSet<String>,
    /// `COMPUTE_ENDPOINT`.
    pub endpoint: Option<String>,
}
