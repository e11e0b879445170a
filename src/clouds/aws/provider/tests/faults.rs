//! Every request fails in every way, once and lastingly, and a run ends before and after each: nothing is done twice, no other
//! instance goes, no answer says what is not so, and the next run makes it good.

use std::time::Duration;

use fake_asg::{Call, Fault, Own};
use fake_http::Desk;
use kube_rebalancer_core::policy::Policy;
use kube_rebalancer_ports::{GroupAnswer, Provider};
use provider_faults::try_all;

use super::world::{USERS, World, id, node, snapshot, these};
use crate::client::Pace;
use crate::provider::Aws;

/// The task of a run with a group of three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Launch,
    SetDesired,
    Delete,
}

const DEEDS: [Deed; 3] = [Deed::Launch, Deed::SetDesired, Deed::Delete];

impl Deed {
    async fn ask(self, cloud: &Aws) -> GroupAnswer {
        match self {
            Self::Launch | Self::SetDesired => cloud.grow(USERS, 3, 5).await,
            Self::Delete => cloud.delete(&these(&[1])).await.into_iter().next().unwrap(),
        }
    }

    async fn run_by(self, mut cloud: Aws) -> Option<GroupAnswer> {
        let view = cloud.list(&snapshot(&[node(1), node(2), node(3)]), &Policy::default()).await.ok()?;
        if view.groups.is_empty() {
            return None;
        }
        Some(self.ask(&cloud).await)
    }
}

impl provider_faults::Deed for Deed {
    type World = World;
    type Call = Call;
    type Own = Own;

    fn desk(world: &World) -> &Desk<Call, Own> {
        &world.fake
    }

    async fn start(self) -> World {
        let world = World::new(3);
        world.fake.set_launch(self != Self::SetDesired);
        world
    }

    async fn run(self, world: &World) -> Option<GroupAnswer> {
        self.run_by(world.connect()).await
    }

    async fn disturbed(self, world: &World) -> Option<GroupAnswer> {
        let mut cloud = world.connect();
        let short = Duration::from_millis(400);
        cloud.pace = Pace { attempt: short, last_look: short, tries: 2, ..cloud.pace };
        self.run_by(cloud).await
    }

    fn is_done(self, world: &World) -> bool {
        match self {
            Self::Launch | Self::SetDesired => world.size() == (5, 5),
            Self::Delete => world.size() == (2, 2) && world.state(1).starts_with("Terminating"),
        }
    }

    /// A terminating instance is no longer in service.
    fn is_past_asking(self, world: &World) -> bool {
        self == Self::Delete && self.is_done(world)
    }

    fn harm(self, world: &World) -> Option<String> {
        let group = world.fake.group(USERS).unwrap();
        let going: Vec<&str> =
            group.instances.iter().filter(|one| one.goes_by.is_some()).map(|one| one.id.as_str()).collect();
        let sound = match self {
            Self::Launch | Self::SetDesired => going.is_empty() && (3..=5).contains(&group.desired),
            Self::Delete => going.iter().all(|one| *one == id(1)) && (2..=3).contains(&group.desired),
        };
        (!sound).then(|| format!("{going:?} are going, {} are wanted", group.desired))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_request_fails_nothing_is_done_twice_and_the_next_run_makes_it_good() {
    let own = [Own::Throttling, Own::ResourceContention, Own::ScalingActivityInProgress].map(Fault::Own);
    try_all(&DEEDS, &own).await.is_all_well(35, 35 * 40);
}
