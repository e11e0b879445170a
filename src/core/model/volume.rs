//! The nodes that can use the volumes of persistent volume claims.

use std::collections::BTreeMap;

use super::Affinity;

/// A claim: namespace and name.
pub type ClaimKey = (String, String);

/// The bound claims whose volumes were looked up, each with the node affinity of its volume; `None` where the volume can be
/// used from every node, and an affinity without terms where a waiting pod cannot use the claim. Claims that are not bound, or
/// were not looked up, are absent.
pub type Volumes = BTreeMap<ClaimKey, Option<Affinity>>;

/// The entry of a claim that its waiting pods cannot use: no node has its volume.
#[must_use]
pub const fn of_no_claim() -> Option<Affinity> {
    Some(Affinity(Vec::new()))
}

/// A volume with data that only some nodes can use, whether or not a pod mounts it at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVolume {
    /// Its name.
    pub name: String,
    /// The claim that it belongs to, or belonged to.
    pub claim: Option<ClaimKey>,
    /// The nodes that can use it.
    pub affinity: Affinity,
}

impl StoredVolume {
    /// Its name and claim for messages.
    #[must_use]
    pub fn described(&self) -> String {
        match &self.claim {
            Some((namespace, claim)) => format!("{} of claim {namespace}/{claim}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The volumes with data that only some nodes can use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StoredVolumes {
    /// They were not listed: nothing depends on them, or the permission is missing.
    #[default]
    NotListed,
    /// They were listed.
    Listed(Vec<StoredVolume>),
    /// The list failed, so that any node may hold one.
    Unknown {
        /// The error.
        why: String,
    },
}

impl StoredVolumes {
    /// Whether any node may have to stay for one.
    #[must_use]
    pub fn may_keep_a_node(&self) -> bool {
        match self {
            Self::NotListed => false,
            Self::Listed(volumes) => !volumes.is_empty(),
            Self::Unknown { .. } => true,
        }
    }
}
