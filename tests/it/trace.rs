//! Traces: read for a simulation, and made from dumps of pods and from JupyterHub's log.

use std::error::Error;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use jiff::civil::Weekday;
use kube_rebalancer_core::model::{Bytes, Millicores};
use kube_rebalancer_simulate::session::Session;
use kube_rebalancer_simulate::trace::read::{Trace, TraceError};
use serde_json::{Value, json};

fn read(text: &str) -> Result<Vec<Session>, TraceError> {
    Trace::new("week.csv", text.as_bytes())?.collect()
}

/// The message with its causes, as a person sees them.
fn failure(text: &str) -> String {
    let error = read(text).expect_err("this trace is bad");
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        message = format!("{message}: {inner}");
        cause = inner.source();
    }
    message
}

const GIBI: u64 = 1 << 30;

fn session(start: u64, end: u64, memory: u64, cpu: u64) -> Session {
    Session { start, end, memory: Bytes(memory), cpu: Millicores(cpu), kind: 0 }
}

#[test]
fn times_count_from_the_midnight_before_the_first() {
    // The 15th of January 2026 is a Thursday; 1768467600 is nine o'clock on it.
    let text = "start,end,memory,cpu\n\
        2026-01-15T09:00:00Z,2026-01-15T10:00:00Z,2Gi,500m\n\
        1768467601,1768467602,1.5Gi,1\n\
        2026-01-15T10:30:00.9+01:00,2026-01-16T00:00:00Z,0,0\n";
    let trace = Trace::new("week.csv", text.as_bytes()).unwrap();
    assert_eq!(trace.first_day(), Weekday::Thursday);
    assert_eq!(trace.midnight().to_string(), "2026-01-15T00:00:00Z");
    let nine = 9 * 3600;
    let expected = [
        session(nine, nine + 3600, 2 * GIBI, 500),
        session(nine + 1, nine + 2, GIBI + GIBI / 2, 1000),
        session(nine + 1800, 24 * 3600, 0, 0),
    ];
    assert_eq!(trace.collect::<Result<Vec<_>, _>>().unwrap(), expected);
}

#[test]
fn columns_may_be_in_any_order_and_cpu_left_out() {
    let expected = [session(0, 60, GIBI, 0)];
    for text in [
        "start,end,memory\n0,60,1Gi\n",
        "memory,end,start\n1Gi,60,0",
        "start , end , memory\r\n 0 , 60 , 1Gi \r\n",
        "\u{feff}start,end,memory\n0,60,1Gi\n",
        "\"start\",\"end\",\"memory\"\n\"0\",\"60\",\"1Gi\"\n",
        "start,end,memory,cpu\n0,60,1Gi,0\n",
    ] {
        assert_eq!(read(text).unwrap(), expected, "{text:?}");
    }
}

#[test]
fn a_bad_trace_is_an_error_that_says_where_and_what_was_expected() {
    let header = "start,end,memory,cpu";
    let columns = "expected start,end,memory,cpu (cpu may be left out)";
    let time = "is not a time, expected RFC 3339 such as 2026-01-15T09:00:00Z or seconds since 1970";
    for (text, expected) in [
        (
            String::new(),
            "is empty, expected the header start,end,memory,cpu (cpu may be left out) and a row for each server"
                .to_owned(),
        ),
        (format!("{header}\n"), "has a header but no rows, expected a row for each server".to_owned()),
        ("0,60,1Gi\n".to_owned(), format!("line 1: the header \"0,60,1Gi\" has no column start, {columns}")),
        ("start,end,mem\n".to_owned(), format!("line 1: the header \"start,end,mem\" has no column memory, {columns}")),
        ("start,end,memory,cpus\n0,1,1,1".to_owned(), format!("line 1: the column \"cpus\" is unknown, {columns}")),
        ("start,end,memory,end\n0,1,1,1".to_owned(), "line 1: the column end is there twice".to_owned()),
        (format!("{header}\n0,60,1Gi\n"), "line 2: has 3 fields, expected 4 as in the header".to_owned()),
        (format!("{header}\n9am,60,1Gi,0\n"), format!("line 2: start: \"9am\" {time}")),
        (format!("{header}\n0,,1Gi,0\n"), format!("line 2: end: \"\" {time}")),
        (format!("{header}\n-5,60,1Gi,0\n"), format!("line 2: start: \"-5\" {time}")),
        (format!("{header}\n99999999999999,60,1Gi,0\n"), format!("line 2: start: \"99999999999999\" {time}")),
        (format!("{header}\n2026-01-15T09:00:00,60,1Gi,0\n"), format!("line 2: start: \"2026-01-15T09:00:00\" {time}")),
        (format!("{header}\n0,1,1Gi,0\n60,59,1Gi,0\n"), "line 3: end 59 is before start 60".to_owned()),
        (
            format!("{header}\n5,9,1Gi,0\n4,9,1Gi,0\n"),
            "line 3: start 4 is before that of the row above, expected rows in order of start".to_owned(),
        ),
        (
            format!("{header}\n0,1,2GB,0\n"),
            "line 2: memory: \"2GB\" is not a quantity, expected a decimal number without spaces, then nothing, an \
             exponent (e3) or one of n u m k M G T P E Ki Mi Gi Ti Pi Ei"
                .to_owned(),
        ),
        (
            format!("{header}\n0,1,1Gi,-1\n"),
            "line 2: cpu: \"-1\" is negative, expected zero or more".to_owned(),
        ),
    ] {
        assert_eq!(failure(&text), format!("week.csv: {expected}"), "{text:?}");
    }
    let not_text = Trace::new("week.csv", b"start,end,memory\n0,\xff,1\n".as_slice()).unwrap_err();
    assert_eq!(not_text.problem.to_string(), "line 2: is not UTF-8 text");
    let header = Trace::new("week.csv", b"\xff\xfe".as_slice()).unwrap_err();
    assert_eq!(header.problem.to_string(), "line 1: is not UTF-8 text");
}

