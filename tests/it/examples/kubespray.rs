//! `grow` and `delete` of Kubespray's example, with a Terraform that plans by the map.

use std::fs;

use serde_json::{Value, json};

use super::{Workspace, has_jq};

/// A Terraform whose state has the servers of `state.json`, by their keys. `pending.json` has further changes that it plans;
/// `winner.json` are values that win against the map. Other files make it fail; with `part` it creates the first server before.
const TERRAFORM: &str = r#"
cd "$WORKSPACE"
map=nodes.auto.tfvars.json
[ ! -e winner.json ] || map=winner.json
locked() { echo 'Error: Error acquiring the state lock' >&2; exit 1; }
case $1 in
  plan)
    [ ! -e locked ] || locked
    [ ! -e dies ] || kill -TERM "$PPID"
    jq -n --slurpfile map "$map" --slurpfile state state.json --slurpfile pending pending.json '
      def both($action; $key; $id): ("openstack_compute_instance_v2", "openstack_networking_port_v2")
        | {type: ., index: $key, address: "\(.).\($key)",
           change: {actions: [$action], before: (if $id then {id: $id, name: "hub-k8s-node-\($key)"} else null end)}};
      $map[0].k8s_nodes as $new | $state[0] as $old
      | {resource_changes: ([($old | to_entries[] | both(if $new[.key] then "no-op" else "delete" end; .key; .value)),
          ($new | keys[] | select($old[.] | not) | both("create"; .; null))] + $pending[0])}' >change.plan ;;
  show)
    if [ $# -gt 2 ]; then cat change.plan; else
      [ ! -e unshown ] || exit 1
      jq '{values: {root_module: {resources: [to_entries[]
        | {address: "a.\(.key)", type: "openstack_compute_instance_v2", index: .key}]}}}' state.json
    fi ;;
  apply)
    for last; do :; done
    [ "$last" = change.plan ] || exit 2
    [ ! -e locked-later ] || locked
    [ ! -e part ] || {
      jq --slurpfile plan change.plan '.[[$plan[0].resource_changes[] | select(.change.actions == ["create"])][0].index] = "new"' \
        state.json >state.new
      mv state.new state.json
    }
    [ ! -e fails ] || { echo "Error: $(cat fails)" >&2; exit 1; }
    jq --slurpfile plan change.plan 'reduce $plan[0].resource_changes[] as $one (.;
      if $one.change.actions == ["create"] then .[$one.index] = "new"
      elif $one.change.actions == ["delete"] then del(.[$one.index]) else . end)' state.json >state.new
    mv state.new state.json ;;
  *) exit 2 ;;
esac"#;

