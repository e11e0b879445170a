//! The program as a process between a fake API server and a fake OpenStack.
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

mod world;

use serde_json::json;

use world::{World, id, name, user};

#[test]
fn a_server_of_an_empty_cordoned_node_is_deleted_and_no_other_and_a_set_does_not_grow() {
    let world = World::new(3);
    world.api.edit(crate::fake_api::Resource::Nodes, None, &name(2), |node| {
        let when = "2026-01-02T00:00:00Z";
        node["spec"]["unschedulable"] = json!(true);
        node["metadata"]["annotations"]["kube-rebalancer/cordoned-at"] = json!(when);
        node["metadata"]["annotations"]["kube-rebalancer/empty-since"] = json!(when);
    });
    for (number, node) in [(1, name(1)), (2, name(3))] {
        world.api.add_pod(&user(number).on(&node));
    }
    let ran = world.run(&[("MIN_NODES", "2")]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.story(), ["delete hub-k8s-node-2: applied"]);
    let going: Vec<String> = world
        .cloud
        .servers()
        .into_iter()
        .filter(|server| !server.done.is_empty())
        .map(|server| server.id)
        .collect();
    assert_eq!(going, [id(2)]);

    // More users than there is room for: the plan says why nothing is created.
    for number in 10..20 {
        world.api.add_pod(&user(number).memory("6Gi").unschedulable());
    }
    let ran = world.run(&[("MIN_NODES", "2")]);
    let why = "a set of named servers cannot grow";
    assert!(ran.report.to_string().contains(why), "{}", ran.report);
    assert!(!ran.story().iter().any(|action| action.contains("grow")), "{:?}", ran.story());
}

#[test]
fn without_credentials_the_nodes_are_planned_and_one_line_says_what_could_not_be_seen() {
    let world = World::new(2);
    world.api.add_pod(&user(1).on(&name(1)));
    for (settings, told) in [
        (
            &[("OS_PASSWORD", "wrong")][..],
            "does not accept user `ops` of domain `Default` with this password",
        ),
        (&[("NODE_GROUPS", "")], "set NODE_GROUPS to what their names begin with"),
        (&[("CLOUD_CONFIG", "/nowhere/cloud.conf")], "cannot read /nowhere/cloud.conf"),
    ] {
        let ran = world.run(settings);
        let warnings = ran.warnings();
        let is_told = warnings.iter().any(|warning| warning.contains(told)) || ran.stderr.contains(told);
        assert!(is_told, "{settings:?}: {warnings:?} {}", ran.stderr);
        assert!(
            !ran.stderr.contains("s3cret-password") && !ran.report.to_string().contains("s3cret-password")
        );
    }
    let ran = world.run(&[("NODE_GROUPS", "^hub-(")]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("NODE_GROUPS: `^hub-(` is no regular expression"), "{}", ran.stderr);
}
