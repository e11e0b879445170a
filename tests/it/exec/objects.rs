//! A Node object that stays behind when its machine is deleted, as on Kubespray: it goes once two runs found the machine gone,
//! and only then, whatever fails or is killed meanwhile.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::world::{World, user};
use crate::fake_api::{Fault, Moment, Requests, Resource};
use crate::faults::many::complaints;
use crate::ran::Ran;

/// Longer than any run takes.
const PATIENCE: Duration = Duration::from_mins(2);

fn settings(world: &World) -> [(&'static str, String); 2] {
    [("DELETE_NODE_OBJECTS", "true".to_owned()), ("EXEC_GONE", world.command("gone"))]
}

fn run(world: &World) -> Ran {
    let settings = settings(world);
    world.run(&settings.each_ref().map(|(name, value)| (*name, value.as_str())))
}

fn annotations(world: &World) -> Value {
    world
        .api
        .get(Resource::Nodes, None, "n3")
        .map(|node| node["metadata"]["annotations"].clone())
        .unwrap_or_default()
}

fn mark(world: &World, name: &str) -> Option<String> {
    annotations(world)[format!("kube-rebalancer/{name}")].as_str().map(str::to_owned)
}

fn exists(world: &World) -> bool {
    world.api.get(Resource::Nodes, None, "n3").is_some()
}

/// Three nodes, two with users; `n3` is empty under our cordon.
fn start() -> World {
    let world = World::new(3);
    for number in 1..=6 {
        world.api.add_pod(&user(number).on(if number % 2 == 0 { "n1" } else { "n2" }));
    }
    world.mark("n3", &[]);
    world
}

/// The kubelet of a machine that is gone is silent.
fn falls_silent(world: &World) {
    world.api.edit(Resource::Nodes, None, "n3", |node| {
        node["status"]["conditions"] =
            json!([{"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        let unreachable = json!({"key": "node.kubernetes.io/unreachable", "effect": "NoSchedule"});
        node["spec"]["taints"] = taints.into_iter().chain([unreachable]).collect();
    });
}

/// A world in which the machine of `n3` was given back and found gone by a run, three minutes ago.
fn found_gone() -> World {
    let world = start();
    assert_eq!(run(&world).code, Some(0));
    falls_silent(&world);
    world.later(7);
    for _ in 0..2 {
        assert_eq!(run(&world).code, Some(0));
    }
    assert!(mark(&world, "gone-since").is_some(), "{:#}", annotations(&world));
    world.later(3);
    world
}

#[test]
fn a_node_object_goes_once_two_runs_found_its_machine_gone() {
    let world = start();
    let first = run(&world);
    assert_eq!(first.story(), ["delete n3: applied"], "{}", first.stderr);
    assert_eq!(mark(&world, "deletion-asked").as_deref(), Some("script:///n3"));
    falls_silent(&world);
    assert_eq!(run(&world).story(), Vec::<String>::new(), "the claim runs");
    world.later(7);
    assert_eq!(run(&world).story(), ["unmark n3: applied"], "the claim is over");
    assert_eq!(run(&world).story(), ["mark n3: applied"]);
    assert_eq!(mark(&world, "gone-machine").as_deref(), Some("script:///n3"));
    world.later(1);
    assert_eq!(run(&world).story(), Vec::<String>::new(), "a minute is too short");
    world.later(2);
    let last = run(&world);
    assert_eq!(last.story(), ["delete-object n3: applied"], "{}", last.stderr);
    assert!(!exists(&world));
    assert_eq!(world.lines("done"), ["delete n3"]);
    assert_eq!(run(&world).story(), Vec::<String>::new());
}

/// What somebody does to a world.
type Change = fn(&World);

#[test]
fn whoever_shows_again_that_the_node_is_needed_keeps_it() {
    let ways: [(&str, Change); 5] = [
        ("the machine is back", |world| world.set_machine("n3", "present")),
        ("the command sees none", |world| world.write("blind", "")),
        ("it is Ready", |world| {
            world.api.edit(Resource::Nodes, None, "n3", |node| {
                node["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
            });
        }),
        ("a user came", |world| world.api.add_pod(&user(9).on("n3"))),
        ("another machine", |world| {
            world.api.edit(Resource::Nodes, None, "n3", |node| {
                node["spec"]["providerID"] = json!("script:///n9");
            });
        }),
    ];
    for (sentence, change) in ways {
        let world = found_gone();
        change(&world);
        let ran = run(&world);
        assert!(exists(&world), "{sentence}: {:?}", ran.story());
        assert_eq!(mark(&world, "gone-since"), None, "{sentence}: {:?}\n{}", ran.story(), ran.stderr);
    }
    // Without the setting nothing is asked and nothing is deleted.
    let world = found_gone();
    assert_eq!(world.run(&[]).code, Some(0));
    assert!(exists(&world));
}

/// The requests of the run that deletes the Node object: method, path and number.
fn requests() -> Vec<(Method, String, usize)> {
    let world = found_gone();
    world.api.forget_calls();
    assert_eq!(run(&world).story(), ["delete-object n3: applied"]);
    let mut points: Vec<(Method, String, usize)> = Vec::new();
    for call in world.api.calls() {
        let nth = 1 + points
            .iter()
            .filter(|(method, path, _)| (method, path) == (&call.method, &call.path))
            .count();
        points.push((call.method, call.path, nth));
    }
    let is_deletion =
        |(method, path, _): &&(Method, String, usize)| *method == Method::DELETE && path.ends_with("/n3");
    assert_eq!(points.iter().filter(is_deletion).count(), 1);
    points
}

/// What is wrong once a run has ended whatever way, and after a clean one.
fn wrong(world: &World, ran: Option<&Ran>) -> Vec<String> {
    let mut found = Vec::new();
    let others = ["n1", "n2"].iter().all(|name| world.api.get(Resource::Nodes, None, name).is_some());
    if !others {
        found.push("another node is gone".to_owned());
    }
    let story = ran.map(Ran::story).unwrap_or_default();
    if story.iter().any(|line| line.starts_with("delete-object n3: applied")) && exists(world) {
        found.push(format!("it is not gone: {story:?}"));
    }
    world.api.behave();
    world.later(20);
    for _ in 0..3 {
        run(world);
        world.later(3);
    }
    if exists(world) {
        found.push(format!("clean runs did not make it good: {:#}", annotations(world)));
    }
    if world.lines("done") != ["delete n3"] {
        found.push(format!("{:?}", world.lines("done")));
    }
    found
}

#[test]
fn whatever_request_of_the_deletion_fails_the_report_is_true_and_later_runs_make_it_good() {
    let points = requests();
    let faults = [
        Fault::InternalError,
        Fault::Conflict,
        Fault::Forbidden,
        Fault::MalformedJson,
        Fault::HalfBody,
        Fault::Reset(Moment::Before),
        Fault::Reset(Moment::After),
    ];
    let cases: Vec<_> =
        faults.into_iter().flat_map(|fault| points.iter().map(move |point| (point, fault))).collect();
    let found = complaints(&cases, |&((method, path, nth), fault)| {
        let world = found_gone();
        world.api.fail(Requests::of(method.clone(), path).nth(*nth), fault);
        let ran = run(&world);
        wrong(&world, Some(&ran))
            .into_iter()
            .map(|text| format!("{method} {path} {nth} {fault:?}: {text}"))
            .collect()
    });
    println!("{} requests, {} cases", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

#[test]
fn whenever_the_run_is_killed_later_runs_make_it_good_and_nothing_else_goes() {
    let points = requests();
    let cases: Vec<_> = [Moment::Before, Moment::After]
        .into_iter()
        .flat_map(|moment| points.iter().map(move |point| (point, moment)))
        .collect();
    let found = complaints(&cases, |&((method, path, nth), moment)| {
        let world = found_gone();
        let child = Arc::new(Mutex::new(None::<std::process::Child>));
        let (victim, (sender, killed)) = (Arc::clone(&child), mpsc::channel());
        world.api.crash(&Requests::of(method.clone(), path).nth(*nth), moment, move |_| {
            let mut child = victim.lock().unwrap().take().unwrap();
            child.kill().unwrap();
            sender.send(child.wait().unwrap().code()).unwrap();
        });
        let settings = settings(&world);
        {
            // The first request waits for this lock.
            let mut held = child.lock().unwrap();
            *held = Some(world.spawn(&settings.each_ref().map(|(name, value)| (*name, value.as_str()))));
        }
        let code = killed.recv_timeout(PATIENCE).expect("the request is made");
        let mut found =
            if code.is_some() { vec![format!("it was not killed: {code:?}")] } else { Vec::new() };
        found.extend(wrong(&world, None));
        found.into_iter().map(|text| format!("{method} {path} {nth} {moment:?}: {text}")).collect()
    });
    println!("{} requests, {} crash points", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}
