//! A run that parks, wakes, deletes or grows is killed before and after each of its requests to Azure: nothing is done twice, no other
//! instance changes, and the runs after it make it good.

use std::process::Child;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use fake_azure::{Moment, Requests};
use serde_json::json;

use super::world::{World, user};
use crate::fake_api::Resource;
use crate::faults::many::complaints;

/// Longer than any run takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// How many undisturbed runs there are after the killed one, twenty minutes apart: a claim, the Lease and `BOOT_GRACE` are over
/// between two of them.
const RUNS: usize = 4;

/// What a run is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// The third of three instances is to be deallocated.
    Park,
    /// It is to be deleted.
    Delete,
    /// One of two parked instances, the third and the fourth, is to be started.
    Wake,
    /// The scale set is to have three instances in place of two.
    Grow,
    /// The third of three machines of an agent pool is to be deleted.
    DeleteOfPool,
    /// An agent pool is to have three nodes in place of two.
    GrowPool,
}

/// One request of an undisturbed run.
#[derive(Debug, Clone)]
struct Point {
    task: Task,
    method: String,
    /// Its position among the requests of this method, from 1.
    nth: usize,
}

impl Task {
    const ALL: [Self; 6] =
        [Self::Park, Self::Delete, Self::Wake, Self::Grow, Self::DeleteOfPool, Self::GrowPool];

    fn settings(self) -> Vec<(&'static str, &'static str)> {
        let parks = matches!(self, Self::Park | Self::Wake);
        vec![
            ("GIVE_BACK", if parks { "park" } else { "delete" }),
            ("MIN_NODES", "2"),
            ("RESOURCES", "memory"),
        ]
    }

    fn grows(self) -> bool {
        matches!(self, Self::Wake | Self::Grow | Self::GrowPool)
    }

    fn start(self) -> World {
        let world = match self {
            Self::Park | Self::Delete => World::new(3),
            Self::Wake => World::new(4),
            Self::Grow => World::new(2),
            Self::DeleteOfPool => World::aks(3),
            Self::GrowPool => World::aks(2),
        };
        match self {
            Self::Park | Self::Delete | Self::DeleteOfPool => world.empty(2),
            Self::Wake => {
                world.park(2, "2026-11-26T10:00:00Z");
                world.park(3, "2026-11-26T11:00:00Z");
            }
            Self::Grow | Self::GrowPool => {}
        }
        let memory = if self.grows() { "7Gi" } else { "6Gi" };
        let set = world.azure.set(&world.set).unwrap();
        for instance in [0, 1] {
            let number = usize::try_from(instance).unwrap();
            world.api.add_pod(&user(number).memory(memory).on(&set.computer_name(instance)));
        }
        if self.grows() {
            world.api.add_pod(&user(9).memory("2Gi").unschedulable());
        }
        world.set_time("2026-11-26T18:00:00Z");
        world
    }

    /// The requests of a run that nothing disturbs.
    fn points(self) -> Vec<Point> {
        let world = self.start();
        let ran = world.run(&self.settings());
        assert_eq!((ran.code, self.is_done(&world)), (Some(0), true), "{:?} {}", ran.story(), ran.stderr);
        let numbered = world.azure.numbered().into_iter();
        numbered.map(|(method, nth)| Point { task: self, method, nth }).collect()
    }

    /// What was done to each instance since the start.
    fn deeds(world: &World) -> Vec<(u64, Vec<&'static str>)> {
        let set = world.azure.set(&world.set).unwrap();
        let all = set.machines.into_iter().map(|(id, machine)| (id, machine.done));
        all.filter(|(_, done)| !done.is_empty()).collect()
    }

