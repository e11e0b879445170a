//! Whether a place admits a pod: the scheduler's rules that this program knows, apart from size (section 3).

use std::sync::Arc;

use super::admitted::{Admitted, is_long};
use super::taints::{comes_and_goes, tolerates};
use crate::model::{
    Affinity, Amounts, Constraints, Labels, Node, NodeIndex, Operator, Pod, Requirement, SelectorTerm, Taint,
    Volumes,
};
use crate::policy::Policy;

const HOST_NAME: &str = "kubernetes.io/hostname";

/// The labels of the operating system, the current one and the one before Kubernetes 1.14.
const OS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];

const WINDOWS: &str = "windows";

/// A key that pods with the same possible places share.
pub(super) type Likeness<'a> = (*const Constraints, &'a Amounts);

/// The key of a pod. Equal pods mostly share their constraints; addresses are compared faster than contents, and a missed match
/// only costs a second computation. `None` for a pod with claims: the places of volumes differ from pod to pod.
pub(super) fn likeness(pod: &Pod) -> Option<Likeness<'_>> {
    pod.claims.is_empty().then_some((Arc::as_ptr(&pod.constraints), &pod.requests))
}

/// The lasting properties of a place that decide which pods can run there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    /// The node's name; `None` for a node that does not exist yet, which no pod can select by name.
    pub(super) name: Option<&'a str>,
    pub(super) labels: &'a Labels,
    pub(super) taints: &'a [Taint],
    /// The policy, which knows the taints that come and go.
    pub(super) policy: &'a Policy,
    /// The remembered answers, and the index of the node there; `None` for a node that does not exist yet.
    known: Option<(&'a Admitted, NodeIndex)>,
}

