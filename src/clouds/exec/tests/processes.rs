//! The processes of a command: how they end, and what outlives a run.

use std::fs;
use std::path::Path;
use std::time::Duration;

use kube_rebalancer_ports::GroupAnswer;
use tokio::time::Instant;

use super::{World, now, world};

/// Whether a process has ended, also if it is a zombie.
fn is_gone(pid: &str) -> bool {
    (0..1_000_000).any(|_| {
        std::thread::yield_now();
        match fs::read_to_string(format!("/proc/{}/stat", pid.trim())) {
            Ok(stat) => stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'),
            Err(_) => true,
        }
    })
}

#[test]
fn a_command_that_hangs_forks_and_ignores_signals_is_killed_with_all_that_it_started() {
    let mut world = world().lists_three();
    let hang = "trap '' TERM; (trap '' TERM; exec sleep 1000) & echo $! >\"$FOLDER/child\"; wait; wait";
    world.scope.commands.delete = Some(world.script("delete", hang));
    let provider = now(world.looked_within(500));
    let answers = now(provider.delete(&world.instances(&["n1"])));
    let told = "EXEC_DELETE: the command was ended: its time of 0 s expired".to_owned();
    assert_eq!(answers, [GroupAnswer::InDoubt(told)]);
    assert!(is_gone(&world.read("child")), "{}", world.read("child"));
}

#[test]
fn a_process_that_a_command_leaves_behind_does_not_hold_the_run_and_goes_on() {
    let mut world = world().lists_three();
    let leaves = "sleep 1000 & echo $! >\"$FOLDER/child\"; echo '{}'; exit 0";
    world.scope.commands.delete = Some(world.script("delete", leaves));
    let (provider, _) = now(world.looked()).unwrap();
    assert_eq!(now(provider.delete(&world.instances(&["n1"]))), [GroupAnswer::Done]);
    let child = world.read("child");
    let pid = rustix::process::Pid::from_raw(child.trim().parse().unwrap()).unwrap();
    assert!(Path::new(&format!("/proc/{}", child.trim())).exists());
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_run_that_is_dropped_takes_its_command_with_it() {
    let mut world = world().lists_three();
    world.scope.commands.delete = Some(world.script("delete", "echo $$ >\"$FOLDER/child\"; sleep 1000"));
    let (provider, _) = now(world.looked()).unwrap();
    now(async {
        let instances = world.instances(&["n1"]);
        let deleting = provider.delete(&instances);
        let started = async {
            while world.read("child").trim().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            answers = deleting => panic!("{answers:?}"),
            () = started => {}
        }
    });
    assert!(is_gone(&world.read("child")));
}

/// A body that takes a second to write its state after SIGTERM, as Terraform does.
const WRITES: &str = "trap 'sleep 1; echo written >\"$FOLDER/state\"; exit 0' TERM; echo >\"$FOLDER/ready\"; \
                      while :; do sleep 0.1; done";

/// The answer to a deletion by this command, after the run received a signal to stop, and the time that it took from there.
fn stopped(body: &str) -> (World, GroupAnswer, Duration) {
    let mut world = world().lists_three();
    world.scope.commands.delete = Some(world.script("delete", body));
    let (provider, _) = now(world.looked()).unwrap();
    let instances = world.instances(&["n1"]);
    let (mut answers, stop) = now(async {
        let stop = async {
            while !world.path("ready").exists() {
                tokio::task::yield_now().await;
            }
            world.limit(0);
            Instant::now()
        };
        tokio::join!(provider.delete(&instances), stop)
    });
    (world, answers.remove(0), stop.elapsed())
}

#[test]
fn after_a_signal_to_stop_the_command_may_write_its_state() {
    // The second one is a shell that ends at once, while its tool still works.
    for body in [WRITES.to_owned(), format!("({WRITES}) & wait")] {
        let (world, answer, took) = stopped(&body);
        let told = "EXEC_DELETE: the command was ended: the run received a signal to stop".to_owned();
        assert_eq!(
            (answer, world.read("state").as_str()),
            (GroupAnswer::InDoubt(told), "written\n"),
            "{body}"
        );
        assert!(took < Duration::from_secs(6), "{took:?}: it does not wait for nothing");
    }
}

/// A run gives up its work seven seconds after the signal.
#[test]
fn a_command_that_ignores_the_stop_is_killed_in_time() {
    let ignores =
        "trap '' TERM; echo $$ >\"$FOLDER/child\"; echo >\"$FOLDER/ready\"; while :; do sleep 0.1; done";
    let (world, answer, took) = stopped(ignores);
    assert!(matches!(answer, GroupAnswer::InDoubt(_)), "{answer:?}");
    assert!(took < Duration::from_secs(7), "{took:?}");
    assert!(is_gone(&world.read("child")));
}

/// SIGTERM comes after nine tenths of the time, and SIGKILL five seconds after its end.
#[test]
fn a_command_may_write_its_state_when_its_time_ends() {
    let mut world = world().lists_three();
    world.scope.commands.delete = Some(world.script("delete", WRITES));
    let provider = now(world.looked_within(2000));
    let began = Instant::now();
    let answers = now(provider.delete(&world.instances(&["n1"])));
    let told = "EXEC_DELETE: the command was ended: its time of 2 s expired".to_owned();
    assert_eq!((answers, world.read("state").as_str()), (vec![GroupAnswer::InDoubt(told)], "written\n"));
    let took = began.elapsed();
    assert!((Duration::from_millis(2700)..Duration::from_secs(6)).contains(&took), "{took:?}");
}
