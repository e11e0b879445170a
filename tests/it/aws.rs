//! The program as a process between a fake API server and a fake Auto Scaling.

mod crash;
mod world;

use fake_asg::{Fault, Own, Requests};

use crate::fake_api::Resource;
use world::{USERS, World, name, user};

#[test]
fn an_empty_cordoned_node_is_deleted_with_its_instance_and_only_it() {
    let world = World::new(3);
    world.empty(2);
    for (number, node) in [(1, name(1)), (2, name(3))] {
        world.api.add_pod(&user(number).on(&node));
    }
    let ran = world.run(&[("MIN_NODES", "2")]);
    assert_eq!(ran.story(), [format!("delete {}: applied", name(2))], "{}", ran.stderr);
    assert_eq!((ran.code, world.going(3), world.size()), (Some(0), vec![2], 2));
    world.set_time("2026-11-26T18:10:00Z");
    world.join();
    let next = world.run(&[("MIN_NODES", "2")]);
    assert_eq!((next.story(), next.code), (Vec::new(), Some(0)), "{}", next.stderr);
}

#[test]
fn users_who_wait_get_instances_and_what_is_coming_is_not_asked_for_again() {
    let world = World::new(2);
    for number in 1..=2 {
        world.api.add_pod(&user(number).memory("7Gi").on(&name(number)));
    }
    for number in 3..=4 {
        world.api.add_pod(&user(number).memory("7Gi").unschedulable());
    }
    let ran = world.run(&[]);
    let story = ran.story();
    let [grown] = story.as_slice() else { panic!("{story:?} {}", ran.stderr) };
    assert!(grown.starts_with(&format!("grow {USERS}")) && grown.ends_with(": applied"), "{story:?}");
    let size = world.size();
    assert!(size >= 4, "{size}");
    let next = world.run(&[]);
    assert_eq!((next.story(), world.size()), (Vec::new(), size), "{}", next.stderr);
}

#[test]
fn a_node_in_a_group_is_cordoned_and_its_instance_is_not_touched() {
    let world = World::new(4);
    world.api.add_pod(&user(1).on(&name(1)));
    let ran = world.run(&[("MIN_NODES", "2"), ("MAX_CORDONS", "1")]);
    assert_eq!((ran.story().len(), ran.code), (1, Some(0)), "{:?} {}", ran.story(), ran.stderr);
    assert!(ran.story()[0].starts_with("cordon ip-10-"), "{:?}", ran.story());
    assert!(world.cloud.calls().iter().all(|call| call.method.starts_with("Describe")));
}

#[test]
fn what_speaks_against_a_deletion_is_in_the_plan_with_the_command_that_changes_it() {
    let world = World::new(3);
    world.empty(2);
    for (number, node) in [(1, name(1)), (2, name(3))] {
        world.api.add_pod(&user(number).on(&node));
    }
    world.cloud.edit(USERS, |group| _ = group.suspended.insert("Launch".to_owned()));
    let ran = world.run(&[("MIN_NODES", "2")]);
    assert!(ran.report.to_string().contains("aws autoscaling resume-processes"), "{}", ran.report);
    assert!(!ran.story().iter().any(|action| action.starts_with("delete")), "{:?}", ran.story());
    // A group that cannot park says why, and the node is deleted.
    world.cloud.edit(USERS, |group| {
        group.suspended.clear();
        group.max_lifetime = Some(604_800);
    });
    let ran = world.run(&[("MIN_NODES", "2"), ("GIVE_BACK", "park")]);
    assert_eq!((ran.story(), world.going(3)), (vec![format!("delete {}: applied", name(2))], vec![2]));
}

/// The evening parks, the morning wakes, and each run counts what the others left.
#[test]
fn an_empty_node_is_parked_in_standby_and_woken_before_anything_is_created() {
    let world = World::new(3);
    world.empty(3);
    for number in 1..=2 {
        world.api.add_pod(&user(number).memory("6Gi").on(&name(number)));
    }
    let settings = [("MIN_NODES", "2"), ("GIVE_BACK", "park")];
    let ran = world.run(&settings);
    assert_eq!(ran.story(), [format!("park {}: applied", name(3))], "{}", ran.stderr);
    assert_eq!((ran.code, world.machine(3), world.size()), (Some(0), ("Standby".to_owned(), "stopped"), 2));
    world.set_time("2026-11-26T18:30:00Z");
    world.join();
    // Only the claim, which is over, is removed.
    let next = world.run(&settings);
    assert_eq!(
        (next.story(), next.code),
        (vec![format!("unmark {}: applied", name(3))], Some(0)),
        "{}",
        next.stderr
    );
    // In the morning a user waits.
    world.api.add_pod(&user(9).memory("5Gi").unschedulable());
    let ran = world.run(&settings);
    assert_eq!(ran.story(), [format!("wake {}: applied", name(3))], "{}", ran.stderr);
    world.set_time("2026-11-26T18:40:00Z");
    world.join();
    assert_eq!((world.machine(3), world.size()), (("InService".to_owned(), "running"), 3));
    let ran = world.run(&settings);
    assert_eq!(ran.story(), [format!("uncordon {}: applied", name(3))], "{}", ran.stderr);
    let changes: Vec<String> = world
        .cloud
        .calls()
        .into_iter()
        .filter(|call| !call.method.starts_with("Describe") && call.parameter("DryRun").is_none())
        .map(|call| call.method)
        .collect();
    assert_eq!(changes, ["EnterStandby", "StopInstances", "StartInstances", "ExitStandby"]);
}

