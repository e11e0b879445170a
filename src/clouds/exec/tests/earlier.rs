//! A command that time ended, or whose effect is in doubt, is not started again in the same run.

use kube_rebalancer_ports::{GroupAnswer, Provider};

use super::{World, now, world};

/// A world whose commands count their starts in a file of their name, and then do this.
fn with(body: &str) -> World {
    let mut world = world().lists_three();
    let script = |name: &str| Some(world.script(name, &format!("echo >>\"$FOLDER/{name}.starts\"; {body}")));
    let (grow, delete, park, wake) = (script("grow"), script("delete"), script("park"), script("wake"));
    let commands = &mut world.scope.commands;
    (commands.grow, commands.delete, commands.park, commands.wake) = (grow, delete, park, wake);
    world
}

fn starts(world: &World) -> [usize; 4] {
    ["grow", "delete", "park", "wake"].map(|name| world.read(&format!("{name}.starts")).lines().count())
}

/// n1 and n3 are present, n2 is parked.
fn every_change(world: &World, provider: &dyn Provider) -> Vec<GroupAnswer> {
    now(async {
        let mut answers = vec![provider.grow("pool", 3, 4).await];
        answers.extend(provider.delete(&world.instances(&["n3"])).await);
        answers.extend(provider.park(&world.instances(&["n3"])).await);
        answers.extend(provider.wake(&world.instances(&["n2"])).await);
        answers
    })
}

#[test]
fn after_a_command_that_time_ended_nothing_is_changed_any_more() {
    for stops in [false, true] {
        let world = with("sleep 1000");
        let provider = now(world.looked_within(if stops { 300_000 } else { 3000 }));
        let n1 = world.instances(&["n1"]);
        let ended = now(async {
            let stop = async {
                while stops && world.read("delete.starts").is_empty() {
                    tokio::task::yield_now().await;
                }
                if stops {
                    world.limit(0);
                }
            };
            tokio::join!(provider.delete(&n1), stop).0
        });
        assert!(matches!(&ended[..], [GroupAnswer::InDoubt(_)]), "{ended:?}");
        // The clock of the test is moved by hand: there would be time.
        world.limit(300_000);
        let told = |setting: &str| {
            let words = format!("{setting}: not started: an earlier command used up the time of the run");
            GroupAnswer::Failed(words)
        };
        let expected = ["EXEC_GROW", "EXEC_DELETE", "EXEC_PARK", "EXEC_WAKE"].map(told);
        assert_eq!(every_change(&world, provider.as_ref()), expected);
        assert_eq!(now(provider.delete(&n1)), ended, "it is not known whether it failed");
        assert_eq!(starts(&world), [0, 1, 0, 0]);
        assert_eq!(world.read("notes"), "", "growth that was not asked for is not coming");
    }
}

/// A command with less time than the lead could hardly finish.
#[test]
fn no_change_starts_in_the_lead_before_the_end_of_the_run() {
    let world = with("");
    let provider = now(world.looked_within(300_000));
    world.limit(29_999);
    let told = |setting: &str| {
        GroupAnswer::Failed(format!(
            "{setting}: not started: a command needs at least 30 s, and the run has 29 s left"
        ))
    };
    let expected = ["EXEC_GROW", "EXEC_DELETE", "EXEC_PARK", "EXEC_WAKE"].map(told);
    assert_eq!(every_change(&world, provider.as_ref()), expected);
    assert_eq!((starts(&world), world.read("notes").as_str()), ([0; 4], ""));
    world.limit(30_000);
    assert_eq!(every_change(&world, provider.as_ref()), [const { GroupAnswer::Done }; 4]);
}

/// A playbook that fails ends by SIGKILL: it may have done a part of its work.
#[test]
fn what_a_command_left_in_doubt_is_not_asked_for_again_in_this_run() {
    let world = with("kill -9 $$");
    let (provider, _) = now(world.looked()).unwrap();
    let in_doubt = |setting: &str| GroupAnswer::InDoubt(format!("{setting}: a signal ended the command"));
    // The doubt about n3 is the deletion's.
    let expected = ["EXEC_GROW", "EXEC_DELETE", "EXEC_DELETE", "EXEC_WAKE"].map(in_doubt);
    for _ in 0..3 {
        assert_eq!(every_change(&world, provider.as_ref()), expected);
        assert_eq!(starts(&world), [1, 1, 0, 1]);
    }
    // Another node is asked for, and alone.
    assert_eq!(
        now(provider.delete(&world.instances(&["n1", "n3"]))),
        [in_doubt("EXEC_DELETE"), in_doubt("EXEC_DELETE")]
    );
    let request: serde_json::Value = serde_json::from_str(&world.read("delete.in")).unwrap();
    assert_eq!((starts(&world)[1], request["nodes"].as_array().unwrap().len()), (2, 1));
    assert_eq!(request["nodes"][0]["name"], "n1");
    // The next run asks again.
    let (next, _) = now(world.looked()).unwrap();
    assert_eq!(now(next.delete(&world.instances(&["n3"]))), [in_doubt("EXEC_DELETE")]);
    assert_eq!(starts(&world)[1], 3);
}
