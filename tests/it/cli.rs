//! The program itself, run with a separate environment: its output, its streams, and its exit
//! codes.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

/// The output of a run and its exit code.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs the program with these variables and no others.
fn run<Value: AsRef<OsStr>>(variables: &[(&str, Value)], arguments: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

const NO_VARIABLES: &[(&str, &str)] = &[];

#[test]
fn settings_come_from_flags_before_variables_before_defaults() {
    let ran = run(&[("MAX_NODES", "9"), ("MIN_NODES", "2")], &["settings", "--max-nodes", "8"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let rows: Vec<Vec<_>> = ran
        .stdout
        .lines()
        .filter(|line| line.contains("_NODES "))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(rows.contains(&vec!["MAX_NODES", "8", "nodes", "72", "flag"]), "{rows:?}");
    assert!(rows.contains(&vec!["MIN_NODES", "2", "nodes", "3", "environment"]), "{rows:?}");
    assert!(rows.contains(&vec!["OK_UNREADY_NODES", "3", "nodes", "3", "default"]), "{rows:?}");
}

#[test]
fn settings_are_printed_as_json() {
    let ran = run(&[("OMIT_LABELS", "a:b")], &["settings", "-o", "json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let settings = document["settings"].as_array().unwrap();
    let setting = settings.iter().find(|setting| setting["name"] == "OMIT_LABELS").unwrap();
    assert_eq!(setting["value"], serde_json::json!(["a", "b"]));
    assert_eq!(setting["default"], serde_json::json!([]));
    assert_eq!(setting["origin"], "environment");
    assert_eq!(document["schema"], "kube-rebalancer/settings/v1");
}

#[test]
fn problems_of_variables_and_flags_are_told_together() {
    let variables = [("MAX_UTILIZATION", "85"), ("MIN_UTILIZATION", "NaN"), ("OMIT_LABELS", "a:")];
    let ran = run(&variables, &["--from", "-", "--empty-grace", "10"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    let expected = "\
error: 4 settings are not valid
  MAX_UTILIZATION=85: did you mean 0.85?
    expected a decimal above 0 and up to 1, or 0.85:pool=0.9 (default 0.85)
  MIN_UTILIZATION=NaN: not a decimal number
    expected a decimal above 0 and up to 1, or 0.85:pool=0.9 (default 0.65)
  OMIT_LABELS=\"a:\": element 2 of the list is empty
    expected label keys with ':' between them, such as team:example.com/pool
  EMPTY_GRACE=10 (--empty-grace): no unit; did you mean 10s or 10m?
    expected a duration such as 0s, 30m or 1h30m, at most 8760h (default 0s)
hint: kube-rebalancer --help lists all settings
";
    assert_eq!(ran.stderr, expected);
}

/// Without a connection, too: a dry run from files must not hide the mistake until the live run.
#[test]
fn an_unknown_provider_is_an_error_before_anything_is_read() {
    for arguments in [&["--from", "/no/such/file"][..], &["--dry-run"], &["settings"]] {
        let ran = run(&[("PROVIDER", "gcee")], arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        let error = "error: PROVIDER: `gcee` is no provider of this program; there are: ";
        assert!(ran.stderr.starts_with(error), "{}", ran.stderr);
    }
}

#[test]
fn a_misspelt_variable_is_a_warning_on_standard_error() {
    let ran = run(&[("MAX_UTILISATION", "0.9")], &["settings"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.contains("did you mean MAX_UTILIZATION?"), "{}", ran.stderr);
    assert!(!ran.stdout.contains("UTILISATION"));
    let ran = run(&[("MAX_UTILISATION", "0.9"), ("RUST_LOG", "off")], &["settings"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[cfg(unix)]
#[test]
fn bytes_that_are_not_text_are_a_problem_only_where_they_are_a_setting() {
    use std::os::unix::ffi::OsStrExt;
    let bytes = OsStr::from_bytes(b"7\xff");
    let ran = run(&[("MAX_NODES", bytes)], &["settings"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("MAX_NODES=7\\xff: not UTF-8 text"), "{}", ran.stderr);
    let ran = run(&[("SOMETHING_ELSE", bytes)], &["settings"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn without_a_cluster_the_error_shows_how_to_plan_from_a_file() {
    let ran = run(&[("KUBECONFIG", "/no/such/file")], &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""));
    assert!(
        ran.stderr.contains("kubectl get nodes,pods,pv -A -o json | kube-rebalancer --from -"),
        "{}",
        ran.stderr
    );
}

/// A cluster of the scenarios, as an argument.
const CLUSTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/evening-at-a-hub/cluster.yaml");

#[test]
fn a_file_is_planned_for_as_text_and_as_json() {
    let at = ["--at", "2026-01-15T09:00:00Z"];
    let ran = run(NO_VARIABLES, &[&["--from", CLUSTER], &at[..]].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.contains("dry run: nothing is changed"), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}'), "no colors in a pipe");
    let ran = run(NO_VARIABLES, &[&["--from", CLUSTER, "--color", "always"], &at[..]].concat());
    assert!(ran.stdout.contains('\u{1b}'), "colors where they are asked for");
    let ran = run(&[("MIN_NODES", "2")], &[&["--from", CLUSTER, "-o", "json"], &at[..]].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["schema"], "kube-rebalancer/plan/v2");
    assert_eq!(document["observedAt"], "2026-01-15T09:00:00Z");
    assert_eq!(document["settings"]["MIN_NODES"], 2);
    assert_eq!(document["settings"]["MAX_UTILIZATION"], 0.85);
    assert_eq!(document["settings"]["OMIT_NAMESPACES"], serde_json::json!(["kube-system"]));
}

#[test]
fn what_cannot_be_read_ends_with_code_3_and_says_why() {
    let folder = env!("CARGO_MANIFEST_DIR");
    let cases =
        [("/no/such/file", "caused by: cannot be opened"), (folder, "is a directory"), ("-", "is empty")];
    for (file, expected) in cases {
        let ran = run(NO_VARIABLES, &["--from", file]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{file}");
        assert!(ran.stderr.contains(expected), "{file}: {}", ran.stderr);
        // A program gets a document all the same.
        let ran = run(NO_VARIABLES, &["--from", file, "-o", "json"]);
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!((ran.code, &document["refused"]["reason"]), (Some(3), &serde_json::json!("NotObserved")));
        let message = document["refused"]["message"].as_str().unwrap();
        assert!(message.contains(expected.trim_start_matches("caused by: ")), "{file}: {message}");
    }
}

/// No node is managed when none matches, and no group is named that could make one.
#[test]
fn a_refusal_ends_with_code_3() {
    let select_none = [("NODE_SELECTOR", "no-such-label")];
    let ran = run(&select_none, &["--from", CLUSTER]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.stdout.contains("REFUSED:"), "{}", ran.stdout);
    let ran = run(&select_none, &["--from", CLUSTER, "-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &document["refused"]["reason"]), (Some(3), &serde_json::json!("NoManagedNode")));
    assert_eq!(document["actions"], serde_json::json!([]));
    assert!(ran.stderr.starts_with("error: no node is managed "), "{}", ran.stderr);
}

/// A node with a user, and a user whose pod is larger than any node.
fn one_waits_in_vain(file: &std::path::Path) {
    let requests =
        |memory: &str| serde_json::json!([{"name": "c", "resources": {"requests": {"memory": memory}}}]);
    let condition = |kind: &str, status: &str| {
        serde_json::json!([{
            "type": kind, "status": status, "reason": "Unschedulable", "lastTransitionTime": "2026-01-15T08:50:00Z",
        }])
    };
    let items = serde_json::json!([
        {
            "apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"},
            "status": {
                "allocatable": {"memory": "8Gi", "cpu": "4", "pods": "110"},
                "capacity": {"memory": "8Gi", "cpu": "4", "pods": "110"},
                "conditions": condition("Ready", "True"),
            },
        },
        {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "hub", "name": "jupyter-ada"},
            "spec": {"nodeName": "n1", "containers": requests("6Gi")}, "status": {"phase": "Running"},
        },
        {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "hub", "name": "jupyter-huge"},
            "spec": {"containers": requests("64Gi")},
            "status": {"phase": "Pending", "conditions": condition("PodScheduled", "False")},
        },
    ]);
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items});
    std::fs::write(file, list.to_string()).unwrap();
}

#[test]
fn a_user_whom_nothing_helps_is_an_exit_code_of_its_own_where_it_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cluster.json");
    one_waits_in_vain(&file);
    let arguments = ["--from", file.to_str().unwrap(), "--at", "2026-01-15T09:00:00Z"];
    let variables = [("MIN_NODES", "1"), ("PREEMPTIBLE_LABELS", "")];
    let ran = run(&variables, &arguments);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    let ran = run(&variables, &[&arguments[..], &["--exit-code-waiting"]].concat());
    assert_eq!(ran.code, Some(5), "{ran:?}");
    let expected = "error: pod hub/jupyter-huge waits, and nothing that this run may do helps: ";
    assert!(ran.stderr.starts_with(expected), "{}", ran.stderr);
    assert!(ran.stdout.contains("jupyter-huge"), "the report is there too: {}", ran.stdout);
}

#[test]
fn the_schema_is_printed() {
    let ran = run(NO_VARIABLES, &["schema"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    let schema: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

#[test]
fn wrong_usage_ends_with_code_2_and_a_suggestion() {
    let cases: [(&[&str], &str); 5] = [
        (&["--max-utilisation", "0.9"], "--max-utilization"),
        (&["setings"], "settings"),
        (&["--output", "yaml"], "[possible values: text, json]"),
        (&["--at", "2026-01-15T09:00:00Z"], "--from <FILE>"),
        (&["--from", "-", "--from", "-"], "--from - is given twice"),
    ];
    for (arguments, expected) in cases {
        let ran = run(NO_VARIABLES, arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
    }
}

/// Each error names the flag, the value and the expected form.
#[test]
fn a_wrong_value_of_a_flag_ends_with_code_2_and_the_expected_form() {
    let time = "expected an RFC 3339 time such as 2026-01-15T09:00:00Z";
    let file = "expected the path of a file";
    let mut cases: Vec<(&[&str], &str, &str)> = vec![
        (&["--from", ""], "'' for '--from <FILE>'", file),
        (&["--from", "-", "--history="], "'' for '--history <FILE>'", file),
        (&["--from", "-", "--pod-metrics", ""], "'' for '--pod-metrics <FILE>'", file),
        (&["--from", "-", "--at", "tomorrow"], "'tomorrow' for '--at <TIME>'", time),
        (&["--from", "-", "--at", "2026-01-15"], "'2026-01-15' for '--at <TIME>'", time),
        (&["history", "--history", ""], "'' for '--history <FILE>'", file),
        (&["history", "--at", ""], "'' for '--at <TIME>'", time),
    ];
    if cfg!(feature = "simulate") {
        let days = "expected a whole number from 1 to 366";
        cases.extend::<[(&[&str], &str, &str); 6]>([
            (&["simulate", "--trace", ""], "'' for '--trace <FILE>...'", file),
            (&["simulate", "--days", "week"], "'week' for '--days <COUNT>'", days),
            (&["simulate", "--days", "-1"], "'-1' for '--days <COUNT>'", days),
            (
                &["simulate", "--seed", "x"],
                "'x' for '--seed <NUMBER>'",
                "expected a whole number from 0 to 1844674",
            ),
            (&["trace", "--pods", ""], "'' for '--pods <FILE>...'", file),
            (&["trace", "--jupyterhub-log", ""], "'' for '--jupyterhub-log <FILE>...'", file),
        ]);
    }
    for (arguments, value, form) in cases {
        let ran = run(NO_VARIABLES, arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(
            ran.stderr.starts_with(&format!("error: invalid value {value}: {form}")),
            "{arguments:?}: {}",
            ran.stderr
        );
    }
}

#[test]
fn help_is_no_failure_and_fits_80_columns() {
    for arguments in [&["-h"][..], &["--help"], &["settings", "-h"], &["settings", "--help"]] {
        let ran = run(NO_VARIABLES, arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        let longest = ran.stdout.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= 80, "{arguments:?}: {longest} columns");
    }
}

/// Standard output is closed before the program writes to it, as `| head` does.
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .env_clear()
        .arg("settings")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}
