//! A day at a hub: users leave and arrive, and after each run the cordons match its report.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::{Program, user};
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::objects::{Node, Pod};

const PATIENCE: Duration = Duration::from_mins(1);

/// The expected result of a run, computed by hand: 12 nodes of 8 Gi, a hub of 1 Gi, users of 1.75 Gi each.
struct Expected {
    band: &'static str,
    cordons: usize,
    uncordons: usize,
    serving: u64,
}

#[test]
fn through_a_day_the_cordons_are_those_that_each_report_tells() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let nodes: Vec<Node> = (0..12).map(|index| Node::new(&format!("n{index:02}")).memory("8Gi")).collect();
    plane.create_nodes(&nodes);
    plane.create_namespace("hub");
    let hub_node = plane.create_bound_pod(&Pod::new("hub", "hub").memory("1Gi"));
    // The limit permits all cordons of the plan.
    let program = Program::new(&plane, &Identity::Admin).with("MAX_CORDONS", "100%");
    let mut day = Day { plane: &plane, program, hub_node, users: BTreeMap::new(), come: 0, told: Vec::new() };

    println!(
        "run                           users  band    utilization  cordons  uncordons  serving  cordoned"
    );
    // 40 users and the hub ask for 71 Gi of 96: 0.74.
    day.users_come(40);
    day.run("40 users are there", &Expected { band: "within", cordons: 0, uncordons: 0, serving: 12 });
    // 36 Gi / 0.75 = 48 Gi, six nodes.
    day.every_other_user_leaves();
    day.run("every other user leaves", &Expected { band: "below", cordons: 6, uncordons: 0, serving: 6 });
    day.run("nothing happens", &Expected { band: "within", cordons: 0, uncordons: 0, serving: 6 });
    // 50 Gi / 0.75 = 66.7 Gi; eight nodes are nearer (64) than nine (72). A node takes four users, and how many of the 20 are
    // on the six that serve is the scheduler's choice: not all eight may find room before the run.
    day.users_come_and_may_wait(8);
    day.run("8 users come", &Expected { band: "above", cordons: 0, uncordons: 2, serving: 8 });
    day.everybody_has_a_node();
    // 71 Gi / 0.75 = 94.7 Gi; not all of them find room before the run.
    day.users_come_and_may_wait(12);
    day.run("12 users come, some wait", &Expected { band: "above", cordons: 0, uncordons: 4, serving: 12 });
    day.everybody_has_a_node();
    // 18.5 Gi / 0.75 = 24.7 Gi, three nodes.
    day.users_leave(30);
    day.run("30 users leave", &Expected { band: "below", cordons: 9, uncordons: 0, serving: 3 });
    // 1 Gi of 24: MIN_NODES keeps three.
    day.users_leave(10);
    day.run("the last users leave", &Expected { band: "below", cordons: 0, uncordons: 0, serving: 3 });
    // Three nodes just take them: 22 of 24 Gi, 0.917; 22 / 0.75 = 29.3 Gi, four nodes.
    day.users_come(12);
    day.run("12 users come", &Expected { band: "above", cordons: 0, uncordons: 1, serving: 4 });
    day.events_tell_why();
}

struct Day<'p> {
    plane: &'p ControlPlane,
    program: Program<'p>,
    hub_node: String,
    /// Each present user, and their node once it is known.
    users: BTreeMap<String, Option<String>>,
    /// The number of all users so far.
    come: usize,
    /// The reason, the node and the message of each cordon and uncordon so far.
    told: Vec<[String; 3]>,
}

