//! Tests of the harness: its clusters have the promised objects, and no process is left.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::ControlPlane;
use super::identity::Identity;
use crate::objects::{Node, Pod};

#[test]
fn pods_go_to_nodes_that_kwok_plays_but_not_to_cordoned_or_tainted_ones() {
    let Some(plane) = ControlPlane::shared() else { return };
    let pool = plane.unique("pool");
    let node = |name: &str| Node::new(&format!("{pool}-{name}")).label("pool", &pool);
    plane.create_nodes(&[
        node("open").memory("4Gi").cpu("2"),
        node("cordoned").cordoned(),
        node("tainted").taint("team", "other", "NoSchedule").annotation("note", "a test's"),
    ]);
    let pod = |name: &str| {
        Pod::new("default", &format!("{pool}-{name}")).node_selector("pool", &pool).memory("1Gi")
    };

    assert_eq!(
        plane.create_bound_pod(&pod("first").cpu("500m").label("app", "user")),
        format!("{pool}-open")
    );
    assert_eq!(plane.node(&format!("{pool}-open"))["status"]["allocatable"]["memory"], "4Gi");

    // A pod that fits nowhere stays pending, and the scheduler records an event.
    let large = pod("large").memory("64Gi").annotation("note", "a test's");
    plane.create_pod(&large);
    plane.wait_until("the scheduler refuses the large pod", Duration::from_secs(30), || {
        let refused = |event: &Value| {
            event["reason"] == "FailedScheduling" && event["regarding"]["name"] == large.name()
        };
        plane.events().iter().any(refused).then_some(())
    });
    plane.delete_pod("default", large.name());
}

#[test]
fn the_identity_of_a_client_determines_its_permissions() {
    let Some(plane) = ControlPlane::shared() else { return };
    let name = plane.unique("account");
    let rules = json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]);
    let group = vec!["system:masters".to_owned()];
    let certificate = plane.authority().user("jane", Some("system:masters")).unwrap();
    let expired = plane.authority().expired_user("jane").unwrap();
    let cases = [
        (Identity::Admin, [200, 200]),
        (plane.create_service_account("default", &name, &rules), [200, 403]),
        (Identity::User { name: "jane".to_owned(), groups: Vec::new() }, [403, 403]),
        (Identity::User { name: "jane".to_owned(), groups: group }, [200, 200]),
        (Identity::Certificate(certificate), [200, 200]),
        (Identity::Certificate(expired), [401, 401]),
        (Identity::Token("made-up".to_owned()), [401, 401]),
    ];
    for (identity, expected) in cases {
        let client = plane.client_of(&identity);
        let statuses =
            ["nodes", "pods"].map(|plural| client.get(&format!("/api/v1/{plural}?limit=1")).status);
        assert_eq!(statuses, expected, "{identity:?}");

        // The same through the kubeconfig, as kubectl reads it.
        let file = plane.directory().join(plane.unique("kubeconfig"));
        std::fs::write(&file, plane.kubeconfig(&identity)).unwrap();
        let output = plane.kubectl(&["get", "nodes", "--kubeconfig", &file.display().to_string()]);
        assert_eq!(output.status.success(), expected[0] == 200, "{identity:?}: {output:?}");
    }
}

#[test]
fn a_dropped_control_plane_leaves_nothing_behind() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let (ids, directory) = (plane.process_ids(), plane.directory().to_owned());
    assert_eq!(ids.len(), 6, "five programs and the watchdog");
    assert!(ids.iter().all(|id| is_running(*id)));
    drop(plane);
    assert!(!ids.into_iter().any(is_running));
    assert!(!directory.exists());
}

#[test]
fn a_killed_test_process_leaves_nothing_behind() {
    if ControlPlane::shared().is_none() {
        return;
    }
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "control_plane::tests::waits_to_be_killed"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(test.stdout.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.find_map(|line| line.split_once("running: ").map(|(_, rest)| rest.to_owned())).unwrap();
    let (directory, ids) = line.split_once(' ').unwrap();
    let directory = Path::new(directory);
    let ids: Vec<u32> = ids.split(' ').map(|id| id.parse().unwrap()).collect();
    assert!(directory.exists() && ids.iter().all(|id| is_running(*id)));

    test.kill().unwrap();
    test.wait().unwrap();
    fake_http::waiting::until("everything is gone", Duration::from_secs(30), || {
        (!directory.exists() && !ids.iter().any(|id| is_running(*id))).then_some(())
    })
    .unwrap();
}

#[test]
#[ignore = "the victim of the test above, which starts it; alone it ends at the end of its input"]
fn waits_to_be_killed() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    let ids: Vec<String> = plane.process_ids().iter().map(u32::to_string).collect();
    let mut output = std::io::stdout();
    writeln!(output, "running: {} {}", plane.directory().display(), ids.join(" ")).unwrap();
    output.flush().unwrap();
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

/// Whether there is such a process; one that has ended and waits for its parent to notice does not count.
fn is_running(id: u32) -> bool {
    let state = if Path::new("/proc/self/stat").exists() {
        // "1234 (name) S ...", where the name may be anything.
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.rsplit_once(") ").map_or_else(String::new, |(_, rest)| rest.to_owned())
    } else {
        let output = Command::new("ps").args(["-o", "stat=", "-p", &id.to_string()]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    !state.is_empty() && !state.starts_with('Z')
}