/// The run that uncordons a node cannot return its instance to service; later runs do, also one that changes nothing else.
#[test]
fn a_return_to_service_that_fails_is_finished_by_a_run_with_nothing_else_to_do() {
    let world = World::new(3);
    world.wake(3, true);
    for number in 1..=2 {
        world.api.add_pod(&user(number).memory("7Gi").on(&name(number)));
    }
    world.api.add_pod(&user(9).memory("5Gi").unschedulable());
    let settings = [("MIN_NODES", "2"), ("GIVE_BACK", "park")];
    world.cloud.fail(Requests::method("ExitStandby"), Fault::Own(Own::ResourceContention));
    let ran = world.run(&settings);
    assert_eq!(ran.story(), [format!("uncordon {}: applied", name(3))], "{}", ran.stderr);
    assert_eq!((ran.code, world.machine(3)), (Some(0), ("Standby".to_owned(), "running")));
    assert_eq!(world.marks(3), ["woken-at"]);

    world.api.remove(Resource::Pods, Some("users"), "user-9");
    world.api.add_pod(&user(9).memory("5Gi").on(&name(3)));
    for (is_faulty, machine) in [(true, "Standby"), (false, "InService")] {
        if !is_faulty {
            world.cloud.behave();
        }
        let ran = world.run(&settings);
        // Not a plan of its own: the node is one that serves, neither woken again nor given back.
        let story = ran.story();
        let [unmark] = story.as_slice() else { panic!("{story:?} {}", ran.stderr) };
        let is_told = unmark.starts_with(&format!("unmark {}: stale (its return to service", name(3)));
        assert!(is_told && unmark.contains("ResourceContention") == is_faulty, "{unmark}");
        assert_eq!((ran.code, world.marks(3)), (Some(0), vec!["woken-at".to_owned()]));
        world.set_time("2026-11-26T18:10:00Z");
        assert_eq!((world.machine(3).0.as_str(), world.size()), (machine, if is_faulty { 2 } else { 3 }));
    }
    let ran = world.run(&settings);
    assert_eq!(ran.story(), [format!("unmark {}: applied", name(3))], "{}", ran.stderr);
    assert_eq!((ran.code, world.marks(3)), (Some(0), Vec::new()));
    let ran = world.run(&settings);
    assert_eq!((ran.story(), ran.code, world.done(3)), (Vec::new(), Some(0), vec!["in service"]));
}

/// Its kubelet is slow, and no action of the plan is left: its group takes it back all the same.
#[test]
fn a_waking_that_broke_off_is_finished_by_a_run_without_actions_while_the_node_boots() {
    let world = World::new(3);
    world.wake(3, false);
    for number in 1..=2 {
        world.api.add_pod(&user(number).memory("6Gi").on(&name(number)));
    }
    let ran = world.run(&[("MIN_NODES", "2"), ("GIVE_BACK", "park")]);
    assert_eq!((ran.story(), ran.code), (Vec::new(), Some(0)), "{}", ran.stderr);
    world.set_time("2026-11-26T18:10:00Z");
    assert_eq!((world.machine(3), world.size()), (("InService".to_owned(), "running"), 3));
    // A dry run, and a run that is to ask first, change nothing.
    let world = World::new(3);
    world.wake(3, false);
    for number in 1..=2 {
        world.api.add_pod(&user(number).memory("6Gi").on(&name(number)));
    }
    let ran =
        world.run_with(&["--output", "json", "--dry-run"], &[("MIN_NODES", "2"), ("GIVE_BACK", "park")]);
    assert_eq!((ran.code, world.done(3)), (Some(0), Vec::new()), "{}", ran.stderr);
}

#[test]
fn without_credentials_the_nodes_are_planned_and_one_line_says_what_could_not_be_seen() {
    let world = World::new(2);
    world.api.add_pod(&user(1).on(&name(1)));
    for (settings, told) in [
        (&[("AWS_ACCESS_KEY_ID", "AKIAWRONG")][..], "InvalidClientTokenId"),
        (&[("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")], "there are no credentials"),
    ] {
        let ran = world.run(settings);
        let warnings = ran.warnings();
        assert!(warnings.iter().any(|warning| warning.contains(told)), "{settings:?}: {warnings:?}");
        assert!(!ran.stderr.contains("s3cret") && !ran.report.to_string().contains("s3cret"));
    }
    let ran = world.run(&[("NODE_GROUPS", "nope")]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("us-east-1a/eks-users-08b91cf7"), "{}", ran.stderr);
}