    fn woken(deeds: &[(u64, Vec<&'static str>)]) -> usize {
        deeds.iter().filter(|(_, done)| done.contains(&"start")).count()
    }

    fn capacity(world: &World) -> u32 {
        world.azure.set(&world.set).unwrap().capacity
    }

    fn is_done(self, world: &World) -> bool {
        let deeds = Self::deeds(world);
        let is_there = |id| world.azure.set(&world.set).unwrap().machines.contains_key(&id);
        match self {
            Self::Park => deeds == [(2, vec!["deallocate"])],
            Self::Delete | Self::DeleteOfPool => !is_there(2) || deeds == [(2, vec!["delete"])],
            Self::Wake => Self::woken(&deeds) == 1,
            Self::Grow | Self::GrowPool => Self::capacity(world) == 3,
        }
    }

    /// What must never be, done or not.
    fn harm(self, world: &World) -> Option<String> {
        let (deeds, capacity) = (Self::deeds(world), Self::capacity(world));
        let sound = match self {
            Self::Park => capacity == 3 && (deeds.is_empty() || self.is_done(world)),
            // A node that is marked and does not come within BOOT_GRACE is broken, and goes as such.
            Self::Wake => {
                let may_be = |(id, done): &(u64, Vec<&str>)| {
                    matches!(id, 2 | 3) && matches!(**done, ["start" | "delete"])
                };
                deeds.iter().all(may_be) && Self::woken(&deeds) <= 1
            }
            Self::Delete | Self::DeleteOfPool => {
                matches!(capacity, 2 | 3) && deeds.iter().all(|(id, done)| *id == 2 && **done == ["delete"])
            }
            Self::Grow | Self::GrowPool => deeds.is_empty() && matches!(capacity, 2 | 3),
        };
        (!sound).then(|| format!("{deeds:?}, its capacity is {capacity}"))
    }
}

/// What is wrong once further runs had their time, which nothing disturbs.
fn after_clean_runs(task: Task, world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for run in 1..=RUNS {
        world.kubelets();
        world.set_time(&format!("2026-11-26T{:02}:{:02}:00Z", 18 + run / 3, 20 * (run % 3)));
        let ran = world.run(&task.settings());
        // A run that wakes one instance leaves the other change of that set to the next run.
        let waits = task == Task::Wake && ran.stderr.contains("its last change is not over");
        if ran.code != Some(0) && !waits {
            found.push(format!("clean run {run}: exit {:?}, {:?}\n{}", ran.code, ran.story(), ran.stderr));
        }
        found.extend(task.harm(world).map(|harm| format!("clean run {run}: {harm}")));
    }
    if !task.is_done(world) {
        let capacity = Task::capacity(world);
        found.push(format!("it was not made good: {:?}, its capacity is {capacity}", Task::deeds(world)));
    }
    // Who waited is served: as many nodes take users as the task leaves.
    world.kubelets();
    let open = world.api.all(Resource::Nodes).into_iter();
    let open = open.filter(|node| node["spec"]["unschedulable"] != json!(true)).count();
    let expected = if task.grows() { 3 } else { 2 };
    if open != expected {
        found.push(format!("{open} nodes take users, not {expected}"));
    }
    found
}

#[test]
fn whenever_a_run_is_killed_at_azure_the_next_ones_make_it_good_and_nothing_is_done_twice() {
    let points: Vec<Point> = Task::ALL.into_iter().flat_map(Task::points).collect();
    let moments = [Moment::Before, Moment::After];
    let cases: Vec<(&Point, Moment)> =
        moments.into_iter().flat_map(|moment| points.iter().map(move |point| (point, moment))).collect();
    let found = complaints(&cases, |&(point, moment)| {
        let world = point.task.start();
        let child = Arc::new(Mutex::new(None));
        let (victim, (sender, killed)) = (Arc::clone(&child), mpsc::channel());
        world.azure.crash(&Requests::method(&point.method).nth(point.nth), moment, move |_| {
            // Dead, not only dying, before the request goes on.
            let mut victim: Child = victim.lock().unwrap().take().unwrap();
            victim.kill().unwrap();
            sender.send(victim.wait_with_output().unwrap().status.code()).unwrap();
        });
        {
            let mut child = child.lock().unwrap();
            *child = Some(world.spawn(&point.task.settings()));
        }
        let code = killed.recv_timeout(PATIENCE).expect("the request is made");
        world.azure.behave();
        let mut found: Vec<String> = point.task.harm(&world).into_iter().collect();
        if code.is_some() {
            found.push(format!("it was not killed but ended with {code:?}"));
        }
        found.extend(after_clean_runs(point.task, &world));
        found.into_iter().map(|text| format!("{point:?} {moment:?}: {text}")).collect()
    });
    println!("{} requests, {} crash points", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}
