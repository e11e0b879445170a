//! Common parts of the crash tests of all providers: a run is killed before and after each of its requests, and the runs after
//! it repair the state.
#![expect(clippy::indexing_slicing, reason = "a field that a JSON value lacks reads as null")]

use std::fmt::Debug;
use std::process::Child;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use fake_http::{Desk, Moment, Named, Requests};
use serde_json::json;

use crate::fake_api::{FakeApi, Resource};
use crate::faults::many::complaints;
use crate::ran::Ran;

/// Longer than any run takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// Number of undisturbed runs after the killed one, twenty minutes apart: a claim, the Lease and `BOOT_GRACE` expire between
/// two of them.
const RUNS: usize = 4;

/// The task of a run.
pub(crate) trait Task: Copy + Debug + Sync {
    /// Both fakes, and the program between them.
    type World;

    fn start(self) -> Self::World;

    /// Starts a run.
    fn spawn(self, world: &Self::World) -> Child;

    /// Whether it is done or under way.
    fn is_done(self, world: &Self::World) -> bool;

    /// The violation of a rule that always applies, if there is one.
    fn harm(self, world: &Self::World) -> Option<String>;

    /// The errors in the state after further undisturbed runs.
    fn after_clean_runs(self, world: &Self::World) -> Vec<String>;
}

/// A task at a fake that counts its requests.
pub(crate) trait OfCloud: Task {
    type Call: Named + Clone + Send + 'static;
    type Own: Clone + Send + 'static;

    /// The desk at which requests to the cloud arrive.
    fn desk(world: &Self::World) -> &Desk<Self::Call, Self::Own>;
}

/// A task whose world has a clock and nodes that follow their machines.
pub(crate) trait Later: Task {
    fn api(world: &Self::World) -> &FakeApi;

    /// Nodes follow their machines.
    fn join(world: &Self::World);

    /// Moves the clocks to the time of the n-th further run.
    fn later(world: &Self::World, run: usize);

    /// The state of the machines, for a message.
    fn found(world: &Self::World) -> String;

    /// The final number of nodes that take users.
    fn open(self) -> usize;

    /// Whether a further run may end with code 1 all the same.
    fn may_wait(self, _ran: &Ran) -> bool {
        false
    }
}

/// One request of an undisturbed run.
#[derive(Debug, Clone)]
pub(crate) struct Point<T> {
    pub(crate) task: T,
    pub(crate) method: String,
    /// Its position among the requests of this method, from 1.
    pub(crate) nth: usize,
}

/// The time of the n-th further run, from 1.
pub(crate) fn time(run: usize) -> String {
    format!("2026-11-26T{:02}:{:02}:00Z", 18 + run / 3, 20 * (run % 3))
}

/// The end of a run.
pub(crate) fn end(run: Child) -> Ran {
    Ran::new(&run.wait_with_output().unwrap())
}

/// The requests of the tasks in undisturbed runs.
pub(crate) fn points<T: OfCloud>(tasks: &[T]) -> Vec<Point<T>> {
    let of_one = |task: &T| {
        let task = *task;
        let world = task.start();
        let ran = end(task.spawn(&world));
        assert_eq!((ran.code, task.is_done(&world)), (Some(0), true), "{:?} {}", ran.story(), ran.stderr);
        let numbered = T::desk(&world).numbered().into_iter();
        numbered.map(move |(method, nth)| Point { task, method, nth }).collect::<Vec<_>>()
    };
    tasks.iter().flat_map(of_one).collect()
}

/// [`Task::after_clean_runs`] of a world with a clock.
pub(crate) fn clean_runs<T: Later>(task: T, world: &T::World) -> Vec<String> {
    let mut found = Vec::new();
    for run in 1..=RUNS {
        T::later(world, run);
        let ran = end(task.spawn(world));
        if ran.code != Some(0) && !task.may_wait(&ran) {
            found.push(format!("clean run {run}: exit {:?}, {:?}\n{}", ran.code, ran.story(), ran.stderr));
        }
        found.extend(task.harm(world).map(|harm| format!("clean run {run}: {harm}")));
    }
    if !task.is_done(world) {
        found.push(format!("it was not made good: {}", T::found(world)));
    }
    // The waiting users are served: the number of nodes that take users is the task's.
    T::join(world);
    let open = T::api(world).all(Resource::Nodes).into_iter();
    let open = open.filter(|node| node["spec"]["unschedulable"] != json!(true)).count();
    if open != task.open() {
        found.push(format!("{open} nodes take users, not {}", task.open()));
    }
    found
}

/// Kills a run before and after each request of the tasks.
pub(crate) fn kill_at_each_request<T: OfCloud>(tasks: &[T]) {
    let points = points(tasks);
    let moments = [Moment::Before, Moment::After];
    let cases: Vec<(&Point<T>, Moment)> =
        moments.into_iter().flat_map(|moment| points.iter().map(move |point| (point, moment))).collect();
    let found = complaints(&cases, |&(point, moment)| {
        let task = point.task;
        let world = task.start();
        let mut found = Vec::new();
        let code = killed_at(point, &world, moment);
        T::desk(&world).behave();
        found.extend(task.harm(&world));
        if code.is_some() {
            found.push(format!("it was not killed but ended with {code:?}"));
        }
        found.extend(task.after_clean_runs(&world));
        found.into_iter().map(|text| format!("{point:?} {moment:?}: {text}")).collect()
    });
    println!("{} requests, {} crash points", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

/// Runs a task, and kills it at a request; `None` is the exit code of a process that was killed.
fn killed_at<T: OfCloud>(point: &Point<T>, world: &T::World, moment: Moment) -> Option<i32> {
    let child = Arc::new(Mutex::new(None));
    let (victim, (sender, killed)) = (Arc::clone(&child), mpsc::channel());
    T::desk(world).crash(&Requests::method(&point.method).nth(point.nth), moment, move |_| {
        // The process is dead, not only dying, before the request continues.
        let mut victim: Child = victim.lock().unwrap().take().unwrap();
        victim.kill().unwrap();
        sender.send(victim.wait_with_output().unwrap().status.code()).unwrap();
    });
    {
        let mut child = child.lock().unwrap();
        *child = Some(point.task.spawn(world));
    }
    killed.recv_timeout(PATIENCE).expect("the request is made")
}