fn workspace() -> Workspace {
    let workspace = Workspace::new(TERRAFORM);
    fs::write(workspace.path("state.json"), r#"{"1": "u1", "2": "u2"}"#).unwrap();
    fs::write(workspace.path("pending.json"), "[]").unwrap();
    workspace
}

fn servers(workspace: &Workspace) -> Vec<String> {
    let state: Value = serde_json::from_slice(&fs::read(workspace.path("state.json")).unwrap()).unwrap();
    state.as_object().unwrap().keys().cloned().collect()
}

/// The tools that were called, by their first two words.
fn called(workspace: &Workspace) -> Vec<String> {
    let words = |line: &String| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    workspace.log().iter().map(words).collect()
}

fn grow() -> Value {
    json!({"verb": "grow", "group": "kubespray", "from": 2, "to": 4})
}

fn delete() -> Value {
    let node =
        json!({"name": "hub-k8s-node-1", "uid": "u", "providerID": "openstack:///u1", "systemUUID": "u1"});
    json!({"verb": "delete", "group": "kubespray", "nodes": [node]})
}

/// Nothing was changed, and Terraform was only asked for a plan.
fn assert_nothing_changed(workspace: &Workspace, case: &str) {
    assert_eq!(workspace.keys(), ["1", "2"], "{case}");
    assert_eq!(servers(workspace), ["1", "2"], "{case}");
    let changes: Vec<String> = called(workspace)
        .into_iter()
        .filter(|call| !["terraform plan", "terraform show"].contains(&call.as_str()))
        .collect();
    assert!(changes.is_empty(), "{case}: {changes:?}");
    assert!(!workspace.path("nodes.before").exists() && !workspace.path("change.plan").exists(), "{case}");
}

#[test]
fn growing_adds_nodes_by_name_and_plays_them_alone() {
    if !has_jq() {
        return;
    }
    let workspace = workspace();
    let (code, output) = workspace.run("grow", &grow());
    assert_eq!((code, output.trim(), workspace.keys().len()), (Some(0), "{}", 4));
    assert_eq!(servers(&workspace), workspace.keys());
    let new: Vec<String> = workspace.keys().into_iter().filter(|key| key.starts_with("auto-")).collect();
    let log = workspace.log();
    assert_eq!(called(&workspace)[..3], ["terraform plan", "terraform show", "terraform apply"]);
    let limit =
        log[3].strip_prefix("ansible-playbook -i hosts --become /kubespray/scale.yml --limit ").unwrap();
    let mut played: Vec<&str> = limit.split(',').collect();
    played.sort_unstable();
    let expected: Vec<String> = new.iter().map(|key| format!("hub-k8s-node-{key}")).collect();
    assert_eq!((played.len(), played), (2, expected.iter().map(String::as_str).collect()));
    // Its second run plans the same way: the first one left nothing behind.
    assert_eq!(workspace.run("grow", &json!({"from": 4, "to": 5})).0, Some(0));
    assert_eq!(servers(&workspace).len(), 5);
}

#[test]
fn deleting_removes_exactly_the_named_nodes() {
    if !has_jq() {
        return;
    }
    let workspace = workspace();
    assert_eq!(workspace.run("delete", &delete()).0, Some(0));
    assert_eq!((workspace.keys(), servers(&workspace)), (vec!["2".to_owned()], vec!["2".to_owned()]));
    let calls = ["terraform plan", "terraform show", "ansible-playbook -i", "terraform apply"];
    assert_eq!(called(&workspace), calls);
    let played = "ansible-playbook -i hosts --become /kubespray/remove-node.yml -e node=hub-k8s-node-1 -e skip_confirmation=true";
    assert_eq!(workspace.log()[2], played);
}

/// A difference that somebody has not applied yet may destroy servers with running notebooks.
#[test]
fn any_other_pending_change_ends_both_commands_before_anything_is_changed() {
    if !has_jq() {
        return;
    }
    let change = |kind: &str, index: &str, actions: &[&str]| {
        let change = json!({"actions": actions, "before": {}});
        json!([{"type": kind, "index": index, "address": "an.address", "change": change}])
    };
    let server = "openstack_compute_instance_v2";
    for pending in [
        change(server, "9", &["delete"]),
        change(server, "2", &["delete", "create"]),
        change(server, "1", &["create", "delete"]),
        change("openstack_networking_secgroup_v2", "0", &["update"]),
        change("openstack_networking_port_v2", "9", &["create"]),
        json!([{"type": "null_resource", "address": "an.address", "change": {"actions": ["create"]}}]),
    ] {
        let workspace = workspace();
        fs::write(workspace.path("pending.json"), pending.to_string()).unwrap();
        for (verb, request) in [("grow", grow()), ("delete", delete())] {
            assert_eq!(workspace.run(verb, &request), (Some(1), String::new()), "{verb}: {pending}");
            assert_nothing_changed(&workspace, &format!("{verb}: {pending}"));
        }
    }
}

#[test]
fn reads_of_data_are_no_changes() {
    if !has_jq() {
        return;
    }
    let workspace = workspace();
    let read =
        json!([{"type": "openstack_images_image_v2", "address": "data.i", "change": {"actions": ["read"]}}]);
    fs::write(workspace.path("pending.json"), read.to_string()).unwrap();
    assert_eq!(workspace.run("grow", &grow()).0, Some(0));
    assert_eq!(workspace.run("delete", &delete()).0, Some(0));
}

#[test]
fn a_map_that_has_no_effect_or_is_not_there_ends_both_commands() {
    if !has_jq() {
        return;
    }
    for (verb, request) in [("grow", grow()), ("delete", delete())] {
        let loses = workspace();
        fs::copy(loses.path("nodes.auto.tfvars.json"), loses.path("winner.json")).unwrap();
        assert_eq!(loses.run(verb, &request).0, Some(1), "{verb}");
        assert_nothing_changed(&loses, verb);
        let missing = workspace();
        fs::remove_file(missing.path("nodes.auto.tfvars.json")).unwrap();
        assert_eq!(missing.run(verb, &request).0, Some(1), "{verb}");
        assert_eq!((servers(&missing), missing.log().len()), (vec!["1".to_owned(), "2".to_owned()], 0));
    }
}

#[test]
fn a_node_that_the_plan_does_not_delete_by_name_and_uuid_is_refused() {
    if !has_jq() {
        return;
    }
    let workspace = workspace();
    let of =
        |name: &str, id: &str| json!({"name": name, "uid": "u", "providerID": format!("openstack:///{id}")});
    for nodes in [
        json!([of("hub-k8s-node-9", "u9")]),
        json!([of("another-1", "u1")]),
        json!([of("hub-k8s-node-1", "u2")]),
        json!([of("hub-k8s-node-1", "u1"), of("hub-k8s-node-9", "u9")]),
        json!([{"name": "hub-k8s-node-1", "uid": "u"}]),
    ] {
        assert_eq!(workspace.run("delete", &json!({"nodes": nodes})).0, Some(1), "{nodes}");
        assert_nothing_changed(&workspace, &nodes.to_string());
    }
    // Without a provider ID the system UUID counts, in any case of its letters.
    let by_uuid = json!({"nodes": [{"name": "hub-k8s-node-1", "uid": "u", "systemUUID": "U1"}]});
    assert_eq!(workspace.run("delete", &by_uuid).0, Some(0));
}

#[test]
fn a_held_lock_ends_with_75_and_changes_nothing() {
    if !has_jq() {
        return;
    }
    let workspace = workspace();
    fs::write(workspace.path("locked"), "").unwrap();
    assert_eq!(workspace.run("grow", &grow()).0, Some(75));
    assert_eq!(workspace.run("delete", &delete()).0, Some(75));
    assert_nothing_changed(&workspace, "at the plan");
    fs::rename(workspace.path("locked"), workspace.path("locked-later")).unwrap();
    assert_eq!(workspace.run("grow", &grow()).0, Some(75));
    assert_eq!((workspace.keys(), servers(&workspace).len()), (vec!["1".to_owned(), "2".to_owned()], 2));
    for script in ["common", "grow", "delete"] {
        let text = fs::read_to_string(std::path::Path::new(super::FOLDER).join(script)).unwrap();
        assert!(!text.contains("force-unlock") && !text.contains("auto-approve"), "{script}");
    }
}

/// An exit code means that nothing was changed, so a failure after the first change is a signal.
#[test]
fn after_the_first_change_a_failure_is_a_signal() {
    if !has_jq() {
        return;
    }
    let halfway = workspace();
    fs::write(halfway.path("fails"), "a conflict").unwrap();
    assert_eq!(halfway.run("delete", &delete()), (None, String::new()));
    assert_eq!(halfway.keys(), ["2"], "`terraform apply` deletes the server");
    for (verb, request) in [("grow", grow()), ("delete", delete())] {
        let unplayed = workspace();
        unplayed.tool("ansible-playbook", "exit 2");
        assert_eq!(unplayed.run(verb, &request), (None, String::new()), "{verb}");
        // Growth keeps its servers; a node whose playbook failed keeps its server and its place in the map.
        let count = if verb == "grow" { 4 } else { 2 };
        assert_eq!((servers(&unplayed).len(), unplayed.keys().len()), (count, count), "{verb}");
    }
    // A lock that somebody takes during the playbook comes too late for 75. The server is still there, and in the map.
    for (file, text) in [("locked-later", ""), ("fails", "Saved plan is stale")] {
        let late = workspace();
        fs::write(late.path(file), text).unwrap();
        assert_eq!(late.run("delete", &delete()).0, None, "{file}");
        assert_eq!(
            (late.keys(), servers(&late)),
            (vec!["1".to_owned(), "2".to_owned()], late.keys()),
            "{file}"
        );
        // The map has no other change: the next command of other nodes works.
        fs::remove_file(late.path(file)).unwrap();
        assert_eq!(late.run("grow", &grow()).0, Some(0), "{file}");
    }
}

/// A name that stays in the map without a server would make every later command refuse.
#[test]
fn failed_growth_leaves_only_names_with_resources_in_the_map() {
    if !has_jq() {
        return;
    }
    // Nothing was created: the group has no room, another may have.
    let full = workspace();
    fs::write(full.path("fails"), "Quota exceeded for cores").unwrap();
    assert_eq!(full.run("grow", &grow()), (Some(69), String::new()));
    assert_eq!((full.keys(), servers(&full)), (vec!["1".to_owned(), "2".to_owned()], full.keys()));
    fs::remove_file(full.path("fails")).unwrap();
    assert_eq!(full.run("delete", &delete()).0, Some(0), "the next command works");

    // One of two was created.
    let part = workspace();
    fs::write(part.path("fails"), "Quota exceeded for cores").unwrap();
    fs::write(part.path("part"), "").unwrap();
    assert_eq!(part.run("grow", &grow()), (None, String::new()));
    assert_eq!((part.keys().len(), servers(&part)), (3, part.keys()));

    // What was created is not known.
    for (text, file) in [
        ("Failed to save state", "other"),
        ("Failed to persist state to backend", "other"),
        ("no route to host", "unshown"),
    ] {
        let unknown = workspace();
        fs::write(unknown.path("fails"), text).unwrap();
        fs::write(unknown.path(file), "").unwrap();
        assert_eq!(unknown.run("grow", &grow()), (None, String::new()), "{text}, {file}");
        assert_eq!((unknown.keys().len(), servers(&unknown).len()), (4, 2), "{text}, {file}");
    }

    // No resource is known, and the answer is no refusal: a server may exist all the same.
    let lost = workspace();
    fs::write(lost.path("fails"), "504 Gateway Timeout").unwrap();
    assert_eq!(lost.run("grow", &grow()), (None, String::new()));
    assert_eq!(lost.keys(), ["1", "2"]);
}

#[test]
fn nothing_is_planned_while_an_earlier_state_is_not_stored() {
    if !has_jq() {
        return;
    }
    for (verb, request) in [("grow", grow()), ("delete", delete())] {
        let kept = workspace();
        fs::write(kept.path("errored.tfstate"), "").unwrap();
        assert_eq!(kept.run(verb, &request).0, Some(1), "{verb}");
        assert_nothing_changed(&kept, verb);
    }
}

#[test]
fn a_command_that_is_ended_while_it_plans_takes_its_map_back() {
    if !has_jq() {
        return;
    }
    for (verb, request) in [("grow", grow()), ("delete", delete())] {
        let ended = workspace();
        fs::write(ended.path("dies"), "").unwrap();
        assert_eq!(ended.run(verb, &request).0, Some(143), "{verb}");
        assert_nothing_changed(&ended, verb);
        // Killed: the next command takes it back.
        fs::remove_file(ended.path("dies")).unwrap();
        fs::rename(ended.path("nodes.auto.tfvars.json"), ended.path("nodes.before")).unwrap();
        fs::write(ended.path("nodes.auto.tfvars.json"), r#"{"k8s_nodes": {"1": {}, "2": {}, "lost": {}}}"#)
            .unwrap();
        assert_eq!(ended.run(verb, &request).0, Some(0), "{verb}");
        assert_eq!((servers(&ended), ended.keys().contains(&"lost".to_owned())), (ended.keys(), false));
    }
}
