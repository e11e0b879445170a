//! The class of each pod (section 2): the first rule that matches decides.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Controller, Pod};
use crate::policy::Policy;

/// The class of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PodClass {
    /// Comes and goes with its node. `counted` if it is taken into account.
    Daemon {
        /// Whether its requests are part of the utilization.
        counted: bool,
    },
    /// Keeps its node from being cordoned.
    Critical,
    /// Would be critical, but may be moved: it does not keep its node from being cordoned.
    Movable,
    /// A user's pod: it ends by itself, and until then its node stays.
    Dynamic,
    /// A reserve that any user's pod may displace. `counted` if it is taken into account.
    Placeholder {
        /// Whether its requests are part of the utilization.
        counted: bool,
    },
    /// Omitted by `OMIT_LABELS` or `OMIT_NAMESPACES`.
    Omitted,
    /// This run's own pod.
    Own,
}

/// The role of a pod's controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ControllerRole {
    /// A DaemonSet: runs one pod on each node.
    Daemon,
    /// The kubelet, which owns mirror pods.
    Kubelet,
    /// Recreates the pod elsewhere.
    Recreates,
    /// Does not recreate it.
    Other,
}

impl ControllerRole {
    /// The role of a controller. A file that does not give the API group means the built-in kind. Before Kubernetes 1.9,
    /// `DaemonSet` and `ReplicaSet` were in the group `extensions`.
    pub(super) fn of(controller: &Controller) -> Self {
        let group = controller.group.as_deref();
        let apps = group.is_none_or(|group| matches!(group, "apps" | "extensions"));
        let core = group.is_none_or(str::is_empty);
        match controller.kind.as_str() {
            "DaemonSet" if apps => Self::Daemon,
            "ReplicaSet" | "StatefulSet" if apps => Self::Recreates,
            "ReplicationController" if core => Self::Recreates,
            "Node" if core => Self::Kubelet,
            _ => Self::Other,
        }
    }
}

