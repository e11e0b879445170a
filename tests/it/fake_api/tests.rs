//! The trouble that the fake makes, as a client sees it.

use std::sync::mpsc;
use std::time::Duration;

use hyper::Method;
use hyper::header::{DATE, RETRY_AFTER};
use serde_json::{Value, json};

use super::{FakeApi, Fault, Moment, Requests, Resource};
use crate::control_plane::client::{Answer, Client, ClientError};
use crate::objects::{Node, Pod};

const NODE: &str = "/api/v1/nodes/n1";

fn cluster() -> (FakeApi, Client) {
    let fake = FakeApi::start();
    fake.add_node(&Node::new("n1").memory("4Gi").cpu("2").label("pool", "users").taint(
        "team",
        "a",
        "NoSchedule",
    ));
    let client = fake.client().with_timeout(Duration::from_secs(5));
    (fake, client)
}

fn cordon(client: &Client) -> Result<Answer, ClientError> {
    client.send(&Method::PATCH, NODE, Some(&json!({"spec": {"unschedulable": true}})))
}

fn is_cordoned(fake: &FakeApi) -> bool {
    fake.get(Resource::Nodes, None, "n1").is_some_and(|node| node["spec"]["unschedulable"] == true)
}

#[test]
fn a_refusal_by_script_has_its_status_and_reason_and_is_not_carried_out() {
    let cases = [
        (Fault::InternalError, 500, "InternalError"),
        (Fault::Unavailable, 503, "ServiceUnavailable"),
        (Fault::Conflict, 409, "Conflict"),
        (Fault::Forbidden, 403, "Forbidden"),
        (Fault::NotFound, 404, "NotFound"),
        (Fault::BudgetRefuses, 429, "TooManyRequests"),
        (Fault::ExpiredToken, 410, "Expired"),
    ];
    for (fault, status, reason) in cases {
        let (fake, client) = cluster();
        fake.fail(Requests::all(), fault);
        let answer = cordon(&client).unwrap();
        assert_eq!((answer.status, &answer.json()["reason"]), (status, &json!(reason)), "{fault:?}");
        assert!(!is_cordoned(&fake), "{fault:?}");
    }
}

#[test]
fn too_many_requests_is_plain_text_with_a_time_to_wait() {
    let (fake, client) = cluster();
    fake.fail(Requests::all(), Fault::TooManyRequests { retry_after_seconds: 7 });
    let answer = cordon(&client).unwrap();
    assert_eq!(answer.status, 429);
    assert_eq!(answer.headers.get(RETRY_AFTER).unwrap(), "7");
    assert!(
        serde_json::from_str::<Value>(&answer.text).is_err(),
        "as the real server's flow control answers"
    );
    assert!(!is_cordoned(&fake));
}

#[test]
fn a_broken_body_comes_of_a_request_that_was_carried_out() {
    let (fake, client) = cluster();
    fake.fail(Requests::of(Method::GET, "/nodes"), Fault::MalformedJson);
    let answer = client.get(NODE);
    assert_eq!(answer.status, 200);
    assert!(serde_json::from_str::<Value>(&answer.text).is_err(), "{}", answer.text);

    fake.fail(Requests::of(Method::PATCH, "/nodes"), Fault::HalfBody);
    assert!(matches!(cordon(&client), Err(ClientError::Body(_))), "the head came, the body broke off");
    assert!(is_cordoned(&fake));
}

#[test]
fn a_reset_and_a_hang_are_before_or_after_the_request_takes_effect() {
    for (fault, carried_out) in [
        (Fault::Reset(Moment::Before), false),
        (Fault::Reset(Moment::After), true),
        (Fault::Hang(Moment::Before), false),
        (Fault::Hang(Moment::After), true),
    ] {
        let (fake, client) = cluster();
        fake.fail(Requests::all(), fault);
        let error = cordon(&client.with_timeout(Duration::from_millis(500))).unwrap_err();
        if matches!(fault, Fault::Hang(_)) {
            assert!(matches!(error, ClientError::TimedOut(_)), "{error:?}");
        } else {
            assert!(format!("{error:?}").contains("ConnectionReset"), "{error:?}");
        }
        assert_eq!(is_cordoned(&fake), carried_out, "{fault:?}");
    }
}

#[test]
fn only_the_nth_matching_request_fails() {
    let (fake, client) = cluster();
    fake.fail(Requests::of(Method::GET, "/nodes/").nth(2), Fault::Unavailable);
    let mut seen = Vec::new();
    for path in [NODE, "/api/v1/pods", NODE, NODE] {
        seen.push(client.get(path).status);
    }
    assert_eq!(seen, [200, 200, 503, 200]);

    fake.behave();
    fake.fail(Requests::all().since_nth(2), Fault::InternalError);
    assert_eq!([NODE, NODE, NODE].map(|path| client.get(path).status), [200, 500, 500]);
    fake.behave();
    assert_eq!(client.get(NODE).status, 200);
}

