//! Lists: pages, consistency, selectors, tokens.

use kube_rebalancer_kube::observe::{Asked, Encoding, Reading};
use serde_json::{Value, json};

use super::servers::{Server, assert_reason, assert_refused, contract, encoded, names};
use crate::objects::Pod;

contract!(
    lists_come_in_pages_of_one_moment,
    a_list_without_limit_is_whole,
    nodes_are_listed_in_the_order_of_names,
    a_field_selector_leaves_out_pods_that_have_ended,
    a_field_selector_finds_the_pods_of_a_node,
    an_unknown_field_is_refused,
    a_token_that_is_too_old_is_refused_with_one_that_goes_on,
    a_token_that_is_none_is_refused,
    lists_say_the_same_in_protobuf,
    a_refusal_has_words_in_protobuf,
);

const ENDED: &str = "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed";

fn lists_come_in_pages_of_one_moment(server: &Server) {
    for name in ["a", "b", "c", "d", "e"] {
        server.add_waiting_pod(name);
    }
    let pods = server.path("/api/v1", "pods");

    let first = server.client.get(&format!("{pods}?limit=2")).success();
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!((&first["kind"], &first["apiVersion"]), (&json!("PodList"), &json!("v1")));
    assert_eq!(first["items"][0]["kind"], Value::Null, "items do not repeat the kind");
    assert_eq!(first["metadata"]["remainingItemCount"], 3);

    // Changes from now on are not visible in this list.
    server.client.delete(&format!("{pods}/d?gracePeriodSeconds=0")).success();
    server.add_waiting_pod("bb");

    let second = next(server, &pods, &first);
    assert_eq!(names(&second), ["c", "d"]);
    let third = next(server, &pods, &second);
    assert_eq!(names(&third), ["e"]);
    for page in [&second, &third] {
        assert_eq!(page["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    }
    assert_eq!(third["metadata"]["continue"].as_str().unwrap_or_default(), "", "the last page has no token");
    assert_eq!(third["metadata"]["remainingItemCount"], Value::Null);

    let again = server.client.get(&format!("{pods}?limit=500")).success();
    assert_eq!(names(&again), ["a", "b", "bb", "c", "e"]);
}

#[track_caller]
fn next(server: &Server, path: &str, page: &Value) -> Value {
    let token = page["metadata"]["continue"].as_str().unwrap();
    server.client.get(&format!("{path}?limit=2&continue={}", encoded(token))).success()
}

fn a_list_without_limit_is_whole(server: &Server) {
    server.add_waiting_pod("b");
    server.add_waiting_pod("a");
    let list = server.client.get(&server.path("/api/v1", "pods")).success();
    assert_eq!(names(&list), ["a", "b"]);
    assert_eq!(list["metadata"]["continue"].as_str().unwrap_or_default(), "");
}

fn nodes_are_listed_in_the_order_of_names(server: &Server) {
    let node = server.add_node();
    let list = server.client.get("/api/v1/nodes?limit=500").success();
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("NodeList"), &json!("v1")));
    assert!(names(&list).contains(&node.as_str()));
    assert!(names(&list).is_sorted());
}

fn a_field_selector_leaves_out_pods_that_have_ended(server: &Server) {
    let node = server.add_node();
    server.add_waiting_pod("waiting");
    server.add_bound_pod(&Pod::new(&server.namespace, "running").on(&node));
    server.add_bound_pod(&Pod::new(&server.namespace, "succeeded").on(&node).ended("Succeeded"));
    server.add_bound_pod(&Pod::new(&server.namespace, "failed").on(&node).ended("Failed"));
    let pods = server.path("/api/v1", "pods");

    let all = server.client.get(&pods).success();
    assert_eq!(names(&all), ["failed", "running", "succeeded", "waiting"]);
    let alive = server.client.get(&format!("{pods}?{ENDED}")).success();
    assert_eq!(names(&alive), ["running", "waiting"]);

    let first = server.client.get(&format!("{pods}?limit=1&{ENDED}")).success();
    assert_eq!(names(&first), ["running"]);
    assert_eq!(first["metadata"]["remainingItemCount"], Value::Null, "not known with a selector");
    let token = encoded(first["metadata"]["continue"].as_str().unwrap());
    let second = server.client.get(&format!("{pods}?limit=1&{ENDED}&continue={token}")).success();
    assert_eq!(names(&second), ["waiting"]);
}

fn a_field_selector_finds_the_pods_of_a_node(server: &Server) {
    let node = server.add_node();
    server.add_waiting_pod("waiting");
    server.add_bound_pod(&Pod::new(&server.namespace, "bound").on(&node));
    let pods = server.path("/api/v1", "pods");
    let on_it = server.client.get(&format!("{pods}?fieldSelector=spec.nodeName%3D{node}")).success();
    assert_eq!(names(&on_it), ["bound"]);
}

fn an_unknown_field_is_refused(server: &Server) {
    let answer = server.client.get("/api/v1/pods?fieldSelector=status.colour%3Dred");
    assert_refused(&answer, 400, "BadRequest", "field label not supported: status.colour", &Value::Null);
}

fn a_token_that_is_too_old_is_refused_with_one_that_goes_on(server: &Server) {
    server.add_node();
    let token = server.expired_token();
    let answer = server.client.get(&format!("/api/v1/nodes?limit=1&continue={}", encoded(&token)));

    let mut body = answer.json();
    let other = body["metadata"]["continue"].take();
    let expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {"continue": null}, "status": "Failure",
        "message": "The provided continue parameter is too old to display a consistent list result. You can start a \
            new list without the continue parameter, or use the continue token in this response to retrieve the \
            remainder of the results. Continuing with the provided token results in an inconsistent list - objects \
            that were created, modified, or deleted between the time the first chunk was returned and now may show \
            up in the list.",
        "reason": "Expired", "code": 410,
    });
    assert_eq!((answer.status, body), (410, expected));

    let rest =
        server.client.get(&format!("/api/v1/nodes?limit=1&continue={}", encoded(other.as_str().unwrap())));
    assert_eq!(names(&rest.success()).len(), 1);
}

