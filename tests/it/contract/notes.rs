//! `ConfigMaps` and volumes: the notes of a run for later ones, and the zone of a user's disk.

use serde_json::{Value, json};

use super::servers::{Server, assert_reason, contract};

contract!(
    a_patch_of_a_config_map_that_is_not_there_is_not_found,
    a_patch_replaces_one_key_of_a_config_map,
    a_config_map_is_created_once,
    a_value_of_a_config_map_is_text,
    a_claim_and_a_volume_that_are_not_there_are_not_found,
);

fn notes(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "notes"}, "data": data})
}

fn a_patch_of_a_config_map_that_is_not_there_is_not_found(server: &Server) {
    let path = server.path("/api/v1", "configmaps/notes");
    let answer = server.client.patch(&path, &json!({"data": {"ledger": "{}"}}));
    assert_reason("a patch", &answer, 404, "NotFound");
    assert_reason("nothing was made of it", &server.client.get(&path), 404, "NotFound");
}

fn a_patch_replaces_one_key_of_a_config_map(server: &Server) {
    let made =
        server.client.post(&server.path("/api/v1", "configmaps"), &notes(&json!({"a": "1", "b": "2"})));
    assert_eq!(made.status, 201, "{}", made.text);
    let path = server.path("/api/v1", "configmaps/notes?fieldManager=test");
    let patched = server.client.patch(&path, &json!({"data": {"b": "3"}})).success();
    assert_eq!((&patched["kind"], &patched["data"]), (&json!("ConfigMap"), &json!({"a": "1", "b": "3"})));
    assert_eq!(server.client.get(&path).success()["data"], patched["data"]);
}

fn a_config_map_is_created_once(server: &Server) {
    let path = server.path("/api/v1", "configmaps");
    assert_eq!(server.client.post(&path, &notes(&json!({"a": "1"}))).status, 201);
    assert_reason("a second one", &server.client.post(&path, &notes(&json!({}))), 409, "AlreadyExists");
    let kept = server.client.get(&server.path("/api/v1", "configmaps/notes")).success();
    assert_eq!(kept["data"], json!({"a": "1"}));
}

fn a_value_of_a_config_map_is_text(server: &Server) {
    server.client.post(&server.path("/api/v1", "configmaps"), &notes(&json!({"a": "1"}))).success();
    let answer = server.client.patch(&server.path("/api/v1", "configmaps/notes"), &json!({"data": {"a": 1}}));
    assert_reason("a number", &answer, 422, "Invalid");
}

fn a_claim_and_a_volume_that_are_not_there_are_not_found(server: &Server) {
    let claim = server.path("/api/v1", "persistentvolumeclaims/home");
    let volume = format!("/api/v1/persistentvolumes/{}", server.namespace);
    for path in [claim, volume] {
        assert_reason(&path, &server.client.get(&path), 404, "NotFound");
    }
}
