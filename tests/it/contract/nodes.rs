//! Patches of nodes: the precondition, annotations, the cordon, dry runs.

use serde_json::{Value, json};

use super::servers::{Server, assert_reason, assert_refused, contract};

contract!(
    a_patch_cordons_and_annotates_in_one,
    a_patch_takes_a_cordon_and_annotations_away,
    a_patch_replaces_the_taints_as_a_whole,
    a_taint_has_a_known_effect,
    a_patch_that_was_made_for_another_version_is_a_conflict_and_changes_nothing,
    a_dry_run_tells_what_would_be_and_changes_nothing,
    a_dry_run_meets_the_same_conflicts,
    an_unknown_dry_run_is_refused,
    a_value_of_the_wrong_type_is_refused,
);

fn cordon() -> Value {
    json!({"metadata": {"annotations": {"test/since": "now", "test/by": "us"}}, "spec": {"unschedulable": true}})
}

#[track_caller]
fn assert_cordoned(node: &Value) {
    assert_eq!(node["spec"]["unschedulable"], true);
    assert_eq!(node["metadata"]["annotations"]["test/since"], "now");
    assert_eq!(node["metadata"]["annotations"]["test/by"], "us");
    assert_eq!(node["metadata"]["annotations"]["kwok.x-k8s.io/node"], "fake", "others' annotations stay");
}

fn a_patch_cordons_and_annotates_in_one(server: &Server) {
    let name = server.add_node();
    let before = server.node(&name);
    let patched = server.patch_node(&name, "", &cordon());
    assert_eq!((&patched["kind"], &patched["apiVersion"]), (&json!("Node"), &json!("v1")));
    assert_cordoned(&patched);
    assert_ne!(patched["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    assert_eq!(patched["metadata"]["uid"], before["metadata"]["uid"]);
    assert_cordoned(&server.node(&name));
}

fn a_patch_takes_a_cordon_and_annotations_away(server: &Server) {
    let name = server.add_node();
    for unschedulable in [Value::Null, json!(false)] {
        server.patch_node(&name, "", &cordon());
        let annotations = json!({"test/since": null, "test/never-there": null});
        let patch =
            json!({"metadata": {"annotations": annotations}, "spec": {"unschedulable": unschedulable}});
        let patched = server.patch_node(&name, "", &patch);
        assert_eq!(patched["spec"].get("unschedulable"), None, "false is not written, after {unschedulable}");
        assert_eq!(patched["metadata"]["annotations"].get("test/since"), None);
        assert_eq!(patched["metadata"]["annotations"].get("test/never-there"), None);
        assert_eq!(patched["metadata"]["annotations"]["test/by"], "us", "what is not named stays");
    }
}

fn a_patch_replaces_the_taints_as_a_whole(server: &Server) {
    let name = server.add_node();
    let [one, other] = ["test/one", "test/other"].map(|key| json!({"key": key, "effect": "NoSchedule"}));
    let patched = server.patch_node(&name, "", &json!({"spec": {"taints": [one, other]}}));
    assert_eq!(patched["spec"]["taints"], json!([one, other]));
    let patched = server.patch_node(&name, "", &json!({"spec": {"taints": [other]}}));
    assert_eq!(patched["spec"]["taints"], json!([other]));
    // Fields that a patch does not name are unchanged.
    assert_eq!(server.patch_node(&name, "", &cordon())["spec"]["taints"][0], other);
    let patched = server.patch_node(&name, "", &json!({"spec": {"taints": []}}));
    assert_eq!(patched["spec"].get("taints"), None, "an empty list is not written");
}

fn a_taint_has_a_known_effect(server: &Server) {
    let name = server.add_node();
    let patch = json!({"spec": {"taints": [{"key": "test/one", "effect": "Sometimes"}]}});
    let answer = server.client.patch(&format!("/api/v1/nodes/{name}"), &patch);
    assert_reason("an unknown effect", &answer, 422, "Invalid");
}

fn a_patch_that_was_made_for_another_version_is_a_conflict_and_changes_nothing(server: &Server) {
    let name = server.add_node();
    let mut patch = cordon();
    patch["metadata"]["resourceVersion"] = json!("1");
    let answer = server.client.patch(&format!("/api/v1/nodes/{name}"), &patch);
    assert_conflict(&answer, &name);
    assert_eq!(server.node(&name)["spec"].get("unschedulable"), None);
    assert_eq!(server.node(&name)["metadata"]["annotations"].get("test/since"), None);
}

#[track_caller]
fn assert_conflict(answer: &crate::control_plane::client::Answer, name: &str) {
    let message = format!(
        "Operation cannot be fulfilled on nodes \"{name}\": the object has been modified; \
         please apply your changes to the latest version and try again"
    );
    assert_refused(answer, 409, "Conflict", &message, &json!({"name": name, "kind": "nodes"}));
}

fn a_dry_run_tells_what_would_be_and_changes_nothing(server: &Server) {
    let name = server.add_node();
    let told = server.patch_node(&name, "?dryRun=All", &cordon());
    assert_cordoned(&told);
    let now = server.node(&name);
    assert_eq!(now["spec"].get("unschedulable"), None);
    assert_eq!(now["metadata"]["annotations"].get("test/since"), None);
    assert_eq!(now["metadata"]["resourceVersion"], told["metadata"]["resourceVersion"]);
}

fn a_dry_run_meets_the_same_conflicts(server: &Server) {
    let name = server.add_node();
    let mut patch = cordon();
    patch["metadata"]["resourceVersion"] = json!("1");
    let answer = server.client.patch(&format!("/api/v1/nodes/{name}?dryRun=All"), &patch);
    assert_conflict(&answer, &name);
}

fn an_unknown_dry_run_is_refused(server: &Server) {
    let name = server.add_node();
    let answer = server.client.patch(&format!("/api/v1/nodes/{name}?dryRun=Some"), &cordon());
    assert_reason("dryRun=Some", &answer, 422, "Invalid");
    assert_eq!(server.node(&name)["spec"].get("unschedulable"), None);
}

fn a_value_of_the_wrong_type_is_refused(server: &Server) {
    let name = server.add_node();
    let path = format!("/api/v1/nodes/{name}");
    for patch in
        [json!({"spec": {"unschedulable": "yes"}}), json!({"metadata": {"annotations": {"test/n": 1}}})]
    {
        assert_reason(&patch.to_string(), &server.client.patch(&path, &patch), 422, "Invalid");
    }
}
