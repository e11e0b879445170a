//! The program on Compute Engine: against a fake of it, beside a fake API server that knows the same nodes.
//!
//! Every node has 8 GiB; users ask for so much that each run's numbers can be reckoned by hand.

mod faults;
mod field;
mod objects;
mod trust;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use fake_gce::{
    Fault, Group, Moment, OperationFailure, OwnFault, Redistribution, Requests, Template, Timing,
};
use world::{PROJECT, World, ZONE, cordoned, instance, nodes, until, user, waiting};

use crate::objects::Node;

const GET: &str = "compute.instanceGroupManagers.get";
const LIST: &str = "compute.instanceGroupManagers.listManagedInstances";
const RESIZE: &str = "compute.instanceGroupManagers.resize";
const DELETE: &str = "compute.instanceGroupManagers.deleteInstances";

/// A cloud in which what is being made stays so.
fn slow() -> Timing {
    Timing { place: Duration::from_hours(1), ..Timing::default() }
}

/// One user on one node at three quarters, and one empty node under our cordon.
fn one_to_delete(world: &World) -> fake_gce::GroupPath {
    let pool = world.pool(ZONE, "pool", &[Node::new("node-1"), cordoned("node-10")]);
    world.api.add_pod(&user("ada", "6Gi").on("node-1"));
    pool
}

#[test]
fn an_empty_cordoned_node_is_deleted_with_its_instance_and_only_it() {
    let world = World::new();
    let pool = one_to_delete(&world);
    let ran = world.run(&[]);
    assert_eq!(ran.story(), ["delete node-10: applied"], "{}", ran.stderr);
    assert_eq!(ran.code, Some(0));
    assert_eq!(world.going(&pool), ["node-10"]);
    assert_eq!(world.target_size(&pool), 1, "else the group would make it anew");
    let next = world.run(&[]);
    assert_eq!((next.story(), next.code), (Vec::new(), Some(0)), "{}", next.stderr);
}

/// Two full nodes, and four waiting users, each of whom needs a whole node: 42 Gi, for which 7 nodes are the optimum
/// (56 Gi; on 6 the utilization would be 0.875).
fn crowded(world: &World) -> fake_gce::GroupPath {
    let pool = world.pool(ZONE, "pool", &nodes(&["a", "b"]));
    for (name, node) in [("ada", "a"), ("ben", "b")] {
        world.api.add_pod(&user(name, "7Gi").on(node));
    }
    for name in ["cleo", "dan", "eva", "fay"] {
        world.api.add_pod(&waiting(name, "7Gi"));
    }
    pool
}

#[test]
fn what_is_coming_is_not_asked_for_again() {
    let world = World::with(slow());
    let pool = crowded(&world);
    world.gce.resize(&pool, 5);
    let ran = world.run(&[]);
    assert_eq!(ran.story(), ["grow us-central1-a/pool 5 to 7: applied"], "{}", ran.stderr);
    assert_eq!((ran.code, world.target_size(&pool)), (Some(0), 7));
    assert_eq!(ran.report["pools"][0]["before"]["instancesWithoutNode"], 3);
    let next = world.run(&[]);
    assert_eq!((next.story(), world.target_size(&pool)), (Vec::new(), 7), "{}", next.stderr);
}

#[test]
fn a_group_that_another_client_enlarges_between_plan_and_change_never_shrinks() {
    for (enlarged, outcome, size) in [(6, "applied", 7), (7, "alreadySo", 7), (9, "alreadySo", 9)] {
        let world = World::with(slow());
        let pool = crowded(&world);
        let (gce, group) = (Arc::clone(&world.gce), pool.clone());
        world.gce.on(Requests::method(GET).nth(1), Moment::Before, move |_| gce.resize(&group, enlarged));
        let ran = world.run(&[]);
        assert_eq!(ran.story(), [format!("grow us-central1-a/pool 2 to 7: {outcome}")], "{}", ran.stderr);
        assert_eq!((ran.code, world.target_size(&pool)), (Some(0), size));
    }
}

