//! Leases: only one client can create a Lease, and only a client with its latest version can take it over.

use serde_json::{Value, json};

use super::servers::{Server, assert_reason, assert_refused, contract};

contract!(
    a_second_lease_of_the_same_name_is_refused,
    a_lease_is_replaced_by_who_has_seen_its_last_version,
    a_lease_is_not_replaced_by_who_has_not,
    a_lease_that_was_deleted_is_not_renewed_under_its_uid,
    a_lease_that_was_deleted_is_made_anew_by_an_update_without_uid,
    a_new_lease_must_not_name_a_version,
    a_patch_that_changes_nothing_makes_no_new_version,
    a_deleted_lease_is_gone,
    times_of_a_lease_have_six_decimals,
    a_lease_lasts_more_than_nothing,
    a_lease_needs_a_namespace_that_exists,
);

fn leases(server: &Server) -> String {
    server.path("/apis/coordination.k8s.io/v1", "leases")
}

fn lease(holder: &str) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "lock"},
        "spec": {
            "holderIdentity": holder,
            "leaseDurationSeconds": 60,
            "acquireTime": "2026-01-01T00:00:00.000000Z",
            "renewTime": "2026-01-01T00:00:00.000000Z",
        },
    })
}

fn details() -> Value {
    json!({"name": "lock", "group": "coordination.k8s.io", "kind": "leases"})
}

fn a_second_lease_of_the_same_name_is_refused(server: &Server) {
    let first = server.client.post(&leases(server), &lease("one"));
    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(first.json()["spec"]["holderIdentity"], "one");
    assert_eq!(first.json()["kind"], "Lease");

    let second = server.client.post(&leases(server), &lease("two"));
    let message = "leases.coordination.k8s.io \"lock\" already exists";
    assert_refused(&second, 409, "AlreadyExists", message, &details());
    assert_eq!(
        server.client.get(&format!("{}/lock", leases(server))).success()["spec"]["holderIdentity"],
        "one"
    );
}

fn a_lease_is_replaced_by_who_has_seen_its_last_version(server: &Server) {
    let mut seen = server.client.post(&leases(server), &lease("one")).success();
    seen["spec"]["holderIdentity"] = json!("two");
    let answer = server.client.put(&format!("{}/lock", leases(server)), &seen);
    assert_eq!(answer.status, 200);
    let now = answer.json();
    assert_eq!(now["spec"], seen["spec"]);
    assert_eq!(now["metadata"]["uid"], seen["metadata"]["uid"]);
    assert_ne!(now["metadata"]["resourceVersion"], seen["metadata"]["resourceVersion"]);
}

fn a_lease_is_not_replaced_by_who_has_not(server: &Server) {
    let path = format!("{}/lock", leases(server));
    let mut seen = server.client.post(&leases(server), &lease("one")).success();
    seen["spec"]["holderIdentity"] = json!("two");
    server.client.put(&path, &seen).success();

    seen["spec"]["holderIdentity"] = json!("three");
    let message = "Operation cannot be fulfilled on leases.coordination.k8s.io \"lock\": the object has been \
                   modified; please apply your changes to the latest version and try again";
    assert_refused(&server.client.put(&path, &seen), 409, "Conflict", message, &details());
    assert_reason("no version", &server.client.put(&path, &lease("three")), 422, "Invalid");
    assert_eq!(server.client.get(&path).success()["spec"]["holderIdentity"], "two");
}

fn a_lease_that_was_deleted_is_not_renewed_under_its_uid(server: &Server) {
    let path = format!("{}/lock", leases(server));
    let seen = server.client.post(&leases(server), &lease("one")).success();
    server.client.delete(&path).success();
    assert_reason("deleted", &server.client.put(&path, &seen), 409, "Conflict");
    assert_eq!(server.client.get(&path).status, 404);

    server.client.post(&leases(server), &lease("two")).success();
    assert_reason("another's", &server.client.put(&path, &seen), 409, "Conflict");
    assert_eq!(server.client.get(&path).success()["spec"]["holderIdentity"], "two");
}

