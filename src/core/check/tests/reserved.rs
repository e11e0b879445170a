//! Common and reserved nodes, and the actions on reserved ones.

use super::super::facts::Facts;
use crate::check::Violation;
use crate::check::fixtures::*;
use crate::model::{Amounts, Bytes, Ledger, Millicores, Node, Pod, Snapshot, TaintEffect};
use crate::policy::Policy;

/// Whether node `a` is reserved.
fn reserved_in(snapshot: &Snapshot, policy: &Policy) -> bool {
    Facts::of(snapshot, policy).nodes[0].reserved
}

fn reserved(nodes: Vec<Node>, pods: Vec<Pod>) -> bool {
    reserved_in(&world(nodes, pods), &policy())
}

#[test]
fn a_lasting_taint_reserves_a_node_unless_half_of_the_users_tolerate_it() {
    let nodes = || vec![node("a").tainted("dedicated"), node("b")];
    let welcome = |name, node| user(name, node).tolerating("dedicated");
    assert!(reserved(nodes(), vec![]), "nobody tolerates it");
    assert!(!reserved(nodes(), vec![welcome("alice", "a"), user("bob", "b")]));
    assert!(reserved(nodes(), vec![welcome("alice", "a"), user("bob", "b"), user("carol", "b")]));
    // Placeholders and unbound users count too, critical pods and terminating unbound pods do not.
    assert!(!reserved(nodes(), vec![placeholder("reserve", "a").tolerating("dedicated")]));
    assert!(!reserved(nodes(), vec![unbound("alice").tolerating("dedicated")]));
    assert!(reserved(nodes(), vec![critical("hub", "a").tolerating("dedicated")]));
    assert!(reserved(nodes(), vec![unbound("alice").tolerating("dedicated").leaving()]));
}

#[test]
fn an_unbound_pod_that_cannot_run_judges_nothing() {
    let nodes = || vec![node("a").tainted("dedicated"), node("b")];
    let with = |pod: Pod| reserved(nodes(), vec![user("bob", "b"), pod.tolerating("dedicated")]);
    let asking = |memory, cpu| unbound("eve").change(|pod| pod.requests = Amounts::pod(memory, cpu));
    let most = &node("a").allocatable;
    let (memory, cpu) = (most.memory.unwrap(), most.cpu.unwrap());
    assert!(!with(asking(memory, cpu)));
    assert!(with(asking(Bytes(memory.0 + 1), cpu)));
    assert!(with(asking(memory, Millicores(cpu.0 + 1))));
    let gate = |pod: &mut Pod| pod.unbound.as_mut().unwrap().gated = true;
    assert!(with(unbound("eve").change(gate)));
}

#[test]
fn taints_that_come_and_go_and_the_users_own_reserve_nothing() {
    for key in ["node.kubernetes.io/unreachable", "node.kubernetes.io/network-unavailable"] {
        assert!(!reserved(vec![node("a").tainted(key), node("b")], vec![]), "{key}");
    }
    let valued = |key: &str, value: &str| {
        node("a").tainted(key).change(|node| node.taints[0].value = value.to_owned())
    };
    assert!(!reserved(vec![valued("hub.jupyter.org/dedicated", "user"), node("b")], vec![]));
    assert!(!reserved(vec![valued("hub.jupyter.org_dedicated", "user"), node("b")], vec![]));
    assert!(reserved(vec![valued("hub.jupyter.org/dedicated", "other"), node("b")], vec![]));
    let soft =
        node("a").tainted("dedicated").change(|node| node.taints[0].effect = TaintEffect::PreferNoSchedule);
    assert!(!reserved(vec![soft, node("b")], vec![]));
}

#[test]
fn a_device_and_the_hubs_own_node_are_common_only_where_all_are_alike() {
    let gpu = |name| node(name).tainted(GPU).with_device(GPU, 1);
    let asks = || user("alice", "b").tolerating(GPU);
    let waits = || unbound("bob").tolerating(GPU).refused_for(60);
    assert!(reserved(vec![gpu("a"), node("b")], vec![asks(), waits()]), "other nodes have none");
    assert!(reserved(vec![gpu("a"), gpu("b")], vec![asks()]), "nobody waits");
    assert!(!reserved(vec![gpu("a"), gpu("b")], vec![asks(), waits()]));
    let core = |name| {
        node(name).tainted("hub.jupyter.org/dedicated").change(|node| {
            node.taints[0].value = text("core");
        })
    };
    assert!(reserved(
        vec![core("a"), node("b")],
        vec![user("x", "b").tolerating("hub.jupyter.org/dedicated")]
    ));
    // A key that is no device of the node is an ordinary taint.
    assert!(!reserved(vec![node("a").tainted(GPU), node("b")], vec![asks()]));
}

