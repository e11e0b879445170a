//! The program as a process between a fake API server and a fake Azure.

#[cfg(feature = "aws")]
mod beside_aws;
mod crash;
mod world;

use fake_azure::{Fault, Requests};
use world::{SET, World, name, user};

#[test]
fn an_instance_of_an_empty_cordoned_node_is_deleted_and_no_other() {
    let world = World::new(3);
    world.empty(1);
    world.api.add_pod(&user(1).on(&name(0)));
    world.api.add_pod(&user(2).on(&name(2)));
    let ran = world.run(&[("MIN_NODES", "2")]);
    assert_eq!(
        (ran.code, ran.story()),
        (Some(0), vec!["delete users000001: applied".to_owned()]),
        "{}",
        ran.stderr
    );
    let set = world.azure.set(SET).unwrap();
    let going: Vec<u64> =
        set.machines.iter().filter(|(_, machine)| !machine.done.is_empty()).map(|(id, _)| *id).collect();
    assert_eq!((going, set.capacity), (vec![1], 2));
}

#[test]
fn a_group_without_a_node_grows_by_its_tags() {
    let world = World::new(1);
    world.azure.add_set(fake_azure::ScaleSet::new(world::SUBSCRIPTION, "hub-rg", "more"), 0);
    world.azure.edit("more", |set| {
        for (key, value) in [("resources_cpu", "4"), ("resources_memory", "16Gi")] {
            set.tags.insert(format!("k8s.io_cluster-autoscaler_node-template_{key}"), value.to_owned());
        }
    });
    // No node of the other scale set is large enough.
    world.api.add_pod(&user(1).memory("12Gi").unschedulable());
    let ran = world.run(&[("NODE_GROUPS", "hub-rg/users:hub-rg/more")]);
    assert_eq!(ran.story(), ["grow hub-rg/more: applied"], "{}", ran.stderr);
    assert_eq!(world.azure.set("more").unwrap().capacity, 1);
}

#[test]
fn without_credentials_the_nodes_are_planned_and_one_line_says_what_could_not_be_seen() {
    let world = World::new(2);
    world.api.add_pod(&user(1).on(&name(0)));
    for (settings, told) in [
        (&[("AZURE_CLIENT_SECRET", "s3cret-password")][..], "AADSTS7000215: Invalid client secret provided."),
        (&[("AZURE_TENANT_ID", "")], "AZURE_CLIENT_SECRET is set and AZURE_TENANT_ID is not"),
        (&[("AZURE_FEDERATED_TOKEN_FILE", "/nowhere/token")], "cannot read /nowhere/token"),
    ] {
        let ran = world.run(settings);
        let is_told = ran.report.to_string().contains(told) || ran.stderr.contains(told);
        assert!(is_told, "{settings:?}: {} {}", ran.report, ran.stderr);
        assert!(
            !ran.stderr.contains("s3cret-password") && !ran.report.to_string().contains("s3cret-password")
        );
    }
    world.azure.fail(Requests::method("compute.set"), Fault::Forbidden);
    let ran = world.run(&[]);
    assert!(
        ran.report.to_string().contains("cannot look at scale set hub-rg/users: status 403"),
        "{}",
        ran.report
    );
}