#[test]
fn nothing_is_read_behind_an_error() {
    let mut trace = Trace::new("week.csv", "start,end,memory\n0,1,1\n0,x,1\n0,1,1\n".as_bytes()).unwrap();
    assert!(trace.next().unwrap().is_ok());
    assert!(trace.next().unwrap().is_err());
    assert!(trace.next().is_none());
}

/// An endless trace, which counts the bytes that were read.
struct Endless<'a> {
    row: &'a [u8],
    pending: &'a [u8],
    bytes: &'a mut usize,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.pending.is_empty() {
            self.pending = self.row;
        }
        let count = self.pending.read(buffer)?;
        *self.bytes += count;
        Ok(count)
    }
}

#[test]
fn rows_are_read_as_they_are_taken_however_many_there_are() {
    let mut bytes = 0;
    let row = b"1768467600,1768471200,1Gi\n";
    let input = Endless { row, pending: b"start,end,memory\n", bytes: &mut bytes };
    let trace = Trace::new("endless", input).unwrap();
    assert_eq!(trace.take(50_000).flatten().count(), 50_000);
    // Not more than a buffer ahead.
    assert!(bytes <= 50_000 * row.len() + (1 << 17), "{bytes}");
}

struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run(folder: &Path, arguments: &[&str]) -> Ran {
    run_command(folder, "trace", arguments)
}

fn run_command(folder: &Path, command: &str, arguments: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
        .env_clear()
        .current_dir(folder)
        .arg(command)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// A pod of a user, created at this time of the 15th.
fn user(uid: &str, created: &str, memory: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "namespace": "hub", "name": format!("jupyter-{uid}"), "uid": uid,
            "labels": {"hub.jupyter.org/username": uid},
            "creationTimestamp": format!("2026-01-15T{created}Z"),
        },
        "spec": {"nodeName": "n1", "containers": [{"resources": {"requests": {"memory": memory, "cpu": "250m"}}}]},
        "status": {"phase": "Running"},
    })
}

fn with(mut pod: Value, changes: &[(&str, Value)]) -> Value {
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        pod.pointer_mut(parent).unwrap()[key] = value.clone();
    }
    pod
}

fn dump(folder: &Path, name: &str, pods: &[Value]) {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": pods});
    fs::write(folder.join(name), list.to_string()).unwrap();
}

const USERS: [&str; 2] = ["--preemptible-labels", "hub.jupyter.org/username"];

