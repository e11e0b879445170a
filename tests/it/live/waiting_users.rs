//! Users who wait read why: `kubectl describe pod`, and so JupyterHub's progress page, shows the events on their pods.

use std::collections::BTreeMap;

use super::{Program, user};
use crate::control_plane::ControlPlane;
use crate::control_plane::identity::Identity;
use crate::objects::Node;

/// What `kubectl describe` shows of a pod's events.
fn described(plane: &ControlPlane, pod: &str) -> String {
    let output = plane.kubectl(&["describe", "pod", "--namespace", "hub", pod]);
    assert!(output.status.success(), "{output:?}");
    let shown = super::text(&output.stdout);
    let (_, events) = shown.split_once("Events:").unwrap();
    events.to_owned()
}

/// The events that kube-rebalancer wrote, by name, each with its resource version.
fn own_events(plane: &ControlPlane) -> BTreeMap<String, String> {
    let ours = plane.events().into_iter().filter(|event| event["reportingController"] == "kube-rebalancer");
    ours.map(|event| {
        (event["metadata"]["name"].to_string(), event["metadata"]["resourceVersion"].to_string())
    })
    .collect()
}

/// By hand: `n0` serves with 6 of 8 Gi, which is on the target; `n1` is empty under our cordon.
#[test]
fn a_user_who_waits_reads_what_was_started_or_what_keeps_them_waiting() {
    let Some(plane) = ControlPlane::start().unwrap() else { return };
    plane.create_nodes(&[Node::new("n0"), Node::new("n1").cordoned_long_ago()]);
    plane.create_namespace("hub");
    plane.create_bound_pod(&user("ada").memory("6Gi").on("n0"));
    let program = Program::new(&plane, &Identity::Admin).with("MIN_NODES", "1").with("EMPTY_GRACE", "1h");

    // No node takes this pod: the run changes nothing and records an event on the pod.
    plane.create_pod(&user("gus").memory("100Gi"));
    plane.wait_until_refused("hub", "gus");
    let ended = program.run(&["--yes", "-o", "json"]).must_be(0);
    assert_eq!(ended.story(), Vec::<String>::new(), "{}", ended.report);
    let shown = described(&plane, "gus");
    println!("{shown}");
    assert!(shown.contains("NotTriggerScaleUp") && shown.contains("kube-rebalancer"), "{shown}");
    assert!(!shown.contains(" TriggeredScaleUp"), "{shown}");

    // For this one a node becomes schedulable.
    plane.create_pod(&user("dora").memory("4Gi"));
    plane.wait_until_refused("hub", "dora");
    let ended = program.run(&["--yes", "-o", "json"]).must_be(0);
    assert_eq!(ended.story(), ["uncordon n1: applied"], "{}", ended.report);
    let shown = described(&plane, "dora");
    println!("{shown}");
    assert!(
        shown.contains(" TriggeredScaleUp") && shown.contains("node n1 becomes schedulable for it"),
        "{shown}"
    );
    assert_eq!(plane.wait_until_running("hub", "dora"), "n1");

    // A dry run changes nothing and writes no event. The list has no order, so the events are compared by name.
    let before = own_events(&plane);
    program.run(&["--dry-run"]).must_be(0);
    program.run(&["--dry-run=server"]).must_be(0);
    assert_eq!(own_events(&plane), before);
}
