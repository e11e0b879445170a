//! The nodes that can use the volumes of persistent volume claims.

use std::collections::BTreeMap;

use super::Affinity;

/// A claim: namespace and name.
pub type ClaimKey = (String, String);

/// The bound claims whose volumes were looked up, each with the node affinity of its volume; `None` where the volume can be
/// used from every node. Claims that are not bound, or were not looked up, are absent.
pub type Volumes = BTreeMap<ClaimKey, Option<Affinity>>;
