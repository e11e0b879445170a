//! Nodes that are the only place of a pod or of a volume.

use crate::check::Violation;
use crate::check::fixtures::*;
use crate::model::{
    Affinity, Constraints, Node, Operator, Pod, Requirement, SelectorTerm, StoredVolume, StoredVolumes,
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
