//! Every request of a run that evicts pods fails in every way, and the run is killed before and after each: no user's pod is
//! evicted, no pod is evicted twice, `MAX_EVICTIONS` is observed, the report lists the evicted pods, and the next runs evict
//! the rest.
//!
//! ```text
//!   s1  ada, 6 of 8 Gi                                  serves
//!   d1  our cordon; web-0 and db-0, of controllers      both are evicted
//!   d2  our cordon; api-0, of a controller, and eve     stays: eve is a user
//! ```
//!
//! `web-0` has a grace period and is started again on `s1`; `db-0` ends at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use hyper::Method;
use kube_rebalancer_core::model::annotation;
use serde_json::{Value, json};

use super::killed::killed;
use super::many::complaints;
use super::program::{Program, Ran};
use super::world::{LEASES, expire_lease};
use super::{FAULTS, Point, Trouble, points};
use crate::fake_api::{FakeApi, Fault, Moment, Requests, Resource};
use crate::objects::{Node, Pod};

const BUDGETS: &str = "/apis/policy/v1/poddisruptionbudgets";

/// The pods that must not be evicted.
const STAY: [&str; 3] = ["ada", "api-0", "eve"];

/// The fake, the program, and `MAX_EVICTIONS` of its runs.
struct World {
    fake: FakeApi,
    program: Program,
    limit: usize,
}

impl World {
    fn start(limit: usize) -> Self {
        let fake = FakeApi::start();
        fake.add_node(&Node::new("s1"));
        fake.add_node(&Node::new("d1").cordoned_long_ago());
        fake.add_node(&Node::new("d2").cordoned_long_ago());
        for (name, memory, node) in [("ada", "6Gi", "s1"), ("eve", "64Mi", "d2")] {
            fake.add_pod(&Pod::new("hub", name).label("user", name).memory(memory).on(node));
        }
        let of_controller = |name: &str| Pod::new("hub", name).owned_by("StatefulSet", name);
        for pod in [
            of_controller("web-0").grace_period().on("d1"),
            of_controller("db-0").on("d1"),
            of_controller("api-0").on("d2"),
        ] {
            fake.add_pod(&pod);
            is_ready(&fake, pod.name());
        }
        fake.add(
            Resource::Budgets,
            json!({
                "metadata": {"namespace": "hub", "name": "web", "generation": 1},
                "spec": {"selector": {"matchLabels": {"app": "web"}}},
                "status": {"observedGeneration": 1, "disruptionsAllowed": 1},
            }),
        );
        Self { program: Program::new(&fake, "60s"), fake, limit }
    }

    fn timeout(self, timeout: &str) -> Self {
        Self { program: self.program.timeout(timeout), ..self }
    }

    fn spawn(&self) -> std::process::Child {
        let limit = self.limit.to_string();
        self.program.spawn(&["--yes", "--drain", "movable", "--max-evictions", &limit])
    }

    fn run(&self) -> Ran {
        self.spawn().wait_with_output().unwrap().into()
    }

