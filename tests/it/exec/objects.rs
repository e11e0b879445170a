//! A Node object that remains after the deletion of its machine, as on Kubespray: it is deleted after two runs found no
//! machine, and only then, even if a step fails or is killed meanwhile.

use std::process::Child;

use hyper::Method;
use serde_json::{Value, json};

use super::world::{World, user};
use crate::fake_api::{Fault, Moment, Requests, Resource};
use crate::faults::killed::killed;
use crate::faults::many::complaints;
use crate::ran::Ran;

fn spawn(world: &World) -> Child {
    world.spawn(&[("DELETE_NODE_OBJECTS", "true"), ("EXEC_GONE", &world.command("gone"))])
}

fn run(world: &World) -> Ran {
    Ran::new(&spawn(world).wait_with_output().unwrap())
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

fn note(world: &World, name: &str, value: &str) {
    world.api.edit(Resource::Nodes, None, "n3", |node| {
        node["metadata"]["annotations"][format!("kube-rebalancer/{name}")] = json!(value);
    });
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

/// Which run it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// It finds the machine gone and notes that.
    First,
    /// It finds that again, three minutes later, and deletes the Node object.
    Second,
}

impl Finding {
    const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// The world in which this run is the next one: the machine of `n3` was given back, as earlier runs leave it.
    fn start(self) -> World {
        let world = start();
        world.remove_machine("n3");
        world.write("done", "delete n3\n");
        note(&world, "deletion-asked", "script:///n3");
        falls_silent(&world);
        if self == Self::Second {
            note(&world, "gone-since", &world.now().to_string());
            note(&world, "gone-machine", "script:///n3");
            world.later(3);
        }
        world
    }

    /// The report of this run if it is undisturbed.
    fn story(self) -> &'static str {
        match self {
            Self::First => "mark n3: applied",
            Self::Second => "delete-object n3: applied",
        }
    }
}

fn found_gone() -> World {
    Finding::Second.start()
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
    assert_eq!(run(&world).story(), ["unmark n3: applied"], "the claim has expired");
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

/// A change of a world by another actor.
type Change = fn(&World);

#[test]
fn any_sign_of_life_keeps_the_node_object() {
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
    // Without the setting no command is started and no Node is deleted.
    let world = found_gone();
    assert_eq!(world.run(&[]).code, Some(0));
    assert!(exists(&world));
}

/// One request of an undisturbed run: method, path, and its number among these.
#[derive(Clone, Debug)]
struct Point {
    finding: Finding,
    method: Method,
    path: String,
    nth: usize,
}

impl Point {
    fn requests(&self) -> Requests {
        Requests::of(self.method.clone(), &self.path).nth(self.nth)
    }
}

/// The requests of both runs.
fn points() -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    for finding in Finding::BOTH {
        let world = finding.start();
        world.api.forget_calls();
        assert_eq!(run(&world).story(), [finding.story()]);
        let of_run = points.len();
        for call in world.api.calls() {
            let same = |point: &&Point| (&point.method, &point.path) == (&call.method, &call.path);
            let nth = 1 + points[of_run..].iter().filter(same).count();
            points.push(Point { finding, method: call.method, path: call.path, nth });
        }
    }
    let on_node = |method: &Method| {
        points.iter().filter(|point| point.method == *method && point.path.ends_with("/n3")).count()
    };
    assert_eq!((on_node(&Method::PATCH), on_node(&Method::DELETE)), (1, 1));
    points
}

