//! Omitted pods that could start on no other node (section 2). Their controller recreates them, but nothing creates a node for
//! an omitted pod: an ingress controller that selects the core node would be gone with it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::actors::actor_on;
use super::reach::{Likeness, Site, likeness};
use super::reason::Loss;
use super::replicas::Replicas;
use super::survey::{NodeFacts, Survey};
use super::taints::takes_nobody_now;
use crate::model::{NodeIndex, Pod};

/// Looks for the omitted pods that could start on one node alone. It remembers the last place of equal pods, because many nodes
/// are judged and a place is mostly found again.
#[derive(Debug)]
pub(crate) struct Elsewhere<'s, 'a> {
    survey: &'s Survey<'a>,
    places: RefCell<BTreeMap<Likeness<'a>, NodeIndex>>,
}

impl<'s, 'a> Elsewhere<'s, 'a> {
    /// Prepares the search in a cluster.
    pub(crate) fn new(survey: &'s Survey<'a>) -> Self {
        Self { survey, places: RefCell::default() }
    }

    /// The first omitted pod, by name, that only this node would take: one on it, or one without a node. `is_open` tells whether
    /// a node will be schedulable; `going` are the nodes that are deleted.
    pub(crate) fn only_here(
        &self,
        index: NodeIndex,
        is_open: impl Fn(NodeIndex) -> bool,
        going: &BTreeSet<NodeIndex>,
    ) -> Option<(&'a Pod, Loss)> {
        let facts = self.survey.nodes.get(index)?;
        // The pods of a node that is not Ready are gone already, and it takes no others.
        if !facts.says_ready {
            return None;
        }
        let is_another = |other: NodeIndex| other != index && !going.contains(&other);
        let starts_elsewhere =
            |pod: &'a Pod| self.has_a_place(pod, |other| is_another(other) && is_open(other));
        let replicas = Replicas::new(self.survey);
        let is_alone = |pod: &&Pod| !pod.deleting && !replicas.has_another(pod, index, going);
        let mut moving = facts.moves.iter().copied().filter(is_alone);
        if let Some(pod) = moving.find(|pod| !starts_elsewhere(pod)) {
            return Some((pod, Loss::NowhereElse));
        }
        let waits_for_it =
            |pod: &&'a Pod| would_take(self.survey, facts, pod) && !self.has_a_place(pod, is_another);
        let waiting = self.survey.unplaced.iter().copied().find(waits_for_it)?;
        Some((waiting, Loss::WaitsForIt))
    }

    /// Whether a node that counts, and is there to stay, would take a pod.
    fn has_a_place(&self, pod: &'a Pod, counts: impl Fn(NodeIndex) -> bool) -> bool {
        let takes = |index: NodeIndex| {
            let node = self.survey.nodes.get(index);
            counts(index) && node.is_some_and(|node| stays(node) && would_take(self.survey, node, pod))
        };
        let likeness = likeness(pod);
        let known = likeness.and_then(|one| self.places.borrow().get(&one).copied());
        if known.is_some_and(takes) {
            return true;
        }
        let found = (0..self.survey.nodes.len()).find(|index| takes(*index));
        if let (Some(likeness), Some(found)) = (likeness, found) {
            self.places.borrow_mut().insert(likeness, found);
        }
        found.is_some()
    }
}

/// Whether a node, without other pods, would hold a pod and admits it.
fn would_take(survey: &Survey<'_>, node: &NodeFacts<'_>, pod: &Pod) -> bool {
    pod.requests.fits(&node.offer)
        && Site::of(node.node, survey.policy).admits_pod(pod, survey.snapshot.volumes())
}

