//! The program as a process against a real API server, with real scheduler and controllers.
//!
//! ```text
//!   Program ── run ──────────────────────> Ended      exit code, report, log
//!           └─ pause ──> Paused ── go_on ─> Ended      held after it has observed, before it acts
//! ```
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

#[cfg(all(feature = "aws", feature = "azure", feature = "gce", feature = "openstack"))]
mod by_hand;
mod day;
#[cfg(feature = "gce")]
mod disks;
mod drain;
mod first;
#[cfg(feature = "gce")]
mod hpa;
#[cfg(feature = "gce")]
mod hub;
mod many_cordons;
#[cfg(feature = "exec")]
mod node_objects;
#[cfg(any(feature = "aws", feature = "azure", feature = "gce"))]
mod old_cordons;
mod packing;
mod rbac;
mod refused_uncordon;
#[cfg(feature = "gce")]
mod replicas;
mod side_by_side;
#[cfg(feature = "gce")]
mod soak;
#[cfg(any(feature = "aws", feature = "azure", feature = "gce"))]
mod tuesday;
mod two_at_once;
#[cfg(feature = "gce")]
mod unknown_age;
mod usage;
mod waiting_users;
mod wrong_things;

use std::io::{PipeReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::objects::Pod;

/// The capacity of a pipe on Linux in bytes.
const PIPE: usize = 1 << 16;

/// A kubeconfig and an environment to run the program with.
#[derive(Debug, Clone)]
pub(crate) struct Program<'p> {
    plane: &'p ControlPlane,
    kubeconfig: PathBuf,
    variables: Vec<(String, String)>,
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// None if a signal ended it.
    code: Option<i32>,
    pub(crate) report: String,
    pub(crate) log: String,
}

impl<'p> Program<'p> {
    pub(crate) fn new(plane: &'p ControlPlane, identity: &Identity) -> Self {
        let kubeconfig = plane.directory().join(plane.unique("program.kubeconfig"));
        std::fs::write(&kubeconfig, plane.kubeconfig(identity)).unwrap();
        Self { plane, kubeconfig, variables: Vec::new() }.with("PREEMPTIBLE_LABELS", "user")
    }

    /// With one more environment variable. There are no others.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"));
        command
            .args(arguments)
            .env_clear()
            .env("KUBECONFIG", &self.kubeconfig)
            // It is not the home of the user who runs the tests, which may have a kubeconfig.
            .env("HOME", self.plane.directory())
            // Packing and foresight have tests of their own; in the others the plan is worked out by hand.
            .env("PACK", "false")
            .env("FORECAST", "false")
            .env("STABILIZATION", "0s")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.start(arguments))
    }

    /// Starts a run, and returns after it has read the cluster and before it acts: standard error is a full pipe, so
    /// the run blocks at the line about its observation.
    fn pause(&self, arguments: &[&str]) -> Paused {
        let (log, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&vec![b'.'; PIPE]).unwrap();
        let child = self.command(arguments).stderr(writer).spawn().unwrap();
        let waits_in = format!("/proc/{}/wchan", child.id());
        self.plane.wait_until("the run waits to be read", Duration::from_secs(30), || {
            std::fs::read_to_string(&waits_in).ok().filter(|place| place.contains("pipe_write"))
        });
        Paused { child, log }
    }
}

/// A run that waits after it has observed.
#[derive(Debug)]
struct Paused {
    child: Child,
    log: PipeReader,
}

impl Paused {
    fn go_on(mut self) -> Ended {
        let mut log = Vec::new();
        self.log.read_to_end(&mut log).unwrap();
        Ended { log: text(&log[PIPE..]), ..ended(self.child) }
    }

    /// Kills it, as the power failure of a node does.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn ended(child: Child) -> Ended {
    let output = child.wait_with_output().unwrap();
    Ended { code: output.status.code(), report: text(&output.stdout), log: text(&output.stderr) }
}

impl Ended {
    /// The actions of the JSON report as `verb what: outcome`, marks aside.
    fn story(&self) -> Vec<String> {
        let report = self.json();
        let outcomes = report["outcomes"].as_array().cloned().unwrap_or_default();
        let actions = report["actions"].as_array().unwrap().iter().enumerate();
        let told =
            actions.filter(|(_, action)| !["mark", "unmark"].contains(&action["action"].as_str().unwrap()));
        let told = told.map(|(index, action)| {
            let of_action = |outcome: &&Value| outcome["action"] == index;
            let outcome =
                outcomes.iter().find(of_action).map_or("planned", |one| one["outcome"].as_str().unwrap());
            let what = action["node"].as_str().or(action["group"].as_str()).unwrap_or_default();
            format!("{} {what}: {outcome}", action["action"].as_str().unwrap())
        });
        told.collect()
    }

    #[track_caller]
    pub(crate) fn must_be(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.report, self.log);
        self
    }

    /// The JSON report.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.report).unwrap()
    }

    /// The lines of standard error that are not log lines: the final message to a person.
    fn error(&self) -> String {
        let lines = self.log.lines().filter(|line| !line.starts_with('['));
        lines.collect::<Vec<&str>>().join("\n")
    }
}

impl ControlPlane {
    /// The names of the cordoned nodes, in order.
    fn cordoned(&self) -> Vec<String> {
        let cordoned = |node: &&Value| node["spec"]["unschedulable"] == true;
        self.nodes().iter().filter(cordoned).map(name_of).collect()
    }

    pub(crate) fn nodes(&self) -> Vec<Value> {
        self.admin().get("/api/v1/nodes").success()["items"].as_array().unwrap().clone()
    }

    /// Waits until a pod runs, and returns the name of its node.
    fn wait_until_running(&self, namespace: &str, name: &str) -> String {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        self.wait_until(&format!("pod {namespace}/{name} runs"), Duration::from_mins(1), || {
            let pod = self.admin().get(&path).success();
            let runs = pod["status"]["phase"] == "Running";
            pod["spec"]["nodeName"].as_str().filter(|_| runs).map(str::to_owned)
        })
    }

    /// Writes something on a node that means nothing, so that it has a new version.
    fn touch(&self, node: &str) {
        let patch = json!({"metadata": {"annotations": {"touched": self.unique("touch")}}});
        self.admin().patch(&format!("/api/v1/nodes/{node}"), &patch).success();
    }

    /// The Lease of the runs.
    fn lease(&self, namespace: &str) -> Value {
        self.admin().get(&lease_path(namespace)).success()
    }
}

fn lease_path(namespace: &str) -> String {
    format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/kube-rebalancer")
}

/// A user's pod, as a hub makes it.
pub(crate) fn user(name: &str) -> Pod {
    Pod::new("hub", name).memory("1792Mi").label("user", name)
}

pub(crate) fn name_of(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
