//! Answers for missing, forbidden and unknown objects; and the headers of every answer.

use hyper::Method;
use hyper::header::{CONTENT_TYPE, DATE};
use serde_json::json;

use super::servers::{Server, assert_refused, bare, contract};

contract!(
    what_is_not_there_is_not_found,
    an_unknown_path_is_not_found,
    a_method_that_is_not_served_is_refused,
    who_has_no_rights_is_told_which,
    every_answer_has_a_date_and_a_type,
);

fn what_is_not_there_is_not_found(server: &Server) {
    let details = json!({"name": "nobody", "kind": "nodes"});
    let message = "nodes \"nobody\" not found";
    assert_refused(&server.client.get("/api/v1/nodes/nobody"), 404, "NotFound", message, &details);
    let patched = server.client.patch("/api/v1/nodes/nobody", &json!({"spec": {"unschedulable": true}}));
    assert_refused(&patched, 404, "NotFound", message, &details);
}

fn an_unknown_path_is_not_found(server: &Server) {
    let message = "the server could not find the requested resource";
    assert_refused(&server.client.get("/api/v1/nothings"), 404, "NotFound", message, &json!({}));
}

fn a_method_that_is_not_served_is_refused(server: &Server) {
    let message = "the server does not allow this method on the requested resource";
    let answer = bare(&server.client, &Method::POST, "/api/v1/nodes/nobody");
    assert_refused(&answer, 405, "MethodNotAllowed", message, &json!({}));
}

fn who_has_no_rights_is_told_which(server: &Server) {
    let client = server.client_without_rights();
    let namespace = &server.namespace;

    let message = "pods is forbidden: User \"test\" cannot list resource \"pods\" in API group \"\" at the cluster scope";
    assert_refused(&client.get("/api/v1/pods?limit=1"), 403, "Forbidden", message, &json!({"kind": "pods"}));

    let message = "nodes \"n1\" is forbidden: User \"test\" cannot patch resource \"nodes\" in API group \"\" at the cluster scope";
    let details = json!({"name": "n1", "kind": "nodes"});
    assert_refused(&client.patch("/api/v1/nodes/n1", &json!({})), 403, "Forbidden", message, &details);

    let path = server.path("/apis/coordination.k8s.io/v1", "leases");
    let message = format!(
        "leases.coordination.k8s.io is forbidden: User \"test\" cannot create resource \"leases\" in API group \
         \"coordination.k8s.io\" in the namespace \"{namespace}\""
    );
    let details = json!({"group": "coordination.k8s.io", "kind": "leases"});
    assert_refused(&client.post(&path, &json!({})), 403, "Forbidden", &message, &details);
}

fn every_answer_has_a_date_and_a_type(server: &Server) {
    for path in ["/api/v1/nodes?limit=1", "/api/v1/nodes/nobody"] {
        let answer = server.client.get(path);
        let date = answer.headers.get(DATE).unwrap().to_str().unwrap();
        // The form is "Thu, 01 Jan 2026 00:00:00 GMT".
        assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
        assert_eq!(answer.headers.get(CONTENT_TYPE).unwrap(), "application/json");
    }
}