#[test]
fn with_pools_a_taint_of_the_whole_pool_is_common() {
    let gpu = |name| node(name).tainted(GPU).with_device(GPU, 1).in_pool("gpu");
    assert!(!reserved_in(&world(vec![gpu("a"), gpu("b")], vec![]), &with_pools()));
    let mixed = world(vec![gpu("a"), node("b").in_pool("gpu")], vec![]);
    assert!(reserved_in(&mixed, &with_pools()));
    let other = world(vec![gpu("a"), node("b").in_pool("cpu")], vec![]);
    assert!(!reserved_in(&other, &with_pools()));
}

#[test]
fn a_pool_without_a_common_node_has_all_but_those_with_devices() {
    assert!(!reserved(vec![node("a").tainted("dedicated"), node("b").tainted("old")], vec![]));
    let gpu = node("a").tainted(GPU).with_device(GPU, 1);
    assert!(reserved(vec![gpu, node("b").tainted("old")], vec![]));
}

#[test]
fn windows_is_for_those_who_ask_for_it() {
    let windows = || node("a").labelled("kubernetes.io/os", "windows");
    assert!(reserved(vec![windows(), node("b")], vec![user("alice", "b")]));
    let asks = user("alice", "a").selecting("kubernetes.io/os", "windows");
    assert!(!reserved(vec![windows(), node("b")], vec![asks, user("bob", "b")]));
}

#[test]
fn a_few_pods_do_not_overrule_what_many_said() {
    let nodes = || vec![node("a").tainted("dedicated"), node("b"), node("c")];
    let ledger = |common| {
        let taints = [(text("dedicated"), String::new(), TaintEffect::NoSchedule)].into();
        Ledger { common: [(String::new(), [(taints, common)].into())].into(), ..Ledger::default() }
    };
    let welcome = |name| user(name, "b").tolerating("dedicated");
    let judged =
        |pods, common| reserved_in(&world(nodes(), pods).with_ledger(Some(ledger(common))), &policy());
    // Two pods, three nodes: the recorded judgement holds. Three pods are enough for a new one.
    assert!(judged(vec![welcome("x"), welcome("y")], false));
    assert!(!judged(vec![welcome("x"), welcome("y"), welcome("z")], false));
    assert!(!judged(vec![user("x", "b")], true));
    assert!(judged(vec![user("x", "b"), user("y", "b"), user("z", "b")], true));
}

#[test]
fn a_reserved_node_is_never_cordoned() {
    let snapshot = world(vec![node("a").tainted("dedicated"), node("b")], vec![]);
    assert_eq!(found(&snapshot, &policy(), [cordon("a")]), [Violation::CordonOfReserved { node: text("a") }]);
    assert_eq!(found(&snapshot, &policy(), [cordon("b")]), []);
}

#[test]
fn a_reserved_node_is_uncordoned_only_for_a_waiting_pod() {
    let with = |pod| {
        let nodes = vec![cordoned("a").tainted("dedicated"), node("b")];
        found(&world(nodes, vec![user("x", "b"), user("y", "b"), pod]), &policy(), [uncordon("a")])
    };
    let why = "which would take no waiting pod";
    let expected = [Violation::UncordonOfReserved { node: text("a"), why }];
    let asks = || unbound("alice").tolerating("dedicated").refused_for(60);
    assert_eq!(with(asks()), []);
    assert_eq!(with(unbound("alice").refused_for(60)), expected);
    assert_eq!(with(asks().asking_gibibytes(9)), expected);
    assert_eq!(with(unbound("alice").tolerating("dedicated")), expected, "it was not refused");
}

#[test]
fn a_reserved_node_that_is_empty_is_deleted_like_any_other() {
    let snapshot = world(vec![cordoned("a").tainted("dedicated"), node("b")], vec![]);
    assert_eq!(found(&snapshot, &policy(), [delete("a")]), []);
}

#[test]
fn users_on_reserved_nodes_ask_for_common_ones_if_they_would_reach_them() {
    let cluster = |pod: Pod| {
        let nodes = vec![node("a").tainted("dedicated"), node("b"), node("c")];
        let users = (0..6).map(|number| user(&format!("u{number}"), "b"));
        let pods = users.chain([pod]).collect();
        found(&world(nodes, pods), &policy(), [cordon("c")])
    };
    assert_eq!(cluster(critical("hub", "a")), []);
    assert_eq!(cluster(user("alice", "a").selecting("disk", "ssd")), []);
    assert!(matches!(&*cluster(user("alice", "a")), [Violation::CordonsRunAhead { .. }]));
    assert!(matches!(&*cluster(placeholder("reserve", "a")), [Violation::CordonsRunAhead { .. }]));
}