impl Day<'_> {
    fn users_come(&mut self, count: usize) {
        self.users_come_and_may_wait(count);
        self.everybody_has_a_node();
    }

    fn users_come_and_may_wait(&mut self, count: usize) {
        for _ in 0..count {
            let name = format!("user-{:03}", self.come);
            self.come += 1;
            self.plane.create_pod(&user(&name));
            self.users.insert(name, None);
        }
    }

    /// Waits until every user's pod is on a node, which for a new one must be one that takes pods.
    fn everybody_has_a_node(&mut self) {
        let cordoned = self.plane.cordoned();
        for (name, node) in self.users.iter_mut().filter(|(_, node)| node.is_none()) {
            let path = format!("/api/v1/namespaces/hub/pods/{name}");
            let bound = self.plane.wait_until(&format!("{name} has a node"), PATIENCE, || {
                let pod = self.plane.admin().get(&path).success();
                let running = pod["status"]["phase"] == "Running";
                pod["spec"]["nodeName"].as_str().filter(|_| running).map(str::to_owned)
            });
            assert!(!cordoned.contains(&bound), "{name} landed on {bound}, which is cordoned");
            *node = Some(bound);
        }
    }

    fn every_other_user_leaves(&mut self) {
        let leaving: Vec<String> = self.users.keys().step_by(2).cloned().collect();
        self.leave(&leaving);
    }

    fn users_leave(&mut self, count: usize) {
        let leaving: Vec<String> = self.users.keys().take(count).cloned().collect();
        assert_eq!(leaving.len(), count);
        self.leave(&leaving);
    }

    fn leave(&mut self, names: &[String]) {
        for name in names {
            self.plane.admin().delete(&format!("/api/v1/namespaces/hub/pods/{name}")).success();
            self.users.remove(name);
        }
        for name in names {
            self.plane.wait_until(&format!("{name} is gone"), PATIENCE, || {
                let answer = self.plane.admin().get(&format!("/api/v1/namespaces/hub/pods/{name}"));
                (answer.status == 404).then_some(())
            });
        }
    }

    /// Runs the program once, compares the cluster with its report, and prints a line.
    fn run(&mut self, what: &str, expected: &Expected) {
        let ended = self.program.run(&["--yes", "-o", "json"]).must_be(0);
        let report = ended.json();
        let pool = &report["pools"][0];
        let cordons = self.changes(&report, "cordon", "NodeCordoned");
        let uncordons = self.changes(&report, "uncordon", "NodeUncordoned");
        let cordoned: BTreeSet<String> = self.plane.cordoned().into_iter().collect();
        println!(
            "{what:<28}  {:>5}  {:<6}  {:>11.3}  {:>7}  {:>9}  {:>7}  {}",
            self.users.len(),
            pool["band"].as_str().unwrap(),
            pool["before"]["utilization"]["memory"].as_f64().unwrap(),
            cordons.len(),
            uncordons.len(),
            pool["after"]["serving"],
            cordoned.iter().cloned().collect::<Vec<String>>().join(" "),
        );
        assert_eq!(cordoned, cordoned_by(&report), "{what}: {}", ended.report);
        assert_eq!(pool["band"], expected.band, "{what}");
        assert_eq!(pool["after"]["serving"], expected.serving, "{what}");
        assert_eq!((cordons.len(), uncordons.len()), (expected.cordons, expected.uncordons), "{what}");
        assert!(!cordoned.contains(&self.hub_node), "{what}: the hub's node is cordoned");
        self.told.extend(cordons);
        self.told.extend(uncordons);
        self.taints_are_on(&cordoned);
    }

    /// The actions of one kind as their events must tell them. Each must have been carried out.
    fn changes(&self, report: &Value, action: &str, reason: &str) -> Vec<[String; 3]> {
        let actions = report["actions"].as_array().unwrap().iter().enumerate();
        let of_kind = actions.filter(|(_, one)| one["action"] == action);
        of_kind
            .map(|(index, one)| {
                let outcomes = report["outcomes"].as_array().unwrap();
                let outcome = outcomes.iter().find(|outcome| outcome["action"] == index).unwrap();
                assert_eq!(outcome["outcome"], "applied", "{one}");
                let node = one["node"].as_str().unwrap();
                assert_ne!(node, self.hub_node, "{one}");
                [reason, node, one["message"].as_str().unwrap()].map(str::to_owned)
            })
            .collect()
    }

    /// Waits until the control plane's own taint is on these nodes and on no other.
    fn taints_are_on(&self, cordoned: &BTreeSet<String>) {
        self.plane.wait_until("the taints of the cordoned nodes", PATIENCE, || {
            let tainted = |node: &&Value| {
                let taints = node["spec"]["taints"].as_array().into_iter().flatten();
                taints.into_iter().any(|taint| taint["key"] == "node.kubernetes.io/unschedulable")
            };
            let names: BTreeSet<String> =
                self.plane.nodes().iter().filter(tainted).map(super::name_of).collect();
            (names == *cordoned).then_some(())
        });
    }

    /// `kubectl get events` shows each cordon and uncordon with the words of its plan, and nothing else.
    fn events_tell_why(&self) {
        let columns = "-o=custom-columns=REASON:.reason,NODE:.involvedObject.name,MESSAGE:.message";
        let output = self.plane.kubectl(&["get", "events", "--no-headers", columns]);
        let shown = super::text(&output.stdout);
        let mut shown: Vec<String> = shown
            .lines()
            .filter(|line| line.starts_with("NodeCordoned") || line.starts_with("NodeUncordoned"))
            .map(|line| line.split_whitespace().collect::<Vec<&str>>().join(" "))
            .collect();
        let mut told: Vec<String> = self.told.iter().map(|event| event.join(" ")).collect();
        shown.sort();
        told.sort();
        assert_eq!(shown, told);
        let output = self.plane.kubectl(&["get", "events", "--sort-by=.metadata.creationTimestamp"]);
        println!();
        let events = super::text(&output.stdout);
        let ours = |line: &&str| {
            line.starts_with("LAST") || line.contains("NodeCordoned") || line.contains("NodeUncordoned")
        };
        for line in events.lines().filter(ours) {
            println!("{line}");
        }
    }
}

/// The nodes that a report leaves cordoned.
fn cordoned_by(report: &Value) -> BTreeSet<String> {
    let nodes = report["nodes"].as_array().unwrap().iter();
    let cordoned = |node: &&Value| {
        node["verdict"] == "cordon" || (node["state"] == "cordoned" && node["verdict"] != "uncordon")
    };
    nodes.filter(cordoned).map(|node| node["name"].as_str().unwrap().to_owned()).collect()
}
