//! Both fakes, which know of the same nodes, and the program between them.
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fake_asg::{Account, Clock, FakeAsg, Group, Options, Timing};
use serde_json::json;
use tempfile::TempDir;

use crate::aws_world::{environment, node_name, node_of};
use crate::fake_api::{FakeApi, Resource};
use crate::objects::Pod;
use crate::ran::Ran;

/// The name of the group.
pub(crate) const USERS: &str = "eks-users-08b91cf7";
/// Its zone.
pub(crate) const ZONE: &str = "us-east-1a";

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) api: FakeApi,
    pub(crate) cloud: FakeAsg,
    directory: TempDir,
}

/// The ID of the n-th instance.
pub(crate) fn id(number: usize) -> String {
    format!("i-{number:017x}")
}

/// The name of its node.
pub(crate) fn name(number: usize) -> String {
    node_name(&id(number))
}

/// A user's pod.
pub(crate) fn user(number: usize) -> Pod {
    Pod::new("users", &format!("user-{number}")).label("user", "true").memory("1Gi").cpu("100m")
}

impl World {
    /// A world with this number of nodes of 8 GiB, each on an instance in service.
    pub(crate) fn new(nodes: usize) -> Self {
        let clock = Clock::by_hand("2026-11-26T18:00:00Z".parse().unwrap());
        let minute = Duration::from_mins(1);
        let timing = Timing::slow_and_at_once(minute);
        let cloud = FakeAsg::start(Account::ops(), Options { timing, clock, page: 100 }).unwrap();
        let api = FakeApi::start();
        let group = (1..=nodes).fold(Group::new(USERS, &[ZONE]), |group, at| group.instance(&id(at), ZONE));
        cloud.add_group(group);
        for number in 1..=nodes {
            api.add_node(&node_of(&id(number), ZONE));
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("kubeconfig"), api.kubeconfig()).unwrap();
        let world = Self { api, cloud, directory };
        world.set_time("2026-11-26T18:00:00Z");
        world
    }

    /// Carries a plan out, with these settings and the addresses of both fakes as the only environment.
    pub(crate) fn run(&self, settings: &[(&str, &str)]) -> Ran {
        Ran::new(&self.spawn(settings).wait_with_output().unwrap())
    }

    /// Starts such a run.
    pub(crate) fn spawn(&self, settings: &[(&str, &str)]) -> Child {
        self.spawn_with(&["--output", "json", "--yes"], settings)
    }

