//! A run that deletes or grows is killed before and after each of its requests to AWS: nothing is done twice, no other instance
//! goes, and the runs after it make it good.

use std::process::Child;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use fake_asg::{Moment, Requests};
use serde_json::json;

use super::world::{USERS, World, id, name, user};
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
    /// The third of three instances is to go.
    Delete,
    /// The group is to have three instances in place of two, by a launch.
    Launch,
    /// The same on an account without launches.
    SetDesired,
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
    const ALL: [Self; 3] = [Self::Delete, Self::Launch, Self::SetDesired];
    const SETTINGS: [(&'static str, &'static str); 1] = [("MIN_NODES", "2")];

    fn start(self) -> World {
        let world = World::new(if self == Self::Delete { 3 } else { 2 });
        world.cloud.set_launch(self != Self::SetDesired);
        if self == Self::Delete {
            world.empty(3);
        } else {
            world.api.add_pod(&user(9).memory("2Gi").unschedulable());
        }
        let memory = if self == Self::Delete { "6Gi" } else { "7Gi" };
        for number in 1..=2 {
            world.api.add_pod(&user(number).memory(memory).on(&name(number)));
        }
        world
    }

    /// The requests of a run that nothing disturbs.
    fn points(self) -> Vec<Point> {
        let world = self.start();
        let ran = world.run(&Self::SETTINGS);
        assert_eq!((ran.code, self.is_done(&world)), (Some(0), true), "{:?} {}", ran.story(), ran.stderr);
        let numbered = world.cloud.numbered().into_iter();
        numbered.map(|(method, nth)| Point { task: self, method, nth }).collect()
    }

    fn is_done(self, world: &World) -> bool {
        match self {
            Self::Delete => world.size() == 2 && world.going(3) == [3],
            Self::Launch | Self::SetDesired => world.size() == 3,
        }
    }

    /// What must never be, done or not.
    fn harm(self, world: &World) -> Option<String> {
        let group = world.cloud.group(USERS).unwrap();
        let others = group.activities.iter().filter(|one| one.description.starts_with("Terminating"));
        let others: Vec<&str> = others
            .filter(|one| {
                let is_own = self == Self::Delete && one.description.contains(&id(3));
                one.cause != "a request" || !is_own
            })
            .map(|one| one.description.as_str())
            .collect();
        let terminated = world.going(2);
        let sound = others.is_empty() && terminated.is_empty() && matches!(group.desired, 2 | 3);
        (!sound).then(|| format!("{others:?}, {terminated:?} go, {} are wanted", group.desired))
    }
}

/// What is wrong once further runs had their time, which nothing disturbs.
fn after_clean_runs(task: Task, world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for run in 1..=RUNS {
        world.set_time(&format!("2026-11-26T{:02}:{:02}:00Z", 18 + run / 3, 20 * (run % 3)));
        world.join();
        let ran = world.run(&Task::SETTINGS);
        if ran.code != Some(0) {
            found.push(format!("clean run {run}: exit {:?}, {:?}\n{}", ran.code, ran.story(), ran.stderr));
        }
        found.extend(task.harm(world).map(|harm| format!("clean run {run}: {harm}")));
    }
    if !task.is_done(world) {
        found.push(format!("it was not made good: {} are wanted, {:?} go", world.size(), world.going(3)));
    }
    // As many nodes take users as the task leaves.
    world.join();
    let open = world.api.all(Resource::Nodes).into_iter();
    let open = open.filter(|node| node["spec"]["unschedulable"] != json!(true)).count();
    let expected = if task == Task::Delete { 2 } else { 3 };
    if open != expected {
        found.push(format!("{open} nodes take users, not {expected}"));
    }
    found
}

#[test]
fn whenever_a_run_is_killed_at_aws_the_next_ones_make_it_good_and_nothing_is_done_twice() {
    let points: Vec<Point> = Task::ALL.into_iter().flat_map(Task::points).collect();
    let moments = [Moment::Before, Moment::After];
    let cases: Vec<(&Point, Moment)> =
        moments.into_iter().flat_map(|moment| points.iter().map(move |point| (point, moment))).collect();
    let found = complaints(&cases, |&(point, moment)| {
        let world = point.task.start();
        let child = Arc::new(Mutex::new(None));
        let (victim, (sender, killed)) = (Arc::clone(&child), mpsc::channel());
        world.cloud.crash(&Requests::method(&point.method).nth(point.nth), moment, move |_| {
            // Dead, not only dying, before the request goes on.
            let mut victim: Child = victim.lock().unwrap().take().unwrap();
            victim.kill().unwrap();
            sender.send(victim.wait_with_output().unwrap().status.code()).unwrap();
        });
        {
            let mut child = child.lock().unwrap();
            *child = Some(world.spawn(&Task::SETTINGS));
        }
        let code = killed.recv_timeout(PATIENCE).expect("the request is made");
        world.cloud.behave();
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
