//! Several clouds as one cluster.

use kube_rebalancer_core::model::{Membership, NodeGroup};
use kube_rebalancer_core::policy::Policy;

use super::toy::{claiming, snapshot};
use crate::{CloudPart, ScopeError, Whole, merge};

fn group(name: &str) -> NodeGroup {
    NodeGroup { name: name.to_owned(), ..NodeGroup::default() }
}

fn inside(group: &str) -> Membership {
    Membership { group: Some(group.to_owned()), ..Membership::default() }
}

fn outside(why: &str) -> Membership {
    Membership { outside: Some(why.to_owned()), ..Membership::default() }
}

/// Two clouds of a cluster with the nodes `a` (red), `b` (blue), `c` (neither) and `d` (no provider ID).
fn clouds(red_group: &str, blue_group: &str) -> Vec<CloudPart> {
    let foreign = || outside("not of this cloud");
    vec![
        CloudPart {
            cloud: "Red Cloud",
            scheme: Some("red://"),
            groups: vec![group(red_group)],
            memberships: vec![inside(red_group), foreign(), foreign(), foreign()],
            known: vec![red_group.to_owned()],
            ..CloudPart::default()
        },
        CloudPart {
            cloud: "Blue Cloud",
            scheme: Some("blue://"),
            groups: vec![group(blue_group)],
            memberships: vec![foreign(), inside(blue_group), foreign(), foreign()],
            known: vec![blue_group.to_owned()],
            ..CloudPart::default()
        },
    ]
}

fn merged(clouds: Vec<CloudPart>) -> Result<Whole, ScopeError> {
    let mut nodes = ["red://1", "blue://1", "green://1", ""].map(|id| claiming("", id));
    for (node, name) in nodes.iter_mut().zip(["a", "b", "c", "d"]) {
        name.clone_into(&mut node.name);
    }
    nodes[3].provider_id = None;
    merge(clouds, &snapshot(&nodes), &Policy::default(), None)
}

#[test]
fn each_node_goes_to_the_cloud_of_its_provider_id() {
    let whole = merged(clouds("z1/pool", "z2/pool")).unwrap();
    let nowhere = "its providerID green://1 is not one of Red Cloud or Blue Cloud";
    assert_eq!(
        whole.memberships,
        [inside("z1/pool"), inside("z2/pool"), outside(nowhere), outside("it has no providerID")]
    );
    assert!(whole.complete);
    assert_eq!(
        whole.warnings,
        [
            format!("node c is in no node group: {nowhere}"),
            "node d is in no node group: it has no providerID".to_owned(),
        ]
    );
    assert!(whole.cloud_of_node.into_iter().eq([("a".to_owned(), 0), ("b".to_owned(), 1)]));
    let groups: Vec<_> = whole.cloud_of_group.into_iter().collect();
    assert_eq!(
        groups,
        [
            ("z1/pool".to_owned(), (0, "z1/pool".to_owned())),
            ("z2/pool".to_owned(), (1, "z2/pool".to_owned()))
        ]
    );
}

#[test]
fn groups_of_two_clouds_with_one_name_are_two_groups() {
    let whole = merged(clouds("z1/pool", "z1/pool")).unwrap();
    let names: Vec<&str> = whole.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["red://z1/pool", "blue://z1/pool"]);
    assert_eq!(whole.memberships[..2], [inside("red://z1/pool"), inside("blue://z1/pool")]);
    assert_eq!(whole.cloud_of_group["blue://z1/pool"], (1, "z1/pool".to_owned()));
}

#[test]
fn what_one_cloud_does_not_show_stops_the_growth_of_both() {
    let mut clouds = clouds("z1/pool", "z2/pool");
    clouds[1].gaps = vec!["zone z2 did not answer".to_owned()];
    clouds[1].groups[0].not_growable = Some("it is full".to_owned());
    let whole = merged(clouds).unwrap();
    assert!(!whole.complete);
    assert_eq!(whole.warnings[0], "zone z2 did not answer");
    let not_growable: Vec<_> = whole.groups.iter().map(|group| group.not_growable.as_deref()).collect();
    assert_eq!(
        not_growable,
        [Some("not everything could be listed: zone z2 did not answer"), Some("it is full")]
    );
}

#[test]
fn the_nodes_of_a_cloud_that_could_not_be_seen_are_outside() {
    let mut clouds = clouds("z1/pool", "z2/pool");
    (clouds[1].memberships, clouds[1].groups) = (Vec::new(), Vec::new());
    clouds[1].gaps = vec!["the node groups of Blue Cloud could not be listed: it is down".to_owned()];
    let whole = merged(clouds).unwrap();
    assert_eq!(whole.memberships[0], inside("z1/pool"));
    assert_eq!(whole.memberships[1], outside("the node groups of Blue Cloud could not be listed"));
}

#[test]
fn a_part_of_node_groups_must_name_a_group_of_one_cloud_at_least() {
    let unknown = |red: &[&str], blue: &[&str]| {
        let mut clouds = clouds("z1/users", "z2/core");
        for (cloud, parts) in clouds.iter_mut().zip([red, blue]) {
            cloud.unknown = parts.iter().map(|part| (*part).to_owned()).collect();
        }
        merged(clouds).map(drop)
    };
    assert_eq!(unknown(&["core"], &["users"]), Ok(()));
    let error = unknown(&["core", "gpu"], &["gpu", "users"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "NODE_GROUPS: `gpu` is in the name of no node group; there are: z1/users, z2/core"
    );
}
