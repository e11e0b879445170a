//! The program as a process between a fake API server and a fake OpenStack.

mod crash;
pub(crate) mod world;

use world::{World, id, name, user};

#[test]
fn a_server_of_an_empty_cordoned_node_is_deleted_and_no_other_and_a_set_does_not_grow() {
    let world = World::new(3);
    world.empty(2);
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

/// Runs until nothing is left to do, the clocks of cluster and cloud moved on between; the actions of each run.
fn until_quiet(world: &World, hour: u8, settings: &[(&str, &str)]) -> Vec<Vec<String>> {
    let mut stories = Vec::new();
    for minute in 0..12 {
        world.set_time(&format!("2026-11-26T{hour:02}:{:02}:00Z", minute * 5));
        let ran = world.run(settings);
        assert_eq!(ran.code, Some(0), "{:?} {}", ran.story(), ran.stderr);
        let story = ran.story();
        world.kubelets();
        if story.is_empty() {
            break;
        }
        stories.push(story);
    }
    stories
}

#[test]
fn in_the_evening_all_but_two_nodes_are_parked_and_in_the_morning_they_are_woken_before_anything_is_created()
{
    let world = World::new(10);
    let settings = [
        ("GIVE_BACK", "park"),
        ("MIN_NODES", "2"),
        ("MAX_CORDONS", "100%"),
        ("MAX_UTILIZATION", "0.9"),
        ("RESOURCES", "memory"),
        ("STABILIZATION", "0s"),
        ("FORECAST", "false"),
        ("PACK", "false"),
    ];
    // Two users are left in the evening, on two of the nodes.
    for (number, node) in [(1, name(1)), (2, name(2))] {
        world.api.add_pod(&user(number).memory("5Gi").on(&node));
    }
    let evening = until_quiet(&world, 18, &settings);
    let parked: Vec<usize> = (1..=10).filter(|number| world.is_parked(*number)).collect();
    assert_eq!(parked, [3, 4, 5, 6, 7, 8, 9, 10], "{evening:?}");
    for number in parked {
        let server = world.cloud.server(&id(number)).unwrap();
        assert_eq!((server.status.shown(), server.done), ("SHELVED_OFFLOADED", vec!["shelve"]));
    }

    // Forty users in the morning, of which the two that are left had the last room.
    for number in 3..=40 {
        world.api.add_pod(&user(number).memory("1500Mi").unschedulable());
    }
    let morning = until_quiet(&world, 20, &settings);
    for number in 3..=10 {
        let server = world.cloud.server(&id(number)).unwrap();
        assert_eq!(
            (server.status.shown(), &*server.done),
            ("ACTIVE", &["shelve", "unshelve"][..]),
            "{morning:?}"
        );
        assert!(!world.is_parked(number) && !world.is_cordoned(number), "{number}: {morning:?}");
    }
    // The nodes with a user were never touched, and nothing was created: what waits first gets what is parked.
    assert!([1, 2].iter().all(|number| world.cloud.server(&id(*number)).unwrap().done.is_empty()));
    let creates = morning.iter().flatten().any(|action| action.starts_with("grow"));
    assert!(!creates && morning[0].iter().any(|action| action.starts_with("wake")), "{morning:?}");
}

#[test]
fn in_place_of_a_server_that_the_cloud_does_not_wake_the_next_parked_one_is_woken_in_the_same_run() {
    let world = World::new(5);
    for (number, hour) in [(2, 14), (3, 15), (4, 16), (5, 17)] {
        world.park(number, &format!("2026-11-26T{hour}:00:00Z"));
    }
    world.api.add_pod(&user(1).memory("7Gi").on(&name(1)));
    for number in 2..=6 {
        world.api.add_pod(&user(number).memory("2Gi").unschedulable());
    }
    world.set_time("2026-11-27T08:00:00Z");
    // A locked server, and one that no host has room for: neither is woken, and both stay parked.
    world.cloud.edit(&id(2), |server| server.locked = true);
    world.cloud.edit(&id(3), |server| server.fits_no_host = true);
    let settings =
        [("GIVE_BACK", "park"), ("MIN_NODES", "1"), ("RESOURCES", "memory"), ("FORECAST", "false")];
    let ran = world.run(&settings);
    assert_eq!(ran.code, Some(0), "{:?} {}", ran.story(), ran.stderr);
    let story = ran.story();
    let instead = |of: usize, by: usize, why: &str| {
        let line = format!("wake {}: applied (node {} is woken instead: ", name(of), name(by));
        story.iter().any(|told| told.starts_with(&line) && told.contains(why))
    };
    assert!(instead(2, 4, "is locked") && instead(3, 5, "no host has room for it"), "{story:?}");
    for (number, woken) in [(2, false), (3, false), (4, true), (5, true)] {
        let server = world.cloud.server(&id(number)).unwrap();
        assert_eq!(
            (world.is_parked(number), server.done.contains(&"unshelve")),
            (!woken, number != 2 && (woken || number == 3)),
            "{number}"
        );
    }
    // The next run has nothing left to ask for: two boot, and two have just been refused.
    world.kubelets();
    let again = world.run(&settings);
    assert_eq!(again.code, Some(0), "{:?} {}", again.story(), again.stderr);
}
