//! On a terminal the plan is shown and a question asked; only a yes changes anything.
//!
//! `script` (util-linux) makes the terminal; where it is missing, this is skipped in one line.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::fake_api::{FakeApi, Resource};
use crate::objects::{Node, Pod};

/// Runs the program on a terminal and types an answer. What the terminal showed, the exit code, and how many nodes are
/// cordoned then.
fn answer(typed: &str) -> Option<(String, Option<i32>, usize)> {
    let api = FakeApi::start();
    api.add_namespace("hub");
    for index in 0..5 {
        api.add_node(&Node::new(&format!("n{index}")));
    }
    api.add_pod(&Pod::new("hub", "hub").memory("1Gi").on("n0"));
    let home = tempfile::tempdir().unwrap();
    let kubeconfig = home.path().join("kubeconfig");
    std::fs::write(&kubeconfig, api.kubeconfig()).unwrap();
    let started = Command::new("script")
        .args(["--quiet", "--return", "--command", env!("CARGO_BIN_EXE_kube-rebalancer"), "/dev/null"])
        .env_clear()
        .env("HOME", home.path())
        .env("KUBECONFIG", &kubeconfig)
        .env("TERM", "dumb")
        .env("PACK", "false")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut terminal) = started else {
        println!("skipped: no `script` to make a terminal with (Debian package bsdutils)");
        return None;
    };
    terminal.stdin.as_mut().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = terminal.wait_with_output().unwrap();
    let nodes = api.all(Resource::Nodes);
    let cordoned = nodes.iter().filter(|node| node["spec"]["unschedulable"] == true).count();
    Some((String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code(), cordoned))
}

#[test]
fn a_yes_carries_the_plan_out_and_says_what_became_of_it() {
    let Some((shown, code, cordoned)) = answer("y\n") else { return };
    assert!(shown.contains("Apply 2 actions? [y/N]"), "{shown}");
    assert!(shown.contains("actions (2), in this order: 2 done"), "{shown}");
    assert_eq!((code, cordoned), (Some(0), 2), "{shown}");
}

#[test]
fn anything_else_changes_nothing() {
    for typed in ["n\n", "\n", "yesterday\n"] {
        let Some((shown, code, cordoned)) = answer(typed) else { return };
        assert!(shown.contains("Apply 2 actions? [y/N]"), "{shown}");
        assert!(shown.contains("nothing was changed: the answer was not yes"), "{shown}");
        assert_eq!((code, cordoned), (Some(3), 0), "{shown}");
    }
}
