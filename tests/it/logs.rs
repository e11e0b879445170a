//! `LOG_FORMAT=json`: every line of standard error is an object, with the fields that Google Cloud Logging reads.

use std::process::{Command, Output, Stdio};

use jiff::Timestamp;
use serde_json::{Value, json};

const CLUSTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/evening-at-a-hub/cluster.yaml");
const ARGUMENTS: [&str; 6] =
    ["--from", CLUSTER, "--at", "2026-01-15T22:00:00Z", "--preemptible-labels", "hub.jupyter.org/username"];

fn run(variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .env_clear()
        .envs(variables.iter().copied())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn records(output: &Output) -> Vec<Value> {
    text(&output.stderr).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_plan_is_one_record_in_the_place_of_the_report() {
    let output = run(&[("LOG_FORMAT", "json")], &ARGUMENTS);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), ""));
    let records = records(&output);
    assert_eq!(records.len(), 1, "{records:?}");
    let record = &records[0];
    // The sentence of the README's example: 57.5Gi of 3 * 47Gi less 3 * 200Mi of omitted pods.
    let message = "Below the band: 2 nodes are cordoned, 1 empty node is deleted, 2 nodes are steered; then 3 nodes \
                   serve at utilization 0.410 of memory.";
    assert_eq!((&record["severity"], &record["message"]), (&json!("INFO"), &json!(message)));
    record["time"].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert_eq!(record["logging.googleapis.com/sourceLocation"]["file"], "src/logs.rs");

    // The same as the JSON report, apart from the setting itself. The flag brings it back, and changes no record.
    let with_report = run(&[("LOG_FORMAT", "json")], &[&ARGUMENTS[..], &["-o", "json"]].concat());
    let report: Value = serde_json::from_slice(&with_report.stdout).unwrap();
    assert_eq!(record["plan"], report);
    assert_eq!(records_without_time(&with_report), records_without_time(&output));
}

fn records_without_time(output: &Output) -> Vec<Value> {
    let mut records = records(output);
    for record in &mut records {
        record["time"] = Value::Null;
    }
    records
}

#[test]
fn warnings_and_the_reason_of_a_failure_are_records_too() {
    let output = run(&[("MAX_UTILISATION", "0.9")], &["--log-format=json", "--from", "/no/such/file"]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(3), ""));
    let records = records(&output);
    assert_eq!(records.len(), 2, "{records:?}");
    assert_eq!(records[0]["severity"], "WARNING");
    let warning = "MAX_UTILISATION is not a setting and has no effect; did you mean MAX_UTILIZATION?";
    assert_eq!(records[0]["message"], warning);
    assert_eq!((&records[1]["severity"], &records[1]["exitCode"]), (&json!("ERROR"), &json!(3)));
    let message = records[1]["message"].as_str().unwrap();
    assert!(message.starts_with("error: ") && message.contains("/no/such/file"), "{message}");
    records[1]["time"].as_str().unwrap().parse::<Timestamp>().unwrap();
}

/// The settings say how to log, and are themselves wrong.
#[test]
fn problems_of_the_settings_are_one_record_and_a_wrong_format_is_told_as_text() {
    let output = run(&[("LOG_FORMAT", "json"), ("MAX_NODES", "many"), ("MIN_NODES", "few")], &ARGUMENTS);
    assert_eq!(output.status.code(), Some(2));
    let records = records(&output);
    assert_eq!((records.len(), &records[0]["exitCode"]), (1, &json!(2)));
    let message = records[0]["message"].as_str().unwrap();
    assert!(message.contains("MAX_NODES=many") && message.contains("MIN_NODES=few"), "{message}");

    let output = run(&[("LOG_FORMAT", "yaml")], &ARGUMENTS);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).starts_with("error: a setting is not valid\n  LOG_FORMAT=yaml: "),
        "{output:?}"
    );
}

#[test]
fn by_default_the_report_is_printed_and_nothing_is_logged() {
    let output = run(&[], &ARGUMENTS);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    assert!(text(&output.stdout).contains("Below the band: 2 nodes are cordoned"));
}

#[test]
fn what_the_log_leaves_out_is_left_out_in_json_too_but_never_why_a_run_failed() {
    let variables = [("LOG_FORMAT", "json"), ("RUST_LOG", "off")];
    assert_eq!(records(&run(&variables, &ARGUMENTS)), Vec::<Value>::new());
    assert_eq!(records(&run(&variables, &["--from", "/no/such/file"])).len(), 1);
}

/// 1,500 nodes with a sentence each are more than the 256 KiB that Cloud Logging takes as one entry.
#[test]
fn a_plan_that_is_too_long_for_a_record_is_logged_without_its_nodes() {
    let node = |index: usize| {
        let resources = json!({"memory": "8Gi", "cpu": "4", "pods": "110"});
        let ready =
            json!([{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
        json!({
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": format!("node-{index}")},
            "status": {"allocatable": resources, "capacity": resources, "conditions": ready},
        })
    };
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "hub", "namespace": "hub"},
        "spec": {"nodeName": "node-0", "containers": [{"name": "hub"}]}, "status": {"phase": "Running"},
    });
    let items: Vec<Value> = (0..1_500).map(node).chain([pod]).collect();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cluster.json");
    std::fs::write(&file, json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()).unwrap();
    let output = run(
        &[("LOG_FORMAT", "json"), ("MIN_NODES", "1500"), ("MAX_NODES", "1500")],
        &["--from", file.to_str().unwrap()],
    );
    let records = records(&output);
    assert_eq!(records.len(), 1, "{output:?}");
    let message = records[0]["message"].as_str().unwrap();
    assert!(message.ends_with(" The list of 1500 nodes is too long for one record."), "{message}");
    assert_eq!(
        (&records[0]["plan"]["nodes"], &records[0]["plan"]["pools"][0]["before"]["managed"]),
        (&json!([]), &json!(1500))
    );
}