#[test]
fn an_instance_made_anew_under_the_same_name_is_another() {
    for (is_over, became) in [(false, "is being recreated"), (true, "was recreated meanwhile")] {
        let world = World::new();
        let pool = one_to_delete(&world);
        let gce = Arc::clone(&world.gce);
        // The first list is the observation's, the second the one right before the deletion.
        world.gce.on(Requests::method(LIST).nth(2), Moment::Before, move |_| {
            gce.recreate_instance(&instance(ZONE, "node-10"));
            if is_over {
                until("the instance is made anew", || gce.is_stable());
            }
        });
        let ran = world.run(&[]);
        let told = format!("delete node-10: stale (instance us-central1-a/node-10 {became})");
        // It is left to the next run, which is no failure.
        assert_eq!((ran.story(), ran.code), (vec![told], Some(0)), "{}", ran.stderr);
        assert_eq!(world.target_size(&pool), 2);
        assert!(!world.gce.calls().iter().any(|call| call.method == DELETE));
    }
}

#[test]
fn a_node_that_is_not_an_instance_of_its_group_is_told_and_left_alone() {
    let world = World::new();
    world.pool(ZONE, "pool", &nodes(&["a"]));
    world.pool(ZONE, "other", &[cordoned("elsewhere")]);
    world.api.add_node(&cordoned("gone").on_compute_engine(PROJECT, ZONE));
    world.api.add_node(&cordoned("foreign").on_compute_engine("other-project", ZONE));
    world.gce.add_instance(instance(ZONE, "alone"));
    world.api.add_node(&cordoned("alone").on_compute_engine(PROJECT, ZONE));
    world.api.add_pod(&user("ada", "6Gi").on("a"));
    world.gce.add_project("other-project");
    let ran = world.run(&[("NODE_GROUPS", "pool"), ("PROJECT", PROJECT)]);
    assert_eq!((ran.story(), ran.code), (Vec::new(), Some(0)), "{}", ran.stderr);
    for (node, why) in [
        ("alone", "its instance us-central1-a/alone is in none of the groups that NODE_GROUPS names"),
        ("elsewhere", "its instance us-central1-a/elsewhere is in none of the groups that NODE_GROUPS names"),
        ("gone", "its instance us-central1-a/gone is in none of the groups that NODE_GROUPS names"),
        ("foreign", "its instance is of project other-project, PROJECT is my-project"),
    ] {
        assert!(
            ran.warnings().contains(&&*format!("node {node} is in no node group: {why}")),
            "{:?}",
            ran.warnings()
        );
        assert_eq!(ran.verdict(node), format!("it cannot be deleted: {why}"));
    }
    assert!(world.gce.losses().is_empty());

    // Without NODE_GROUPS the other group is ours too, and more is known of the others.
    let ran = world.run(&[("PROJECT", PROJECT)]);
    assert_eq!(ran.story(), ["delete elsewhere: applied"], "{}", ran.stderr);
    let told = |why: &str| ran.warnings().iter().any(|warning| warning.ends_with(why));
    assert!(told("its instance us-central1-a/gone is gone"), "{:?}", ran.warnings());
    assert!(told("its instance us-central1-a/alone is in no managed instance group"), "{:?}", ran.warnings());
}

#[test]
fn max_nodes_and_max_deletions_bound_a_run() {
    let world = World::with(slow());
    let pool = crowded(&world);
    world.gce.resize(&pool, 3);
    let ran = world.run(&[("MAX_NODES", "4")]);
    assert_eq!(ran.story(), ["grow us-central1-a/pool 3 to 4: applied"], "{}", ran.stderr);
    assert!(ran.limits().contains(&"MAX_NODES"), "{:?}", ran.limits());

    let world = World::new();
    let pool = world.pool(ZONE, "pool", &[Node::new("a"), cordoned("b"), cordoned("c"), cordoned("d")]);
    world.api.add_pod(&user("ada", "6Gi").on("a"));
    let ran = world.run(&[("MAX_DELETIONS", "2")]);
    assert_eq!(ran.story(), ["delete b: applied", "delete c: applied"], "{}", ran.stderr);
    assert_eq!(ran.verdict("d"), "MAX_DELETIONS is 2: left to the next run");
    assert_eq!(world.going(&pool), ["b", "c"]);
}

