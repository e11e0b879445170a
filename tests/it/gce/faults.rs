//! Every request that a run makes to Compute Engine fails in every way, and the run is killed before and after each:
//! no group is grown and no instance deleted twice, no other instance is deleted, the run reports the truth, and the
//! next one repairs the state.

use std::process::Child;

use fake_gce::{Call, Fault, GroupPath, OwnFault, Requests};
use fake_http::Desk;
use kube_rebalancer_core::model::annotation;
use serde_json::{Value, json};

use super::world::{Ran, World, until};
use super::{crowded, one_to_delete, quota, with_one_that_boots};
use crate::crash::{OfCloud, Point, Task as _, kill_at_each_request, points};
use crate::fake_api::Resource;
use crate::faults::many::complaints;

/// The task of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    /// A group of three, one of which boots, is to have seven.
    Grow,
    /// `node-10` is to be deleted, and `node-1` is not.
    Delete,
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

/// The world, and the group that a task is about.
type Here = (World, GroupPath);

const TASKS: [Task; 2] = [Task::Grow, Task::Delete];

impl crate::crash::Task for Task {
    type World = Here;

    fn start(self) -> Here {
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

    fn spawn(self, (world, _): &Here) -> Child {
        world.spawn(&["--yes"], &[])
    }

    fn is_done(self, (world, pool): &Here) -> bool {
        match self {
            Self::Grow => world.target_size(pool) == 7,
            Self::Delete => world.target_size(pool) == 1 && world.going(pool) == ["node-10"],
        }
    }

    fn harm(self, (world, pool): &Here) -> Option<String> {
        let (size, going) = (world.target_size(pool), world.going(pool));
        let sound = match self {
            Self::Grow => matches!(size, 3 | 7) && going.is_empty(),
            Self::Delete => {
                matches!((size, &*going), (2, []) | (1, [_])) && !going.contains(&"node-1".to_owned())
            }
        };
        (!sound).then(|| format!("the group is to have {size} instances, {going:?} go"))
    }

    fn after_clean_runs(self, here: &Here) -> Vec<String> {
        after_a_clean_run(self, here)
    }
}

impl OfCloud for Task {
    type Call = Call;
    type Own = OwnFault;

    fn desk((world, _): &Here) -> &Desk<Call, OwnFault> {
        &world.gce
    }
}

impl Point<Task> {
    /// Whether a run gets over one such fault here.
    fn is_overcome(&self, fault: &Fault) -> bool {
        match fault {
            Fault::TooManyRequests { .. }
            | Fault::InternalError
            | Fault::BadGateway(_)
            | Fault::Unavailable
            | Fault::Reset(_)
            | Fault::HalfBody => !self.method.starts_with("metadata."),
            // The change has happened; the run reads it.
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
    fn begin(&self, world: &World, point: &Point<Task>) {
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

/// The false statements of a run.
fn lies(point: &Point<Task>, here: &Here, ran: &Ran) -> Vec<String> {
    let mut found = Vec::new();
    let done = point.task.is_done(here);
    found.extend(point.task.harm(here));
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
    if point.task == Task::Delete && done && !is_claimed(&here.0) {
        found.push("it goes, and another run could uncordon it".to_owned());
    }
    found
}

fn is_claimed(world: &World) -> bool {
    let node = world.api.get(Resource::Nodes, None, "node-10").unwrap_or(Value::Null);
    node["metadata"]["annotations"][annotation::DELETING_UNTIL].is_string()
}

/// The errors after a further undisturbed run, after the Lease and the claim have expired.
fn after_a_clean_run(task: Task, here: &Here) -> Vec<String> {
    let (world, _) = here;
    let mut found = Vec::new();
    let mut clean = None;
    for _ in 0..2 {
        world.api.edit(Resource::Leases, Some("default"), "kube-rebalancer", |lease| {
            lease["spec"]["renewTime"] = json!("2026-01-01T00:00:00.000000Z");
        });
        if !task.is_done(here) {
            world.api.edit(Resource::Nodes, None, "node-10", |node| {
                node["metadata"]["annotations"][annotation::DELETING_UNTIL] = json!("2026-01-01T00:00:00Z");
            });
        }
        let ran = world.run(&[]);
        // A request of the previous run may arrive after the end of that run, and acquire the Lease for it.
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
    if !task.is_done(here) {
        found.push("the clean run did not make it good".to_owned());
    }
    found.extend(task.harm(here));
    found
}

#[test]
fn whatever_request_to_compute_engine_fails_nothing_is_done_twice_and_the_next_run_makes_it_good() {
    let points = points(&TASKS);
    let every =
        faults().into_iter().flat_map(|fault| [Trouble::Once(fault.clone()), Trouble::Lasting(fault)]);
    let cases: Vec<(&Point<Task>, Trouble)> = every
        .flat_map(|trouble| points.iter().map(move |point| (point, trouble.clone())))
        .filter(|(point, Trouble::Once(fault) | Trouble::Lasting(fault))| point.has_effect(fault))
        .collect();
    let found = complaints(&cases, |(point, trouble)| {
        let here = point.task.start();
        let world = &here.0;
        trouble.begin(world, point);
        let ran = world.run(&[("RUN_TIMEOUT", trouble.timeout())]);
        world.gce.behave();
        let mut found = lies(point, &here, &ran);
        if let Trouble::Once(fault) = trouble
            && point.is_overcome(fault)
            && ran.code != Some(0)
        {
            found.push(format!("{:?}, though one such fault can be got over", ran.story()));
        }
        if !found.is_empty() {
            found.push(ran.stderr);
        }
        found.extend(after_a_clean_run(point.task, &here));
        found.into_iter().map(|text| format!("{point:?} {trouble:?}: {text}")).collect()
    });
    println!("{} requests, {} cases", points.len(), cases.len());
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
}

#[test]
fn whenever_a_run_is_killed_at_compute_engine_the_next_one_makes_it_good() {
    kill_at_each_request(&TASKS);
}
