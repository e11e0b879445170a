use super::*;
use crate::model::{Amounts, Pod, Resource};
use crate::model::{Bytes, Millicores, ReadyCondition, Unbound, annotation};
use crate::plan::fixture::{Build, ago, cluster, node, owned_by, pod, taint};
use crate::policy::CapacitySource;

const USER: &str = "hub.jupyter.org/username";

fn policy() -> Policy {
    Policy { preemptible_labels: [USER.to_owned()].into(), ..Policy::default() }
}

fn user(name: &str) -> Pod {
    pod(&format!("hub/{name}")).labelled(USER)
}

fn agent(namespace: &str) -> Pod {
    pod(&format!("{namespace}/agent")).controlled(owned_by("apps", "DaemonSet"))
}

fn web() -> Pod {
    pod("kube-system/web").controlled(owned_by("apps", "ReplicaSet"))
}

fn reserve(namespace: &str) -> Pod {
    let reserve = pod(&format!("{namespace}/reserve")).controlled(owned_by("apps", "StatefulSet"));
    Pod { priority: -10, ends_at_once: true, ..reserve }
}

fn look<T>(nodes: Vec<Node>, pods: Vec<Pod>, policy: &Policy, see: impl Fn(&Survey<'_>) -> T) -> T {
    see(&Survey::new(&cluster(nodes, pods), policy))
}

/// The GiB of an amount.
fn gibibytes(amounts: &Amounts) -> u64 {
    amounts.memory.0 >> 30
}

#[test]
fn each_class_of_pods_adds_to_its_own_sums() {
    let pods = vec![
        user("ada").asking(1, 0).on("n1"),
        pod("hub/hub").asking(2, 0).on("n1"),
        reserve("hub").asking(4, 0).on("n1"),
        agent("hub").asking(8, 0).on("n1"),
        agent("kube-system").asking(16, 0).on("n1"),
        web().asking(32, 0).on("n1"),
        reserve("kube-system").asking(64, 0).on("n1"),
        pod("ops/run").asking(128, 0).on("n1"),
    ];
    let mut large = node("n1");
    large.allocatable.memory = Some(Bytes(1000 << 30));
    let policy = Policy { own_pod: Some(("ops".into(), "run".into())), ..policy() };
    look(vec![large], pods, &policy, |survey| {
        let facts = &survey.nodes[0];
        let sums = [
            ("dynamic", &facts.dynamic_requests, 1),
            ("critical", &facts.critical_requests, 2),
            ("placeholders", &facts.placeholder_requests, 4),
            ("daemons", &facts.daemons, 8),
            ("all daemons", &facts.daemon_load, 8 + 16),
            ("omitted", &facts.omitted_load, 16 + 32),
            ("without occupants", &facts.unoccupied_load(), 8 + 16 + 32),
            ("all", &facts.load, 255),
            ("capacity", &facts.capacity, 1000 - 16 - 32),
            ("offer", &facts.offer, 1000),
            ("asked", &survey.asked_of(0), 1 + 2 + 4),
            ("room", &facts.room_without_occupants(), 1000 - 8 - 16 - 32),
        ];
        for (sentence, sum, expected) in sums {
            assert_eq!(gibibytes(sum), expected, "{sentence}");
        }
        assert_eq!((facts.occupants, facts.own), (2, true));
        assert_eq!(facts.load.pods, 8);
    });
}

#[test]
fn what_is_on_a_node_is_named_by_its_first_pod() {
    let pods = vec![
        user("zoe").on("n1"),
        user("ada").on("n1"),
        pod("hub/hub").on("n1"),
        pod("hub/proxy").on("n1"),
        pod("kube-system/bare").on("n1"),
        web().on("n1"),
    ];
    look(vec![node("n1")], pods, &policy(), |survey| {
        let facts = &survey.nodes[0];
        assert_eq!(facts.occupant.map(Pod::full_name).as_deref(), Some("hub/ada"));
        assert_eq!(facts.critical.map(Pod::full_name).as_deref(), Some("hub/hub"));
        assert_eq!(
            facts.loses.as_deref().map(|(pod, _)| pod.full_name()).as_deref(),
            Some("kube-system/bare")
        );
        assert!(!facts.empty());
    });
}

#[test]
fn a_node_is_empty_with_daemons_placeholders_and_omitted_pods_that_start_again() {
    let fine = || {
        vec![agent("hub").on("n1"), reserve("hub").on("n1"), reserve("kube-system").on("n1"), web().on("n1")]
    };
    let empty = |more: Pod| {
        let pods = fine().into_iter().chain([more.on("n1")]).collect();
        look(vec![node("n1")], pods, &policy(), |survey| survey.nodes[0].empty())
    };
    assert!(empty(agent("z")));
    assert!(!empty(user("ada")));
    assert!(!empty(pod("hub/hub")));
    assert!(!empty(pod("kube-system/bare")));
    look(vec![node("n1")], fine(), &policy(), |survey| {
        let moves: Vec<_> = survey.nodes[0].moves.iter().map(|pod| pod.full_name()).collect();
        assert_eq!(moves, ["kube-system/web"]);
    });
}

#[test]
fn capacity_as_the_original_counts_it_leaves_omitted_pods_in() {
    let policy = Policy { capacity: CapacitySource::Capacity, ..policy() };
    look(vec![node("n1")], vec![web().on("n1")], &policy, |survey| {
        assert_eq!(gibibytes(&survey.nodes[0].capacity), 32);
    });
}

#[test]
fn of_the_pods_of_a_node_that_is_not_managed_the_requests_alone_are_looked_at() {
    let leaving = Node { deleting: true, ..node("n1") };
    look(vec![leaving], vec![user("ada").on("n1")], &policy(), |survey| {
        let facts = &survey.nodes[0];
        assert_eq!((facts.occupants, facts.load.pods, facts.demand.pods), (0, 1, 0));
    });
}

#[test]
fn an_unbound_pod_asks_unless_it_is_a_daemon_s_omitted_or_being_deleted() {
    let pods = vec![
        user("ada"),
        pod("hub/hub"),
        reserve("hub"),
        agent("hub"),
        web(),
        pod("kube-system/bare"),
        Pod { deleting: true, ..user("bob") },
    ];
    look(vec![node("n1")], pods, &policy(), |survey| {
        let unbound: Vec<_> = survey.unbound.iter().map(|one| (one.pod.full_name(), one.kind)).collect();
        let expected = [
            ("hub/ada", OccupantKind::Dynamic),
            ("hub/hub", OccupantKind::Critical),
            ("hub/reserve", OccupantKind::Placeholder),
        ];
        assert_eq!(unbound, expected.map(|(name, kind)| (name.to_owned(), kind)));
        let late: Vec<_> = survey.may_bind_late.iter().map(|pod| pod.full_name()).collect();
        assert_eq!(late, ["hub/ada", "hub/hub", "kube-system/bare"]);
    });
}

#[test]
fn a_gated_pod_does_not_bind_late() {
    let gated = Unbound { gated: true, ..Unbound::default() };
    let pods = vec![Pod { unbound: Some(Box::new(gated)), ..user("ada") }];
    look(vec![node("n1")], pods, &policy(), |survey| {
        assert_eq!((survey.unbound.len(), survey.may_bind_late.len()), (1, 0));
    });
}

fn state_of(node: Node, pods: Vec<Pod>, policy: &Policy) -> NodeState {
    look(vec![node], pods, policy, |survey| survey.nodes[0].state)
}

#[test]
fn a_node_serves_with_capacity_of_every_deciding_resource_beside_its_omitted_pods() {
    let without_cpu = || {
        let mut node = node("n1");
        node.allocatable.cpu = Some(Millicores(0));
        node
    };
    let memory_only = Policy { resources: vec![Resource::Memory], ..policy() };
    let filled = || vec![pod("kube-system/x").asking(32, 0).on("n1")];
    assert_eq!(state_of(node("n1"), vec![], &policy()), NodeState::Serving);
    assert_eq!(state_of(without_cpu(), vec![], &policy()), NodeState::NotInUse);
    assert_eq!(state_of(without_cpu(), vec![], &memory_only), NodeState::Serving);
    assert_eq!(state_of(node("n1"), filled(), &policy()), NodeState::NotInUse);
    let new = Node { created_at: Some(ago(60)), ..without_cpu() };
    assert_eq!(state_of(new, vec![], &policy()), NodeState::Booting);
}

fn warnings(nodes: Vec<Node>, pods: Vec<Pod>) -> Vec<Warning> {
    look(nodes, pods, &policy(), |survey| survey.warnings.clone())
}

#[test]
fn a_healthy_cluster_gives_no_warning() {
    let pods = vec![user("ada").on("n1"), pod("hub/hub").on("n2"), web().on("n2"), user("bob")];
    assert_eq!(warnings(vec![node("n1"), node("n2")], pods), []);
}

#[test]
fn pods_that_something_is_wrong_with_are_counted_and_one_is_named() {
    let nothing = |name: &str| user(name).asking(0, 100).on("n1");
    assert_eq!(
        warnings(vec![node("n1")], vec![nothing("bob"), nothing("ada"), agent("hub").asking(0, 0).on("n1")]),
        [Warning::NoMemoryRequest { pod: "hub/ada".into(), pods: 2 }]
    );
    assert_eq!(
        warnings(vec![node("n1")], vec![user("ada").asking(33, 0).on("n1")]),
        [Warning::BeyondNode { pod: "hub/ada".into(), pods: 1 }]
    );
}

#[test]
fn a_label_that_no_pod_carries_is_a_mistake_in_the_setting() {
    assert_eq!(
        warnings(vec![node("n1")], vec![pod("hub/hub").on("n1")]),
        [Warning::NoUserPods { keys: USER.to_owned() }]
    );
    let omitted_user = pod("kube-system/x").labelled(USER).on("n1");
    assert_eq!(warnings(vec![node("n1")], vec![pod("hub/hub").on("n1"), omitted_user]), []);
    assert_eq!(warnings(vec![node("n1")], vec![agent("hub").on("n1")]), []);
}

#[test]
fn nodes_that_something_is_wrong_with_are_named() {
    let mut without_memory = node("n1");
    without_memory.allocatable.memory = None;
    without_memory.capacity.memory = None;
    let no_memory = Warning::NoCapacity { node: "n1".into(), resource: Resource::Memory };
    assert_eq!(warnings(vec![without_memory.clone()], vec![]), [no_memory]);
    let filled = warnings(vec![node("n1")], vec![web().asking(32, 0).on("n1")]);
    let what = "no memory is left for its pods".to_owned();
    assert_eq!(filled, [Warning::NotInUse { what, node: "n1".into(), nodes: 1 }]);
    let not_ready = Node { ready: Some(ReadyCondition { ready: false, since: None }), ..without_memory };
    assert_eq!(warnings(vec![not_ready], vec![]), []);
    let mut marked = node("n1");
    marked.annotations.insert(annotation::EMPTY_SINCE.into(), "noon".into());
    let bad = Warning::BadMark {
        node: "n1".into(),
        annotation: annotation::EMPTY_SINCE.into(),
        value: "noon".into(),
    };
    assert_eq!(warnings(vec![marked], vec![]), [bad]);
}

#[test]
fn what_nodes_have_in_common_is_warned_of_once() {
    let under = |name: &str, key: &str| Node { taints: vec![taint(key)], ..node(name) };
    let cilium = "node.cilium.io/agent-not-ready";
    let what = format!("the taint {cilium} has not gone");
    assert_eq!(
        warnings(vec![under("n1", cilium), under("n2", cilium), node("n3")], vec![]),
        [Warning::NotInUse { what, node: "n1".into(), nodes: 2 }]
    );
    let labelled = |name: &str| {
        let mut node = node(name);
        node.labels.insert("karpenter.sh/nodepool", "x");
        node
    };
    let mark = "karpenter.sh/nodepool".to_owned();
    assert_eq!(
        warnings(vec![labelled("n1"), labelled("n2")], vec![]),
        [Warning::OtherAutoscaler { actor: "Karpenter".into(), node: "n1".into(), mark }]
    );
}

#[test]
fn nothing_is_warned_of_on_a_node_that_is_not_managed() {
    let mut leaving = Node { deleting: true, ..node("n1") };
    leaving.annotations.insert(annotation::EMPTY_SINCE.into(), "noon".into());
    leaving.allocatable.memory = Some(Bytes(0));
    leaving.taints = vec![taint("node.cilium.io/agent-not-ready")];
    assert_eq!(warnings(vec![leaving], vec![user("ada").asking(0, 0).on("n1")]), []);
}
