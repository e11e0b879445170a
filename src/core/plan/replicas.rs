//! The last live replica (section 2): two DNS servers on one node keep it, and so do two on two nodes that would be deleted
//! together.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::actors::actor_on;
use super::classes::{Classifier, PodClass};
use super::live_pods::LivePods;
use super::reason::Loss;
use super::state::Cordon;
use super::survey::{NodeFacts, Survey};
use crate::model::{Binding, Controller, ControllerKey, NodeIndex, Pod, Snapshot};
use crate::policy::Policy;

/// Counts the pods of these controllers, and records the replicas of each node.
pub(super) fn count<'a>(
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    nodes: &mut [NodeFacts<'a>],
) -> LivePods<'a> {
    let mut counted = LivePods::new();
    let mut namespaces: BTreeSet<&str> = BTreeSet::new();
    for pod in nodes.iter().flat_map(|node| &node.moves).filter(|pod| pod.ready) {
        for of in keys(pod) {
            counted.entry(of).or_default();
            namespaces.insert(&pod.namespace);
        }
    }
    if counted.is_empty() {
        return counted;
    }
    let mut classifier = Classifier::new(policy);
    let mut namespace: Option<(&Arc<str>, bool)> = None;
    for (pod, binding) in snapshot.placed_pods() {
        let concerned = match namespace {
            Some((known, concerned)) if Arc::ptr_eq(known, &pod.namespace) => concerned,
            _ => namespaces.contains(&*pod.namespace),
        };
        namespace = Some((&pod.namespace, concerned));
        if !concerned {
            continue;
        }
        // A placeholder does no work: it is no replica.
        if !keys(pod).any(|of| counted.contains_key(&of))
            || matches!(classifier.class(pod), PodClass::Placeholder { .. })
        {
            continue;
        }
        for of in keys(pod) {
            let Some(of) = counted.get_mut(&of) else { continue };
            of.pods += 1;
            if let Binding::Node(index) = binding
                && pod.ready
                && !pod.deleting
                && nodes.get(index).is_some_and(|node| can_hold_a_live_one(node, snapshot, policy))
            {
                of.live_on.push(index);
            }
        }
    }
    for node in nodes {
        let several =
            |pod: &&Pod| pod.ready && keys(pod).any(|one| counted.get(&one).is_some_and(|of| of.pods > 1));
        node.replicas = node.moves.iter().copied().filter(several).collect();
    }
    counted
}

/// What the pod is a replica of: its controller, and the Deployment above it. While a Deployment is updated, its pods are of
/// more than one `ReplicaSet`. No UID is the name of a Deployment.
fn keys(pod: &Pod) -> impl Iterator<Item = ControllerKey<'_>> {
    let deployment = pod.controller.as_deref().and_then(Controller::deployment);
    pod.controller_key().into_iter().chain(deployment.map(|name| (&*pod.namespace, name)))
}

/// Whether a live replica may be on a node: it is Ready, not claimed, not being deleted, and nobody works on it, who would
/// drain, reboot or delete it. No other program works on a managed node; a person may, under a young cordon.
fn can_hold_a_live_one(node: &NodeFacts<'_>, snapshot: &Snapshot, policy: &Policy) -> bool {
    node.says_ready
        && !node.claimed
        && !node.node.deleting
        && (node.cordon != Cordon::Others || node.cordon_adopted(policy, snapshot.observed_at()))
        && (node.managed() || actor_on(node.node).is_none())
}

/// Computes which deletions would remove a last live replica.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replicas<'s, 'a>(&'s Survey<'a>);

impl<'s, 'a> Replicas<'s, 'a> {
    /// Prepares the replicas of a cluster.
    pub(crate) fn new(survey: &'s Survey<'a>) -> Self {
        Self(survey)
    }

