//! Good answers that are no lists: what proxies, gateways and slips put in the place of what was asked for. Nothing is
//! planned on less than the whole cluster.

use hyper::Method;

use super::patience::{pods, with_two_pages};
use super::program::Program;
use super::world::{self, holder, state};
use crate::fake_api::{FakeApi, Fault, Requests};

/// The API server's answer to a failed request, here with a success status.
const STATUS: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
    "message":"etcdserver: request timed out","reason":"InternalError","code":500}"#;
const TABLE: &str =
    r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{},"columnDefinitions":[],"rows":[]}"#;
const OTHER_OBJECTS: &str = r#"{"kind":"ConfigMapList","apiVersion":"v1","metadata":{},"items":[]}"#;
const HTML: &str = "<!doctype html><html><body>Sign in to continue</body></html>";

/// Answers that are no lists.
const NO_LISTS: [&str; 7] = [STATUS, TABLE, OTHER_OBJECTS, HTML, "{}", "null", ""];

fn nodes() -> Requests {
    Requests::of(Method::GET, "/api/v1/nodes")
}

/// Runs for good, and asserts that it refuses and that nothing is changed.
fn refuses(fake: &FakeApi, program: &Program, requests: Requests, fault: Fault) -> String {
    let before = state(fake);
    fake.fail(requests, fault);
    let ran = program.run(&["--yes"]);
    assert_eq!(ran.code, Some(3), "{fault:?}: {}", ran.stderr);
    assert_eq!((state(fake), holder(fake)), (before, None), "{fault:?}");
    assert!(ran.report["actions"].as_array().is_none_or(Vec::is_empty), "{fault:?}");
    fake.behave();
    format!("{}{}", ran.stderr, ran.report)
}

#[test]
fn live_page_answered_with_status() {
    let (fake, program) = with_two_pages();
    for text in NO_LISTS {
        // A page may be asked for again: every one but the first is answered so.
        refuses(&fake, &program, pods().since_nth(2), Fault::Instead(text));
    }
    let told = refuses(&fake, &program, pods().since_nth(2), Fault::Instead(STATUS));
    assert!(told.contains("etcdserver: request timed out"), "{told}");
}

/// A proxy that sends people to a page where they sign in.
#[test]
fn live_html_login_page() {
    let fake = world::start();
    let program = Program::new(&fake, "60s");
    for requests in [nodes(), pods()] {
        refuses(&fake, &program, requests, Fault::Instead(HTML));
    }
}

/// Lists without anything in them: no nodes, or not one pod, is never a cluster that is idle.
#[test]
fn live_items_null_empty_continue_no_date() {
    let fake = world::start();
    let program = Program::new(&fake, "60s");
    for text in [
        r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":null}"#,
        r#"{"kind":"PodList","apiVersion":"v1","metadata":{"continue":""},"items":[]}"#,
        r#"{"kind":"PodList","apiVersion":"v1"}"#,
    ] {
        refuses(&fake, &program, pods(), Fault::Instead(text));
    }
    for text in [
        r#"{"kind":"NodeList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":null}"#,
        r#"{"kind":"NodeList","apiVersion":"v1","metadata":{"continue":""},"items":[]}"#,
    ] {
        refuses(&fake, &program, nodes(), Fault::Instead(text));
    }
    for text in NO_LISTS {
        refuses(&fake, &program, pods(), Fault::Instead(text));
        refuses(&fake, &program, nodes(), Fault::Instead(text));
    }
}

/// Aggregated and proxied APIs may send `metadata: null`: read as a last page, as kube does, or refused in plain words.
#[test]
fn live_list_metadata_null() {
    let fake = world::start();
    let program = Program::new(&fake, "60s");
    let list = r#"{"kind":"PodList","apiVersion":"v1","metadata":null,"items":[{"metadata":{"namespace":"hub",
        "name":"hub","labels":{}},"spec":{"nodeName":"n1","containers":[{"name":"main"}]},"status":{"phase":"Running"}}]}"#;
    fake.fail(pods(), Fault::Instead(list));
    let ran = program.run(&["--dry-run"]);
    match ran.code {
        Some(0) => assert_eq!(ran.report["nodes"][0]["occupants"], 1, "{}", ran.report),
        code => {
            assert_eq!(code, Some(3), "{}", ran.stderr);
            assert!(ran.stderr.contains("metadata") && !ran.stderr.contains("struct"), "{}", ran.stderr);
        }
    }
}

/// A load balancer that cuts every answer: there is never a whole list.
#[test]
fn live_half_body() {
    let fake = world::start();
    let program = Program::new(&fake, "4s");
    refuses(&fake, &program, pods(), Fault::HalfBody);
}
