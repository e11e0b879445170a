//! Situations from the field that are about files, command lines, traces, live servers and sizes. Those about a plan are
//! folders of `tests/scenarios/field`; those about a live server are in `faults/answers.rs`.

mod command_line;
mod file;
mod size;
mod trace;

use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// The output of a run and its exit code.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    out: String,
    error: String,
}

impl Ran {
    fn report(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_default()
    }

    /// The names of the nodes that a plan looks at.
    fn nodes(&self) -> Vec<String> {
        let report = self.report();
        let nodes = report["nodes"].as_array().cloned().unwrap_or_default();
        nodes.iter().map(|node| node["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The whole output, in lower case.
    fn words(&self) -> String {
        format!("{}{}", self.out, self.error).to_lowercase()
    }

    /// Whether the run refuses, with each of these words.
    fn refuses(&self, words: &[&str]) {
        let printed = self.words();
        assert_eq!(self.code, Some(3), "{self:?}");
        for word in words {
            assert!(printed.contains(&word.to_lowercase()), "{word}: {self:?}");
        }
    }
}

/// The settings of most situations.
const SETTINGS: [(&str, &str); 3] =
    [("PREEMPTIBLE_LABELS", "hub.jupyter.org/username"), ("MIN_NODES", "1"), ("MAX_NODES", "20")];

const AT: &str = "2026-01-15T09:00:00Z";

/// Plans from files with these contents.
fn plan(inputs: &[&[u8]]) -> Ran {
    plan_with(&SETTINGS, inputs, &[])
}

fn plan_with(settings: &[(&str, &str)], inputs: &[&[u8]], arguments: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let mut all = vec!["--output".to_owned(), "json".to_owned()];
    if !arguments.contains(&"--at") {
        all.extend(["--at".to_owned(), AT.to_owned()]);
    }
    for (at, input) in inputs.iter().enumerate() {
        let path = folder.path().join(format!("dump-{at}"));
        fs::write(&path, input).unwrap();
        all.extend(["--from".to_owned(), path.to_str().unwrap().to_owned()]);
    }
    all.extend(arguments.iter().map(|&argument| argument.to_owned()));
    run(settings, &all)
}

/// Runs the program with these variables and no others.
fn run(settings: &[(&str, &str)], arguments: &[String]) -> Ran {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .env_clear()
        .envs(settings.iter().copied())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code(), out: text(stdout), error: text(stderr) }
}

fn node(name: &str) -> Value {
    let resources = json!({"cpu": "8", "memory": "32Gi", "pods": "110"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "creationTimestamp": "2026-01-14T06:00:00Z"},
        "spec": {},
        "status": {"allocatable": resources, "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

/// Cordoned by us four hours ago.
fn cordoned(name: &str) -> Value {
    let mut node = node(name);
    let at = "2026-01-15T05:00:00Z";
    node["metadata"]["annotations"] = json!({"kube-rebalancer/cordoned-at": at});
    let taint = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": at});
    node["spec"] = json!({"unschedulable": true, "taints": [taint]});
    node
}

fn user(name: &str, on: &str, memory: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "hub", "name": format!("jupyter-{name}"),
                     "labels": {"hub.jupyter.org/username": name}},
        "spec": {"nodeName": on, "containers": [{"name": "main", "resources": {"requests": {"memory": memory}}}]},
        "status": {"phase": "Running"},
    })
}

/// u1 and u2 with 22 Gi each, 0.688; n3 is cordoned by us and has a user, so no action is right.
fn cluster() -> (Vec<Value>, Vec<Value>) {
    let pods = vec![user("ada", "u1", "22Gi"), user("ben", "u2", "20Gi"), user("cleo", "n3", "2Gi")];
    (vec![node("u1"), node("u2"), cordoned("n3")], pods)
}

fn all() -> Vec<Value> {
    let (nodes, pods) = cluster();
    [nodes, pods].concat()
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items})
}

/// A list as the raw API answers: kind first, and the items have neither kind nor version.
fn raw(kind: &str, items: &[Value]) -> String {
    raw_page(kind, "", items)
}

/// A page of such a list, and the token of the next one.
fn raw_page(kind: &str, token: &str, items: &[Value]) -> String {
    let mut items = items.to_vec();
    for item in &mut items {
        item.as_object_mut().unwrap().retain(|key, _| key != "kind" && key != "apiVersion");
    }
    let metadata = json!({"resourceVersion": "1", "continue": token});
    let items = Value::from(items);
    format!("{{\"kind\":\"{kind}\",\"apiVersion\":\"v1\",\"metadata\":{metadata},\"items\":{items}}}\n")
}

/// Asserts that all three nodes and their users are read: no action, and the user on n3 is seen.
fn is_read(ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.nodes(), ["n3", "u1", "u2"], "{ran:?}");
    let report = ran.report();
    let n3 = &report["nodes"][0];
    assert_eq!((&n3["verdict"], &n3["occupants"]), (&json!("keep"), &json!(1)), "{ran:?}");
}
