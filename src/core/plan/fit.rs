//! Whether a place takes a pod: the part of the scheduler's rules that this program knows.

use std::collections::BTreeMap;

use super::pods::Load;
use crate::model::{Constraints, NodeResources, Requests, SelectorTerm, Taint, TaintEffect, Toleration};

/// Taints that come and go with a node's state; they say nothing about the node once it serves.
const STATE_TAINTS: [&str; 5] = [
    "node.kubernetes.io/unschedulable",
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/network-unavailable",
    "node.cloudprovider.kubernetes.io/uninitialized",
];

/// Taints of this prefix are removed once a node has started.
const STARTUP_TAINT: &str = "startup-taint.";

/// The lasting properties of a place that decide which pods may go there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    /// `None` for a node that does not exist yet: nobody can ask for it by name.
    pub(super) name: Option<&'a str>,
    pub(super) labels: &'a BTreeMap<String, String>,
    pub(super) taints: &'a [Taint],
}

impl Site<'_> {
    /// Whether node selector, required node affinity and taints let a pod in.
    pub(super) fn admits(&self, constraints: &Constraints) -> bool {
        let selected =
            constraints.node_selector.iter().all(|(key, value)| self.label(key) == Some(value.as_str()));
        let attracted = constraints
            .affinity
            .as_ref()
            .is_none_or(|affinity| affinity.0.iter().any(|term| self.meets(term)));
        selected && attracted && self.taints.iter().all(|taint| tolerated(taint, &constraints.tolerations))
    }

    /// A label of the site. A node that does not exist yet has no host name that a pod could have asked for.
    fn label(&self, key: &str) -> Option<&str> {
        if self.name.is_none() && key == "kubernetes.io/hostname" {
            return None;
        }
        self.labels.get(key).map(String::as_str)
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

fn tolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    let passing = taint.effect == TaintEffect::PreferNoSchedule
        || STATE_TAINTS.contains(&taint.key.as_str())
        || taint.key.starts_with(STARTUP_TAINT);
    passing
        || tolerations.iter().any(|toleration| {
            toleration.key.as_ref().is_none_or(|key| *key == taint.key)
                && toleration.value.as_ref().is_none_or(|value| *value == taint.value)
                && toleration.effect.is_none_or(|effect| effect == taint.effect)
        })
}

/// What is left of a place. `None` where the node does not say how much it has: then nothing is refused for it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    memory: Option<u128>,
    cpu: Option<u128>,
    pods: Option<u64>,
}

impl Room {
    /// What a node offers less what is on it; never below zero.
    pub(super) fn new(offered: NodeResources, load: Load) -> Self {
        Self {
            memory: offered.memory.map(|bytes| u128::from(bytes.0).saturating_sub(load.memory)),
            cpu: offered.cpu.map(|cpu| u128::from(cpu.0).saturating_sub(load.cpu)),
            pods: offered.pods.map(|pods| pods.saturating_sub(load.pods)),
        }
    }

    /// Whether a pod's requests fit. A request of nothing fits even where nothing is left, as in the scheduler.
    pub(super) fn holds(&self, requests: Requests) -> bool {
        let enough =
            |left: Option<u128>, asked: u64| asked == 0 || left.is_none_or(|left| left >= asked.into());
        enough(self.memory, requests.memory.0)
            && enough(self.cpu, requests.cpu.0)
            && self.pods.is_none_or(|left| left > 0)
    }

