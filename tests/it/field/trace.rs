//! Logs of a hub and names of dumps, as people have them.

use std::fs;

use serde_json::{Value, json};

use super::{Ran, list, run, user};

/// Two servers, as JupyterHub's log has them; one name is a mail address with a blank.
const LINES: [&str; 4] = [
    "[I 2026-01-15 09:00:08.402 JupyterHub base:1127] User ada took 5.206 seconds to start",
    "[I 2026-01-15 09:05:08.402 JupyterHub base:1127] User jane doe@x.org took 39.588 seconds to start",
    "[I 2026-01-15 10:31:40.120 JupyterHub proxy:356] Removing user ada from proxy (/user/ada/)",
    "[I 2026-01-15 11:31:40.120 JupyterHub proxy:356] Removing user jane doe@x.org from proxy \
     (/user/jane%20doe%40x.org/)",
];

/// The starts are the time of the line less what the start took, to the second.
const ROWS: &str = "\
start,end,memory,cpu
2026-01-15T09:00:03Z,2026-01-15T10:31:40Z,2Gi,0
2026-01-15T09:04:29Z,2026-01-15T11:31:40Z,2Gi,0
";

fn trace(log: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hub.log");
    fs::write(&path, log).unwrap();
    let arguments = ["trace", "--jupyterhub-log", path.to_str().unwrap(), "--memory", "2Gi"];
    run(&[], &arguments.map(str::to_owned))
}

fn has_both_rows(ran: &Ran) {
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ROWS), "{}", ran.error);
}

#[test]
fn hub_log_plain() {
    has_both_rows(&trace(&LINES.join("\n")));
}

/// `kubectl logs -l component=hub --prefix`.
#[test]
fn hub_log_kubectl_prefix() {
    let lines = LINES.map(|line| format!("[pod/hub-7d9f-abcde/hub] {line}"));
    has_both_rows(&trace(&lines.join("\n")));
}

/// `gcloud logging read --format=json`: one array, the newest entry first. Read, or refused with how to export it.
#[test]
fn hub_log_gcloud_json() {
    let entries: Vec<Value> =
        LINES.iter().rev().map(|line| json!({"insertId": "x", "textPayload": line})).collect();
    let ran = trace(&format!("{:#}", Value::from(entries)));
    if ran.code == Some(0) {
        has_both_rows(&ran);
    } else {
        ran.refuses(&["one object a line"]);
    }
}

/// Fluent Bit, Loki and the logs of AWS have the line under other keys. Read, or refused with the keys that are known.
#[test]
fn hub_log_message_key() {
    for key in ["message", "line"] {
        let lines = LINES.map(|line| json!({key: line, "timestamp": 1}).to_string());
        let ran = trace(&lines.join("\n"));
        if ran.code == Some(0) {
            has_both_rows(&ran);
        } else {
            ran.refuses(&["textPayload", "log"]);
        }
    }
}

/// Reads a trace from two dumps in a folder, named by the texts of the first and the second time.
fn dumps(names: [&str; 2]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let mut ada = user("ada", "u1", "2Gi");
    ada["metadata"]["creationTimestamp"] = json!("2026-01-15T08:30:00Z");
    ada["metadata"]["uid"] = json!("ada");
    let mut arguments = vec!["trace".to_owned(), "--pods".to_owned()];
    for (name, pods) in names.iter().zip([&[ada][..], &[]]) {
        let path = folder.path().join(name);
        fs::write(&path, list(pods).to_string()).unwrap();
        arguments.push(path.to_str().unwrap().to_owned());
    }
    run(&[("PREEMPTIBLE_LABELS", "hub.jupyter.org/username")], &arguments)
}

/// Read as this time of UTC, or refused with a name that is taken: never another time.
fn is_nine_thirty_or_refused(ran: &Ran) {
    if ran.code == Some(0) {
        let rows = "start,end,memory,cpu\n2026-01-15T08:30:00Z,2026-01-15T09:30:00Z,2Gi,0\n";
        assert_eq!(ran.out, rows, "{}", ran.error);
    } else {
        ran.refuses(&["the name does not say when the dump was made", "pods-2026-01-15T09:00:00Z.json"]);
    }
}

/// `date -Iseconds`. The second pair is half past nine in UTC too.
#[test]
fn trace_dump_name_date_iseconds() {
    is_nine_thirty_or_refused(&dumps([
        "pods-2026-01-15T09:00:00+00:00.json",
        "pods-2026-01-15T09:30:00+00:00.json",
    ]));
    is_nine_thirty_or_refused(&dumps([
        "pods-2026-01-15T10:00:00+01:00.json",
        "pods-2026-01-15T10:30:00+01:00.json",
    ]));
}

/// Windows and rsync allow no colon in a name.
#[test]
fn trace_dump_name_without_colons() {
    is_nine_thirty_or_refused(&dumps(["pods-2026-01-15T09-00-00Z.json", "pods-2026-01-15T09-30-00Z.json"]));
}
