//! The waits of a run: for pages, expired tokens, a server that demands a delay, and signals.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, Weak};

use hyper::Method;
use serde_json::Value;

use super::killed::PATIENCE;
use super::program::{Program, Ran};
use super::world::{self, critical, critical_and_cordoned, holder, state};
use crate::fake_api::{Call, FakeApi, Fault, Moment, Requests};
use crate::objects::Pod;

pub(super) fn pods() -> Requests {
    Requests::of(Method::GET, "/api/v1/pods")
}

/// The busy world, and as many pods that ask for nothing as make a second page.
pub(super) fn with_two_pages() -> (FakeApi, Program) {
    let fake = world::start();
    for index in 0..500 {
        let name = format!("tiny-{index}");
        fake.add_pod(&Pod::new("users", &name).label("user", &name).memory("1").on("n7"));
    }
    let program = Program::new(&fake, "60s");
    (fake, program)
}

fn pod_lists(fake: &FakeApi) -> Vec<Call> {
    fake.calls().into_iter().filter(|call| call.path == "/api/v1/pods").collect()
}

#[test]
fn a_list_is_read_to_its_last_page() {
    let (fake, program) = with_two_pages();
    let ran = program.run(&["--dry-run"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let calls = pod_lists(&fake);
    assert_eq!(calls.len(), 2);
    for call in &calls {
        assert_eq!(call.parameter("limit").as_deref(), Some("500"));
        assert_eq!(call.parameter("resourceVersion"), None);
        let selector = call.parameter("fieldSelector");
        assert_eq!(selector.as_deref(), Some("status.phase!=Succeeded,status.phase!=Failed"));
    }
    let node = |name: &str| {
        let nodes = ran.report["nodes"].as_array().unwrap().clone();
        nodes.into_iter().find(|node| node["name"] == name).unwrap()
    };
    // The first page ends among the tiny ones; that n7 has all of them means that both were read, and none twice.
    assert_eq!(node("n7")["occupants"], 502);
}

#[test]
fn a_continue_token_may_run_out_once_and_the_list_is_read_anew() {
    let (fake, program) = with_two_pages();
    fake.fail(pods().nth(2), Fault::ExpiredToken);
    let ran = program.run(&["--dry-run"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let has_token: Vec<bool> =
        pod_lists(&fake).iter().map(|call| call.parameter("continue").is_some()).collect();
    assert_eq!(has_token, [false, true, false, true]);
    let n7 = |node: &&Value| node["name"] == "n7";
    // Nothing of the list that was given up is left.
    assert_eq!(ran.report["nodes"].as_array().unwrap().iter().find(n7).unwrap()["occupants"], 502);
}

#[test]
fn a_continue_token_that_runs_out_twice_ends_the_run_without_a_change() {
    let (fake, program) = with_two_pages();
    let before = state(&fake);
    fake.fail(pods().nth(2), Fault::ExpiredToken);
    fake.fail(pods().nth(4), Fault::ExpiredToken);
    let ran = program.run(&["--yes"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert_eq!(pod_lists(&fake).len(), 4);
    assert_eq!((state(&fake), holder(&fake)), (before, None));
}

#[test]
fn a_server_that_asks_for_patience_gets_it() {
    let fake = world::start();
    fake.fail(pods().nth(1), Fault::TooManyRequests { retry_after_seconds: 2 });
    let ran = Program::new(&fake, "60s").run(&["--dry-run"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    // Our own first pause would be a quarter of a second.
    assert!(ran.stderr.contains("trying again in 2000 ms: "), "{}", ran.stderr);
}

#[test]
fn a_server_that_asks_for_more_patience_than_the_run_has_ends_it_at_once() {
    let fake = world::start();
    fake.fail(pods(), Fault::TooManyRequests { retry_after_seconds: 3600 });
    let ran = Program::new(&fake, "5m").run(&["--dry-run"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert_eq!(pod_lists(&fake).len(), 1);
}

#[test]
fn a_run_against_a_server_that_never_answers_ends() {
    let fake = world::start();
    fake.fail(Requests::all(), Fault::Hang(Moment::Before));
    let ran = Program::new(&fake, "1s").run(&["--yes"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("no answer within"), "{}", ran.stderr);
}

#[test]
fn a_run_whose_time_is_over_still_gives_the_lease_back() {
    let fake = world::start();
    fake.fail(pods().nth(1), Fault::Hang(Moment::Before));
    let ran = Program::new(&fake, "1s").run(&["--yes"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert_eq!(holder(&fake), None, "{}", ran.stderr);
}

/// Runs the program and sends it a stop signal while it waits for the answer to a request, after `meanwhile`.
fn stopped_at(fake: &Arc<FakeApi>, requests: Requests, meanwhile: impl Fn(&FakeApi) + Send + 'static) -> Ran {
    let program = Program::new(fake, "60s");
    let running: Arc<Mutex<Option<Child>>> = Arc::default();
    // Weak, since the hook lives in the fake.
    let (victim, world) = (Arc::clone(&running), Arc::<FakeApi>::downgrade(fake));
    let (sender, told) = std::sync::mpsc::channel();
    fake.on(requests, Moment::After, move |_| {
        meanwhile(&Weak::upgrade(&world).unwrap());
        let mut running = victim.lock().unwrap();
        let child = running.as_mut().unwrap();
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        // The request is answered only after the program has logged the signal.
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let noticed = lines.by_ref().map_while(Result::ok).any(|line| line.contains("a signal to stop"));
        sender.send((noticed, lines)).unwrap();
    });
    {
        let mut child = running.lock().unwrap();
        *child = Some(program.spawn(&["--yes"]));
    }
    let (noticed, rest) = told.recv_timeout(PATIENCE).expect("the request is made");
    let rest: Vec<String> = rest.map_while(Result::ok).collect();
    let child = running.lock().unwrap().take().unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert!(noticed);
    Ran { stderr: rest.join("\n"), ..ran }
}

/// The outcome of each node's action.
fn outcomes(ran: &Ran) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let actions = ran.report["actions"].as_array().unwrap().iter();
    let outcomes = ran.report["outcomes"].as_array().unwrap().iter();
    let mut of_nodes: Vec<(String, String)> = actions
        .zip(outcomes)
        .map(|(action, outcome)| (text(&action["node"]), text(&outcome["outcome"])))
        .collect();
    of_nodes.sort();
    of_nodes
}

#[test]
fn a_run_that_is_told_to_stop_finishes_what_is_under_way_and_starts_nothing_new() {
    let fake = Arc::new(world::start());
    let before = state(&fake);
    let ran = stopped_at(&fake, Requests::of(Method::PATCH, "/n3"), |_| {});
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let expected = ["n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"]
        .map(|node| (node.to_owned(), if node == "n3" { "applied" } else { "notTried" }.to_owned()));
    assert_eq!(outcomes(&ran), expected);
    let after = state(&fake);
    let changed: Vec<&String> = before.keys().filter(|name| before.get(*name) != after.get(*name)).collect();
    assert_eq!(changed, ["n3"]);
    assert_eq!(holder(&fake), None);
}

#[test]
fn a_run_that_is_told_to_stop_still_takes_back_a_cordon_over_a_critical_pod() {
    let fake = Arc::new(world::start());
    let ran = stopped_at(&fake, Requests::of(Method::PATCH, "/n5").nth(1), |fake| {
        fake.add_pod(&critical("late").on("n5"));
    });
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let of_n5 = outcomes(&ran).into_iter().find(|(node, _)| node == "n5");
    assert_eq!(of_n5, Some(("n5".to_owned(), "stale".to_owned())));
    assert_eq!(critical_and_cordoned(&fake), Vec::<String>::new());
    assert_eq!(holder(&fake), None);
}