#[test]
fn a_zone_without_machines_is_told_and_the_other_grows() {
    let world = World::new();
    let dry = world.pool(ZONE, "dry", &nodes(&["a"]));
    let wet = world.pool("us-central1-b", "wet", &nodes(&["b"]));
    for (name, node) in [("ada", "a"), ("ben", "b")] {
        world.api.add_pod(&user(name, "7Gi").on(node));
    }
    for name in ["cleo", "dan"] {
        world.api.add_pod(&waiting(name, "7Gi"));
    }
    world.gce.set_stockout(ZONE, true);
    world.gce.resize(&dry, 2);
    until("the group's first try at it has failed", || {
        let members = world.gce.group(&dry).unwrap().members;
        members.values().any(|member| !member.errors.is_empty())
    });
    // 28 Gi: 5 nodes (0.7) are nearest to the optimum of 37.3 Gi among those at or below 0.85; two are there.
    let ran = world.run(&[]);
    assert_eq!(ran.story(), ["grow us-central1-b/wet 1 to 4: applied"], "{}", ran.stderr);
    assert_eq!((world.target_size(&dry), world.target_size(&wet)), (2, 4));
    let told = ran.warnings().into_iter().find(|warning| warning.contains("us-central1-a/dry")).unwrap();
    assert!(
        told.starts_with("node group us-central1-a/dry is not grown in this run: creating instance "),
        "{told}"
    );
    assert!(told.contains(" failed: ZONE_RESOURCE_POOL_EXHAUSTED: "), "{told}");
}

fn quota() -> OperationFailure {
    OperationFailure {
        code: "QUOTA_EXCEEDED".to_owned(),
        message: "Quota 'CPUS' exceeded.  Limit: 24.0".to_owned(),
        status: 403,
    }
}

#[test]
fn a_quota_that_is_used_up_is_told_in_the_clouds_own_words() {
    for (fault, words) in [
        (
            Fault::Own(OwnFault::OperationFails(quota())),
            "QUOTA_EXCEEDED: \"Quota 'CPUS' exceeded. Limit: 24.0\"",
        ),
        (Fault::Own(OwnFault::QuotaExceeded), "uota"),
    ] {
        let world = World::with(slow());
        let pool = crowded(&world);
        world.gce.fail(Requests::method(RESIZE), fault);
        let ran = world.run(&[]);
        let [told] = &*ran.story() else { panic!("{:?}", ran.story()) };
        assert!(
            told.starts_with("grow us-central1-a/pool 2 to 7: failed (") && told.contains(words),
            "{told}"
        );
        assert_eq!((ran.code, world.target_size(&pool)), (Some(1), 2));
    }
}

#[test]
fn two_and_a_half_thousand_instances_are_deleted_in_three_requests() {
    let world = World::new();
    let names: Vec<String> = (0..2500).map(|number| format!("empty-{number:04}")).collect();
    let mut all: Vec<Node> = names.iter().map(|name| cordoned(name)).collect();
    all.push(Node::new("full"));
    let pool = world.pool(ZONE, "pool", &all);
    world.api.add_pod(&user("ada", "6Gi").on("full"));
    let ran = world.run(&[("MAX_DELETIONS", "100%"), ("RUN_TIMEOUT", "5m")]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.story().len(), 2500);
    assert!(ran.story().iter().all(|told| told.ends_with(": applied")));
    assert_eq!((world.going(&pool), world.target_size(&pool)), (names, 1));
    let batches: Vec<usize> = world
        .gce
        .calls()
        .iter()
        .filter(|call| call.method == DELETE)
        .map(|call| call.body["instances"].as_array().unwrap().len())
        .collect();
    assert_eq!(batches, [1000, 1000, 500]);
}

#[test]
fn nothing_is_deleted_where_others_would_go_in_its_place() {
    let names = ["a", "b", "c"];
    for (redistribution, expected) in [
        (Redistribution::Proactive, Vec::new()),
        (Redistribution::None, vec!["delete b: applied".to_owned()]),
    ] {
        let world = World::new();
        let group =
            Group::regional(PROJECT, "us-central1", "pool").instances(&names).redistribution(redistribution);
        let pool = world.gce.add_group(group);
        let members = world.gce.group(&pool).unwrap().members;
        for path in members.keys() {
            let node = if path.name == "b" { cordoned("b") } else { Node::new(&path.name) };
            world.api.add_node(&node.on_compute_engine(PROJECT, &path.zone));
        }
        for (name, node) in [("ada", "a"), ("ben", "c")] {
            world.api.add_pod(&user(name, "6Gi").on(node));
        }
        let ran = world.run(&[("KEEP_ZONES", "false")]);
        assert_eq!((ran.story(), ran.code), (expected, Some(0)), "{}", ran.stderr);
        let told = ran.warnings().iter().any(|warning| {
            warning.starts_with("nothing is deleted from node group us-central1/pool: ")
                && warning.ends_with("update pool --region us-central1 --instance-redistribution-type=none")
        });
        assert_eq!(told, redistribution == Redistribution::Proactive, "{:?}", ran.warnings());
    }
}