    /// The pods that are not on their way out.
    fn pods(&self) -> BTreeSet<String> {
        let pods = self.fake.all(Resource::Pods).into_iter();
        pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).map(|pod| name(&pod)).collect()
    }

    /// Whether all is evicted from d1, and nothing from elsewhere.
    fn is_done(&self) -> bool {
        let on_d1 = self.fake.all(Resource::Pods).iter().any(|pod| pod["spec"]["nodeName"] == "d1");
        !on_d1 && STAY.iter().all(|name| self.pods().contains(*name))
    }

    /// Passes half a minute since the last eviction: the notes are older, and a terminating pod has ended and its controller
    /// has started it again.
    fn time_passes(&self) {
        for node in ["d1", "d2"] {
            self.fake.edit(Resource::Nodes, None, node, |node| {
                let notes = &mut node["metadata"]["annotations"];
                if notes[annotation::EVICTED_AT].is_string() {
                    notes[annotation::EVICTED_AT] = json!("2026-01-02T00:00:00Z");
                }
            });
        }
        for pod in self.fake.all(Resource::Pods) {
            if pod["metadata"]["deletionTimestamp"].is_null() {
                continue;
            }
            let name = name(&pod);
            self.fake.remove(Resource::Pods, Some("hub"), &name);
            self.fake.add_pod(&Pod::new("hub", &name).owned_by("StatefulSet", &name).on("s1"));
            is_ready(&self.fake, &name);
        }
        expire_lease(&self.fake);
    }

    /// The violations among the evictions since this number: a user's pod, a pod that must stay, one pod twice, too many.
    fn harm(&self, since: usize) -> Option<String> {
        let all = self.fake.evicted();
        let of_run = all.get(since..).unwrap_or_default();
        let uids: BTreeSet<&str> = of_run.iter().filter_map(|pod| pod["metadata"]["uid"].as_str()).collect();
        let wrong = |pod: &&Value| {
            pod["metadata"]["labels"]["user"].is_string()
                || pod["spec"]["nodeName"] != "d1"
                || pod["metadata"]["deletionTimestamp"].is_string()
        };
        let harm = of_run.iter().any(|pod| wrong(&pod)) || uids.len() < of_run.len();
        let kept = STAY.iter().all(|name| self.pods().contains(*name));
        let names: Vec<String> = of_run.iter().map(name).collect();
        (harm || of_run.len() > self.limit || !kept)
            .then(|| format!("evicted {names:?} with at most {}, left {:?}", self.limit, self.pods()))
    }

    /// The errors after a run, however it ended. If the server denies an existing pod, the report is wrong.
    fn lies(&self, ran: &Ran, fault: Fault) -> Vec<String> {
        let left = self.pods();
        let mut lies: Vec<String> = self.harm(0).into_iter().collect();
        for (pod, outcome, message) in told(ran) {
            let pod = pod.rsplit('/').next().unwrap_or_default().to_owned();
            let gone = !left.contains(&pod);
            let honest = match outcome.as_str() {
                "applied" => gone,
                "alreadySo" => gone || fault == Fault::NotFound,
                "failed" => !gone || message.contains("whether it was done is not known"),
                _ => !gone,
            };
            if !honest {
                lies.push(format!("{outcome} {message:?} of {pod}, and left are {left:?}"));
            }
        }
        if ran.code == Some(0) && told(ran).iter().any(|(_, outcome, _)| outcome == "failed") {
            lies.push("exit 0 with a failure".to_owned());
        }
        if !matches!(ran.code, Some(0 | 1 | 3 | 4)) {
            lies.push(format!("exit code {:?}", ran.code));
        }
        lies
    }

    /// The errors of the clean runs that follow, half a minute apart: the number that this limit requires.
    fn after_clean_runs(&self) -> Vec<String> {
        let mut found = Vec::new();
        for run in 1..=2_usize.div_ceil(self.limit) {
            self.time_passes();
            let before = self.fake.evicted().len();
            let clean = self.run();
            found.extend(self.harm(before).map(|harm| format!("clean run {run}: {harm}")));
            if clean.code != Some(0) {
                found.push(format!("clean run {run}: {:?}\n{}", clean.code, clean.stderr));
            }
        }
        self.time_passes();
        if !self.is_done() {
            found.push(format!("the clean runs left {:?}", self.fake.all(Resource::Pods)));
        }
        found
    }
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn is_ready(fake: &FakeApi, name: &str) {
    let ready = json!([{"type": "Ready", "status": "True"}]);
    fake.edit(Resource::Pods, Some("hub"), name, |pod| pod["status"]["conditions"] = ready);
}

/// Each pod that a run evicts, with the outcome in the report.
fn told(ran: &Ran) -> Vec<(String, String, String)> {
    let actions = ran.report["actions"].as_array().cloned().unwrap_or_default();
    let outcomes = ran.report["outcomes"].as_array().cloned().unwrap_or_default();
    let evictions = actions.iter().zip(&outcomes).filter(|(action, _)| action["action"] == "evict");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    evictions
        .map(|(action, outcome)| (text(&action["pod"]), text(&outcome["outcome"]), text(&outcome["message"])))
        .collect()
}

/// The requests of a run with this limit that nothing disturbs.
fn requests(limit: usize) -> Vec<Point> {
    let world = World::start(limit);
    let ran = world.run();
    assert_eq!(ran.code, Some(0), "{}\n{:#}", ran.stderr, ran.report);
    assert_eq!(world.fake.evicted().len(), limit.min(2), "{:#}", ran.report["actions"]);
    assert_eq!(world.harm(0), None);
    points(world.fake.calls(), false)
}

/// Whether only a run with evictions makes this request.
fn is_new(point: &Point) -> bool {
    point.path == BUDGETS
        || point.path.contains("/pods/")
        || point.path.ends_with("/nodes/d1")
        || (point.method == Method::GET && point.path.starts_with(LEASES) && point.nth > 1)
}

