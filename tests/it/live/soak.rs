//! A long night at a hub on Compute Engine: users come and go, also while a run is under way; people cordon and uncordon;
//! Compute Engine fails; runs are killed. An observer without knowledge of plans checks after every run that no user has
//! lost a pod.
//!
//! ```text
//!   SOAK_RUNS=300 SOAK_SEED=1 REQUIRE_CONTROL_PLANE=true cargo test --test it live::soak -- --ignored --nocapture
//! ```
//!
//! Control plane, scheduler and controllers are real; Compute Engine is a fake whose instances become nodes. The seed
//! decides what is tried; in which order it meets is up to the machine. Runs that only met the Lease of a killed one are
//! not counted.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fake_gce::{Cause, FakeGce, Fault, GroupPath, MachineStatus, Moment, Requests};
use serde_json::{Value, json};

use super::hub::{Hub, program};
use super::{Program, ended, lease_path, name_of, user};
use crate::control_plane::ControlPlane;

const PATIENCE: Duration = Duration::from_mins(2);
/// The methods of Compute Engine; each one may fail, and may be the last request of a run.
const METHODS: [&str; 4] = [
    "compute.instanceGroupManagers.resize",
    "compute.instanceGroupManagers.deleteInstances",
    "compute.instanceGroupManagers.list",
    "compute.instanceGroupManagers.listManagedInstances",
];
const MOST_USERS: usize = 40;
const MAX_NODES: usize = 12;
/// Number of runs without other changes at the end; after them the cluster must have its minimum size.
const QUIET: usize = 60;

#[test]
#[ignore = "minutes: SOAK_RUNS and SOAK_SEED"]
fn soak() {
    let runs = variable("SOAK_RUNS", 100);
    let seed = variable("SOAK_SEED", 1);
    let Some(hub) = Hub::start(Duration::from_millis(300)) else { return };
    let Hub { plane, gce, pool, world: _world } = hub;
    let program = program(&plane, &gce)
        .with("MAX_NODES", &MAX_NODES.to_string())
        .with("RUN_TIMEOUT", "30s")
        .with("PACK", "true");
    let random = fastrand::Rng::with_seed(u64::try_from(seed).unwrap());
    let mut soak = Soak {
        plane: &plane,
        gce: &gce,
        pool,
        program,
        random,
        users: BTreeMap::new(),
        seen_on: BTreeMap::new(),
        come: 0,
        by_hand: BTreeSet::new(),
        counts: BTreeMap::new(),
        last: String::new(),
        worked: 0,
        dead: false,
    };
    while soak.worked < runs {
        soak.turn();
    }
    println!("{runs} runs, seed {seed}: {:?}", soak.counts);
    soak.quiet();
}

#[expect(clippy::disallowed_methods, reason = "whoever starts a soak says how long")]
fn variable(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap())
}

struct Soak<'p> {
    plane: &'p ControlPlane,
    gce: &'p Arc<FakeGce>,
    pool: GroupPath,
    program: Program<'p>,
    random: fastrand::Rng,
    /// The present users, and the uid of each one's pod.
    users: BTreeMap<String, String>,
    /// The node on which each of them was last seen.
    seen_on: BTreeMap<String, String>,
    /// The number of all users so far.
    come: usize,
    /// The nodes that a person has cordoned.
    by_hand: BTreeSet<String>,
    /// The counts of events, for the last line.
    counts: BTreeMap<String, usize>,
    /// The output of the last runs.
    last: String,
    /// Number of runs that did not meet the Lease of another run.
    worked: usize,
    /// Whether a run was killed whose Lease still keeps others out.
    dead: bool,
}