#[test]
fn a_hook_sees_the_world_before_or_after_and_the_answer_waits_for_it() {
    let (fake, client) = cluster();
    let (sender, receiver) = mpsc::channel();
    for moment in [Moment::Before, Moment::After] {
        let (sender, client) = (sender.clone(), client.clone());
        fake.on(Requests::of(Method::PATCH, ""), moment, move |call| {
            let node = client.get(&call.path).success();
            sender.send((moment, node["spec"]["unschedulable"] == true)).unwrap();
        });
    }
    cordon(&client).unwrap().success();
    assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [(Moment::Before, false), (Moment::After, true)]);
}

#[test]
fn a_crash_point_leaves_a_request_undone_or_done() {
    for (moment, done) in [(Moment::Before, false), (Moment::After, true)] {
        let (fake, client) = cluster();
        let (sender, receiver) = mpsc::channel();
        fake.crash(&Requests::all().nth(2), moment, move |call| sender.send(call.method.clone()).unwrap());
        client.get(NODE).success();
        assert!(cordon(&client).is_err());
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [Method::PATCH]);
        assert_eq!(is_cordoned(&fake), done);
    }
}

#[test]
fn every_request_is_remembered_in_order_with_query_and_body() {
    let (fake, client) = cluster();
    client.get("/api/v1/pods?limit=5&fieldSelector=status.phase%21%3DFailed").success();
    client.patch(&format!("{NODE}?dryRun=All"), &json!({"spec": {"unschedulable": true}})).success();
    let calls = fake.calls();
    assert_eq!(
        calls.iter().map(|call| (call.method.as_str(), call.path.as_str())).collect::<Vec<_>>(),
        [("GET", "/api/v1/pods"), ("PATCH", NODE)]
    );
    assert_eq!(calls[0].query, "limit=5&fieldSelector=status.phase%21%3DFailed");
    assert_eq!(calls[0].parameter("fieldSelector").as_deref(), Some("status.phase!=Failed"));
    assert_eq!(calls[1].parameter("dryRun").as_deref(), Some("All"));
    assert_eq!(calls[1].body, json!({"spec": {"unschedulable": true}}));
    assert_eq!(calls[1].headers["content-type"], "application/merge-patch+json");
    fake.forget_calls();
    assert!(fake.calls().is_empty());
}

#[test]
fn a_test_changes_the_world_behind_the_programs_back() {
    let (fake, client) = cluster();
    let version = client.get(NODE).success()["metadata"]["resourceVersion"].clone();
    assert!(fake.edit(Resource::Nodes, None, "n1", |node| node["metadata"]["labels"]["by"] = json!("hand")));
    let patch = json!({"metadata": {"resourceVersion": version}, "spec": {"unschedulable": true}});
    assert_eq!(client.patch(NODE, &patch).status, 409);

    fake.add_pod(&Pod::new("default", "p1").on("n1").memory("1Gi").cpu("1").label("app", "user"));
    fake.add_pod(&Pod::new("default", "p2").owned_by("DaemonSet", "logs"));
    let phases: Vec<Value> =
        fake.all(Resource::Pods).iter().map(|pod| pod["status"]["phase"].clone()).collect();
    assert_eq!(phases, [json!("Running"), json!("Pending")]);
    let pod = client.get("/api/v1/namespaces/default/pods/p2");
    assert_eq!(pod.success()["metadata"]["ownerReferences"][0]["kind"], "DaemonSet");
    assert!(fake.remove(Resource::Pods, Some("default"), "p1"));
    assert!(!fake.remove(Resource::Pods, Some("default"), "p1"));
    assert!(!fake.edit(Resource::Nodes, None, "n2", |_| {}));
}

#[test]
fn the_date_is_what_the_test_says() {
    let (fake, client) = cluster();
    fake.set_date("Thu, 01 Jan 2026 00:00:00 GMT");
    assert_eq!(client.get(NODE).headers.get(DATE).unwrap(), "Thu, 01 Jan 2026 00:00:00 GMT");
}

#[test]
fn the_kubeconfig_names_the_server() {
    let (fake, client) = cluster();
    let config: Value = serde_json::from_str(&fake.kubeconfig()).unwrap();
    let server = config["clusters"][0]["cluster"]["server"].as_str().unwrap();
    assert_eq!(Client::plain(server).get(NODE).json(), client.get(NODE).json());
}

#[test]
fn a_dropped_fake_lets_go_of_a_request_that_hangs() {
    let (fake, client) = cluster();
    let (sender, receiver) = mpsc::channel();
    fake.fail(Requests::all(), Fault::Hang(Moment::Before));
    fake.on(Requests::all(), Moment::Before, move |_| sender.send(()).unwrap());
    let waiting = std::thread::spawn(move || client.send(&Method::GET, NODE, None));
    receiver.recv().unwrap();
    drop(fake);
    assert!(matches!(waiting.join().unwrap(), Err(ClientError::NoAnswer(_))));
}