#[test]
fn an_eviction_costs_a_note_a_look_at_the_lease_and_at_the_pod() {
    let kinds: Vec<String> = requests(10)
        .iter()
        .filter(|point| is_new(point))
        .map(|point| format!("{} {}", point.method, point.path.rsplit('/').next().unwrap_or_default()))
        .collect();
    let one = |pod| {
        [
            "PATCH d1".to_owned(),
            "GET kube-rebalancer".to_owned(),
            format!("GET {pod}"),
            "POST eviction".to_owned(),
        ]
    };
    // Like every run, it reads the Lease before it acts.
    let first = vec!["GET poddisruptionbudgets".to_owned(), "GET kube-rebalancer".to_owned()];
    let expected = [first, one("db-0").to_vec(), one("web-0").to_vec()];
    assert_eq!(kinds, expected.concat());
}

#[test]
fn whatever_request_of_an_eviction_fails_no_user_s_pod_goes_and_the_next_run_evicts_the_rest() {
    let points = requests(10);
    let faults = FAULTS.into_iter().chain([Fault::NotFound, Fault::BudgetRefuses]);
    let troubles: Vec<Trouble> =
        faults.flat_map(|fault| [Trouble::Once(fault), Trouble::Lasting(fault)]).collect();
    let cases: Vec<(&Point, Trouble)> = points
        .iter()
        .flat_map(|point| troubles.iter().map(move |trouble| (point, *trouble)))
        // Permanent failures of requests that every run makes are tried with those.
        .filter(|(point, trouble)| is_new(point) || matches!(trouble, Trouble::Once(_)))
        .collect();
    let found = complaints(&cases, |&(point, trouble)| {
        let (Trouble::Once(fault) | Trouble::Lasting(fault) | Trouble::Everything(fault)) = trouble;
        let world = World::start(10).timeout(trouble.timeout());
        trouble.begin(&world.fake, point);
        let ran = world.run();
        world.fake.behave();
        let mut found = world.lies(&ran, fault);
        if !found.is_empty() {
            found.push(ran.stderr);
        }
        found.extend(world.timeout("60s").after_clean_runs());
        found.into_iter().map(|text| format!("{point:?} {trouble:?}: {text}")).collect()
    });
    println!("{} requests, {} cases", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

#[test]
fn whenever_a_run_that_evicts_is_killed_no_user_s_pod_goes_and_the_next_runs_evict_the_rest() {
    let mut number = 0;
    let mut found = Vec::new();
    for limit in [1, 10] {
        let points = requests(limit);
        let cases: Vec<(&Point, Moment)> = [Moment::Before, Moment::After]
            .into_iter()
            .flat_map(|moment| points.iter().map(move |point| (point, moment)))
            .collect();
        number += cases.len();
        found.extend(complaints(&cases, |&(point, moment)| {
            let world = World::start(limit);
            let at = point.requests().nth(point.nth);
            let ended = killed(&world.fake, &at, moment, || world.spawn());
            let mut found: Vec<String> = world.harm(0).into_iter().collect();
            if let Some(code) = ended.status.code() {
                found.push(format!("it was not killed but ended with {code}"));
            }
            found.extend(world.after_clean_runs());
            found.into_iter().map(|text| format!("{point:?} {moment:?}: {text}")).collect()
        }));
    }
    println!("{number} crash points");
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

/// Immediately after the program has read the pod, it becomes a user's pod, or another pod has its name.
#[test]
fn a_pod_that_changes_once_it_was_judged_is_not_evicted() {
    for replaced in [false, true] {
        let World { fake, program, limit } = World::start(10);
        let fake = Arc::new(fake);
        let world = Arc::downgrade(&fake);
        fake.on(Requests::of(Method::GET, "/pods/db-0").nth(1), Moment::After, move |_| {
            world.upgrade().unwrap().edit(Resource::Pods, Some("hub"), "db-0", |pod| {
                pod["metadata"]["labels"]["user"] = json!("dan");
                if replaced {
                    pod["metadata"]["uid"] = json!("another");
                }
            });
        });
        let ran = program.run(&["--yes", "--drain", "movable", "--max-evictions", &limit.to_string()]);
        let told: Vec<(String, String)> =
            told(&ran).into_iter().map(|(pod, outcome, _)| (pod, outcome)).collect();
        let first = told.first().map(|(_, outcome)| outcome.as_str());
        assert_eq!(first, Some("stale"), "{told:?}\n{}", ran.stderr);
        let evicted: Vec<String> = fake.evicted().iter().map(name).collect();
        assert_eq!(evicted, ["web-0"]);
    }
}