    /// Takes the room that a pod needs.
    pub(super) fn take(&mut self, requests: Requests) {
        let take = |left: &mut Option<u128>, asked: u64| {
            if let Some(left) = left {
                *left = left.saturating_sub(asked.into());
            }
        };
        take(&mut self.memory, requests.memory.0);
        take(&mut self.cpu, requests.cpu.0);
        self.pods = self.pods.map(|left| left.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Affinity, Operator, Requirement};

    fn taint(key: &str, effect: TaintEffect) -> Taint {
        Taint { key: key.into(), value: "user".into(), effect, added_at: None }
    }

    fn admits(taints: &[Taint], constraints: &Constraints) -> bool {
        let labels = BTreeMap::from([
            ("pool".to_owned(), "user".to_owned()),
            ("kubernetes.io/hostname".to_owned(), "n1".to_owned()),
        ]);
        Site { name: Some("n1"), labels: &labels, taints }.admits(constraints)
    }

    #[test]
    fn a_taint_keeps_out_what_does_not_tolerate_it_but_a_state_taint_keeps_out_nobody() {
        let plain = Constraints::default();
        assert!(!admits(&[taint("dedicated", TaintEffect::NoSchedule)], &plain));
        assert!(!admits(&[taint("dedicated", TaintEffect::NoExecute)], &plain));
        assert!(admits(&[taint("dedicated", TaintEffect::PreferNoSchedule)], &plain));
        for key in STATE_TAINTS.iter().chain(&["startup-taint.cluster-autoscaler.kubernetes.io/gpu"]) {
            assert!(admits(&[taint(key, TaintEffect::NoSchedule)], &plain), "{key}");
        }
    }

    #[test]
    fn a_toleration_matches_by_key_value_and_effect_where_it_names_them() {
        let dedicated = [taint("dedicated", TaintEffect::NoSchedule)];
        let toleration = |key: Option<&str>, value: Option<&str>, effect| Constraints {
            tolerations: vec![Toleration { key: key.map(Into::into), value: value.map(Into::into), effect }],
            ..Constraints::default()
        };
        assert!(admits(&dedicated, &toleration(Some("dedicated"), Some("user"), None)));
        assert!(admits(&dedicated, &toleration(Some("dedicated"), None, Some(TaintEffect::NoSchedule))));
        assert!(admits(&dedicated, &toleration(None, None, None)));
        assert!(!admits(&dedicated, &toleration(Some("dedicated"), Some("core"), None)));
        assert!(!admits(&dedicated, &toleration(Some("other"), None, None)));
        assert!(!admits(&dedicated, &toleration(Some("dedicated"), None, Some(TaintEffect::NoExecute))));
    }

    #[test]
    fn affinity_needs_one_term_and_an_empty_term_matches_nothing() {
        let pool =
            |value: &str| Requirement { key: "pool".into(), operator: Operator::In(vec![value.into()]) };
        let with = |terms| Constraints { affinity: Some(Affinity(terms)), ..Constraints::default() };
        let labels = |value| SelectorTerm { labels: vec![pool(value)], fields: vec![] };
        assert!(admits(&[], &with(vec![labels("core"), labels("user")])));
        assert!(!admits(&[], &with(vec![labels("core")])));
        assert!(!admits(&[], &with(vec![SelectorTerm::default()])));
        assert!(!admits(&[], &with(vec![])));
        let named = |name: &str| SelectorTerm {
            labels: vec![],
            fields: vec![Requirement {
                key: "metadata.name".into(),
                operator: Operator::In(vec![name.into()]),
            }],
        };
        assert!(admits(&[], &with(vec![named("n1")])));
        assert!(!admits(&[], &with(vec![named("n2")])));
    }

    #[test]
    fn a_new_node_has_no_name_to_ask_for() {
        let labels = BTreeMap::from([("kubernetes.io/hostname".to_owned(), "n1".to_owned())]);
        let new = Site { name: None, labels: &labels, taints: &[] };
        let selector = BTreeMap::from([("kubernetes.io/hostname".to_owned(), "n1".to_owned())]);
        assert!(!new.admits(&Constraints { node_selector: selector, ..Constraints::default() }));
        assert!(new.admits(&Constraints::default()));
    }

    #[test]
    fn what_asks_for_nothing_fits_a_full_node_unless_its_pods_are_counted_out() {
        use crate::model::{Bytes, Millicores};
        let offered = NodeResources { memory: Some(Bytes(8)), cpu: Some(Millicores(1000)), pods: Some(2) };
        let mut room = Room::new(offered, Load { memory: 6, cpu: 0, pods: 0 });
        let memory = |bytes| Requests { memory: Bytes(bytes), ..Requests::default() };
        assert!(room.holds(memory(2)));
        assert!(!room.holds(memory(3)));
        room.take(memory(2));
        assert!(room.holds(memory(0)));
        room.take(memory(0));
        assert!(!room.holds(memory(0)));
    }
}
