//! A Tuesday at a hub on Compute Engine: three nodes at night, a class of sixty at nine, the day, the evening, three nodes
//! again. Control plane, scheduler and controllers are real; Compute Engine is a fake whose instances become nodes.
//!
//! Nodes of 8 Gi, a hub of 1 Gi, users of 1 Gi each. Whoever is there keeps their pod, and its instance runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fake_gce::{Cause, FakeGce, GroupPath, MachineStatus};
use serde_json::Value;

use super::hub::{Hub, cordons_get_old, program};
use super::{Program, user};
use crate::control_plane::ControlPlane;
use crate::gce_world::GceWorld;

const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn through_a_tuesday_everybody_gets_a_node_nobody_loses_one_and_at_night_three_are_left() {
    let Some(hub) = Hub::start(Duration::from_millis(500)) else { return };
    let Hub { plane, gce, pool, world } = hub;
    let program = program(&plane, &gce).with("MAX_NODES", "20");
    let mut tuesday =
        Tuesday { plane: &plane, gce: &gce, pool, world, program, users: BTreeMap::new(), come: 0 };

    println!(
        "run                  users  wait  utilization  uncordon  grow  cordon  delete  nodes  cordoned"
    );
    tuesday.run("night");
    assert_eq!(tuesday.nodes(), 3);
    for minute in 0..10 {
        tuesday.users_come(6);
        tuesday.run(&format!("09:0{minute}, six more"));
    }
    for _ in 0..10 {
        if tuesday.waiting() == 0 {
            break;
        }
        tuesday.world.settle();
        tuesday.run("09:10, nobody new");
    }
    tuesday.everybody_has_a_node();
    // 61 Gi: within the band on nine nodes (0.847) and above the optimum, so not one more than the waiting asked for.
    assert!((9..=11).contains(&tuesday.nodes()), "{}", tuesday.nodes());
    for hour in 10..14 {
        tuesday.users_leave(15);
        tuesday.run(&format!("{hour}:00, 15 leave"));
        tuesday.users_come(12);
        tuesday.run(&format!("{hour}:30, 12 come"));
        tuesday.everybody_has_a_node();
    }
    for hour in 17..20 {
        tuesday.users_leave(16);
        tuesday.run(&format!("{hour}:00, 16 leave"));
    }
    assert!(tuesday.users.is_empty());
    for _ in 0..4 {
        cordons_get_old(&plane);
        tuesday.run("night");
        tuesday.world.settle();
        if tuesday.nodes() == 3 {
            break;
        }
    }
    assert_eq!(tuesday.nodes(), 3, "MIN_NODES");
    let others: Vec<_> =
        gce.losses().into_iter().filter(|loss| loss.cause != Cause::DeleteInstances).collect();
    assert!(others.is_empty(), "{others:?}");
}

struct Tuesday<'p> {
    plane: &'p ControlPlane,
    gce: &'p FakeGce,
    pool: GroupPath,
    world: GceWorld<Arc<ControlPlane>>,
    program: Program<'p>,
    /// The users who are there, and the uid of each one's pod.
    users: BTreeMap<String, String>,
    /// How many users have ever come.
    come: usize,
}

impl Tuesday<'_> {
    /// Users come, and the scheduler has looked at each: it is on a node, or there is none for it.
    fn users_come(&mut self, count: usize) {
        for _ in 0..count {
            let name = format!("user-{:03}", self.come);
            self.come += 1;
            self.plane.create_pod(&user(&name).memory("1Gi"));
            let uid = self.pod(&name)["metadata"]["uid"].as_str().unwrap().to_owned();
            self.users.insert(name, uid);
        }
        self.plane.wait_until("the scheduler has looked at everybody", PATIENCE, || {
            self.users.keys().all(|name| !condition(&self.pod(name)).is_null()).then_some(())
        });
    }

    /// The first `count` users by name leave.
    fn users_leave(&mut self, count: usize) {
        let leaving: Vec<String> = self.users.keys().take(count).cloned().collect();
        for name in &leaving {
            self.users.remove(name);
            self.plane.admin().delete(&path(name)).success();
        }
        for name in &leaving {
            let gone = || (self.plane.admin().get(&path(name)).status == 404).then_some(());
            self.plane.wait_until(&format!("{name} is gone"), PATIENCE, gone);
        }
    }

    fn pod(&self, name: &str) -> Value {
        self.plane.admin().get(&path(name)).success()
    }

    /// How many users have no node.
    fn waiting(&self) -> usize {
        self.users.keys().filter(|name| self.pod(name)["spec"]["nodeName"].is_null()).count()
    }

    fn everybody_has_a_node(&self) {
        self.plane.wait_until("everybody has a node", PATIENCE, || (self.waiting() == 0).then_some(()));
    }

    /// How many instances there are to be.
    fn nodes(&self) -> usize {
        self.gce.group(&self.pool).unwrap().target_size
    }

    /// Runs the program once, prints a line, and looks that nobody has lost anything.
    fn run(&mut self, what: &str) {
        let waiting = self.waiting();
        let ended = self.program.run(&["--yes", "-o", "json"]);
        let report = ended.json();
        let actions = report["actions"].as_array().unwrap();
        let outcomes = report["outcomes"].as_array().map(Vec::as_slice).unwrap_or_default();
        for outcome in outcomes {
            // What has changed since the plan was made is left to a later run.
            let word = outcome["outcome"].as_str().unwrap();
            assert!(matches!(word, "applied" | "alreadySo" | "stale"), "{what}: {outcome}\n{}", ended.log);
        }
        let done = |verb: &str| -> u64 {
            let applied = outcomes.iter().filter(|outcome| outcome["outcome"] == "applied");
            let actions = applied
                .map(|outcome| &actions[usize::try_from(outcome["action"].as_u64().unwrap()).unwrap()]);
            let size = |action: &Value| match verb {
                "grow" => action["to"].as_u64().unwrap() - action["from"].as_u64().unwrap(),
                _ => 1,
            };
            actions.filter(|action| action["action"] == verb).map(size).sum()
        };
        println!(
            "{what:<19}  {:>5}  {waiting:>4}  {:>11.3}  {:>8}  {:>4}  {:>6}  {:>6}  {:>5}  {:>8}",
            self.users.len(),
            report["pools"][0]["before"]["utilization"]["memory"].as_f64().unwrap(),
            done("uncordon"),
            done("grow"),
            done("cordon"),
            done("delete"),
            self.nodes(),
            self.plane.cordoned().len(),
        );
        self.nobody_has_lost_anything(what);
    }

    /// Everybody who is there has the pod that they came with, and its instance runs and is not about to go.
    fn nobody_has_lost_anything(&self, what: &str) {
        let running: Vec<String> = self
            .gce
            .machines()
            .into_iter()
            .filter(|machine| machine.status == MachineStatus::Running)
            .map(|machine| machine.path.name)
            .collect();
        for (name, uid) in &self.users {
            let pod = self.pod(name);
            assert_eq!(pod["metadata"]["uid"].as_str(), Some(uid.as_str()), "{what}: {name} has another pod");
            if let Some(node) = pod["spec"]["nodeName"].as_str() {
                assert!(running.iter().any(|one| one == node), "{what}: {name} was on {node}");
            }
        }
    }
}

/// Whether and where the scheduler has placed a pod; null while it has not looked.
fn condition(pod: &Value) -> &Value {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.find(|condition| condition["type"] == "PodScheduled").unwrap_or(&Value::Null)
}

fn path(name: &str) -> String {
    format!("/api/v1/namespaces/hub/pods/{name}")
}
