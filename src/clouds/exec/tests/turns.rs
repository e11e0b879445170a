//! Several groups in one request, and answers that contradict each other or come from a command that a signal ended.

use std::fs;

use kube_rebalancer_ports::{GroupAnswer, Provider};

use super::{World, now, world};

/// Two groups with a node each.
const TWO: &str = r#"{"groups": [
    {"name": "a", "instances": [{"name": "n1", "providerID": "openstack:///n1"}]},
    {"name": "b", "instances": [{"name": "n2", "providerID": "openstack:///n2"}]}]}"#;

/// A world with both groups, whose command writes another list during its first run: `n2` in this state.
fn two(verb: &str, state: &str) -> (World, Box<dyn Provider>) {
    let world = world();
    fs::write(world.path("now"), TWO).unwrap();
    let later = TWO.replace(r#"/n2""#, &format!(r#"/n2", "state": "{state}""#));
    fs::write(world.path("later"), later).unwrap();
    let mut world = world.lists("cat \"$FOLDER/now\"");
    let body = format!("cp \"$FOLDER/later\" \"$FOLDER/now\"; cat \"$FOLDER/{verb}.in\" >>\"$FOLDER/all\"");
    let script = Some(world.script(verb, &body));
    match verb {
        "delete" => world.scope.commands.delete = script,
        "park" => world.scope.commands.park = script,
        _ => world.scope.commands.wake = script,
    }
    let (provider, _) = now(world.looked()).unwrap();
    (world, provider)
}

#[test]
fn the_list_is_read_again_before_the_command_of_each_group() {
    let leaving = GroupAnswer::Conflict("its machine is being deleted".to_owned());
    for (verb, state, second) in [
        ("delete", "leaving", GroupAnswer::AlreadySo),
        ("park", "leaving", leaving.clone()),
        ("park", "parked", GroupAnswer::AlreadySo),
        ("wake", "leaving", leaving),
    ] {
        let (world, provider) = two(verb, state);
        if verb == "wake" {
            // Both are parked until the first command changes the list.
            let parked = |name: &str, list: &str| {
                list.replace(&format!(r#"/{name}""#), &format!(r#"/{name}", "state": "parked""#))
            };
            fs::write(world.path("now"), parked("n1", &parked("n2", TWO))).unwrap();
        }
        let instances = world.instances(&["n1", "n2"]);
        let answers = match verb {
            "delete" => now(provider.delete(&instances)),
            "park" => now(provider.park(&instances)),
            _ => now(provider.wake(&instances)),
        };
        assert_eq!(answers, [GroupAnswer::Done, second], "{verb}, then {state}");
        assert!(!world.read("all").contains(r#""n2""#), "{verb} was asked of n2, which is {state}");
    }
}

#[test]
fn a_group_waits_for_the_next_run_if_the_list_before_its_command_fails() {
    let (world, provider) = two("delete", "present");
    fs::write(world.path("later"), "no list").unwrap();
    let answers = now(provider.delete(&world.instances(&["n1", "n2"])));
    assert_eq!(answers[0], GroupAnswer::Done);
    assert!(
        matches!(&answers[1], GroupAnswer::Failed(words) if words.starts_with("EXEC_LIST: ")),
        "{answers:?}"
    );
    assert!(!world.read("all").contains(r#""n2""#));
}

/// The answers for n1 and n3 of a deletion by this script.
fn deleted(body: &str) -> Vec<GroupAnswer> {
    let mut world = world().lists_three();
    world.scope.commands.delete = Some(world.script("delete", body));
    let (provider, _) = now(world.looked()).unwrap();
    now(provider.delete(&world.instances(&["n1", "n3"])))
}

#[test]
fn two_answers_for_one_node_leave_all_in_doubt() {
    for results in [["failed", "done"], ["done", "failed"], ["busy", "cannot"], ["failed", "failed"]] {
        let nodes = results.map(|result| format!(r#"{{"name": "n1", "result": "{result}"}}"#)).join(", ");
        let answers = deleted(&format!("echo '{{\"nodes\": [{nodes}]}}'"));
        let told = "EXEC_DELETE: the command answers for node n1 twice".to_owned();
        assert_eq!(answers, vec![GroupAnswer::InDoubt(told); 2], "{results:?}");
    }
}

#[test]
fn no_answer_of_a_command_that_a_signal_ended_counts() {
    for result in ["done", "alreadySo", "busy", "cannot", "failed"] {
        let node = format!(r#"{{"name": "n1", "result": "{result}"}}"#);
        let answers = deleted(&format!("echo '{{\"nodes\": [{node}]}}'; kill -9 $$"));
        let told = "EXEC_DELETE: a signal ended the command".to_owned();
        assert_eq!(answers, vec![GroupAnswer::InDoubt(told); 2], "{result}");
    }
}

#[test]
fn a_token_that_a_command_writes_is_hidden() {
    let mut world = world().lists_three();
    let body = "echo 'HTTP 401, X-Auth-Token: gAAAAABnSECRET' >&2; exit 1";
    world.scope.commands.delete = Some(world.script("delete", body));
    let node = r#"{"name": "n1", "result": "failed", "message": "Authorization: Bearer SECRET"}"#;
    world.scope.commands.park = Some(world.script("park", &format!("echo '{{\"nodes\": [{node}]}}'")));
    let (provider, _) = now(world.looked()).unwrap();
    let instances = world.instances(&["n1"]);
    let told = "EXEC_DELETE: the command ended with exit code 1: HTTP 401, X-Auth-Token: (hidden)";
    assert_eq!(now(provider.delete(&instances)), [GroupAnswer::Failed(told.to_owned())]);
    let told = "EXEC_PARK: Authorization: Bearer (hidden)";
    assert_eq!(now(provider.park(&instances)), [GroupAnswer::Failed(told.to_owned())]);
}
