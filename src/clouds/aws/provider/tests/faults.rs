//! Every request fails in every way, once and lastingly, and a run ends before and after each: nothing is done twice, no other
//! instance goes, no answer says what is not so, and the next run makes it good.

use std::sync::Arc;
use std::time::Duration;

use fake_asg::{Fault, Moment, Own, Requests};
use futures_util::{StreamExt, stream};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{GroupAnswer, Provider};

use super::world::{USERS, World, node, snapshot, these, told};
use crate::client::Pace;
use crate::provider::Aws;

/// What a run is to do with a group of three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Launch,
    SetDesired,
    Delete,
}

const DEEDS: [Deed; 3] = [Deed::Launch, Deed::SetDesired, Deed::Delete];

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
    let own = [Own::Throttling, Own::ResourceContention, Own::ScalingActivityInProgress].map(Fault::Own);
    let each = Fault::of_any_service(0)
        .into_iter()
        .chain(own)
        .flat_map(|fault| [Trouble::Once(fault.clone()), Trouble::Lasting(fault)]);
    each.chain([Trouble::Crash(Moment::Before), Trouble::Crash(Moment::After)]).collect()
}

impl Deed {
    fn start(self) -> World {
        let world = World::new(3);
        world.fake.set_launch(self != Self::SetDesired);
        world
    }

    async fn ask(self, cloud: &Aws) -> GroupAnswer {
        match self {
            Self::Launch | Self::SetDesired => cloud.grow(USERS, 3, 5).await,
            Self::Delete => cloud.delete(&these(&[1])).await.into_iter().next().unwrap(),
        }
    }

    /// A run that nothing disturbs: `None` where the groups could not be listed.
    async fn run(self, world: &World) -> Option<GroupAnswer> {
        self.run_by(world.connect()).await
    }

    /// A run that gives up soon what hangs.
    async fn disturbed(self, world: &World) -> Option<GroupAnswer> {
        let mut cloud = world.connect();
        let short = Duration::from_millis(400);
        cloud.pace = Pace { attempt: short, last_look: short, tries: 2, ..cloud.pace };
        self.run_by(cloud).await
    }

    async fn run_by(self, mut cloud: Aws) -> Option<GroupAnswer> {
        let view = cloud.list(&snapshot(&[node(1), node(2), node(3)]), &Policy::default()).await.ok()?;
        if view.groups.is_empty() {
            return None;
        }
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
        match self {
            Self::Launch | Self::SetDesired => world.size() == (5, 5),
            Self::Delete => world.size() == (2, 2) && world.state(1).starts_with("Terminating"),
        }
    }
}

/// What was done and should not have been.
fn harm(deed: Deed, world: &World) -> Option<String> {
    let group = world.fake.group(USERS).unwrap();
    let going: Vec<&str> =
        group.instances.iter().filter(|one| one.goes_by.is_some()).map(|one| one.id.as_str()).collect();
    let own = super::world::id(1);
    let sound = match deed {
        Deed::Launch | Deed::SetDesired => going.is_empty() && (3..=5).contains(&group.desired),
        Deed::Delete => going.iter().all(|id| *id == own) && (2..=3).contains(&group.desired),
    };
    (!sound).then(|| format!("{going:?} are going, {} are wanted", group.desired))
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
            deed.disturbed(&world).await
        }
        Trouble::Lasting(fault) => {
            world.fake.fail(requests.since_nth(point.nth), fault.clone());
            deed.disturbed(&world).await
        }
        Trouble::Crash(moment) => {
            let (go, wait) = tokio::sync::oneshot::channel();
            let in_run = Arc::clone(&world);
            let run = tokio::spawn(async move {
                wait.await.unwrap();
                deed.disturbed(&in_run).await
            });
            let victim = run.abort_handle();
            world.fake.crash(&requests.nth(point.nth), *moment, move |_| victim.abort());
            go.send(()).unwrap();
            assert!(run.await.is_err_and(|error| error.is_cancelled()), "{point:?}: the request is made");
            None
        }
    };
    let mut found: Vec<String> = harm(deed, &world).into_iter().collect();
    found.extend(lies(deed, &world, answer.as_ref()));
    world.fake.behave();
    let again = deed.run(&world).await;
    let is_gone = deed == Deed::Delete && deed.is_done(&world);
    if !matches!(again, Some(GroupAnswer::Done | GroupAnswer::AlreadySo)) && !is_gone {
        found.push(format!("the clean run: {again:?}"));
    }
    if !deed.is_done(&world) {
        found.push("the clean run did not make it good".to_owned());
    }
    found.extend(harm(deed, &world));
    found.into_iter().map(|text| format!("{point:?} {trouble:?}: {text} (first {answer:?})")).collect()
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
    assert!(points.len() >= 3 * 8 && cases.len() == points.len() * 40, "{} requests", points.len());
    assert!(
        found.is_empty(),
        "{} requests, {} cases, {} complaints:\n{}",
        points.len(),
        cases.len(),
        found.len(),
        found.join("\n")
    );
}
