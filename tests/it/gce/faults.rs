//! Every request that a run makes to Compute Engine fails in every way, and the run is killed before and after each:
//! nothing is grown or deleted twice, no other instance goes, the run tells the truth, and the next one makes it good.

use std::process::Child;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use fake_gce::{Fault, GroupPath, Moment, OwnFault, Requests};
use kube_rebalancer_core::model::annotation;
use serde_json::{Value, json};

use super::world::{Ran, World, until};
use super::{crowded, one_to_delete, quota, with_one_that_boots};
use crate::fake_api::Resource;
use crate::faults::many::complaints;

/// Longer than any run takes.
const PATIENCE: Duration = Duration::from_mins(2);

/// What a run is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// A group of three, one of which boots, is to have seven.
    Grow,
    /// `node-10` is to be deleted, and `node-1` is not.
    Delete,
}

/// One request of an undisturbed run.
#[derive(Debug, Clone)]
struct Point {
    task: Task,
    method: String,
    /// Its position among the requests of this method, from 1.
    nth: usize,
}

#[derive(Debug, Clone)]
enum Trouble {
    Once(Fault),
    Lasting(Fault),
}

fn faults() -> Vec<Fault> {
    let own = [Fault::Own(OwnFault::PreconditionFailed), Fault::Own(OwnFault::OperationFails(quota()))];
    Fault::of_any_service(1).into_iter().chain(own).collect()
}

impl Task {
    fn start(self) -> (World, GroupPath) {
        match self {
            Self::Grow => {
                let world = with_one_that_boots();
                let pool = crowded(&world);
                world.gce.resize(&pool, 3);
                until("the third instance exists", || world.gce.machines().len() == 3);
                (world, pool)
            }
            Self::Delete => {
                let world = World::new();
                let pool = one_to_delete(&world);
                (world, pool)
            }
        }
    }

    /// The requests of a run that nothing disturbs.
    fn points(self) -> Vec<Point> {
        let (world, pool) = self.start();
        let ran = world.run(&[]);
        assert_eq!((ran.code, self.is_done(&world, &pool)), (Some(0), true), "{}", ran.stderr);
        let numbered = world.gce.numbered().into_iter();
        numbered.map(|(method, nth)| Point { task: self, method, nth }).collect()
    }

    fn is_done(self, world: &World, pool: &GroupPath) -> bool {
        match self {
            Self::Grow => world.target_size(pool) == 7,
            Self::Delete => world.target_size(pool) == 1 && world.going(pool) == ["node-10"],
        }
    }

    /// What must never be, done or not.
    fn harm(self, world: &World, pool: &GroupPath) -> Option<String> {
        let (size, going) = (world.target_size(pool), world.going(pool));
        let sound = match self {
            Self::Grow => matches!(size, 3 | 7) && going.is_empty(),
            Self::Delete => {
                matches!((size, &*going), (2, []) | (1, [_])) && !going.contains(&"node-1".to_owned())
            }
        };
        (!sound).then(|| format!("the group is to have {size} instances, {going:?} go"))
    }
}

impl Point {
    fn all() -> Vec<Self> {
        [Task::Grow, Task::Delete].into_iter().flat_map(Task::points).collect()
    }

    /// Whether a run gets over one such fault here.
    fn is_overcome(&self, fault: &Fault) -> bool {
        match fault {
            Fault::TooManyRequests { .. }
            | Fault::InternalError
            | Fault::BadGateway(_)
            | Fault::Unavailable
            | Fault::Reset(_)
            | Fault::HalfBody => !self.method.starts_with("metadata."),
            // The change has come about; it is looked up.
            Fault::MalformedJson | Fault::WrongTypes => self.changes(),
            Fault::Unauthorized
            | Fault::Forbidden
            | Fault::NotFound
            | Fault::Conflict
            | Fault::Own(_)
            | Fault::Endless
            | Fault::Slow(_)
            | Fault::Hang(_) => false,
        }
    }

    /// Only changes have operations that can fail.
    fn has_effect(&self, fault: &Fault) -> bool {
        !matches!(fault, Fault::Own(OwnFault::OperationFails(_))) || self.changes()
    }

    fn changes(&self) -> bool {
        self.method.ends_with(".resize") || self.method.ends_with(".deleteInstances")
    }
}

impl Trouble {
    fn begin(&self, world: &World, point: &Point) {
        let requests = Requests::method(&point.method);
        match self {
            Self::Once(fault) => world.gce.fail(requests.nth(point.nth), fault.clone()),
            Self::Lasting(fault) => world.gce.fail(requests.since_nth(point.nth), fault.clone()),
        }
    }

    /// As `RUN_TIMEOUT`: long enough for whatever a run gets over, short where it has to wait for the end.
    fn timeout(&self) -> &'static str {
        match self {
            Self::Once(Fault::Hang(_)) | Self::Lasting(_) => "10s",
            Self::Once(_) => "60s",
        }
    }
}

