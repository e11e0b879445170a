//! Section 3, reach: the nodes where a pod can run by selector, affinity, tolerations and operating
//! system.

use std::collections::BTreeSet;

use super::facts::taints::lasting;
use crate::model::{
    Affinity, Constraints, Node, Operator, Pod, Requirement, SelectorTerm, Snapshot, Taint, Volumes,
};
use crate::policy::Policy;

const OS_LABELS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];

/// Whether one of the pod's tolerations covers the taint.
pub(super) fn tolerates(constraints: &Constraints, taint: &Taint) -> bool {
    constraints.tolerations.iter().any(|toleration| {
        toleration.key.as_ref().is_none_or(|key| *key == taint.key)
            && toleration.value.accepts(&taint.value)
            && toleration.effect.is_none_or(|effect| effect == taint.effect)
    })
}

/// Whether the node's operating system is Windows.
pub(super) fn is_windows(node: &Node) -> bool {
    OS_LABELS.iter().any(|key| node.labels.get(key).is_some_and(|os| os == "windows"))
}

/// Whether the pod runs on Windows nodes only.
pub(super) fn asks_for_windows(constraints: &Constraints) -> bool {
    let names_windows = |requirement: &Requirement| {
        OS_LABELS.contains(&requirement.key.as_str())
            && matches!(&requirement.operator, Operator::In(values) if values.iter().all(|os| os == "windows"))
    };
    OS_LABELS.iter().any(|key| constraints.node_selector.get(*key).is_some_and(|os| os == "windows"))
        || constraints.affinity.as_ref().is_some_and(|affinity| {
            !affinity.0.is_empty() && affinity.0.iter().all(|term| term.labels.iter().any(names_windows))
        })
}

/// The constraints of one pod, prepared to be compared with many nodes.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    constraints: &'a Constraints,
    windows: bool,
    /// The pod's own affinity, and that of each of its volumes. A node must meet one term of each.
    affinities: Vec<Vec<Term<'a>>>,
}

#[derive(Debug)]
struct Term<'a> {
    labels: Vec<Test<'a>>,
    fields: Vec<Test<'a>>,
}

/// A requirement; long lists of values are sorted, because users write tens of thousands.
#[derive(Debug)]
struct Test<'a> {
    requirement: &'a Requirement,
    values: Option<BTreeSet<&'a str>>,
}

/// Lists up to this length are searched unsorted.
const SHORT: usize = 8;

impl<'a> Admission<'a> {
    pub(super) fn of(pod: &'a Pod, snapshot: &'a Snapshot) -> Self {
        Self::with(pod, snapshot.volumes())
    }

    /// The same, if the pod can use each of its claims: a claim that it cannot use now may be usable in a moment.
    pub(super) fn soon(pod: &'a Pod, snapshot: &'a Snapshot) -> Self {
        Self::with(pod, snapshot.usable_volumes())
    }

    fn with(pod: &'a Pod, volumes: &'a Volumes) -> Self {
        let volumes = affinities_in(volumes, pod);
        let affinities = pod.constraints.affinity.iter().chain(volumes);
        Self {
            constraints: &pod.constraints,
            windows: asks_for_windows(&pod.constraints),
            affinities: affinities.map(|affinity| affinity.0.iter().map(Term::of).collect()).collect(),
        }
    }

    /// Whether the node admits the pod, apart from its size. Taints that come and go do not count.
    pub(super) fn admits(&self, node: &Node, policy: &Policy) -> bool {
        self.constraints.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value))
            && self.affinities.iter().all(|terms| terms.iter().any(|term| term.matches(node)))
            && lasting(node, policy).all(|taint| tolerates(self.constraints, taint))
            && (self.windows || !is_windows(node))
    }
}

/// The node affinities of the pod's bound volumes that were looked up.
pub(super) fn volume_affinities<'a>(
    pod: &'a Pod,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = &'a Affinity> {
    affinities_in(snapshot.volumes(), pod)
}

fn affinities_in<'a>(volumes: &'a Volumes, pod: &'a Pod) -> impl Iterator<Item = &'a Affinity> {
    let claims = if volumes.is_empty() { &[] } else { &*pod.claims };
    claims.iter().filter_map(move |claim| {
        volumes.get(&(pod.namespace.to_string(), claim.to_string())).and_then(Option::as_ref)
    })
}

impl<'a> Term<'a> {
    fn of(term: &'a SelectorTerm) -> Self {
        let tests = |requirements: &'a [Requirement]| requirements.iter().map(Test::of).collect();
        Self { labels: tests(&term.labels), fields: tests(&term.fields) }
    }

    /// A term without requirements matches no node.
    fn matches(&self, node: &Node) -> bool {
        let label = |test: &Test<'_>| test.matches(node.labels.get(&test.requirement.key));
        let field =
            |test: &Test<'_>| test.requirement.key == "metadata.name" && test.matches(Some(&node.name));
        !(self.labels.is_empty() && self.fields.is_empty())
            && self.labels.iter().all(label)
            && self.fields.iter().all(field)
    }
}

impl<'a> Test<'a> {
    fn of(requirement: &'a Requirement) -> Self {
        let values = match &requirement.operator {
            Operator::In(values) | Operator::NotIn(values) if values.len() > SHORT => {
                Some(values.iter().map(String::as_str).collect())
            }
            Operator::In(_)
            | Operator::NotIn(_)
            | Operator::Exists
            | Operator::DoesNotExist
            | Operator::Gt(_)
            | Operator::Lt(_)
            | Operator::Unknown => None,
        };
        Self { requirement, values }
    }

    fn matches(&self, value: Option<&str>) -> bool {
        let Some(values) = &self.values else { return self.requirement.matches_value(value) };
        let listed = value.is_some_and(|value| values.contains(value));
        if matches!(self.requirement.operator, Operator::In(_)) { listed } else { !listed }
    }
}
