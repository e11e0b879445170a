//! The program against a real API server, with real scheduler and controllers.

use std::process::{Command, Output};
use std::time::Duration;

use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::objects::{Node, Pod};

/// Runs the program as a process, with nothing in its environment but what is given.
fn run(kubeconfig: &std::path::Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .args(arguments)
        .env_clear()
        .env("KUBECONFIG", kubeconfig)
        .env("PREEMPTIBLE_LABELS", "user")
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_run_cordons_what_its_plan_says_and_the_next_one_has_nothing_to_do() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let kubeconfig = plane.directory().join("kubeconfig");
    std::fs::write(&kubeconfig, plane.kubeconfig(&Identity::Admin)).unwrap();
    let nodes: Vec<Node> = (0..5).map(|index| Node::new(&format!("n{index}")).memory("8Gi")).collect();
    plane.create_nodes(&nodes);
    plane.create_namespace("hub");
    plane.create_pod(&Pod::new("hub", "hub").memory("1Gi").on("n0"));
    plane.create_pod(&Pod::new("hub", "ada").memory("2Gi").label("user", "ada").on("n1"));
    let cordoned = || {
        let nodes = (0..5).map(|index| format!("n{index}"));
        let of = |name: &String| plane.node(name)["spec"]["unschedulable"] == true;
        nodes.filter(of).collect::<Vec<String>>()
    };

    let dry = run(&kubeconfig, &[], &["--dry-run"]);
    assert_eq!(dry.status.code(), Some(0), "{}", text(&dry.stderr));
    let unasked = run(&kubeconfig, &[], &[]);
    assert_eq!(unasked.status.code(), Some(2));
    assert!(text(&unasked.stderr).contains("the plan needs a yes"), "{}", text(&unasked.stderr));
    let tried = run(&kubeconfig, &[], &["--dry-run=server"]);
    assert_eq!(tried.status.code(), Some(0), "{}", text(&tried.stderr));
    assert!(text(&tried.stdout).contains("2 done"), "{}", text(&tried.stdout));
    assert_eq!(cordoned(), Vec::<String>::new());

    // Five nodes of 8 Gi and 3 Gi asked for: one node would do, MIN_NODES keeps three. n0 has the hub, n1 a user; of the
    // empty three the last to be created, or by name, stays.
    let done = run(&kubeconfig, &[], &["--yes"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    let gone = cordoned();
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

    // Without a cloud the two are left as they are: nothing can delete them.
    let again = run(&kubeconfig, &[], &["--yes"]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    assert!(text(&again.stdout).contains("NOT TRIED: no node group"), "{}", text(&again.stdout));
    assert_eq!(cordoned(), gone);
}
