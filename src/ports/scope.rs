//! Where a run looks for node groups.

use std::collections::BTreeSet;

use crate::Environment;

/// Where to look for node groups; what is unset is found from the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloudScope {
    /// `PROVIDER`: the name of a provider, for the nodes whose provider ID does not tell.
    pub provider: Option<String>,
    /// `PROJECT`.
    pub project: Option<String>,
    /// `ZONE`.
    pub zone: Option<String>,
    /// `NODE_GROUPS`: names of managed instance groups, or parts of names.
    pub node_groups: BTreeSet<String>,
    /// `COMPUTE_ENDPOINT`.
    pub endpoint: Option<String>,
    /// The environment, for credentials and what a cloud's own tools read.
    pub environment: Environment,
}