    /// The same for the nodes that are already to be deleted, if they would now lose a last replica: a daemon is a replica of
    /// a controller too, but does not keep its node.
    pub(crate) fn would_lose_beside(
        self,
        node: NodeIndex,
        going: &BTreeSet<NodeIndex>,
    ) -> Option<(&'a Pod, Loss)> {
        let mut together = going.clone();
        together.insert(node);
        let alone = |gone: NodeIndex| self.would_lose(gone, going).is_none();
        going.iter().filter(|gone| alone(**gone)).find_map(|gone| self.would_lose(*gone, &together))
    }

    /// Whether another live replica of a Ready pod stays if its node is deleted together with these others. The pods of a
    /// StatefulSet do not replace each other.
    pub(crate) fn has_another(self, pod: &Pod, node: NodeIndex, going: &BTreeSet<NodeIndex>) -> bool {
        let stays = |other: &NodeIndex| *other != node && !going.contains(other);
        let lives = |of: ControllerKey<'_>| {
            self.0.live_pods.get(&of).is_some_and(|live| live.live_on.iter().any(stays))
        };
        let is_one_of_many = pod.controller.as_deref().is_some_and(|one| one.kind != "StatefulSet");
        pod.ready && is_one_of_many && keys(pod).any(lives)
    }

    /// The first pod of a node, by name, that would be the last live one of its controller if the node were deleted together
    /// with these others.
    pub(crate) fn would_lose(self, node: NodeIndex, going: &BTreeSet<NodeIndex>) -> Option<(&'a Pod, Loss)> {
        let facts = self.0.nodes.get(node)?;
        let stays = |other: &NodeIndex| *other != node && !going.contains(other);
        facts.replicas.iter().find_map(|pod| {
            let one = pod.controller.as_deref()?;
            let of = keys(pod).find(|of| {
                let live = self.0.live_pods.get(of);
                live.is_some_and(|live| live.pods > 1 && !live.live_on.iter().any(stays))
            })?;
            let controller = match one.deployment().filter(|name| of.1 == *name) {
                Some(name) => format!("Deployment {}/{name}", pod.namespace),
                None => format!("{} {}/{}", one.kind, pod.namespace, one.name),
            };
            Some((*pod, Loss::LastReplica { controller }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Node, ReadyCondition, Taint};
    use crate::plan::fixture::{Build, ago, annotated, cluster, node, owned_by, pod, taint};

    fn dns(name: &str) -> Pod {
        pod(&format!("kube-system/dns-{name}")).controlled(owned_by("apps", "ReplicaSet"))
    }

    /// The loss with the first of three nodes, if these nodes are deleted.
    fn lost(nodes: Vec<Node>, pods: Vec<Pod>, going: &[NodeIndex]) -> Option<String> {
        let (snapshot, policy) = (cluster(nodes, pods), Policy::default());
        let survey = Survey::new(&snapshot, &policy);
        let lost = Replicas::new(&survey).would_lose(0, &going.iter().copied().collect());
        lost.map(|(pod, why)| format!("{}: {why}", pod.full_name()))
    }

    fn three() -> Vec<Node> {
        vec![node("n1"), node("n2"), node("n3")]
    }

    #[test]
    fn a_node_with_all_live_replicas_keeps_them() {
        let expected = "kube-system/dns-a: it is the last Ready replica of ReplicaSet kube-system/replicaset outside \
                        of nodes that go";
        assert_eq!(
            lost(three(), vec![dns("a").on("n1"), dns("b").on("n1")], &[0]).as_deref(),
            Some(expected)
        );
        assert_eq!(lost(three(), vec![dns("a").on("n1"), dns("b").on("n2")], &[0]), None);
        assert!(lost(three(), vec![dns("a").on("n1"), dns("b").on("n2")], &[0, 1]).is_some());
    }

    #[test]
    fn the_only_pod_of_a_controller_keeps_no_node() {
        assert_eq!(lost(three(), vec![dns("a").on("n1")], &[0]), None);
        assert!(
            lost(three(), vec![dns("a").on("n1"), dns("b")], &[0]).is_some(),
            "one that is not bound is one"
        );
    }

    #[test]
    fn only_a_live_pod_elsewhere_takes_over() {
        let both = |other: Pod| vec![dns("a").on("n1"), other];
        let not_ready = Pod { ready: false, ..dns("b").on("n2") };
        let terminating = Pod { deleting: true, ..dns("b").on("n2") };
        assert!(lost(three(), both(not_ready), &[0]).is_some());
        assert!(lost(three(), both(terminating), &[0]).is_some());
        let other_controller = Controller { uid: "other".into(), ..owned_by("apps", "ReplicaSet") };
        let stranger = dns("b").on("n2").controlled(other_controller);
        assert_eq!(lost(three(), both(stranger), &[0]), None, "then it is the only one");
    }

    /// The pods of a Deployment while it is updated: each is the only one of its ReplicaSet.
    #[test]
    fn the_pods_of_two_replica_sets_of_a_deployment_are_replicas() {
        let of = |name: &str, set: &str| {
            let owner = Controller { uid: set.into(), name: set.into(), ..owned_by("apps", "ReplicaSet") };
            dns(name).controlled(owner)
        };
        let (old, new) = ("dns-5d78c9869d", "dns-7db6d8ff4d");
        let why = lost(three(), vec![of("a", old).on("n1"), of("b", new).on("n1")], &[0]);
        assert!(why.is_some_and(|why| why.contains("of Deployment kube-system/dns outside")));
        assert_eq!(lost(three(), vec![of("a", old).on("n1"), of("b", new).on("n2")], &[0]), None);
        assert_eq!(
            lost(three(), vec![of("a", "dns-a").on("n1"), of("b", "dns-b").on("n1")], &[0]),
            None,
            "no names that the control plane gives"
        );
    }

    /// A controller is in the namespace of its pods. A pod of another one that names it is not a replica.
    #[test]
    fn a_pod_of_another_namespace_that_names_the_controller_takes_nothing_over() {
        let fake = pod("hub/fake").on("n2").controlled(owned_by("apps", "ReplicaSet"));
        let omitted = fake.labelled("omit-me");
        let (nodes, policy) =
            (three(), Policy { omit_labels: ["omit-me".into()].into(), ..Policy::default() });
        let snapshot = cluster(nodes, vec![dns("a").on("n1"), dns("b").on("n1"), omitted]);
        let survey = Survey::new(&snapshot, &policy);
        assert!(Replicas::new(&survey).would_lose(0, &BTreeSet::from([0])).is_some());
    }

    #[test]
    fn only_a_ready_node_that_nobody_deletes_holds_a_live_pod() {
        let with =
            |other: Node| lost(vec![node("n1"), other], vec![dns("a").on("n1"), dns("b").on("n2")], &[0]);
        assert_eq!(with(node("n2")), None);
        let not_ready = ReadyCondition { ready: false, since: None };
        assert!(with(Node { ready: Some(not_ready), ..node("n2") }).is_some());
        assert!(with(Node { deleting: true, ..node("n2") }).is_some());
        let until = annotated("kube-rebalancer/deleting-until", &ago(-60).to_string()).annotations;
        assert!(with(Node { annotations: until, ..node("n2") }).is_some());
        assert!(with(Node { taints: vec![taint("karpenter.sh/disrupted")], ..node("n2") }).is_some());
        let cordoned = |seconds: Option<i64>| {
            let added_at = seconds.map(ago);
            let taint = Taint { added_at, ..taint("node.kubernetes.io/unschedulable") };
            Node { unschedulable: true, taints: vec![taint], ..node("n2") }
        };
        assert!(with(cordoned(Some(120))).is_some(), "a person may drain it right now");
        assert!(with(cordoned(None)).is_some());
        assert_eq!(with(cordoned(Some(3600))), None);
        let labels = [("node-role.kubernetes.io/control-plane".to_owned(), String::new())].into();
        assert_eq!(with(Node { labels, ..node("n2") }), None, "an unmanaged node holds one too");
    }

    #[test]
    fn a_pod_that_is_not_ready_is_no_replica_to_lose() {
        let not_ready = Pod { ready: false, ..dns("a").on("n1") };
        assert_eq!(lost(three(), vec![not_ready, dns("b")], &[0]), None);
    }
}
