//! Omitted pods that could start on no other node (section 2). Their controller recreates them, but nothing creates a node for
//! an omitted pod: an ingress controller that selects the core node would be gone with it.

use std::collections::BTreeSet;

use super::actors::actor_on;
use super::reach::Site;
use super::reason::Loss;
use super::survey::{NodeFacts, Survey};
use super::taints::takes_nobody_now;
use crate::model::{NodeIndex, Pod};

/// The first omitted pod, by name, that only this node would take: one on it, or one without a node. `is_open` tells whether a
/// node will be schedulable; `going` are the nodes that are deleted.
pub(crate) fn only_here<'a>(
    survey: &Survey<'a>,
    index: NodeIndex,
    is_open: impl Fn(NodeIndex) -> bool,
    going: &BTreeSet<NodeIndex>,
) -> Option<(&'a Pod, Loss)> {
    let facts = survey.nodes.get(index)?;
    // The pods of a node that is not Ready are gone already, and it takes no others.
    if !facts.says_ready {
        return None;
    }
    let others = || {
        let nodes = survey.nodes.iter().enumerate();
        nodes.filter(|(other, _)| *other != index && !going.contains(other))
    };
    let starts_elsewhere = |pod: &Pod| {
        others().any(|(other, node)| is_open(other) && would_take(survey, node, pod) && stays(node))
    };
    let stranded = facts.moves.iter().copied().find(|pod| !pod.deleting && !starts_elsewhere(pod));
    let waits_for_it = |pod: &&Pod| {
        would_take(survey, facts, pod)
            && !others().any(|(_, node)| would_take(survey, node, pod) && stays(node))
    };
    let found = stranded.or_else(|| survey.unplaced.iter().copied().find(waits_for_it))?;
    Some((found, Loss::NowhereElse))
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
        && actor_on(node.node).is_none()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
        only_here(&survey, 0, is_open, &BTreeSet::from([0])).map(|(pod, why)| {
            assert_eq!(why, Loss::NowhereElse);
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

    #[test]
    fn a_node_that_is_not_ready_has_no_pods_to_keep() {
        let not_ready = Some(ReadyCondition { ready: false, since: None });
        let broken = Node { ready: not_ready, ..core("n1") };
        assert_eq!(keeps(vec![broken, node("n2")], vec![ingress().on("n1")], &[]), None);
    }
}
