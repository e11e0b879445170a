//! The demand of each node's bound pods on the pool (`W` of section 4), without daemons.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::admitted::Admitted;
use super::capacity::Ceiling;
use super::classes::Classifier;
use super::pods::of_all;
use super::reach::{Site, places_of};
use super::survey::{NodeFacts, OccupantKind};
use super::value::NodeState;
use crate::model::{Amounts, Binding, Constraints, Pod, Snapshot, Volumes};
use crate::policy::Policy;

/// The requests of the pods that count on a common node, or on a node that cannot be read. Reserved nodes need each pod: see
/// [`reserved_demand`].
pub(super) fn demand_of(facts: &NodeFacts<'_>) -> Amounts {
    if facts.reserved.is_some() {
        return Amounts::default();
    }
    let placeholders = facts.placeholder_requests.clone();
    if occupants_stay(facts) {
        return placeholders;
    }
    placeholders.plus(&facts.critical_requests).plus(&facts.dynamic_requests)
}

/// Whether the occupants stay on a node that takes no more: it is not cordoned, so they need no place elsewhere.
fn occupants_stay(facts: &NodeFacts<'_>) -> bool {
    let takes_no_more = matches!(facts.state, NodeState::UnderPressure | NodeState::NotInUse);
    // A machine that is being shut down ends its pods.
    facts.managed() && takes_no_more && facts.says_ready && !facts.without_capacity && !facts.cordoned()
}

/// Adds the requests of users' pods and placeholders on reserved nodes that would reach a common node, because they may come
/// back there. The others are no demand on the pool.
pub(super) fn reserved_demand<'a>(nodes: &mut [NodeFacts<'a>], snapshot: &'a Snapshot, policy: &'a Policy) {
    let asks = |facts: &NodeFacts<'_>| {
        let counted = [&facts.dynamic_requests, &facts.placeholder_requests];
        facts.reserved.is_some() && counted.iter().any(|requests| requests.pods > 0)
    };
    if !nodes.iter().any(asks) {
        return;
    }
    let mut asking = Asking::new(snapshot, policy);
    let mut classifier = Classifier::new(policy);
    let mut counted: Vec<(usize, Amounts)> = Vec::new();
    for (pod, binding) in snapshot.placed_pods() {
        let class = classifier.class(pod);
        let Binding::Node(index) = binding else { continue };
        let Some(facts) = nodes.get(index).filter(|facts| facts.managed() && facts.reserved.is_some()) else {
            continue;
        };
        let Some(kind) = OccupantKind::of(class) else { continue };
        if asking.counts(pod, kind, facts, nodes) {
            let requests = Ceiling::new(facts.node).cap(&pod.requests);
            counted.push((index, of_all(pod, requests).into_owned()));
        }
    }
    for (index, requests) in counted {
        if let Some(facts) = nodes.get_mut(index) {
            facts.demand.add(&requests);
        }
    }
}

/// The bound pods that count as demand on the pool.
#[derive(Debug)]
pub(super) struct Asking<'a>(Reach<'a>);

impl<'a> Asking<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, policy: &'a Policy) -> Self {
        Self(Reach {
            policy,
            volumes: snapshot.volumes(),
            admitted: Admitted::default(),
            known: BTreeMap::new(),
        })
    }

    /// Whether the requests of a pod on this node are part of `W`. On a reserved node only users' pods and placeholders count
    /// that would reach a common one.
    pub(super) fn counts(
        &mut self,
        pod: &'a Pod,
        kind: OccupantKind,
        facts: &NodeFacts<'_>,
        nodes: &[NodeFacts<'_>],
    ) -> bool {
        let stays = kind != OccupantKind::Placeholder && occupants_stay(facts);
        let mut comes_back =
            || kind != OccupantKind::Critical && self.0.reaches_common(pod, facts.pool, nodes);
        !stays && (facts.reserved.is_none() || comes_back())
    }
}

/// Remembers which pods reach a common node; pods with equal constraints and requests share the answer.
#[derive(Debug)]
struct Reach<'a> {
    policy: &'a Policy,
    volumes: &'a Volumes,
    admitted: Admitted,
    known: BTreeMap<(usize, *const Constraints), Vec<(&'a Amounts, bool)>>,
}

