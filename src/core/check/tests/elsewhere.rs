//! Nodes that are the only place of a pod or of a volume.

use crate::check::Violation;
use crate::check::fixtures::*;
use crate::model::{
    Affinity, Bond, Constraints, Node, Operator, Pod, Requirement, SelectorTerm, StoredVolume, StoredVolumes,
};

#[test]
fn the_only_place_of_an_omitted_pod_stays() {
    let core = |one: Node| one.labelled("pool", "core");
    let selects = |pod: &mut Pod| {
        let node_selector = [(text("pool"), text("core"))].into();
        pod.constraints = Constraints { node_selector, ..Constraints::default() }.into();
    };
    let ingress = || system("ingress", "a", "ReplicaSet", "ingress").change(selects);
    let refused =
        |pod: &str| vec![Violation::DeleteOfOnlyPlace { node: text("a"), pod: format!("kube-system/{pod}") }];
    let beside = |other: Node| {
        found(&world(vec![core(cordoned("a")), other, node("c")], vec![ingress()]), &policy(), [delete("a")])
    };
    assert_eq!(beside(core(node("b"))), []);
    assert_eq!(beside(node("b")), refused("ingress"));
    assert_eq!(beside(core(cordoned("b"))), refused("ingress"));
    // A pod without a node may also wait for a cordoned node that stays.
    let waiting = || ingress().change(|pod| (pod.node_name, pod.ready) = (None, false));
    let waits = |other: Node| {
        found(&world(vec![core(cordoned("a")), other, node("c")], vec![waiting()]), &policy(), [delete("a")])
    };
    assert_eq!(waits(node("b")), refused("ingress"));
    assert_eq!(waits(core(cordoned("b"))), []);
}

#[test]
fn a_place_must_have_room_beside_all_pods_there() {
    let refused =
        |pod: &str| vec![Violation::DeleteOfOnlyPlace { node: text("a"), pod: format!("kube-system/{pod}") }];
    let dns = || system("dns", "a", "ReplicaSet", "dns");
    let others = |count: usize| (0..count).map(|at| user(&format!("user-{at}"), "b"));
    let beside = |pods: Vec<Pod>, other: Node| {
        found(&world(vec![cordoned("a"), other], pods), &policy(), [delete("a")])
    };
    let with = |pod: Pod, count| beside(others(count).chain([pod]).collect(), node("b"));
    assert_eq!(with(dns(), 7), []);
    assert_eq!(with(dns(), 8), refused("dns"));
    assert_eq!(with(dns().change(|pod| pod.bound_by = Some(Bond::HostPort)), 0), refused("dns"));
    // A full node remains in the pool.
    let beside_a_full_one = |other: Node| {
        let users = (0..8).map(|at| user(&format!("full-{at}"), "c"));
        let nodes = vec![cordoned("a"), other, node("c")];
        found(&world(nodes, users.chain([dns()]).collect()), &policy(), [delete("a")])
    };
    assert_eq!(beside_a_full_one(node("b")), []);
    assert_eq!(beside_a_full_one(node("b").tainted("node.cilium.io/agent-not-ready")), refused("dns"));
    assert_eq!(beside_a_full_one(node("b").labelled("type", "kwok")), refused("dns"));
    // Another one serves, but this one would start in the place of a user's.
    let replica = || system("dns-2", "b", "ReplicaSet", "dns");
    let two = |priority| {
        let pod = dns().change(|pod| pod.priority = priority);
        beside(others(7).chain([replica(), pod]).collect(), node("b"))
    };
    assert_eq!(two(0), []);
    assert_eq!(two(2_000_000_000), refused("dns"));
    // Each has a place, and both do not.
    let second = system("web", "a", "ReplicaSet", "web");
    let both = beside(others(7).chain([dns(), second]).collect(), node("b"));
    assert_eq!(both, [Violation::DeleteWithoutRoom { node: text("a") }]);
}

/// A driver of disks numbers the hosts by a label of its own.
#[test]
fn a_label_that_one_node_alone_has_names_it_for_a_volume() {
    let numbered = |one: Node, number: &str| one.labelled("csi.example.com/uuid", number);
    let term = |key: &str| SelectorTerm {
        labels: vec![Requirement { key: key.to_owned(), operator: Operator::In(vec![text("98ad")]) }],
        fields: vec![],
    };
    let volume = |key: &str| {
        let affinity = Affinity(vec![term(key)]);
        StoredVolumes::Listed(vec![StoredVolume { name: text("home"), claim: None, affinity }])
    };
    let with_third = |second: &str, key: &str, one: &dyn Fn(Node) -> Node| {
        let nodes = vec![
            numbered(cordoned("a"), "98ad").labelled("csi.example.com/zone", "98ad"),
            numbered(node("b"), second),
            one(node("c")),
        ];
        found(&world(nodes, vec![]).with_stored_volumes(volume(key).into()), &policy(), [delete("a")])
    };
    let with = |second: &str, key: &str| with_third(second, key, &|node| node);
    let lost = || [Violation::DeleteLosesVolume { node: text("a"), volume: text("home") }];
    assert_eq!(with("11aa", "csi.example.com/uuid"), lost());
    // A kubelet can give its node the value of another one. Two values on three nodes still number the hosts.
    assert_eq!(with_third("98ad", "csi.example.com/uuid", &|node| numbered(node, "11aa")), lost());
    assert_eq!(with_third("98ad", "csi.example.com/uuid", &|node| numbered(node, "98ad")), []);
    assert_eq!(with("98ad", "csi.example.com/uuid"), []);
    assert_eq!(with("11aa", "csi.example.com/zone"), []);
}
