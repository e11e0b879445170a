//! Both fakes, which know of the same nodes, and the program between them.
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fake_openstack::{Account, Clock, FakeOpenStack, Options, Server, Status, Timing};
use serde_json::json;
use tempfile::TempDir;

use crate::fake_api::{FakeApi, Resource};
use crate::objects::{Node, Pod};
use crate::ran::Ran;

const PASSWORD: &str = "s3cret-password";

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) api: FakeApi,
    pub(crate) cloud: FakeOpenStack,
    directory: TempDir,
    now: RefCell<String>,
}

/// The ID of the n-th server.
pub(crate) fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// The name of the n-th server and its node.
pub(crate) fn name(number: usize) -> String {
    format!("hub-k8s-node-{number}")
}

/// A user's pod.
pub(crate) fn user(number: usize) -> Pod {
    Pod::new("users", &format!("user-{number}")).label("user", "true").memory("1Gi").cpu("100m")
}

impl World {
    /// A world with this number of nodes of 8 GiB, each on a running server.
    pub(crate) fn new(nodes: usize) -> Self {
        let clock = Clock::by_hand("2026-11-26T18:00:00Z".parse().unwrap());
        let minute = Duration::from_mins(1);
        let timing = Timing { shelving: minute, scheduling: Duration::ZERO, spawning: minute, power: minute };
        let account = Account { password: PASSWORD.to_owned(), ..Account::ops() };
        let cloud = FakeOpenStack::start(account, Options { timing, clock }).unwrap();
        let api = FakeApi::start();
        for number in 1..=nodes {
            cloud.add_server(
                Server::new(&id(number), &name(number), &Account::ops().project_id)
                    .metadata("kubespray_groups", "kube_node,k8s_cluster"),
            );
            api.add_node(&Node::new(&name(number)));
            api.edit(Resource::Nodes, None, &name(number), |node| {
                node["spec"]["providerID"] = json!(format!("openstack:///{}", id(number)));
            });
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("kubeconfig"), api.kubeconfig()).unwrap();
        Self { api, cloud, directory, now: RefCell::default() }
    }

    /// Carries a plan out, with these settings and the addresses of both fakes as the only environment.
    pub(crate) fn run(&self, settings: &[(&str, &str)]) -> Ran {
        Ran::new(&self.spawn(settings).wait_with_output().unwrap())
    }

    /// Starts such a run.
    pub(crate) fn spawn(&self, settings: &[(&str, &str)]) -> Child {
        let mut environment = BTreeMap::from([
            ("OS_USERNAME", "ops"),
            ("OS_PASSWORD", PASSWORD),
            ("OS_PROJECT_NAME", "hub"),
            ("OS_USER_DOMAIN_NAME", "Default"),
            ("OS_PROJECT_DOMAIN_NAME", "Default"),
            ("NODE_GROUPS", "hub-k8s-node-"),
            ("PREEMPTIBLE_LABELS", "user"),
            ("MIN_NODES", "1"),
            ("PACK", "false"),
            ("RUN_TIMEOUT", "60s"),
        ]);
        environment.extend(settings.iter().copied());
        Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
            .args(["--output", "json", "--yes"])
            .env_clear()
            .env("KUBECONFIG", self.directory.path().join("kubeconfig"))
            .env("OS_AUTH_URL", self.cloud.auth_url())
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

impl World {
    /// Moves the clocks of the cluster and of the cloud; operations in the cloud have ended then.
    pub(crate) fn set_time(&self, time: &str) {
        self.cloud.advance(Duration::from_mins(5));
        self.now.replace(time.to_owned());
        let date: jiff::Timestamp = time.parse().unwrap();
        self.api.set_date(&date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    }

    /// Acts as kubelets and the control plane: a node is Ready if its server runs, and a cordon has its taint.
    pub(crate) fn kubelets(&self) {
        self.cloud.advance(Duration::from_mins(5));
        for server in self.cloud.servers() {
            let runs = server.status.shown() == "ACTIVE";
            let now = self.now.borrow().clone();
            self.api.edit(Resource::Nodes, None, &server.name, |node| {
                let status = if runs { "True" } else { "Unknown" };
                if node["status"]["conditions"][0]["status"] != status {
                    node["status"]["conditions"] =
                        json!([{"type": "Ready", "status": status, "lastTransitionTime": now}]);
                }
            });
        }
    }

    /// Parks the n-th node since this time.
    pub(crate) fn park(&self, number: usize, since: &str) {
        self.cloud.edit(&id(number), |server| server.status = Status::ShelvedOffloaded);
        self.api.edit(Resource::Nodes, None, &name(number), |node| {
            node["spec"]["unschedulable"] = json!(true);
            for mark in ["cordoned-at", "empty-since", "parked-at"] {
                node["metadata"]["annotations"][format!("kube-rebalancer/{mark}")] = json!(since);
            }
            node["status"]["conditions"] =
                json!([{"type": "Ready", "status": "Unknown", "lastTransitionTime": since}]);
        });
    }

    /// Makes the n-th node one that an earlier run cordoned and that has been empty for long.
    pub(crate) fn empty(&self, number: usize) {
        self.api.edit(Resource::Nodes, None, &name(number), |node| {
            node["spec"]["unschedulable"] = json!(true);
            for mark in ["cordoned-at", "empty-since"] {
                node["metadata"]["annotations"][format!("kube-rebalancer/{mark}")] =
                    json!("2026-01-02T00:00:00Z");
            }
        });
    }

    pub(crate) fn is_parked(&self, number: usize) -> bool {
        let node = self.api.get(Resource::Nodes, None, &name(number)).unwrap();
        node["metadata"]["annotations"]["kube-rebalancer/parked-at"].is_string()
    }

    pub(crate) fn is_cordoned(&self, number: usize) -> bool {
        let node = self.api.get(Resource::Nodes, None, &name(number)).unwrap();
        node["spec"]["unschedulable"] == true
    }
}
