//! A run that parks, wakes, deletes or grows by commands is killed before, during and after each of them: no action is done
//! twice, and the runs after it repair the state.

use std::collections::BTreeSet;
use std::process::Child;

use super::world::{World, user};
use crate::crash::{Later, Task as _, clean_runs};
use crate::fake_api::FakeApi;
use crate::faults::many::complaints;

/// The task of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// `n3` is to be parked.
    Park,
    /// `n3` is to be deleted.
    Delete,
    /// One of the parked `n3` and `n4` is to be woken.
    Wake,
    /// The group is to have three instances in place of two.
    Grow,
}

/// One call of a command in an undisturbed run: the verb and its number.
#[derive(Debug, Clone)]
struct Point {
    task: Task,
    call: String,
}

impl Task {
    const ALL: [Self; 4] = [Self::Park, Self::Delete, Self::Wake, Self::Grow];

    fn settings(self) -> [(&'static str, &'static str); 1] {
        [("GIVE_BACK", if self == Self::Delete { "delete" } else { "park" })]
    }

    fn points(self) -> Vec<Point> {
        let world = self.start();
        let ran = world.run(&self.settings());
        let calls = world.lines("points");
        assert_eq!((ran.code, self.is_done(&world)), (Some(0), true), "{:?} {}", ran.story(), ran.stderr);
        calls.into_iter().map(|call| Point { task: self, call }).collect()
    }
}

impl crate::crash::Task for Task {
    type World = World;

    fn start(self) -> World {
        let (nodes, users) = match self {
            Self::Park | Self::Delete => (3, 6),
            Self::Wake => (4, 8),
            Self::Grow => (2, 8),
        };
        let world = World::new(nodes);
        for number in 1..=users {
            world.api.add_pod(&user(number).on(if number % 2 == 0 { "n1" } else { "n2" }));
        }
        match self {
            Self::Park | Self::Delete => world.mark("n3", &[]),
            Self::Wake => {
                for name in ["n3", "n4"] {
                    world.set_machine(name, "parked");
                    world.mark(name, &["parked-at"]);
                }
                world.join();
            }
            Self::Grow => {}
        }
        if matches!(self, Self::Wake | Self::Grow) {
            world.api.add_pod(&user(9).unschedulable());
        }
        world
    }

    fn spawn(self, world: &World) -> Child {
        world.spawn(&self.settings())
    }

    fn is_done(self, world: &World) -> bool {
        let done = world.lines("done");
        match self {
            Self::Park => done == ["park n3"],
            Self::Delete => done == ["delete n3"],
            Self::Wake => done.iter().filter(|one| one.starts_with("wake")).count() == 1,
            Self::Grow => done == ["grow 3"],
        }
    }

    fn harm(self, world: &World) -> Option<String> {
        let done = world.lines("done");
        // A marked node that is not Ready within BOOT_GRACE is broken, and is deleted as a broken one.
        let goes = |one: &String| self == Self::Wake && (one == "delete n3" || one == "delete n4");
        let sound = done.iter().all(goes) || self.is_done(world);
        (!sound).then(|| format!("{done:?}"))
    }

    fn after_clean_runs(self, world: &World) -> Vec<String> {
        clean_runs(self, world)
    }
}

impl Later for Task {
    fn api(world: &World) -> &FakeApi {
        &world.api
    }

    /// Machines are nodes as soon as a further run begins.
    fn join(_world: &World) {}

    fn later(world: &World, _run: usize) {
        world.join();
        world.later(20);
    }

    fn found(world: &World) -> String {
        format!("{:?}", world.lines("done"))
    }

    fn open(self) -> usize {
        if matches!(self, Self::Wake | Self::Grow) { 3 } else { 2 }
    }
}

/// The permissions of `PROVIDER=exec` in docs/providers.md: a run starts `EXEC_LIST`, and of the others what its plan needs.
#[test]
fn a_run_starts_the_list_and_the_one_command_that_its_plan_needs_and_nothing_else() {
    for (task, verb) in Task::ALL.into_iter().zip(["park", "delete", "wake", "grow"]) {
        let started: BTreeSet<String> = task
            .points()
            .into_iter()
            .map(|point| point.call.split(' ').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(started, BTreeSet::from(["list".to_owned(), verb.to_owned()]), "{task:?}");
    }
}

#[test]
fn whenever_a_run_is_killed_at_a_command_the_next_ones_make_it_good_and_nothing_is_done_twice() {
    let points: Vec<Point> = Task::ALL.into_iter().flat_map(Task::points).collect();
    let moments = ["before", "during", "after"];
    let cases: Vec<(&Point, &str)> =
        moments.into_iter().flat_map(|moment| points.iter().map(move |point| (point, moment))).collect();
    let found = complaints(&cases, |&(point, moment)| {
        let world = point.task.start();
        world.write("strike", &format!("{} {moment}", point.call));
        let killed = point.task.spawn(&world).wait_with_output().unwrap();
        let mut found = Vec::new();
        if killed.status.code().is_some() {
            found.push(format!("it was not killed but ended with {:?}", killed.status));
        }
        world.until_commands_ended();
        found.extend(point.task.harm(&world));
        found.extend(point.task.after_clean_runs(&world));
        found.into_iter().map(|text| format!("{point:?} {moment}: {text}")).collect()
    });
    println!("{} calls, {} crash points", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}
