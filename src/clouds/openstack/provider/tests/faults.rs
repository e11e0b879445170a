//! Every request fails in every way, once and lastingly, and a run ends before and after each: nothing is done twice, no
//! answer says what is not so, and the next run makes it good.

use std::convert::Infallible;
use std::time::Duration;

use fake_http::Desk;
use fake_openstack::{Call, Status};
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{GroupAnswer, ParkBy, Provider};
use kube_rebalancer_rest::Pace;
use provider_faults::try_all;

use super::world::{World, id, node, snapshot, these};
use crate::provider::OpenStack;

/// The task of a run with the first of two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Shelve,
    Unshelve,
    Stop,
    Start,
    Delete,
}

const DEEDS: [Deed; 5] = [Deed::Shelve, Deed::Unshelve, Deed::Stop, Deed::Start, Deed::Delete];

impl Deed {
    async fn ask(self, cloud: &OpenStack) -> GroupAnswer {
        let nodes = these(&[1]);
        let answers = match self {
            Self::Shelve | Self::Stop => cloud.park(&nodes).await,
            Self::Unshelve | Self::Start => cloud.wake(&nodes).await,
            Self::Delete => cloud.delete(&nodes).await,
        };
        answers.into_iter().next().unwrap()
    }

    async fn run_by(self, mut cloud: OpenStack) -> Option<GroupAnswer> {
        let nodes = [node(1), node(2)];
        cloud.list(&snapshot(&nodes), &Policy::default()).await.ok()?;
        Some(self.ask(&cloud).await)
    }
}

impl provider_faults::Deed for Deed {
    type World = World;
    type Call = Call;
    type Own = Infallible;

    fn desk(world: &World) -> &Desk<Call, Infallible> {
        &world.fake
    }

    async fn start(self) -> World {
        let park_by = if self == Self::Stop { ParkBy::Stop } else { ParkBy::Shelve };
        let world = World::new(2).parking_by(park_by);
        let status = match self {
            Self::Unshelve => Status::ShelvedOffloaded,
            Self::Start => Status::Stopped,
            Self::Shelve | Self::Stop | Self::Delete => Status::Active,
        };
        world.fake.edit(&id(1), |server| server.status = status);
        world
    }

    async fn run(self, world: &World) -> Option<GroupAnswer> {
        self.run_by(world.connect().await.ok()?).await
    }

    async fn disturbed(self, world: &World) -> Option<GroupAnswer> {
        let short = Duration::from_millis(400);
        let pace = Pace { attempt: short, last_look: short, ..world.pace };
        self.run_by(world.connect_at(pace).await.ok()?).await
    }

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

    /// A server that is going is no longer proven to a run that begins then.
    fn is_past_asking(self, world: &World) -> bool {
        self == Self::Delete && self.is_done(world)
    }

    fn harm(self, world: &World) -> Option<String> {
        let (first, second) = (world.done(1), world.done(2));
        let sound = first.len() <= 1 && second.is_empty();
        (!sound).then(|| format!("{first:?} was done to the server, {second:?} to the other"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_request_fails_nothing_is_done_twice_and_the_next_run_makes_it_good() {
    try_all(&DEEDS, &[]).await.is_all_well(28, 28 * 34);
}