#[test]
fn a_group_with_an_autoscaler_is_left_to_it() {
    let world = World::new();
    let pool = one_to_delete(&world);
    world.gce.set_autoscaler(&pool, Some("cpu-autoscaler"));
    let ran = world.run(&[]);
    assert_eq!((ran.story(), ran.code), (Vec::new(), Some(0)), "{}", ran.stderr);
    let why = "the Compute Engine autoscaler cpu-autoscaler scales it";
    assert!(ran.verdict("node-10").contains(why), "{}", ran.verdict("node-10"));
    assert_eq!(ran.warnings().iter().filter(|warning| warning.contains(why)).count(), 2, "grow and delete");
}

#[test]
fn node_groups_that_are_not_there_end_the_run_before_anything_is_changed() {
    let world = World::new();
    let pool = one_to_delete(&world);
    for (groups, message) in [
        ("users", "NODE_GROUPS: `users` is in the name of no node group; there are: us-central1-a/pool"),
        (
            "us-central1-b/pool",
            "NODE_GROUPS: `us-central1-b/pool` is in the name of no node group; there are: us-central1-a/pool",
        ),
    ] {
        let ran = world.run(&[("NODE_GROUPS", groups)]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(message) && ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
    }
    assert_eq!(world.target_size(&pool), 2);
}

#[test]
fn without_credentials_the_plan_is_there_and_says_what_it_could_not_see() {
    let world = World::new();
    one_to_delete(&world);
    // A free port.
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let off = [("GCE_METADATA_HOST", closed.as_str())];
    let ran = world.dry_run(&off);
    assert_eq!((ran.story(), ran.code), (vec!["delete node-10".to_owned()], Some(0)), "{}", ran.stderr);
    let [warning] = &*ran.warnings() else { panic!("{:?}", ran.warnings()) };
    assert!(warning.starts_with("the node groups could not be listed: "), "{warning}");
    assert!(warning.contains("gcloud auth application-default login"), "{warning}");
    let ran = world.run(&off);
    let not_tried = "delete node-10: notTried (the node groups could not be listed)";
    assert_eq!((ran.story(), ran.code), (vec![not_tried.to_owned()], Some(1)), "{}", ran.stderr);
    let error = "error: 1 of 1 action was not tried, the first: the node groups could not be listed\n";
    assert!(ran.stderr.ends_with(error), "{}", ran.stderr);
}

#[test]
fn a_cluster_that_is_not_on_compute_engine_is_cordoned_and_the_cloud_is_not_asked() {
    let world = World::new();
    for name in ["a", "b", "c"] {
        world.api.add_node(&Node::new(name));
    }
    world.api.add_pod(&user("ada", "6Gi").on("a"));
    let ran = world.run(&[]);
    assert_eq!(
        (ran.story(), ran.code),
        (vec!["cordon c: applied".to_owned(), "cordon b: applied".to_owned()], Some(0))
    );
    let warnings = ran.warnings();
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(warning.starts_with("no node is on a cloud that this program knows ("), "{warning}");
    assert!(warning.contains("Compute Engine"), "{warning}");
    assert!(world.gce.calls().is_empty());
}

#[test]
fn a_rehearsal_changes_nothing_in_the_cloud() {
    let world = World::new();
    let pool = one_to_delete(&world);
    let ran = World::end(world.spawn(&["--dry-run=server"], &[]));
    let rehearsed = "delete node-10: notTried (a change of a node group cannot be rehearsed)";
    assert_eq!((ran.story(), ran.code), (vec![rehearsed.to_owned()], Some(0)), "{}", ran.stderr);
    assert_eq!(world.target_size(&pool), 2);
}

/// The permissions of the role in docs/providers.md.
fn documented_permissions() -> Vec<String> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/providers.md")).unwrap();
    let role = page.split("<!-- gce:permissions -->").nth(1).unwrap();
    let permissions: Vec<String> = role
        .split(|character: char| !(character.is_ascii_alphanumeric() || character == '.'))
        .filter(|word| word.starts_with("compute."))
        .map(str::to_owned)
        .collect();
    assert!(!permissions.is_empty());
    permissions
}