#[cfg(test)]
thread_local! {
    /// The number of comparisons of constraints with a node on this thread.
    pub(super) static COMPARED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The node affinities of a pod's volumes, as far as these were looked up.
pub(super) fn places_of<'a>(pod: &'a Pod, volumes: &'a Volumes) -> Vec<&'a Affinity> {
    if volumes.is_empty() {
        return Vec::new();
    }
    let key = |claim: &str| (pod.namespace.to_string(), claim.to_owned());
    pod.claims.iter().filter_map(|claim| volumes.get(&key(claim)).and_then(Option::as_ref)).collect()
}

/// Why a site does not admit a pod. A later variant means that the pod is closer to the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnedAway<'a> {
    /// It has no such label of the pod's node selector.
    Label {
        /// Its key.
        key: &'a str,
        /// The value that the pod selects.
        value: &'a str,
    },
    /// It does not meet the pod's required node affinity.
    Affinity,
    /// A volume of the pod is elsewhere.
    Volume,
    /// The pod does not tolerate this taint.
    Taint(&'a Taint),
    /// It runs Windows, and the pod does not ask for that.
    Windows,
}

impl<'a> Site<'a> {
    /// The site of a node.
    pub(super) fn of(node: &'a Node, policy: &'a Policy) -> Self {
        Self { name: Some(&node.name), labels: &node.labels, taints: &node.taints, policy, known: None }
    }

    /// The site of a node that does not exist yet.
    pub(super) fn new(labels: &'a Labels, taints: &'a [Taint], policy: &'a Policy) -> Self {
        Self { name: None, labels, taints, policy, known: None }
    }

    /// The same with the answers that are known for the node.
    pub(super) fn remembered(self, known: &'a Admitted, node: NodeIndex) -> Self {
        Self { known: Some((known, node)), ..self }
    }

    /// Whether node selector, required node affinity, taints and operating system admit a pod. Taints that come and go
    /// are ignored.
    pub(super) fn admits(&self, constraints: &Constraints) -> bool {
        match self.known.filter(|_| is_long(constraints, self.taints)) {
            Some((known, node)) => known.answer(constraints, node, || self.meets_all(constraints)),
            None => self.meets_all(constraints),
        }
    }

    fn meets_all(&self, constraints: &Constraints) -> bool {
        #[cfg(test)]
        COMPARED.set(COMPARED.get() + usize::from(self.name.is_some()));
        let selected =
            constraints.node_selector.iter().all(|(key, value)| self.label(key) == Some(value.as_str()));
        let attracted = constraints.affinity.as_ref().is_none_or(|affinity| self.is_in(affinity));
        selected
            && attracted
            && self.taints.iter().all(|taint| {
                tolerates(constraints, &taint.key, &taint.value, taint.effect)
                    || comes_and_goes(taint, self.policy)
            })
            && (!is_windows(self.labels) || asks_for_windows(constraints))
    }

    /// The same for a pod and the places of its volumes.
    pub(super) fn admits_pod(&self, pod: &Pod, places: &[&Affinity]) -> bool {
        self.admits(&pod.constraints) && self.has_volumes(places)
    }

    /// The first reason why the site does not admit a pod, by the same rules; `None` if it does.
    pub(super) fn turns_away<'p>(&self, pod: &'p Pod, places: &[&Affinity]) -> Option<TurnedAway<'p>>
    where
        'a: 'p,
    {
        let constraints = &pod.constraints;
        let selected = |(key, value): &(&String, &String)| self.label(key) == Some(value.as_str());
        if let Some((key, value)) = constraints.node_selector.iter().find(|one| !selected(one)) {
            return Some(TurnedAway::Label { key, value });
        }
        if constraints.affinity.as_ref().is_some_and(|affinity| !self.is_in(affinity)) {
            return Some(TurnedAway::Affinity);
        }
        if !self.has_volumes(places) {
            return Some(TurnedAway::Volume);
        }
        let tolerated = |taint: &&Taint| {
            tolerates(constraints, &taint.key, &taint.value, taint.effect)
                || comes_and_goes(taint, self.policy)
        };
        if let Some(taint) = self.taints.iter().find(|taint| !tolerated(taint)) {
            return Some(TurnedAway::Taint(taint));
        }
        (is_windows(self.labels) && !asks_for_windows(constraints)).then_some(TurnedAway::Windows)
    }

    fn has_volumes(&self, places: &[&Affinity]) -> bool {
        places.iter().all(|affinity| self.is_in(affinity))
    }

    fn is_in(&self, affinity: &Affinity) -> bool {
        affinity.0.iter().any(|term| self.meets(term))
    }

    /// A label of the site. A node that does not exist yet has no host name that a pod could select.
    fn label(&self, key: &str) -> Option<&str> {
        if self.name.is_none() && key == HOST_NAME {
            return None;
        }
        self.labels.get(key)
    }

    fn meets(&self, term: &SelectorTerm) -> bool {
        if term.labels.is_empty() && term.fields.is_empty() {
            return false;
        }
        term.labels.iter().all(|requirement| requirement.matches_value(self.label(&requirement.key)))
            && term
                .fields
                .iter()
                .all(|requirement| requirement.key == "metadata.name" && requirement.matches_value(self.name))
    }
}

/// Whether a node with these labels runs Windows. Only pods that ask for Windows run there.
pub(super) fn is_windows(labels: &Labels) -> bool {
    OS.iter().any(|key| labels.get(key) == Some(WINDOWS))
}