/// Whether a node is there to stay, as far as a run can see.
fn stays(node: &NodeFacts<'_>) -> bool {
    node.says_ready
        && !node.claimed
        && !node.node.deleting
        && !takes_nobody_now(node.node)
        && (node.managed() || actor_on(node.node).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Constraints, Node, ReadyCondition, Unbound};
    use crate::plan::fixture::{Build, ago, annotated, cluster, node, owned_by, pod, taint};
    use crate::policy::Policy;

    const CORE: (&str, &str) = ("pool", "core");

    fn core(name: &str) -> Node {
        Node { labels: [CORE].into(), ..node(name) }
    }

    /// An ingress controller that selects nodes of the core.
    fn ingress() -> Pod {
        let node_selector = BTreeMap::from([(CORE.0.to_owned(), CORE.1.to_owned())]);
        let constraints = Constraints { node_selector, ..Constraints::default() };
        Pod {
            constraints: constraints.into(),
            ..pod("kube-system/ingress").controlled(owned_by("apps", "ReplicaSet"))
        }
    }

    /// The pod that keeps `n1`, if the nodes with these names are not schedulable.
    fn keeps(nodes: Vec<Node>, pods: Vec<Pod>, closed: &[&str]) -> Option<String> {
        let (snapshot, policy) = (cluster(nodes, pods), Policy::default());
        let survey = Survey::new(&snapshot, &policy);
        let is_open = |one: NodeIndex| !closed.contains(&snapshot.nodes()[one].name.as_str());
        let found = Elsewhere::new(&survey).only_here(0, is_open, &BTreeSet::from([0]));
        found.map(|(pod, why)| {
            let expected = if pod.unbound.is_some() { Loss::WaitsForIt } else { Loss::NowhereElse };
            assert_eq!(why, expected);
            pod.full_name()
        })
    }

    #[test]
    fn a_pod_that_no_other_node_takes_keeps_its_node() {
        let on_it = || vec![ingress().on("n1")];
        assert_eq!(keeps(vec![core("n1"), node("n2")], on_it(), &[]).as_deref(), Some("kube-system/ingress"));
        assert_eq!(keeps(vec![core("n1"), core("n2")], on_it(), &[]), None);
        assert!(
            keeps(vec![core("n1"), core("n2")], on_it(), &["n2"]).is_some(),
            "a cordoned one takes nobody"
        );
        let anywhere = pod("kube-system/dns").controlled(owned_by("apps", "ReplicaSet")).on("n1");
        assert_eq!(keeps(vec![core("n1"), node("n2")], vec![anywhere.clone()], &[]), None);
        assert_eq!(
            keeps(vec![core("n1")], vec![Pod { deleting: true, ..anywhere }], &[]),
            None,
            "it ends anyway"
        );
    }

    #[test]
    fn only_a_node_that_stays_and_takes_pods_counts() {
        let with = |other: Node| keeps(vec![core("n1"), other], vec![ingress().on("n1")], &[]).is_some();
        let not_ready = ReadyCondition { ready: false, since: None };
        assert!(with(Node { ready: Some(not_ready), ..core("n2") }));
        assert!(with(Node { deleting: true, ..core("n2") }));
        for key in ["karpenter.sh/disrupted", "node.kubernetes.io/disk-pressure", "dedicated"] {
            assert!(with(Node { taints: vec![taint(key)], ..core("n2") }), "{key}");
        }
        let until = annotated("kube-rebalancer/deleting-until", &ago(-60).to_string()).annotations;
        assert!(with(Node { annotations: until, ..core("n2") }));
        let large = ingress().on("n1").asking(33, 0);
        assert!(keeps(vec![core("n1"), core("n2")], vec![large], &[]).is_some(), "it is too small");
    }

    #[test]
    fn a_pod_that_waits_for_this_node_alone_keeps_it() {
        let waits =
            |gated| Pod { unbound: Some(Box::new(Unbound { gated, ..Unbound::default() })), ..ingress() };
        assert!(keeps(vec![core("n1"), node("n2")], vec![waits(false)], &[]).is_some());
        assert_eq!(keeps(vec![core("n1"), node("n2")], vec![waits(true)], &[]), None);
        assert_eq!(keeps(vec![node("n1"), node("n2")], vec![waits(false)], &[]), None, "it takes it neither");
        assert_eq!(
            keeps(vec![core("n1"), core("n2")], vec![waits(false)], &["n2"]),
            None,
            "the other one is a place too"
        );
    }

    /// Two on the only two nodes that take them: one may go, and the other node then keeps the last live one.
    #[test]
    fn a_pod_with_another_live_replica_keeps_no_node() {
        let replica = |name: &str, on: &str| Pod { name: name.into(), ..ingress().on(on) };
        let nodes = || vec![core("n1"), core("n2"), node("n3")];
        let two = |second: Pod| keeps(nodes(), vec![replica("ingress-1", "n1"), second], &["n2"]);
        assert_eq!(two(replica("ingress-2", "n2")), None);
        assert!(two(Pod { ready: false, ..replica("ingress-2", "n2") }).is_some(), "it is not live");
        let member = |name: &str, on: &str| replica(name, on).controlled(owned_by("apps", "StatefulSet"));
        let members = vec![member("vault-0", "n1"), member("vault-1", "n2")];
        assert!(keeps(nodes(), members, &["n2"]).is_some(), "no other one takes its place");
    }

    #[test]
    fn a_node_that_is_not_ready_has_no_pods_to_keep() {
        let not_ready = Some(ReadyCondition { ready: false, since: None });
        let broken = Node { ready: not_ready, ..core("n1") };
        assert_eq!(keeps(vec![broken, node("n2")], vec![ingress().on("n1")], &[]), None);
    }
}