/// What a run says that is not so.
fn lies(point: &Point, world: &World, pool: &GroupPath, ran: &Ran) -> Vec<String> {
    let mut found = Vec::new();
    let done = point.task.is_done(world, pool);
    found.extend(point.task.harm(world, pool));
    if !matches!(ran.code, Some(0 | 1)) {
        found.push(format!("exit {:?}: a cloud that fails is no reason to refuse", ran.code));
        return found;
    }
    let [outcome] = ran.report["outcomes"].as_array().map(Vec::as_slice).unwrap_or_default() else {
        // The run saw the cloud incompletely and changed nothing; it must warn and exit with code 1.
        if ran.code != Some(1) || ran.warnings().is_empty() || !ran.report["outcomes"].is_null() {
            found.push(format!("exit {:?}, outcomes {}", ran.code, ran.report["outcomes"]));
        }
        return found;
    };
    let fine = matches!(outcome["outcome"].as_str(), Some("applied" | "alreadySo"));
    if fine && !done {
        found.push(format!("not done, and told so: {outcome}"));
    }
    if fine != (ran.code == Some(0)) {
        found.push(format!("exit {:?} after {outcome}", ran.code));
    }
    if !fine && outcome["message"].as_str().is_none_or(str::is_empty) {
        found.push(format!("no reason given: {outcome}"));
    }
    if point.task == Task::Delete && done && !is_claimed(world) {
        found.push("it goes, and another run could uncordon it".to_owned());
    }
    found
}

fn is_claimed(world: &World) -> bool {
    let node = world.api.get(Resource::Nodes, None, "node-10").unwrap_or(Value::Null);
    node["metadata"]["annotations"][annotation::DELETING_UNTIL].is_string()
}

/// What is wrong with the end of a further run that nothing disturbs, once the Lease and the claim have run out.
fn after_a_clean_run(task: Task, world: &World, pool: &GroupPath) -> Vec<String> {
    let mut found = Vec::new();
    let mut clean = None;
    for _ in 0..2 {
        world.api.edit(Resource::Leases, Some("default"), "kube-rebalancer", |lease| {
            lease["spec"]["renewTime"] = json!("2026-01-01T00:00:00.000000Z");
        });
        if !task.is_done(world, pool) {
            world.api.edit(Resource::Nodes, None, "node-10", |node| {
                node["metadata"]["annotations"][annotation::DELETING_UNTIL] = json!("2026-01-01T00:00:00Z");
            });
        }
        let ran = world.run(&[]);
        // A request that was still on its way when the run before had ended, and takes the Lease for it.
        let busy = ran.code == Some(4);
        clean = Some(ran);
        if !busy {
            break;
        }
    }
    if let Some(clean) = clean
        && clean.code != Some(0)
    {
        found.push(format!("the clean run: exit {:?}, {:?}\n{}", clean.code, clean.story(), clean.stderr));
    }
    if !task.is_done(world, pool) {
        found.push("the clean run did not make it good".to_owned());
    }
    found.extend(task.harm(world, pool));
    found
}

#[test]
fn whatever_request_to_compute_engine_fails_nothing_is_done_twice_and_the_next_run_makes_it_good() {
    let points = Point::all();
    let every =
        faults().into_iter().flat_map(|fault| [Trouble::Once(fault.clone()), Trouble::Lasting(fault)]);
    let cases: Vec<(&Point, Trouble)> = every
        .flat_map(|trouble| points.iter().map(move |point| (point, trouble.clone())))
        .filter(|(point, Trouble::Once(fault) | Trouble::Lasting(fault))| point.has_effect(fault))
        .collect();
    let found = complaints(&cases, |(point, trouble)| {
        let (world, pool) = point.task.start();
        trouble.begin(&world, point);
        let ran = world.run(&[("RUN_TIMEOUT", trouble.timeout())]);
        world.gce.behave();
        let mut found = lies(point, &world, &pool, &ran);
        if let Trouble::Once(fault) = trouble
            && point.is_overcome(fault)
            && ran.code != Some(0)
        {
            found.push(format!("{:?}, though one such fault can be got over", ran.story()));
        }
        if !found.is_empty() {
            found.push(ran.stderr);
        }
        found.extend(after_a_clean_run(point.task, &world, &pool));
        found.into_iter().map(|text| format!("{point:?} {trouble:?}: {text}")).collect()
    });
    println!("{} requests, {} cases", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

#[test]
fn whenever_a_run_is_killed_at_compute_engine_the_next_one_makes_it_good() {
    let points = Point::all();
    let moments = [Moment::Before, Moment::After];
    let cases: Vec<(&Point, Moment)> =
        moments.into_iter().flat_map(|moment| points.iter().map(move |point| (point, moment))).collect();
    let found = complaints(&cases, |&(point, moment)| {
        let (world, pool) = point.task.start();
        let child = Arc::new(Mutex::new(None));
        let (victim, (sender, killed)) = (Arc::clone(&child), mpsc::channel());
        world.gce.crash(&Requests::method(&point.method).nth(point.nth), moment, move |_| {
            // Dead, not only dying, before the request goes on.
            let mut victim: Child = victim.lock().unwrap().take().unwrap();
            victim.kill().unwrap();
            sender.send(victim.wait_with_output().unwrap().status.code()).unwrap();
        });
        {
            let mut child = child.lock().unwrap();
            *child = Some(world.spawn(&["--yes"], &[]));
        }
        let code = killed.recv_timeout(PATIENCE).expect("the request is made");
        world.gce.behave();
        let mut found: Vec<String> = point.task.harm(&world, &pool).into_iter().collect();
        if code.is_some() {
            found.push(format!("it was not killed but ended with {code:?}"));
        }
        found.extend(after_a_clean_run(point.task, &world, &pool));
        found.into_iter().map(|text| format!("{point:?} {moment:?}: {text}")).collect()
    });
    println!("{} requests, {} crash points", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}
