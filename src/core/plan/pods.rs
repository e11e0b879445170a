//! What each pod is to a run: the first rule that matches decides.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::reason::Loss;
use crate::model::{Pod, Requests};
use crate::policy::Policy;

/// What a pod is to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PodClass {
    /// Comes and goes with its node: owned by a DaemonSet, or a static pod. `counted` if it is taken into account.
    Daemon {
        /// Whether its requests are part of the utilization.
        counted: bool,
    },
    /// Keeps its node from being cordoned.
    Critical,
    /// A user's pod: it ends by itself, and until then its node stays.
    Dynamic,
    /// Not taken into account (`OMIT_LABELS`, `OMIT_NAMESPACES`).
    Omitted,
    /// This run's own pod.
    Own,
}

/// Sorts pods into classes. Remembers the last label set and namespace it saw: pods come sorted by namespace and
/// share their label sets, so most are decided by two pointer comparisons.
#[derive(Debug)]
pub(super) struct Classifier<'a> {
    policy: &'a Policy,
    labels: Option<(&'a Arc<[Arc<str>]>, LabelClass)>,
    namespace: Option<(&'a Arc<str>, bool)>,
}

#[derive(Clone, Copy, Debug)]
struct LabelClass {
    omitted: bool,
    preemptible: bool,
}

impl<'a> Classifier<'a> {
    pub(super) fn new(policy: &'a Policy) -> Self {
        Self { policy, labels: None, namespace: None }
    }

    /// The class of a pod.
    pub(super) fn class(&mut self, pod: &'a Pod) -> PodClass {
        let labels = self.label_class(&pod.label_keys);
        let omitted = labels.omitted || self.namespace_omitted(&pod.namespace);
        if self.is_own(pod) {
            PodClass::Own
        } else if is_daemon(pod) {
            PodClass::Daemon { counted: !omitted }
        } else if omitted {
            PodClass::Omitted
        } else if pod.safe_to_evict == Some(false) || !labels.preemptible {
            PodClass::Critical
        } else {
            PodClass::Dynamic
        }
    }

    fn is_own(&self, pod: &Pod) -> bool {
        self.policy
            .own_pod
            .as_ref()
            .is_some_and(|(namespace, name)| **name == *pod.name && **namespace == *pod.namespace)
    }

    fn label_class(&mut self, keys: &'a Arc<[Arc<str>]>) -> LabelClass {
        if let Some((known, class)) = self.labels
            && Arc::ptr_eq(known, keys)
        {
            return class;
        }
        let has_one_of =
            |set: &BTreeSet<String>| !set.is_empty() && keys.iter().any(|key| set.contains(&**key));
        let class = LabelClass {
            omitted: has_one_of(&self.policy.omit_labels),
            preemptible: has_one_of(&self.policy.preemptible_labels),
        };
        self.labels = Some((keys, class));
        class
    }

    fn namespace_omitted(&mut self, namespace: &'a Arc<str>) -> bool {
        if let Some((known, omitted)) = self.namespace
            && Arc::ptr_eq(known, namespace)
        {
            return omitted;
        }
        let omitted = self.policy.omit_namespaces.contains(&**namespace);
        self.namespace = Some((namespace, omitted));
        omitted
    }
}

/// Whether a pod is a user's, one that keeps its node only until it ends by itself.
#[must_use]
pub fn is_users(pod: &Pod, policy: &Policy) -> bool {
    Classifier::new(policy).class(pod) == PodClass::Dynamic
}

fn is_daemon(pod: &Pod) -> bool {
    pod.mirror
        || pod
            .controller
            .as_ref()
            .is_some_and(|controller| matches!(controller.kind.as_str(), "DaemonSet" | "Node"))
}

/// Why an omitted pod would be lost with its node; `None` if its controller recreates it elsewhere.
pub(super) fn loss(pod: &Pod) -> Option<Loss> {
    let Some(controller) = &pod.controller else {
        return Some(Loss::NoController);
    };
    if controller.kind == "Job" {
        return Some(Loss::Job);
    }
    if pod.safe_to_evict == Some(false) {
        return Some(Loss::NotSafeToEvict);
    }
    pod.local_volume.as_ref().map(|volume| Loss::LocalVolume { volume: volume.to_string() })
}

/// Requests of several pods, summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub(super) memory: u128,
    pub(super) cpu: u128,
    pub(super) pods: u64,
}

impl Load {
    pub(super) fn add(&mut self, requests: Requests) {
        self.memory += u128::from(requests.memory.0);
        self.cpu += u128::from(requests.cpu.0);
        self.pods += 1;
    }
}
