//! On a terminal the program shows the plan and asks a question; only a yes changes anything.
//!
//! `script` (util-linux) makes the terminal; where it is missing, this is skipped in one line.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::fake_api::{FakeApi, Resource};
use crate::objects::{Node, Pod};

/// Runs the program on a terminal and types an answer to its question, after a step of the test. Returns the text on
/// the terminal, the exit code, and the number of cordoned nodes.
fn answer_after(typed: &str, meanwhile: impl FnOnce(&FakeApi)) -> Option<(String, Option<i32>, usize)> {
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
    let mut shown = Vec::new();
    let mut screen = terminal.stdout.take().unwrap();
    let mut byte = [0];
    while !shown.ends_with(b"[y/N]") && screen.read(&mut byte).unwrap() > 0 {
        shown.push(byte[0]);
    }
    meanwhile(&api);
    terminal.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    screen.read_to_end(&mut shown).unwrap();
    let code = terminal.wait().unwrap().code();
    let nodes = api.all(Resource::Nodes);
    let cordoned = nodes.iter().filter(|node| node["spec"]["unschedulable"] == true).count();
    Some((String::from_utf8_lossy(&shown).into_owned(), code, cordoned))
}

/// The holder of the Lease.
fn holder(api: &FakeApi) -> Option<String> {
    let lease = api.get(Resource::Leases, Some("default"), "kube-rebalancer")?;
    lease["spec"]["holderIdentity"].as_str().map(str::to_owned)
}

fn answer(typed: &str) -> Option<(String, Option<i32>, usize)> {
    answer_after(typed, |_| {})
}

#[test]
fn a_yes_carries_the_plan_out_and_says_what_became_of_it() {
    let Some((shown, code, cordoned)) = answer("y\n") else { return };
    assert!(shown.contains("Apply 2 actions? [y/N]"), "{shown}");
    assert!(shown.contains("actions (2), in this order: 2 done"), "{shown}");
    assert_eq!((code, cordoned), (Some(0), 2), "{shown}");
}

#[test]
fn an_answer_other_than_yes_changes_nothing() {
    for typed in ["n\n", "\n", "yesterday\n"] {
        let Some((shown, code, cordoned)) = answer(typed) else { return };
        assert!(shown.contains("Apply 2 actions? [y/N]"), "{shown}");
        assert!(shown.contains("nothing was changed: the answer was not yes"), "{shown}");
        assert_eq!((code, cordoned), (Some(3), 0), "{shown}");
    }
}

/// An unanswered question blocks no other run: the Lease is acquired after the answer.
#[test]
fn while_a_person_thinks_nobody_holds_the_lease() {
    let mut held = None;
    let ran = answer_after("y\n", |api| held = Some(holder(api)));
    let Some((shown, code, cordoned)) = ran else { return };
    assert_eq!(held, Some(None), "{shown}");
    assert_eq!((code, cordoned), (Some(0), 2), "{shown}");
}

/// The cluster changes after the plan was shown: the program plans again, and does not carry out a different plan.
#[test]
fn what_changes_while_a_person_thinks_is_seen_before_anything_is_done() {
    let comes: fn(&FakeApi) = |api| {
        for index in 1..5 {
            api.add_pod(&Pod::new("hub", &format!("user-{index}")).memory("6Gi").on(&format!("n{index}")));
        }
    };
    let goes: fn(&FakeApi) = |api| {
        api.edit(Resource::Nodes, None, "n4", |node| node["spec"]["unschedulable"] = true.into());
    };
    for (what, cordoned_then) in [(comes, 0), (goes, 1)] {
        let Some((shown, code, cordoned)) = answer_after("y\n", what) else { return };
        assert!(shown.contains("run it again to see the new plan"), "{shown}");
        assert_eq!((code, cordoned), (Some(3), cordoned_then), "{shown}");
    }
}

/// A run that began meanwhile and still works keeps this one out.
#[test]
fn a_run_that_took_the_lease_while_a_person_thinks_goes_first() {
    let ran = answer_after("y\n", |api| {
        let (date, now) = ("Thu, 15 Jan 2026 09:00:00 GMT", "2026-01-15T09:00:00.000000Z");
        api.set_date(date);
        let spec = json!({"holderIdentity": "another run", "leaseDurationSeconds": 300, "renewTime": now});
        let lease = json!({"metadata": {"name": "kube-rebalancer", "namespace": "default"}, "spec": spec});
        api.add(Resource::Leases, lease);
    });
    let Some((shown, code, cordoned)) = ran else { return };
    assert!(shown.contains("another run"), "{shown}");
    assert_eq!((code, cordoned), (Some(4), 0), "{shown}");
}
