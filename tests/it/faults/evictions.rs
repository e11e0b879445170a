//! The requests by which pods are evicted, each of which fails in every way: no user's pod goes, the report tells what went,
//! and the next run evicts the rest.
//!
//! ```text
//!   s1  ada, 6 of 8 Gi                                  serves
//!   d1  our cordon; web-0 and db-0, of controllers      both are evicted
//!   d2  our cordon; api-0, of a controller, and eve     stays: eve is a user
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use hyper::Method;
use kube_rebalancer_core::model::annotation;
use serde_json::json;

use super::many::complaints;
use super::program::{Program, Ran};
use super::world::{LEASES, expire_lease};
use super::{FAULTS, Point, Trouble, points};
use crate::fake_api::{FakeApi, Moment, Requests, Resource};
use crate::objects::{Node, Pod};

const BUDGETS: &str = "/apis/policy/v1/poddisruptionbudgets";
const ARGUMENTS: [&str; 3] = ["--yes", "--drain", "movable"];

fn start() -> (FakeApi, Program) {
    let fake = FakeApi::start();
    fake.add_node(&Node::new("s1"));
    fake.add_node(&Node::new("d1").cordoned_long_ago());
    fake.add_node(&Node::new("d2").cordoned_long_ago());
    for (name, memory, node) in [("ada", "6Gi", "s1"), ("eve", "64Mi", "d2")] {
        fake.add_pod(&Pod::new("hub", name).label("user", name).memory(memory).on(node));
    }
    for (name, node) in [("web-0", "d1"), ("db-0", "d1"), ("api-0", "d2")] {
        fake.add_pod(&Pod::new("hub", name).owned_by("StatefulSet", name).on(node));
        let ready = json!([{"type": "Ready", "status": "True"}]);
        fake.edit(Resource::Pods, Some("hub"), name, |pod| pod["status"]["conditions"] = ready);
    }
    fake.add(
        Resource::Budgets,
        json!({
            "metadata": {"namespace": "hub", "name": "web", "generation": 1},
            "spec": {"selector": {"matchLabels": {"app": "web"}}},
            "status": {"observedGeneration": 1, "disruptionsAllowed": 1},
        }),
    );
    let program = Program::new(&fake, "60s");
    (fake, program)
}

fn pods(fake: &FakeApi) -> BTreeSet<String> {
    let name = |pod: &serde_json::Value| pod["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    fake.all(Resource::Pods).iter().map(name).collect()
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

/// Each pod that a run evicts, with what it says became of that.
fn told(ran: &Ran) -> Vec<(String, String, String)> {
    let actions = ran.report["actions"].as_array().cloned().unwrap_or_default();
    let outcomes = ran.report["outcomes"].as_array().cloned().unwrap_or_default();
    let evictions = actions.iter().zip(&outcomes).filter(|(action, _)| action["action"] == "evict");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    evictions
        .map(|(action, outcome)| (text(&action["pod"]), text(&outcome["outcome"]), text(&outcome["message"])))
        .collect()
}

/// As if half a minute had passed since the last eviction.
fn time_passes(fake: &FakeApi) {
    for node in ["d1", "d2"] {
        fake.edit(Resource::Nodes, None, node, |node| {
            let notes = &mut node["metadata"]["annotations"];
            if notes[annotation::EVICTED_AT].is_string() {
                notes[annotation::EVICTED_AT] = json!("2026-01-02T00:00:00Z");
            }
        });
    }
}

/// What is wrong once a run has ended whatever way.
fn lies(ran: &Ran, fake: &FakeApi) -> Vec<String> {
    let left = pods(fake);
    let mut lies = Vec::new();
    if !left.is_superset(&names(["ada", "eve", "api-0"])) {
        lies.push(format!("a pod is gone that stays: {left:?}"));
    }
    for (pod, outcome, message) in told(ran) {
        let pod = pod.rsplit('/').next().unwrap_or_default().to_owned();
        let gone = !left.contains(&pod);
        let honest = match outcome.as_str() {
            "applied" | "alreadySo" => gone,
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
    lies
}

/// What is wrong with the clean run half a minute later.
fn after_a_clean_run(fake: &FakeApi, program: &Program) -> Vec<String> {
    time_passes(fake);
    expire_lease(fake);
    let clean = program.run(&ARGUMENTS);
    let left = pods(fake);
    let done = clean.code == Some(0) && left == names(["ada", "eve", "api-0"]);
    if done {
        Vec::new()
    } else {
        vec![format!("the clean run: {:?}, {left:?}\n{}", clean.code, clean.stderr)]
    }
}

/// The requests that only a run with evictions makes.
fn new_requests() -> Vec<Point> {
    let (fake, program) = start();
    let ran = program.run(&ARGUMENTS);
    assert_eq!(ran.code, Some(0), "{}\n{:#}", ran.stderr, ran.report);
    assert_eq!(pods(&fake), names(["ada", "eve", "api-0"]), "{:#}", ran.report["actions"]);
    let is_new = |point: &Point| {
        point.path == BUDGETS
            || point.path.contains("/pods/")
            || point.path.ends_with("/nodes/d1")
            || (point.method == Method::GET && point.path.starts_with(LEASES) && point.nth > 1)
    };
    points(fake.calls(), false).into_iter().filter(is_new).collect()
}

#[test]
fn an_eviction_costs_a_note_a_look_at_the_lease_and_at_the_pod() {
    let points = new_requests();
    let kinds: Vec<String> = points
        .iter()
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
    // As every run does, it looks at the Lease before it acts.
    let first = vec!["GET poddisruptionbudgets".to_owned(), "GET kube-rebalancer".to_owned()];
    let expected = [first, one("db-0").to_vec(), one("web-0").to_vec()];
    assert_eq!(kinds, expected.concat());
}

#[test]
fn whatever_request_of_an_eviction_fails_no_user_s_pod_goes_and_the_next_run_evicts_the_rest() {
    let points = new_requests();
    let every = FAULTS.into_iter().flat_map(|fault| [Trouble::Once(fault), Trouble::Lasting(fault)]);
    let cases: Vec<(&Point, Trouble)> =
        every.flat_map(|trouble| points.iter().map(move |point| (point, trouble))).collect();
    let found = complaints(&cases, |&(point, trouble)| {
        let (fake, program) = start();
        let program = program.timeout(trouble.timeout());
        trouble.begin(&fake, point);
        let ran = program.run(&ARGUMENTS);
        fake.behave();
        let mut found = lies(&ran, &fake);
        if !found.is_empty() {
            found.push(ran.stderr);
        }
        found.extend(after_a_clean_run(&fake, &program.timeout("60s")));
        found.into_iter().map(|text| format!("{point:?} {trouble:?}: {text}")).collect()
    });
    println!("{} requests, {} cases", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

/// Right after the pod was read and judged somebody makes it a user's, or another of its name is there.
#[test]
fn a_pod_that_changes_once_it_was_judged_is_not_evicted() {
    for replaced in [false, true] {
        let (fake, program) = start();
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
        let ran = program.run(&ARGUMENTS);
        let told: Vec<(String, String)> =
            told(&ran).into_iter().map(|(pod, outcome, _)| (pod, outcome)).collect();
        assert_eq!(
            told.first().map(|(_, outcome)| outcome.as_str()),
            Some("stale"),
            "{told:?}\n{}",
            ran.stderr
        );
        assert_eq!(pods(&fake), names(["ada", "eve", "api-0", "db-0"]));
    }
}
