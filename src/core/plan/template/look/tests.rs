//! Labels and taints of new nodes.

use super::*;
use crate::model::Pod;
use crate::plan::fixture::{Build, cluster, named, node, pod, taint, tolerating};
use crate::policy::Policy;

const DRIVER: &str = "topology.ebs.csi.aws.com/zone";

fn labelled(labels: &[(&'static str, &'static str)]) -> Node {
    let mut node = named("n1");
    for (key, value) in labels {
        node.labels.insert(*key, *value);
    }
    node
}

#[test]
fn a_label_with_the_name_of_the_node_or_its_host_names_it() {
    let node = labelled(&[(HOSTNAME, "host-1")]);
    for (key, value, expected) in [
        ("topology.topolvm.io/node", "n1", true),
        ("openebs.io/nodename", "n1", true),
        ("linbit.com/hostname", "host-1", true),
        ("topology.topolvm.io/node", "n2", false),
        ("pool", "n1", false),
    ] {
        assert_eq!(names_the_host(&node, key, value), expected, "{key}={value}");
    }
}

/// The keys of the taints of a new node of a pool with these nodes, whose template has the taint `known`.
fn new_taints(nodes: Vec<Node>, pods: Vec<Pod>) -> Vec<String> {
    let snapshot = cluster(nodes, pods);
    let policy = Policy { preemptible_labels: ["user".to_owned()].into(), ..Policy::default() };
    let survey = Survey::new(&snapshot, &policy);
    let nodes: Vec<&NodeFacts<'_>> = survey.managed().map(|(_, facts)| facts).collect();
    let template = Some(NodeTemplate { taints: vec![taint("known")], ..NodeTemplate::default() });
    let group = NodeGroup { template, ..NodeGroup::default() };
    let kin = Kin { survey: &survey, group: Some(&group), pool: Some(0), all: &nodes, healthy: &nodes };
    kin.taints().into_iter().map(|taint| taint.key).collect()
}

#[test]
fn a_taint_that_came_after_the_users_is_not_one_of_a_new_node() {
    let tainted = |name: &str, keys: &[&str]| Node {
        taints: keys.iter().map(|key| taint(key)).collect(),
        ..node(name)
    };
    let both = || vec![tainted("n1", &["recycle", "known"]), tainted("n2", &["recycle", "known"])];
    let user = |name: &str| pod(name).labelled("user").on("n1");
    let tolerant = |name: &str| user(name).constrained(tolerating("recycle"));
    assert_eq!(new_taints(both(), vec![user("hub/ada")]), ["known"], "the template has the other one");
    for (sentence, pods) in [
        ("nobody is there", vec![]),
        ("a user tolerates it", vec![user("hub/ada"), tolerant("hub/ben")]),
        ("a user waits, and is on no node", vec![pod("hub/ada").labelled("user")]),
        ("a critical pod", vec![pod("hub/hub").on("n1")]),
    ] {
        assert_eq!(new_taints(both(), pods), ["known", "recycle"], "{sentence}");
    }
    let hard = |name: &str| Node {
        taints: vec![Taint { effect: TaintEffect::NoExecute, ..taint("recycle") }],
        ..node(name)
    };
    assert_eq!(new_taints(vec![hard("n1")], vec![user("hub/ada")]), ["recycle"], "it lets nobody stay");
    let core = |name: &str| Node {
        taints: vec![Taint { value: "core".to_owned(), ..taint("hub.jupyter.org/dedicated") }],
        ..node(name)
    };
    assert_eq!(
        new_taints(vec![core("n1")], vec![user("hub/ada")]),
        ["hub.jupyter.org/dedicated"],
        "a new core node has it"
    );
    let mixed = || vec![tainted("n1", &["recycle"]), tainted("n2", &["recycle"]), node("n3")];
    assert!(new_taints(mixed(), vec![user("hub/ada")]).is_empty(), "a person recycles most of the nodes");
    for (sentence, pods) in [("nobody uses it", vec![]), ("a user tolerates it", vec![tolerant("hub/ben")])] {
        assert_eq!(new_taints(mixed(), pods), ["recycle"], "{sentence}");
    }
}

#[test]
fn a_label_of_a_driver_names_the_zone_where_it_agrees_on_most_nodes() {
    let both = |zone| labelled(&[(ZONE, zone), (DRIVER, zone)]);
    let without = || labelled(&[(ZONE, "z1")]);
    let another = || labelled(&[(ZONE, "z1"), (DRIVER, "z3")]);
    let empty = || labelled(&[(ZONE, "0"), (DRIVER, "")]);
    let lost = || labelled(&[(DRIVER, "z1")]);
    for (sentence, nodes, everywhere, expected) in [
        ("two zones", vec![both("z1"), both("z2")], true, true),
        ("half of the group lacks it", vec![both("z1"), without()], true, false),
        ("a third of the group lacks it", vec![both("z1"), both("z2"), without()], true, true),
        ("a node of the cluster lacks it", vec![both("z1"), without()], false, true),
        ("half have another zone there", vec![both("z1"), another()], false, false),
        ("a third has another zone there", vec![both("z1"), both("z1"), another()], false, true),
        ("a node has no zone there", vec![both("z1"), empty()], false, true),
        ("half of them have it without a zone", vec![both("z1"), lost()], false, false),
        ("no node", vec![], false, false),
    ] {
        let found = zone_labels(&nodes.iter().collect::<Vec<_>>(), everywhere);
        assert_eq!(found, expected.then_some(DRIVER).into_iter().collect(), "{sentence}");
    }
    let team = labelled(&[(ZONE, "z1"), ("team", "z1")]);
    assert!(zone_labels(&[&team], true).is_empty(), "a label for something else");
}

#[test]
fn more_than_half_of_the_nodes_decide_about_a_label() {
    let with = |value: &'static str| labelled(&[("pool", value)]);
    let none = || labelled(&[]);
    for (sentence, nodes, expected) in [
        ("no node", vec![], None),
        ("one node", vec![with("users")], Some("users")),
        ("half", vec![with("users"), none()], None),
        ("two of three", vec![with("users"), none(), with("users")], Some("users")),
        (
            "two of three, the first has another value",
            vec![with("x"), with("users"), with("users")],
            Some("users"),
        ),
        (
            "two of three, the last has another value",
            vec![with("users"), with("users"), with("x")],
            Some("users"),
        ),
        ("two of four, and two others", vec![with("users"), with("x"), with("users"), with("y")], None),
        (
            "three of five, and two without it",
            vec![none(), with("users"), none(), with("users"), with("users")],
            Some("users"),
        ),
        (
            "three of five, and two others: nodes of several kinds",
            vec![with("x"), with("users"), with("y"), with("users"), with("users")],
            None,
        ),
    ] {
        assert_eq!(of_most(&nodes.iter()).get("pool"), expected, "{sentence}");
    }
}