    /// A run with these arguments.
    pub(crate) fn run_with(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Ran {
        Ran::new(&self.spawn_with(arguments, settings).wait_with_output().unwrap())
    }

    fn spawn_with(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Child {
        let own = environment(&self.cloud);
        let mut variables: BTreeMap<&str, &str> =
            own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        variables.extend([
            ("PREEMPTIBLE_LABELS", "user"),
            ("MIN_NODES", "1"),
            ("RESOURCES", "memory"),
            ("FORECAST", "false"),
            ("STABILIZATION", "0s"),
            ("PACK", "false"),
            ("RUN_TIMEOUT", "60s"),
        ]);
        variables.extend(settings.iter().copied());
        Command::new(env!("CARGO_BIN_EXE_kube-rebalancer"))
            .args(arguments)
            .env_clear()
            .env("KUBECONFIG", self.directory.path().join("kubeconfig"))
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Moves the clocks of the cluster and of the cloud; operations in the cloud have ended then.
    pub(crate) fn set_time(&self, time: &str) {
        self.cloud.advance(Duration::from_mins(3));
        self.cloud.advance(Duration::from_mins(3));
        let date: jiff::Timestamp = time.parse().unwrap();
        self.api.set_date(&date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    }

    /// Nodes follow their instances, as kubelets and the cloud controller see to.
    pub(crate) fn join(&self) {
        let instances = self.cloud.group(USERS).map(|group| group.instances).unwrap_or_default();
        for one in instances.iter().filter(|one| one.lifecycle == "InService") {
            if self.api.get(Resource::Nodes, None, &node_name(&one.id)).is_none() {
                self.api.add_node(&node_of(&one.id, &one.zone));
            }
        }
        for one in instances.iter().filter(|one| !one.lifecycle.starts_with("Terminating")) {
            if self.api.get(Resource::Nodes, None, &node_name(&one.id)).is_some() {
                self.set_ready(&one.id, one.power == "running");
            }
        }
        for node in self.api.all(Resource::Nodes) {
            let own = node["metadata"]["name"].as_str().unwrap();
            if !instances.iter().any(|one| node_name(&one.id) == own) {
                self.api.remove(Resource::Nodes, None, own);
            }
        }
    }

    /// A node is Ready while its machine runs.
    fn set_ready(&self, id: &str, is_ready: bool) {
        self.api.edit(Resource::Nodes, None, &node_name(id), |node| {
            let conditions = node["status"]["conditions"].as_array_mut().unwrap();
            let ready = conditions.iter_mut().find(|one| one["type"] == "Ready").unwrap();
            let status = if is_ready { "True" } else { "Unknown" };
            if ready["status"] != status {
                ready["status"] = json!(status);
                ready["lastTransitionTime"] = json!(self.cloud.now().to_string());
            }
        });
    }

    /// Makes the n-th node one that an earlier run parked.
    pub(crate) fn park(&self, number: usize, since: &str) {
        self.cloud.edit(USERS, |group| {
            let one = group.instances.iter_mut().find(|one| one.id == id(number)).unwrap();
            (one.lifecycle, one.power) = ("Standby".to_owned(), "stopped");
            group.desired -= 1;
        });
        self.empty(number);
        self.api.edit(Resource::Nodes, None, &name(number), |node| {
            node["metadata"]["annotations"]["kube-rebalancer/parked-at"] = json!(since);
        });
        self.set_ready(&id(number), false);
    }

    /// Makes the n-th node one that an earlier run has just woken, and whose instance runs and is still in standby.
    pub(crate) fn wake(&self, number: usize, is_ready: bool) {
        self.park(number, "2026-11-26T10:00:00Z");
        self.cloud.edit(USERS, |group| {
            let one = group.instances.iter_mut().find(|one| one.id == id(number)).unwrap();
            one.power = "running";
        });
        self.api.edit(Resource::Nodes, None, &name(number), |node| {
            let annotations = node["metadata"]["annotations"].as_object_mut().unwrap();
            annotations.remove("kube-rebalancer/parked-at");
            annotations.insert("kube-rebalancer/woken-at".to_owned(), json!("2026-11-26T17:59:00Z"));
        });
        self.set_ready(&id(number), is_ready);
    }

    /// As `kubectl uncordon`, or as a run whose mark of the waking stays.
    pub(crate) fn uncordon_by_hand(&self, number: usize) {
        self.api.edit(Resource::Nodes, None, &name(number), |node| {
            node["spec"].as_object_mut().unwrap().remove("unschedulable");
            let annotations = node["metadata"]["annotations"].as_object_mut().unwrap();
            annotations.retain(|key, _| key == "kube-rebalancer/woken-at");
        });
    }

    /// The marks of the n-th node, without their prefix.
    pub(crate) fn marks(&self, number: usize) -> Vec<String> {
        let node = self.api.get(Resource::Nodes, None, &name(number)).unwrap();
        let annotations = node["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
        let ours = annotations.keys().filter_map(|key| key.strip_prefix("kube-rebalancer/"));
        ours.map(str::to_owned).collect()
    }

    /// Lifecycle and machine of the n-th instance.
    pub(crate) fn machine(&self, number: usize) -> (String, &'static str) {
        let instances = self.cloud.group(USERS).unwrap().instances;
        let one = instances.into_iter().find(|one| one.id == id(number));
        one.map_or_else(|| ("gone".to_owned(), ""), |one| (one.lifecycle, one.power))
    }

    /// The deeds on the n-th instance, in order.
    pub(crate) fn done(&self, number: usize) -> Vec<&'static str> {
        let instances = self.cloud.group(USERS).unwrap().instances;
        instances.into_iter().find(|one| one.id == id(number)).map(|one| one.done).unwrap_or_default()
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

    /// The instances that go or are gone, of the first `nodes`.
    pub(crate) fn going(&self, nodes: usize) -> Vec<usize> {
        let instances = self.cloud.group(USERS).unwrap().instances;
        let stays = |number: &usize| {
            instances.iter().any(|one| one.id == id(*number) && !one.lifecycle.starts_with("Terminating"))
        };
        (1..=nodes).filter(|number| !stays(number)).collect()
    }

    /// The requested number of instances of the group.
    pub(crate) fn size(&self) -> u32 {
        self.cloud.group(USERS).unwrap().desired
    }
}
