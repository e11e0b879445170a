//! The first steps on a cluster: a dry run, a run without consent, a try, a run, and one more.

use std::time::Duration;

use super::Program;
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::objects::{Node, Pod};

#[test]
fn a_run_cordons_what_its_plan_says_and_the_next_one_has_nothing_to_do() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let program = Program::new(&plane, &Identity::Admin);
    let nodes: Vec<Node> = (0..5).map(|index| Node::new(&format!("n{index}")).memory("8Gi")).collect();
    plane.create_nodes(&nodes);
    plane.create_namespace("hub");
    plane.create_pod(&Pod::new("hub", "hub").memory("1Gi").on("n0"));
    plane.create_pod(&Pod::new("hub", "ada").memory("2Gi").label("user", "ada").on("n1"));

    program.run(&["--dry-run"]).must_be(0);
    let unasked = program.run(&[]).must_be(2);
    assert!(unasked.log.contains("the plan needs a yes"), "{}", unasked.log);
    let tried = program.run(&["--dry-run=server"]).must_be(0);
    assert!(tried.report.contains("2 done"), "{}", tried.report);
    assert_eq!(plane.cordoned(), Vec::<String>::new());

    // Five nodes of 8 Gi and 3 Gi asked for: one node would do, MIN_NODES keeps three. n0 has the hub, n1 a user; of the
    // empty three the last to be created, or by name, stays.
    let done = program.run(&["--yes"]).must_be(0);
    let said: Vec<&str> = done.log.lines().collect();
    assert!(said.len() == 1 && said[0].ends_with("/: 5 nodes, 2 pods"), "{said:?}");
    let gone = plane.cordoned();
    assert_eq!(gone.len(), 2);
    assert!(!gone.contains(&"n0".to_owned()) && !gone.contains(&"n1".to_owned()), "{gone:?}");
    for name in &gone {
        let taint = plane.wait_until("the taint of a cordoned node", Duration::from_secs(10), || {
            let taints = plane.node(name)["spec"]["taints"].as_array()?.clone();
            taints.into_iter().find(|taint| taint["key"] == "node.kubernetes.io/unschedulable")
        });
        assert_eq!(taint["effect"], "NoSchedule");
    }
    let told = plane.events().into_iter().filter(|event| event["reason"] == "NodeCordoned").count();
    assert_eq!(told, 2);

    // Too young to be deleted, which the plan knows: it is only noted since when they are empty.
    let again = program.run(&["--yes"]).must_be(0);
    assert!(again.report.contains("2 done"), "{}", again.report);
    for name in &gone {
        let annotations = &plane.node(name)["metadata"]["annotations"];
        assert!(annotations["kube-rebalancer/empty-since"].is_string(), "{annotations}");
    }
    assert_eq!(plane.cordoned(), gone);
}

#[test]
fn a_real_server_is_asked_for_whole_lists_and_compresses_what_is_large() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    plane.create_node(&Node::new("n0").memory("8Gi"));
    plane.create_namespace("hub");
    for index in 0..40 {
        let pod = Pod::new("hub", &format!("user-{index}")).memory("100Mi").label("user", "x");
        plane.create_pod(&pod.annotation("notes", &"nothing reads this ".repeat(300)).on("n0"));
    }
    let program = Program::new(&plane, &Identity::Admin).with("RUST_LOG", "warn,kube_rebalancer_kube=debug");
    let ran = program.run(&["--dry-run"]).must_be(0);
    for line in [
        "the list of /api/v1/nodes arrived as a whole",
        "the list of /api/v1/pods arrived as a whole, compressed",
    ] {
        assert!(ran.log.contains(line), "{}", ran.log);
    }
    assert!(!ran.log.contains("in pages"), "{}", ran.log);
}
