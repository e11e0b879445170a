//! `simulate`, the program itself: the same seed gives the same bytes, wrong settings the usual messages, and on the
//! class profile the numbers that the program exists for.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a simulation printed and how it ended.
fn simulate(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .env_clear()
        .arg("simulate")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn document(arguments: &[&str]) -> Value {
    let (code, stdout, stderr) = simulate(&[arguments, &["-o", "json"]].concat());
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{arguments:?}");
    serde_json::from_str(&stdout).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_others() {
    let short = ["--days", "2", "--users-per-day", "300", "--compare", "OPTIMAL_UTILIZATION=0.8"];
    for output in ["text", "json"] {
        let run = |seed: &str| simulate(&[&short[..], &["--seed", seed, "-o", output]].concat());
        let first = run("1");
        assert_eq!(first.0, Some(0), "{first:?}");
        assert_eq!(run("1"), first);
        assert_ne!(run("2").1, first.1);
    }
}

#[test]
fn compared_policies_stand_side_by_side_with_the_main_one_on_the_same_users() {
    let document = document(&[
        "--days",
        "1",
        "--min-nodes",
        "4",
        "--compare",
        "MIN_NODES=2",
        "--compare",
        "MAX_NODES=5",
    ]);
    let policies = document["policies"].as_array().unwrap();
    let names: Vec<_> = policies.iter().map(|policy| policy["name"].as_str().unwrap()).collect();
    let expected =
        ["kube-rebalancer", "compare 1", "compare 2", "scale.py's rule", "delete if empty", "fixed size"];
    assert_eq!(names, expected);
    assert_eq!(policies[1]["compare"], "MIN_NODES=2");
    assert_eq!(document["settings"]["MIN_NODES"], 4);
    let users: Vec<_> = policies.iter().map(|policy| policy["users"].as_u64().unwrap()).collect();
    assert!(users.iter().all(|one| *one == users[0] && *one > 900), "{users:?}");
    assert!(policies[2]["peakNodes"].as_u64().unwrap() <= 5);
    let hours = |index: usize| policies[index]["nodeHours"].as_f64().unwrap();
    assert!(hours(1) < hours(0), "fewer nodes at night");
    assert_eq!(policies[5]["usersWaited"], 0);
}

#[test]
fn settings_that_are_wrong_in_a_comparison_are_told_as_always_and_where_they_are() {
    let (code, stdout, stderr) = simulate(&["--compare", "MIN_NODES=2 MAX_UTILIZATION=0.7"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("OPTIMAL_UTILIZATION=0.75 is above MAX_UTILIZATION=0.7"), "{stderr}");
    assert!(stderr.contains("hint: it is in --compare 'MIN_NODES=2 MAX_UTILIZATION=0.7'"), "{stderr}");
}

#[test]
fn a_comparison_takes_nothing_but_settings() {
    for (given, message) in [
        ("MAX_UTILISATION=0.9", "error: --compare: there is no setting MAX_UTILISATION\n"),
        ("POD_NAME=x", "error: --compare: there is no setting POD_NAME\n"),
        ("0.9", "error: --compare: '0.9' is no setting with a value, such as MAX_UTILIZATION=0.9\n"),
    ] {
        let (code, _, stderr) = simulate(&["--compare", given]);
        assert_eq!((code, stderr.as_str()), (Some(2), message));
    }
}

#[test]
fn a_user_who_fits_no_node_is_an_error_that_says_how_to_go_on() {
    let (code, _, stderr) = simulate(&["--node-memory", "8Gi"]);
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with("error: a user asks for 8Gi of memory"), "{stderr}");
    assert!(stderr.contains("hint: --node-memory and --node-cpu make larger nodes"), "{stderr}");
}

#[test]
fn a_cluster_without_users_keeps_its_least_size() {
    let document = document(&["--days", "6", "--users-per-day", "0", "--profile", "steady"]);
    for policy in document["policies"].as_array().unwrap() {
        assert_eq!(policy["users"], 0);
        assert_eq!(policy["wait"], Value::Null);
        let nodes = if policy["name"] == "fixed size" { 1.0 } else { 3.0 };
        assert_eq!(policy["nodeHours"], nodes * 6.0 * 24.0, "{policy}");
    }
}
