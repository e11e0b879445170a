//! Every request fails in every way, once and lastingly, and a run ends before and after each: nothing is done twice, no
//! answer says what is not so, and the next run makes it good.

use std::sync::Arc;
use std::time::Duration;

use fake_openstack::{Fault, Moment, Requests, Status};
use futures_util::{StreamExt, stream};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{GroupAnswer, ParkBy, Provider};

use super::world::{World, id, node, snapshot, these, told};
use crate::provider::OpenStack;

/// What a run is to do with the first of two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Shelve,
    Unshelve,
    Stop,
    Start,
    Delete,
}

const DEEDS: [Deed; 5] = [Deed::Shelve, Deed::Unshelve, Deed::Stop, Deed::Start, Deed::Delete];

/// One request of an undisturbed run.
#[derive(Clone, Debug)]
struct Point {
    deed: Deed,
    method: String,
    /// The how manieth of this method, from 1.
    nth: usize,
}

#[derive(Clone, Debug)]
enum Trouble {
    Once(Fault),
    Lasting(Fault),
    /// The run ends at the request.
    Crash(Moment),
}

fn troubles() -> Vec<Trouble> {
    let each = Fault::of_any_service(0)
        .into_iter()
        .flat_map(|fault| [Trouble::Once(fault.clone()), Trouble::Lasting(fault)]);
    each.chain([Trouble::Crash(Moment::Before), Trouble::Crash(Moment::After)]).collect()
}

impl Deed {
    fn start(self) -> World {
        let park_by = if self == Self::Stop { ParkBy::Stop } else { ParkBy::Shelve };
        let mut world = World::new(2).parking_by(park_by);
        // What hangs is given up soon.
        world.pace.attempt = Duration::from_millis(400);
        world.pace.last_look = Duration::from_millis(400);
        let status = match self {
            Self::Unshelve => Status::ShelvedOffloaded,
            Self::Start => Status::Stopped,
            Self::Shelve | Self::Stop | Self::Delete => Status::Active,
        };
        world.fake.edit(&id(1), |server| server.status = status);
        world
    }

    async fn ask(self, cloud: &OpenStack) -> GroupAnswer {
        let nodes = these(&[1]);
        let answers = match self {
            Self::Shelve | Self::Stop => cloud.park(&nodes).await,
            Self::Unshelve | Self::Start => cloud.wake(&nodes).await,
            Self::Delete => cloud.delete(&nodes).await,
        };
        answers.into_iter().next().unwrap()
    }

    /// A run: `None` where the servers could not be listed.
    async fn run(self, world: &World) -> Option<GroupAnswer> {
        let mut cloud = world.connect().await.ok()?;
        let nodes = [node(1), node(2)];
        cloud.list(&snapshot(&nodes), &Policy::default()).await.ok()?;
        Some(self.ask(&cloud).await)
    }

    /// The requests of a run that nothing disturbs.
    async fn points(self) -> Vec<Point> {
        let world = self.start();
        assert_eq!(self.run(&world).await, Some(GroupAnswer::Done), "{self:?}");
        let numbered = world.fake.numbered().into_iter();
        numbered.map(|(method, nth)| Point { deed: self, method, nth }).collect()
    }

    /// Whether it is done or under way.
    fn is_done(self, world: &World) -> bool {
        let Some(server) = world.fake.server(&id(1)) else { return self == Self::Delete };
        let (status, task) = (server.status, server.task);
        match self {
            Self::Shelve => {
                matches!(status, Status::Shelved | Status::ShelvedOffloaded) || task == Some("shelving")
            }
            Self::Stop => status == Status::Stopped || task == Some("powering-off"),
            Self::Unshelve | Self::Start => {
                status == Status::Active || matches!(task, Some("unshelving" | "spawning" | "powering-on"))
            }
            Self::Delete => task == Some("deleting"),
        }
    }
}

/// What was done and should not have been.
fn harm(world: &World) -> Option<String> {
    let (first, second) = (world.done(1), world.done(2));
    let sound = first.len() <= 1 && second.is_empty();
    (!sound).then(|| format!("{first:?} was done to the server, {second:?} to the other"))
}

/// What is wrong with an answer.
fn lies(deed: Deed, world: &World, answer: Option<&GroupAnswer>) -> Option<String> {
    let done = deed.is_done(world);
    let answer = answer?;
    let is_fine = matches!(answer, GroupAnswer::Done | GroupAnswer::AlreadySo);
    if is_fine && !done {
        return Some("it is not so".to_owned());
    }
    if !is_fine && done && !matches!(answer, GroupAnswer::InDoubt(_)) {
        return Some("it is done".to_owned());
    }
    (!is_fine && told(answer).1.is_empty()).then(|| "it gives no reason".to_owned())
}

async fn attempt(point: &Point, trouble: &Trouble) -> Vec<String> {
    let world = Arc::new(point.deed.start());
    let requests = Requests::method(&point.method);
    let deed = point.deed;
    let answer = match trouble {
        Trouble::Once(fault) => {
            world.fake.fail(requests.nth(point.nth), fault.clone());
            deed.run(&world).await
        }
        Trouble::Lasting(fault) => {
            world.fake.fail(requests.since_nth(point.nth), fault.clone());
            deed.run(&world).await
        }
        Trouble::Crash(moment) => {
            let (go, wait) = tokio::sync::oneshot::channel();
            let in_run = Arc::clone(&world);
            let run = tokio::spawn(async move {
                wait.await.unwrap();
                deed.run(&in_run).await
            });
            let victim = run.abort_handle();
            world.fake.crash(&requests.nth(point.nth), *moment, move |_| victim.abort());
            go.send(()).unwrap();
            assert!(run.await.is_err_and(|error| error.is_cancelled()), "{point:?}: the request is made");
            None
        }
    };
    let mut found: Vec<String> = harm(&world).into_iter().collect();
    found.extend(lies(deed, &world, answer.as_ref()));
    world.fake.behave();
    let again = deed.run(&world).await;
    if !matches!(again, Some(GroupAnswer::Done | GroupAnswer::AlreadySo)) && !is_gone(deed, &world) {
        found.push(format!("the clean run: {again:?}"));
    }
    if !deed.is_done(&world) {
        found.push("the clean run did not make it good".to_owned());
    }
    found.extend(harm(&world));
    found.into_iter().map(|text| format!("{point:?} {trouble:?}: {text} (first {answer:?})")).collect()
}

/// A server that is going is no longer proven to a run that begins then.
fn is_gone(deed: Deed, world: &World) -> bool {
    deed == Deed::Delete && deed.is_done(world)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_request_fails_nothing_is_done_twice_and_the_next_run_makes_it_good() {
    let mut points = Vec::new();
    for deed in DEEDS {
        points.extend(deed.points().await);
    }
    let troubles = troubles();
    let cases: Vec<(&Point, &Trouble)> =
        points.iter().flat_map(|point| troubles.iter().map(move |trouble| (point, trouble))).collect();
    let trying = stream::iter(cases.iter().map(|(point, trouble)| attempt(point, trouble)));
    let found: Vec<String> = trying.buffer_unordered(24).collect::<Vec<_>>().await.concat();
    assert!(points.len() >= 5 * 5 && cases.len() == points.len() * 34, "{} requests", points.len());
    assert!(
        found.is_empty(),
        "{} requests, {} cases, {} complaints:\n{}",
        points.len(),
        cases.len(),
        found.len(),
        found.join("\n")
    );
}
