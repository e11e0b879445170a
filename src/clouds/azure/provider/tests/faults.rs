//! Every request fails in every way, once and lastingly, and a run ends before and after each: nothing is done twice, no
//! answer says what is not so, and the next run makes it good.

use std::sync::Arc;
use std::time::Duration;

use fake_azure::{Fault, Moment, Requests, ScaleSet};
use futures_util::{StreamExt, stream};
use kube_rebalancer_core::model::Node;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{GroupAnswer, Provider};

use super::world::{GROUP, SET, World, node_of, of, snapshot, told};
use crate::provider::Azure;

/// What a run is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Grow,
    Delete,
    Park,
    Wake,
    GrowPool,
    DeleteOfPool,
}

const DEEDS: [Deed; 6] =
    [Deed::Grow, Deed::Delete, Deed::Park, Deed::Wake, Deed::GrowPool, Deed::DeleteOfPool];

/// How many instances the group has at the start.
const SIZE: u32 = 3;
/// The instance that a deed is about.
const ONE: u64 = 1;

/// One request of an undisturbed run.
#[derive(Clone, Debug)]
struct Point {
    deed: Deed,
    method: String,
    /// Its position among the requests of this method, from 1.
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
    fn is_of_pool(self) -> bool {
        matches!(self, Self::GrowPool | Self::DeleteOfPool)
    }

    async fn start(self) -> World {
        let mut world = if self.is_of_pool() { World::aks(SIZE) } else { World::new(SIZE) };
        if self == Self::Wake {
            assert_eq!(world.cloud().await.park(&world.these(&[ONE])).await, [GroupAnswer::Done]);
            world.settle();
            world.fake.edit(SET, |set| set.machines.values_mut().for_each(|one| one.done.clear()));
            world.fake.forget_calls();
        }
        // What hangs is given up soon.
        world.pace.attempt = Duration::from_millis(400);
        world.pace.last_look = Duration::from_millis(400);
        world
    }

    fn set(self, world: &World) -> ScaleSet {
        if self.is_of_pool() { world.pool_set(SET) } else { world.set() }
    }

    /// The nodes of the first run, also where an instance is gone since.
    fn nodes(self, world: &World) -> Vec<Node> {
        let set = self.set(world);
        let mut nodes: Vec<Node> = (0..u64::from(SIZE)).map(|instance| node_of(&set, instance)).collect();
        if self.is_of_pool() {
            for node in &mut nodes {
                node.labels.insert("kubernetes.azure.com/agentpool".to_owned(), SET.to_owned());
            }
        }
        nodes
    }

    async fn ask(self, world: &World, cloud: &Azure) -> GroupAnswer {
        let node = self.nodes(world).swap_remove(usize::try_from(ONE).unwrap());
        let answers = match self {
            Self::Grow => vec![cloud.grow(GROUP, SIZE, SIZE + 1).await],
            Self::GrowPool => vec![cloud.grow("hub/users", SIZE, SIZE + 1).await],
            Self::Delete | Self::DeleteOfPool => cloud.delete(&[of(&node)]).await,
            Self::Park => cloud.park(&[of(&node)]).await,
            Self::Wake => cloud.wake(&[of(&node)]).await,
        };
        answers.into_iter().next().unwrap()
    }

    /// A run: `None` where the groups could not be listed.
    async fn run(self, world: &World) -> Option<GroupAnswer> {
        let mut cloud = world.connect().await.ok()?;
        cloud.list(&snapshot(&self.nodes(world)), &Policy::default()).await.ok()?;
        Some(self.ask(world, &cloud).await)
    }

    /// The requests of a run that nothing disturbs.
    async fn points(self) -> Vec<Point> {
        let world = self.start().await;
        assert_eq!(self.run(&world).await, Some(GroupAnswer::Done), "{self:?}");
        let numbered = world.fake.numbered().into_iter();
        numbered.map(|(method, nth)| Point { deed: self, method, nth }).collect()
    }

    /// Whether it is done or under way.
    fn is_done(self, world: &World) -> bool {
        let set = self.set(world);
        let machine = set.machines.get(&ONE);
        match self {
            Self::Grow | Self::GrowPool => set.capacity > SIZE,
            Self::Delete | Self::DeleteOfPool => machine.is_none_or(|one| one.provisioning == "Deleting"),
            Self::Park => {
                machine.is_some_and(|one| one.power.is_some_and(|power| power.starts_with("dealloc")))
            }
            Self::Wake => machine.is_some_and(|one| matches!(one.power, Some("running" | "starting"))),
        }
    }

    /// What was done and should not have been.
    fn harm(self, world: &World) -> Option<String> {
        let set = self.set(world);
        let too_much = match self {
            Self::Grow | Self::GrowPool => set.capacity > SIZE + 1,
            Self::Delete | Self::DeleteOfPool => set.capacity < SIZE - 1,
            Self::Park | Self::Wake => set.capacity != SIZE,
        };
        let twice = set.machines.iter().any(|(id, one)| one.done.len() > usize::from(*id == ONE));
        (too_much || twice).then(|| format!("{set:?}"))
    }
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
    let deed = point.deed;
    let world = Arc::new(deed.start().await);
    let requests = Requests::method(&point.method);
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
    let mut found: Vec<String> = deed.harm(&world).into_iter().collect();
    found.extend(lies(deed, &world, answer.as_ref()));
    world.fake.behave();
    let again = deed.run(&world).await;
    let is_fine = matches!(again, Some(GroupAnswer::Done | GroupAnswer::AlreadySo));
    if !is_fine && !is_under_way(deed, &world) {
        found.push(format!("the clean run: {again:?}"));
    }
    if !deed.is_done(&world) {
        found.push("the clean run did not make it good".to_owned());
    }
    found.extend(deed.harm(&world));
    found.into_iter().map(|text| format!("{point:?} {trouble:?}: {text} (first {answer:?})")).collect()
}

/// What a run that begins then does not ask for again: an instance that goes is no longer proven, and a pool that scales takes no
/// other change.
fn is_under_way(deed: Deed, world: &World) -> bool {
    matches!(deed, Deed::Delete | Deed::DeleteOfPool | Deed::GrowPool) && deed.is_done(world)
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
    assert!(points.len() >= 6 * 7 && cases.len() == points.len() * 34, "{} requests", points.len());
    assert!(
        found.is_empty(),
        "{} requests, {} cases, {} complaints:\n{}",
        points.len(),
        cases.len(),
        found.len(),
        found.join("\n")
    );
}
