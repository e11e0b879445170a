//! Events: the fields that an API server requires.

use serde_json::{Value, json};

use super::servers::{Server, assert_reason, contract};

contract!(
    an_event_is_taken_and_named,
    an_event_must_say_who_what_when_and_why,
    an_event_of_a_node_is_in_the_default_namespace,
    an_event_of_a_pod_is_in_its_namespace,
    an_event_has_the_name_of_a_subdomain,
    a_note_has_a_limit,
    the_time_of_an_event_has_six_decimals,
);

/// The place of events of nodes, which have no namespace.
const PATH: &str = "/apis/events.k8s.io/v1/namespaces/default/events";

fn event() -> Value {
    json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"generateName": "node-1-"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "test-controller",
        "reportingInstance": "test-controller-1",
        "action": "Cordon",
        "reason": "NodeCordoned",
        "type": "Normal",
        "note": "so that the test has one",
        "regarding": {"apiVersion": "v1", "kind": "Node", "name": "node-1"},
    })
}

fn an_event_is_taken_and_named(server: &Server) {
    let answer = server.client.post(PATH, &event());
    assert_eq!(answer.status, 201, "{}", answer.text);
    let name = answer.json()["metadata"]["name"].as_str().unwrap().to_owned();
    assert!(name.starts_with("node-1-") && name.len() > "node-1-".len(), "{name}");

    let list = server.client.get(PATH).success();
    assert_eq!(list["kind"], "EventList");
    let items = list["items"].as_array().unwrap();
    let event = items.iter().find(|event| event["metadata"]["name"] == name.as_str()).unwrap();
    assert_eq!(event["note"], "so that the test has one");
    assert_eq!(event["regarding"]["name"], "node-1");
}

fn an_event_must_say_who_what_when_and_why(server: &Server) {
    for field in ["eventTime", "reportingController", "reportingInstance", "action", "reason", "type"] {
        let mut event = event();
        event.as_object_mut().unwrap().remove(field);
        assert_reason(&format!("without {field}"), &server.client.post(PATH, &event), 422, "Invalid");
    }
    let mut event = event();
    event["type"] = json!("Odd");
    assert_reason("of an odd type", &server.client.post(PATH, &event), 422, "Invalid");
}

fn an_event_of_a_node_is_in_the_default_namespace(server: &Server) {
    let path = server.path("/apis/events.k8s.io/v1", "events");
    assert_reason("elsewhere", &server.client.post(&path, &event()), 422, "Invalid");
}

fn an_event_of_a_pod_is_in_its_namespace(server: &Server) {
    let mut event = event();
    event["regarding"] =
        json!({"apiVersion": "v1", "kind": "Pod", "name": "ada", "namespace": server.namespace});
    let answer = server.client.post(&server.path("/apis/events.k8s.io/v1", "events"), &event);
    assert_eq!(answer.status, 201, "{}", answer.text);
}

fn an_event_has_the_name_of_a_subdomain(server: &Server) {
    for metadata in [json!({"generateName": "node-1."}), json!({"name": "Node_1"}), json!({})] {
        let mut event = event();
        event["metadata"] = metadata;
        assert_reason(&event["metadata"].to_string(), &server.client.post(PATH, &event), 422, "Invalid");
    }
}

fn a_note_has_a_limit(server: &Server) {
    for (length, status) in [(1024, 201), (1025, 422)] {
        let mut event = event();
        event["note"] = json!("x".repeat(length));
        assert_eq!(server.client.post(PATH, &event).status, status, "{length}");
    }
}

fn the_time_of_an_event_has_six_decimals(server: &Server) {
    let mut event = event();
    event["eventTime"] = json!("2026-01-01T00:00:00Z");
    assert_reason("no decimals", &server.client.post(PATH, &event), 400, "BadRequest");
}