#[test]
fn dumps_of_pods_become_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let hub = with(user("hub-1", "07:00:00", "1Gi"), &[("/metadata/labels", json!({"component": "hub"}))]);
    let omitted = with(user("placeholder", "07:00:00", "1Gi"), &[("/metadata/labels/skip", json!("me"))]);
    let ada = user("ada", "08:30:00", "2Gi");
    let bob = user("bob", "08:40:00", "512Mi");
    let bob_told_to_go = with(bob.clone(), &[("/metadata/deletionTimestamp", json!("2026-01-15T09:07:00Z"))]);
    let cleo = user("cleo", "09:03:00", "1Gi");
    let cleo_over = with(
        cleo.clone(),
        &[(
            "/status",
            json!({"phase": "Succeeded", "conditions": [
                {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-15T09:08:00Z"}]}),
        )],
    );
    let dora = user("dora", "09:09:00", "1Gi");
    // Given in the wrong order: the names tell the right one.
    dump(folder.path(), "pods-2026-01-15T09:15:00Z.json", &[hub.clone(), cleo_over.clone(), dora.clone()]);
    dump(folder.path(), "pods-2026-01-15T09:00:00Z.json", &[hub.clone(), omitted, ada.clone(), bob]);
    dump(folder.path(), "pods-20260115T090500Z.json", &[ada, hub.clone(), bob_told_to_go, cleo]);
    dump(folder.path(), "pods-1768468200.json", &[hub, cleo_over, dora]); // 09:10
    let names = [
        "pods-2026-01-15T09:15:00Z.json",
        "pods-2026-01-15T09:00:00Z.json",
        "pods-20260115T090500Z.json",
        "pods-1768468200.json",
    ];
    let arguments = [&["--omit-labels", "skip"], &USERS[..], &["--pods"], &names].concat();
    let ran = run(folder.path(), &arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let expected = "\
start,end,memory,cpu
2026-01-15T08:30:00Z,2026-01-15T09:10:00Z,2Gi,250m
2026-01-15T08:40:00Z,2026-01-15T09:07:00Z,512Mi,250m
2026-01-15T09:03:00Z,2026-01-15T09:08:00Z,1Gi,250m
2026-01-15T09:09:00Z,2026-01-15T09:15:00Z,1Gi,250m
";
    assert_eq!(ran.stdout, expected);
    let told = "pods of users: 4, in 4 dumps; still there in the last one, whose time is taken for their end: 1; other \
        pods, left out: 2";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert_eq!(read(&ran.stdout).unwrap().len(), 4);
}

#[test]
fn dumps_that_make_no_trace_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (nine, ten) = ("2026-01-15T09:00:00Z.json", "pods-2026-01-15T10:00:00Z.json");
    dump(folder.path(), nine, &[user("ada", "08:30:00", "2Gi")]);
    dump(folder.path(), ten, &[user("ada", "08:30:00", "2GB")]);
    dump(folder.path(), "pods.json", &[]);
    fs::write(folder.path().join("2026-01-15T11:00:00Z.yaml"), "kind: List\nitems: []\n").unwrap();
    let no_time = with(user("ada", "08:30:00", "2Gi"), &[("/metadata/creationTimestamp", Value::Null)]);
    dump(folder.path(), "2026-01-15T12:00:00Z.json", &[no_time]);
    dump(folder.path(), "again-2026-01-15T09:00:00Z.json", &[]);
    let cases: [(&[&str], &str); 7] = [
        (&[nine, "pods.json"], "pods.json: the name does not say when the dump was made"),
        (&[nine, "-"], "--pods -: a dump from standard input has no name"),
        (&[nine], "one dump does not show how long pods stay, expected at least two"),
        (&[nine, "again-2026-01-15T09:00:00Z.json"], "are of the same time 2026-01-15T09:00:00Z"),
        (
            &[nine, ten],
            "pod hub/jupyter-ada: spec.containers[0].resources.requests.memory\n  caused by: \"2GB\"",
        ),
        (
            &[nine, "2026-01-15T11:00:00Z.yaml"],
            "is not JSON, expected what `kubectl get pods -A -o json` prints",
        ),
        (&[nine, "2026-01-15T12:00:00Z.json"], "metadata.creationTimestamp\n  caused by: missing"),
    ];
    for (names, expected) in cases {
        let ran = run(folder.path(), &[&USERS[..], &["--pods"], names].concat());
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""), "{names:?}");
        assert!(ran.stderr.contains(expected), "{names:?}: {}", ran.stderr);
    }
    let ran = run(folder.path(), &["--pods", nine, ten]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("PREEMPTIBLE_LABELS is unset, so no pod is a user's"), "{}", ran.stderr);
}

#[test]
fn a_log_of_jupyterhub_becomes_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let log = "\
[I 2026-01-15 08:00:00.000 JupyterHub app:3057] JupyterHub is now running at http://:8000/
[I 2026-01-15 09:00:08.500 JupyterHub base:1127] User ada took 5.500 seconds to start
[I 2026-01-15 09:00:08.600 JupyterHub proxy:331] Adding user ada to proxy /user/ada/ => http://10.4.0.9:8888
[I 2026-01-15 09:30:00.000 JupyterHub proxy:356] Removing user bob from proxy (/user/bob/)
[I 2026-01-15 10:31:40.000 JupyterHub proxy:356] Removing user ada from proxy (/user/ada/)
[I 2026-01-15 10:31:43.001 JupyterHub base:1366] User ada server took 3.001 seconds to stop
";
    fs::write(folder.path().join("hub.log"), log).unwrap();
    let ran = run(folder.path(), &["--jupyterhub-log", "hub.log", "--memory", "2Gi", "--cpu", "0.5"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let expected = "\
start,end,memory,cpu
2026-01-15T08:00:00Z,2026-01-15T09:30:00Z,2Gi,500m
2026-01-15T09:00:03Z,2026-01-15T10:31:40Z,2Gi,500m
";
    assert_eq!(ran.stdout, expected);
    assert!(
        ran.stderr.contains(
            "servers: 2, in 6 lines of JupyterHub; without a start, taken to run from the log's beginning: 1;"
        ),
        "{}",
        ran.stderr
    );
    assert_eq!(read(&ran.stdout).unwrap().len(), 2);

    let ran = run(folder.path(), &["--jupyterhub-log", "absent.log", "--memory", "2Gi"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("error: absent.log: cannot be read\n  caused by: "), "{}", ran.stderr);
    fs::write(folder.path().join("other.log"), "hello\n").unwrap();
    let ran = run(folder.path(), &["--jupyterhub-log", "other.log", "--memory", "2Gi"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("no line is JupyterHub's"), "{}", ran.stderr);
}

#[test]
fn a_trace_is_made_from_one_kind_of_source() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (&[][..], "--pods <FILE>..."),
        (&["--jupyterhub-log", "hub.log"], "--memory <QUANTITY>"),
        (&["--jupyterhub-log", "hub.log", "--memory", "2Gi", "--pods", "a"], "cannot be used with"),
        (&["--pods", "a", "--memory", "2Gi"], "cannot be used with"),
        (&["--jupyterhub-log", "hub.log", "--memory", "2GB"], "\"2GB\" is not a quantity"),
    ] {
        let ran = run(folder.path(), arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn a_trace_is_simulated_and_its_plot_begins_with_its_first_day() {
    let folder = tempfile::tempdir().unwrap();
    // From Thursday, the 15th of January, to Saturday.
    let trace = "start,end,memory\n2026-01-15T09:00:00Z,2026-01-15T12:00:00Z,2Gi\n\
        2026-01-15T09:00:05Z,2026-01-16T17:00:00Z,2Gi\n2026-01-17T08:00:00Z,2026-01-17T10:00:00Z,1Gi\n";
    fs::write(folder.path().join("real.csv"), trace).unwrap();
    let ran = run_command(folder.path(), "simulate", &["--trace", "real.csv", "--plot", "real.svg"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("3 in 3 days from 2026-01-15 on: trace real.csv"), "{}", ran.stdout);
    let svg = fs::read_to_string(folder.path().join("real.svg")).unwrap();
    let days: Vec<&str> = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        .into_iter()
        .filter(|day| svg.contains(&format!(">{day}</text>")))
        .collect();
    assert_eq!(days, ["Thu", "Fri", "Sat"]);
    for title in ["kube-rebalancer", "delete if empty", "fixed size"] {
        assert!(svg.contains(&format!(">{title}</text>")), "{title}");
    }
}

#[test]
fn a_trace_can_be_cut_after_some_days() {
    let folder = tempfile::tempdir().unwrap();
    let trace = "start,end,memory\n2026-01-15T09:00:00Z,2026-01-20T12:00:00Z,2Gi\n\
        2026-01-16T23:59:59Z,2026-01-17T01:00:00Z,2Gi\n2026-01-17T00:00:00Z,2026-01-17T10:00:00Z,1Gi\n";
    fs::write(folder.path().join("real.csv"), trace).unwrap();
    let ran = run_command(folder.path(), "simulate", &["--trace", "real.csv", "--days", "2"]);
    assert!(ran.stdout.contains("2 in 2 days from 2026-01-15 on: trace real.csv"), "{}", ran.stdout);
}

#[test]
fn the_table_is_there_even_if_the_plot_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run_command(folder.path(), "simulate", &["--days", "1", "--plot", "no/such/week.svg"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stdout.contains("\nkube-rebalancer "), "{}", ran.stdout);
    assert!(ran.stderr.contains("cannot write the plot to no/such/week.svg"), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_simulated_or_drawn_is_told_before_the_simulation() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("long.csv"), "start,end,memory\n0,1,1Gi\n1768467600,1768467601,1Gi\n")
        .unwrap();
    fs::write(folder.path().join("bad.csv"), "start,end,memory\n5,4,1Gi\n").unwrap();
    for (arguments, code, expected) in [
        (&["--trace", "bad.csv"][..], 3, "error: bad.csv\n  caused by: line 2: end 4 is before start 5"),
        (&["--trace", "absent.csv"], 3, "error: absent.csv\n  caused by: cannot be opened"),
        // The first start is on the first day of 1970, and 1768467601 s later are in day 20,469.
        (
            &["--trace", "long.csv"],
            3,
            "from the first start to the last end it is 20469 days, expected at most 366",
        ),
        (&["--trace", "bad.csv", "--users-per-day", "3"], 2, "cannot be used with"),
        (&["--plot", "week.jpg"], 2, "expected a file name that ends in .svg or .png"),
    ] {
        let ran = run_command(folder.path(), "simulate", arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), ""), "{arguments:?}");
        assert!(ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
    }
}

/// Two users of the first file share a node, one of the second waits for one.
#[test]
fn several_traces_are_simulated_each_by_itself_and_added_up() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let first = "start,end,memory\n2026-01-12T09:00:00Z,2026-01-12T10:00:00Z,1Gi\n2026-01-12T09:30:00Z,2026-01-12T10:00:00Z,1Gi\n";
    let second = "start,end,memory\n2026-03-02T08:10:00Z,2026-03-03T10:00:00Z,40Gi\n2026-03-02T08:20:00Z,2026-03-02T09:00:00Z,40Gi\n";
    std::fs::write(path.join("first.csv"), first).unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(second.as_bytes()).unwrap();
    std::fs::write(path.join("second.csv.gz"), packed.finish().unwrap()).unwrap();
    let simulate = |arguments: &[&str]| {
        let always = ["--min-nodes", "1", "-o", "json", "--by", "hour"];
        let ran = run_command(path, "simulate", &[arguments, &always].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        serde_json::from_str::<Value>(&ran.stdout).unwrap()
    };
    let [one, two, both] = [&["first.csv"][..], &["second.csv.gz"], &["first.csv", "second.csv.gz"]]
        .map(|files| simulate(&[&["--trace"], files].concat()));
    assert_eq!(both["scenario"]["sessions"], 4);
    assert_eq!(both["scenario"]["lengthSeconds"], 3 * 86_400);
    for (index, policy) in both["policies"].as_array().unwrap().iter().enumerate() {
        for number in ["nodeSeconds", "users", "usersWaited", "cordons", "runs"] {
            let of = |json: &Value| json["policies"][index][number].as_u64().unwrap();
            assert_eq!(
                policy[number].as_u64().unwrap(),
                of(&one) + of(&two),
                "{number} of {}",
                policy["name"]
            );
        }
    }
    let users: Vec<u64> =
        both["byHour"].as_array().unwrap().iter().map(|hour| hour["users"].as_u64().unwrap()).collect();
    assert_eq!((users[8], users[9], users.iter().sum::<u64>()), (2, 2, 4));
    assert_eq!(both["byHour"][8]["policies"][0]["usersWaited"], both["policies"][0]["usersWaited"]);
    let text = run_command(path, "simulate", &["--trace", "first.csv", "second.csv.gz", "--by", "hour"]);
    assert!(text.stdout.contains("\nhour  users   kube-rebalancer"), "{}", text.stdout);
    assert!(text.stdout.contains("\n09        2 "), "{}", text.stdout);
    let plot = run_command(path, "simulate", &["--trace", "first.csv", "second.csv.gz", "--plot", "a.svg"]);
    assert_eq!(plot.code, Some(2), "{}", plot.stderr);
    assert!(plot.stderr.contains("--plot draws one trace"), "{}", plot.stderr);
}