/// Therefore a client that leaves the uid out does not notice that its Lease was deleted.
fn a_lease_that_was_deleted_is_made_anew_by_an_update_without_uid(server: &Server) {
    let path = format!("{}/lock", leases(server));
    let mut seen = server.client.post(&leases(server), &lease("one")).success();
    let uid = seen["metadata"].as_object_mut().unwrap().remove("uid");
    server.client.delete(&path).success();
    let answer = server.client.put(&path, &seen);
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_ne!(answer.json()["metadata"].get("uid"), uid.as_ref());
}

fn a_new_lease_must_not_name_a_version(server: &Server) {
    let mut lease = lease("one");
    lease["metadata"]["resourceVersion"] = json!("1");
    let answer = server.client.post(&leases(server), &lease);
    let expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "resourceVersion should not be set on objects to be created", "code": 500,
    });
    assert_eq!((answer.status, answer.json()), (500, expected));
}

fn a_patch_that_changes_nothing_makes_no_new_version(server: &Server) {
    let seen = server.client.post(&leases(server), &lease("one")).success();
    let patch = json!({"spec": {"holderIdentity": "one"}, "metadata": {"annotations": {"test/none": null}}});
    let patched = server.client.patch(&format!("{}/lock", leases(server)), &patch).success();
    assert_eq!(patched["metadata"]["resourceVersion"], seen["metadata"]["resourceVersion"]);
}

fn a_deleted_lease_is_gone(server: &Server) {
    let path = format!("{}/lock", leases(server));
    let uid = server.client.post(&leases(server), &lease("one")).success()["metadata"]["uid"].clone();
    let mut details = details();
    let message = "leases.coordination.k8s.io \"lock\" not found";
    details["uid"] = uid;
    let deleted = server.client.delete(&path);
    let expected = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details});
    assert_eq!((deleted.status, deleted.json()), (200, expected));
    details.as_object_mut().unwrap().remove("uid");
    assert_refused(&server.client.delete(&path), 404, "NotFound", message, &details);
    assert_refused(&server.client.get(&path), 404, "NotFound", message, &details);
}

fn times_of_a_lease_have_six_decimals(server: &Server) {
    for time in ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123Z", "2026-01-01T00:00:00.123456789Z"] {
        for field in ["acquireTime", "renewTime"] {
            let mut lease = lease("one");
            lease["spec"][field] = json!(time);
            assert_reason(
                &format!("{field} {time}"),
                &server.client.post(&leases(server), &lease),
                400,
                "BadRequest",
            );
        }
    }
    let mut lease = lease("one");
    lease["spec"]["renewTime"] = json!("2026-01-01T00:00:00.000001+01:00");
    assert_eq!(server.client.post(&leases(server), &lease).status, 201);
}

fn a_lease_lasts_more_than_nothing(server: &Server) {
    for seconds in [0, -1] {
        let mut lease = lease("one");
        lease["spec"]["leaseDurationSeconds"] = json!(seconds);
        let answer = server.client.post(&leases(server), &lease);
        assert_reason(&format!("{seconds} seconds"), &answer, 422, "Invalid");
    }
}

fn a_lease_needs_a_namespace_that_exists(server: &Server) {
    let answer = server.client.post("/apis/coordination.k8s.io/v1/namespaces/nowhere/leases", &lease("one"));
    let details = json!({"name": "nowhere", "kind": "namespaces"});
    assert_refused(&answer, 404, "NotFound", "namespaces \"nowhere\" not found", &details);

    let mut lease = lease("one");
    lease["metadata"]["namespace"] = json!("kube-system");
    let message = "the namespace of the provided object does not match the namespace sent on the request";
    assert_refused(&server.client.post(&leases(server), &lease), 400, "BadRequest", message, &Value::Null);
}
