//! A fake API server and a fake Compute Engine that know of the same nodes, and the program as a process between them.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fake_gce::{Action, FakeGce, Group, GroupPath, InstancePath, Options, Timing};
use kube_rebalancer_core::model::annotation;
use serde_json::Value;
use tempfile::TempDir;

use crate::fake_api::FakeApi;
use crate::objects::{Node, Pod};

pub(super) const PROJECT: &str = "my-project";
pub(super) const ZONE: &str = "us-central1-a";
const LONG_AGO: &str = "2026-01-02T00:00:00Z";

/// Both fakes, and the files of the program.
#[derive(Debug)]
pub(super) struct World {
    pub(super) api: FakeApi,
    pub(super) gce: Arc<FakeGce>,
    directory: TempDir,
}

/// The output of a run, besides the cluster and the cloud.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    pub(super) report: Value,
    pub(super) stderr: String,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Timing::default())
    }

    /// With a cloud that takes so long.
    pub(super) fn with(timing: Timing) -> Self {
        let api = FakeApi::start();
        let gce = Arc::new(FakeGce::start(Options { timing, ..Options::default() }).unwrap());
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("kubeconfig"), api.kubeconfig()).unwrap();
        Self { api, gce, directory }
    }

    /// A zonal group whose instances run and are nodes.
    pub(super) fn pool(&self, zone: &str, name: &str, nodes: &[Node]) -> GroupPath {
        let names: Vec<&str> = nodes.iter().map(Node::name).collect();
        let path = self.gce.add_group(Group::zonal(PROJECT, zone, name).instances(&names));
        for node in nodes {
            self.api.add_node(&node.clone().on_compute_engine(PROJECT, zone));
        }
        path
    }

    /// Starts a run with these settings, and with nothing else in its environment than the way to both fakes.
    pub(super) fn spawn(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
            .args(["--output", "json"])
            .args(arguments)
            .env_clear()
            .env("KUBECONFIG", self.directory.path().join("kubeconfig"))
            .env("GCE_METADATA_HOST", self.gce.address().to_string())
            .env("COMPUTE_ENDPOINT", self.gce.url())
            .env("PREEMPTIBLE_LABELS", "user")
            .env("MIN_NODES", "1")
            .env("PACK", "false")
            .env("FORECAST", "false")
            .env("STABILIZATION", "0s")
            .env("RUN_TIMEOUT", "60s")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Carries a plan out.
    pub(super) fn run(&self, settings: &[(&str, &str)]) -> Ran {
        Self::end(self.spawn(&["--yes"], settings))
    }

    /// Only plans.
    pub(super) fn dry_run(&self, settings: &[(&str, &str)]) -> Ran {
        Self::end(self.spawn(&["--dry-run"], settings))
    }

    pub(super) fn end(run: Child) -> Ran {
        let output = run.wait_with_output().unwrap();
        Ran {
            code: output.status.code(),
            report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(super) fn target_size(&self, group: &GroupPath) -> usize {
        self.gce.group(group).unwrap().target_size
    }

    /// The instances that their groups are deleting or that are gone already, by name.
    pub(super) fn going(&self, group: &GroupPath) -> Vec<String> {
        let gone = self.gce.losses().into_iter().map(|loss| loss.path.name);
        let members = self.gce.group(group).unwrap().members;
        let leaving = members.into_iter().filter(|(_, member)| member.action == Action::Deleting);
        let mut names: Vec<String> = gone.chain(leaving.map(|(path, _)| path.name)).collect();
        names.sort();
        names.dedup();
        names
    }
}

impl Ran {
    /// The actions as `verb what: outcome`, with a sentence only for an action that did not succeed.
    pub(super) fn story(&self) -> Vec<String> {
        let actions = self.report["actions"].as_array().expect("no report");
        let told = actions.iter().enumerate().map(|(index, action)| {
            let verb = action["action"].as_str().unwrap();
            let what = match verb {
                "grow" => {
                    let group = action["group"].as_str().unwrap_or("(no group)");
                    format!("{group} {} to {}", action["from"], action["to"])
                }
                "deleteInstance" => action["instance"].as_str().unwrap().to_owned(),
                _ => action["node"].as_str().unwrap().to_owned(),
            };
            let outcomes = self.report["outcomes"].as_array();
            match outcomes.and_then(|outcomes| outcomes.get(index)) {
                None => format!("{verb} {what}"),
                Some(outcome) => {
                    let word = outcome["outcome"].as_str().unwrap();
                    let message = outcome["message"].as_str().unwrap();
                    let because = if message.is_empty() { String::new() } else { format!(" ({message})") };
                    format!("{verb} {what}: {word}{because}")
                }
            }
        });
        told.collect()
    }

    pub(super) fn warnings(&self) -> Vec<&str> {
        let warnings = self.report["warnings"].as_array().into_iter().flatten();
        warnings.filter_map(|warning| warning["message"].as_str()).collect()
    }

    /// The settings that changed a number, of the pool and of the run.
    pub(super) fn limits(&self) -> Vec<&str> {
        let of_pools = self.report["pools"].as_array().into_iter().flatten();
        let limits = of_pools.map(|pool| &pool["limits"]).chain([&self.report["limits"]]);
        limits.filter_map(Value::as_array).flatten().filter_map(|limit| limit["setting"].as_str()).collect()
    }

    /// The report's reason for leaving a node unchanged.
    pub(super) fn verdict(&self, node: &str) -> &str {
        let nodes = self.report["nodes"].as_array().unwrap();
        nodes.iter().find(|one| one["name"] == node).and_then(|node| node["message"].as_str()).unwrap()
    }
}

pub(super) fn instance(zone: &str, name: &str) -> InstancePath {
    InstancePath::new(PROJECT, zone, name)
}

pub(super) fn nodes(names: &[&str]) -> Vec<Node> {
    names.iter().map(|name| Node::new(name)).collect()
}

/// An empty node that this program cordoned long ago.
pub(super) fn cordoned(name: &str) -> Node {
    Node::new(name)
        .cordoned()
        .annotation(annotation::CORDONED_AT, LONG_AGO)
        .annotation(annotation::EMPTY_SINCE, LONG_AGO)
}

/// A user's pod.
pub(super) fn user(name: &str, memory: &str) -> Pod {
    Pod::new("users", name).label("user", name).memory(memory)
}

/// One that the scheduler could not place.
pub(super) fn waiting(name: &str, memory: &str) -> Pod {
    user(name, memory).unschedulable()
}

/// Waits until something is so.
#[track_caller]
pub(super) fn until(description: &str, mut is_so: impl FnMut() -> bool) {
    fake_http::waiting::until(description, Duration::from_secs(30), || is_so().then_some(())).unwrap();
}
