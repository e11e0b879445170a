//! The checker's facts of a node, apart from the rules.

use super::super::facts::Facts;
use crate::check::fixtures::*;
use crate::model::{Bytes, Millicores, Node, NodeGroup, NodeTemplate, Pod, ReadyCondition, TaintEffect};
use crate::plan::NodeState;
use crate::policy::{CapacitySource, Policy};

fn state_of(node_a: Node) -> NodeState {
    let snapshot = world(vec![node_a, node("b")], vec![]);
    Facts::of(&snapshot, &policy()).nodes[0].state().unwrap()
}

/// Memory capacity of node `a` in gibibytes.
fn capacity_of(nodes: Vec<Node>, pods: Vec<Pod>, policy: &Policy) -> u64 {
    let snapshot = world(nodes, pods);
    Facts::of(&snapshot, policy).nodes[0].capacity.memory.0 >> 30
}

#[test]
fn a_node_boots_for_its_grace_and_is_then_broken() {
    assert_eq!(state_of(node("a").not_ready_for(899)), NodeState::Booting);
    assert_eq!(state_of(node("a").not_ready_for(900)), NodeState::Broken);
    assert_eq!(state_of(node("a").not_ready_for(-60)), NodeState::Booting);
    let shut_down = |seconds| node("a").not_ready_for(seconds).change(|node| node.shutting_down = true);
    assert_eq!(state_of(shut_down(899)), NodeState::NotInUse);
    assert_eq!(state_of(shut_down(900)), NodeState::Broken);
    let without_condition = |created: Option<i64>| {
        node("a").change(|node| (node.ready, node.created_at) = (None, created.map(ago)))
    };
    assert_eq!(state_of(without_condition(Some(60))), NodeState::Booting);
    assert_eq!(state_of(without_condition(Some(900))), NodeState::Broken);
    assert_eq!(state_of(without_condition(None)), NodeState::Broken, "it would boot for ever");
}

#[test]
fn a_startup_taint_is_a_boot_on_a_young_node_and_a_fault_on_an_old_one() {
    for key in [
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node.cilium.io/agent-not-ready",
        "efs.csi.aws.com/agent-not-ready",
        "startup-taint.cluster-autoscaler.kubernetes.io/x",
        "ignore-taint.cluster-autoscaler.kubernetes.io/x",
        "status-taint.cluster-autoscaler.kubernetes.io/x",
        "node.cluster.x-k8s.io/uninitialized",
        "karpenter.sh/unregistered",
        "node.gardener.cloud/critical-components-not-ready",
        "node.deckhouse.io/csi-not-bootstrapped",
        "k8s.ovn.org/network-unavailable",
        "skyhook.nvidia.com",
        "tke.cloud.tencent.com/eni-ip-unavailable",
        "readiness.k8s.io/NetworkReady",
        "cni.istio.io/not-ready",
        "nidhogg.uswitch.com/kube-system.kiam",
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/network-unavailable",
    ] {
        assert_eq!(state_of(node("a").tainted(key)), NodeState::NotInUse, "{key}");
        assert_eq!(state_of(node("a").tainted(key).created(899)), NodeState::Booting, "{key}");
        // Only the taints of conditions are left over for some seconds on a node that is Ready again.
        let again = Node { ready: Some(ReadyCondition { ready: true, since: Some(ago(899)) }), ..node("a") };
        let of_conditions = key.starts_with("node.kubernetes.io/");
        let expected = if of_conditions { NodeState::Booting } else { NodeState::NotInUse };
        assert_eq!(state_of(again.tainted(key)), expected, "{key}");
    }
    let soft = |key: &str| {
        node("a").tainted(key).change(|node| node.taints[0].effect = TaintEffect::PreferNoSchedule)
    };
    assert_eq!(state_of(soft("cni.istio.io/not-ready")), NodeState::Serving, "it repels nobody");
    assert_eq!(state_of(node("a").tainted("example.org/warming-up")), NodeState::Serving);
    let own = Policy { startup_taints: ["example.org/warming-up".to_owned()].into(), ..policy() };
    let snapshot = world(vec![node("a").tainted("example.org/warming-up")], vec![]);
    assert_eq!(Facts::of(&snapshot, &own).nodes[0].state(), Some(NodeState::NotInUse));
}