/// The errors after a run, however it ended, and after clean ones.
fn wrong(finding: Finding, world: &World, ran: Option<&Ran>) -> Vec<String> {
    let mut found = Vec::new();
    let others = ["n1", "n2"].iter().all(|name| world.api.get(Resource::Nodes, None, name).is_some());
    if !others {
        found.push("another node is gone".to_owned());
    }
    let story = ran.map(Ran::story).unwrap_or_default();
    if story.iter().any(|line| line.starts_with("delete-object n3: applied")) && exists(world) {
        found.push(format!("it is not gone: {story:?}"));
    }
    if story.iter().any(|line| line.starts_with("mark n3: applied")) && mark(world, "gone-since").is_none() {
        found.push(format!("it is not noted: {story:?}"));
    }
    world.api.behave();
    if finding == Finding::First {
        // Whether it was noted or not, one finding is too few, and so is a second one after a minute.
        for _ in 0..2 {
            found.extend((!exists(world)).then(|| "one finding was enough".to_owned()));
            world.later(1);
            world.expire_lease();
            run(world);
        }
    }
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
fn whatever_request_of_both_runs_fails_the_report_is_true_and_later_runs_make_it_good() {
    let points = points();
    let faults = [
        Fault::InternalError,
        Fault::Conflict,
        Fault::Forbidden,
        Fault::NotFound,
        Fault::MalformedJson,
        Fault::HalfBody,
        Fault::Reset(Moment::Before),
        Fault::Reset(Moment::After),
    ];
    let cases: Vec<_> =
        faults.into_iter().flat_map(|fault| points.iter().map(move |point| (point, fault))).collect();
    let found = complaints(&cases, |&(point, fault)| {
        let world = point.finding.start();
        world.api.fail(point.requests(), fault);
        let ran = run(&world);
        let found = wrong(point.finding, &world, Some(&ran)).into_iter();
        found.map(|text| format!("{point:?} {fault:?}: {text}")).collect()
    });
    println!("{} requests, {} cases", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

#[test]
fn whenever_either_run_is_killed_later_runs_make_it_good_and_nothing_else_goes() {
    let points = points();
    let cases: Vec<_> = [Moment::Before, Moment::After]
        .into_iter()
        .flat_map(|moment| points.iter().map(move |point| (point, moment)))
        .collect();
    let found = complaints(&cases, |&(point, moment)| {
        let world = point.finding.start();
        let ended = killed(&world.api, &point.requests(), moment, || spawn(&world));
        let code = ended.status.code();
        let mut found: Vec<String> =
            code.map(|code| format!("it was not killed but ended with {code}")).into_iter().collect();
        found.extend(wrong(point.finding, &world, None));
        found.into_iter().map(|text| format!("{point:?} {moment:?}: {text}")).collect()
    });
    println!("{} requests, {} crash points", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

/// `EXEC_GONE` and `EXEC_LIST` of either run are cut short with it.
#[test]
fn whenever_either_run_is_killed_at_a_command_later_runs_make_it_good() {
    let mut cases = Vec::new();
    for finding in Finding::BOTH {
        let world = finding.start();
        let before = world.lines("points").len();
        assert_eq!(run(&world).story(), [finding.story()]);
        let calls = world.lines("points").into_iter().skip(before);
        let calls: Vec<String> = calls.collect();
        assert!(calls.iter().any(|call| call.starts_with("gone ")), "{calls:?}");
        let moments = ["before", "during", "after"].into_iter();
        cases.extend(
            moments.flat_map(|moment| calls.iter().map(move |call| (finding, format!("{call} {moment}")))),
        );
    }
    let found = complaints(&cases, |(finding, strike)| {
        let world = finding.start();
        world.write("strike", strike);
        let ran = run(&world);
        world.until_commands_ended();
        let mut found: Vec<String> =
            ran.code.map(|code| format!("it was not killed but ended with {code}")).into_iter().collect();
        found.extend(wrong(*finding, &world, None));
        found.into_iter().map(|text| format!("{finding:?} {strike}: {text}")).collect()
    });
    println!("{} crash points", cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

/// The request names the very node that was judged, by UID and version, where the API looks for it.
#[test]
fn the_deletion_names_uid_and_version_of_the_node_that_was_read() {
    let world = found_gone();
    let node = world.api.get(Resource::Nodes, None, "n3").unwrap();
    world.api.forget_calls();
    assert_eq!(run(&world).story(), ["delete-object n3: applied"]);
    let calls = world.api.calls();
    let deletion = calls.iter().find(|call| call.method == Method::DELETE).unwrap();
    let expected = json!({
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {
            "uid": node["metadata"]["uid"], "resourceVersion": node["metadata"]["resourceVersion"],
        },
    });
    assert_eq!((deletion.path.as_str(), &deletion.body), ("/api/v1/nodes/n3", &expected));
}

/// At the last moment the node is changed, or it registers again under its name: it is kept. Each precondition is
/// sufficient alone.
#[test]
fn a_node_that_changes_right_before_its_deletion_is_not_deleted() {
    let changes: [fn(&mut Value); 2] = [
        |node| node["metadata"]["resourceVersion"] = json!("100000"),
        |node| node["metadata"]["uid"] = json!("another"),
    ];
    for change in changes {
        let world = found_gone();
        let deletion = Requests::of(Method::DELETE, "/n3");
        world.api.change_before(deletion, Resource::Nodes, "n3", change);
        let ran = run(&world);
        assert_eq!(ran.story(), ["delete-object n3: stale (the node changed meanwhile)"], "{}", ran.stderr);
        assert!(exists(&world));
    }
}
