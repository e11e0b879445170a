//! Whole plans of clusters in which a kubelet reports no amounts, or writes the marks of this program. None stops a run.

use super::{noted, policy, sound, user};
use crate::model::{Bytes, FurtherAmounts, Millicores, Node, NodeResources, annotation};
use crate::plan::fixture::{Build, ago, cluster, node, pod};
use crate::plan::{NodeState, Plan};
use crate::policy::{Bounds, Policy};

fn reporting(mut node: Node, change: impl Fn(&mut NodeResources)) -> Node {
    change(&mut node.allocatable);
    change(&mut node.capacity);
    node
}

/// A kubelet may write these marks on its own node.
fn marked_as_woken(node: Node) -> Node {
    let cordoned = Node { unschedulable: true, ..noted(node, annotation::CORDONED_AT, 7200) };
    let cordoned = Node { taints: super::cordoned("x", 7200).taints, ..cordoned };
    noted(cordoned, annotation::WOKEN_AT, 120)
}

fn busy(node: &str) -> crate::model::Pod {
    user(&format!("on-{node}"), 24).on(node)
}

fn of(nodes: Vec<Node>, busy_ones: &[&str], min_nodes: usize) -> Plan {
    let policy = Policy { bounds: Bounds { min_nodes, ..Bounds::default() }, ..policy() };
    sound(&cluster(nodes, busy_ones.iter().copied().map(busy).collect()), &policy)
}

#[test]
fn an_amount_of_zero_is_as_unknown_as_none() {
    let zero = |change: fn(&mut NodeResources)| vec![node("a"), node("b"), reporting(node("c"), change)];
    for change in [
        |offer: &mut NodeResources| offer.cpu = Some(Millicores(0)),
        |offer: &mut NodeResources| offer.memory = Some(Bytes(0)),
    ] {
        let plan = of(zero(change), &["a", "b", "c"], 1);
        assert_eq!(plan.node("c").unwrap().requested.memory, Bytes(24 << 30));
    }
}

#[test]
fn a_young_node_that_reports_no_amounts_boots() {
    let young = Node { created_at: Some(ago(120)), ..node("c") };
    for young in [young, marked_as_woken(node("c"))] {
        let without = reporting(young, |offer| offer.memory = Some(Bytes(0)));
        let plan = of(vec![node("a"), node("b"), without], &["a", "b"], 3);
        assert_eq!(plan.node("c").unwrap().state, NodeState::Booting);
    }
    let old = reporting(node("c"), |offer| offer.memory = None);
    assert_eq!(
        of(vec![node("a"), node("b"), old], &["a", "b"], 1).node("c").unwrap().state,
        NodeState::NotInUse
    );
}

#[test]
fn by_capacity_a_node_without_an_allocatable_amount_shows_the_size_of_the_next() {
    let shows =
        Node { allocatable: NodeResources { memory: Some(Bytes(0)), ..node("a").allocatable }, ..node("a") };
    let policy = Policy {
        bounds: Bounds { min_nodes: 3, ..Bounds::default() },
        capacity: crate::policy::CapacitySource::Capacity,
        ..policy()
    };
    // No user is there whom the size of a new node could exclude.
    let plan = sound(&cluster(vec![shows], vec![pod("kube-system/dns").on("a")]), &policy);
    assert_eq!(super::actions(&plan), ["grow group"]);
}

#[test]
fn without_groups_an_old_node_that_was_woken_is_of_another_kind_and_awaits_no_device() {
    let gpu = || Some(FurtherAmounts::from([("nvidia.com/gpu".into(), 1)]).into());
    let with = |name: &str| reporting(node(name), |offer| offer.further = gpu());
    let nodes = vec![with("a"), with("b"), with("c"), marked_as_woken(node("d"))];
    let plan = of(nodes, &["a", "b", "c", "d"], 1);
    assert_ne!(plan.node("d").unwrap().state, NodeState::Booting);
}