/// Sorts pods into classes. Remembers the last label set, namespace and controller: pods come sorted by namespace and
/// share these, so most are decided by three pointer comparisons.
#[derive(Debug)]
pub(crate) struct Classifier<'a> {
    policy: &'a Policy,
    labels: Option<(&'a Arc<[Arc<str>]>, LabelClass)>,
    namespace: Option<(&'a Arc<str>, bool)>,
    controller: Option<(&'a Arc<Controller>, ControllerRole)>,
    preemptible_seen: bool,
}

#[derive(Clone, Copy, Debug)]
struct LabelClass {
    omitted: bool,
    preemptible: bool,
}

impl<'a> Classifier<'a> {
    pub(crate) fn new(policy: &'a Policy) -> Self {
        Self { policy, labels: None, namespace: None, controller: None, preemptible_seen: false }
    }

    /// The class of a pod.
    pub(crate) fn class(&mut self, pod: &'a Pod) -> PodClass {
        let labels = self.label_class(&pod.label_keys);
        let counted = !labels.omitted && !self.namespace_omitted(&pod.namespace);
        let role = pod.controller.as_ref().map(|controller| self.role(controller));
        if self.is_own(pod) {
            PodClass::Own
        } else if is_daemon(pod, role, labels.preemptible) {
            PodClass::Daemon { counted }
        } else if !labels.preemptible && is_placeholder(pod, role) {
            PodClass::Placeholder { counted }
        } else if !counted {
            PodClass::Omitted
        } else if labels.preemptible {
            PodClass::Dynamic
        } else {
            PodClass::Critical
        }
    }

    /// Whether any pod seen so far carries a key of `PREEMPTIBLE_LABELS`, whatever its class.
    pub(super) fn preemptible_seen(&self) -> bool {
        self.preemptible_seen
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
        self.preemptible_seen |= class.preemptible;
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

    fn role(&mut self, controller: &'a Arc<Controller>) -> ControllerRole {
        if let Some((known, role)) = self.controller
            && Arc::ptr_eq(known, controller)
        {
            return role;
        }
        let role = ControllerRole::of(controller);
        self.controller = Some((controller, role));
        role
    }
}

/// Whether a pod is a user's, one that keeps its node only until it ends by itself.
#[must_use]
pub fn is_users(pod: &Pod, policy: &Policy) -> bool {
    Classifier::new(policy).class(pod) == PodClass::Dynamic
}

/// Whether a pod is a daemon. An annotation does not make a user's pod a daemon; only a DaemonSet does.
fn is_daemon(pod: &Pod, role: Option<ControllerRole>, preemptible: bool) -> bool {
    let is_static = pod.mirror && role == Some(ControllerRole::Kubelet);
    role == Some(ControllerRole::Daemon) || (!preemptible && (is_static || pod.daemonset_pod))
}

fn is_placeholder(pod: &Pod, role: Option<ControllerRole>) -> bool {
    pod.priority < 0 && pod.ends_at_once && role == Some(ControllerRole::Recreates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::fixture::{Build, owned_by, pod};

    const USER: &str = "hub.jupyter.org/username";

    fn policy() -> Policy {
        Policy {
            preemptible_labels: [USER.to_owned()].into(),
            omit_labels: ["omit-me".to_owned()].into(),
            own_pod: Some(("ops".into(), "run".into())),
            ..Policy::default()
        }
    }

    fn check(cases: Vec<(&str, Pod, PodClass)>) {
        let policy = policy();
        for (sentence, pod, class) in cases {
            assert_eq!(Classifier::new(&policy).class(&pod), class, "{sentence}");
        }
    }

    #[test]
    fn a_daemon_is_what_comes_with_its_node() {
        let counted = PodClass::Daemon { counted: true };
        let daemon_set = || owned_by("apps", "DaemonSet");
        let mirror = |pod: Pod| Pod { mirror: true, ..pod };
        let marked = |pod: Pod| Pod { daemonset_pod: true, ..pod };
        check(vec![
            ("of a DaemonSet", pod("hub/a").controlled(daemon_set()), counted),
            (
                "of a DaemonSet in a file without API groups",
                pod("hub/a").controlled(Controller { group: None, ..daemon_set() }),
                counted,
            ),
            (
                "of a DaemonSet, a user's label aside",
                pod("hub/a").controlled(daemon_set()).labelled(USER),
                counted,
            ),
            ("omitted", pod("kube-system/a").controlled(daemon_set()), PodClass::Daemon { counted: false }),
            (
                "of another group's DaemonSet",
                pod("hub/a").controlled(owned_by("apps.kruise.io", "DaemonSet")),
                PodClass::Critical,
            ),
            ("static", mirror(pod("hub/a").controlled(owned_by("", "Node"))), counted),
            ("of a node, but not static", pod("hub/a").controlled(owned_by("", "Node")), PodClass::Critical),
            ("static by its own word only", mirror(pod("hub/a")), PodClass::Critical),
            ("marked for Cluster Autoscaler", marked(pod("hub/a")), counted),
            (
                "a user's, marked for Cluster Autoscaler",
                marked(pod("hub/a")).labelled(USER),
                PodClass::Dynamic,
            ),
            (
                "a user's, static",
                mirror(pod("hub/a").controlled(owned_by("", "Node"))).labelled(USER),
                PodClass::Dynamic,
            ),
        ]);
    }

    #[test]
    fn a_label_makes_a_pod_dynamic_whatever_else_it_says_of_itself() {
        check(vec![
            ("a user's", pod("hub/a").labelled(USER), PodClass::Dynamic),
            (
                "not to be evicted",
                Pod { safe_to_evict: Some(false), ..pod("hub/a").labelled(USER) },
                PodClass::Dynamic,
            ),
            (
                "of low priority",
                Pod {
                    priority: -10,
                    ends_at_once: true,
                    ..pod("hub/a").labelled(USER).controlled(owned_by("apps", "StatefulSet"))
                },
                PodClass::Dynamic,
            ),
            ("without the label", pod("hub/hub"), PodClass::Critical),
            ("in an omitted namespace", pod("kube-system/a").labelled(USER), PodClass::Omitted),
            ("with an omitted label", pod("hub/a").labelled(USER).labelled("omit-me"), PodClass::Omitted),
            ("of this run", pod("ops/run").labelled("omit-me"), PodClass::Own),
        ]);
    }

    #[test]
    fn a_placeholder_has_low_priority_ends_at_once_and_is_recreated() {
        let reserve =
            |controller| Pod { priority: -10, ends_at_once: true, ..pod("hub/a").controlled(controller) };
        let stateful_set = || owned_by("apps", "StatefulSet");
        check(vec![
            ("all three", reserve(stateful_set()), PodClass::Placeholder { counted: true }),
            (
                "omitted",
                Pod { namespace: "kube-system".into(), ..reserve(stateful_set()) },
                PodClass::Placeholder { counted: false },
            ),
            ("not below zero", Pod { priority: 0, ..reserve(stateful_set()) }, PodClass::Critical),
            ("given time to end", Pod { ends_at_once: false, ..reserve(stateful_set()) }, PodClass::Critical),
            ("of a Job", reserve(owned_by("batch", "Job")), PodClass::Critical),
            ("of nobody", Pod { controller: None, ..reserve(stateful_set()) }, PodClass::Critical),
        ]);
    }

    #[test]
    fn only_built_in_kinds_start_a_pod_again() {
        for (group, kind, role) in [
            ("apps", "ReplicaSet", ControllerRole::Recreates),
            ("apps", "StatefulSet", ControllerRole::Recreates),
            ("extensions", "ReplicaSet", ControllerRole::Recreates),
            ("extensions", "DaemonSet", ControllerRole::Daemon),
            ("", "ReplicationController", ControllerRole::Recreates),
            ("batch", "Job", ControllerRole::Other),
            ("argoproj.io", "Workflow", ControllerRole::Other),
            ("apps.kruise.io", "StatefulSet", ControllerRole::Other),
            ("example.com", "ReplicationController", ControllerRole::Other),
            ("", "Pod", ControllerRole::Other),
            ("", "ConfigMap", ControllerRole::Other),
        ] {
            assert_eq!(ControllerRole::of(&owned_by(group, kind)), role, "{group}/{kind}");
        }
    }

    #[test]
    fn what_is_remembered_of_one_pod_is_not_said_of_the_next() {
        let policy = policy();
        let pods = [
            pod("hub/a").labelled(USER),
            pod("hub/b"),
            pod("kube-system/c"),
            pod("kube-system/d").controlled(owned_by("apps", "DaemonSet")),
            pod("z/e").controlled(owned_by("apps", "ReplicaSet")),
        ];
        let mut classifier = Classifier::new(&policy);
        let classes: Vec<_> = pods.iter().map(|pod| classifier.class(pod)).collect();
        let expected = [
            PodClass::Dynamic,
            PodClass::Critical,
            PodClass::Omitted,
            PodClass::Daemon { counted: false },
            PodClass::Critical,
        ];
        assert_eq!(classes, expected);
        assert!(classifier.preemptible_seen());
    }
}
