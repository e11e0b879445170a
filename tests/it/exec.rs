//! The program as a process between a fake API server and the commands of an operator.

mod crash;
mod objects;
mod volumes;
pub(crate) mod world;

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fake_api::Resource;
use crate::ran::Ran;
use world::{GROUP, World, user};

/// Two nodes without room, and four waiting users: two more nodes are needed.
fn crowded() -> World {
    let world = World::new(2);
    for number in 1..=8 {
        world.api.add_pod(&user(number).on(if number % 2 == 0 { "n1" } else { "n2" }));
    }
    for number in 9..=12 {
        world.api.add_pod(&user(number).unschedulable());
    }
    world.write("slow", "");
    world
}

const AN_HOUR: [(&str, &str); 1] = [("BOOT_GRACE", "60m")];

/// The events on the pods of waiting users: their reasons and sentences in the report.
fn told(report: &Value) -> Vec<(&str, &str)> {
    let notices = report["notices"].as_array().into_iter().flatten();
    notices.map(|notice| (notice["reason"].as_str().unwrap(), notice["message"].as_str().unwrap())).collect()
}

#[test]
fn a_playbook_that_takes_fifteen_minutes_is_started_once_and_its_nodes_count_as_coming() {
    let world = crowded();
    for minute in 0..15 {
        let ran = world.run(&AN_HOUR);
        assert_eq!(ran.code, Some(0), "minute {minute}: {:?} {}", ran.story(), ran.stderr);
        let pool = &ran.report["pools"][0];
        let told = told(&ran.report);
        match minute {
            0 => {
                assert_eq!(ran.story(), [format!("grow {GROUP}: applied")]);
                assert_eq!(pool["after"]["created"], 2, "{pool}");
            }
            // Four more come: one node more than is coming already, in place of three.
            7 => {
                assert_eq!(ran.story(), [format!("grow {GROUP}: applied")], "minute {minute}");
                assert_eq!(
                    (&pool["before"]["instancesWithoutNode"], &pool["after"]["created"]),
                    (&2.into(), &1.into())
                );
            }
            _ => {
                assert_eq!(ran.story(), [""; 0], "minute {minute}");
                let coming = if minute < 7 { 2 } else { 3 };
                let counted = (&pool["before"]["instancesWithoutNode"], &pool["after"]["booting"]);
                assert_eq!(counted, (&coming.into(), &coming.into()), "minute {minute}: {pool}");
            }
        }
        let waiting = if minute < 7 { 4 } else { 8 };
        let promised = told.iter().filter(|(reason, _)| *reason == "TriggeredScaleUp").count();
        assert_eq!((told.len(), promised), (waiting, waiting), "minute {minute}: {told:?}");
        assert!(world.note().is_some(), "minute {minute}");
        world.later(1);
        if minute == 6 {
            for number in 13..=16 {
                world.api.add_pod(&user(number).unschedulable());
            }
        }
    }
    assert_eq!(world.lines("done"), ["grow 4", "grow 5"]);

    // The machines boot, and the waiting users are scheduled.
    for number in 3..=5 {
        world.set_machine(&format!("n{number}"), "present");
    }
    world.join();
    for number in 9..=16 {
        let node = format!("n{}", 3 + number % 2);
        world.api.remove(Resource::Pods, Some("users"), &format!("user-{number}"));
        world.api.add_pod(&user(number).on(&node));
    }
    let ran = world.run(&AN_HOUR);
    assert_eq!((ran.code, ran.story()), (Some(0), Vec::<String>::new()), "{}", ran.stderr);
    assert_eq!(ran.report["pools"][0]["before"]["instancesWithoutNode"], 0);
    assert_eq!(world.lines("done"), ["grow 4", "grow 5"]);
}

/// In a pod the command ends with the run at the latest: it gets SIGTERM at once and the time to write its state.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test measures the time of a real process")]
fn a_run_that_is_stopped_ends_its_playbook_by_sigterm_and_notes_the_growth_as_coming() {
    let world = crowded();
    world.write("hangs", "");
    let run = world.spawn(&AN_HOUR);
    World::until("the playbook works", || !world.lines("hanging").is_empty());
    assert!(Command::new("kill").args(["-TERM", &run.id().to_string()]).status().unwrap().success());
    let stopped = Instant::now();
    let ran = Ran::new(&run.wait_with_output().unwrap());
    assert!(stopped.elapsed() < Duration::from_secs(10), "{:?}", stopped.elapsed());
    assert_eq!(world.lines("done"), ["state written"]);
    let told = "EXEC_GROW: the command was ended: the run received a signal to stop";
    assert_eq!(ran.story(), [format!("grow {GROUP}: failed ({told})")], "{:?} {}", ran.code, ran.stderr);
    assert!(world.note().is_some(), "it may be on its way");
}

/// Section 3, by the first sighting: one `BOOT_GRACE` it boots, the next one it keeps its group from growing, then no run waits.
#[test]
fn machines_without_a_time_that_never_become_nodes_do_not_keep_users_waiting_for_ever() {
    let world = crowded();
    world.set_machine("n3", "creating");
    world.set_machine("n4", "creating");
    for (minutes, late) in [(0, false), (59, false), (2, true), (58, true)] {
        world.later(minutes);
        let ran = world.run(&AN_HOUR);
        assert_eq!((ran.code, ran.story()), (Some(0), Vec::new()), "{minutes}: {}", ran.stderr);
        // A late one keeps the group from growing, by this rule or as a node that was of no use (section 5).
        let warned = ran.report.to_string().contains("node group kubespray is not grown in this run: ");
        assert_eq!(warned, late, "{minutes}: {}", ran.report);
    }
    // The run after an hour recorded that they never registered: the pause of section 5 lasts an hour from then on.
    world.later(3);
    let ran = world.run(&AN_HOUR);
    assert_eq!((ran.code, ran.story()), (Some(0), vec![format!("grow {GROUP}: applied")]), "{}", ran.stderr);
    let report = ran.report.to_string();
    assert!(report.contains("EXEC_LIST names instance n4 without createdAt"), "{report}");
}

#[test]
fn after_a_run_is_killed_while_the_playbook_works_no_other_run_starts_it_again() {
    let world = crowded();
    world.write("strike", "grow 1 during");
    let killed = world.spawn(&AN_HOUR).wait_with_output().unwrap();
    assert_eq!(killed.status.code(), None);
    // The command is in a separate process group: it continues.
    world.until_commands_ended();
    assert!(world.note().is_some());
    for _ in 0..10 {
        world.later(5);
        let ran = world.run(&AN_HOUR);
        assert_eq!((ran.code, ran.story()), (Some(0), Vec::<String>::new()), "{}", ran.stderr);
        assert_eq!(ran.report["pools"][0]["before"]["instancesWithoutNode"], 2);
    }
    assert_eq!(world.lines("done"), ["grow 4"]);
    // No node was Ready within BOOT_GRACE: the failed request is repeated.
    world.later(15);
    let ran = world.run(&AN_HOUR);
    assert_eq!((ran.code, ran.story()), (Some(0), vec![format!("grow {GROUP}: applied")]), "{}", ran.stderr);
}