impl<'a> Reach<'a> {
    /// Whether a common node of the pool admits the pod and, free of occupants, would hold it.
    fn reaches_common(&mut self, pod: &'a Pod, pool: usize, nodes: &[NodeFacts<'_>]) -> bool {
        let of_pool = nodes.iter().filter(|facts| facts.common() && facts.pool == pool);
        let places = places_of(pod, self.volumes);
        let admitted = &self.admitted;
        let ask = || {
            of_pool.into_iter().any(|facts| {
                let site = Site::of(facts.node, self.policy).remembered(admitted, facts.index);
                site.admits_pod(pod, &places) && pod.requests.fits(&facts.room_without_occupants())
            })
        };
        // Each pod has separate claims.
        if !pod.claims.is_empty() && !self.volumes.is_empty() {
            return ask();
        }
        let known = self.known.entry((pool, Arc::as_ptr(&pod.constraints))).or_default();
        if let Some((_, reaches)) = known.iter().find(|(requests, _)| **requests == pod.requests) {
            return *reaches;
        }
        let reaches = ask();
        known.push((&pod.requests, reaches));
        reaches
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Bytes, FurtherAmounts, Millicores, Node, Taint, TaintEffect};
    use crate::plan::fixture::{Build, cluster, node, owned_by, pod, taint, tolerating};
    use crate::plan::survey::Survey;

    const USER: &str = "hub.jupyter.org/username";

    fn policy() -> Policy {
        Policy { preemptible_labels: [USER.to_owned()].into(), ..Policy::default() }
    }

    /// The GiB that the pods of each node request.
    fn demand(nodes: Vec<Node>, pods: Vec<Pod>) -> Vec<u64> {
        let (snapshot, policy) = (cluster(nodes, pods), policy());
        let survey = Survey::new(&snapshot, &policy);
        survey.nodes.iter().map(|facts| facts.demand.memory.0 >> 30).collect()
    }

    fn user(name: &str) -> Pod {
        pod(&format!("hub/{name}")).labelled(USER).asking(2, 100)
    }

    fn placeholder() -> Pod {
        let reserve = pod("hub/reserve").controlled(owned_by("apps", "StatefulSet")).asking(8, 100);
        Pod { priority: -10, ends_at_once: true, ..reserve }
    }

    fn under(key: &str, node: Node) -> Node {
        Node { taints: vec![taint(key)], ..node }
    }

    #[test]
    fn users_placeholders_and_critical_pods_ask_and_daemons_and_omitted_ones_do_not() {
        let pods = vec![
            user("ada").on("n1"),
            pod("hub/hub").asking(4, 100).on("n1"),
            placeholder().on("n1"),
            pod("hub/agent").controlled(owned_by("apps", "DaemonSet")).asking(16, 100).on("n1"),
            pod("kube-system/dns").asking(16, 100).on("n1"),
        ];
        assert_eq!(demand(vec![node("n1")], pods), [14]);
    }

    #[test]
    fn occupants_of_a_node_that_takes_no_more_stay_there_unless_it_is_cordoned() {
        let pods =
            || vec![user("ada").on("n1"), pod("hub/hub").asking(4, 100).on("n1"), placeholder().on("n1")];
        let cordoned = |node| Node { unschedulable: true, ..node };
        let pressed = || under("node.kubernetes.io/memory-pressure", node("n1"));
        let not_in_use = || under("node.cilium.io/agent-not-ready", node("n1"));
        let without_cpu = || {
            let mut node = node("n1");
            node.allocatable.cpu = Some(Millicores(0));
            node
        };
        for (sentence, node, expected) in [
            ("under pressure", pressed(), 8),
            ("not in use", not_in_use(), 8),
            ("under pressure and cordoned", cordoned(pressed()), 14),
            ("not in use and cordoned", cordoned(not_in_use()), 14),
            ("cordoned", cordoned(node("n1")), 14),
            ("without capacity of a deciding resource", without_cpu(), 14),
        ] {
            assert_eq!(demand(vec![node], pods()), [expected], "{sentence}");
        }
    }

    #[test]
    fn of_the_pods_on_a_reserved_node_those_ask_that_would_reach_a_common_one() {
        let gpu = || {
            let mut gpu = under("nvidia.com/gpu", node("g1"));
            gpu.capacity.further = Some(Arc::new(FurtherAmounts::from([("nvidia.com/gpu".into(), 1)])));
            gpu
        };
        let on_gpu = |pod: Pod| pod.constrained(tolerating("nvidia.com/gpu")).on("g1");
        let needs_gpu = |pod: Pod| {
            let mut pod = pod;
            let further = FurtherAmounts::from([("nvidia.com/gpu".into(), 1)]);
            pod.requests = pod.requests.clone().with_further(Some(Arc::new(further)));
            pod
        };
        let selects_gpu = Constraints {
            node_selector: [("gpu".to_owned(), "true".to_owned())].into(),
            ..tolerating("nvidia.com/gpu")
        };
        for (sentence, pod, expected) in [
            ("a user's that could be anywhere", on_gpu(user("ada")), 2),
            ("a placeholder", on_gpu(placeholder()), 8),
            ("a user's with a GPU", on_gpu(needs_gpu(user("ada"))), 0),
            ("a user's that selects such nodes", user("ada").constrained(selects_gpu).on("g1"), 0),
            ("a user's too large for any common node", on_gpu(user("ada").asking(33, 1)), 0),
            ("a critical one", on_gpu(pod("hub/hub")), 0),
        ] {
            assert_eq!(demand(vec![gpu(), node("n1")], vec![pod]), [expected, 0], "{sentence}");
        }
    }

    #[test]
    fn a_user_on_a_reserved_node_under_pressure_stays_there() {
        let mut reserved = under("node.kubernetes.io/disk-pressure", node("g1"));
        reserved.taints.push(Taint { effect: TaintEffect::NoExecute, ..taint("old-pool") });
        assert_eq!(
            demand(vec![reserved, node("n1")], vec![user("ada").on("g1"), user("bob").on("n1")]),
            [0, 2]
        );
    }

    #[test]
    fn what_is_on_a_node_that_cannot_be_read_is_asked_for_and_on_other_unmanaged_nodes_is_not() {
        let unreadable = Node { unreadable: Some("status.capacity.cpu".into()), ..node("n1") };
        let leaving = Node { deleting: true, ..node("n2") };
        let pods = vec![user("ada").on("n1"), user("bob").on("n2")];
        assert_eq!(demand(vec![unreadable, leaving], pods), [2, 0]);
    }

    #[test]
    fn a_pod_asks_for_no_more_than_its_node_has() {
        let mut small = node("n1");
        small.allocatable.memory = Some(Bytes(6 << 30));
        small.capacity.memory = Some(Bytes(7 << 30));
        assert_eq!(demand(vec![small], vec![user("ada").asking(400, 1).on("n1")]), [7]);
    }
}
