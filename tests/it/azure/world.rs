//! Both fakes, which know of the same nodes, and the program between them.
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fake_azure::{Account, Clock, Cluster, FakeAzure, Options, ScaleSet, Timing};
use serde_json::json;
use tempfile::TempDir;

use crate::fake_api::{FakeApi, Resource};
use crate::objects::{Node, Pod};
use crate::ran::Ran;

/// The subscription.
pub(crate) const SUBSCRIPTION: &str = "12345678-aaaa-bbbb-cccc-123456789abc";
/// The scale set of a person.
pub(crate) const SET: &str = "users";

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) api: FakeApi,
    pub(crate) azure: FakeAzure,
    /// The name of the scale set that the nodes are of.
    pub(crate) set: String,
    directory: TempDir,
    now: RefCell<String>,
}

/// The name of the node on an instance of a person's scale set.
pub(crate) fn name(instance: u64) -> String {
    format!("users{instance:06}")
}

/// A user's pod.
pub(crate) fn user(number: usize) -> Pod {
    Pod::new("users", &format!("user-{number}")).label("user", "true").memory("1Gi").cpu("100m")
}

impl World {
    /// A world with this number of nodes of 8 GiB, each on a running instance of a person's scale set.
    pub(crate) fn new(nodes: u32) -> Self {
        let set = SET.to_owned();
        Self::with(set, |azure| azure.add_set(ScaleSet::new(SUBSCRIPTION, "Hub-RG", SET), nodes))
    }

    /// The same on an agent pool of AKS.
    pub(crate) fn aks(nodes: u32) -> Self {
        Self::with(Cluster::set_name(SET), |azure| {
            azure.add_cluster(Cluster::new(SUBSCRIPTION, "hub-rg", "hub").pool(SET, nodes, false));
        })
    }

    fn with(set: String, add: impl FnOnce(&FakeAzure)) -> Self {
        let minute = Duration::from_mins(1);
        let timing = Timing { creating: minute, deleting: minute, power: minute };
        let clock = Clock::by_hand("2026-11-27T18:00:00Z".parse().unwrap());
        let azure = FakeAzure::start(Account::ops(), Options { timing, clock, page: 100 }).unwrap();
        add(&azure);
        let directory = tempfile::tempdir().unwrap();
        let api = FakeApi::start();
        std::fs::write(directory.path().join("kubeconfig"), api.kubeconfig()).unwrap();
        let world = Self { api, azure, set, directory, now: RefCell::default() };
        world.kubelets();
        world
    }

    /// Carries a plan out, with these settings and the addresses of both fakes as the only environment.
    pub(crate) fn run(&self, settings: &[(&str, &str)]) -> Ran {
        Ran::new(&self.spawn(settings).wait_with_output().unwrap())
    }

    /// Starts such a run.
    pub(crate) fn spawn(&self, settings: &[(&str, &str)]) -> Child {
        let mut environment: BTreeMap<&str, String> = self.azure.environment().into_iter().collect();
        let own = [
            ("PREEMPTIBLE_LABELS", "user"),
            ("MIN_NODES", "1"),
            ("PACK", "false"),
            ("FORECAST", "false"),
            ("STABILIZATION", "0s"),
            ("RUN_TIMEOUT", "60s"),
        ];
        environment.extend(own.iter().chain(settings).map(|(name, value)| (*name, (*value).to_owned())));
        Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
            .args(["--output", "json", "--yes"])
            .env_clear()
            .env("KUBECONFIG", self.directory.path().join("kubeconfig"))
            .envs(environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Moves the clocks of the cluster and of the cloud; operations in the cloud have ended then.
    pub(crate) fn set_time(&self, time: &str) {
        self.azure.advance(Duration::from_mins(5));
        self.now.replace(time.to_owned());
        let date: jiff::Timestamp = time.parse().unwrap();
        self.api.set_date(&date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    }

    /// Acts as kubelets and the cloud controller: each running instance has a Ready node, a deleted one has none.
    pub(crate) fn kubelets(&self) {
        self.azure.advance(Duration::from_mins(5));
        let set = self.azure.set(&self.set).unwrap();
        let names: BTreeMap<String, u64> =
            set.machines.keys().map(|id| (set.computer_name(*id), *id)).collect();
        for (name, id) in &names {
            let runs = set.machines[id].power == Some("running");
            if runs && self.api.get(Resource::Nodes, None, name).is_none() {
                let node = Node::new(name).on_azure(&set.provider_id(*id));
                let pool = set.tags.get("aks-managed-poolName");
                let node = pool
                    .into_iter()
                    .fold(node, |node, pool| node.label("kubernetes.azure.com/agentpool", pool));
                self.api.add_node(&node);
            }
            let now = self.now.borrow().clone();
            self.api.edit(Resource::Nodes, None, name, |node| {
                let status = if runs { "True" } else { "Unknown" };
                if node["status"]["conditions"][0]["status"] != status {
                    node["status"]["conditions"] =
                        json!([{"type": "Ready", "status": status, "lastTransitionTime": now}]);
                }
            });
        }
        for node in self.api.all(Resource::Nodes) {
            let name = node["metadata"]["name"].as_str().unwrap();
            if !names.contains_key(name) {
                self.api.remove(Resource::Nodes, None, name);
            }
        }
    }

    fn node_name(&self, instance: u64) -> String {
        self.azure.set(&self.set).unwrap().computer_name(instance)
    }

    /// The node on an instance is cordoned by an earlier run, and empty for long.
    pub(crate) fn empty(&self, instance: u64) {
        self.empty_node(&self.node_name(instance));
    }

    /// A node, on whatever cloud, is cordoned by an earlier run, and empty for long.
    pub(crate) fn empty_node(&self, name: &str) {
        self.mark(name, &["cordoned-at", "empty-since"], "2026-01-02T00:00:00Z");
    }

    /// The node on an instance is parked since then.
    pub(crate) fn park(&self, instance: u64, since: &str) {
        self.azure.edit(&self.set, |set| {
            set.machines.get_mut(&instance).unwrap().power = Some("deallocated");
        });
        self.mark(&self.node_name(instance), &["cordoned-at", "empty-since", "parked-at"], since);
        self.api.edit(Resource::Nodes, None, &self.node_name(instance), |node| {
            node["status"]["conditions"] =
                json!([{"type": "Ready", "status": "Unknown", "lastTransitionTime": since}]);
        });
    }

    fn mark(&self, name: &str, marks: &[&str], since: &str) {
        self.api.edit(Resource::Nodes, None, name, |node| {
            node["spec"]["unschedulable"] = json!(true);
            for mark in marks {
                node["metadata"]["annotations"][format!("kube-rebalancer/{mark}")] = json!(since);
            }
        });
    }
}
