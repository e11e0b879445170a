//! The facts that an eviction needs: more fields of a pod, and the budgets that protect it.

use super::{LabelSelector, Labels};

/// Maximum number of controllers in the mark of a drained node. A run does not wait for the pods of further ones. Of a longer
/// list, which this program did not write, the first ones count.
pub const MOST_CONTROLLERS: usize = 100;

/// The fields that are read of a bound pod that its controller recreates elsewhere; only if pods may be evicted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvictionFacts {
    /// `metadata.uid`; empty where a file has none.
    pub uid: Box<str>,
    /// Its labels that budgets select by.
    pub labels: Labels,
    /// Whether each of its volumes on the node's own disk is an `emptyDir`.
    pub only_empty_dirs: bool,
}

/// A `PodDisruptionBudget` of `policy/v1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct DisruptionBudget {
    /// `metadata.namespace`.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// The pods of its namespace that it protects; `None` protects none.
    pub selector: Option<LabelSelector>,
    /// Number of these pods that may be evicted now; 0 if the status is older than the spec.
    pub allowed: u32,
    /// Whether a pod that is not Ready may be evicted at any time (`unhealthyPodEvictionPolicy: AlwaysAllow`).
    pub unready_at_any_time: bool,
}

impl DisruptionBudget {
    /// `namespace/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Whether it protects a pod.
    #[must_use]
    pub fn protects(&self, namespace: &str, labels: &Labels) -> bool {
        self.namespace == namespace && self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }
}