impl Soak<'_> {
    fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    /// Makes a change, lets a run continue meanwhile, and lets the observer check.
    fn turn(&mut self) {
        let run = self.worked;
        self.users_leave();
        self.a_person();
        let failing = self.faults();
        let child = self.program.start(&["--yes", "-o", "json"]);
        let killed = self.assassin(&child);
        self.users_come();
        let ended = ended(child);
        self.gce.behave();
        let before = self.last.rsplit("=====").next().unwrap_or_default().to_owned();
        self.last = format!("{before}\n===== run {run}: {:?}\n{}\n{}", ended.code, ended.report, ended.log);
        let was_killed = killed.load(Ordering::Relaxed) > 0;
        match ended.code {
            Some(code @ (0 | 1 | 3)) => {
                self.worked += 1;
                self.dead = false;
                self.count(&format!("exit {code}"));
                assert!(code == 0 || ended.log.contains("error: "), "run {run}: {code} without a word");
            }
            // Only a killed run leaves its Lease behind. Its time passes at once: without this the runs of the next
            // minute would meet it too.
            Some(4) if self.dead => {
                self.count("exit 4");
                assert!(ended.log.contains("holds the Lease"), "run {run}: {}", ended.log);
                self.lease_runs_out();
            }
            None if was_killed => {
                self.worked += 1;
                self.count("killed");
                self.dead = true;
                // The next run takes the Lease over; one of four starts too early for that.
                if self.random.u8(..4) > 0 {
                    self.lease_runs_out();
                }
            }
            code => panic!("run {run}: {code:?}\n{}\n{}", ended.report, ended.log),
        }
        assert!(!ended.log.contains("panicked"), "run {run}: {}", ended.log);
        self.count(&format!("faults: {failing}"));
        self.observe(&format!("run {run}"));
    }

    /// The Lease of a killed run is as old as it will be when it no longer counts. It stays the dead one's: the next run
    /// takes it over.
    fn lease_runs_out(&mut self) {
        self.dead = false;
        let lease = self.plane.admin().get(&lease_path("default"));
        if lease.status == 200 && lease.json()["spec"]["holderIdentity"].is_string() {
            let long_ago = json!({"spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}});
            self.plane.admin().patch(&lease_path("default"), &long_ago).success();
        }
    }

    /// Up to four users come while a run is under way.
    fn users_come(&mut self) {
        for _ in 0..self.random.usize(0..5) {
            if self.users.len() >= MOST_USERS {
                return;
            }
            let name = format!("user-{:04}", self.come);
            self.come += 1;
            self.plane.create_pod(&user(&name).memory("1Gi"));
            let uid = self.pod(&name)["metadata"]["uid"].as_str().unwrap().to_owned();
            self.users.insert(name, uid);
            self.count("users");
        }
    }

    /// Some users leave; now and then most of them.
    fn users_leave(&mut self) {
        let most = if self.random.u8(..8) == 0 { self.users.len() } else { 3.min(self.users.len()) };
        for _ in 0..self.random.usize(0..=most) {
            let at = self.random.usize(..self.users.len());
            let name = self.users.keys().nth(at).unwrap().clone();
            self.users.remove(&name);
            self.seen_on.remove(&name);
            self.plane.admin().delete(&path(&name)).success();
            let gone = || (self.plane.admin().get(&path(&name)).status == 404).then_some(());
            self.plane.wait_until(&format!("{name} is gone"), PATIENCE, gone);
        }
    }

    /// A person cordons a node, uncordons any, or writes something on one.
    fn a_person(&mut self) {
        let nodes: Vec<String> = self.plane.nodes().iter().map(name_of).collect();
        let Some(node) = nodes.get(self.random.usize(..nodes.len().max(1))).cloned() else { return };
        let patch = match self.random.u8(..10) {
            0 if self.by_hand.len() < 2 => {
                self.by_hand.insert(node.clone());
                self.count("cordoned by hand");
                json!({"spec": {"unschedulable": true}})
            }
            1 | 2 => {
                self.by_hand.remove(&node);
                self.count("uncordoned by hand");
                json!({"spec": {"unschedulable": null}})
            }
            3 => json!({"metadata": {"annotations": {"seen-by": "a person"}}}),
            _ => return,
        };
        // It may just have gone.
        let answer = self.plane.admin().patch(&format!("/api/v1/nodes/{node}"), &patch);
        assert!([200, 404, 409].contains(&answer.status), "{}", answer.text);
    }

    /// Compute Engine fails in up to three ways during the next run.
    fn faults(&mut self) -> usize {
        let count = self.random.usize(0..4);
        for _ in 0..count {
            let method = METHODS[self.random.usize(..METHODS.len())];
            let moment = if self.random.bool() { Moment::Before } else { Moment::After };
            let fault = match self.random.u8(..9) {
                0 => Fault::Unavailable,
                1 => Fault::TooManyRequests { retry_after_seconds: 1 },
                2 => Fault::InternalError,
                3 => Fault::BadGateway(moment),
                4 => Fault::Reset(moment),
                5 => Fault::HalfBody,
                6 => Fault::MalformedJson,
                7 => Fault::Conflict,
                _ => Fault::Slow(Duration::from_millis(700)),
            };
            self.gce.fail(Requests::method(method).nth(self.random.usize(1..3)), fault);
        }
        count
    }

    /// Kills one run of six at a request to Compute Engine. Returns the number of kills.
    fn assassin(&mut self, child: &Child) -> Arc<AtomicUsize> {
        let killed = Arc::new(AtomicUsize::new(0));
        if self.random.u8(..6) == 0 {
            let method = METHODS[self.random.usize(..METHODS.len())];
            let moment = if self.random.bool() { Moment::Before } else { Moment::After };
            let (pid, noted) = (child.id().to_string(), Arc::clone(&killed));
            self.gce.on(Requests::method(method).nth(1), moment, move |_| {
                // Noted first: the run is gone before the answer of `kill` is here. One that has ended has an exit code.
                noted.fetch_add(1, Ordering::Relaxed);
                Command::new("kill").args(["-KILL", &pid]).status().unwrap();
            });
        }
        killed
    }

    fn pod(&self, name: &str) -> Value {
        self.plane.admin().get(&path(name)).success()
    }

    /// Every present user has the original pod, on the original node, and its instance runs. No instance was deleted except
    /// by name, and their number is within the bounds.
    fn observe(&mut self, what: &str) {
        let mut on = Vec::new();
        for (name, uid) in &self.users {
            let pod = self.pod(name);
            assert_eq!(pod["metadata"]["uid"].as_str(), Some(uid.as_str()), "{what}: {name} has another pod");
            let Some(node) = pod["spec"]["nodeName"].as_str() else {
                assert!(!self.seen_on.contains_key(name), "{what}: {name} had a node");
                continue;
            };
            let before = self.seen_on.entry(name.clone()).or_insert_with(|| node.to_owned());
            assert_eq!(before, node, "{what}: {name} has moved");
            on.push((name.clone(), node.to_owned()));
        }
        let hub = self.plane.admin().get("/api/v1/namespaces/hub/pods/hub").success();
        on.push(("the hub".to_owned(), hub["spec"]["nodeName"].as_str().unwrap().to_owned()));
        // The machines come second: one that has just begun to run may have a user already.
        let machines = self.gce.machines();
        let running = |node: &str| {
            let mut of_node = machines.iter().filter(|machine| machine.path.name == node);
            of_node.any(|machine| machine.status == MachineStatus::Running)
        };
        for (name, node) in on {
            if !running(&node) {
                let machine = machines.iter().find(|machine| machine.path.name == node);
                let object = self.plane.admin().get(&format!("/api/v1/nodes/{node}")).text;
                let losses = self.gce.losses();
                let lost = losses.iter().find(|loss| loss.path.name == node);
                panic!("{what}: {name} was on {node}: {machine:?}, {lost:?}\n{object}\n{}", self.last);
            }
        }
        let odd: Vec<_> =
            self.gce.losses().into_iter().filter(|loss| loss.cause != Cause::DeleteInstances).collect();
        assert!(odd.is_empty(), "{what}: {odd:?}");
        let size = self.gce.group(&self.pool).unwrap().target_size;
        assert!(size <= MAX_NODES, "{what}: {size} nodes");
    }

    /// Waiting users get a node; then all users leave, no further change is made, and the cluster shrinks to its minimum
    /// size.
    fn quiet(&mut self) {
        self.lease_runs_out();
        for node in std::mem::take(&mut self.by_hand) {
            self.plane
                .admin()
                .patch(&format!("/api/v1/nodes/{node}"), &json!({"spec": {"unschedulable": null}}));
        }
        self.until("everybody has a node", |soak| {
            soak.users.keys().all(|name| soak.pod(name)["spec"]["nodeName"].is_string())
        });
        for name in std::mem::take(&mut self.users).into_keys() {
            self.plane.admin().delete(&path(&name)).success();
        }
        self.seen_on.clear();
        self.until("three nodes are left", |soak| soak.gce.group(&soak.pool).unwrap().target_size == 3);
    }

    /// Runs until something is so. A run in which nothing is to be done waits for a cordon to settle or a node to boot.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        for run in 0..QUIET {
            if holds(self) {
                println!("{what} after {run} quiet runs");
                return;
            }
            let ended = self.program.run(&["--yes", "-o", "json"]);
            assert!(matches!(ended.code, Some(0 | 1)), "{what}: {:?}\n{}", ended.code, ended.log);
            self.observe(what);
            let looked = self.gce.now();
            self.plane.wait_until("a moment has passed", PATIENCE, || {
                let passed = self.gce.now().duration_since(looked);
                (passed >= jiff::SignedDuration::from_secs(3)).then_some(())
            });
        }
        panic!("not so after {QUIET} quiet runs: {what}");
    }
}

fn path(name: &str) -> String {
    format!("/api/v1/namespaces/hub/pods/{name}")
}
