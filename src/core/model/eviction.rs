//! What an eviction needs to know: more of a pod, and the budgets that protect it.

use std::collections::BTreeMap;

use super::LabelSelector;

/// What is read of a bound pod that its controller starts again elsewhere; only where pods may be evicted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EvictionFacts {
    /// `metadata.uid`; empty where a file has none.
    pub uid: Box<str>,
    /// Its labels, as far as budgets ask for them.
    pub labels: BTreeMap<String, String>,
    /// Whether each of its volumes on the node's own disk is an `emptyDir`.
    pub only_empty_dirs: bool,
    /// What decides where it may go beside what this program accounts for: a host port, a required pod affinity.
    pub bound_by: Option<&'static str>,
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
    /// How many of them may be evicted now: 0 where the status is not of the budget as it is.
    pub allowed: u32,
}

impl DisruptionBudget {
    /// `namespace/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Whether it protects a pod.
    #[must_use]
    pub fn protects(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        self.namespace == namespace && self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }
}