/// Whether a pod requires a Windows node, by its node selector or by each term of its node affinity.
pub(super) fn asks_for_windows(constraints: &Constraints) -> bool {
    let selected = OS.iter().any(|key| constraints.node_selector.get(*key).is_some_and(|os| os == WINDOWS));
    let names_it = |requirement: &Requirement| {
        let Operator::In(values) = &requirement.operator else { return false };
        OS.contains(&requirement.key.as_str()) && values.iter().all(|os| os == WINDOWS)
    };
    let asks = |affinity: &Affinity| {
        !affinity.0.is_empty() && affinity.0.iter().all(|term| term.labels.iter().any(names_it))
    };
    selected || constraints.affinity.as_ref().is_some_and(asks)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::TaintEffect;
    use crate::plan::fixture::{labelled, pod, taint, tolerating};

    fn admits(taints: &[Taint], constraints: &Constraints) -> bool {
        let labels = Labels::from([("pool", "user"), (HOST_NAME, "n1")]);
        let policy = Policy::default();
        Site { name: Some("n1"), ..Site::new(&labels, taints, &policy) }.admits(constraints)
    }

    #[test]
    fn a_lasting_taint_keeps_out_what_does_not_tolerate_it_and_a_passing_one_keeps_out_nobody() {
        let plain = Constraints::default();
        assert!(!admits(&[taint("dedicated")], &plain));
        assert!(!admits(&[Taint { effect: TaintEffect::NoExecute, ..taint("dedicated") }], &plain));
        assert!(admits(&[Taint { effect: TaintEffect::PreferNoSchedule, ..taint("dedicated") }], &plain));
        assert!(admits(&[taint("dedicated")], &tolerating("dedicated")));
        assert!(admits(&[taint("node.kubernetes.io/not-ready")], &plain));
        assert!(admits(&[taint("kube-rebalancer/deleting")], &plain));
    }

    fn within(key: &str, value: &str) -> Requirement {
        Requirement { key: key.into(), operator: Operator::In(vec![value.into()]) }
    }

    fn terms(terms: Vec<SelectorTerm>) -> Constraints {
        Constraints { affinity: Some(Affinity(terms)), ..Constraints::default() }
    }

    fn labels_in(requirement: Requirement) -> SelectorTerm {
        SelectorTerm { labels: vec![requirement], fields: vec![] }
    }

    #[test]
    fn affinity_needs_one_term_and_an_empty_term_matches_nothing() {
        let pool = |value| labels_in(within("pool", value));
        assert!(admits(&[], &terms(vec![pool("core"), pool("user")])));
        assert!(!admits(&[], &terms(vec![pool("core")])));
        assert!(!admits(&[], &terms(vec![SelectorTerm::default()])));
        assert!(!admits(&[], &terms(vec![])));
        let name = |name| SelectorTerm { labels: vec![], fields: vec![within("metadata.name", name)] };
        assert!(admits(&[], &terms(vec![name("n1")])));
        assert!(!admits(&[], &terms(vec![name("n2")])));
    }

    #[test]
    fn a_new_node_has_no_name_to_ask_for() {
        let (node, policy) = (labelled(HOST_NAME, "n1"), Policy::default());
        let new = Site { name: None, ..Site::of(&node, &policy) };
        let selector = BTreeMap::from([(HOST_NAME.to_owned(), "n1".to_owned())]);
        assert!(!new.admits(&Constraints { node_selector: selector, ..Constraints::default() }));
        assert!(new.admits(&Constraints::default()));
    }

    #[test]
    fn a_windows_node_is_only_for_pods_that_ask_for_windows() {
        let (node, policy) = (labelled("kubernetes.io/os", "windows"), Policy::default());
        let windows = Site::of(&node, &policy);
        let selector = BTreeMap::from([("kubernetes.io/os".to_owned(), "windows".to_owned())]);
        assert!(!windows.admits(&Constraints::default()));
        assert!(windows.admits(&Constraints { node_selector: selector, ..Constraints::default() }));
        assert!(windows.admits(&terms(vec![labels_in(within("kubernetes.io/os", "windows"))])));
        let either = vec![
            labels_in(within("kubernetes.io/os", "windows")),
            labels_in(within("kubernetes.io/os", "linux")),
        ];
        assert!(!windows.admits(&terms(either)), "a pod that may go to either goes to Linux");
        let linux = labelled("kubernetes.io/os", "linux");
        assert!(Site::of(&linux, &policy).admits(&Constraints::default()));
    }

    #[test]
    fn a_bound_volume_of_a_waiting_pod_decides_where_it_may_go() {
        let (node, policy) = (labelled("topology.kubernetes.io/zone", "z1"), Policy::default());
        let waiting = Pod { claims: Box::new(["home".into()]), ..pod("hub/ada") };
        let in_zone = |zone| {
            let affinity = Affinity(vec![labels_in(within("topology.kubernetes.io/zone", zone))]);
            Volumes::from([(("hub".to_owned(), "home".to_owned()), Some(affinity))])
        };
        let site = Site::of(&node, &policy);
        let admits = |volumes: &Volumes| site.admits_pod(&waiting, &places_of(&waiting, volumes));
        assert!(admits(&in_zone("z1")));
        assert!(!admits(&in_zone("z2")));
        assert!(admits(&Volumes::new()));
    }
}
