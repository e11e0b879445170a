//! The nodes that can use the volumes of persistent volume claims.

use std::collections::BTreeMap;

use super::{Affinity, Operator, Requirement, SelectorTerm};

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

/// The affinity of a volume that is a path of whichever host its pod runs on (`hostPath`) and names no host. Any node can run
/// the pod, and only the node that it runs on has its data.
#[must_use]
pub fn of_the_host_of_its_pod() -> Affinity {
    Affinity(vec![SelectorTerm { labels: vec![any_host()], fields: Vec::new() }])
}

/// Whether an affinity is that of such a volume. The API server accepts no other like it.
#[must_use]
pub fn is_of_the_host_of_its_pod(affinity: &Affinity) -> bool {
    affinity.0.iter().any(|term| term.labels.contains(&any_host()))
}

fn any_host() -> Requirement {
    Requirement { key: "kubernetes.io/hostname".to_owned(), operator: Operator::NotIn(Vec::new()) }
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