/// A cloud in which instances exist soon, and boot for long.
fn with_one_that_boots() -> World {
    World::with(Timing { boot: Duration::from_hours(1), ..Timing::default() })
}

/// Two worlds in which runs make all kinds of requests to Compute Engine: in one a zonal group grows while an
/// instance boots, in the other a regional one shrinks.
fn everything() -> [World; 2] {
    let growing = with_one_that_boots();
    let pool = crowded(&growing);
    growing.gce.resize(&pool, 3);
    until("the third instance exists", || growing.gce.machines().len() == 3);
    let shrinking = World::new();
    let regional = Group::regional(PROJECT, "us-central1", "pool")
        .zones(&[ZONE])
        .redistribution(Redistribution::None)
        .instances(&["a", "b"]);
    shrinking.gce.add_group(regional);
    shrinking.api.add_node(&cordoned("a").on_compute_engine(PROJECT, ZONE));
    shrinking.api.add_node(&Node::new("b").on_compute_engine(PROJECT, ZONE));
    shrinking.api.add_pod(&user("ada", "6Gi").on("b"));
    for world in [&growing, &shrinking] {
        let template = Template::global(PROJECT, "pool-template");
        world.gce.add_template(template.kube_env("AUTOSCALER_ENV_VARS: node_labels=size=small"));
    }
    [growing, shrinking]
}

#[test]
fn the_role_in_the_readme_is_enough_and_no_permission_of_it_is_too_much() {
    let permissions = documented_permissions();
    let mut used = BTreeSet::new();
    for world in everything() {
        world.gce.permit(&permissions.iter().map(String::as_str).collect::<Vec<_>>());
        let ran = world.run(&[]);
        assert_eq!((ran.code, ran.story().len()), (Some(0), 1), "{:?} {}", ran.story(), ran.stderr);
        // Only the pods that wait for a booting instance get a warning.
        let odd = ran.warnings().into_iter().find(|warning| !warning.starts_with("pod users/"));
        assert_eq!(odd, None);
        used.extend(world.gce.calls().iter().filter_map(|call| call.permission.clone()));
    }
    assert_eq!(used, permissions.iter().cloned().collect());
    // Each permission is necessary: without it, an action or a part of the report is missing. The operations fail
    // here, so that their errors are read.
    let told = |permitted: &[&str]| {
        everything().map(|world| {
            for method in [
                "compute.instanceGroupManagers.resize",
                "compute.regionInstanceGroupManagers.deleteInstances",
            ] {
                world.gce.fail(Requests::method(method), Fault::Own(OwnFault::OperationFails(quota())));
            }
            world.gce.permit(permitted);
            let ran = world.run(&[]);
            (
                ran.code,
                ran.story(),
                ran.warnings().iter().map(|warning| (*warning).to_owned()).collect::<Vec<_>>(),
            )
        })
    };
    let with_all = told(&permissions.iter().map(String::as_str).collect::<Vec<_>>());
    for left_out in &permissions {
        let others: Vec<&str> =
            permissions.iter().filter(|one| one != &left_out).map(String::as_str).collect();
        assert_ne!(told(&others), with_all, "nothing is missing without {left_out}");
    }
}

#[test]
fn no_other_method_is_called() {
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for world in everything() {
        world.run(&[]);
        for call in world.gce.calls() {
            *calls.entry(call.method).or_default() += 1;
        }
    }
    let allowed = [
        "compute.instanceGroupManagers.aggregatedList",
        "compute.instanceGroupManagers.deleteInstances",
        "compute.instanceGroupManagers.get",
        "compute.instanceGroupManagers.listManagedInstances",
        "compute.instanceGroupManagers.resize",
        "compute.instanceTemplates.get",
        "compute.instances.get",
        "compute.machineTypes.get",
        "compute.regionInstanceGroupManagers.deleteInstances",
        "compute.regionInstanceGroupManagers.get",
        "compute.regionInstanceGroupManagers.listManagedInstances",
        "compute.regionInstanceGroupManagers.resize",
        "compute.regionOperations.get",
        "compute.zoneOperations.get",
    ];
    let strangers: Vec<_> = calls
        .keys()
        .filter(|method| !method.starts_with("metadata.") && !allowed.contains(&method.as_str()))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?} of {calls:?}");
}