fn a_token_that_is_none_is_refused(server: &Server) {
    let answer = server.client.get("/api/v1/nodes?limit=1&continue=garbage");
    assert_reason("a made-up token", &answer, 400, "BadRequest");
}

fn lists_say_the_same_in_protobuf(server: &Server) {
    let node = server.add_node();
    server.add_waiting_pod("waiting");
    server.add_bound_pod(
        &Pod::new(&server.namespace, "bound").on(&node).memory("1Gi").cpu("50m").claim("home"),
    );
    server.add_bound_pod(&Pod::new(&server.namespace, "ended").on(&node).ended("Succeeded"));
    let pods = server.path("/api/v1", "pods");
    for (path, asked) in [
        (format!("{pods}?limit=2"), Asked::Pods),
        (format!("{pods}?limit=500&{ENDED}"), Asked::Pods),
        (format!("/api/v1/nodes?limit=500&fieldSelector=metadata.name%3D{node}"), Asked::Nodes),
        ("/api/v1/nodes?limit=1".to_owned(), Asked::Nodes),
    ] {
        let of = |server: &Server, encoding: Encoding| {
            let client = server.client.clone();
            let client = match encoding {
                Encoding::Json => client,
                Encoding::Protobuf => client.preferring(as_protobuf::MEDIA_TYPE),
            };
            let answer = client.get(&path);
            let kind = answer.headers["content-type"].to_str().unwrap();
            assert_eq!(kind.starts_with(as_protobuf::MEDIA_TYPE), encoding == Encoding::Protobuf, "{kind}");
            let mut reading = Reading::default();
            let next = reading.add_page(&path, &answer.bytes, encoding, asked).unwrap();
            let (mut nodes, pods, seen) = reading.into_parts();
            for node in &mut nodes {
                // A heartbeat may come between the two.
                node.resource_version.clear();
            }
            (next.is_some(), format!("{nodes:#?}"), pods, seen)
        };
        assert_eq!(of(server, Encoding::Protobuf), of(server, Encoding::Json), "{path}");
    }
}

fn a_refusal_has_words_in_protobuf(server: &Server) {
    let client = server.client.clone().preferring(as_protobuf::MEDIA_TYPE);
    let answer = client.get("/api/v1/nodes?limit=1&continue=garbage");
    assert_eq!((answer.status, &answer.bytes[..4]), (400, b"k8s\0".as_slice()));
    assert!(answer.text.contains("continue"), "{}", answer.text);
}