#[test]
fn a_node_without_the_device_of_its_group_is_not_in_use() {
    let cluster = |others: Vec<Node>, template: Option<NodeTemplate>| {
        let members = others.into_iter().map(|node| node.in_group("z/gpu"));
        let nodes = std::iter::once(node("a").in_group("z/gpu")).chain(members).collect();
        let pool = NodeGroup { template, ..group("z/gpu", 3) };
        let snapshot = world_with_groups(nodes, vec![], vec![pool]);
        Facts::of(&snapshot, &policy()).nodes[0].state().unwrap()
    };
    let with = |name| node(name).with_device(GPU, 1);
    assert_eq!(cluster(vec![with("b"), with("c")], None), NodeState::NotInUse);
    assert_eq!(cluster(vec![with("b"), with("c"), node("d")], None), NodeState::NotInUse);
    assert_eq!(cluster(vec![with("b"), node("c")], None), NodeState::Serving, "half is not most");
    let zero = |name| node(name).with_device(GPU, 0);
    assert_eq!(cluster(vec![zero("b"), zero("c")], None), NodeState::Serving);
    let sick = |name| with(name).not_ready_for(60);
    assert_eq!(cluster(vec![sick("b"), sick("c")], None), NodeState::Serving);
    let template = NodeTemplate { allocatable: with("x").allocatable, ..NodeTemplate::default() };
    assert_eq!(cluster(vec![node("b")], Some(template)), NodeState::NotInUse);
}

#[test]
fn a_ready_node_without_a_deciding_resource_does_not_serve() {
    let bare = node("a").change(|node| {
        (node.allocatable.cpu, node.capacity.cpu) = (None, None);
    });
    let snapshot = world(vec![bare, node("b")], vec![]);
    assert!(!Facts::of(&snapshot, &policy()).nodes[0].serves());
    let memory = Policy { resources: vec![crate::model::Resource::Memory], ..policy() };
    assert!(Facts::of(&snapshot, &memory).nodes[0].serves());
}

#[test]
fn omitted_pods_take_capacity_away_and_placeholders_do_not() {
    let nodes = || vec![node("a"), node("b")];
    let two = || {
        let reserve = |pod: &mut Pod| (pod.priority, pod.ends_at_once) = (-1, true);
        vec![
            system("proxy", "a", "DaemonSet", "proxy"),
            system("dns", "a", "ReplicaSet", "dns"),
            system("reserve", "a", "ReplicaSet", "reserve").change(reserve),
        ]
    };
    assert_eq!(capacity_of(nodes(), two(), &policy()), 6);
    let original = Policy { capacity: CapacitySource::Capacity, ..policy() };
    assert_eq!(capacity_of(nodes(), two(), &original), 8);
}

#[test]
fn a_node_beyond_four_times_the_median_of_its_group_counts_as_the_median() {
    let cluster = |gibibytes| {
        let members = ["b", "c", "d"].map(|name| node(name).in_group("z/pool"));
        let first = node("a").in_group("z/pool").of_gibibytes(gibibytes);
        capacity_of([vec![first], members.to_vec()].concat(), vec![], &policy())
    };
    assert_eq!(cluster(32), 32);
    assert_eq!(cluster(33), 8);
    let alone = vec![node("a").of_gibibytes(64), node("b"), node("c")];
    assert_eq!(capacity_of(alone, vec![], &policy()), 64, "no group is known");
    let pair = vec![node("a").in_group("p").of_gibibytes(64), node("b").in_group("p")];
    assert_eq!(capacity_of(pair, vec![], &policy()), 8, "of two, the lower is the median");
}

#[test]
fn a_bound_pod_asks_for_at_most_what_its_node_has() {
    let greedy = user("alice", "a").change(|pod| {
        (pod.requests.memory, pod.requests.cpu) = (Bytes(u64::MAX), Millicores(5000));
    });
    let snapshot = world(vec![node("a"), node("b")], vec![greedy, user("bob", "a")]);
    let requested = Facts::of(&snapshot, &policy()).nodes[0].requested();
    assert_eq!(requested.memory, Bytes(9 << 30));
    assert_eq!(requested.cpu, Millicores(4100));
}

#[test]
fn what_is_requested_are_occupants_placeholders_and_counted_daemons() {
    let pods = vec![
        user("alice", "a"),
        critical("hub", "a"),
        placeholder("reserve", "a"),
        critical("agent", "a").of("DaemonSet", "agent"),
        system("proxy", "a", "DaemonSet", "proxy"),
        system("dns", "a", "ReplicaSet", "dns"),
    ];
    let snapshot = world(vec![node("a")], pods);
    let policy = policy();
    let facts = Facts::of(&snapshot, &policy);
    assert_eq!(facts.nodes[0].requested().memory, Bytes(4 << 30));
    assert_eq!(facts.nodes[0].occupants, 2);
}

#[test]
fn a_pod_that_counts_for_others_takes_the_room_of_all_of_them() {
    let free = |pods: Vec<Pod>| {
        let snapshot = world(vec![node("a")], pods);
        Facts::of(&snapshot, &policy()).nodes[0].free()
    };
    let bare = |name: &str| user(name, "a").bare();
    let mut both = bare("ada");
    assert_eq!(both.count_in(bare("bob")), None);
    let stored = free(vec![bare("ada"), bare("bob")]);
    assert_eq!(free(vec![both]), stored);
    assert_ne!(free(vec![bare("ada")]), stored);
}
