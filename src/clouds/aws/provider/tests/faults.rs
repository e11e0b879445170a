//! Every request fails in every way, once and lastingly, and a run ends before and after each: nothing is done twice, no other
//! instance goes, no answer says what is not so, and the next run makes it good.

use std::time::Duration;

use fake_asg::{Call, Fault, LaunchTemplate, Own};
use fake_http::Desk;
use kube_rebalancer_core::model::Node;
use kube_rebalancer_core::model::annotation::{PARKED_AT, WOKEN_AT};
use kube_rebalancer_core::policy::{GiveBack, Policy};
use kube_rebalancer_ports::{GroupAnswer, Provider};
use provider_faults::try_all;

use super::world::{USERS, World, id, marked, node, snapshot, these};
use crate::client::Pace;
use crate::provider::Aws;

/// The task of a run with a group of three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Launch,
    SetDesired,
    Delete,
    /// The first is set aside and stopped.
    Park,
    /// The first is started and returns to service.
    Wake,
    /// The same with one whose waking broke off, before an uncordon.
    Rejoin,
}

const DEEDS: [Deed; 6] = [Deed::Launch, Deed::SetDesired, Deed::Delete, Deed::Park, Deed::Wake, Deed::Rejoin];

impl Deed {
    async fn ask(self, cloud: &Aws) -> GroupAnswer {
        match self {
            Self::Launch | Self::SetDesired => cloud.grow(USERS, 3, 5).await,
            Self::Delete => cloud.delete(&these(&[1])).await.into_iter().next().unwrap(),
            Self::Park => cloud.park(&these(&[1])).await.into_iter().next().unwrap(),
            Self::Wake => cloud.wake(&these(&[1])).await.into_iter().next().unwrap(),
            Self::Rejoin => {
                let answer = cloud.rejoin(&these(&[1])).await.into_iter().next().unwrap();
                answer.unwrap_or(GroupAnswer::AlreadySo)
            }
        }
    }

    /// The nodes, with the marks that a run writes before its requests.
    fn nodes(self) -> [Node; 3] {
        let first = match self {
            Self::Launch | Self::SetDesired | Self::Delete => node(1),
            Self::Park | Self::Wake => marked(1, PARKED_AT),
            Self::Rejoin => marked(1, WOKEN_AT),
        };
        [first, node(2), node(3)]
    }

    fn sleeps(self) -> bool {
        matches!(self, Self::Park | Self::Wake | Self::Rejoin)
    }

    async fn run_by(self, mut cloud: Aws) -> Option<GroupAnswer> {
        let give_back = if self == Self::Park { GiveBack::Park } else { GiveBack::Delete };
        let policy = Policy { give_back, ..Policy::default() };
        let view = cloud.list(&snapshot(&self.nodes()), &policy).await.ok()?;
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
        match self {
            Self::Launch => {
                // No node is Ready, so its size is read.
                world.fake.edit(USERS, |group| *group = group.clone().template("lt-1", "1"));
                world.fake.add_template("lt-1", LaunchTemplate::of(&[Some("m5.large")]));
            }
            Self::SetDesired | Self::Delete | Self::Park => {}
            Self::Wake => world.set_aside(1, "stopped"),
            Self::Rejoin => world.set_aside(1, "running"),
        }
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
            Self::Park => world.both(1) == ("Standby".to_owned(), "stopped") && world.size() == (2, 2),
            Self::Wake | Self::Rejoin => world.size() == (3, 3) && world.both(1).1 == "running",
        }
    }

    /// A terminating instance is no longer in service.
    fn is_past_asking(self, world: &World) -> bool {
        self == Self::Delete && self.is_done(world)
    }

    fn harm(self, world: &World) -> Option<String> {
        let group = world.fake.group(USERS).unwrap();
        let done = world.done(1);
        let going: Vec<&str> =
            group.instances.iter().filter(|one| one.goes_by.is_some()).map(|one| one.id.as_str()).collect();
        let sound = match self {
            Self::Launch | Self::SetDesired => going.is_empty() && (3..=5).contains(&group.desired),
            Self::Delete => going.iter().all(|one| *one == id(1)) && (2..=3).contains(&group.desired),
            // A refused step is undone, and then it is done again.
            Self::Park => {
                let deeds = done.concat();
                let undone = deeds.replace("standbyin service", "");
                going.is_empty()
                    && matches!(undone.as_str(), "" | "standby" | "standbystop")
                    && (2..=3).contains(&group.desired)
            }
            Self::Wake => {
                let deeds = done.concat().replace("startstop", "");
                going.is_empty() && matches!(deeds.as_str(), "" | "start" | "startin service")
            }
            Self::Rejoin => going.is_empty() && matches!(done.concat().as_str(), "" | "in service"),
        };
        let sound = sound && (!self.sleeps() || group.instances.len() == 3);
        (!sound).then(|| format!("{going:?} are going, {} are wanted, done: {done:?}", group.desired))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_request_fails_nothing_is_done_twice_and_the_next_run_makes_it_good() {
    let own = [Own::Throttling, Own::ResourceContention, Own::ScalingActivityInProgress].map(Fault::Own);
    try_all(&DEEDS, &own).await.is_all_well(87, 87 * 40);
}
